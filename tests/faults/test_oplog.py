"""MongoDB's own log rolls over while a server is away from it: its change stream can't be resumed,
and no feed misses anything.
"""

import asyncio
import re
import time
from pathlib import Path
from typing import Any

import pytest
from bson import Timestamp
from pymongo import AsyncMongoClient

from tests.faults.scenes import Scene, scene, seed_of_the_day
from tests.faults.servers import Server

OPLOG_MB = 16
ROLLED_SECONDS = 60
BEGUN_SECONDS = 60
FOUND_OUT_SECONDS = (
    90  # the change stream may hang for as long as a call of the driver may take, which is a minute
)
TRIES = 6
JUNK = b"x" * 1024 * 1024


async def away(here: Scene, server: Server) -> None:
    """Stop a server until its change stream can't be resumed, and see it find that out."""
    for _ in range(TRIES):
        await streaming(server)
        before = len(losses(server))
        with server.stopped():
            for _ in range(
                2
            ):  # what it had asked for when it was stopped, is answered up to a second later
                await roll_over(here)
            await here.written()
        await found_out(server, before)
        if losses(server)[-1] == "OperationFailure":
            return
        # Stopped while it read the log, it is too late for that answer: it lets the stream go and
        # begins a new one, whatever is still known.


async def streaming(server: Server) -> None:
    """Wait until a server follows a change stream: while it begins a new one, there is none to
    lose.
    """
    begun = time.monotonic()
    while re.findall(r'"event": "change stream (begun|lost)"', server.output.read_text())[-1:] != [
        "begun"
    ]:
        assert time.monotonic() - begun < BEGUN_SECONDS, "no change stream is begun"
        await asyncio.sleep(0.05)


async def found_out(server: Server, lost: int) -> None:
    """Wait until a server has lost more change streams than so many."""
    begun = time.monotonic()
    while len(losses(server)) == lost:
        assert time.monotonic() - begun < FOUND_OUT_SECONDS, "the change stream goes on"
        await asyncio.sleep(0.05)


def losses(server: Server) -> list[str]:
    """Why the change stream of a server was lost, each time."""
    return re.findall(r'"error": "(\w+)", "event": "change stream lost"', server.output.read_text())


async def roll_over(here: Scene) -> None:
    """Write by the way until the primary no longer knows what it did before."""
    begun = time.monotonic()
    async with AsyncMongoClient[dict[str, Any]](here.members.uri) as client:
        junk = client["aside"]["junk"]
        now = await newest(client)
        while await oldest(client) <= now:
            await asyncio.gather(
                *(
                    junk.replace_one({"_id": number}, {"junk": JUNK}, upsert=True)
                    for number in range(4)
                )
            )
            assert time.monotonic() - begun < ROLLED_SECONDS, "the oplog does not roll over"


async def oldest(client: AsyncMongoClient[dict[str, Any]]) -> Timestamp:
    [row] = (
        await client["local"]["oplog.rs"]
        .find(projection={"ts": 1})
        .sort({"$natural": 1})
        .limit(1)
        .to_list()
    )
    found: Timestamp = row["ts"]
    return found


async def newest(client: AsyncMongoClient[dict[str, Any]]) -> Timestamp:
    [row] = (
        await client["local"]["oplog.rs"]
        .find(projection={"ts": 1})
        .sort({"$natural": -1})
        .limit(1)
        .to_list()
    )
    found: Timestamp = row["ts"]
    return found


async def play(folder: Path, times: int, most_ms: float) -> None:
    # An oplog is cut only up to the last checkpoint, made each second here.
    async with scene(
        folder, seed_of_the_day(), oplog_mb=OPLOG_MB, options=("--syncdelay", "1")
    ) as here:
        for _ in range(times):
            for server in here.servers:
                await here.play("away", away(here, server), most_ms)
        print(await here.check())  # noqa: T201
        lost = [losses(server) for server in here.servers]
        assert all("OperationFailure" in errors for errors in lost), lost


@pytest.mark.timeout(240)
async def test_feeds_miss_nothing_when_the_oplog_has_rolled_over_meanwhile(tmp_path: Path) -> None:
    await play(tmp_path, times=1, most_ms=3_000)


@pytest.mark.soak
@pytest.mark.timeout(900)
async def test_feeds_miss_nothing_when_the_oplog_rolls_over_again_and_again(tmp_path: Path) -> None:
    await play(tmp_path, times=5, most_ms=300)
