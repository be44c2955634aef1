"""No call to MongoDB takes for ever: MongoDB ends it itself, and who asked is told that it can't be had just now."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from pymongo.errors import PyMongoError

from store.database import Database, connect, is_outage

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
