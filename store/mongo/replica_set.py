"""Replica sets: initiating the embedded one, and checking that a MongoDB has what we need."""

import asyncio
import contextlib
import time
from pathlib import Path
from typing import Any

import psutil
from pymongo import AsyncMongoClient
from pymongo.errors import OperationFailure, PyMongoError

from store.mongo.mongod_errors import MongodError, MongoTooOld, StandaloneMongo
from store.mongo.mongod_process import REPLICA_SET, exit_output, has_exited

_MAX_START_SECONDS = 60.0
_POLL_SECONDS = 0.02
_MAX_ANSWER_MS = 2_000
_MIN_VERSION = (6, 0)


async def require_replica_set(client: AsyncMongoClient[Any]) -> str:
    """Check that a MongoDB supports transactions and change streams; return its version.

    Raises:
        StandaloneMongo: It is neither a replica set nor a sharded cluster.
        MongoTooOld: It is older than version 6.
        MongodError: It cannot be reached.
    """
    try:
        hello = await client.admin.command("hello")
        version: str = (await client.admin.command("buildInfo"))["version"]
    except PyMongoError as error:
        raise MongodError(f"MongoDB cannot be reached: {error}") from error
    if "setName" not in hello and hello.get("msg") != "isdbgrid":
        raise StandaloneMongo(
            "This MongoDB is a standalone server. Transactions and change streams need a replica"
            " set: start it with --replSet NAME and run rs.initiate() once; one member is enough."
        )
    if tuple(int(part) for part in version.split(".")[:2]) < _MIN_VERSION:
        raise MongoTooOld(f"MongoDB {version} is too old: version 6.0 or newer is needed.")
    return version


async def wait_until_primary(folder: Path, process: psutil.Process, port: int) -> None:
    """Initiate the replica set where necessary, and wait until the `mongod` accepts writes.

    Raises:
        MongodError: It exited, or did not become primary within 60 seconds.
    """
    deadline = time.monotonic() + _MAX_START_SECONDS
    client = _client(port)
    try:
        while time.monotonic() < deadline:
            if has_exited(process):
                output = exit_output(folder, process)
                raise MongodError(f"mongod ended. It printed:\n{output}")
            with contextlib.suppress(PyMongoError):
                hello = await client.admin.command("hello")
                if hello.get("isWritablePrimary"):
                    return
                await _configure(client, hello, port)
            await asyncio.sleep(_POLL_SECONDS)
    finally:
        await client.close()
    raise MongodError(
        f"mongod did not become ready within {_MAX_START_SECONDS:.0f} s. The end of its log:\n"
        f"{exit_output(folder, process)}"
    )


async def _configure(client: AsyncMongoClient[Any], hello: dict[str, Any], port: int) -> None:
    """Initiate the replica set, or give its member the port of this run."""
    member = {"_id": 0, "host": f"127.0.0.1:{port}"}
    if not hello.get("isreplicaset"):
        return
    try:
        # The data of an earlier run have a configuration with the port of that run.
        stored = await client.admin.command("replSetGetConfig")
    except OperationFailure:
        await client.admin.command("replSetInitiate", {"_id": REPLICA_SET, "members": [member]})
        return
    config = stored["config"]
    if config["members"][0]["host"] != member["host"]:
        config["members"] = [config["members"][0] | member]
        config["version"] += 1
        await client.admin.command("replSetReconfig", config, force=True)


async def end_sessions(port: int) -> bool:
    """End all sessions of a running `mongod`; return whether it answered.

    The transactions of a killed server would otherwise hold their locks.
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
        serverSelectionTimeoutMS=_MAX_ANSWER_MS,
        connectTimeoutMS=_MAX_ANSWER_MS,
    )
