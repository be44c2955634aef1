"""graphql-ws, graphql-sse, Apollo Client and urql follow a clinic: what was missed, then live,
through a cut, once and in order.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.callers import BJORKEN, UPPSALA_CLINIC, Json
from tests.node import NODE
from tests.wire import wire
from tests.world import World

HERE = Path(__file__).parent
CLIENTS = ["graphql_ws", "graphql_sse", "apollo", "urql"]
SECONDS = 30


class Program:
    """A client's program, and the lines that it prints."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def line(self) -> Json:
        """The next line."""
        assert self._process.stdout is not None
        async with asyncio.timeout(SECONDS):
            text = await self._process.stdout.readline()
        assert text, await self.said()
        line: Json = json.loads(text)
        return line

    async def lines(self) -> list[Json]:
        """The one line that tells of many."""
        assert self._process.stdout is not None
        async with asyncio.timeout(SECONDS):
            text = await self._process.stdout.read()
        assert text, await self.said()
        found: list[Json] = json.loads(text)
        return found

    async def said(self) -> str:
        """What it said of faults."""
        assert self._process.stderr is not None
        return (await self._process.stderr.read()).decode()


@asynccontextmanager
async def running(client: str, **wish: object) -> AsyncIterator[Program]:
    """A client's program until the end of the block."""
    process = await asyncio.create_subprocess_exec(
        NODE,
        HERE / f"{client}.mjs",
        json.dumps(wish),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield Program(process)
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


@pytest.mark.parametrize("client", CLIENTS)
async def test_a_client_is_told_what_it_missed_then_live_through_a_cut(
    world: World, npm_packages: Path, client: str
) -> None:
    start = (await world.distribute(world.case_type, BJORKEN))["event"]["cursor"]
    await world.edit(world.case_type, 1, publish=True, introduction="Två.")
    async with wire(world.api.url) as (url, cut):
        wish = {
            "url": url,
            "token": world.staff.token,
            "clinics": [BJORKEN],
            "after": start,
            "count": 4,
        }
        async with running(client, **wish) as program:
            if client == "graphql_ws":
                assert await program.line() == {"roles": ["CLINIC_STAFF"]}
            told = [await program.line()]
            await world.edit(world.case_type, 2, publish=True, introduction="Tre.")
            told.append(await program.line())
            cut()
            await world.edit(world.case_type, 3, publish=True, introduction="Fyra.")
            told.append(await program.line())
            await world.edit(world.case_type, 4, publish=True, introduction="Fem.")
            told.append(await program.line())

    assert [one["toVersion"] for one in told] == [2, 3, 4, 5]


@pytest.mark.parametrize("client", CLIENTS)
async def test_a_client_meets_a_refusal_as_an_answer(
    world: World, npm_packages: Path, client: str
) -> None:
    async with running(
        client,
        url=world.api.url,
        token=world.staff.token,
        clinics=[UPPSALA_CLINIC],
        after=None,
        count=1,
    ) as program:
        if client == "graphql_ws":
            await program.line()

        assert await program.line() == {"refused": ["NOT_FOUND"]}
