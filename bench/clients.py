"""Clients that send the same requests repeatedly, in a process that this module controls."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self
from uuid import uuid4

from bench.servers import Server

_ANSWER_BYTES = 2**26
_ANSWER_SECONDS = 300


@dataclass(frozen=True, slots=True)
class Load:
    """The figures of a number of requests; times are in seconds."""

    cpu: float
    throughput: float
    median: float
    p99: float
    text: str

    @classmethod
    def of(cls, cpu: float, count: int, found: dict[str, object]) -> Self:
        """Compute the figures from the server's total CPU time and the client's record."""
        times, seconds = found["times"], found["seconds"]
        assert isinstance(times, list)
        assert isinstance(seconds, float)
        return cls(
            cpu / count,
            count / seconds,
            times[len(times) // 2],
            times[len(times) * 99 // 100],
            str(found["text"]),
        )


class Clients:
    """Connections to one server; each sends the next request as soon as the last is answered."""

    def __init__(self, server: Server, process: asyncio.subprocess.Process) -> None:
        self._server = server
        self._process = process

    async def ask(self, count: int) -> Load:
        """Send `count` requests in all, and return the figures."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        before = self._server.cpu_seconds()
        self._process.stdin.write(json.dumps({"count": count}).encode() + b"\n")
        line = await asyncio.wait_for(self._process.stdout.readline(), _ANSWER_SECONDS)
        if not line:
            raise RuntimeError("A client process ended; see its errors above.")
        return Load.of(self._server.cpu_seconds() - before, count, json.loads(line))


def post(path: str, body: object, token: str) -> str:
    """Return the text of an HTTP request."""
    text = json.dumps(body)
    head = (
        f"POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer {token}\r\ncontent-type:"
        " application/json\r\naccept: application/json\r\n"
    )
    return f"{head}content-length: {len(text.encode())}\r\n\r\n{text}"


@asynccontextmanager
async def clients(
    server: Server, requests: Sequence[str], connections: int, folder: Path
) -> AsyncIterator[Clients]:
    """Start a client process until the end of the block."""
    plan = folder / f"{uuid4().hex}.json"
    plan.write_text(
        json.dumps({"port": server.port, "connections": connections, "requests": requests}),
        encoding="utf-8",
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bench.requests",
        str(plan),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=_ANSWER_BYTES,
        cwd=Path(__file__).parent.parent,
        start_new_session=True,
    )
    try:
        yield Clients(server, process)
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()
