"""No acknowledged write and no delivery is lost, repeated or told out of order, whatever is killed, stopped or cut off meanwhile.

The schedule of faults is drawn from a seed, which is printed: `CASETYPES_FAULT_SEED=… pytest tests/faults` plays it again.
"""

import asyncio
import os
import random
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from resolvers import development
from store.records import Role
from tests.callers import BJORKEN, STOCKHOLM
from tests.faults.checker import Acknowledged, Logged, check_log, check_versions, compare, notifications
from tests.faults.cluster import ReplicaSet, replica_set
from tests.faults.servers import Server, servers
from tests.faults.subscribers import Subscriber
from tests.faults.writers import Calls, Writer

CLINICS = [f"{STOCKHOLM}-1A0{number}" for number in range(1, 6)]
WRITERS = 3
RECOVERED_SECONDS = 30
CAUGHT_UP_SECONDS = 60


@dataclass(frozen=True)
class Scene:
    """All that is running, and what may happen to it."""

    chance: random.Random
    members: ReplicaSet
    servers: list[Server]
    writers: list[Writer]
    subscribers: list[Subscriber]
    stopped_seconds: float

    async def cut_sockets(self) -> None:
        for subscriber in self.chance.sample(self.subscribers, 4):
            subscriber.cut()

    async def kill_a_server(self) -> None:
        server = self.chance.choice(self.servers)
        await server.kill()
        server.start()
        await server.ready()

    async def kill_the_primary(self) -> None:
        primary = await self.members.primary()
        await primary.end(signal.SIGKILL)
        await self.written()
        primary.start()

    async def stop_the_primary(self) -> None:
        primary = await self.members.primary()
        primary.send(signal.SIGSTOP)
        try:
            await self.written()
        finally:
            primary.send(signal.SIGCONT)

    async def restart_mongodb(self) -> None:
        await self.members.primary()
        await asyncio.gather(*(member.end(signal.SIGTERM) for member in self.members.members))
        for member in self.members.members:
            member.start()

    async def stop_reading(self) -> None:
        subscriber = self.chance.choice(self.subscribers)
        subscriber.stop_reading()
        await asyncio.sleep(self.stopped_seconds)
        subscriber.go_on()

    async def written(self) -> None:
        """Wait until every writer has been answered again."""
        before = [len(writer.acknowledged) for writer in self.writers]
        begun = time.monotonic()
        while any(len(writer.acknowledged) <= count for writer, count in zip(self.writers, before, strict=True)):
            assert time.monotonic() - begun < RECOVERED_SECONDS, "writes are not answered again"
            await asyncio.sleep(0.05)


FAULTS: list[Callable[[Scene], Awaitable[None]]] = [
    Scene.cut_sockets,
    Scene.kill_a_server,
    Scene.kill_the_primary,
    Scene.stop_the_primary,
    Scene.restart_mongodb,
    Scene.stop_reading,
]


@asynccontextmanager
async def scene(folder: Path, seed: int, *, stopped_seconds: float) -> AsyncIterator[tuple[Scene, Calls, str, int]]:
    """Three members, two servers, writers and subscribers that are at work; the cursor and the number that the records begin after."""
    chance = random.Random(seed)  # noqa: S311 - a schedule, no secret
    async with replica_set(folder) as members, servers(folder, members.uri) as running:
        token = development.token(folder / "data", role=Role.REGIONAL_ADMINISTRATOR, unit=STOCKHOLM, employee=f"{STOCKHOLM}-anna", name="Anna")
        calls = Calls(running, token, chance)
        csv = "hsaId;name\n" + "".join(f"{clinic};Mottagning {clinic}\n" for clinic in CLINICS)
        await calls.do("clinicsImport", "created", principal=STOCKHOLM, csv=csv)
        writers = [Writer(f"W{number}", calls, CLINICS, random.Random(chance.random())) for number in range(WRITERS)]  # noqa: S311
        for writer in writers:
            await writer.begin()
        newest = f'{{ principal(hsaId: "{STOCKHOLM}") {{ events(first: 1) {{ edges {{ node {{ cursor sequence }} }} }} }} }}'
        start = (await calls.ask(newest))["principal"]["events"]["edges"][0]["node"]
        followed = [None, None, [BJORKEN], CLINICS[1:2], CLINICS[:3], CLINICS[2:], CLINICS]
        subscribers = [Subscriber(running, token, start["cursor"], one, random.Random(chance.random())) for one in followed]  # noqa: S311
        tasks = [asyncio.create_task(one.run()) for one in subscribers]
        yield Scene(chance, members, running, writers, subscribers, stopped_seconds), calls, start["cursor"], start["sequence"] + 1
        for task in tasks:
            task.cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
        await calls.close()
        assert [one for one in ended if not isinstance(one, asyncio.CancelledError)] == []


