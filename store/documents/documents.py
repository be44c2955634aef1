"""Documents of any kind: create, update, publish, activate, deactivate, archive, restore.

Each act writes one event, in the transaction of the change. Versions are appended, never changed.
Only an act that publishes changes the published version.
"""

from collections.abc import Callable

from bson import ObjectId

from store.content.field_paths import changed_paths
from store.documents import archiving, heads
from store.documents.heads import NewDocument
from store.documents.publishing import audience_of, next_position, put_in_force, record_event
from store.documents.reading import DocumentReader
from store.errors import WrongState
from store.idempotency import IdempotencyKey
from store.kinds.kinds import Kind, Kinds
from store.log.log import Log
from store.mongo.connection import Database
from store.mongo.transactions import Transaction
from store.records import (
    Act,
    Action,
    Content,
    Derivation,
    Document,
    DocumentState,
    Owner,
    Saved,
)

Edit = Callable[[Content], Content]
"""Returns the next content for the newest one; raises InvalidInput to refuse."""

_STATE_NAMES = {
    DocumentState.DRAFT: "ett utkast",
    DocumentState.ACTIVE: "aktivt",
    DocumentState.INACTIVE: "inaktiverat",
    DocumentState.ARCHIVED: "arkiverat",
}


class Documents(DocumentReader):
    """The documents of one registry."""

    def __init__(self, database: Database, log: Log, kinds: Kinds) -> None:
        super().__init__(database, kinds)
        self._log = log

    async def create(
        self,
        kind: Kind,
        *,
        principal: str,
        owner: Owner,
        content: Content,
        derived_from: Derivation | None,
        act: Act,
        key: IdempotencyKey | None = None,
    ) -> Saved:
        """Create a document with its first version, a draft.

        Args:
            kind: Of the document.
            principal: Key of the principal whose log the document belongs to.
            owner: The principal itself or one of its clinics.
            content: The whole content, validated, at most 1 MiB as BSON.
            derived_from: The template version that it was made from.
            act: Who writes and why.
            key: Makes a retry safe.

        Raises:
            InvalidInput: The content is too large.
        """
        new = NewDocument(
            id=f"{kind.prefix}_{ObjectId()}", kind=kind, principal=principal, owner=owner
        )

        async def change(transaction: Transaction) -> Saved:
            head, version = heads.created(
                new,
                content,
                derived_from=derived_from,
                act=act,
                position=next_position(transaction),
            )
            transaction.add_version(version, ())
            return record_event(transaction, act, Action.CREATED, head, version=version, number=1)

        return await self._log.submit(principal, change, key=key)

    async def update(
        self,
        document: Document,
        *,
        edit: Edit,
        expected_version: int,
        publish: bool,
        act: Act,
        key: IdempotencyKey | None = None,
    ) -> Saved:
        """Append the next version of a document, and publish it if `publish` is set.

        Args:
            document: As last read; the transaction reads it again.
            edit: Returns the new content for the newest one.
            expected_version: The number that the caller last read, from 1.
            publish: Also publish it, in the same act.
            act: Who writes and why.
            key: Makes a retry safe.

        Returns:
            The stored version, `number == expected_version + 1`. Without an event, the newest
            version: the content is equal and there is nothing to publish.

        Raises:
            VersionConflict: Someone saved first. Nothing was written.
            WrongState: The document is archived.
            InvalidInput: `edit` refused, or the content is too large.

        Source: MongoDB manual, "Keep a History of Document Versions".
        """
        kind = self._kinds[document.kind]

        async def change(transaction: Transaction) -> Saved:
            before = transaction.document(document.id)
            heads.expect(before, expected_version)
            heads.refuse_archived(before)
            newest = kind.upcast(before.content, before.schema_version)
            content = edit(newest)
            if content == newest:
                if publish and before.published != before.latest:
                    return await put_in_force(
                        transaction, act, Action.PUBLISHED, kind, before, before.latest
                    )
                return Saved(
                    document=before, version=await transaction.version(before.id, before.latest)
                )
            head, version = heads.revised(
                kind,
                before,
                content,
                act=act,
                position=next_position(transaction),
                derived_from=before.derived_from,
            )
            transaction.add_version(version, changed_paths(newest, content, kind.fields))
            if publish:
                return await put_in_force(
                    transaction, act, Action.PUBLISHED, kind, head, version.number, before=before
                )
            return record_event(
                transaction, act, Action.EDITED, head, version=version, number=version.number
            )

        return await self._log.submit(document.principal, change, documents=[document.id], key=key)

    async def publish(
        self,
        document: Document,
        *,
        version: int,
        expected_version: int,
        act: Act,
        key: IdempotencyKey | None = None,
    ) -> Saved:
        """Publish a version, the newest or an earlier one.

        Nothing is written if it is the published version already.

        Raises:
            NotFound: There is no such version.
            VersionConflict: There is a newer version than `expected_version`.
            WrongState: The document is archived.
        """
        kind = self._kinds[document.kind]

        async def change(transaction: Transaction) -> Saved:
            head = transaction.document(document.id)
            heads.expect(head, expected_version)
            heads.refuse_archived(head)
            if head.published == version:
                return Saved(document=head, version=await transaction.version(head.id, version))
            return await put_in_force(transaction, act, Action.PUBLISHED, kind, head, version)

        return await self._log.submit(document.principal, change, documents=[document.id], key=key)

    async def activate(
        self,
        document: Document,
        *,
        expected_version: int,
        act: Act,
        key: IdempotencyKey | None = None,
    ) -> Saved:
        """Show a deactivated document to residents again.

        Raises:
            VersionConflict: There is a newer version than `expected_version`.
            WrongState: The document is not deactivated.
        """
        return await self._change_state(
            document,
            Action.ACTIVATED,
            DocumentState.INACTIVE,
            DocumentState.ACTIVE,
            expected_version,
            act,
            key,
        )

    async def deactivate(
        self,
        document: Document,
        *,
        expected_version: int,
        act: Act,
        key: IdempotencyKey | None = None,
    ) -> Saved:
        """Hide an active document from residents; it stays assigned to its clinics.

        Raises:
            VersionConflict: There is a newer version than `expected_version`.
            WrongState: The document is not active.
        """
        return await self._change_state(
            document,
            Action.DEACTIVATED,
            DocumentState.ACTIVE,
            DocumentState.INACTIVE,
            expected_version,
            act,
            key,
        )

    async def archive(
        self,
        document: Document,
        *,
        expected_version: int,
        act: Act,
        key: IdempotencyKey | None = None,
    ) -> Saved:
        """Archive a document: its assignments end, and it can only be read and restored.

        Raises:
            VersionConflict: There is a newer version than `expected_version`.
            WrongState: The document is archived already.
        """
        kind = self._kinds[document.kind]

        async def change(transaction: Transaction) -> Saved:
            head = transaction.document(document.id)
            heads.expect(head, expected_version)
            heads.refuse_archived(head)
            return archiving.archive(transaction, act, Action.ARCHIVED, kind, head)

        return await self._log.submit(
            document.principal, change, documents=[document.id], key=key, alone=True
        )

    async def restore(
        self,
        document: Document,
        *,
        version: int,
        expected_version: int,
        publish: bool,
        act: Act,
        key: IdempotencyKey | None = None,
    ) -> Saved:
        """Write an earlier version's content and derivation as a new version.

        Earlier versions stay. The published version changes only with `publish`. No new version is
        written where the newest one has that content and derivation already.

        An archived document leaves the archive, and is assigned again to the clinics that had it.
        It becomes active with `publish`, otherwise a draft if it was never published, otherwise
        deactivated.

        Raises:
            NotFound: There is no such version.
            VersionConflict: There is a newer version than `expected_version`.
        """
        kind = self._kinds[document.kind]

        async def change(transaction: Transaction) -> Saved:
            before = transaction.document(document.id)
            heads.expect(before, expected_version)
            return await archiving.restore(transaction, act, kind, before, version, publish=publish)

        return await self._log.submit(
            document.principal, change, documents=[document.id], key=key, alone=True
        )

    async def _change_state(
        self,
        document: Document,
        action: Action,
        required: DocumentState,
        target: DocumentState,
        expected_version: int,
        act: Act,
        key: IdempotencyKey | None,
    ) -> Saved:
        kind = self._kinds[document.kind]

        async def change(transaction: Transaction) -> Saved:
            head = transaction.document(document.id)
            heads.expect(head, expected_version)
            if head.state is not required:
                raise WrongState(
                    f"Det går bara när dokumentet är {_STATE_NAMES[required]}; nu är det"
                    f" {_STATE_NAMES[head.state]}.",
                    head.state,
                )
            changed = heads.with_state(head, target, at=transaction.at)
            return record_event(
                transaction,
                act,
                action,
                changed,
                **audience_of(kind, head),
                resident_visible=kind.resident_visible,
            )

        return await self._log.submit(document.principal, change, documents=[document.id], key=key)
