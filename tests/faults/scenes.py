"""A scene: a running replica set, servers, writers and subscribers.

It can cause faults, and check at the end that no write and no delivery was lost.
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
    check_log,
    check_versions,
    compare,
    notifications,
)
from tests.faults.cluster import HERE, Place, ReplicaSet, replica_set
from tests.faults.probes import Probe
from tests.faults.records import caught_up, read_log, read_versions
from tests.faults.servers import Server, servers
from tests.faults.subscribers import Subscriber
from tests.faults.writers import Calls, Writer

CLINICS = [f"{STOCKHOLM}-1A0{number}" for number in range(1, 6)]
WRITERS = 3
RECOVERED_SECONDS = 60
VALID_FOR = timedelta(days=30)


@dataclass(frozen=True)
class Scene:
    """Everything that runs, and the faults that can happen to it.

    Attributes:
        first: The sequence number of the first event that the writers record.
        stopped_seconds: How long a stopped part stays stopped, if the fault has no other end.
        stop_writing: Set when the writers must end.
        writing: The tasks of the writers.
        following: The tasks of the subscribers.
    """

    rng: random.Random
    members: ReplicaSet
    servers: list[Server]
    calls: Calls
    writers: list[Writer]
    subscribers: list[Subscriber]
    probe: Probe
    first: int
    stopped_seconds: float
    stop_writing: asyncio.Event
    writing: list[asyncio.Task[None]]
    following: list[asyncio.Task[None]]

    async def play(self, name: str, fault: Awaitable[None], max_ms: float) -> None:
        """Cause a fault, and wait until all writers are answered again.

        Args:
            name: The name of the fault, for the output.
            fault: The fault.
            max_ms: The upper bound for the response times of the probe meanwhile.
        """
        self.probe.slowest_ms = 0
        started_at = time.monotonic()
        await fault
        await self.wait_for_writes()
        print(  # noqa: T201
            f"{name}: {time.monotonic() - started_at:.1f} s, slowest response to the probe"
            f" {self.probe.slowest_ms:.0f} ms"
        )
        assert self.probe.slowest_ms < max_ms, name

    async def cut_sockets(self) -> None:
        for subscriber in self.rng.sample(self.subscribers, 4):
            subscriber.cut()

    async def kill_a_server(self) -> None:
        server = self.rng.choice(self.servers)
        await server.kill()
        server.start()
        await server.ready()

    async def stop_a_server(self) -> None:
        """Stop a server. Its open transactions block others, and its connections stay open."""
        with self.rng.choice(self.servers).stopped():
            await self.wait_for_writes()

    async def kill_the_primary(self) -> None:
        primary = await self.members.primary()
        await primary.end(signal.SIGKILL)
        await self.wait_for_writes()
        primary.start()

    async def stop_the_primary(self) -> None:
        with (await self.members.primary()).stopped():
            await self.wait_for_writes()

    async def stop_a_secondary(self) -> None:
        primary = await self.members.primary()
        secondaries = [member for member in self.members.members if member is not primary]
        with self.rng.choice(secondaries).stopped():
            await asyncio.sleep(self.stopped_seconds)
            await self.wait_for_writes()

    async def step_down(self) -> None:
        primary = await self.members.primary()
        await primary.ask({"replSetStepDown": 5, "secondaryCatchUpPeriodSecs": 2})
        await self.wait_for_writes()
        assert await self.members.primary() is not primary

    async def restart_mongodb(self) -> None:
        await self.members.primary()
        await asyncio.gather(*(member.end(signal.SIGTERM) for member in self.members.members))
        for member in self.members.members:
            member.start()

    async def stop_reading(self) -> None:
        subscriber = self.rng.choice(self.subscribers)
        subscriber.stop_reading()
        await asyncio.sleep(self.stopped_seconds)
        subscriber.resume_reading()

    async def wait_for_writes(self) -> None:
        """Wait until every writer has been answered once more."""
        before = [len(writer.acknowledged) for writer in self.writers]
        started_at = time.monotonic()
        while any(
            len(writer.acknowledged) <= count
            for writer, count in zip(self.writers, before, strict=True)
        ):
            self.raise_failures()
            assert time.monotonic() - started_at < RECOVERED_SECONDS, (
                "writes are not answered again"
            )
            await asyncio.sleep(0.05)

    async def wait_for_errors(self, *codes: str) -> None:
        """Wait until each error code has been returned once more."""
        before = {code: self.calls.errors[code] for code in codes}
        started_at = time.monotonic()
        while any(self.calls.errors[code] <= count for code, count in before.items()):
            self.raise_failures()
            passed = time.monotonic() - started_at
            assert passed < RECOVERED_SECONDS, f"not all of {codes} were returned"
            await asyncio.sleep(0.05)

    def raise_failures(self) -> None:
        """Raise the error of a writer or a subscriber that has failed."""
        for task in (*self.writing, *self.following):
            if task.done():
                task.result()

    async def check(self) -> str:
        """Stop the writers and compare all records. Returns a summary of the run."""
        self.stop_writing.set()
        await asyncio.gather(*self.writing)
        acknowledged: list[Acknowledged] = [
            write for writer in self.writers for write in writer.acknowledged
        ]
        abandoned = {
            writer.pending_key for writer in self.writers if writer.pending_key is not None
        }
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
            self.raise_failures()
            problems += compare(f"subscriber {number}", expected, subscriber.received)
        counted = Counter((problem.fault, problem.where) for problem in problems)
        assert not problems, (
            f"{dict(counted)} of {len(acknowledged)} writes; the first: {problems[:5]}"
        )
        deliveries = sum(len(subscriber.received) for subscriber in self.subscribers)
        connections = sum(subscriber.connections for subscriber in self.subscribers)
        errors = ", ".join(f"{count} {code}" for code, count in sorted(self.calls.errors.items()))
        return (
            f"{len(acknowledged)} writes, {deliveries} deliveries over {connections} connections,"
            f" {self.probe.responses} responses to the probe; errors: {errors or 'none'}"
        )


def sign_in(folder: Path, issued: datetime, valid_for: timedelta = VALID_FOR) -> str:
    """A token of a regional administrator, who may do everything that the scene does."""
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
    """Run members, servers, writers and subscribers until the end of the block.

    Args:
        folder: The folder for all data.
        seed: The seed of all random choices.
        stopped_seconds: How long a stopped part stays stopped, if the fault has no other end.
        disk: The folder for the members' data, if it is another one.
        members_at: The place of each member.
        servers_at: The place of each server.
        oplog_mb: The size of the oplog of each member.
        options: More options of each `mongod`.
        environment: More environment variables of the first server.
    """
    print(f"CASETYPES_FAULT_SEED={seed}")  # noqa: T201 - pytest shows it if the test fails
    rng = random.Random(seed)  # noqa: S311 - a schedule, no secret
    async with (
        replica_set(disk or folder, members_at, options, oplog_mb=oplog_mb) as members,
        servers(folder, members.uri, servers_at, environment) as running,
    ):
        # Issued in the past and valid for long, so that it is valid by any server's clock.
        token = sign_in(folder, issued=datetime.now(UTC) - VALID_FOR / 2)
        calls = Calls(running, token, rng)
        csv = "hsaId;name\n" + "".join(f"{clinic};Mottagning {clinic}\n" for clinic in CLINICS)
        await calls.do("clinicsImport", "created", principal=STOCKHOLM, csv=csv)
        writers = [
            Writer(f"W{number}", calls, CLINICS, random.Random(rng.random()))  # noqa: S311
            for number in range(WRITERS)
        ]
        for writer in writers:
            await writer.start()
        newest = (
            f'{{ principal(hsaId: "{STOCKHOLM}") {{ events(first: 1) {{ edges {{ node {{ cursor'
            " sequence } } } } }"
        )
        start = (await calls.ask(newest))["principal"]["events"]["edges"][0]["node"]
        followed = [None, None, [BJORKEN], CLINICS[1:2], CLINICS[:3], CLINICS[2:], CLINICS]
        subscribers = [
            Subscriber(running, token, start["cursor"], clinics, random.Random(rng.random()))  # noqa: S311
            for clinics in followed
        ]
        following = [asyncio.create_task(subscriber.run()) for subscriber in subscribers]
        stop_writing = asyncio.Event()
        writing = [asyncio.create_task(writer.run(stop_writing)) for writer in writers]
        try:
            with Probe(running, token) as probe:
                first = start["sequence"] + 1
                yield Scene(
                    rng,
                    members,
                    running,
                    calls,
                    writers,
                    subscribers,
                    probe,
                    first,
                    stopped_seconds,
                    stop_writing,
                    writing,
                    following,
                )
        finally:
            for task in (*following, *writing):
                task.cancel()
            ended = await asyncio.gather(*following, return_exceptions=True)
            await asyncio.gather(*writing, return_exceptions=True)
            await calls.close()
        assert [error for error in ended if not isinstance(error, asyncio.CancelledError)] == []


def seed_of_the_day() -> int:
    """A random seed, or the one in `CASETYPES_FAULT_SEED`, to repeat a run."""
    return int(os.environ.get("CASETYPES_FAULT_SEED", random.SystemRandom().randrange(1_000_000)))
