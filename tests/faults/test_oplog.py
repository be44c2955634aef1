"""MongoDB's oplog rolls over while a server is stopped.

The server's change stream cannot be resumed, but no feed misses an event.
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
STREAMING_SECONDS = 60
LOST_SECONDS = 90
"""The change stream can hang for as long as a call of the driver can take: a minute."""
TRIES = 6
JUNK = b"x" * 1024 * 1024


async def stop_past_oplog(running: Scene, server: Server) -> None:
    """Stop a server until its change stream cannot be resumed, and wait until it notices that."""
    for _ in range(TRIES):
        await wait_for_stream(server)
        before = len(losses(server))
        with server.stopped():
            # The request that was pending when the server was stopped is answered up to a second
            # later, so the oplog rolls over twice.
            for _ in range(2):
                await roll_over(running)
            await running.wait_for_writes()
        await wait_for_loss(server, before)
        if losses(server)[-1] == "OperationFailure":
            return
        # The server was stopped while it read the log, and its call timed out. It then opens a new
        # stream without trying to resume the old one.


async def wait_for_stream(server: Server) -> None:
    """Wait until a server follows a change stream. It has none while it opens a new one."""
    started_at = time.monotonic()
    events = r'"event": "change stream (started|lost)"'
    while re.findall(events, server.output.read_text())[-1:] != ["started"]:
        assert time.monotonic() - started_at < STREAMING_SECONDS, "no change stream is open"
        await asyncio.sleep(0.05)


async def wait_for_loss(server: Server, lost: int) -> None:
    """Wait until a server has lost more change streams than a number."""
    started_at = time.monotonic()
    while len(losses(server)) == lost:
        assert time.monotonic() - started_at < LOST_SECONDS, "the change stream goes on"
        await asyncio.sleep(0.05)


def losses(server: Server) -> list[str]:
    """The error of each lost change stream of a server."""
    return re.findall(r'"error": "(\w+)", "event": "change stream lost"', server.output.read_text())


async def roll_over(running: Scene) -> None:
    """Write to another database until the oplog of the primary has dropped its earlier entries."""
    started_at = time.monotonic()
    async with AsyncMongoClient[dict[str, Any]](running.members.uri) as client:
        junk = client["aside"]["junk"]
        now = await newest(client)
        while await oldest(client) <= now:
            await asyncio.gather(
                *(
                    junk.replace_one({"_id": number}, {"junk": JUNK}, upsert=True)
                    for number in range(4)
                )
            )
            assert time.monotonic() - started_at < ROLLED_SECONDS, "the oplog does not roll over"


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


async def play(folder: Path, times: int, max_ms: float) -> None:
    # MongoDB truncates the oplog up to the last checkpoint only. Here it makes one every second.
    async with scene(
        folder, seed_of_the_day(), oplog_mb=OPLOG_MB, options=("--syncdelay", "1")
    ) as running:
        for _ in range(times):
            for server in running.servers:
                await running.play("stop_past_oplog", stop_past_oplog(running, server), max_ms)
        print(await running.check())  # noqa: T201
        lost = [losses(server) for server in running.servers]
        assert all("OperationFailure" in errors for errors in lost), lost


@pytest.mark.timeout(240)
async def test_feeds_miss_no_event_when_the_oplog_has_rolled_over(tmp_path: Path) -> None:
    await play(tmp_path, times=1, max_ms=3_000)


@pytest.mark.soak
@pytest.mark.timeout(900)
async def test_feeds_miss_no_event_when_the_oplog_rolls_over_repeatedly(tmp_path: Path) -> None:
    await play(tmp_path, times=5, max_ms=300)
