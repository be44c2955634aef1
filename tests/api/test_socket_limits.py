"""Limits of WebSockets, and users that flood them."""

import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from store.records import Role
from store.registry import Store
from tests.api.raw_sockets import (
    NOTIFICATIONS,
    PROTOCOL,
    VIEWER,
    init,
    open_socket,
    send_and_wait_for_close,
    wait_for_close,
)
from tests.callers import BJORKEN, STOCKHOLM, Api
from tests.serving import serving
from tests.world import World


@pytest.fixture
async def strict(mongodb_uri: str, store: Store, tmp_path: Path) -> AsyncIterator[Api]:
    """The application with low limits."""
    limits: dict[str, Any] = {
        "connections_per_user": 2,
        "subscriptions_per_socket": 3,
        "socket_init_seconds": 0.3,
    }
    async with serving(tmp_path, mongodb_uri, store, development=True, **limits) as api:
        yield api


async def test_a_socket_without_a_handshake_is_closed(strict: Api) -> None:
    async with open_socket(strict, PROTOCOL) as ws:
        assert await wait_for_close(ws) == (4408, "Connection initialisation timeout")


async def test_connections_are_limited_per_user(strict: Api) -> None:
    first, second = (
        strict.caller(Role.REGIONAL_ADMINISTRATOR, STOCKHOLM, employee=f"{STOCKHOLM}-{name}")
        for name in "AB"
    )
    async with AsyncExitStack() as stack:
        for caller in (first, first, second):
            await stack.enter_async_context(caller.socket())
        async with open_socket(strict, PROTOCOL) as ws:
            assert await send_and_wait_for_close(ws, init(first)) == (
                4429,
                "Too many connections of one user",
            )
    async with first.socket() as again:
        await again.subscribe(VIEWER)
        assert (await again.message())["type"] == "next"


async def test_subscriptions_are_limited_per_socket(strict: Api) -> None:
    query = f'subscription {{ events(principal: "{STOCKHOLM}") {{ sequence }} }}'
    async with strict.caller(Role.REGIONAL_ADMINISTRATOR, STOCKHOLM).socket() as socket:
        for number in range(4):
            await socket.subscribe(query, id=str(number))
        message = await socket.message()
        await socket.ws.send('{"id": "0", "type": "complete"}')
        await socket.subscribe(query, id="5")
        await socket.started()

    assert (message["id"], message["payload"][0]["extensions"]["code"]) == (
        "3",
        "TOO_MANY_SUBSCRIPTIONS",
    )


async def test_a_message_over_a_mebibyte_closes_the_socket(world: World) -> None:
    async with world.staff.socket() as socket:
        await socket.subscribe(f"# {'x' * 1024 * 1024}\n{VIEWER}")

        assert (await wait_for_close(socket.ws))[0] == 1009


async def test_a_socket_reset_during_a_flood_leaves_no_followers(world: World) -> None:
    distribution = await world.distribute(world.case_type, BJORKEN)
    async with world.staff.socket() as socket:
        raw = socket.ws.transport.get_extra_info("socket")
        raw.setsockopt(1, 13, struct.pack("ii", 1, 0))  # SO_LINGER: the close is a reset
        for number in range(50):
            await socket.subscribe(
                NOTIFICATIONS,
                id=str(number),
                clinics=[BJORKEN],
                after=distribution["event"]["cursor"],
            )
        socket.ws.transport.abort()

    await world.edit(world.case_type, 1, publish=True, introduction="Två.")
    for _ in range(500):
        if not world.api.live.hub.followers:
            break
        await world.region.ask(VIEWER)
    assert world.api.live.hub.followers == {}


async def test_a_flood_by_one_user_does_not_delay_another_users_notifications(world: World) -> None:
    await world.distribute(world.case_type, BJORKEN)
    flooding = asyncio.Event()

    async def flood(number: int) -> int:
        sent = 0
        async with world.region.socket() as socket:
            while not flooding.is_set():
                await socket.subscribe(
                    NOTIFICATIONS, id=f"{number}-{sent}", clinics=["SE2321000016-9Z99"]
                )
                sent += 1
                if sent % 50 == 0:
                    await socket.message()
        return sent

    async with world.staff.socket() as socket:
        await socket.subscribe(NOTIFICATIONS, clinics=[BJORKEN])
        await socket.started()
        floods = [asyncio.create_task(flood(number)) for number in range(3)]
        delays = []
        for version in range(1, 6):
            await world.edit(
                world.case_type, version, publish=True, introduction=f"Text {version}."
            )
            started_at = asyncio.get_running_loop().time()
            assert (await socket.next())["clinicNotifications"]["toVersion"] == version + 1
            delays.append(asyncio.get_running_loop().time() - started_at)
        flooding.set()
        sent = await asyncio.gather(*floods)

    assert min(sent) > 50
    assert max(delays) < 2
