"""Subscribers with a real websocket client: each goes on after its last cursor, on one server or
another, whatever happens to its connection.
"""

import asyncio
import contextlib
import json
import random
from collections.abc import Callable, Sequence
from typing import Any

import websockets

from tests.callers import STOCKHOLM, Json
from tests.faults.checker import Logged, Told
from tests.faults.servers import Server

_ANSWER_SECONDS = 10
_WAIT_SECONDS = 0.2
_PROTOCOL = websockets.Subprotocol("graphql-transport-ws")
_CLINICS = """subscription($clinics: [HsaId!]!, $after: Cursor!) { clinicNotifications(clinics: $clinics, after: $after) {
    cursor action toVersion note clinic { hsaId } } }"""
_LOG = (
    "subscription($principal: HsaId!, $after: Cursor!) { events(principal: $principal, after:"
    " $after) { cursor sequence action version note } }"
)


class Subscriber:
    """One subscriber.

    Attributes:
        got: All that was delivered, in the order in which it came.
        connections: How often it has connected.
    """

    def __init__(
        self,
        servers: Sequence[Server],
        token: str,
        cursor: str,
        clinics: Sequence[str] | None,
        chance: random.Random,
    ) -> None:
        self.clinics = clinics
        self.got: list[Any] = []
        self.connections = 0
        self._servers = servers
        self._token = token
        self._cursor = cursor
        self._chance = chance
        self._socket: websockets.ClientConnection | None = None
        self._reading = asyncio.Event()
        self._reading.set()
        self._keep: Callable[[Json], Any] = _event if clinics is None else _notification

    async def run(self) -> None:
        """Follow for ever."""
        while True:
            with contextlib.suppress(OSError, websockets.WebSocketException, TimeoutError):
                await self._follow(self._chance.choice(self._servers))
            await asyncio.sleep(_WAIT_SECONDS * self._chance.random())

    def cut(self) -> None:
        """Break the connection without a word."""
        if self._socket is not None:
            self._socket.transport.abort()

    def stop_reading(self) -> None:
        """Take nothing more."""
        self._reading.clear()

    def go_on(self) -> None:
        """Read again."""
        self._reading.set()

    async def _follow(self, server: Server) -> None:
        address = server.url.replace("http", "ws", 1)
        # Hardly anything is read ahead, so that who stops reading is soon felt by the server.
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
                    return  # the database could not be asked: again
                assert message["type"] == "next", message
                assert "errors" not in message["payload"], message
                [told] = message["payload"]["data"].values()
                self.got.append(self._keep(told))
                self._cursor = told["cursor"]
                await self._reading.wait()


def _event(told: Json) -> Logged:
    return Logged(told["sequence"], told["action"], told["version"], told["note"])


def _notification(told: Json) -> Told:
    return Told(told["clinic"]["hsaId"], told["action"], told["toVersion"], told["note"])
