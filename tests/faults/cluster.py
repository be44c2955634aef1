"""A replica set of real `mongod` processes on this machine.

A test can kill, stop and restart each of them.
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
    """A network location of processes.

    Attributes:
        host: The address at which other processes reach it.
        prefix: The start of a command that runs there.
    """

    host: str
    prefix: tuple[str, ...] = ()


HERE = Place("127.0.0.1")


def free_ports(count: int) -> list[int]:
    """A number of free ports on loopback."""
    with contextlib.ExitStack() as held:
        probes = [held.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]


class Member:
    """A `mongod` of the set. It keeps its folder and address when its process is restarted."""

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
            # How long a secondary waits for a stopped member that it copies from. No majority is
            # reached until then.
            *("--setParameter", "oplogNetworkTimeoutBufferSeconds=1"),
            # A member that shuts down in order first notifies its clients, by default for 15 s.
            *("--setParameter", "shutdownTimeoutMillisForSignaledShutdown=1000"),
            *options,
        ]
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        folder.mkdir()

    @property
    def ended(self) -> bool:
        """Whether the process has ended although the test did not end it."""
        return self._process is not None and self._process.poll() is not None

    def start(self) -> None:
        """Start the process. It joins the set by itself."""
        with (self._folder.parent / f"{self._folder.name}.out").open("ab") as printed:
            self._process = subprocess.Popen(
                self._command, stdin=subprocess.DEVNULL, stdout=printed, stderr=subprocess.STDOUT
            )

    def send(self, signal_: signal.Signals) -> None:
        """Send a signal to the running process."""
        assert self._process is not None
        os.kill(self._process.pid, signal_)

    @contextlib.contextmanager
    def stopped(self) -> Iterator[None]:
        """Stop the process until the end of the block. Its connections stay open, unanswered."""
        self.send(signal.SIGSTOP)
        try:
            yield
        finally:
            self.send(signal.SIGCONT)

    async def end(self, signal_: signal.Signals = signal.SIGKILL) -> None:
        """End the process, even if it is stopped, and wait for it."""
        if self._process is None:
            return
        if self._process.poll() is None:
            self.send(signal_)
            if signal_ != signal.SIGKILL:
                self.send(signal.SIGCONT)
        await asyncio.to_thread(self._process.wait, 30)
        self._process = None

    async def ask(self, command: str | dict[str, Any]) -> dict[str, Any] | None:
        """Run a command on this member. Returns None if the member does not answer."""
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
    """The members of a replica set, and its address."""

    def __init__(self, members: list[Member]) -> None:
        self.members = members
        self.uri = f"mongodb://{','.join(member.address for member in members)}/?replicaSet={_NAME}"

    async def primary(self) -> Member:
        """Wait until all members are up and agree on a primary. Returns it.

        No fault may be caused before that.
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
        """Form a replica set of the members."""
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
    """A replica set that runs until the end of the block.

    Each member is then ended by its process id, whatever its state is.

    Args:
        folder: The folder for the members' data folders.
        places: The place of each member.
        options: More options of `mongod`.
        oplog_mb: The size of the oplog of each member.
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
