"""What one group commit does inside one MongoDB transaction.

A change reads heads and stages its writes, which reach MongoDB with `flush`; those of a large
group's first heads sooner, so that MongoDB works on
them while the other changes are made. A change that is refused takes back what it staged, so that
the others in the same group go on without it.
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from secrets import token_hex
from typing import Any

from pymongo import InsertOne, ReplaceOne, UpdateMany, UpdateOne

from store.errors import InvalidInput, NotFound
from store.mongo.chunks import chunks
from store.mongo.connection import Database, Row, Session
from store.mongo.rows import document_from, document_row, event_row, version_from, version_row
from store.records import Act, Action, Document, Event, Saved, Version

Operation = InsertOne[Row] | ReplaceOne[Row] | UpdateOne | UpdateMany


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """A caller's key, made unique per actor, and what the call asked for."""

    id: str
    fingerprint: str

    def refuse_other(self, fingerprint: str) -> None:
        """Refuse a key that was used with other input."""
        if fingerprint != self.fingerprint:
            raise InvalidInput.at(
                ("idempotencyKey",),
                "IDEMPOTENCY_KEY_REUSED",
                "Nyckeln är redan använd för ett annat anrop. Välj en ny nyckel.",
            )


class Transaction:
    """The state of one principal's log while a group of changes is applied to it.

    Attributes:
        principal: Key of the principal whose log is written.
        at: The time of all its events: the server's, but never before the log's last.
        session: For reads that must see the transaction's snapshot.
    """

    def __init__(
        self, database: Database, session: Session, principal: str, sequence: int, at: datetime
    ) -> None:
        self.principal = principal
        self.at = at
        self.session = session
        self._database = database
        self._sequence = sequence
        self._heads: dict[str, Document] = {}
        self._changed: dict[str, None] = {}
        self._rows: dict[str, list[Operation]] = defaultdict(list)
        self._keys: dict[str, Row] = {}
        self._versions: dict[tuple[str, int], Version] = {}
        self._released: set[tuple[str, int]] = set()
        self._sending: asyncio.Task[None] | None = None

    @property
    def next_sequence(self) -> int:
        """The number that the next event gets."""
        return self._sequence + 1

    async def prefetch(self, documents: Iterable[str], keys: Iterable[str]) -> None:
        """Read the heads and idempotency keys of a whole group in one round trip each."""
        await self.load(documents)
        if ids := sorted(set(keys)):
            rows = await self._database.find(
                "idempotency_keys", {"_id": {"$in": ids}}, session=self.session
            )
            self._keys = {row["_id"]: row for row in rows}

    def document(self, document_id: str) -> Document:
        """A prefetched head, as earlier changes of the group left it.

        Raises:
            NotFound: There is none in this principal's log.
        """
        try:
            return self._heads[document_id]
        except KeyError:
            raise NotFound("Dokumentet finns inte.", ("id",)) from None

    async def known(self, document_id: str) -> Document | None:
        """A head as `document` has it, read now if it was not prefetched; None where there is none."""
        if document_id not in self._heads:
            await self.load([document_id])
        return self._heads.get(document_id)

    async def load(self, documents: Iterable[str]) -> None:
        """Read more heads, those not read before, in one round trip."""
        ids = sorted(set(documents) - self._heads.keys())
        rows = (
            await self.find("documents", {"_id": {"$in": ids}, "principal": self.principal})
            if ids
            else []
        )
        self._heads.update({row["_id"]: document_from(row) for row in rows})

    async def find(self, collection: str, where: Row, **options: Any) -> list[Row]:
        """Rows as the snapshot has them.

        What the group staged is not among them, or only in part: such changes are applied alone.
        """
        await self.settled()
        return await self._database.find(collection, where, session=self.session, **options)

    async def version(self, document_id: str, number: int) -> Version:
        """A version, staged or stored.

        Raises:
            NotFound: The document has no version with that number.
        """
        if (staged := self._versions.get((document_id, number))) is not None:
            return staged
        rows = await self.find("versions", {"document": document_id, "number": number})
        if not rows:
            raise NotFound(f"Version {number} finns inte.", ("version",))
        return version_from(rows[0])

    async def was_released(self, head: Document, number: int) -> bool:
        """Whether a version has been in force before."""
        if number > head.highest_released:
            return False
        return (head.id, number) in self._released or bool(
            await self.find("events", {"document": head.id, "released": number})
        )

    def put(self, document: Document) -> None:
        """Stage a head, new or changed."""
        self._heads[document.id] = document
        self._changed[document.id] = None

    def add_version(self, version: Version, changed: Iterable[str]) -> None:
        """Stage a new version; `changed` are the paths of its values that the version before had
        not, or otherwise (`store.content.field_paths`).
        """
        self._versions[version.document, version.number] = version
        self._rows["versions"].append(InsertOne(version_row(version, changed)))

    def record(
        self, act: Act, action: Action, *, released: int | None = None, **told: Any
    ) -> Event:
        """Stage the next event of the log: who, what, when and why.

        Args:
            act: Who does it.
            action: What is done.
            released: The version that this act puts in force for the first time.
            told: The event's other fields.
        """
        self._sequence += 1
        event = Event(
            principal=self.principal,
            sequence=self._sequence,
            action=action,
            at=self.at,
            actor=act.actor,
            note=act.note,
            request_id=act.request_id,
            **told,
        )
        self._rows["events"].append(InsertOne(event_row(event, released=released)))
        if event.document and released is not None:
            self._released.add((event.document, released))
        return event

    def write(self, collection: str, *operations: Operation) -> None:
        """Stage other rows, written in this order within their collection."""
        self._rows[collection].extend(operations)

    def replayed(self, key: IdempotencyKey) -> Row | None:
        """What the first call with this key led to; None for a new key.

        Raises:
            InvalidInput: The key was used with other input.
        """
        row = self._keys.get(key.id)
        if row is not None:
            key.refuse_other(row["fingerprint"])
        return row

    def remember(self, key: IdempotencyKey, saved: Saved) -> None:
        """Stage the result under its key, so that the call can be repeated safely."""
        row: Row = {
            "_id": key.id,
            "fingerprint": key.fingerprint,
            "created_at": self.at,
            "principal": self.principal,
            "document": saved.document.id if saved.document else None,
            "version": saved.version.number if saved.version else None,
            "sequence": saved.event.sequence if saved.event else None,
            "skipped": [
                {"row": row.row, "value": row.value, "reason": str(row.reason)}
                for row in saved.skipped
            ],
            "counts": dict(saved.counts),
            "target": saved.target,
        }
        self._keys[key.id] = row
        self._rows["idempotency_keys"].append(InsertOne(row))

    def checkpoint(self) -> "Checkpoint":
        """The staged state, to come back to if a change is refused."""
        return Checkpoint(
            sequence=self._sequence,
            heads=dict(self._heads),
            changed=dict(self._changed),
            lengths={name: len(rows) for name, rows in self._rows.items()},
            keys=dict(self._keys),
            versions=dict(self._versions),
            released=set(self._released),
        )

    def back_to(self, checkpoint: "Checkpoint") -> None:
        """Forget what was staged since."""
        self._sequence = checkpoint.sequence
        self._heads = checkpoint.heads
        self._changed = checkpoint.changed
        self._keys = checkpoint.keys
        self._versions = checkpoint.versions
        self._released = checkpoint.released
        for name, rows in self._rows.items():
            del rows[checkpoint.lengths.get(name, 0) :]

    def send_heads(self) -> None:
        """Begin to write the heads that are staged, while others are made.

        It takes some turns of the loop until they are on their way.
        """
        self._sending = asyncio.create_task(self._write("documents", self._replacements()))

    async def settled(self) -> None:
        """Wait until MongoDB has answered what was begun here: a session does one thing at a time.

        Raises:
            PyMongoError: It was not done.
        """
        if (sending := self._sending) is not None:
            await asyncio.wait([sending])
            self._sending = None
            sending.result()

    async def flush(self) -> None:
        """Write all that is staged."""
        await self.settled()
        self._rows["documents"] += self._replacements()
        rows = {name: operations for name, operations in self._rows.items() if operations}
        if not rows:
            return
        for name, operations in rows.items():
            await self._write(name, operations)
        # Numbers come again after a backup is restored, times too where a clock was ahead once: the
        # mark never does.
        last = {"sequence": self._sequence, "at": self.at, "mark": token_hex(8)}
        await self._database["logs"].update_one(
            {"_id": self.principal}, {"$set": last}, session=self.session
        )

    def _replacements(self) -> list[Operation]:
        heads = [self._heads[document_id] for document_id in self._changed]
        self._changed.clear()
        return [ReplaceOne({"_id": head.id}, document_row(head), upsert=True) for head in heads]

    async def _write(self, collection: str, operations: Sequence[Operation]) -> None:
        async for some in chunks(operations):
            await self._database[collection].bulk_write(some, session=self.session)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a transaction had staged at one point."""

    sequence: int
    heads: dict[str, Document]
    changed: dict[str, None]
    lengths: dict[str, int]
    keys: dict[str, Row]
    versions: dict[tuple[str, int], Version]
    released: set[tuple[str, int]]
