"""How much a flood, or hostile input, of one user delays the other users.

These tests measure times, so they run in `make soak` only.
"""

import asyncio
import json
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path

import httpx2
import pytest

from tests.callers import STOCKHOLM
from tests.server_process import serving, token
from tests.trust.corpus import bodies

pytestmark = [pytest.mark.soak, pytest.mark.timeout(900)]

QUERY = (
    f'{{ principal(hsaId: "{STOCKHOLM}") {{ name }} caseTypes(first: 10) {{ edges {{ node {{ id'
    " name state } } } }"
)
ROUNDS = 5
SAMPLES = 400
PAUSE = 0.005
"""Between two requests of the other client, which would otherwise exceed its own rate limit."""
MAX_OTHERS_MS = 300
UPGRADE = (
    "GET /graphql HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade:"
    " websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key:"
    " eHh4eHh4eHh4eHh4eHh4eA==\r\nsec-websocket-protocol: graphql-transport-ws\r\n\r\n"
)
FLOOD_SECONDS = 3


class OtherClient:
    """A client of another user, which sends single requests."""

    def __init__(self, url: str, bearer: str, client: httpx2.AsyncClient) -> None:
        self._url = url
        self._client = client
        self._headers = {"authorization": f"Bearer {bearer}"}

    async def milliseconds(self, query: str = QUERY) -> float:
        """The response time of one request."""
        started_at = time.perf_counter()
        answer = await self._client.post(self._url, json={"query": query}, headers=self._headers)
        assert "errors" not in answer.json(), answer.text
        return (time.perf_counter() - started_at) * 1000

    async def p99(self) -> float:
        """The 99th percentile of `SAMPLES` response times."""
        times = []
        for _ in range(SAMPLES):
            times.append(await self.milliseconds())
            await asyncio.sleep(PAUSE)
        return statistics.quantiles(times, n=100)[98]


@contextmanager
def flooding(url: str, bearer: str) -> Iterator[None]:
    """A flood that lasts until the end of the block."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.trust.flood", url, bearer], stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "started\n"
            yield
        finally:
            process.kill()


@pytest.fixture
async def client() -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(timeout=60) as client:
        yield client


async def test_a_flood_of_one_user_at_most_doubles_the_p99_of_others(
    tmp_path: Path, client: httpx2.AsyncClient
) -> None:
    with serving(tmp_path / "data") as server:
        url = f"{server.status['url']}/graphql"
        other = OtherClient(url, token(tmp_path / "data", employee=f"{STOCKHOLM}-lugn"), client)
        await other.p99()
        quiet, flooded = [], []
        for _ in range(ROUNDS):
            quiet.append(await other.p99())
            with flooding(url, token(tmp_path / "data")):
                flooded.append(await other.p99())

    figures = f"quiet {[round(ms, 1) for ms in quiet]}, flooded {[round(ms, 1) for ms in flooded]}"
    print(f"{figures} ms")  # noqa: T201 - the figures of the run
    assert statistics.median(flooded) <= 2 * statistics.median(quiet), figures


async def test_no_hostile_body_delays_another_client_more_than_300_ms(
    tmp_path: Path, client: httpx2.AsyncClient
) -> None:
    # Rate limits would refuse most of the corpus before it is handled.
    with serving(
        tmp_path / "data",
        CASETYPES_USER_COST_PER_SECOND="0",
        CASETYPES_PRINCIPAL_COST_PER_SECOND="0",
    ) as server:
        url = f"{server.status['url']}/graphql"
        other = OtherClient(url, token(tmp_path / "data", employee=f"{STOCKHOLM}-lugn"), client)
        headers = {
            "authorization": f"Bearer {token(tmp_path / 'data')}",
            "content-type": "application/json",
        }
        slowest = []
        for body in bodies():
            hostile = asyncio.create_task(client.post(url, content=body, headers=headers))
            times = [await other.milliseconds("{ __typename }")]
            while not hostile.done():
                await asyncio.sleep(PAUSE)
                times.append(await other.milliseconds("{ __typename }"))
            assert (await hostile).status_code != HTTPStatus.TOO_MANY_REQUESTS
            slowest.append((max(times), body[:80]))

    print(  # noqa: T201 - the figures of the run
        json.dumps(
            [(round(ms), str(body)) for ms, body in sorted(slowest, reverse=True)[:5]], indent=1
        )
    )
    assert max(slowest)[0] < MAX_OTHERS_MS


def frame(first: int, payload: bytes) -> bytes:
    """A short websocket frame, masked with zeros."""
    return bytes((first, 0x80 | len(payload), 0, 0, 0, 0)) + payload


@pytest.mark.parametrize(
    ("start", "repeated"),
    [
        (b"", frame(0x89, b"")),
        (b"", frame(0x8A, b"")),
        (frame(0x01, b"x"), frame(0x00, b"x")),
        (b"", frame(0x81, b'{"type":"ping"}')),
        (b"", frame(0x81, b'{"type":"pong"}')),
    ],
    ids=["pings", "pongs", "fragments", "ping messages", "pong messages"],
)
async def test_no_flood_of_frames_delays_another_client_more_than_300_ms(
    tmp_path: Path, client: httpx2.AsyncClient, start: bytes, repeated: bytes
) -> None:
    with serving(tmp_path / "data") as server:
        root = server.status["url"]
        host, port = root.removeprefix("http://").split(":")
        other = OtherClient(
            f"{root}/graphql", token(tmp_path / "data", employee=f"{STOCKHOLM}-lugn"), client
        )
        megabyte = repeated * (1024 * 1024 // len(repeated))

        async def flood() -> None:
            while True:
                reader, writer = await asyncio.open_connection(host, int(port))
                writer.write(UPGRADE.encode() + start)
                reading = asyncio.create_task(reader.read(-1))
                try:
                    while True:
                        writer.write(megabyte)
                        await writer.drain()
                except OSError:
                    pass  # The server closed the connection. Open another.
                finally:
                    reading.cancel()
                    writer.transport.abort()

        await other.p99()
        flooding = [asyncio.create_task(flood()) for _ in range(2)]
        times = []
        deadline = time.monotonic() + FLOOD_SECONDS
        while time.monotonic() < deadline:
            times.append(await other.milliseconds("{ __typename }"))
            await asyncio.sleep(PAUSE)
        for task in flooding:
            task.cancel()
        await asyncio.gather(*flooding, return_exceptions=True)

    figures = f"{len(times)} responses, the slowest after {max(times):.0f} ms"
    print(figures)  # noqa: T201 - the figures of the run
    assert max(times) < MAX_OTHERS_MS
