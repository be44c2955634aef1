"""The embedded MongoDB: one owner for a folder, taken over after a kill, ended without a trace, and
errors that tell an operator what to do.
"""

import asyncio
import json
import os
import signal
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from pymongo import AsyncMongoClient

from resolvers.kinds.registrations import KINDS
from resolvers.reference.principals import reference_principals
from store.mongo import embedded_server
from store.mongo.connection import Database, Row, connect
from store.mongo.indexes import create_indexes
from store.mongo.mongod_errors import (
    DataFolderInUse,
    DataFolderNotWritable,
    MongodError,
    MongodNotFound,
    StandaloneMongo,
)
from store.mongo.replica_set import require_replica_set
from store.registry import Store
from tests.storage.building import STOCKHOLM, created

OWNER = """
import asyncio, sys
from pathlib import Path
from store.mongo import embedded_server

async def main():
    running = await embedded_server.start(Path(sys.argv[1]))
    print(running.pid, running.uri, flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


async def owner(data: Path) -> tuple[asyncio.subprocess.Process, int, str]:
    """Another server process that runs a MongoDB on a folder, the MongoDB's pid, and its address."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", OWNER, str(data), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    pid, uri = (await process.stdout.readline()).decode().split()
    return process, int(pid), uri


async def kept(uri: str, number: int) -> int:
    """Keep one more row; how many there are."""
    client = connect(uri)
    database = Database(client, "kept")
    await database["rows"].insert_one({"_id": number})
    count = await database.count("rows", {})
    await client.close()
    return count


def on(data: Path) -> list[int]:
    """Pids of the MongoDBs that work on a folder."""
    return [
        process.pid
        for process in psutil.process_iter()
        if str(data / "mongodb") in _arguments(process)
    ]


