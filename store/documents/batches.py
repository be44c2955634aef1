"""One act on several documents: a new version of each in one transaction, or of none.

Each document gets an event, which names the act. The contents are computed before the transaction.
The transaction writes only if no document has changed since it was read.
"""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bson import ObjectId

from store.content.field_paths import changed_paths
from store.documents import heads
from store.documents.publishing import next_position, put_in_force, record_event
from store.errors import InvalidInput, MultipleErrors, Path, Problem, RegistryError, WrongState
from store.idempotency import IdempotencyKey
from store.kinds.kinds import Kinds
from store.log.log import Log
from store.mongo.connection import Database, Row
from store.mongo.indexes import BY_PLACE
from store.mongo.rows import HEAD, document_from, event_from
from store.mongo.transactions import Transaction
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
    """The next version of one document.

    Attributes:
        document: As last read.
        content: The whole content, validated.
        latest: The number of the newest version that the document must still have.
        published: The number of the published version that the document must still have.
        publish: Whether to publish the new version.
        derived_from: The template version that the content comes from.
        restored_from: The number of the version that the content was taken from.
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
    """Which documents of an owner; a condition that is None does not restrict the list.

    Archived documents are never included.
    """

    kinds: Sequence[str] | None = None
    ids: Sequence[str] | None = None
    states: Sequence[DocumentState] | None = None

    def where(self) -> list[Row]:
        """Return MongoDB conditions; user input is only a value in them."""
        conditions: list[Row] = [{"state": {"$ne": str(DocumentState.ARCHIVED)}}]
        if self.states is not None:
            conditions.append({"state": {"$in": [str(state) for state in self.states]}})
        if self.kinds is not None:
            conditions.append({"kind": {"$in": list(self.kinds)}})
        if self.ids is not None:
            conditions.append({"_id": {"$in": sorted(set(self.ids))}})
        return conditions


class Batches:
    """Acts on several documents of one registry."""

    def __init__(self, database: Database, log: Log, kinds: Kinds) -> None:
        self._database = database
        self._log = log
        self._kinds = kinds

    async def owned(
        self, principal: str, owner: Owner, which: OwnedFilter, after: str = ""
    ) -> list[Document]:
        """Read the next hundred documents of an owner, by id, after the id `after`."""
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
        """Read the events of an act, in order; an empty list for an unknown act."""
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
        """Write the next version of each document, and publish it where `publish` is set.

        Args:
            principal: Key of the principal that owns all the documents, itself or its clinics.
            contents: One for each document, different from its newest one. The caller limits their
                number.
            drafted: The action of the event of a version that stays a draft.
            published: The action of the event of a version that is published.
            act: Who writes and why.
            counts: Stored with the idempotency key, for a retry.
            key: Makes a retry safe.

        Returns:
            The last event. `target` is the act's id, None where there was nothing to write.

        Raises:
            MultipleErrors: Documents have changed since they were read; there is one error for each
                of them. Nothing was written.
            InvalidInput: A content is too large.
        """
        batch = f"{_PREFIX}{principal}.{ObjectId()}"

        async def change(transaction: Transaction) -> Saved:
            _refuse_changed(transaction, contents)
            saved = Saved(counts=counts)
            for new in contents:
                saved = await self._write(
                    transaction, act, new, published if new.publish else drafted, batch
                )
                # Yield to the event loop: hundreds of contents are hashed here.
                await asyncio.sleep(0)
            return Saved(event=saved.event, counts=counts, target=batch if contents else None)

        if not contents and key is None:
            return Saved(counts=counts)
        return await self._log.submit(
            principal, change, documents=[new.document.id for new in contents], key=key, alone=True
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
                    Problem(problem.code, problem.message, (*error_path(before), *problem.path))
                    for problem in refusal.problems
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
    """Return the path that names one document in the errors of an act on several documents."""
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
