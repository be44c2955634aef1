"""A scene: a replica set, servers, writers and subscribers at work; what may happen to them; and
whether all that was promised held.
"""

import asyncio
import os
import random
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import MappingProxyType

from resolvers.access import development_issuer
from store.records import Role
from tests.callers import BJORKEN, STOCKHOLM
from tests.faults.checker import (
    Acknowledged,
    Logged,
    check_log,
    check_versions,
    compare,
    notifications,
)
from tests.faults.cluster import HERE, Place, ReplicaSet, replica_set
from tests.faults.probes import Probe
from tests.faults.servers import Server, servers
from tests.faults.subscribers import Subscriber
from tests.faults.writers import Calls, Writer

CLINICS = [f"{STOCKHOLM}-1A0{number}" for number in range(1, 6)]
WRITERS = 3
RECOVERED_SECONDS = 60
CAUGHT_UP_SECONDS = 60
VALID_FOR = timedelta(days=30)


@dataclass(frozen=True)
class Scene:
    """All that is running, and what may happen to it.

    Attributes:
        first: The number of the first event that is on record.
        stopped_seconds: For how long something is stopped where nothing has to be waited for.
        enough: Set when the writers shall end.
        writing: The writers' tasks.
        following: The subscribers'.
    """

    chance: random.Random
    members: ReplicaSet
    servers: list[Server]
    calls: Calls
    writers: list[Writer]
    subscribers: list[Subscriber]
    probe: Probe
    first: int
    stopped_seconds: float
    enough: asyncio.Event
    writing: list[asyncio.Task[None]]
    following: list[asyncio.Task[None]]

    async def play(self, name: str, fault: Awaitable[None], most_ms: float) -> None:
        """Let a fault happen, and wait until all is written again; meanwhile no small answer may
        take longer than so long.
        """
        self.probe.slowest_ms = 0
        begun = time.monotonic()
        await fault
        await self.written()
        print(  # noqa: T201
            f"{name}: {time.monotonic() - begun:.1f} s, slowest small answer"
            f" {self.probe.slowest_ms:.0f} ms"
        )
        assert self.probe.slowest_ms < most_ms, name

    async def cut_sockets(self) -> None:
        for subscriber in self.chance.sample(self.subscribers, 4):
            subscriber.cut()

    async def kill_a_server(self) -> None:
        server = self.chance.choice(self.servers)
        await server.kill()
        server.start()
        await server.ready()

    async def stop_a_server(self) -> None:
        """What it had begun is in the others' way, and nobody ends its connections."""
        with self.chance.choice(self.servers).stopped():
            await self.written()

    async def kill_the_primary(self) -> None:
        primary = await self.members.primary()
        await primary.end(signal.SIGKILL)
        await self.written()
        primary.start()

    async def stop_the_primary(self) -> None:
        with (await self.members.primary()).stopped():
            await self.written()

    async def stop_a_secondary(self) -> None:
        primary = await self.members.primary()
        with self.chance.choice(
            [one for one in self.members.members if one is not primary]
        ).stopped():
            await asyncio.sleep(self.stopped_seconds)
            await self.written()

    async def step_down(self) -> None:
        primary = await self.members.primary()
        await primary.ask({"replSetStepDown": 5, "secondaryCatchUpPeriodSecs": 2})
        await self.written()
        assert await self.members.primary() is not primary

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
        while any(
            len(writer.acknowledged) <= count
            for writer, count in zip(self.writers, before, strict=True)
        ):
            self.look()
            assert time.monotonic() - begun < RECOVERED_SECONDS, "writes are not answered again"
            await asyncio.sleep(0.05)

    async def told(self, *codes: str) -> None:
        """Wait until some caller has been told each of some codes once more."""
        before = {code: self.calls.told[code] for code in codes}
        begun = time.monotonic()
        while any(self.calls.told[code] <= count for code, count in before.items()):
            self.look()
            assert time.monotonic() - begun < RECOVERED_SECONDS, f"not all of {codes} were told"
            await asyncio.sleep(0.05)

    def look(self) -> None:
        """Raise what a writer or a subscriber has failed with."""
        for task in (*self.writing, *self.following):
            if task.done():
                task.result()

    async def check(self) -> str:
        """End the writing, then hold all records against each other; what was done is told."""
        self.enough.set()
        await asyncio.gather(*self.writing)
        acknowledged: list[Acknowledged] = [
            write for writer in self.writers for write in writer.acknowledged
        ]
        abandoned = {writer.asked for writer in self.writers if writer.asked is not None}
        log = await read_log(self.calls, self.first)
        problems = check_log("the log", log, self.first, acknowledged, abandoned)
        for writer in self.writers:
            problems += check_versions(
                writer.name, await read_versions(self.calls, writer.document), writer.acknowledged
            )
        for number, subscriber in enumerate(self.subscribers):
            expected: list[object] = list(
                log
                if subscriber.clinics is None
                else notifications(acknowledged, subscriber.clinics)
            )
            await caught_up(subscriber, len(expected))
            self.look()
            problems += compare(f"subscriber {number}", expected, subscriber.got)
        counted = Counter((problem.fault, problem.where) for problem in problems)
        assert not problems, (
            f"{dict(counted)} of {len(acknowledged)} writes; the first: {problems[:5]}"
        )
        deliveries = sum(len(one.got) for one in self.subscribers)
        connections = sum(one.connections for one in self.subscribers)
        told = ", ".join(f"{count} {code}" for code, count in sorted(self.calls.told.items()))
        return (
            f"{len(acknowledged)} writes, {deliveries} deliveries over {connections} connections,"
            f" {self.probe.asked} small answers; told: {told or 'nothing'}"
        )


