"""MongoDB ends every call that takes too long, and the caller gets an outage error."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from pymongo import monitoring
from pymongo.errors import PyMongoError

from command_line import command
from resolvers.kinds.registrations import KINDS
from resolvers.reference.principals import reference_principals
from store.mongo.connection import Database, connect
from store.mongo.indexes import create_indexes, is_ready
from store.mongo.transactions import Transaction
from store.outages import is_outage
from store.records import Saved
from store.registry import Store
from tests.storage.building import STOCKHOLM, created

SUM = {
    "$reduce": {
        "input": {"$range": [0, 100_000]},
        "initialValue": 0,
        "in": {"$add": ["$$value", "$$this"]},
    }
}
TAKES_MINUTES = {"$expr": {"$eq": [SUM, -1]}}


@pytest.fixture
async def impatient(mongodb_uri: str, database: Database) -> AsyncIterator[Database]:
    """The test database, with a limit of half a second for each call."""
    client = connect(mongodb_uri)
    yield Database(client, database.name, seconds=0.5)
    await client.close()


async def test_mongodb_ends_a_slow_call_and_the_error_is_an_outage(
    impatient: Database,
) -> None:
    await impatient["clinics"].insert_many([{"_id": f"{number}"} for number in range(2_000)])

    with pytest.raises(PyMongoError) as raised:
        await impatient.find("clinics", TAKES_MINUTES)

    assert is_outage(raised.value)
    async with asyncio.timeout(30):  # until no part of it is running
        while [operation for operation in await running(impatient) if "$reduce" in str(operation)]:
            pass


async def running(database: Database) -> list[Any]:
    response = await database.client["admin"].command(
        {"currentOp": 1, "active": True, "ns": f"{database.name}.clinics"}
    )
    operations: list[Any] = response["inprog"]
    return operations


class Commands(monitoring.CommandListener):
    """Records the commands on one database, and whether each sends a time limit."""

    def __init__(self) -> None:
        self.database = ""
        self.bounded: dict[str, set[bool]] = {}

    @contextmanager
    def on(self, database: str) -> Iterator[None]:
        """Watch the commands on a database until the end of the block."""
        self.database, self.bounded = database, {}
        try:
            yield
        finally:
            self.database = ""

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        if event.database_name == self.database or (
            self.database and event.command_name in {"commitTransaction", "abortTransaction"}
        ):
            self.bounded.setdefault(event.command_name, set()).add("maxTimeMS" in event.command)

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None: ...

    def failed(self, event: monitoring.CommandFailedEvent) -> None: ...


@pytest.fixture(scope="module")
def listener() -> Commands:
    """The listener of the module; it must exist before any client is created."""
    listener = Commands()
    monitoring.register(listener)
    return listener


async def fails(transaction: Transaction) -> Saved:
    """A change that has started to write, and then fails."""
    await transaction.find("documents", {})
    raise ValueError("oops")


async def test_every_command_has_a_time_limit(listener: Commands, impatient: Database) -> None:
    store = Store(impatient, KINDS)
    with listener.on(impatient.name):
        await create_indexes(impatient)
        await store.principals.ensure(reference_principals())
        document = await created(store)
        await impatient.find_one("documents", {"_id": document.id})
        await impatient.find("documents", {})
        await impatient.count("documents", {})
        await impatient.distinct("documents", "kind", {})
        await impatient.aggregate("documents", [{"$match": {}}])
        await store.active_subscriptions.heartbeat("pr_1")
        await store.active_subscriptions.remove_process("pr_1")
        assert await is_ready(impatient)
        with pytest.raises(ValueError, match="oops"):
            await store.log.submit(STOCKHOLM, fails)
        store.feed.start()
        async with asyncio.timeout(30):
            while "getMore" not in listener.bounded:  # noqa: ASYNC110 - no event announces it
                await asyncio.sleep(0.01)
        await store.feed.stop()
    await store.log.close()

    # A getMore reads the results of a command that has a limit. In a change stream it has one too.
    listener.bounded.pop("getMore")
    expected = {
        "find",
        "aggregate",
        "distinct",
        "insert",
        "update",
        "delete",
        "findAndModify",
        "createIndexes",
        "listIndexes",
    }
    assert expected | {"commitTransaction", "abortTransaction"} <= listener.bounded.keys()
    assert {name: bounds for name, bounds in listener.bounded.items() if bounds != {True}} == {}


async def test_backup_restore_and_checkpoints_have_no_short_time_limit(
    listener: Commands,
    store: Store,
    mongodb_uri: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await created(store)
    name, other = store.database.name, f"{store.database.name}_back"
    monkeypatch.setenv("CASETYPES_MONGODB_URI", mongodb_uri)

    async def run(database: str, *arguments: str) -> dict[str, set[bool]]:
        monkeypatch.setenv("CASETYPES_DATABASE", database)
        with listener.on(database):
            await asyncio.to_thread(
                command, [*arguments, "--data", str(tmp_path)], standalone_mode=False
            )
        return listener.bounded

    bounds = {
        "backup": await run(name, "backup", str(tmp_path / "backup.zip")),
        "restore": await run(other, "restore", str(tmp_path / "backup.zip")),
        "checkpoints": await run(other, "checkpoints"),
    }
    await store.database.client.drop_database(other)

    assert bounds["backup"].keys() >= {"find", "insert"}
    assert bounds["restore"].keys() >= {"find", "insert", "aggregate"}
    assert bounds["checkpoints"].keys() >= {"find"}
    assert {
        (work, name)
        for work, commands in bounds.items()
        for name, bounded in commands.items()
        if True in bounded
    } == {
        ("restore", "create"),
        ("restore", "createIndexes"),  # these have a limit of one day
    }
