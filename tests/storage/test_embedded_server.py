"""The embedded MongoDB: one owner of a folder, restart after a kill, and a clean stop."""

import asyncio
import json
import os
import signal
import socket
import sys
import time
from pathlib import Path

import psutil
import pytest

from resolvers.kinds.registrations import KINDS
from resolvers.reference.principals import reference_principals
from store.mongo import embedded_server
from store.mongo.connection import Database, connect
from store.mongo.indexes import create_indexes
from store.mongo.mongod_errors import (
    DataFolderInUse,
    MongodNotFound,
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


async def start_owner(data: Path) -> tuple[asyncio.subprocess.Process, int, str]:
    """Start another process that owns the MongoDB of a folder.

    Returns the process, and the pid and the address of its MongoDB.
    """
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", OWNER, str(data), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    pid, uri = (await process.stdout.readline()).decode().split()
    return process, int(pid), uri


async def insert_row(uri: str, number: int) -> int:
    """Insert a row, and count the rows."""
    client = connect(uri)
    database = Database(client, "kept")
    await database["rows"].insert_one({"_id": number})
    count = await database.count("rows", {})
    await client.close()
    return count


def processes_on(data: Path) -> list[int]:
    """The pids of the MongoDB processes that use a folder."""
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


async def test_a_stop_leaves_no_process_and_a_start_finds_another_port_and_the_data(
    tmp_path: Path,
) -> None:
    first = await embedded_server.start(tmp_path)
    assert processes_on(tmp_path) == [first.pid]
    assert await insert_row(first.uri, 1) == 1

    await first.stop()
    await first.stop()
    assert processes_on(tmp_path) == []

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", port_of(first.uri)))
        second = await embedded_server.start(tmp_path)
        assert port_of(second.uri) != port_of(first.uri)
        assert await insert_row(second.uri, 2) == 2
        await second.stop()
    assert processes_on(tmp_path) == []


async def test_the_server_is_a_replica_set_on_loopback_with_one_owner(tmp_path: Path) -> None:
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
    assert processes_on(data) == [running.pid]
    assert await insert_row(running.uri, 1) == 1

    await client.close()
    await running.stop()


async def test_a_folder_has_one_owning_process_until_that_is_killed(
    tmp_path: Path,
) -> None:
    process, pid, uri = await start_owner(tmp_path)
    with pytest.raises(DataFolderInUse, match=f"process {process.pid}"):
        await embedded_server.start(tmp_path)
    assert await insert_row(uri, 1) == 1

    process.kill()
    await process.wait()
    assert processes_on(tmp_path) == [pid]
    running = await embedded_server.start(tmp_path)

    assert (running.pid, running.uri) == (pid, uri)
    assert await insert_row(running.uri, 2) == 2
    await running.stop()
    assert processes_on(tmp_path) == []


async def test_a_killed_mongodb_is_restarted_with_its_data(tmp_path: Path) -> None:
    process, pid, uri = await start_owner(tmp_path)
    assert await insert_row(uri, 1) == 1

    os.kill(pid, signal.SIGKILL)
    process.kill()
    await process.wait()
    first = await embedded_server.start(tmp_path)
    assert await insert_row(first.uri, 2) == 2

    os.kill(first.pid, signal.SIGKILL)
    await first.stop()
    assert not psutil.pid_exists(first.pid)  # no zombie process remains
    second = await embedded_server.start(tmp_path)

    assert len({pid, first.pid, second.pid}) == 3
    assert await insert_row(second.uri, 3) == 3
    await second.stop()


async def test_a_record_of_another_process_leaves_that_process_alone(tmp_path: Path) -> None:
    other_process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", "input()", stdin=asyncio.subprocess.PIPE
    )
    created = psutil.Process(other_process.pid).create_time()
    (tmp_path / "mongod.json").write_text(
        json.dumps({"pid": other_process.pid, "port": 1, "created": created})
    )

    running = await embedded_server.start(tmp_path)

    assert running.pid != other_process.pid
    await running.stop()
    assert psutil.Process(other_process.pid).create_time() == created
    assert other_process.returncode is None
    await other_process.communicate(b"\n")


@pytest.mark.parametrize("record", ["", "{", "[]", '{"pid": "x", "port": null}', '{"pid": 1}'])
async def test_an_unreadable_record_is_ignored(tmp_path: Path, record: str) -> None:
    (tmp_path / "mongod.json").write_text(record)

    with pytest.raises(MongodNotFound):
        await embedded_server.start(tmp_path, binary=tmp_path / "missing")


HOLDER = """
import asyncio, sys
from resolvers.kinds.registrations import KINDS
from store.mongo.connection import Database, connect
from store.registry import Store

async def main():
    async def change(transaction):
        print("started", flush=True)
        await asyncio.Event().wait()
    await Store(Database(connect(sys.argv[1]), "registry"), KINDS).log.submit(sys.argv[2], change)

asyncio.run(main())
"""


async def test_a_server_killed_during_a_transaction_does_not_block_the_next_server(
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
    assert await holder.stdout.readline() == b"started\n"
    holder.kill()
    await holder.wait()
    running._lock.close()  # released as when the server ends

    again = await embedded_server.start(tmp_path)

    started_at = time.monotonic()
    await created(store)
    assert time.monotonic() - started_at < 5
    assert again.pid == running.pid
    await client.close()
    await again.stop()


async def test_the_port_is_kept_from_one_run_to_the_next(tmp_path: Path) -> None:
    first = await embedded_server.start(tmp_path)
    await first.stop()

    second = await embedded_server.start(tmp_path)

    assert second.uri == first.uri
    await second.stop()


async def test_a_leftover_mongodb_is_found_by_another_path_to_its_folder(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "data")
    first = await embedded_server.start(tmp_path / "data")
    first._lock.close()  # released as when its owner is killed

    second = await embedded_server.start(tmp_path / "link")

    assert second.pid == first.pid
    await second.stop()
