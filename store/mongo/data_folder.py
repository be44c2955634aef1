"""The data folder of the embedded MongoDB: its owner, and the record of its process.

A lock gives the folder one owner at a time. The operating system releases the lock when the owner's
process ends, for whatever reason.
"""

import fcntl
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

from store.mongo.mongod_errors import DataFolderInUse, DataFolderNotWritable

_LOCK = "lock"
_RECORD = "mongod.json"


@dataclass(frozen=True, slots=True)
class ProcessRecord:
    """The `mongod` that was last started on a folder.

    Attributes:
        port: Its port on loopback; 0 without a record.
        pid: Its process; None once it was stopped.
        created: The start time of the process, in seconds since 1970. Together with the pid it
            identifies the process.
        binary: The file that it ran.
    """

    port: int = 0
    pid: int | None = None
    created: float | None = None
    binary: str | None = None


def lock_folder(folder: Path) -> tuple[Path, IO[str]]:
    """Create a folder where it is missing, and lock it for this process.

    Returns:
        The folder's real path, and the open lock file. Closing the file releases the lock.

    Raises:
        DataFolderInUse: Another process holds the lock.
        DataFolderNotWritable: The folder cannot be created or written.
    """
    folder = folder.resolve()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / _LOCK).open("a+", encoding="ascii")
    except OSError as error:
        raise DataFolderNotWritable(
            f"The data folder {folder} cannot be written: {error.strerror}. Choose another with"
            " --data."
        ) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.seek(0)
        owner = lock.read().strip()
        lock.close()
        raise DataFolderInUse(
            f"The data folder {folder} is in use by another"
            f" server{f', process {owner}' if owner else ''}."
        ) from error
    lock.seek(0)
    lock.truncate()
    lock.write(str(os.getpid()))
    lock.flush()
    return folder, lock


def database_path(folder: Path) -> Path:
    """Return the path of MongoDB's own files."""
    return folder / "mongodb"


def log_path(folder: Path) -> Path:
    """Return the path of MongoDB's log file."""
    return folder / "mongod.log"


def read_record(folder: Path) -> ProcessRecord:
    """Return the record of the folder's `mongod`; an empty one where it cannot be read."""
    try:
        stored = json.loads((folder / _RECORD).read_text(encoding="utf-8"))
        port = int(stored["port"])
        if "pid" not in stored:
            return ProcessRecord(port)
        return ProcessRecord(
            port, int(stored["pid"]), float(stored["created"]), stored.get("binary")
        )
    except (OSError, ValueError, KeyError, TypeError):
        return ProcessRecord()


def write_record(folder: Path, record: ProcessRecord) -> None:
    """Replace the record of the folder's `mongod`."""
    stored = {name: value for name, value in asdict(record).items() if value is not None}
    (folder / _RECORD).write_text(json.dumps(stored), encoding="utf-8")
