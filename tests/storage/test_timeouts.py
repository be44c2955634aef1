"""No call to MongoDB takes for ever:

MongoDB ends it itself, and who asked is told that it can't be had just now.
"""

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
    """The same database, for one who waits half a second."""
    client = connect(mongodb_uri)
    yield Database(client, database.name, seconds=0.5)
    await client.close()


async def test_mongodb_ends_what_takes_too_long_and_is_told_as_an_outage(
    impatient: Database,
) -> None:
    await impatient["clinics"].insert_many([{"_id": f"{number}"} for number in range(2_000)])

    with pytest.raises(PyMongoError) as raised:
        await impatient.find("clinics", TAKES_MINUTES)

    assert is_outage(raised.value)
    async with asyncio.timeout(30):  # nothing of it is left running
        while [one for one in await running(impatient) if "$reduce" in str(one)]:
            pass


async def running(database: Database) -> list[Any]:
    answer = await database.client["admin"].command(
        {"currentOp": 1, "active": True, "ns": f"{database.name}.clinics"}
    )
    found: list[Any] = answer["inprog"]
    return found


class Commands(monitoring.CommandListener):
    """The commands on one database, and whether each tells MongoDB how long it may take."""

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
    """Of the whole module: it must be there before any client is made."""
    listener = Commands()
    monitoring.register(listener)
    return listener


async def fails(transaction: Transaction) -> Saved:
    """A change that has begun to write, and then fails."""
    await transaction.find("documents", {})
    raise ValueError("oops")


async def test_every_command_tells_mongodb_how_long_it_may_take(
    listener: Commands, impatient: Database
) -> None:
    store = Store(impatient, KINDS)
    with listener.on(impatient.name):
        await create_indexes(impatient)
        await store.principals.ensure(reference_principals())
        made = await created(store)
        await impatient.find_one("documents", {"_id": made.id})
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
            while "getMore" not in listener.bounded:  # noqa: ASYNC110 - nothing tells of it
                await asyncio.sleep(0.01)
        await store.feed.stop()
    await store.log.close()

    # Each reads what its command found, which has a time of its own; that of a change stream is
    # given too.
    listener.bounded.pop("getMore")
    asked = {
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
    assert asked | {"commitTransaction", "abortTransaction"} <= listener.bounded.keys()
    assert {name: told for name, told in listener.bounded.items() if told != {True}} == {}


async def test_a_backup_its_restore_and_checkpoints_take_as_long_as_they_take(
    listener: Commands,
    store: Store,
    mongodb_uri: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await created(store)
    name, other = store.database.name, f"{store.database.name}_back"
    monkeypatch.setenv("CASETYPES_MONGODB_URI", mongodb_uri)

    async def run(database: str, *words: str) -> dict[str, set[bool]]:
        monkeypatch.setenv("CASETYPES_DATABASE", database)
        with listener.on(database):
            await asyncio.to_thread(
                command, [*words, "--data", str(tmp_path)], standalone_mode=False
            )
        return listener.bounded

    told = {
        "backup": await run(name, "backup", str(tmp_path / "backup.zip")),
        "restore": await run(other, "restore", str(tmp_path / "backup.zip")),
        "checkpoints": await run(other, "checkpoints"),
    }
    await store.database.client.drop_database(other)

    assert told["backup"].keys() >= {"find", "insert"}
    assert told["restore"].keys() >= {"find", "insert", "aggregate"}
    assert told["checkpoints"].keys() >= {"find"}
    assert {
        (work, name)
        for work, commands in told.items()
        for name, bounded in commands.items()
        if True in bounded
    } == {
        ("restore", "create"),
        ("restore", "createIndexes"),  # a day, and its collections
    }
