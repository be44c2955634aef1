"""Connections of strangers: none is held without a request, none grows without end, none leaves a
stack trace.
"""

import asyncio
import json
import logging
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
import websockets
from structlog.testing import capture_logs

from store.records import Role
from store.registry import Store
from tests.callers import STOCKHOLM, Api, Caller, Json
from tests.serving import serving
from tests.world import World

VIEWER = "{ viewer { roles } }"
PROTOCOL = websockets.Subprotocol("graphql-transport-ws")
SECONDS = 15
ENDLESS = 16 * 1024 * 1024
UPGRADE = (
    b"GET /graphql HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade:"
    b" websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key:"
    b" eHh4eHh4eHh4eHh4eHh4eA==\r\nsec-websocket-protocol: graphql-transport-ws\r\n\r\n"
)


@pytest.fixture
async def strict(mongodb_uri: str, store: Store, tmp_path: Path) -> AsyncIterator[Api]:
    """The app with little patience."""
    limits: Json = {
        "header_seconds": 0.3,
        "socket_init_seconds": 0.3,
        "user_cost_per_second": 0.001,
        "user_cost_burst": 10,
    }
    async with serving(tmp_path, mongodb_uri, store, development=True, **limits) as api:
        yield api


def head(caller: Caller, *lines: str) -> bytes:
    """The beginning of a request, up to its body."""
    common = (
        "POST /graphql HTTP/1.1",
        "host: x",
        f"authorization: Bearer {caller.token}",
        "content-type: application/json",
        *lines,
    )
    return "".join(f"{line}\r\n" for line in (*common, "")).encode()


