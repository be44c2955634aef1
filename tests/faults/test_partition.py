"""Lines between members and servers are cut without a word: nothing acknowledged is lost, nothing
is written twice, feeds miss nothing.
"""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from tests.faults.networks import Network, network
from tests.faults.scenes import Scene, scene, seed_of_the_day

MEMBERS, SERVERS = 3, 2


async def primary_from_its_fellows(here: Scene, lines: Network) -> None:
    """Servers still reach the old primary, which can't commit any more, and the new one."""
    primary = await here.members.primary()
    lines.cut(primary.place, *(one.place for one in here.members.members if one is not primary))
    await here.written()
    lines.heal()


async def primary_from_all(here: Scene, lines: Network) -> None:
    primary = await here.members.primary()
    lines.cut(primary.place, *(place for place in lines.places if place != primary.place))
    await here.written()
    lines.heal()


async def one_server_from_the_primary(here: Scene, lines: Network) -> None:
    """It hears from the others who the primary is, and can't reach it.

    It says so within seconds, and the other server goes on.
    """
    server = here.chance.choice(here.servers)
    lines.cut((await here.members.primary()).place, server.place)
    await here.told("UNAVAILABLE")
    await here.written()
    lines.heal()


async def primary_from_a_secondary(here: Scene, lines: Network) -> None:
    """A majority is still reached: through the third."""
    primary = await here.members.primary()
    lines.cut(
        primary.place,
        here.chance.choice([one.place for one in here.members.members if one is not primary]),
    )
    await asyncio.sleep(here.stopped_seconds)
    await here.written()
    lines.heal()


CUTS: list[Callable[[Scene, Network], Awaitable[None]]] = [
    primary_from_its_fellows,
    primary_from_all,
    one_server_from_the_primary,
    primary_from_a_secondary,
]


async def play(folder: Path, rounds: int, most_ms: float) -> None:
    with network(MEMBERS + SERVERS) as lines:
        places = tuple(lines.places)
        async with scene(
            folder, seed_of_the_day(), members_at=places[:MEMBERS], servers_at=places[MEMBERS:]
        ) as here:
            for _ in range(rounds):
                for cut in here.chance.sample(CUTS, len(CUTS)):
                    await here.play(cut.__name__, cut(here, lines), most_ms)
            print(await here.check())  # noqa: T201


@pytest.mark.timeout(300)
async def test_nothing_is_lost_repeated_or_reordered_when_lines_are_cut(tmp_path: Path) -> None:
    await play(tmp_path, rounds=1, most_ms=3_000)


@pytest.mark.soak
@pytest.mark.timeout(1_800)
async def test_nothing_is_lost_repeated_or_reordered_when_lines_are_cut_again_and_again(
    tmp_path: Path,
) -> None:
    await play(tmp_path, rounds=5, most_ms=300)
