"""A client process: sends prepared requests over many connections, each the next as soon as the
last is answered.

It is started and commanded by `bench.clients`. OperationExecutor are hardly looked at, since it shares the
machine with the server: their status, their length,
and of the first one its text.
"""

import asyncio
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import uvloop

_END_OF_HEAD = b"\r\n\r\n"
_LENGTH = b"content-length: "
_OK = b"HTTP/1.1 200 "


class Connection(asyncio.Protocol):
    """One connection with at most one request on its way."""

    def __init__(self) -> None:
        self._answer: asyncio.Future[bytes] | None = None
        self._received = b""
        self._wanted = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ready."""
        self._transport: Any = transport

    def connection_lost(self, exc: Exception | None) -> None:
        """The server went away."""
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(
                exc or ConnectionResetError("The server closed the connection.")
            )

    def data_received(self, data: bytes) -> None:
        """A part of an answer."""
        self._received += data
        if not self._wanted:
            end = self._received.find(_END_OF_HEAD)
            if end < 0:
                return
            head = self._received[:end].lower()
            place = head.index(_LENGTH) + len(_LENGTH)
            self._wanted = end + len(_END_OF_HEAD) + int(head[place:].split(b"\r\n", 1)[0])
        if len(self._received) >= self._wanted:
            answer, self._received, self._wanted = self._received, b"", 0
            assert self._answer is not None
            self._answer.set_result(answer)

    async def ask(self, request: bytes) -> bytes:
        """The whole answer to a request."""
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._answer


async def _run(
    connections: Sequence[Connection], requests: Sequence[bytes], count: int
) -> dict[str, Any]:
    """Send so many requests in all; how long each took, in seconds, and what the first was
    answered.
    """
    left = iter(range(count))
    times: list[float] = []
    texts: list[bytes] = []

    async def work(connection: Connection) -> None:
        for number in left:
            begun = time.perf_counter()
            answer = await connection.ask(requests[number % len(requests)])
            times.append(time.perf_counter() - begun)
            if not answer.startswith(_OK):
                raise RuntimeError(answer[:500].decode(errors="replace"))
            if not texts:
                texts.append(answer.partition(_END_OF_HEAD)[2])

    begun = time.perf_counter()
    await asyncio.gather(*map(work, connections))
    return {
        "seconds": time.perf_counter() - begun,
        "times": sorted(times),
        "text": texts[0].decode(),
    }


async def _commanded(plan: dict[str, Any]) -> None:
    loop = asyncio.get_running_loop()
    requests = [request.encode() for request in plan["requests"]]
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        # Anew each time: the server closes connections on which nothing comes while it is the other
        # side's turn.
        made = [
            await loop.create_connection(Connection, "127.0.0.1", plan["port"])
            for _ in range(plan["connections"])
        ]
        print(
            json.dumps(
                await _run(
                    [connection for _, connection in made], requests, json.loads(line)["count"]
                )
            ),
            flush=True,
        )
        for transport, _ in made:
            transport.close()


if __name__ == "__main__":
    uvloop.run(_commanded(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))))
