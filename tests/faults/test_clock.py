"""The clock of one server is set back and forth.

The times in a log never decrease, its sequence numbers have no gap, and tokens are not valid for
longer.
"""

import asyncio
import json
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import httpx2
import pytest
import websockets

from tests.callers import STOCKHOLM
from tests.faults.clocks import Clock, clock
from tests.faults.scenes import Scene, scene, seed_of_the_day, sign_in
from tests.faults.servers import Server

DAY = timedelta(days=1)
PROTOCOL = websockets.Subprotocol("graphql-transport-ws")


async def set_clock(running: Scene, wrong_clock: Clock, offset: timedelta) -> None:
    wrong_clock.set(offset)
    for _ in range(6):
        await running.wait_for_writes()


async def response_with(server: Server, token: str) -> str:
    """Query a server with a token. Returns the root type's name, or the code of the error."""
    async with httpx2.AsyncClient(headers={"authorization": f"Bearer {token}"}) as client:
        body = (await client.post(server.url, json={"query": "{ __typename }"})).json()
    code_or_type: str = (
        body["errors"][0]["extensions"]["code"] if "errors" in body else body["data"]["__typename"]
    )
    return code_or_type


async def times(running: Scene) -> list[tuple[int, str]]:
    """The sequence number and time of each event in the log, oldest first."""
    query = f"""query($after: String) {{ principal(hsaId: "{STOCKHOLM}") {{
        events(first: 100, after: $after) {{
            pageInfo {{ endCursor hasNextPage }} edges {{ node {{ sequence at }} }} }} }} }}"""
    found: list[tuple[int, str]] = []
    after, more = None, True
    while more:
        page = (await running.calls.ask(query, after=after))["principal"]["events"]
        found += [(edge["node"]["sequence"], edge["node"]["at"]) for edge in page["edges"]]
        after, more = page["pageInfo"]["endCursor"], page["pageInfo"]["hasNextPage"]
    return found[::-1]


async def versions(running: Scene, document: str) -> list[str]:
    """The creation times of a document's versions, oldest first, and then its time of change."""
    query = """query($id: ID!, $after: String) { caseType(id: $id) { updatedAt
        versions(first: 100, after: $after) {
            pageInfo { endCursor hasNextPage } edges { node { createdAt } } } } }"""
    found: list[str] = []
    after, more, changed = None, True, ""
    while more:
        case_type = (await running.calls.ask(query, id=document, after=after))["caseType"]
        found += [edge["node"]["createdAt"] for edge in case_type["versions"]["edges"]]
        after, more, changed = (
            case_type["versions"]["pageInfo"]["endCursor"],
            case_type["versions"]["pageInfo"]["hasNextPage"],
            case_type["updatedAt"],
        )
    return [*found[::-1], changed]


def never_decrease(moments: Sequence[str]) -> bool:
    return all(
        datetime.fromisoformat(earlier) <= datetime.fromisoformat(later)
        for earlier, later in pairwise(moments)
    )


async def play(folder: Path, offsets: Sequence[timedelta], max_ms: float) -> None:
    with clock(folder / "clock") as wrong_clock:
        async with scene(folder, seed_of_the_day(), environment=wrong_clock.environment) as running:
            for offset in running.rng.sample(offsets, len(offsets)):
                await running.play(
                    f"clock set to {offset}", set_clock(running, wrong_clock, offset), max_ms
                )
            print(await running.check())  # noqa: T201

            log = await times(running)
            assert [number for number, _ in log] == list(range(1, len(log) + 1))
            assert never_decrease([at for _, at in log])
            # The server wrote with the most advanced clock.
            latest = datetime.now(UTC) + max(offsets) - timedelta(minutes=10)
            assert datetime.fromisoformat(log[-1][1]) > latest
            for writer in running.writers:
                assert never_decrease(await versions(running, writer.document))


@pytest.mark.timeout(240)
async def test_times_in_a_log_never_decrease_when_a_servers_clock_is_set_back_and_forth(
    tmp_path: Path,
) -> None:
    await play(tmp_path, [-DAY, timedelta(seconds=-20), timedelta(hours=1)], max_ms=3_000)


@pytest.mark.soak
@pytest.mark.timeout(900)
async def test_times_in_a_log_never_decrease_when_a_servers_clock_is_set_many_times(
    tmp_path: Path,
) -> None:
    await play(
        tmp_path,
        [
            *(timedelta(hours=hours) for hours in range(-12, 12)),
            *(timedelta(seconds=seconds) for seconds in range(-10, 10)),
        ],
        300,
    )


@pytest.mark.timeout(240)
async def test_a_token_is_not_valid_for_longer_when_the_clock_is_set_back(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        wrong_clock = stack.enter_context(clock(tmp_path / "clock"))
        running = await stack.enter_async_context(
            scene(tmp_path, seed_of_the_day(), environment=wrong_clock.environment)
        )
        wrong_server = running.servers[0]
        now = datetime.now(UTC)
        short = sign_in(tmp_path, now, timedelta(seconds=12))
        opened = time.monotonic()
        async with websockets.connect(
            wrong_server.url.replace("http", "ws", 1), subprotocols=[PROTOCOL]
        ) as socket:
            await socket.send(
                json.dumps(
                    {"type": "connection_init", "payload": {"authorization": f"Bearer {short}"}}
                )
            )
            assert json.loads(await socket.recv())["type"] == "connection_ack"
            assert [await response_with(server, short) for server in running.servers] == [
                "Query",
                "Query",
            ]

            wrong_clock.set(-DAY)

            # The open connection is closed when the token really expires. New tokens are refused,
            # because the server cannot know whether they are valid yet.
            fresh = sign_in(tmp_path, datetime.now(UTC), timedelta(hours=1))
            assert [await response_with(server, fresh) for server in running.servers] == [
                "UNAUTHENTICATED",
                "Query",
            ]
            assert [await response_with(server, short) for server in running.servers] == [
                "UNAUTHENTICATED",
                "Query",
            ]
            with pytest.raises(websockets.ConnectionClosed) as closed:
                await asyncio.wait_for(socket.recv(), 30)
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == 4403
            assert time.monotonic() - opened > 6

        wrong_clock.set(timedelta())
        assert [await response_with(server, fresh) for server in running.servers] == [
            "Query",
            "Query",
        ]
        assert [await response_with(server, short) for server in running.servers] == [
            "UNAUTHENTICATED",
            "UNAUTHENTICATED",
        ]
        wrong_clock.set(DAY)
        assert [await response_with(server, fresh) for server in running.servers] == [
            "UNAUTHENTICATED",
            "Query",
        ]
        wrong_clock.set(timedelta())
        await running.wait_for_writes()
        await running.check()
