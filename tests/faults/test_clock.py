"""One server's clock is set back and forth: a log's times never go back, its numbers have no gap,
and tokens are not valid for longer.
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


async def set_clock(here: Scene, astray: Clock, off: timedelta) -> None:
    astray.set(off)
    for _ in range(6):
        await here.written()


async def told(server: Server, token: str) -> str:
    """What a holder of a token is told: the data's type, or a code."""
    async with httpx2.AsyncClient(headers={"authorization": f"Bearer {token}"}) as client:
        body = (await client.post(server.url, json={"query": "{ __typename }"})).json()
    answer: str = (
        body["errors"][0]["extensions"]["code"] if "errors" in body else body["data"]["__typename"]
    )
    return answer


async def times(here: Scene) -> list[tuple[int, str]]:
    """Number and time of each event on record, oldest first."""
    query = f"""query($after: String) {{ principal(hsaId: "{STOCKHOLM}") {{ events(first: 100, after: $after) {{
        pageInfo {{ endCursor hasNextPage }} edges {{ node {{ sequence at }} }} }} }} }}"""
    found: list[tuple[int, str]] = []
    after, more = None, True
    while more:
        page = (await here.calls.ask(query, after=after))["principal"]["events"]
        found += [(edge["node"]["sequence"], edge["node"]["at"]) for edge in page["edges"]]
        after, more = page["pageInfo"]["endCursor"], page["pageInfo"]["hasNextPage"]
    return found[::-1]


async def versions(here: Scene, document: str) -> list[str]:
    """When each version of a document was made, oldest first; and last, when it was changed."""
    query = """query($id: ID!, $after: String) { caseType(id: $id) { updatedAt
        versions(first: 100, after: $after) { pageInfo { endCursor hasNextPage } edges { node { createdAt } } } } }"""
    found: list[str] = []
    after, more, changed = None, True, ""
    while more:
        one = (await here.calls.ask(query, id=document, after=after))["caseType"]
        found += [edge["node"]["createdAt"] for edge in one["versions"]["edges"]]
        after, more, changed = (
            one["versions"]["pageInfo"]["endCursor"],
            one["versions"]["pageInfo"]["hasNextPage"],
            one["updatedAt"],
        )
    return [*found[::-1], changed]


def never_back(moments: Sequence[str]) -> bool:
    return all(
        datetime.fromisoformat(one) <= datetime.fromisoformat(other)
        for one, other in pairwise(moments)
    )


async def play(folder: Path, offs: Sequence[timedelta], most_ms: float) -> None:
    with clock(folder / "clock") as astray:
        async with scene(folder, seed_of_the_day(), environment=astray.environment) as here:
            for off in here.chance.sample(offs, len(offs)):
                await here.play(f"clock set to {off}", set_clock(here, astray, off), most_ms)
            print(await here.check())  # noqa: T201

            log = await times(here)
            assert [number for number, _ in log] == list(range(1, len(log) + 1))
            assert never_back([at for _, at in log])
            assert datetime.fromisoformat(log[-1][1]) > datetime.now(UTC) + max(offs) - timedelta(
                minutes=10
            )  # it did write by that clock
            for writer in here.writers:
                assert never_back(await versions(here, writer.document))


@pytest.mark.timeout(240)
async def test_times_in_a_log_never_go_back_though_a_servers_clock_is_set_back_and_forth(
    tmp_path: Path,
) -> None:
    await play(tmp_path, [-DAY, timedelta(seconds=-20), timedelta(hours=1)], most_ms=3_000)


@pytest.mark.soak
@pytest.mark.timeout(900)
async def test_times_in_a_log_never_go_back_though_a_servers_clock_is_never_right(
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
async def test_a_token_is_valid_for_no_longer_where_the_clock_is_set_back(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        turned = stack.enter_context(clock(tmp_path / "clock"))
        here = await stack.enter_async_context(
            scene(tmp_path, seed_of_the_day(), environment=turned.environment)
        )
        astray = here.servers[0]
        now = datetime.now(UTC)
        short = sign_in(tmp_path, now, timedelta(seconds=12))
        opened = time.monotonic()
        async with websockets.connect(
            astray.url.replace("http", "ws", 1), subprotocols=[PROTOCOL]
        ) as socket:
            await socket.send(
                json.dumps(
                    {"type": "connection_init", "payload": {"authorization": f"Bearer {short}"}}
                )
            )
            assert json.loads(await socket.recv())["type"] == "connection_ack"
            assert [await told(server, short) for server in here.servers] == ["Query", "Query"]

            turned.set(-DAY)

            # Whoever is connected is cut off when the token ends in truth; who comes now can't be
            # known to be in time.
            fresh = sign_in(tmp_path, datetime.now(UTC), timedelta(hours=1))
            assert [await told(server, fresh) for server in here.servers] == [
                "UNAUTHENTICATED",
                "Query",
            ]
            assert [await told(server, short) for server in here.servers] == [
                "UNAUTHENTICATED",
                "Query",
            ]
            with pytest.raises(websockets.ConnectionClosed) as closed:
                await asyncio.wait_for(socket.recv(), 30)
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == 4403
            assert time.monotonic() - opened > 6

        turned.set(timedelta())
        assert [await told(server, fresh) for server in here.servers] == ["Query", "Query"]
        assert [await told(server, short) for server in here.servers] == [
            "UNAUTHENTICATED",
            "UNAUTHENTICATED",
        ]
        turned.set(DAY)
        assert [await told(server, fresh) for server in here.servers] == [
            "UNAUTHENTICATED",
            "Query",
        ]
        turned.set(timedelta())
        await here.written()
        await here.check()