async def play(folder: Path, seed: int, rounds: int, stopped_seconds: float) -> str:
    """Let the faults happen while it is written and followed, then hold all records against each other."""
    async with scene(folder, seed, stopped_seconds=stopped_seconds) as (here, calls, _, first):
        enough = asyncio.Event()
        writing = [asyncio.create_task(writer.run(enough)) for writer in here.writers]
        happened = []
        for _ in range(rounds):
            for fault in here.chance.sample(FAULTS, len(FAULTS)):
                happened.append(fault.__name__)
                await fault(here)
                await here.written()
        enough.set()
        await asyncio.gather(*writing)

        acknowledged: list[Acknowledged] = [write for writer in here.writers for write in writer.acknowledged]
        abandoned = {writer.asked for writer in here.writers if writer.asked is not None}
        log = await read_log(calls, first)
        problems = check_log("the log", log, first, acknowledged, abandoned)
        for writer in here.writers:
            problems += check_versions(writer.name, await read_versions(calls, writer.document), writer.acknowledged)
        for number, subscriber in enumerate(here.subscribers):
            expected: list[object] = list(log if subscriber.clinics is None else notifications(acknowledged, subscriber.clinics))
            await caught_up(subscriber, len(expected))
            problems += compare(f"subscriber {number}", expected, subscriber.got)
        assert problems == []
        deliveries = sum(len(one.got) for one in here.subscribers)
        connections = sum(one.connections for one in here.subscribers)
        return f"seed {seed}: {len(acknowledged)} writes, {deliveries} deliveries over {connections} connections; {', '.join(happened)}"


async def caught_up(subscriber: Subscriber, count: int) -> None:
    """Wait until so many were delivered, or for long enough; what is missing is told by the comparison."""
    deadline = time.monotonic() + CAUGHT_UP_SECONDS
    while len(subscriber.got) < count and time.monotonic() < deadline:  # noqa: ASYNC110 - of another process
        await asyncio.sleep(0.05)


async def read_log(calls: Calls, first: int) -> list[Logged]:
    """The log from a number on, oldest first."""
    query = f"""query($after: String) {{ principal(hsaId: "{STOCKHOLM}") {{ events(first: 100, after: $after) {{
        pageInfo {{ endCursor }} edges {{ node {{ sequence action version note }} }} }} }} }}"""
    found: list[Logged] = []
    after = None
    while True:
        page = (await calls.ask(query, after=after))["principal"]["events"]
        nodes = [edge["node"] for edge in page["edges"]]
        found += [Logged(one["sequence"], one["action"], one["version"], one["note"]) for one in nodes if one["sequence"] >= first]
        if not nodes or nodes[-1]["sequence"] < first:
            return found[::-1]
        after = page["pageInfo"]["endCursor"]


async def read_versions(calls: Calls, document: str) -> dict[int, str]:
    """The hash of each version of a case type; its chain must verify."""
    query = """query($id: ID!, $after: String) { caseType(id: $id) { verify { intact }
        versions(first: 100, after: $after) { pageInfo { hasNextPage endCursor } edges { node { number hash } } } } }"""
    hashes: dict[int, str] = {}
    after, more = None, True
    while more:
        found = (await calls.ask(query, id=document, after=after))["caseType"]
        assert found["verify"] == {"intact": True}
        hashes |= {edge["node"]["number"]: edge["node"]["hash"] for edge in found["versions"]["edges"]}
        more, after = found["versions"]["pageInfo"]["hasNextPage"], found["versions"]["pageInfo"]["endCursor"]
    return hashes


def seed_of_the_day() -> int:
    return int(os.environ.get("CASETYPES_FAULT_SEED", random.SystemRandom().randrange(1_000_000)))


@pytest.mark.timeout(240)
async def test_nothing_is_lost_repeated_or_reordered_through_one_of_each_fault(tmp_path: Path) -> None:
    seed = seed_of_the_day()
    print(f"CASETYPES_FAULT_SEED={seed}")  # noqa: T201 - shown where it fails

    print(await play(tmp_path, seed, rounds=1, stopped_seconds=2))  # noqa: T201


@pytest.mark.soak
@pytest.mark.timeout(1_800)
async def test_nothing_is_lost_repeated_or_reordered_through_many_faults(tmp_path: Path) -> None:
    seed = seed_of_the_day()
    print(f"CASETYPES_FAULT_SEED={seed}")  # noqa: T201

    print(await play(tmp_path, seed, rounds=4, stopped_seconds=60))  # noqa: T201
