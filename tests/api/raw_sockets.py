"""WebSockets that send any message and wait for their close code."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import websockets

from tests.callers import Api, Caller, Json

PROTOCOL = "graphql-transport-ws"
VIEWER = "{ viewer { roles } }"
NOTIFICATIONS = (
    "subscription($clinics: [HsaId!]!, $after: Cursor) { clinicNotifications(clinics: $clinics,"
    " after: $after) { cursor toVersion } }"
)


@asynccontextmanager
async def open_socket(api: Api, *protocols: str) -> AsyncIterator[websockets.ClientConnection]:
    """Open a socket without sending a message."""
    async with websockets.connect(
        api.url.replace("http", "ws", 1),
        subprotocols=[websockets.Subprotocol(protocol) for protocol in protocols] or None,
    ) as ws:
        yield ws


async def wait_for_close(ws: websockets.ClientConnection) -> tuple[int | None, str | None]:
    """Wait for the close code and reason, and ignore earlier messages."""
    async with asyncio.timeout(10):
        await ws.wait_closed()
    return ws.close_code, ws.close_reason


async def send_and_wait_for_close(
    ws: websockets.ClientConnection, *messages: Any
) -> tuple[int | None, str | None]:
    """Send messages and wait for the close code and reason."""
    for message in messages:
        await ws.send(message if isinstance(message, (str, bytes)) else json.dumps(message))
    return await wait_for_close(ws)


def init(caller: Caller) -> Json:
    return {"type": "connection_init", "payload": {"authorization": f"Bearer {caller.token}"}}