@asynccontextmanager
async def opened(api: Api) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A bare connection."""
    host, port = api.root.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


# ------------------------------------------------------------- HTTP


@pytest.mark.parametrize("trickle", [b" ", b"\r\n"])
async def test_what_trickles_in_after_an_answer_does_not_hold_the_connection(
    strict: Api, trickle: bytes
) -> None:
    length = "content-length: 1000\r\n" if trickle == b" " else ""
    async with opened(strict) as (reader, writer), asyncio.timeout(SECONDS):
        writer.write(f"GET /health/live HTTP/1.1\r\nhost: x\r\n{length}\r\n".encode())
        answered = await reader.readuntil(b"}")

        writer.write(trickle)
        rest = await reader.read()

    assert answered.startswith(b"HTTP/1.1 200 ")
    assert rest.startswith(b"HTTP/1.1 408 ")


async def test_a_long_body_that_comes_after_its_refusal_does_not_spoil_the_next_request(
    world: World,
) -> None:
    body = json.dumps({"query": VIEWER}).encode()
    async with opened(world.api) as (reader, writer), asyncio.timeout(SECONDS):
        writer.write(
            head(world.region, "content-length: 200000").replace(b"application/json", b"text/plain")
        )
        refused = await reader.readuntil(b"}]}")
        writer.write(b" " * 200_000)

        writer.write(head(world.region, f"content-length: {len(body)}") + body)
        answered = await reader.readuntil(b"}}}")

    assert refused.startswith(b"HTTP/1.1 415 ")
    assert b"HTTP/1.1 200 " in answered


@pytest.mark.parametrize(
    ("first", "again"),
    [
        (b"1\r\n \r\n0\r\nx: ", b"y" * 10_000),
        (b"1\r\n \r\n0\r\n", b"x: " + b"y" * 1_000 + b"\r\n"),
        (b"1;", b"x" * 10_000),
        (b"", b"1\r\n \r\n" * 2_000),
    ],
    ids=["a trailer", "trailers", "an extension", "chunks of a byte"],
)
async def test_what_is_no_body_has_an_end(world: World, first: bytes, again: bytes) -> None:
    sent = 0
    async with opened(world.api) as (_, writer), asyncio.timeout(SECONDS):
        writer.write(head(world.region, "transfer-encoding: chunked") + first)
        with suppress(OSError):
            while sent < ENDLESS:
                writer.write(again)
                await writer.drain()
                sent += len(again)

    assert sent < ENDLESS // 2
    assert await world.region.ask(VIEWER) == {"viewer": {"roles": ["REGIONAL_ADMINISTRATOR"]}}


async def test_odd_requests_are_answered_without_a_trace(
    strict: Api, caplog: pytest.LogCaptureFixture
) -> None:
    upgrade = (
        b"host: x\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n"
    )
    key = b"sec-websocket-key: eHh4eHh4eHh4eHh4eHh4eA==\r\n"
    post = head(strict.caller(Role.REGIONAL_ADMINISTRATOR, STOCKHOLM))[:-2]
    odd = [
        b"GET /graphql?\xff HTTP/1.1\r\n" + upgrade + key + b"\r\n",
        b"GET /graphql HTTP/1.1\r\nx: \xff\r\norigin: \xff\r\n" + upgrade + key + b"\r\n",
        b"GET /graphql HTTP/1.1\r\n" + upgrade + b"\r\n",
        b"GET /graphql HTTP/1.1\r\n" + upgrade + b"sec-websocket-key: x\r\n\r\n",
        b"GET /graphql HTTP/1.1\r\n" + upgrade.replace(b"13", b"99") + key + b"\r\n",
        b"GET /graphql HTTP/1.1\r\n" + upgrade + key + b"content-length: 5\r\n\r\nhello",
        b"POST /graphql HTTP/1.1\r\n" + upgrade + key + b"\r\n",
        b"GET /elsewhere HTTP/1.1\r\n" + upgrade + key + b"\r\n",
        (
            b"GET /graphql HTTP/1.1\r\nhost: x\r\nconnection: upgrade, http2-settings\r\nupgrade:"
            b" h2c\r\nhttp2-settings: x\r\n\r\n"
        ),
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET http://[::1 HTTP/1.1\r\n\r\n",
        b"OPTIONS * HTTP/1.1\r\nhost: x\r\n\r\n",
        b"CONNECT x:1 HTTP/1.1\r\nhost: x\r\n\r\n",
        b"GET //graphql HTTP/1.1\r\nhost: x\r\n\r\n",
        b"GET /exports/%ff%00.csv HTTP/1.1\r\nhost: x\r\n\r\n",
        post + b"content-length: 5\r\ncontent-length: 6\r\n\r\nhello",
        post + b"content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        post + b"transfer-encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        post + b"transfer-encoding: xchunked\r\n\r\n0\r\n\r\n",
        post + b"transfer-encoding : chunked\r\n\r\n0\r\n\r\n",
        post + b"content-length: +5\r\n\r\nhello",
        post + b"content-length: 0x5\r\n\r\nhello",
        post + b"content-length: -1\r\n\r\n",
        post + b"transfer-encoding: chunked\r\n\r\nffffffffffffffffff\r\n",
        post + b"transfer-encoding: chunked\r\n\r\n-1\r\n",
        post + b"x: y\r\n z\r\ncontent-length: 0\r\n\r\n",
        post + b"x: a\nb: c\r\ncontent-length: 0\r\n\r\n",
        post + b"\x00: a\r\ncontent-length: 0\r\n\r\n",
        post + b"expect: 100-continue\r\ncontent-length: 2\r\n\r\n[]",
    ]
    answers = []
    with capture_logs() as logs:
        for piece in odd:
            async with opened(strict) as (reader, writer), asyncio.timeout(SECONDS):
                writer.write(piece)
                answers.append(await reader.readuntil(b"\r\n\r\n"))

    statuses = [int(answer.split()[1]) for answer in answers]
    assert [(status, odd[place]) for place, status in enumerate(statuses) if status >= 500] == []
    assert not [answer for answer in answers if b"\r\nserver:" in answer.lower()]
    assert [one.getMessage() for one in caplog.records if one.levelno >= logging.ERROR] == []
    assert [entry for entry in logs if entry["log_level"] not in {"info", "warning"}] == []


# ------------------------------------------------------------- websockets


async def ended(ws: websockets.ClientConnection) -> tuple[int | None, str | None]:
    """Code and reason of the close, after whatever comes before it."""
    async with asyncio.timeout(SECONDS):
        await ws.wait_closed()
    return ws.close_code, ws.close_reason


async def test_a_socket_on_which_nobody_signs_in_is_told_so_and_closed(strict: Api) -> None:
    async with strict.nobody().socket() as socket:
        await socket.subscribe(VIEWER)
        message = await socket.message()

        assert (message["type"], message["payload"][0]["extensions"]["code"]) == (
            "error",
            "UNAUTHENTICATED",
        )
        assert await ended(socket.ws) == (4401, "Unauthorized")


async def test_an_id_that_is_very_long_closes_the_socket(world: World) -> None:
    async with world.region.socket() as socket:
        await socket.subscribe(VIEWER, id="x" * 256)
        assert (await socket.message())["type"] == "next"
        await socket.message()
        await socket.subscribe(VIEWER, id="x" * 257)

        assert (await ended(socket.ws))[0] == 4400


async def test_text_that_is_no_utf_8_closes_the_socket_without_a_trace(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    async with world.region.socket() as socket:
        await socket.ws.send(b'{"type": "ping", "payload": {"\xff": 1}}', text=True)

        assert (await ended(socket.ws))[0] == 1007
    assert [one.getMessage() for one in caplog.records if one.levelno >= logging.ERROR] == []


def masked(message: Json) -> bytes:
    """A text message as clients send it, masked with zeros."""
    payload = json.dumps(message).encode()
    start = (
        bytes((0x81, 0x80 | len(payload)))
        if len(payload) < 126
        else struct.pack("!BBH", 0x81, 0x80 | 126, len(payload))
    )
    return start + bytes(4) + payload


async def test_what_is_being_answered_when_a_socket_is_closed_leaves_no_trace(
    strict: Api, caplog: pytest.LogCaptureFixture
) -> None:
    token = strict.token(Role.REGIONAL_ADMINISTRATOR, STOCKHOLM, valid_for=2)
    # Each is refused late, for it is too much: one is being refused when the token expires. This
    # client does not answer to that.
    asked = [
        {"type": "subscribe", "id": str(number), "payload": {"query": f"# {number}\n{VIEWER}"}}
        for number in range(30)
    ]
    init = {"type": "connection_init", "payload": {"authorization": f"Bearer {token}"}}
    with capture_logs() as logs:
        async with opened(strict) as (reader, writer), asyncio.timeout(SECONDS):
            writer.write(UPGRADE)
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"".join(map(masked, [init, *asked])))
            await reader.readuntil(b"The token has expired")
            while strict.live.connections._open:  # noqa: ASYNC110 - nothing tells of it
                await asyncio.sleep(0.01)

    assert len([entry for entry in logs if entry["event"] == "refused"]) < len(asked)
    assert [one.getMessage() for one in caplog.records if one.levelno >= logging.ERROR] == []
    assert [entry for entry in logs if entry["log_level"] not in {"info", "warning"}] == []
