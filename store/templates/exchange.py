"""Templates that come from another principal as a file, and the versions that go into one.

An imported document is a new one with a chain of its own. Each version that was imported names its
origin, which its hash covers. At one owner the
same origin is imported into one document only: importing a later version of it makes that
document's next version.
"""

from collections.abc import Sequence

from bson import ObjectId

from store.content.field_paths import changed_paths
from store.documents import heads
from store.documents.heads import NewDocument
from store.documents.publishing import next_position, record_event
from store.errors import InvalidInput
from store.kinds.kinds import Kind
from store.log.log import Log
from store.mongo.connection import Database
from store.mongo.rows import document_from, version_from
from store.mongo.transactions import IdempotencyKey, Transaction
from store.records import Act, Action, Content, Derivation, Document, Origin, Owner, Saved, Version

_BATCH = 100


class TemplateExchange:
    """The exchange of one registry's templates."""

    def __init__(self, database: Database, log: Log) -> None:
        self._database = database
        self._log = log

    async def versions(self, document: Document, *, after: int) -> Sequence[Version]:
        """The next versions of a document, at most a hundred, oldest first, up to its newest as it
        was read.
        """
        where = {"document": document.id, "number": {"$gt": after, "$lte": document.latest}}
        return [
            version_from(row)
            for row in await self._database.find(
                "versions", where, sort=[("number", 1)], limit=_BATCH
            )
        ]

    async def imported(self, owner: str, origin: str) -> tuple[Document, Version] | None:
        """What was imported from a document at an owner before, and its newest version."""
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

    async def take_in(
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
        """Write an imported version: of a new document, or the next one of that which the same
        origin was imported into before.

        Args:
            kind: Of the document.
            principal: Key of the principal whose log it writes to.
            owner: The principal itself or one of its clinics.
            content: The whole content, validated.
            origin: The version that it comes from.
            derived_from: The same, where the registry has it.
            act: Who writes and why.
            key: For a safe repeat.

        Returns:
            The stored version, a draft; no event where this very version was imported last.

        Raises:
            InvalidInput: What was imported before has been changed here since; code
                `CHANGED_SINCE_IMPORT`.
            WrongState: What was imported before is archived.
        """

        async def change(transaction: Transaction) -> Saved:
            rows = await transaction.find(
                "documents", {"owner.key": owner.key, "origin.document": origin.document}
            )
            position = next_position(transaction)
            if not rows:
                birth = NewDocument(
                    id=f"{kind.prefix}_{ObjectId()}", kind=kind, principal=principal, owner=owner
                )
                head, version = heads.created(
                    birth,
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
            if not goes_on(before, newest, origin):
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


def goes_on(before: Document, newest: Version, origin: Origin) -> bool:
    """Whether importing a version makes the next version of what was imported before; False where
    it is what was imported last.

    Raises:
        InvalidInput: It has been changed here since.
        WrongState: It is archived.
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
