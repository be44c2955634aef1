"""A process with many websockets, one subscription each, that records the delivery times.

`subscriber_pool.py` starts and controls it. It is a load generator: it reads only the header of
each frame, and searches for the marker of the expected publication. Commands are JSON lines on
standard input, with one answer each. The process ends when its input ends.
"""

import asyncio
import gc
import json
import socket
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from time import monotonic
from typing import Any, cast

import uvloop

Json = dict[str, Any]
_OPENING = 32
_OPEN_SECONDS = 60.0
_TEXT, _CLOSE, _PING, _PONG = 1, 8, 9, 10
_HANDSHAKE = (
    "GET /graphql HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection:"
    " Upgrade\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version:"
    " 13\r\nSec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n"
)


class Deliveries:
    """The delivery times of the expected publication, at all subscribers of the process."""

    def __init__(self) -> None:
        self.marker = b"\x00"
        self.expected = 0
        self.times: list[float] = []
        self.last_text = b""
        self.last_other = b""
        self.closed = 0
        self.all = asyncio.Event()

    def expect(self, marker: bytes, expected: int) -> None:
        """Wait for another publication from now on."""
        self.marker, self.expected, self.times = marker, expected, []
        if not self.closed:
            self.all.clear()

    def cut(self) -> None:
        """Record that a subscriber lost its connection, and stop waiting."""
        self.closed += 1
        self.all.set()

    def arrived(self, message: bytes, at: float) -> None:
        """Record that a subscriber received a message."""
        if self.marker in message:
            self.times.append(at)
            if len(self.times) == self.expected:
                self.last_text = message
                self.all.set()
        else:
            self.last_other = message


class Subscriber(asyncio.Protocol):
    """One websocket with one subscription."""

    __slots__ = ("_answer", "_deliveries", "_rest", "_switched", "messages", "transport")

    def __init__(self, deliveries: Deliveries) -> None:
        self.messages = 0
        self._deliveries = deliveries
        self._rest = b""
        self._switched = False
        self._answer: asyncio.Future[bytes] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self.transport = cast("asyncio.Transport", transport)  # uvloop's does not inherit from it

    def connection_lost(self, exc: Exception | None) -> None:
        """Record the loss of the connection."""
        self._deliveries.cut()
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(exc or ConnectionError("The server closed the socket."))

    def data_received(self, data: bytes) -> None:
        """Read the complete frames of the received data."""
        at = monotonic()
        if self._rest:
            data = self._rest + data
        begin = 0 if self._switched else self._head(data)
        while len(data) - begin >= 2:
            size, start = data[begin + 1], begin + 2
            if size >= 126:  # the next two or eight bytes have the length
                start += 2 if size == 126 else 8
                size = int.from_bytes(data[begin + 2 : start], "big")
            if start + size > len(data):
                break
            self._frame(data[begin] & 0xF, data[start : start + size], at)
            begin = start + size
        self._rest = data[begin:]

    def _head(self, data: bytes) -> int:
        """Return where the response to the handshake ends; uvicorn sends it in one piece."""
        if not data.startswith(b"HTTP/1.1 101 "):
            raise ConnectionError(f"The handshake was refused: {data[:200]!r}")
        self._switched = True
        self._resolve(b"")
        return data.index(b"\r\n\r\n") + 4

    def _frame(self, opcode: int, payload: bytes, at: float) -> None:
        if opcode == _TEXT:
            if self._answer is None:
                self.messages += 1
                self._deliveries.arrived(payload, at)
            else:
                self._resolve(payload)
        elif opcode == _PING:
            self._send(_PONG, payload)
        elif opcode == _CLOSE:
            self.transport.close()

    def _resolve(self, answer: bytes) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(answer)

    def _send(self, opcode: int, payload: bytes) -> None:
        """Send a frame with the mask that clients must send; a mask of zeros changes nothing."""
        size = (
            bytes((0x80 | len(payload),))
            if len(payload) < 126
            else b"\xfe" + len(payload).to_bytes(2, "big")
        )
        self.transport.write(bytes((0x80 | opcode,)) + size + bytes(4) + payload)

    async def _answered(self, *messages: bytes) -> bytes:
        """Send messages, and wait for one answer; an empty list waits for the handshake's."""
        self._answer = asyncio.get_running_loop().create_future()
        for message in messages:
            self._send(_TEXT, message)
        answer = await asyncio.wait_for(self._answer, _OPEN_SECONDS)
        self._answer = None
        return answer

    async def begin(self, port: int, query: str, token: str, clinic: str) -> None:
        """Shake hands, sign in and subscribe.

        The subscription is started when the server answers the ping after it.
        """
        self.transport.write(_HANDSHAKE.format(port=port).encode())
        await self._answered()
        acknowledged = await self._answered(
            _json({"type": "connection_init", "payload": {"Authorization": f"Bearer {token}"}})
        )
        payload = {"query": query, "variables": {"clinics": [clinic]}}
        pong = await self._answered(
            _json({"id": "1", "type": "subscribe", "payload": payload}), _json({"type": "ping"})
        )
        if b'"connection_ack"' not in acknowledged or b'"pong"' not in pong:
            raise ConnectionError(f"The subscription was refused: {acknowledged!r} {pong!r}")


