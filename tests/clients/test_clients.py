"""graphql-ws, graphql-sse, Apollo Client and urql follow the notifications of a clinic.

Each gets the missed notifications, then the live ones, also after a broken connection, once and in
order.
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
    """A running client program, whose output is read as JSON."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def line(self) -> Json:
        """The object in the next line of the output."""
        assert self._process.stdout is not None
        async with asyncio.timeout(SECONDS):
            text = await self._process.stdout.readline()
        assert text, await self.errors()
        line: Json = json.loads(text)
        return line

    async def list_of_objects(self) -> list[Json]:
        """The list that is the whole remaining output."""
        assert self._process.stdout is not None
        async with asyncio.timeout(SECONDS):
            text = await self._process.stdout.read()
        assert text, await self.errors()
        found: list[Json] = json.loads(text)
        return found

    async def errors(self) -> str:
        """The error output of the program."""
        assert self._process.stderr is not None
        return (await self._process.stderr.read()).decode()


@asynccontextmanager
async def running(client: str, **parameters: object) -> AsyncIterator[Program]:
    """A client program that runs until the end of the block."""
    process = await asyncio.create_subprocess_exec(
        NODE,
        HERE / f"{client}.mjs",
        json.dumps(parameters),
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
async def test_a_client_gets_missed_then_live_notifications_through_a_cut(
    world: World, npm_packages: Path, client: str
) -> None:
    start = (await world.distribute(world.case_type, BJORKEN))["event"]["cursor"]
    await world.edit(world.case_type, 1, publish=True, introduction="Två.")
    async with wire(world.api.url) as (url, cut):
        parameters = {
            "url": url,
            "token": world.staff.token,
            "clinics": [BJORKEN],
            "after": start,
            "count": 4,
        }
        async with running(client, **parameters) as program:
            if client == "graphql_ws":
                assert await program.line() == {"roles": ["CLINIC_STAFF"]}
            delivered = [await program.line()]
            await world.edit(world.case_type, 2, publish=True, introduction="Tre.")
            delivered.append(await program.line())
            cut()
            await world.edit(world.case_type, 3, publish=True, introduction="Fyra.")
            delivered.append(await program.line())
            await world.edit(world.case_type, 4, publish=True, introduction="Fem.")
            delivered.append(await program.line())

    assert [notification["toVersion"] for notification in delivered] == [2, 3, 4, 5]


@pytest.mark.parametrize("client", CLIENTS)
async def test_a_client_does_not_retry_after_a_refusal(
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
