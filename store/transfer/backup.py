"""A whole registry in one file, as it was at one moment while servers wrote to it; and back into an
empty database.

The file is a ZIP with the rows of each collection as BSON, which other tools read too, and a
manifest with their numbers and hashes.
"""

import hashlib
import json
import os
import struct
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, BadZipFile, ZipFile

import bson
from bson.codec_options import CodecOptions
from bson.errors import BSONError
from bson.raw_bson import RawBSONDocument
from pymongo.errors import OperationFailure

from store.content.hashing import timestamp
from store.log.log import utc_now
from store.mongo.connection import Database, Row
from store.mongo.indexes import INDEXES, create_indexes

FORMAT = "casetypes-backup"
FORMAT_VERSION = 1
KEPT = tuple(name for name in INDEXES if name not in {"active_subscriptions", "server_processes"})
"""All collections but those that tell of running servers."""

_ORDER: Mapping[str, list[tuple[str, int]]] = {
    "versions": [("document", 1), ("number", 1)],
    "events": [("principal", 1), ("sequence", 1)],
    "checkpoints": [("principal", 1), ("sequence", 1)],
}
"""In which order what is checked is read again."""

_MANIFEST = "manifest.json"
_RESTORING = "restoring"
_AT_ONCE = 1_000
_SNAPSHOT_GONE = (239, 246)  # SnapshotTooOld, SnapshotUnavailable
_DAMAGED = (
    OSError,
    BadZipFile,
    zlib.error,
    BSONError,
    KeyError,
    TypeError,
    ValueError,
    EOFError,
    NotImplementedError,
    RuntimeError,
)
"""What reading a damaged file may raise."""

_AWARE: CodecOptions[Row] = CodecOptions(tz_aware=True)


class BackupError(Exception):
    """A backup can't be made, read or restored. The message tells an operator what to do."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup holds: by collection the number of rows, and the SHA-256 of them in
    hexadecimal.
    """

    made_at: str
    rows: Mapping[str, int]
    hashes: Mapping[str, str]


async def back_up(database: Database, target: Path) -> Manifest:
    """Write all that the registry holds to a file, as it is at one moment.

    Args:
        database: Servers may write to it meanwhile.
        target: Must not exist. It is there only when it is whole.

    Raises:
        BackupError: The file exists or can't be written, or it took longer than MongoDB keeps the
            moment.
    """
    if target.exists():  # noqa: ASYNC240 - nobody else waits for this loop
        raise BackupError(f"{target} exists already. Choose another name.")
    part = target.with_name(f"{target.name}.part")
    part.unlink(missing_ok=True)
    rows: dict[str, int] = {}
    hashes: dict[str, str] = {}
    manifest = Manifest(timestamp(utc_now()), rows, hashes)
    try:
        # Readable for its owner only: it holds drafts and names.
        descriptor = os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        with (
            os.fdopen(descriptor, "w+b") as raw,
            ZipFile(raw, "w", ZIP_DEFLATED, compresslevel=1) as file,
        ):
            # One session that reads everything at the moment of its first read.
            async with database.client.start_session(snapshot=True) as session:
                for name in KEPT:
                    found = hashlib.sha256()
                    count = 0
                    with file.open(f"{name}.bson", "w", force_zip64=True) as entry:
                        batches: Any = database[name].find_raw_batches(
                            sort=_ORDER.get(name, [("_id", 1)]), session=session
                        )
                        async for batch in batches:  # as bytes, though declared as rows
                            entry.write(batch)
                            found.update(batch)
                            count += _count(batch)
                    rows[name], hashes[name] = count, found.hexdigest()
            stated = {
                "format": FORMAT,
                "version": FORMAT_VERSION,
                "madeAt": manifest.made_at,
                "rows": rows,
                "sha256": hashes,
            }
            file.writestr(_MANIFEST, json.dumps(stated, indent=2))
            file.close()
            raw.flush()
            os.fsync(raw.fileno())
        part.rename(target)
    except OSError as error:
        raise BackupError(f"{target} can't be written: {error.strerror}.") from error
    except OperationFailure as error:
        if error.code in _SNAPSHOT_GONE:
            raise BackupError(
                "It took longer than MongoDB keeps a moment of the past: raise its parameter"
                " minSnapshotHistoryWindowInSeconds."
            ) from error
        raise
    finally:
        part.unlink(missing_ok=True)
    return manifest


