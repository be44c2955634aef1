"""A replica set of real `mongod` processes on this machine, each of which can be killed, stopped
and started again.
"""

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pymongo import AsyncMongoClient
from pymongo.errors import PyMongoError

from store.mongo.mongod_process import find_binary

_NAME = "faults"
_READY_SECONDS = 60
_ANSWER_MS = 500
_POLL_SECONDS = 0.05
_ELECTION_MS = 1_000
_HEARTBEAT_MS = 200


@dataclass(frozen=True, slots=True)
class Place:
    """Where a process runs: the address that others reach it at, and what a command begins with to
    run there.
    """

    host: str
    prefix: tuple[str, ...] = ()


HERE = Place("127.0.0.1")


def free_ports(count: int) -> list[int]:
    """So many ports, free on loopback."""
    with contextlib.ExitStack() as held:
        probes = [held.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]


class Member:
    """One `mongod` of the set: its folder and address outlive its process."""

    def __init__(
        self,
        binary: str,
        folder: Path,
        place: Place,
        port: int,
        options: Sequence[str],
        *,
        oplog_mb: int,
    ) -> None:
        self.place = place
        self.address = f"{place.host}:{port}"
        self._command = [
            *(
                *place.prefix,
                binary,
                "--replSet",
                _NAME,
                "--bind_ip",
                place.host,
                "--port",
                str(port),
            ),
            *("--dbpath", str(folder), "--logpath", f"{folder}.log", "--logappend"),
            *("--nounixsocket", "--noscripting", "--networkMessageCompressors", "disabled"),
            *("--wiredTigerCacheSizeGB", "0.25", "--oplogSize", str(oplog_mb)),
            *(
                "--setParameter",
                "diagnosticDataCollectionEnabled=false",
                "--setParameter",
                "transactionLifetimeLimitSeconds=10",
            ),
            # How long a secondary waits for the member that it copies from, once that is stopped:
            # until then no majority is reached.
            *("--setParameter", "oplogNetworkTimeoutBufferSeconds=1"),
            # A member that is ended in order first tells its clients so, by default for 15 s.
            *("--setParameter", "shutdownTimeoutMillisForSignaledShutdown=1000"),
            *options,
        ]
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        folder.mkdir()

    @property
    def ended(self) -> bool:
        """Whether its process is gone, though nobody killed it."""
        return self._process is not None and self._process.poll() is not None

    def start(self) -> None:
        """Begin; it joins the set by itself."""
        with (self._folder.parent / f"{self._folder.name}.out").open("ab") as printed:
            self._process = subprocess.Popen(
                self._command, stdin=subprocess.DEVNULL, stdout=printed, stderr=subprocess.STDOUT
            )

    def send(self, sent: signal.Signals) -> None:
        """A signal, to a running process."""
        assert self._process is not None
        os.kill(self._process.pid, sent)

    @contextlib.contextmanager
    def stopped(self) -> Iterator[None]:
        """Stopped until the end of the block; its connections stay open and unanswered."""
        self.send(signal.SIGSTOP)
        try:
            yield
        finally:
            self.send(signal.SIGCONT)

    async def end(self, sent: signal.Signals = signal.SIGKILL) -> None:
        """End the process and wait until it is gone; a stopped one too."""
        if self._process is None:
            return
        if self._process.poll() is None:
            self.send(sent)
            if sent != signal.SIGKILL:
                self.send(signal.SIGCONT)
        await asyncio.to_thread(self._process.wait, 30)
        self._process = None

    async def ask(self, command: str | dict[str, Any]) -> dict[str, Any] | None:
        """What this member itself says; None where it does not answer."""
        client: AsyncMongoClient[Any] = AsyncMongoClient(
            f"mongodb://{self.address}/?directConnection=true",
            serverSelectionTimeoutMS=_ANSWER_MS,
            connectTimeoutMS=_ANSWER_MS,
            socketTimeoutMS=_ANSWER_MS,
        )
        try:
            answer: dict[str, Any] = await client.admin.command(command)
        except PyMongoError:
            return None
        else:
            return answer
        finally:
            await client.close()


class ReplicaSet:
    """The members, and what they agree on."""

    def __init__(self, members: list[Member]) -> None:
        self.members = members
        self.uri = f"mongodb://{','.join(member.address for member in members)}/?replicaSet={_NAME}"

    async def primary(self) -> Member:
        """Who takes writes, once all members are up and agree on it: only then may the next one be
        harmed.
        """
        deadline = time.monotonic() + _READY_SECONDS
        while time.monotonic() < deadline:
            answers = await asyncio.gather(*(member.ask("hello") for member in self.members))
            primaries = {answer.get("primary") for answer in answers if answer is not None}
            roles = sum(
                bool(answer and (answer.get("isWritablePrimary") or answer.get("secondary")))
                for answer in answers
            )
            if roles == len(self.members) and len(primaries) == 1:
                for member, answer in zip(self.members, answers, strict=True):
                    if answer and answer.get("isWritablePrimary"):
                        return member
            await asyncio.sleep(_POLL_SECONDS)
        raise AssertionError(f"the replica set has no primary that all agree on: {answers}")

    async def initiate(self) -> None:
        """Make the members one set."""
        config = {
            "_id": _NAME,
            "members": [
                {"_id": number, "host": member.address}
                for number, member in enumerate(self.members)
            ],
            "settings": {
                "electionTimeoutMillis": _ELECTION_MS,
                "heartbeatIntervalMillis": _HEARTBEAT_MS,
            },
        }
        deadline = time.monotonic() + _READY_SECONDS
        client: AsyncMongoClient[Any] = AsyncMongoClient(
            f"mongodb://{self.members[0].address}/?directConnection=true"
        )
        while time.monotonic() < deadline:
            if all(await asyncio.gather(*(member.ask("ping") for member in self.members))):
                break
            await asyncio.sleep(_POLL_SECONDS)
        await client.admin.command("replSetInitiate", config)
        await client.close()
        await self.primary()


@asynccontextmanager
async def replica_set(
    folder: Path,
    places: Sequence[Place] = (HERE, HERE, HERE),
    options: Sequence[str] = (),
    *,
    oplog_mb: int = 256,
) -> AsyncIterator[ReplicaSet]:
    """Members at some places until the end of the block; each is then ended by its pid, whatever
    state it is in.

    Args:
        folder: For their data, each in a folder of its own.
        places: One for each member.
        options: More options of `mongod`.
        oplog_mb: The size of each one's oplog.
    """
    binary = str(find_binary(None, folder))
    ports = free_ports(len(places))
    members = [
        Member(binary, folder / f"member{number}", place, port, options, oplog_mb=oplog_mb)
        for number, (place, port) in enumerate(zip(places, ports, strict=True))
    ]
    try:
        for member in members:
            member.start()
        running = ReplicaSet(members)
        await running.initiate()
        yield running
    finally:
        await asyncio.gather(*(member.end() for member in members))
