"""Callers that disconnect, even repeatedly, do not block MongoDB for others."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from store.mongo.connection import Database
from store.mongo.indexes import is_ready
from store.tasks import run_detached

ROUNDS = 40
CALLERS = 60
SEED = 20261126


def reads(database: Database) -> list[Callable[[], Awaitable[object]]]:
    """Each kind of read that a request can make."""
    texts: list[dict[str, Any]] = [{"$match": {}}, {"$group": {"_id": "$text"}}]
    return [
        lambda: database.find("events", {}),
        lambda: database.find_one("events", {"_id": 7}),
        lambda: database.aggregate("events", texts),
        lambda: database.distinct("events", "text", {}),
        lambda: database.count("events", {"_id": {"$gt": 7}}),
        lambda: is_ready(database),
    ]


async def test_callers_that_are_cancelled_repeatedly_block_no_other_caller(
    database: Database,
) -> None:
    chance = random.Random(SEED)  # noqa: S311
    await database["events"].insert_many(
        [{"_id": number, "principal": str(number), "text": "x" * 2_000} for number in range(200)]
    )
    kinds_of_read = reads(database)

    for _ in range(ROUNDS):
        callers = [asyncio.ensure_future(chance.choice(kinds_of_read)()) for _ in range(CALLERS)]
        for _ in range(12):
            await asyncio.sleep(0)
            for caller in callers:
                if chance.random() < 0.25:
                    caller.cancel()
        async with asyncio.timeout(20):
            outcomes = await asyncio.gather(*callers, return_exceptions=True)
        assert all(
            isinstance(outcome, (list, dict, int, asyncio.CancelledError)) for outcome in outcomes
        ), outcomes

    async with asyncio.timeout(20):
        found = await asyncio.gather(
            *(database.find_one("events", {"_id": number}) for number in range(100))
        )
    assert [row["_id"] for row in found if row] == list(range(100))


async def test_detached_work_is_cancelled_once_and_its_caller_does_not_wait() -> None:
    started, log = asyncio.Event(), []

    async def work() -> None:
        started.set()
        for _ in range(3):
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                log.append("cancelled")
                await asyncio.sleep(0.02)
                log.append("tidied up")
                raise

    caller = asyncio.create_task(run_detached(work()))
    await started.wait()
    for _ in range(3):
        caller.cancel()
        await asyncio.sleep(0)

    with pytest.raises(asyncio.CancelledError):
        await caller
    assert log == ["cancelled"]
    await asyncio.sleep(0.05)
    assert log == ["cancelled", "tidied up"]


async def test_detached_work_returns_its_result_and_raises_its_error() -> None:
    async def answer() -> int:
        return 7

    async def fail() -> int:
        raise ValueError("no")

    assert await run_detached(answer()) == 7
    with pytest.raises(ValueError, match="no"):
        await run_detached(fail())
