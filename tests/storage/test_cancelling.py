"""Callers that go away, also several times over, leave MongoDB to the others."""

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
    """Every way to read that a request has."""
    texts: list[dict[str, Any]] = [{"$match": {}}, {"$group": {"_id": "$text"}}]
    return [
        lambda: database.find("events", {}),
        lambda: database.find_one("events", {"_id": 7}),
        lambda: database.aggregate("events", texts),
        lambda: database.distinct("events", "text", {}),
        lambda: database.count("events", {"_id": {"$gt": 7}}),
        lambda: is_ready(database),
    ]


async def test_callers_that_are_cancelled_again_and_again_hold_up_nobody(
    database: Database,
) -> None:
    chance = random.Random(SEED)  # noqa: S311
    await database["events"].insert_many(
        [{"_id": number, "principal": str(number), "text": "x" * 2_000} for number in range(200)]
    )
    ways = reads(database)

    for _ in range(ROUNDS):
        callers = [asyncio.ensure_future(chance.choice(ways)()) for _ in range(CALLERS)]
        for _ in range(12):
            await asyncio.sleep(0)
            for caller in callers:
                if chance.random() < 0.25:
                    caller.cancel()
        async with asyncio.timeout(20):
            outcomes = await asyncio.gather(*callers, return_exceptions=True)
        assert all(
            isinstance(one, (list, dict, int, asyncio.CancelledError)) for one in outcomes
        ), outcomes

    async with asyncio.timeout(20):
        found = await asyncio.gather(
            *(database.find_one("events", {"_id": number}) for number in range(100))
        )
    assert [row["_id"] for row in found if row] == list(range(100))


async def test_work_apart_is_cancelled_once_and_at_once() -> None:
    begun, seen = asyncio.Event(), []

    async def work() -> None:
        begun.set()
        for _ in range(3):
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                seen.append("cancelled")
                await asyncio.sleep(0.02)
                seen.append("tidied up")
                raise

    caller = asyncio.create_task(run_detached(work()))
    await begun.wait()
    for _ in range(3):
        caller.cancel()
        await asyncio.sleep(0)

    with pytest.raises(asyncio.CancelledError):
        await caller
    assert seen == ["cancelled"]
    await asyncio.sleep(0.05)
    assert seen == ["cancelled", "tidied up"]


async def test_work_apart_answers_and_fails_like_any_other() -> None:
    async def answer() -> int:
        return 7

    async def fail() -> int:
        raise ValueError("no")

    assert await run_detached(answer()) == 7
    with pytest.raises(ValueError, match="no"):
        await run_detached(fail())
