"""Subscribers with a real websocket client.

When a connection breaks, a subscriber continues after its last cursor, on any of the servers.
"""

import asyncio
import contextlib
import json
import random
from collections.abc import Callable, Sequence
from typing import Any

import websockets

from tests.callers import STOCKHOLM, Json
from tests.faults.checker import Logged, Notified
from tests.faults.servers import Server

_ANSWER_SECONDS = 10
_WAIT_SECONDS = 0.2
_PROTOCOL = websockets.Subprotocol("graphql-transport-ws")
_CLINICS = """subscription($clinics: [HsaId!]!, $after: Cursor!) {
    clinicNotifications(clinics: $clinics, after: $after) {
        cursor action toVersion note clinic { hsaId } } }"""
_LOG = (
    "subscription($principal: HsaId!, $after: Cursor!) { events(principal: $principal, after:"
    " $after) { cursor sequence action version note } }"
)


class Subscriber:
    """A subscriber to the notifications of clinics, or to a log.

    Attributes:
        clinics: The clinics that it follows. None if it follows the log.
        received: Everything that was delivered, in the order of arrival.
        connections: How often it has connected.
    """

    def __init__(
        self,
        servers: Sequence[Server],
        token: str,
        cursor: str,
        clinics: Sequence[str] | None,
        rng: random.Random,
    ) -> None:
        self.clinics = clinics
        self.received: list[Any] = []
        self.connections = 0
        self._servers = servers
        self._token = token
        self._cursor = cursor
        self._rng = rng
        self._socket: websockets.ClientConnection | None = None
        self._reading = asyncio.Event()
        self._reading.set()
        self._record: Callable[[Json], Any] = _event if clinics is None else _notification

    async def run(self) -> None:
        """Follow until the task is cancelled."""
        while True:
            with contextlib.suppress(OSError, websockets.WebSocketException, TimeoutError):
                await self._follow(self._rng.choice(self._servers))
            await asyncio.sleep(_WAIT_SECONDS * self._rng.random())

    def cut(self) -> None:
        """Abort the connection."""
        if self._socket is not None:
            self._socket.transport.abort()

    def stop_reading(self) -> None:
        """Stop reading from the connection."""
        self._reading.clear()

    def resume_reading(self) -> None:
        """Read from the connection again."""
        self._reading.set()

    async def _follow(self, server: Server) -> None:
        address = server.url.replace("http", "ws", 1)
        # The client reads hardly anything ahead, so that the server soon notices a stopped reader.
        async with websockets.connect(
            address,
            subprotocols=[_PROTOCOL],
            open_timeout=_ANSWER_SECONDS,
            close_timeout=1,
            max_queue=1,
        ) as socket:
            self._socket = socket
            self.connections += 1
            await socket.send(
                json.dumps(
                    {
                        "type": "connection_init",
                        "payload": {"authorization": f"Bearer {self._token}"},
                    }
                )
            )
            message = json.loads(await asyncio.wait_for(socket.recv(), _ANSWER_SECONDS))
            assert message["type"] == "connection_ack", message
            about: Json = (
                {"principal": STOCKHOLM} if self.clinics is None else {"clinics": self.clinics}
            )
            payload = {
                "query": _LOG if self.clinics is None else _CLINICS,
                "variables": about | {"after": self._cursor},
            }
            await socket.send(json.dumps({"id": "1", "type": "subscribe", "payload": payload}))
            async for text in socket:
                message = json.loads(text)
                if (
                    message["type"] == "error"
                    and message["payload"][0]["extensions"]["code"] == "UNAVAILABLE"
                ):
                    return  # the server could not reach the database: connect again
                assert message["type"] == "next", message
                assert "errors" not in message["payload"], message
                [delivered] = message["payload"]["data"].values()
                self.received.append(self._record(delivered))
                self._cursor = delivered["cursor"]
                await self._reading.wait()


def _event(fields: Json) -> Logged:
    return Logged(fields["sequence"], fields["action"], fields["version"], fields["note"])


def _notification(fields: Json) -> Notified:
    clinic = fields["clinic"]["hsaId"]
    return Notified(clinic, fields["action"], fields["toVersion"], fields["note"])