async def restore(database: Database, source: Path) -> Manifest:
    """Write what a backup holds into an empty database. One that a restore was broken off in counts
    as empty.

    Check the file before (`store.transfer.verification`): here only its hashes are.

    Raises:
        BackupError: The database holds something, or the file is no whole backup.
    """
    if await database.find_one(_RESTORING, {}) is not None:
        await database.client.drop_database(database.name)
    for name in KEPT:
        if await database.find_one(name, {}) is not None:
            raise BackupError(
                f"The database {database.name} is not empty: it has {name}. Restore into a new data"
                " folder or database."
            )
    with opened(source) as (file, manifest):
        await database[_RESTORING].insert_one({"_id": manifest.made_at})
        for name, count in manifest.rows.items():
            batch: list[RawBSONDocument] = []
            for raw in _raw(file, name, manifest):
                batch.append(RawBSONDocument(raw))
                if len(batch) == _AT_ONCE:
                    await database[name].insert_many(batch)
                    batch = []
            if batch:
                await database[name].insert_many(batch)
            if (found := await database.count(name, {})) != count:
                raise BackupError(f"{found} of {count} rows of {name} arrived.")
    await create_indexes(database)
    await database[_RESTORING].drop()
    return manifest


async def is_half_restored(database: Database) -> bool:
    """Whether a restore into this database was broken off."""
    return await database.find_one(_RESTORING, {}) is not None


@contextmanager
def opened(source: Path) -> Iterator[tuple[ZipFile, Manifest]]:
    """A backup and its manifest.

    Raises:
        BackupError: It is none, or of a later format.
    """
    try:
        with ZipFile(source) as file:
            stated: dict[str, Any] = json.loads(file.read(_MANIFEST))
            if (stated.get("format"), stated.get("version")) != (FORMAT, FORMAT_VERSION):
                raise BackupError(f"{source} is of another format than {FORMAT} {FORMAT_VERSION}.")
            unknown = set(stated["rows"]) - set(KEPT)
            if unknown:
                raise BackupError(
                    f"{source} holds what this version does not know: {', '.join(sorted(unknown))}."
                )
            yield file, Manifest(stated["madeAt"], stated["rows"], stated["sha256"])
    except _DAMAGED as error:
        raise BackupError(f"{source} is no whole backup: {error}.") from error


def rows_of(file: ZipFile, name: str, manifest: Manifest) -> Iterator[Row]:
    """The rows of one collection, in the order that they are checked in.

    Raises:
        BackupError: They are not those that were written; after the last one.
    """
    for raw in _raw(file, name, manifest):
        yield bson.decode(raw, _AWARE)


def _raw(file: ZipFile, name: str, manifest: Manifest) -> Iterator[bytes]:
    found = hashlib.sha256()
    count = 0
    if name not in manifest.rows:
        return
    with file.open(f"{name}.bson") as entry:
        while head := entry.read(4):
            size = int.from_bytes(head, "little", signed=True)
            raw = head + entry.read(max(0, size - len(head)))
            found.update(raw)
            count += 1
            yield raw
    if (count, found.hexdigest()) != (manifest.rows[name], manifest.hashes[name]):
        raise BackupError(
            f"{name} in the backup is not what was written: {count} rows, {manifest.rows[name]}"
            " expected, or changed."
        )


def _count(batch: bytes) -> int:
    """The number of BSON documents, one after the other."""
    count = place = 0
    while place < len(batch):
        place += struct.unpack_from("<i", batch, place)[0]
        count += 1
    return count
