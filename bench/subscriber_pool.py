"""Many subscribers of one server, in client processes that this module controls."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from bench.servers import Server

_ANSWER_BYTES = 2**28
_OPEN_SECONDS = 1_200
_ANSWER_SECONDS = 60
_QUIET_SECONDS = 15

QUERY = """subscription Feed($clinics: [HsaId!]!) { clinicNotifications(clinics: $clinics) {
  cursor action fromVersion toVersion residentVisible at note
  clinic { hsaId name } document { id name } by { role unitName }
  changes { kind path label before after } } }"""


@dataclass(frozen=True, slots=True)
class Subscription:
    """The token of a subscriber, and the HSA-id of the clinic."""

    token: str
    clinic: str


@dataclass(frozen=True, slots=True)
class DeliveryTimes:
    """When a publication was delivered to the subscribers that received it.

    Attributes:
        times: In order, by the clock that all processes of the machine share (CLOCK_MONOTONIC).
        text: The message, as one subscriber received it.
        other: Another message that a subscriber received; empty for none.
        closed: The number of closed sockets.
    """

    times: list[float]
    text: str
    other: str
    closed: int


class SubscriberPool:
    """The subscribers of one server."""

    def __init__(self, clients: Sequence["_Client"], size: int) -> None:
        self._clients = clients
        self.size = size

    async def expect(self, marker: str) -> None:
        """Wait, from now on, for the message that contains this text."""
        await self._all("expect", marker=marker)

    async def delivered(self, seconds: float) -> DeliveryTimes:
        """Return the delivery times.

        Waits until all subscribers have the message, the time is up, or no more messages arrive.
        """
        found = await self._all(
            "delivered", within=seconds + _ANSWER_SECONDS, seconds=seconds, quiet=_QUIET_SECONDS
        )
        times = sorted(time for part in found for time in part["times"])
        return DeliveryTimes(
            times,
            found[0]["text"],
            next((part["other"] for part in found if part["other"]), ""),
            sum(part["closed"] for part in found),
        )

    async def count(self) -> None:
        """Start counting each subscriber's messages from 0."""
        await self._all("count")

    async def counts(self) -> list[int]:
        """Return how many messages each subscriber has received since `count`."""
        return [count for part in await self._all("counts") for count in part["counts"]]

    async def ports(self) -> list[int]:
        """Return the subscribers' own ports."""
        return [port for part in await self._all("ports") for port in part["ports"]]

    async def stop_reading(self) -> None:
        """Stop reading: messages stay in the sockets."""
        await self._all("reading", on=False)

    async def resume_reading(self) -> None:
        """Continue to read."""
        await self._all("reading", on=True)

    async def _all(
        self, do: str, within: float = _ANSWER_SECONDS, **arguments: Any
    ) -> list[dict[str, Any]]:
        return await asyncio.gather(
            *(client.send(do, within, **arguments) for client in self._clients)
        )


@asynccontextmanager
async def subscriber_pool(
    server: Server,
    subscriptions: Sequence[Subscription],
    folder: Path,
    processes: int,
    *,
    narrow: bool = False,
) -> AsyncIterator[SubscriberPool]:
    """Subscribe to a server, and yield when all subscriptions are established.

    Args:
        server: To subscribe to.
        subscriptions: One for each subscriber.
        folder: For the plans of the client processes, which contain the tokens.
        processes: The number of client processes.
        narrow: Whether to use small receive buffers, so that the server's send buffers are small.
    """
    async with AsyncExitStack() as stack:
        clients = []
        for share in (
            subscriptions[first::processes] for first in range(min(processes, len(subscriptions)))
        ):
            plan = {
                "port": server.port,
                "query": QUERY,
                "narrow": narrow,
                "subscribers": [[subscriber.token, subscriber.clinic] for subscriber in share],
            }
            clients.append(await stack.enter_async_context(_client(plan, folder)))
        pool = SubscriberPool(clients, len(subscriptions))
        await asyncio.gather(*(client.send("open", _OPEN_SECONDS) for client in clients))
        yield pool


class _Client:
    """A client process."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def send(self, do: str, within: float, **arguments: Any) -> dict[str, Any]:
        """Send a command, and return the answer."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"do": do, **arguments}).encode() + b"\n")
        line = await asyncio.wait_for(self._process.stdout.readline(), within)
        if not line:
            raise RuntimeError(f"A client process ended at {do!r}; see its errors above.")
        answer: dict[str, Any] = json.loads(line)
        return answer


@asynccontextmanager
async def _client(plan: dict[str, Any], folder: Path) -> AsyncIterator[_Client]:
    path = folder / f"{uuid4().hex}.json"
    path.write_text(json.dumps(plan), encoding="utf-8")
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bench.subscribers",
        str(path),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=_ANSWER_BYTES,
        cwd=Path(__file__).parent.parent,
        start_new_session=True,
    )
    try:
        yield _Client(process)
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()
