"""Documents of any kind: create, update, publish, activate, deactivate, restore, archive; each one
event, in the change's transaction.

Invariant: versions are appended, never changed; what is in force moves only by an act that says so.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from bson import ObjectId

from store.clinics.assigning import assign_after_restore
from store.content.field_paths import changed_leaves
from store.content.hashing import ChainCheck, Verification
from store.documents import heads
from store.documents.heads import NewDocument
from store.documents.publishing import (
    archived,
    audience_of,
    next_position,
    put_in_force,
    record_event,
    reopened,
)
from store.errors import WrongState
from store.kinds.kinds import Kind, Kinds
from store.log.log import Log
from store.mongo.connection import Database, Row
from store.mongo.rows import HEAD, SUMMARY, document_from, summary_from, version_from
from store.mongo.transactions import IdempotencyKey, Transaction
from store.records import (
    Act,
    Action,
    Content,
    Derivation,
    Document,
    DocumentState,
    Owner,
    Saved,
    Summary,
    Version,
)

Edit = Callable[[Content], Content]
"""From the newest content to the next one; raises InvalidInput to refuse."""


class Documents:
    """The documents of one registry."""

    def __init__(self, database: Database, log: Log, kinds: Kinds) -> None:
        self._database = database
        self._log = log
        self._kinds = kinds

    # ---------------------------------------------------------------- reading

    async def get_many(self, ids: Iterable[str]) -> Mapping[str, Document]:
        """Heads by id, those that exist, in one round trip."""
        return {row["_id"]: document_from(row) for row in await self._rows(ids, HEAD)}

    async def summaries(self, ids: Iterable[str]) -> Mapping[str, Summary]:
        """Summaries by id, of those that exist, in one round trip."""
        return {row["_id"]: summary_from(row) for row in await self._rows(ids, SUMMARY)}

    async def _rows(self, ids: Iterable[str], shown: Mapping[str, int]) -> list[Row]:
        return await self._database.find(
            "documents", {"_id": {"$in": sorted(set(ids))}}, projection=shown
        )

    async def in_force(self, principal: str, among: Iterable[str]) -> Mapping[str, int]:
        """The number of the version in force of each of some of a principal's own documents that
        clinics can have.
        """
        assignable = [kind.name for kind in self._kinds if kind.assignable]
        where: Row = {
            "owner.key": principal,
            "kind": {"$in": assignable},
            "published": {"$ne": None},
            "state": {"$ne": str(DocumentState.ARCHIVED)},
            "_id": {"$in": sorted(set(among))},
        }
        return {
            row["_id"]: row["published"]
            for row in await self._database.find("documents", where, projection={"published": 1})
        }

    async def get_versions(
        self, keys: Iterable[tuple[str, int]]
    ) -> Mapping[tuple[str, int], Version]:
        """Versions by (document, number), those that exist, in one round trip."""
        ids = sorted({f"{document}.{number}" for document, number in keys})
        versions = map(version_from, await self._database.find("versions", {"_id": {"$in": ids}}))
        return {(version.document, version.number): version for version in versions}

    async def verify(self, head: Document) -> Verification:
        """Recompute the hash chain over all versions of a document, in flat memory, and hold the
        head against it.
        """
        check = ChainCheck()
        published: Version | None = None
        newest: Version | None = None
        after = 0
        while rows := await self._database.find(
            "versions",
            {"document": head.id, "number": {"$gt": after}},
            sort=[("number", 1)],
            limit=200,
        ):
            for row in rows:
                version = _readable(row)
                check.add(row["number"], version)
                newest = version
                published = version if row["number"] == head.published else published
            after = rows[-1]["number"]
        verdict = check.result(latest=head.latest, head_hash=head.hash)
        if not verdict.intact:
            return verdict
        if newest is not None and newest.content != head.content:
            return replace(verdict, intact=False, first_broken_version=newest.number)
        if (head.published or head.highest_released) and (
            published is None or published.content != head.content_in_force
        ):
            number = min(head.published or head.highest_released, head.latest)
            return replace(verdict, intact=False, first_broken_version=number)
        return verdict

    # ---------------------------------------------------------------- writing

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
        """Make a document with its first version, a draft.

        Args:
            kind: Of the document.
            principal: Key of the principal whose log it writes to.
            owner: The principal itself or one of its clinics.
            content: The whole content, validated, at most 1 MiB as BSON.
            derived_from: The template version that it was made from.
            act: Who writes and why.
            key: For a safe repeat.
        """
        birth = NewDocument(
            id=f"{kind.prefix}_{ObjectId()}", kind=kind, principal=principal, owner=owner
        )

        async def change(transaction: Transaction) -> Saved:
            head, version = heads.created(
                birth,
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
        """Append the next version of a document, and put it in force if asked.

        Args:
            document: As last read; the transaction reads it again.
            edit: The new content from the newest one.
            expected_version: The number that the caller last read, from 1.
            publish: Also put it in force, in the same act.
            act: Who writes and why.
            key: For a safe repeat.

        Returns:
            The stored version, `number == expected_version + 1`; the newest one and no event where
            content is equal and nothing is to publish.

        Raises:
            VersionConflict: Someone saved first. Nothing was written.
            WrongState: The document is archived.
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
            transaction.add_version(version, changed_leaves(newest, content, kind.fields))
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
        """Put a version in force, the newest or an earlier one. No change where it is in force
        already.

        Raises:
            NotFound: There is no such version.
            VersionConflict: There is a newer version than the caller knows of.
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
            WrongState: It is not deactivated.
        """
        return await self._switch(
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
        """Hide an active document from residents; it stays with the clinics.

        Raises:
            WrongState: It is not active.
        """
        return await self._switch(
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
        """End a document: it leaves the clinics that have it, and only reading and restore remain.

        Raises:
            WrongState: It is archived already.
        """
        kind = self._kinds[document.kind]

        async def change(transaction: Transaction) -> Saved:
            head = transaction.document(document.id)
            heads.expect(head, expected_version)
            heads.refuse_archived(head)
            return archived(transaction, act, Action.ARCHIVED, kind, head)

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
        """Write an earlier version's content as a new version, and the template version that it was
        made from.

        Earlier versions stay, and what is in force too unless `publish`. No new version where both
        are the newest's already.

        An archived document comes back: as a draft if it was never published, else deactivated
        (active with `publish`), at the clinics that had it.

        Raises:
            NotFound: There is no such version.
            VersionConflict: There is a newer version than the caller knows of.
        """
        kind = self._kinds[document.kind]

        async def change(transaction: Transaction) -> Saved:
            before = transaction.document(document.id)
            heads.expect(before, expected_version)
            source = await transaction.version(before.id, version)
            position = next_position(transaction)
            head = before
            if before.state is DocumentState.ARCHIVED:
                head = await reopened(transaction, before, publish=publish, position=position)
            content = kind.upcast(source.content, source.schema_version)
            made = None
            newest = kind.upcast(before.content, before.schema_version)
            if content != newest or source.derived_from != before.derived_from:
                head, made = heads.revised(
                    kind,
                    head,
                    content,
                    act=act,
                    position=position,
                    derived_from=source.derived_from,
                    restored_from=version,
                )
                transaction.add_version(made, changed_leaves(newest, content, kind.fields))
            if publish and (made or head.published != head.latest):
                saved = await put_in_force(
                    transaction,
                    act,
                    Action.RESTORED,
                    kind,
                    head,
                    head.latest,
                    before=before,
                    restored_from=version,
                )
            elif made is None and head is before:
                return Saved(document=head, version=await transaction.version(head.id, head.latest))
            else:
                tells_of = made or await transaction.version(head.id, head.latest)
                # What is back from the archive is at its clinics again, though not shown to
                # residents.
                told = (
                    audience_of(kind, head)
                    if before.archived_sequence is not None and head.published
                    else {}
                )
                saved = record_event(
                    transaction,
                    act,
                    Action.RESTORED,
                    head,
                    version=tells_of,
                    number=head.latest,
                    restored_from=version,
                    **told,
                )
            if before.archived_sequence is not None:
                await assign_after_restore(transaction, act, head, before.archived_sequence)
            return replace(saved, document=transaction.document(document.id))

        return await self._log.submit(
            document.principal, change, documents=[document.id], key=key, alone=True
        )

    async def _switch(
        self,
        document: Document,
        action: Action,
        needed: DocumentState,
        wanted: DocumentState,
        expected_version: int,
        act: Act,
        key: IdempotencyKey | None,
    ) -> Saved:
        kind = self._kinds[document.kind]

        async def change(transaction: Transaction) -> Saved:
            head = transaction.document(document.id)
            heads.expect(head, expected_version)
            if head.state is not needed:
                raise WrongState(
                    f"Det går bara när dokumentet är {_STATE_NAMES[needed]}; nu är det"
                    f" {_STATE_NAMES[head.state]}.",
                    head.state,
                )
            switched = heads.switched(head, wanted, at=transaction.at)
            return record_event(
                transaction,
                act,
                action,
                switched,
                **audience_of(kind, head),
                resident_visible=kind.resident_visible,
            )

        return await self._log.submit(document.principal, change, documents=[document.id], key=key)


def _readable(row: Row) -> Version | None:
    """The version in a row; None for one that was changed behind our back so that it is none any
    more.
    """
    try:
        return version_from(row)
    except (KeyError, TypeError, ValueError, AttributeError):
        return None


_STATE_NAMES = {
    DocumentState.DRAFT: "ett utkast",
    DocumentState.ACTIVE: "aktivt",
    DocumentState.INACTIVE: "inaktiverat",
    DocumentState.ARCHIVED: "arkiverat",
}
