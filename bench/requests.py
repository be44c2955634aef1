"""A client process that sends prepared requests over many connections.

Each connection sends the next request as soon as the last one is answered. `bench.clients` starts
and controls the process. It shares the machine with the server, so it reads little of the
responses: their status and length, and the text of the first one.
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
    """One connection with at most one request in flight."""

    def __init__(self) -> None:
        self._answer: asyncio.Future[bytes] | None = None
        self._received = b""
        self._wanted = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport: Any = transport

    def connection_lost(self, exc: Exception | None) -> None:
        """Fail the request in flight."""
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(
                exc or ConnectionResetError("The server closed the connection.")
            )

    def data_received(self, data: bytes) -> None:
        """Receive a part of a response."""
        self._received += data
        if not self._wanted:
            end = self._received.find(_END_OF_HEAD)
            if end < 0:
                return
            head = self._received[:end].lower()
            start = head.index(_LENGTH) + len(_LENGTH)
            self._wanted = end + len(_END_OF_HEAD) + int(head[start:].split(b"\r\n", 1)[0])
        if len(self._received) >= self._wanted:
            answer, self._received, self._wanted = self._received, b"", 0
            assert self._answer is not None
            self._answer.set_result(answer)

    async def ask(self, request: bytes) -> bytes:
        """Send a request, and return the whole response."""
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._answer


async def _run(
    connections: Sequence[Connection], requests: Sequence[bytes], count: int
) -> dict[str, Any]:
    """Send `count` requests in all.

    Returns:
        The time of each request in seconds, and the text of the first response.
    """
    left = iter(range(count))
    times: list[float] = []
    texts: list[bytes] = []

    async def work(connection: Connection) -> None:
        for number in left:
            started = time.perf_counter()
            answer = await connection.ask(requests[number % len(requests)])
            times.append(time.perf_counter() - started)
            if not answer.startswith(_OK):
                raise RuntimeError(answer[:500].decode(errors="replace"))
            if not texts:
                texts.append(answer.partition(_END_OF_HEAD)[2])

    started = time.perf_counter()
    await asyncio.gather(*map(work, connections))
    return {
        "seconds": time.perf_counter() - started,
        "times": sorted(times),
        "text": texts[0].decode(),
    }


async def _serve_commands(plan: dict[str, Any]) -> None:
    loop = asyncio.get_running_loop()
    requests = [request.encode() for request in plan["requests"]]
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        # New connections each time: the server closes idle ones while the other side is measured.
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
    uvloop.run(_serve_commands(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))))
