"""Checkpoints: signed digests of a log up to a sequence number.

Kept outside the database, a checkpoint shows whether its log was cut off or rewritten later. A
document's hash chain alone does not: whoever can write to the database can recompute the whole
chain, and drop the end of a log. A digest covers every event from the first on, and the hash of
every version that an event names. Checkpoints are created periodically, not with each write.

Source: RFC 8785 (JSON Canonicalization Scheme), FIPS 180-4 (SHA-256).
"""

import hashlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pymongo.errors import DuplicateKeyError

from store.content.canonical_json import canonical
from store.content.hashing import timestamp
from store.mongo.connection import Database, Row

_PAGE_SIZE = 100


@dataclass(frozen=True, slots=True)
class LogEnd:
    """The end of a log.

    Attributes:
        sequence: The number of the last event.
        at: That event's time.
        digest: The digest of all events up to it.
    """

    sequence: int
    at: datetime
    digest: str


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The digest of a log up to a sequence number, and the signed statement of it."""

    principal: str
    sequence: int
    digest: str
    statement: str


class Checkpoints:
    """The checkpoints of one registry's logs."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def all(self) -> list[Checkpoint]:
        """Return all stored checkpoints by principal, oldest first."""
        rows = await self._database.find(
            "checkpoints", {}, sort=[("principal", 1), ("sequence", 1)]
        )
        return [checkpoint_from(row) for row in rows]

    async def new_ends(self) -> AsyncIterator[tuple[str, LogEnd]]:
        """Yield the end of each log that has grown since its last checkpoint.

        It comes with the principal's key.
        """
        for log in await self._database.find("logs", {"sequence": {"$gt": 0}}, sort=[("_id", 1)]):
            last = await self._database.find_one(
                "checkpoints", {"principal": log["_id"]}, sort=[("sequence", -1)]
            )
            sequence, digest = (0, None) if last is None else (last["sequence"], last["digest"])
            if (end := await self._read_end(log["_id"], sequence, digest)) is not None:
                yield log["_id"], end

    async def _read_end(self, principal: str, sequence: int, digest: str | None) -> LogEnd | None:
        """Return the end of a log after reading on from a checkpoint; None without new events."""
        end = None
        while rows := await self._database.find(
            "events",
            {"principal": principal, "sequence": {"$gt": sequence}},
            sort=[("sequence", 1)],
            limit=_PAGE_SIZE,
        ):
            ids = [
                f"{row['document']}.{row['version']}" for row in rows if row["version"] is not None
            ]
            versions = (
                await self._database.find("versions", {"_id": {"$in": ids}}, projection={"hash": 1})
                if ids
                else []
            )
            hashes = {row["_id"]: row["hash"] for row in versions}
            for row in rows:
                digest = digest_of(row, hashes.get(f"{row['document']}.{row['version']}"), digest)
                sequence = row["sequence"]
                end = LogEnd(sequence, row["at"], digest)
        return end

    async def store(self, checkpoint: Checkpoint) -> None:
        """Store a checkpoint, unless another process has stored one for the same end."""
        row = {
            "_id": f"{checkpoint.principal}.{checkpoint.sequence}",
            "principal": checkpoint.principal,
            "sequence": checkpoint.sequence,
            "digest": checkpoint.digest,
            "statement": checkpoint.statement,
        }
        try:
            await self._database["checkpoints"].insert_one(row)
        except DuplicateKeyError:
            return


def checkpoint_from(row: Row) -> Checkpoint:
    """Return the checkpoint in a row."""
    return Checkpoint(row["principal"], row["sequence"], row["digest"], row["statement"])


def digest_of(event: Mapping[str, Any], version_hash: str | None, previous: str | None) -> str:
    """Return the digest of a log up to an event.

    Args:
        event: The event's row, with all stored fields.
        version_hash: The hash of the version that the event names; None without one.
        previous: The digest up to the event before; None for the first.

    Returns:
        SHA-256 of the canonical JSON of the three, in lower-case hexadecimal.
    """
    stated = {"event": _plain(event), "versionHash": version_hash, "previous": previous}
    return hashlib.sha256(canonical(stated)).hexdigest()


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return timestamp(value)
    if isinstance(value, Mapping):
        return {name: _plain(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    return value