class Subscribers:
    """All subscribers of this process, and the commands."""

    def __init__(self, plan: Json) -> None:
        self._plan = plan
        self._deliveries = Deliveries()
        self._subscribers: list[Subscriber] = []
        self._commands: Mapping[str, Callable[..., Awaitable[Json]]] = {
            "open": self.open,
            "expect": self.expect,
            "delivered": self.delivered,
            "count": self.count,
            "counts": self.counts,
            "ports": self.ports,
            "reading": self.reading,
        }

    async def run(self, command: Json) -> Json:
        """Run a command."""
        return await self._commands[command.pop("do")](**command)

    async def open(self) -> Json:
        """Subscribe all, 32 at a time."""
        free = asyncio.Semaphore(_OPENING)

        async def subscribe(who: Sequence[str]) -> None:
            async with free:
                self._subscribers.append(await self._connect(*who))

        async with asyncio.TaskGroup() as group:
            for who in self._plan["subscribers"]:
                group.create_task(subscribe(who))
        gc.collect()
        gc.freeze()
        # A collection over thousands of sockets would be measured as a delay of the server.
        gc.disable()
        return {"opened": len(self._subscribers)}

    async def _connect(self, token: str, clinic: str) -> Subscriber:
        loop = asyncio.get_running_loop()
        connection = socket.socket()
        connection.setblocking(False)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._plan["narrow"]:
            # Small buffers: the server's send buffer follows from the client's segment size.
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 536)
        await loop.sock_connect(connection, ("127.0.0.1", self._plan["port"]))
        _, subscriber = await loop.create_connection(
            lambda: Subscriber(self._deliveries), sock=connection
        )
        await subscriber.begin(self._plan["port"], self._plan["query"], token, clinic)
        return subscriber

    async def expect(self, marker: str) -> Json:
        """Wait for the message that contains this text."""
        self._deliveries.expect(marker.encode(), len(self._subscribers))
        return {}

    async def delivered(self, seconds: float, quiet: float) -> Json:
        """Return the delivery times.

        Waits until all subscribers have the message, a socket was closed, `seconds` have passed, or
        no message has arrived for `quiet` seconds.
        """
        end = monotonic() + seconds
        seen = -1
        while (
            not self._deliveries.all.is_set()
            and monotonic() < end
            and seen < len(self._deliveries.times)
        ):
            seen = len(self._deliveries.times)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._deliveries.all.wait(), quiet)
        found = self._deliveries
        return {
            "times": found.times,
            "text": found.last_text.decode(),
            "other": found.last_other.decode(),
            "closed": found.closed,
        }

    async def count(self) -> Json:
        """Start counting each subscriber's messages from 0."""
        for subscriber in self._subscribers:
            subscriber.messages = 0
        return {}

    async def counts(self) -> Json:
        """Return how many messages each subscriber has received since `count`."""
        return {"counts": [subscriber.messages for subscriber in self._subscribers]}

    async def ports(self) -> Json:
        """Return the subscribers' own ports."""
        return {
            "ports": [
                subscriber.transport.get_extra_info("sockname")[1]
                for subscriber in self._subscribers
            ]
        }

    async def reading(self, on: bool) -> Json:
        """Stop reading, or continue."""
        for subscriber in self._subscribers:
            if on:
                subscriber.transport.resume_reading()
            else:
                subscriber.transport.pause_reading()
        return {}


def _json(message: Json) -> bytes:
    return json.dumps(message, separators=(",", ":")).encode()


async def main(plan: Json) -> None:
    """Run commands until the input ends."""
    subscribers = Subscribers(plan)
    commands = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(commands), sys.stdin
    )
    while line := await commands.readline():
        print(json.dumps(await subscribers.run(json.loads(line))), flush=True)


if __name__ == "__main__":
    uvloop.run(main(json.loads(Path(sys.argv[1]).read_bytes())))
