"""Importing templates from another principal's file, and reading the versions for such a file.

The first import creates a document with a hash chain of its own. Each imported version names its
origin, which its hash covers. An owner has at most one document from the same origin: importing a
later version of the origin writes that document's next version.
"""

from collections.abc import Sequence

from bson import ObjectId

from store.content.field_paths import changed_paths
from store.documents import heads
from store.documents.heads import NewDocument
from store.documents.publishing import next_position, record_event
from store.errors import InvalidInput
from store.idempotency import IdempotencyKey
from store.kinds.kinds import Kind
from store.log.log import Log
from store.mongo.connection import Database
from store.mongo.rows import document_from, version_from
from store.mongo.transactions import Transaction
from store.records import Act, Action, Content, Derivation, Document, Origin, Owner, Saved, Version

_BATCH = 100


class TemplateExchange:
    """Imports and reads one registry's exchanged templates."""

    def __init__(self, database: Database, log: Log) -> None:
        self._database = database
        self._log = log

    async def versions(self, document: Document, *, after: int) -> Sequence[Version]:
        """Read the next versions of a document, at most a hundred, oldest first.

        Args:
            document: As last read; later versions are not read.
            after: The number of the last version that the caller has.
        """
        where = {"document": document.id, "number": {"$gt": after, "$lte": document.latest}}
        return [
            version_from(row)
            for row in await self._database.find(
                "versions", where, sort=[("number", 1)], limit=_BATCH
            )
        ]

    async def imported(self, owner: str, origin: str) -> tuple[Document, Version] | None:
        """Read the document that an owner imported from an origin, and its newest version.

        Args:
            owner: Key of the owner.
            origin: Id of the original document.
        """
        row = await self._database.find_one(
            "documents", {"owner.key": owner, "origin.document": origin}
        )
        if row is None:
            return None
        document = document_from(row)
        [newest] = await self._database.find(
            "versions", {"document": document.id, "number": document.latest}
        )
        return document, version_from(newest)

    async def import_version(
        self,
        kind: Kind,
        *,
        principal: str,
        owner: Owner,
        content: Content,
        origin: Origin,
        derived_from: Derivation | None,
        act: Act,
        key: IdempotencyKey | None = None,
    ) -> Saved:
        """Write an imported version, as a new document or as the next version of an earlier import.

        Args:
            kind: Of the document.
            principal: Key of the principal whose log the document belongs to.
            owner: The principal itself or one of its clinics.
            content: The whole content, validated.
            origin: The version that the content is imported from.
            derived_from: That version, where this registry has it.
            act: Who writes and why.
            key: Makes a retry safe.

        Returns:
            The stored version, a draft. Without an event if this version is the last one imported.

        Raises:
            InvalidInput: The document has been changed since the last import; code
                `CHANGED_SINCE_IMPORT`. Or the content is too large.
            WrongState: The document of the earlier import is archived.
        """

        async def change(transaction: Transaction) -> Saved:
            rows = await transaction.find(
                "documents", {"owner.key": owner.key, "origin.document": origin.document}
            )
            position = next_position(transaction)
            if not rows:
                new = NewDocument(
                    id=f"{kind.prefix}_{ObjectId()}", kind=kind, principal=principal, owner=owner
                )
                head, version = heads.created(
                    new,
                    content,
                    derived_from=derived_from,
                    act=act,
                    position=position,
                    origin=origin,
                )
                transaction.add_version(version, ())
                return record_event(
                    transaction, act, Action.CREATED, head, version=version, number=1
                )
            before = document_from(rows[0])
            newest = await transaction.version(before.id, before.latest)
            if not continues_import(before, newest, origin):
                return Saved(document=before, version=newest)
            head, version = heads.revised(
                kind,
                before,
                content,
                act=act,
                position=position,
                derived_from=derived_from,
                origin=origin,
            )
            transaction.add_version(
                version,
                changed_paths(
                    kind.upcast(before.content, before.schema_version), content, kind.fields
                ),
            )
            return record_event(
                transaction, act, Action.EDITED, head, version=version, number=version.number
            )

        return await self._log.submit(principal, change, key=key, alone=True)


def continues_import(before: Document, newest: Version, origin: Origin) -> bool:
    """Whether an import writes the next version; False if that version was the last one imported.

    Args:
        before: The document of the earlier import.
        newest: Its newest version.
        origin: The version to import.

    Raises:
        InvalidInput: The document has been changed since the last import; code
            `CHANGED_SINCE_IMPORT`.
        WrongState: The document is archived.
    """
    if before.origin == origin:
        return False
    heads.refuse_archived(before, ("file",))
    if newest.origin is None:
        message = (
            f"Mallen är redan hämtad hit och ändrad här sedan dess ({before.id}). Jämför och ändra"
            " den, eller hämta till en annan ägare."
        )
        raise InvalidInput.at(("file",), "CHANGED_SINCE_IMPORT", message)
    return True
