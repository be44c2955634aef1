"""One act on several documents: a new version of each, all in one transaction or none, each with an
event of its own that names the act.

The contents are made outside the transaction; in it every document must still stand as it was read.
"""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bson import ObjectId

from store.content.field_paths import changed_paths
from store.documents import heads
from store.documents.publishing import next_position, put_in_force, record_event
from store.errors import InvalidInput, MultipleErrors, Path, Problem, RegistryError, WrongState
from store.kinds.kinds import Kinds
from store.log.log import Log
from store.mongo.connection import Database, Row
from store.mongo.indexes import BY_PLACE
from store.mongo.rows import HEAD, document_from, event_from
from store.mongo.transactions import IdempotencyKey, Transaction
from store.records import (
    Act,
    Action,
    Content,
    Derivation,
    Document,
    DocumentState,
    Event,
    Owner,
    Saved,
)

_PREFIX = "bt_"
_READ = 100


@dataclass(frozen=True, slots=True)
class NewContent:
    """What a document's next version holds, and how the document stood when that was made.

    `latest` and `published` are the numbers that it must still have; `restored_from` is the version
    that the content was taken from.
    """

    document: Document
    content: Content
    latest: int
    published: int | None
    publish: bool
    derived_from: Derivation | None
    restored_from: int | None = None


@dataclass(frozen=True, slots=True)
class OwnedFilter:
    """Which of someone's documents; what is None does not matter.

    Archived ones are never among them.
    """

    kinds: Sequence[str] | None = None
    ids: Sequence[str] | None = None
    states: Sequence[DocumentState] | None = None

    def where(self) -> list[Row]:
        """As MongoDB's filter; what users give is only ever a value in it."""
        conditions: list[Row] = [{"state": {"$ne": str(DocumentState.ARCHIVED)}}]
        if self.states is not None:
            conditions.append({"state": {"$in": [str(state) for state in self.states]}})
        if self.kinds is not None:
            conditions.append({"kind": {"$in": list(self.kinds)}})
        if self.ids is not None:
            conditions.append({"_id": {"$in": sorted(set(self.ids))}})
        return conditions


class Batches:
    """The acts on several documents of one registry."""

    def __init__(self, database: Database, log: Log, kinds: Kinds) -> None:
        self._database = database
        self._log = log
        self._kinds = kinds

    async def owned(
        self, principal: str, owner: Owner, which: OwnedFilter, after: str = ""
    ) -> list[Document]:
        """The next hundred documents that someone owns, by id."""
        where = {
            "$and": [
                {"principal": principal, "owner.key": owner.key, "_id": {"$gt": after}},
                *which.where(),
            ]
        }
        rows = await self._database.find(
            "documents", where, sort=[("_id", 1)], limit=_READ, projection=HEAD, hint=BY_PLACE
        )
        return [document_from(row) for row in rows]

    async def events(self, batch: str) -> list[Event]:
        """The events of an act, in order; none where there is no such act."""
        principal, dot, _ = batch.removeprefix(_PREFIX).rpartition(".")
        if not dot or not batch.startswith(_PREFIX):
            return []
        rows = await self._database.find(
            "events", {"principal": principal, "batch": {"$eq": batch}}, sort=[("sequence", 1)]
        )
        return [event_from(row) for row in rows]

    async def write(
        self,
        principal: str,
        contents: Sequence[NewContent],
        *,
        drafted: Action,
        published: Action,
        act: Act,
        counts: dict[str, int],
        key: IdempotencyKey | None,
    ) -> Saved:
        """Write the next version of each document, and put it in force where asked: one act.

        Args:
            principal: Key of the principal whose documents, or whose clinics', they all are.
            contents: One for each document, each other than its newest. The caller bounds how many.
            drafted: What the event of a version that stays a draft tells.
            published: What the event of one that is put in force tells.
            act: Who writes and why.
            counts: Kept with the idempotency key, for a repeat.
            key: For a safe repeat.

        Returns:
            The last of the events; `target` is the act's id, None where there was nothing to write.

        Raises:
            MultipleErrors: Documents have been changed since they were read: each one is named. Nothing
                was written.
            InvalidInput: A content is too large.
        """
        batch = f"{_PREFIX}{principal}.{ObjectId()}"

        async def change(transaction: Transaction) -> Saved:
            _refuse_changed(transaction, contents)
            saved = Saved(counts=counts)
            for one in contents:
                saved = await self._write(
                    transaction, act, one, published if one.publish else drafted, batch
                )
                await asyncio.sleep(
                    0
                )  # hundreds of contents are hashed here: others get their turn
            return Saved(event=saved.event, counts=counts, target=batch if contents else None)

        if not contents and key is None:
            return Saved(counts=counts)
        return await self._log.submit(
            principal, change, documents=[one.document.id for one in contents], key=key, alone=True
        )

    async def _write(
        self, transaction: Transaction, act: Act, new: NewContent, action: Action, batch: str
    ) -> Saved:
        before = transaction.document(new.document.id)
        kind = self._kinds[before.kind]
        try:
            head, version = heads.revised(
                kind,
                before,
                new.content,
                act=act,
                position=next_position(transaction),
                derived_from=new.derived_from,
                restored_from=new.restored_from,
            )
        except InvalidInput as refusal:
            raise InvalidInput(
                [
                    Problem(one.code, one.message, (*error_path(before), *one.path))
                    for one in refusal.problems
                ]
            ) from None
        changed = changed_paths(
            kind.upcast(before.content, before.schema_version), new.content, kind.fields
        )
        transaction.add_version(version, changed)
        if not new.publish:
            return record_event(
                transaction,
                act,
                action,
                head,
                version=version,
                number=version.number,
                restored_from=new.restored_from,
                batch=batch,
            )
        return await put_in_force(
            transaction,
            act,
            action,
            kind,
            head,
            version.number,
            before=before,
            restored_from=new.restored_from,
            batch=batch,
        )


def error_path(document: Document) -> Path:
    """Where an error of an act on several documents names one of them."""
    return ("documents", document.id)


def _refuse_changed(transaction: Transaction, contents: Iterable[NewContent]) -> None:
    refusals: list[RegistryError] = []
    for new in contents:
        head = transaction.document(new.document.id)
        try:
            heads.refuse_archived(head, error_path(head))
            heads.expect(head, new.latest, error_path(head))
            if head.published != new.published:
                raise WrongState(
                    "En annan version har publicerats sedan dokumentet lästes.",
                    head.state,
                    error_path(head),
                )
        except RegistryError as refusal:
            refusals.append(refusal)
    if refusals:
        raise MultipleErrors(refusals)
