"""Backup of a whole registry to one file, and restore into an empty database.

A backup has the state at one moment; servers may write to the registry meanwhile. The file is a ZIP
with the rows of each collection as BSON, which other tools can read, and a manifest with their
numbers and hashes.
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
"""The collections in a backup: all except those about running servers."""

_ORDER: Mapping[str, list[tuple[str, int]]] = {
    "versions": [("document", 1), ("number", 1)],
    "events": [("principal", 1), ("sequence", 1)],
    "checkpoints": [("principal", 1), ("sequence", 1)],
}
"""The order of rows in the file, for collections that verification reads in order."""

_MANIFEST = "manifest.json"
_RESTORING = "restoring"
_BATCH_SIZE = 1_000
_SNAPSHOT_ERRORS = (239, 246)  # SnapshotTooOld, SnapshotUnavailable
_READ_ERRORS = (
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
"""Errors that reading a damaged file may raise."""

_CODEC: CodecOptions[Row] = CodecOptions(tz_aware=True)


class BackupError(Exception):
    """A backup cannot be written, read or restored. The message tells an operator what to do."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """The contents of a backup.

    Attributes:
        made_at: The time, in the format of `store.content.hashing.timestamp`.
        rows: The number of rows by collection.
        hashes: The SHA-256 of the rows by collection, in hexadecimal.
    """

    made_at: str
    rows: Mapping[str, int]
    hashes: Mapping[str, str]


async def back_up(database: Database, target: Path) -> Manifest:
    """Write the state of a registry at one moment to a file.

    Args:
        database: The registry's database. Servers may write to it meanwhile.
        target: The file. It must not exist; it appears only when it is complete.

    Returns:
        The contents of the file.

    Raises:
        BackupError: The file exists or cannot be written, or the backup took longer than MongoDB
            keeps the snapshot.
    """
    if target.exists():  # noqa: ASYNC240 - this event loop serves no one else
        raise BackupError(f"{target} exists already. Choose another name.")
    part = target.with_name(f"{target.name}.part")
    part.unlink(missing_ok=True)
    rows: dict[str, int] = {}
    hashes: dict[str, str] = {}
    manifest = Manifest(timestamp(utc_now()), rows, hashes)
    try:
        # Only the owner may read the file: it has drafts and names.
        descriptor = os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        with (
            os.fdopen(descriptor, "w+b") as raw,
            ZipFile(raw, "w", ZIP_DEFLATED, compresslevel=1) as file,
        ):
            # A snapshot session reads everything at the moment of its first read.
            async with database.client.start_session(snapshot=True) as session:
                for name in KEPT:
                    digest = hashlib.sha256()
                    count = 0
                    with file.open(f"{name}.bson", "w", force_zip64=True) as entry:
                        batches: Any = database[name].find_raw_batches(
                            sort=_ORDER.get(name, [("_id", 1)]), session=session
                        )
                        async for batch in batches:  # bytes, although declared as rows
                            entry.write(batch)
                            digest.update(batch)
                            count += _count(batch)
                    rows[name], hashes[name] = count, digest.hexdigest()
            stored = {
                "format": FORMAT,
                "version": FORMAT_VERSION,
                "madeAt": manifest.made_at,
                "rows": rows,
                "sha256": hashes,
            }
            file.writestr(_MANIFEST, json.dumps(stored, indent=2))
            file.close()
            raw.flush()
            os.fsync(raw.fileno())
        part.rename(target)
    except OSError as error:
        raise BackupError(f"{target} cannot be written: {error.strerror}.") from error
    except OperationFailure as error:
        if error.code in _SNAPSHOT_ERRORS:
            raise BackupError(
                "The backup took longer than MongoDB keeps a snapshot: raise its parameter"
                " minSnapshotHistoryWindowInSeconds."
            ) from error
        raise
    finally:
        part.unlink(missing_ok=True)
    return manifest


async def restore(database: Database, source: Path) -> Manifest:
    """Restore a backup into an empty database.

    A database with an interrupted restore counts as empty. This checks only the hashes of the file:
    verify it first (`store.transfer.verification`).

    Returns:
        The contents of the backup.

    Raises:
        BackupError: The database is not empty, or the file is not a complete backup.
    """
    if await database.find_one(_RESTORING, {}) is not None:
        await database.client.drop_database(database.name)
    for name in KEPT:
        if await database.find_one(name, {}) is not None:
            raise BackupError(
                f"The database {database.name} is not empty: it has {name}. Restore into a new data"
                " folder or database."
            )
    with open_backup(source) as (file, manifest):
        await database[_RESTORING].insert_one({"_id": manifest.made_at})
        for name, count in manifest.rows.items():
            batch: list[RawBSONDocument] = []
            for raw in _raw(file, name, manifest):
                batch.append(RawBSONDocument(raw))
                if len(batch) == _BATCH_SIZE:
                    await database[name].insert_many(batch)
                    batch = []
            if batch:
                await database[name].insert_many(batch)
            if (restored := await database.count(name, {})) != count:
                raise BackupError(f"{restored} of {count} rows of {name} were restored.")
    await create_indexes(database)
    await database[_RESTORING].drop()
    return manifest


async def is_half_restored(database: Database) -> bool:
    """Return whether a restore into this database was interrupted."""
    return await database.find_one(_RESTORING, {}) is not None


@contextmanager
def open_backup(source: Path) -> Iterator[tuple[ZipFile, Manifest]]:
    """Open a backup; yield the file and its manifest.

    Raises:
        BackupError: The file is not a complete backup, or has another format.
    """
    try:
        with ZipFile(source) as file:
            stored: dict[str, Any] = json.loads(file.read(_MANIFEST))
            if (stored.get("format"), stored.get("version")) != (FORMAT, FORMAT_VERSION):
                raise BackupError(f"{source} does not have the format {FORMAT} {FORMAT_VERSION}.")
            unknown = set(stored["rows"]) - set(KEPT)
            if unknown:
                raise BackupError(
                    f"{source} has collections that this version does not know:"
                    f" {', '.join(sorted(unknown))}."
                )
            yield file, Manifest(stored["madeAt"], stored["rows"], stored["sha256"])
    except _READ_ERRORS as error:
        raise BackupError(f"{source} is not a complete backup: {error}.") from error


def rows_of(file: ZipFile, name: str, manifest: Manifest) -> Iterator[Row]:
    """Yield the rows of one collection in the order of the file.

    Raises:
        BackupError: The rows are not those that were written. This is raised after the last row.
    """
    for raw in _raw(file, name, manifest):
        yield bson.decode(raw, _CODEC)


def _raw(file: ZipFile, name: str, manifest: Manifest) -> Iterator[bytes]:
    digest = hashlib.sha256()
    count = 0
    if name not in manifest.rows:
        return
    with file.open(f"{name}.bson") as entry:
        while head := entry.read(4):
            size = int.from_bytes(head, "little", signed=True)
            raw = head + entry.read(max(0, size - len(head)))
            digest.update(raw)
            count += 1
            yield raw
    if (count, digest.hexdigest()) != (manifest.rows[name], manifest.hashes[name]):
        raise BackupError(
            f"{name} in the backup differs from what was written: {count} rows,"
            f" {manifest.rows[name]} expected, or changed contents."
        )


def _count(batch: bytes) -> int:
    """Return the number of BSON documents in a batch."""
    count = offset = 0
    while offset < len(batch):
        offset += struct.unpack_from("<i", batch, offset)[0]
        count += 1
    return count
