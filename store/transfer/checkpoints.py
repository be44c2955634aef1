"""Checkpoints: at some number of a log, a digest of all that stands before. Signed, and kept
elsewhere, it shows a log that was cut off or rewritten.

A document's chain shows a changed version; who can write to the database can recompute the whole
chain, and drop the end of a log. The digest covers
every event and the hash of every version that an event names, from the first on. It is taken beside
the log, not with each write.

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

_PAGE = 100


@dataclass(frozen=True, slots=True)
class Reached:
    """How far a log goes: the number of its last event, that event's time, and the digest of all up
    to it.
    """

    sequence: int
    at: datetime
    digest: str


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What is so of a log, and the signed statement of it."""

    principal: str
    sequence: int
    digest: str
    statement: str


class Checkpoints:
    """The checkpoints of one registry's logs."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def all(self) -> list[Checkpoint]:
        """All that were kept, by principal, oldest first."""
        rows = await self._database.find(
            "checkpoints", {}, sort=[("principal", 1), ("sequence", 1)]
        )
        return [checkpoint_from(row) for row in rows]

    async def reached(self) -> AsyncIterator[tuple[str, Reached]]:
        """For each log that went on since its last checkpoint: the principal's key, and how far it
        goes now.
        """
        for log in await self._database.find("logs", {"sequence": {"$gt": 0}}, sort=[("_id", 1)]):
            last = await self._database.find_one(
                "checkpoints", {"principal": log["_id"]}, sort=[("sequence", -1)]
            )
            sequence, digest = (0, None) if last is None else (last["sequence"], last["digest"])
            if (reached := await self._read_on(log["_id"], sequence, digest)) is not None:
                yield log["_id"], reached

    async def _read_on(self, principal: str, sequence: int, digest: str | None) -> Reached | None:
        """From just after a number to the end of the log; None where nothing came since."""
        reached = None
        while rows := await self._database.find(
            "events",
            {"principal": principal, "sequence": {"$gt": sequence}},
            sort=[("sequence", 1)],
            limit=_PAGE,
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
                reached = Reached(sequence, row["at"], digest)
        return reached

    async def keep(self, checkpoint: Checkpoint) -> None:
        """Keep a checkpoint; where another process was first, its own stands."""
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
    """The checkpoint in a row."""
    return Checkpoint(row["principal"], row["sequence"], row["digest"], row["statement"])


def digest_of(event: Mapping[str, Any], version_hash: str | None, previous: str | None) -> str:
    """The digest of a log up to an event.

    Args:
        event: The whole row, as stored.
        version_hash: Of the version that the event names, if it names one.
        previous: The digest up to the event before.

    Returns:
        Lower-case hexadecimal SHA-256 over the canonical JSON of the three.
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
