"""Untrusted connections: idle ones are closed, endless input is cut off, no input causes a fault.

A fault is a stack trace or an error in the log.
"""

import asyncio
import json
import logging
import struct
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest
import websockets
from structlog.testing import capture_logs

from store.records import Role
from store.registry import Store
from tests.callers import STOCKHOLM, Api, Json
from tests.serving import serving
from tests.trust.raw_http import connection, request_head
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
    """The application with short timeouts and a low rate limit."""
    limits: Json = {
        "header_seconds": 0.3,
        "socket_init_seconds": 0.3,
        "user_cost_per_second": 0.001,
        "user_cost_burst": 10,
    }
    async with serving(tmp_path, mongodb_uri, store, development=True, **limits) as api:
        yield api


def logged_faults(caplog: pytest.LogCaptureFixture) -> list[str]:
    """The messages that were logged as errors."""
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]


# ------------------------------------------------------------- HTTP


@pytest.mark.parametrize("trickle", [b" ", b"\r\n"])
async def test_bytes_that_trickle_in_after_a_response_do_not_keep_the_connection_open(
    strict: Api, trickle: bytes
) -> None:
    length = "content-length: 1000\r\n" if trickle == b" " else ""
    async with connection(strict) as (reader, writer), asyncio.timeout(SECONDS):
        writer.write(f"GET /health/live HTTP/1.1\r\nhost: x\r\n{length}\r\n".encode())
        response = await reader.readuntil(b"}")

        writer.write(trickle)
        rest = await reader.read()

    assert response.startswith(b"HTTP/1.1 200 ")
    assert rest.startswith(b"HTTP/1.1 408 ")


async def test_a_long_body_sent_after_its_refusal_does_not_affect_the_next_request(
    world: World,
) -> None:
    body = json.dumps({"query": VIEWER}).encode()
    async with connection(world.api) as (reader, writer), asyncio.timeout(SECONDS):
        head = request_head(world.region, "content-length: 200000")
        writer.write(head.replace(b"application/json", b"text/plain") + b"\r\n")
        refused = await reader.readuntil(b"}]}")
        writer.write(b" " * 200_000)

        writer.write(request_head(world.region, f"content-length: {len(body)}") + b"\r\n" + body)
        response = await reader.readuntil(b"}}}")

    assert refused.startswith(b"HTTP/1.1 415 ")
    assert b"HTTP/1.1 200 " in response


@pytest.mark.parametrize(
    ("start", "repeated"),
    [
        (b"1\r\n \r\n0\r\nx: ", b"y" * 10_000),
        (b"1\r\n \r\n0\r\n", b"x: " + b"y" * 1_000 + b"\r\n"),
        (b"1;", b"x" * 10_000),
        (b"", b"1\r\n \r\n" * 2_000),
    ],
    ids=["a trailer", "trailers", "an extension", "chunks of a byte"],
)
async def test_endless_chunk_framing_and_trailers_are_cut_off(
    world: World, start: bytes, repeated: bytes
) -> None:
    sent = 0
    async with connection(world.api) as (_, writer), asyncio.timeout(SECONDS):
        writer.write(request_head(world.region, "transfer-encoding: chunked") + b"\r\n" + start)
        with suppress(OSError):
            while sent < ENDLESS:
                writer.write(repeated)
                await writer.drain()
                sent += len(repeated)

    assert sent < ENDLESS // 2
    assert await world.region.ask(VIEWER) == {"viewer": {"roles": ["REGIONAL_ADMINISTRATOR"]}}


async def test_malformed_requests_are_answered_without_a_fault(
    strict: Api, caplog: pytest.LogCaptureFixture
) -> None:
    upgrade = (
        b"host: x\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n"
    )
    key = b"sec-websocket-key: eHh4eHh4eHh4eHh4eHh4eA==\r\n"
    post = request_head(strict.caller(Role.REGIONAL_ADMINISTRATOR, STOCKHOLM))
    malformed = [
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
    responses = []
    with capture_logs() as logs:
        for request in malformed:
            async with connection(strict) as (reader, writer), asyncio.timeout(SECONDS):
                writer.write(request)
                responses.append(await reader.readuntil(b"\r\n\r\n"))

    statuses = [int(response.split()[1]) for response in responses]
    answered = zip(statuses, malformed, strict=True)
    assert [(status, request) for status, request in answered if status >= 500] == []
    assert not [response for response in responses if b"\r\nserver:" in response.lower()]
    assert logged_faults(caplog) == []
    assert [entry for entry in logs if entry["log_level"] not in {"info", "warning"}] == []


# ------------------------------------------------------------- websockets


async def close_of(ws: websockets.ClientConnection) -> tuple[int | None, str | None]:
    """Wait until the server closes a websocket. Returns the code and the reason of the close."""
    async with asyncio.timeout(SECONDS):
        await ws.wait_closed()
    return ws.close_code, ws.close_reason


async def test_a_websocket_without_a_token_gets_an_error_and_is_closed(strict: Api) -> None:
    async with strict.nobody().socket() as socket:
        await socket.subscribe(VIEWER)
        message = await socket.message()

        assert (message["type"], message["payload"][0]["extensions"]["code"]) == (
            "error",
            "UNAUTHENTICATED",
        )
        assert await close_of(socket.ws) == (4401, "Unauthorized")


async def test_an_operation_id_over_256_characters_closes_the_websocket(world: World) -> None:
    async with world.region.socket() as socket:
        await socket.subscribe(VIEWER, id="x" * 256)
        assert (await socket.message())["type"] == "next"
        await socket.message()
        await socket.subscribe(VIEWER, id="x" * 257)

        assert (await close_of(socket.ws))[0] == 4400


async def test_text_that_is_not_utf_8_closes_the_websocket_without_a_fault(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    async with world.region.socket() as socket:
        await socket.ws.send(b'{"type": "ping", "payload": {"\xff": 1}}', text=True)

        assert (await close_of(socket.ws))[0] == 1007
    assert logged_faults(caplog) == []


def masked(message: Json) -> bytes:
    """A websocket frame with a text message, masked with zeros."""
    payload = json.dumps(message).encode()
    start = (
        bytes((0x81, 0x80 | len(payload)))
        if len(payload) < 126
        else struct.pack("!BBH", 0x81, 0x80 | 126, len(payload))
    )
    return start + bytes(4) + payload


async def test_operations_that_run_when_a_websocket_is_closed_cause_no_fault(
    strict: Api, caplog: pytest.LogCaptureFixture
) -> None:
    token = strict.token(Role.REGIONAL_ADMINISTRATOR, STOCKHOLM, valid_for=2)
    # The rate limit delays each refusal, so a refusal is pending when the token expires. This
    # client does not answer the close.
    operations = [
        {"type": "subscribe", "id": str(number), "payload": {"query": f"# {number}\n{VIEWER}"}}
        for number in range(30)
    ]
    init = {"type": "connection_init", "payload": {"authorization": f"Bearer {token}"}}
    with capture_logs() as logs:
        async with connection(strict) as (reader, writer), asyncio.timeout(SECONDS):
            writer.write(UPGRADE)
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"".join(map(masked, [init, *operations])))
            await reader.readuntil(b"The token has expired")
            while strict.live.connections._open:  # noqa: ASYNC110 - nothing signals it
                await asyncio.sleep(0.01)

    assert len([entry for entry in logs if entry["event"] == "refused"]) < len(operations)
    assert logged_faults(caplog) == []
    assert [entry for entry in logs if entry["log_level"] not in {"info", "warning"}] == []
