"""No call to MongoDB takes for ever: MongoDB ends it itself, and who asked is told that it can't be had just now."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from pymongo import monitoring
from pymongo.errors import PyMongoError

from resolvers import reference
from resolvers.kinds import KINDS
from store.database import Database, connect, is_outage
from store.registry import Store
from tests.storage.building import created

SUM = {"$reduce": {"input": {"$range": [0, 100_000]}, "initialValue": 0, "in": {"$add": ["$$value", "$$this"]}}}
TAKES_MINUTES = {"$expr": {"$eq": [SUM, -1]}}


@pytest.fixture
async def impatient(mongodb_uri: str, database: Database) -> AsyncIterator[Database]:
    """The same database, for one who waits half a second."""
    client = connect(mongodb_uri)
    yield Database(client, database.name, seconds=0.5)
    await client.close()


async def test_mongodb_ends_what_takes_too_long_and_is_told_as_an_outage(impatient: Database) -> None:
    await impatient["clinics"].insert_many([{"_id": f"{number}"} for number in range(2_000)])

    with pytest.raises(PyMongoError) as raised:
        await impatient.find("clinics", TAKES_MINUTES)

    assert is_outage(raised.value)
    async with asyncio.timeout(30):  # nothing of it is left running
        while [one for one in await running(impatient) if "$reduce" in str(one)]:
            pass


async def running(database: Database) -> list[Any]:
    answer = await database.client["admin"].command({"currentOp": 1, "active": True, "ns": f"{database.name}.clinics"})
    found: list[Any] = answer["inprog"]
    return found


class Commands(monitoring.CommandListener):
    """The commands on one database, and whether each tells MongoDB how long it may take."""

    def __init__(self) -> None:
        self.database = ""
        self.bounded: dict[str, set[bool]] = {}

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        if event.database_name == self.database:
            self.bounded.setdefault(event.command_name, set()).add("maxTimeMS" in event.command)

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None: ...

    def failed(self, event: monitoring.CommandFailedEvent) -> None: ...


@pytest.fixture(scope="module")
def listener() -> Commands:
    """Of the whole module: it must be there before any client is made."""
    listener = Commands()
    monitoring.register(listener)
    return listener


async def test_every_command_tells_mongodb_how_long_it_may_take(listener: Commands, impatient: Database) -> None:
    listener.database = impatient.name
    store = Store.over(impatient, KINDS)
    try:
        await impatient.create_indexes()
        await store.principals.ensure(reference.principals())
        made = await created(store)
        await impatient.find_one("documents", {"_id": made.id})
        await impatient.find("documents", {})
        await impatient.count("documents", {})
        await impatient.distinct("documents", "kind", {})
        await impatient.aggregate("documents", [{"$match": {}}])
    finally:
        listener.database = ""
        await store.log.close()

    assert {"find", "aggregate", "distinct", "insert", "update", "findAndModify", "createIndexes"} <= listener.bounded.keys()
    assert {name: told for name, told in listener.bounded.items() if told != {True}} == {}
