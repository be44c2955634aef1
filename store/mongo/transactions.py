"""The state of one group commit inside one MongoDB transaction.

A change reads heads and stages its writes. `flush` sends the staged writes to MongoDB. In a large
group the first heads are sent earlier, so that MongoDB writes them while the other changes are
made. A refused change is rolled back to a savepoint, so that the others in its group continue.
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from secrets import token_hex
from typing import Any

from pymongo import InsertOne, ReplaceOne, UpdateMany, UpdateOne

from store.errors import NotFound
from store.idempotency import IdempotencyKey
from store.mongo.chunks import chunks
from store.mongo.connection import Database, Row, Session
from store.mongo.rows import document_from, document_row, event_row, version_from, version_row
from store.records import Act, Action, Document, Event, Saved, Version

Operation = InsertOne[Row] | ReplaceOne[Row] | UpdateOne | UpdateMany


class Transaction:
    """The state of one principal's log while a group of changes is applied to it.

    Attributes:
        principal: Key of the principal whose log is written.
        at: The time of all its events: the server's time, but never before the log's last event.
        session: The session for reads from the transaction's snapshot.
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
        self._sending_heads: asyncio.Task[None] | None = None

    @property
    def next_sequence(self) -> int:
        """The sequence number of the next event."""
        return self._sequence + 1

    async def prefetch(self, documents: Iterable[str], keys: Iterable[str]) -> None:
        """Read the heads and the idempotency keys of a whole group, one round trip each."""
        await self.load(documents)
        if ids := sorted(set(keys)):
            rows = await self._database.find(
                "idempotency_keys", {"_id": {"$in": ids}}, session=self.session
            )
            self._keys = {row["_id"]: row for row in rows}

    def document(self, document_id: str) -> Document:
        """Return a head that was read before, with the changes that the group has staged.

        Raises:
            NotFound: This principal's log has no such document.
        """
        try:
            return self._heads[document_id]
        except KeyError:
            raise NotFound("Dokumentet finns inte.", ("id",)) from None

    async def find_document(self, document_id: str) -> Document | None:
        """Return a head, read now if it was not read before; None without one."""
        if document_id not in self._heads:
            await self.load([document_id])
        return self._heads.get(document_id)

    async def load(self, documents: Iterable[str]) -> None:
        """Read those heads that were not read before, in one round trip."""
        ids = sorted(set(documents) - self._heads.keys())
        rows = (
            await self.find("documents", {"_id": {"$in": ids}, "principal": self.principal})
            if ids
            else []
        )
        self._heads.update({row["_id"]: document_from(row) for row in rows})

    async def find(self, collection: str, where: Row, **options: Any) -> list[Row]:
        """Return rows from the transaction's snapshot.

        They lack some or all of the writes that the group has staged. So changes that use this
        method are submitted with `alone`.
        """
        await self.settled()
        return await self._database.find(collection, where, session=self.session, **options)

    async def version(self, document_id: str, number: int) -> Version:
        """Return a version, staged or stored.

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
        """Return whether a version was ever published."""
        if number > head.highest_released:
            return False
        return (head.id, number) in self._released or bool(
            await self.find("events", {"document": head.id, "released": number})
        )

    def put(self, document: Document) -> None:
        """Stage a new or changed head."""
        self._heads[document.id] = document
        self._changed[document.id] = None

    def add_version(self, version: Version, changed: Iterable[str]) -> None:
        """Stage a new version.

        Args:
            version: The version.
            changed: The paths of the values that are new or differ from the version before
                (`store.content.field_paths`).
        """
        self._versions[version.document, version.number] = version
        self._rows["versions"].append(InsertOne(version_row(version, changed)))

    def record(
        self, act: Act, action: Action, *, released: int | None = None, **fields: Any
    ) -> Event:
        """Stage the next event of the log.

        Args:
            act: The actor, the note and the request.
            action: The event's action.
            released: The version that this event publishes for the first time.
            fields: The event's other fields.
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
            **fields,
        )
        self._rows["events"].append(InsertOne(event_row(event, released=released)))
        if event.document and released is not None:
            self._released.add((event.document, released))
        return event

    def write(self, collection: str, *operations: Operation) -> None:
        """Stage writes of other rows; within a collection they keep this order."""
        self._rows[collection].extend(operations)

    def first_call(self, key: IdempotencyKey) -> Row | None:
        """Return the stored result of the first call with this key; None for a new key.

        Raises:
            InvalidInput: The key was used with other input; code `IDEMPOTENCY_KEY_REUSED`.
        """
        row = self._keys.get(key.id)
        if row is not None:
            key.refuse_other(row["fingerprint"])
        return row

    def remember(self, key: IdempotencyKey, saved: Saved) -> None:
        """Stage the result of a call under its key, so that the call can be retried safely."""
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

    def savepoint(self) -> "Savepoint":
        """Return the staged state, to roll back to if a change is refused."""
        return Savepoint(
            sequence=self._sequence,
            heads=dict(self._heads),
            changed=dict(self._changed),
            lengths={name: len(rows) for name, rows in self._rows.items()},
            keys=dict(self._keys),
            versions=dict(self._versions),
            released=set(self._released),
        )

    def roll_back_to(self, savepoint: "Savepoint") -> None:
        """Discard everything that was staged since a savepoint."""
        self._sequence = savepoint.sequence
        self._heads = savepoint.heads
        self._changed = savepoint.changed
        self._keys = savepoint.keys
        self._versions = savepoint.versions
        self._released = savepoint.released
        for name, rows in self._rows.items():
            del rows[savepoint.lengths.get(name, 0) :]

    def send_heads(self) -> None:
        """Start to write the staged heads while other changes are made.

        The write is sent after some turns of the event loop.
        """
        self._sending_heads = asyncio.create_task(self._write("documents", self._replacements()))

    async def settled(self) -> None:
        """Wait for the write that `send_heads` started: a session runs one operation at a time.

        Raises:
            PyMongoError: The write failed.
        """
        if (sending := self._sending_heads) is not None:
            await asyncio.wait([sending])
            self._sending_heads = None
            sending.result()

    async def flush(self) -> None:
        """Write everything that is staged, and the log's new end."""
        await self.settled()
        self._rows["documents"] += self._replacements()
        rows = {name: operations for name, operations in self._rows.items() if operations}
        if not rows:
            return
        for name, operations in rows.items():
            await self._write(name, operations)
        # After a backup is restored, numbers are used again, and also times if a clock was ahead.
        # The mark is never used again.
        last = {"sequence": self._sequence, "at": self.at, "mark": token_hex(8)}
        await self._database["logs"].update_one(
            {"_id": self.principal}, {"$set": last}, session=self.session
        )

    def _replacements(self) -> list[Operation]:
        heads = [self._heads[document_id] for document_id in self._changed]
        self._changed.clear()
        return [ReplaceOne({"_id": head.id}, document_row(head), upsert=True) for head in heads]

    async def _write(self, collection: str, operations: Sequence[Operation]) -> None:
        async for chunk in chunks(operations):
            await self._database[collection].bulk_write(chunk, session=self.session)


@dataclass(frozen=True, slots=True)
class Savepoint:
    """The staged state of a transaction at one point."""

    sequence: int
    heads: dict[str, Document]
    changed: dict[str, None]
    lengths: dict[str, int]
    keys: dict[str, Row]
    versions: dict[tuple[str, int], Version]
    released: set[tuple[str, int]]