def sign_in(folder: Path, issued: datetime, valid_for: timedelta = VALID_FOR) -> str:
    """The token of one who may do all that is done."""
    anna, role = f"{STOCKHOLM}-anna", Role.REGIONAL_ADMINISTRATOR
    return development_issuer.token(
        folder / "data",
        role=role,
        unit=STOCKHOLM,
        employee=anna,
        name="Anna",
        valid_for=valid_for,
        now=issued,
    )


@asynccontextmanager
async def scene(
    folder: Path,
    seed: int,
    *,
    stopped_seconds: float = 2,
    disk: Path | None = None,
    members_at: tuple[Place, ...] = (HERE, HERE, HERE),
    servers_at: tuple[Place, ...] = (HERE, HERE),
    oplog_mb: int = 256,
    options: tuple[str, ...] = (),
    environment: Mapping[str, str] = MappingProxyType({}),
) -> AsyncIterator[Scene]:
    """Members, servers, writers and subscribers at work until the end of the block.

    Args:
        folder: For all that is kept.
        seed: Of all that is left to chance.
        stopped_seconds: For how long something is stopped where nothing has to be waited for.
        disk: For the members' data, where that is elsewhere.
        members_at: Where each member runs.
        servers_at: Where each server runs.
        oplog_mb: The size of each member's oplog.
        options: More options of each `mongod`.
        environment: More of the first server's.
    """
    print(f"CASETYPES_FAULT_SEED={seed}")  # noqa: T201 - shown where it fails
    chance = random.Random(seed)  # noqa: S311 - a schedule, no secret
    async with (
        replica_set(disk or folder, members_at, options, oplog_mb=oplog_mb) as members,
        servers(folder, members.uri, servers_at, environment) as running,
    ):
        token = sign_in(
            folder, issued=datetime.now(UTC) - VALID_FOR / 2
        )  # valid whatever clock a server has
        calls = Calls(running, token, chance)
        csv = "hsaId;name\n" + "".join(f"{clinic};Mottagning {clinic}\n" for clinic in CLINICS)
        await calls.do("clinicsImport", "created", principal=STOCKHOLM, csv=csv)
        writers = [
            Writer(f"W{number}", calls, CLINICS, random.Random(chance.random()))  # noqa: S311
            for number in range(WRITERS)
        ]
        for writer in writers:
            await writer.begin()
        newest = (
            f'{{ principal(hsaId: "{STOCKHOLM}") {{ events(first: 1) {{ edges {{ node {{ cursor'
            " sequence } } } } }"
        )
        start = (await calls.ask(newest))["principal"]["events"]["edges"][0]["node"]
        followed = [None, None, [BJORKEN], CLINICS[1:2], CLINICS[:3], CLINICS[2:], CLINICS]
        subscribers = [
            Subscriber(running, token, start["cursor"], one, random.Random(chance.random()))  # noqa: S311
            for one in followed
        ]
        following = [asyncio.create_task(one.run()) for one in subscribers]
        enough = asyncio.Event()
        writing = [asyncio.create_task(writer.run(enough)) for writer in writers]
        try:
            with Probe(running, token) as probe:
                first = start["sequence"] + 1
                yield Scene(
                    chance,
                    members,
                    running,
                    calls,
                    writers,
                    subscribers,
                    probe,
                    first,
                    stopped_seconds,
                    enough,
                    writing,
                    following,
                )
        finally:
            for task in (*following, *writing):
                task.cancel()
            ended = await asyncio.gather(*following, return_exceptions=True)
            await asyncio.gather(*writing, return_exceptions=True)
            await calls.close()
        assert [one for one in ended if not isinstance(one, asyncio.CancelledError)] == []


async def caught_up(subscriber: Subscriber, count: int) -> None:
    """Wait until so many were delivered, or for long enough; what is missing is told by the
    comparison.
    """
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
        found += [
            Logged(one["sequence"], one["action"], one["version"], one["note"])
            for one in nodes
            if one["sequence"] >= first
        ]
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
        hashes |= {
            edge["node"]["number"]: edge["node"]["hash"] for edge in found["versions"]["edges"]
        }
        more, after = (
            found["versions"]["pageInfo"]["hasNextPage"],
            found["versions"]["pageInfo"]["endCursor"],
        )
    return hashes


def seed_of_the_day() -> int:
    """A new one each time, or the one to play again."""
    return int(os.environ.get("CASETYPES_FAULT_SEED", random.SystemRandom().randrange(1_000_000)))
