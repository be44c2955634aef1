"""Many subscribers of one server, spread over client processes, commanded from here."""

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
  clinic { hsaId name } document { id name } by { role unitName } changes { kind path label before after } } }"""


@dataclass(frozen=True, slots=True)
class Subscription:
    """Who subscribes, and to which clinic."""

    token: str
    clinic: str


@dataclass(frozen=True, slots=True)
class Arrivals:
    """When a publication arrived at those whom it reached, in order, by the clock that all
    processes of the machine share (CLOCK_MONOTONIC).
    """

    times: list[float]
    text: str
    other: str
    closed: int


class Crowd:
    """All subscribers of one server."""

    def __init__(self, clients: Sequence["_Client"], size: int) -> None:
        self._clients = clients
        self.size = size

    async def expect(self, marker: str) -> None:
        """Wait, from now on, for the message that holds this text."""
        await self._all("expect", marker=marker)

    async def delivered(self, seconds: float) -> Arrivals:
        """When it arrived, once it has arrived everywhere, the time is up, or nothing more arrives."""
        found = await self._all(
            "delivered", within=seconds + _ANSWER_SECONDS, seconds=seconds, quiet=_QUIET_SECONDS
        )
        times = sorted(time for part in found for time in part["times"])
        return Arrivals(
            times,
            found[0]["text"],
            next((part["other"] for part in found if part["other"]), ""),
            sum(part["closed"] for part in found),
        )

    async def count(self) -> None:
        """Count each subscriber's messages from here."""
        await self._all("count")

    async def counts(self) -> list[int]:
        """How many messages each subscriber has received since."""
        return [count for part in await self._all("counts") for count in part["counts"]]

    async def ports(self) -> list[int]:
        """The subscribers' ends of the connections."""
        return [port for part in await self._all("ports") for port in part["ports"]]

    async def stop_reading(self) -> None:
        """Leave what arrives in the sockets."""
        await self._all("reading", on=False)

    async def go_on_reading(self) -> None:
        """Read again."""
        await self._all("reading", on=True)

    async def _all(
        self, do: str, within: float = _ANSWER_SECONDS, **arguments: Any
    ) -> list[dict[str, Any]]:
        return await asyncio.gather(
            *(client.told(do, within, **arguments) for client in self._clients)
        )


@asynccontextmanager
async def crowd(
    server: Server,
    subscriptions: Sequence[Subscription],
    folder: Path,
    processes: int,
    *,
    narrow: bool = False,
) -> AsyncIterator[Crowd]:
    """Subscribers that are all established, until the end of the block.

    Args:
        server: Whose.
        subscriptions: One for each subscriber.
        folder: Where the plans of the client processes are left; the tokens stand in them.
        processes: How many client processes share them.
        narrow: With receive buffers, and so send buffers of the server, that little fits into.
    """
    async with AsyncExitStack() as stack:
        clients = []
        for share in (
            subscriptions[place::processes] for place in range(min(processes, len(subscriptions)))
        ):
            plan = {
                "port": server.port,
                "query": QUERY,
                "narrow": narrow,
                "subscribers": [[one.token, one.clinic] for one in share],
            }
            clients.append(await stack.enter_async_context(_client(plan, folder)))
        whole = Crowd(clients, len(subscriptions))
        await asyncio.gather(*(client.told("open", _OPEN_SECONDS) for client in clients))
        yield whole


class _Client:
    """A client process."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def told(self, do: str, within: float, **arguments: Any) -> dict[str, Any]:
        """Its answer to a command."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"do": do, **arguments}).encode() + b"\n")
        line = await asyncio.wait_for(self._process.stdout.readline(), within)
        if not line:
            raise RuntimeError(f"A client process ended at {do!r}; its errors stand above.")
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
