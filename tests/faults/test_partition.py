"""Connections between members and servers are cut without notice.

No acknowledged write is lost, none is written twice, and feeds miss no event.
"""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from tests.faults.networks import Network, network
from tests.faults.scenes import Scene, scene, seed_of_the_day

MEMBERS, SERVERS = 3, 2


async def primary_from_the_secondaries(running: Scene, connections: Network) -> None:
    """Servers still reach the old primary, which cannot commit any more, and the new one."""
    primary = await running.members.primary()
    secondaries = [member.place for member in running.members.members if member is not primary]
    connections.cut(primary.place, *secondaries)
    await running.wait_for_writes()
    connections.heal()


async def primary_from_all(running: Scene, connections: Network) -> None:
    primary = await running.members.primary()
    connections.cut(
        primary.place, *(place for place in connections.places if place != primary.place)
    )
    await running.wait_for_writes()
    connections.heal()


async def one_server_from_the_primary(running: Scene, connections: Network) -> None:
    """The server learns from the secondaries which member is the primary, but cannot reach it.

    It responds with an error within seconds, and the other server continues.
    """
    server = running.rng.choice(running.servers)
    connections.cut((await running.members.primary()).place, server.place)
    await running.wait_for_errors("UNAVAILABLE")
    await running.wait_for_writes()
    connections.heal()


async def primary_from_a_secondary(running: Scene, connections: Network) -> None:
    """The primary still reaches a majority, through the third member."""
    primary = await running.members.primary()
    secondaries = [member.place for member in running.members.members if member is not primary]
    connections.cut(primary.place, running.rng.choice(secondaries))
    await asyncio.sleep(running.stopped_seconds)
    await running.wait_for_writes()
    connections.heal()


CUTS: list[Callable[[Scene, Network], Awaitable[None]]] = [
    primary_from_the_secondaries,
    primary_from_all,
    one_server_from_the_primary,
    primary_from_a_secondary,
]


async def play(folder: Path, rounds: int, max_ms: float) -> None:
    with network(MEMBERS + SERVERS) as connections:
        places = tuple(connections.places)
        async with scene(
            folder, seed_of_the_day(), members_at=places[:MEMBERS], servers_at=places[MEMBERS:]
        ) as running:
            for _ in range(rounds):
                for cut in running.rng.sample(CUTS, len(CUTS)):
                    await running.play(cut.__name__, cut(running, connections), max_ms)
            print(await running.check())  # noqa: T201


@pytest.mark.timeout(300)
async def test_nothing_is_lost_repeated_or_reordered_through_one_of_each_cut(
    tmp_path: Path,
) -> None:
    await play(tmp_path, rounds=1, max_ms=3_000)


@pytest.mark.soak
@pytest.mark.timeout(1_800)
async def test_nothing_is_lost_repeated_or_reordered_through_many_cuts(tmp_path: Path) -> None:
    await play(tmp_path, rounds=5, max_ms=300)