def _arguments(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def port_of(uri: str) -> int:
    return int(uri.rpartition(":")[2].partition("/")[0])


# ------------------------------------------------------------- start and stop


async def test_data_outlive_a_stop_that_leaves_no_process_and_start_on_another_port_when_theirs_is_taken(
    tmp_path: Path,
) -> None:
    first = await embedded_server.start(tmp_path)
    assert on(tmp_path) == [first.pid]
    assert await kept(first.uri, 1) == 1

    await first.stop()
    await first.stop()
    assert on(tmp_path) == []

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", port_of(first.uri)))
        second = await embedded_server.start(tmp_path)
        assert port_of(second.uri) != port_of(first.uri)
        assert await kept(second.uri, 2) == 2
        await second.stop()
    assert on(tmp_path) == []


async def test_it_is_a_replica_set_on_loopback_only_with_one_owner(tmp_path: Path) -> None:
    data = tmp_path / "new" / "folder"
    running = await embedded_server.start(data)
    client = connect(running.uri)

    assert int((await require_replica_set(client)).split(".")[0]) >= 6
    assert {
        connection.laddr.ip
        for connection in psutil.Process(running.pid).net_connections()
        if connection.status == "LISTEN"
    } == {"127.0.0.1"}
    with pytest.raises(DataFolderInUse, match=f"{data}.*process {os.getpid()}"):
        await embedded_server.start(data)
    assert on(data) == [running.pid]
    assert await kept(running.uri, 1) == 1

    await client.close()
    await running.stop()


async def test_a_folder_has_one_owner_among_processes_and_is_taken_over_when_the_owner_was_killed(
    tmp_path: Path,
) -> None:
    process, pid, uri = await owner(tmp_path)
    with pytest.raises(DataFolderInUse, match=f"process {process.pid}"):
        await embedded_server.start(tmp_path)
    assert await kept(uri, 1) == 1

    process.kill()
    await process.wait()
    assert on(tmp_path) == [pid]
    running = await embedded_server.start(tmp_path)

    assert (running.pid, running.uri) == (pid, uri)
    assert await kept(running.uri, 2) == 2
    await running.stop()
    assert on(tmp_path) == []


async def test_a_killed_mongodb_is_started_again_with_its_data(tmp_path: Path) -> None:
    process, pid, uri = await owner(tmp_path)
    assert await kept(uri, 1) == 1

    os.kill(pid, signal.SIGKILL)
    process.kill()
    await process.wait()
    first = await embedded_server.start(tmp_path)
    assert await kept(first.uri, 2) == 2

    os.kill(first.pid, signal.SIGKILL)
    await first.stop()
    assert not psutil.pid_exists(first.pid)  # no zombie either
    second = await embedded_server.start(tmp_path)

    assert len({pid, first.pid, second.pid}) == 3
    assert await kept(second.uri, 3) == 3
    await second.stop()


async def test_a_record_of_another_process_leaves_that_process_alone(tmp_path: Path) -> None:
    stranger = await asyncio.create_subprocess_exec(
        sys.executable, "-c", "input()", stdin=asyncio.subprocess.PIPE
    )
    created = psutil.Process(stranger.pid).create_time()
    (tmp_path / "mongod.json").write_text(
        json.dumps({"pid": stranger.pid, "port": 1, "created": created})
    )

    running = await embedded_server.start(tmp_path)

    assert running.pid != stranger.pid
    await running.stop()
    assert psutil.Process(stranger.pid).create_time() == created
    assert stranger.returncode is None
    await stranger.communicate(b"\n")


@pytest.mark.parametrize("record", ["", "{", "[]", '{"pid": "x", "port": null}', '{"pid": 1}'])
async def test_a_record_that_can_not_be_read_is_as_none(tmp_path: Path, record: str) -> None:
    (tmp_path / "mongod.json").write_text(record)

    with pytest.raises(MongodNotFound):
        await embedded_server.start(tmp_path, binary=tmp_path / "missing")


# ------------------------------------------------------------- refusals


async def test_a_missing_binary_is_named(tmp_path: Path) -> None:
    with pytest.raises(MongodNotFound, match=f"CASETYPES_MONGOD.*{tmp_path}/missing"):
        await embedded_server.start(tmp_path / "data", binary=tmp_path / "missing")


async def test_a_binary_that_is_none_is_named(tmp_path: Path) -> None:
    binary = tmp_path / "mongod"
    binary.write_text("no program")
    binary.chmod(0o755)

    with pytest.raises(MongodNotFound, match=f"{binary} cannot be run"):
        await embedded_server.start(tmp_path / "data", binary=binary)


async def test_what_a_failing_binary_prints_is_told_and_the_folder_is_free_again(
    tmp_path: Path,
) -> None:
    binary = tmp_path / "mongod"
    binary.write_text("#!/bin/sh\necho libcrypto is missing\nexit 1\n")
    binary.chmod(0o755)

    for _ in range(2):
        with pytest.raises(MongodError, match="libcrypto is missing"):
            await embedded_server.start(tmp_path / "data", binary=binary)


async def test_a_folder_under_a_file_can_not_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(DataFolderNotWritable, match=f"{tmp_path}/file/data.*--data"):
        await embedded_server.start(tmp_path / "file" / "data")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
async def test_a_folder_without_write_permission_is_refused(read_only: Path) -> None:
    with pytest.raises(DataFolderNotWritable, match=str(read_only)):
        await embedded_server.start(read_only / "data")


@pytest.fixture
def read_only(tmp_path: Path) -> Iterator[Path]:
    tmp_path.chmod(0o500)
    yield tmp_path
    tmp_path.chmod(0o700)


async def test_a_standalone_mongodb_is_refused_and_told_how_to_be_a_replica_set(
    tmp_path: Path,
) -> None:
    running = await embedded_server.start(tmp_path)
    binary = psutil.Process(running.pid).exe()
    await running.stop()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (tmp_path / "alone").mkdir()
    arguments = (
        "--port",
        str(port),
        "--bind_ip",
        "127.0.0.1",
        "--dbpath",
        str(tmp_path / "alone"),
        "--nounixsocket",
    )
    alone = await asyncio.create_subprocess_exec(
        binary, *arguments, stdout=asyncio.subprocess.DEVNULL
    )
    client: AsyncMongoClient[Row] = AsyncMongoClient(
        f"mongodb://127.0.0.1:{port}", serverSelectionTimeoutMS=20_000
    )

    with pytest.raises(StandaloneMongo, match="--replSet"):
        await require_replica_set(client)

    await client.close()
    alone.kill()
    await alone.wait()


async def test_a_mongodb_that_does_not_answer_is_refused_soon() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        client: AsyncMongoClient[Row] = AsyncMongoClient(
            f"mongodb://127.0.0.1:{free.getsockname()[1]}", serverSelectionTimeoutMS=100
        )

        begun = time.monotonic()
        with pytest.raises(MongodError, match="cannot be reached"):
            await require_replica_set(client)

    assert time.monotonic() - begun < 3
    await client.close()


HOLDER = """
import asyncio, sys
from resolvers.kinds.registrations import KINDS
from store.mongo.connection import Database, connect
from store.registry import Store

async def main():
    async def change(transaction):
        print("begun", flush=True)
        await asyncio.Event().wait()
    await Store(Database(connect(sys.argv[1]), "registry"), KINDS).log.submit(sys.argv[2], change)

asyncio.run(main())
"""


async def test_a_server_killed_in_the_middle_of_a_transaction_does_not_hold_up_the_next_one(
    tmp_path: Path,
) -> None:
    running = await embedded_server.start(tmp_path)
    client = connect(running.uri)
    store = Store(Database(client, "registry"), KINDS)
    await create_indexes(store.database)
    await store.principals.ensure(reference_principals())
    holder = await asyncio.create_subprocess_exec(
        sys.executable, "-c", HOLDER, running.uri, STOCKHOLM, stdout=asyncio.subprocess.PIPE
    )
    assert holder.stdout is not None
    assert await holder.stdout.readline() == b"begun\n"
    holder.kill()
    await holder.wait()
    running._lock.close()  # as the server's end would

    again = await embedded_server.start(tmp_path)

    begun = time.monotonic()
    await created(store)
    assert time.monotonic() - begun < 5
    assert again.pid == running.pid
    await client.close()
    await again.stop()


async def test_the_port_is_kept_from_one_run_to_the_next(tmp_path: Path) -> None:
    first = await embedded_server.start(tmp_path)
    await first.stop()

    second = await embedded_server.start(tmp_path)

    assert second.uri == first.uri
    await second.stop()


async def test_a_left_over_mongodb_is_found_by_another_path_to_its_folder(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "data")
    first = await embedded_server.start(tmp_path / "data")
    first._lock.close()  # as when its owner was killed

    second = await embedded_server.start(tmp_path / "link")

    assert second.pid == first.pid
    await second.stop()
