"""GraphQL over a websocket: the protocol graphql-transport-ws.

A socket opens also without a valid token: each operation then answers with the error. Each message is checked before it is handled; one that is
none of the protocol's closes the socket. One task for each socket reads; an operation has a task of its own only while it is executed.
Source: https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import orjson
import structlog
from graphql import GraphQLError
from starlette.types import Receive, Scope, Send

from resolvers.live.followers import Follower
from resolvers.viewers import Viewer
from schema.errors import TopLevelError, error_of, formatted, report
from schema.live import Live, Request, request_of
from schema.operations import Operation, refusal
from schema.sessions import Unauthenticated, new_request_id
from store.records import Event

PROTOCOL = "graphql-transport-ws"
WriteNow = Callable[[bytes, bytes, bytes], bool]
"""Writes the three pieces of one text message, and answers whether it did."""
WRITE_NOW = "casetypes.websocket.write"
"""In the `extensions` of a socket's scope: a `WriteNow`. ASGI's `send` is a coroutine that passes through several layers; where thousands of sockets
are told of the same event, most of the cost is there. A server without the extension serves as well, but at that cost."""

_log = structlog.get_logger(__name__)
_BAD_REQUEST = 4400
_UNAUTHORIZED = 4401
_FORBIDDEN = 4403
_SUBPROTOCOL_NOT_ACCEPTABLE = 4406
_INIT_TIMEOUT = 4408
_SUBSCRIBER_EXISTS = 4409
_TOO_MANY = 4429
_LONGEST_TIMER = 24 * 3600.0


class _Refused(Exception):
    """What a client sent ends the socket."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class GraphQLSocket:
    """One websocket, from the handshake to its end."""

    __slots__ = (
        "_closing",
        "_header",
        "_initialised",
        "_protocols",
        "_receive",
        "_seat",
        "_timer",
        "_viewer",
        "live",
        "operations",
        "request_id",
        "send",
        "write_now",
    )

    def __init__(self, live: Live, scope: Scope, receive: Receive, send: Send) -> None:
        self.send = send
        self.write_now: WriteNow | None = scope.get("extensions", {}).get(WRITE_NOW)
        self.live = live
        self.request_id = new_request_id()
        self.operations: dict[str, _Operation] = {}
        self._receive = receive
        self._protocols: list[str] = scope["subprotocols"]
        self._header = next((value.decode("latin-1") for name, value in scope["headers"] if name == b"authorization"), None)
        self._initialised = False
        self._viewer: Viewer | Unauthenticated = Unauthenticated("Sign in with a bearer token in connection_init.", self.request_id)
        self._seat: str | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._closing: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Serve until either side ends it."""
        await self._receive()  # websocket.connect
        if PROTOCOL not in self._protocols:
            await self.send({"type": "websocket.accept"})
            await self._close(_SUBPROTOCOL_NOT_ACCEPTABLE, "Subprotocol not acceptable")
            return
        await self.send({"type": "websocket.accept", "subprotocol": PROTOCOL})
        self.live.metrics.connections.labels("websocket").inc()
        self._close_later(self.live.limits.init_seconds, _INIT_TIMEOUT, "Connection initialisation timeout")
        try:
            while (message := await self._receive())["type"] != "websocket.disconnect":
                await self._handle(_checked(message.get("text")))
        except _Refused as refused:
            await self._close(refused.code, refused.reason)
        except OSError:
            pass  # the client has gone
        finally:
            self._end()
            self.live.metrics.connections.labels("websocket").dec()

    async def context(self) -> Any:
        """Who is behind the socket at this moment."""
        return await self.live.sessions.context(self._viewer, self.request_id)

    async def _handle(self, message: dict[str, Any]) -> None:
        match message["type"]:
            case "connection_init":
                await self._initialise(message)
            case "ping":
                await self.send(_text({"type": "pong"} | _taken(message, "payload")))
            case "pong":
                pass
            case "subscribe":
                await self._subscribe(message)
            case "complete":
                if (operation := self.operations.pop(_id_of(message), None)) is not None:
                    operation.cancel()
            case _:
                raise _Refused(_BAD_REQUEST, "Unknown message type")

    async def _initialise(self, message: dict[str, Any]) -> None:
        if self._initialised:
            raise _Refused(_TOO_MANY, "Too many initialisation requests")
        self._initialised = True
        payload = message.get("payload")
        if payload is not None and not isinstance(payload, dict):
            raise _Refused(_BAD_REQUEST, "Invalid connection init payload")
        given = (value for name, value in (payload or {}).items() if name.lower() == "authorization" and isinstance(value, str))
        self._viewer = viewer = await self.live.sessions.viewer(next(given, self._header), self.request_id)
        if self._timer is not None:
            self._timer.cancel()
        if isinstance(viewer, Viewer):
            if not self.live.seats.take(viewer.subject):
                self.live.metrics.refused.labels("TOO_MANY_CONNECTIONS").inc()
                raise _Refused(_TOO_MANY, "Too many connections of one user")
            self._seat = viewer.subject
            # Clients connect again after this code, with the new token that they have by then.
            self._close_later((viewer.expires_at - datetime.now(UTC)).total_seconds(), _FORBIDDEN, "The token has expired")
        await self.send(_text({"type": "connection_ack"}))

    async def _subscribe(self, message: dict[str, Any]) -> None:
        if not self._initialised:
            raise _Refused(_UNAUTHORIZED, "Unauthorized")
        operation_id = _id_of(message)
        if (request := request_of(message.get("payload"))) is None:
            raise _Refused(_BAD_REQUEST, "A payload must have a query, and may have an operationName and variables")
        if operation_id in self.operations:
            raise _Refused(_SUBSCRIBER_EXISTS, f"Subscriber for {operation_id[:64]} already exists")
        operation = _Operation(self, operation_id)
        if len(self.operations) >= self.live.limits.operations:
            self.live.metrics.refused.labels("TOO_MANY_SUBSCRIPTIONS").inc()
            why = f"At most {self.live.limits.operations} operations may be open on one socket."
            await operation.refuse([TopLevelError("TOO_MANY_SUBSCRIPTIONS", why)])
            return
        self.operations[operation_id] = operation
        await operation.start(request)

    def _close_later(self, seconds: float, code: int, reason: str) -> None:
        def close() -> None:
            for operation in self.operations.values():
                operation.cancel()
            self._closing = asyncio.create_task(self._close(code, reason))

        self._timer = asyncio.get_running_loop().call_later(min(max(seconds, 0), _LONGEST_TIMER), close)

    async def _close(self, code: int, reason: str) -> None:
        with suppress(OSError, RuntimeError):  # closed meanwhile
            await self.send({"type": "websocket.close", "code": code, "reason": reason})

    def _end(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        for operation in self.operations.values():
            operation.cancel()
        self.operations.clear()
        if self._seat is not None:
            self.live.seats.leave(self._seat)


class _Operation:
    """One operation on a socket; of a subscription also where it is told."""

    __slots__ = ("_follower", "_head", "_id", "_socket", "_task")

    def __init__(self, socket: GraphQLSocket, operation_id: str) -> None:
        self._socket = socket
        self._id = operation_id
        self._head = b'{"id":' + orjson.dumps(operation_id) + b',"type":"next","payload":'
        self._task: asyncio.Task[None] | None = None
        self._follower: Follower | None = None

    async def start(self, request: Request) -> None:
        """Begin to follow, or to execute: a subscription has its position when this returns."""
        operation = self._socket.live.operation_of(request)
        if operation.errors:
            report(operation.errors, self._socket.request_id)
            await self.refuse(operation.errors)
        elif operation.follows(request.operation_name):
            # One at a time on a socket: who asks for many waits for himself.
            await self._guarded(self._follow(operation, request))
        else:
            self._task = asyncio.create_task(self._guarded(self._execute(operation, request)), name="operation")

    def cancel(self) -> None:
        """End it without a word."""
        if self._task is not None:
            self._task.cancel()
        if self._follower is not None:
            self._follower.close()
            self._follower = None  # the two would keep each other

    def now(self, text: bytes) -> bool:
        """See `Outlet`."""
        return self._socket.write_now is not None and self._socket.write_now(self._head, text, b"}")

    def next(self, text: bytes, event: Event, clinic: str | None) -> Coroutine[Any, Any, None]:  # noqa: ARG002 - streams use them
        """See `Outlet`."""
        return self._socket.send({"type": "websocket.send", "text": (self._head + text + b"}").decode()})  # type: ignore[return-value]

    async def end(self, reason: Exception) -> None:
        """See `Outlet`."""
        await self.refuse([error_of(reason, self._socket.request_id)])

    async def refuse(self, errors: Iterable[GraphQLError]) -> None:
        """End it with errors."""
        if self._socket.operations.get(self._id) is self:
            del self._socket.operations[self._id]
        await self._socket.send(_text({"id": self._id, "type": "error", "payload": formatted(errors)}))

    async def _guarded(self, answering: Coroutine[Any, Any, None]) -> None:
        try:
            await answering
        except OSError:
            pass  # the client has gone
        except Exception as fault:  # noqa: BLE001 - whatever fails, the client is told
            await self.end(fault)

    async def _follow(self, operation: Operation, request: Request) -> None:
        changes = self._socket.live.hub.changes
        context = await self._socket.context()
        if isinstance(context, Unauthenticated):
            await self.refuse([context.error()])
            return
        follower = await self._socket.live.follow(context, operation, request, self, changes=changes)
        if not isinstance(follower, Follower):
            await self.refuse(follower)
        elif self._socket.operations.get(self._id) is self:
            self._follower = follower
        else:
            follower.close()

    async def _execute(self, operation: Operation, request: Request) -> None:
        socket = self._socket
        context = await socket.context()
        if isinstance(context, Unauthenticated):
            await self.refuse([context.error()])
            return
        if (refused := refusal(operation, request.operation_name)) is not None:
            await self.refuse([refused])
            return
        result = await socket.live.execute(context, operation, request)
        answer = {"data": result.data} | ({"errors": formatted(result.errors)} if result.errors else {})
        await socket.send(_text({"id": self._id, "type": "next", "payload": answer}))
        if socket.operations.pop(self._id, None) is not None:
            await socket.send(_text({"id": self._id, "type": "complete"}))


def _text(message: dict[str, Any]) -> dict[str, str]:
    # Text frames: a binary one would make browsers fail.
    return {"type": "websocket.send", "text": orjson.dumps(message).decode()}


def _checked(text: str | None) -> dict[str, Any]:
    if text is None:
        raise _Refused(_BAD_REQUEST, "Messages must be text")
    try:
        message = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise _Refused(_BAD_REQUEST, "Messages must be valid JSON") from None
    if not isinstance(message, dict) or not isinstance(message.get("type"), str):
        raise _Refused(_BAD_REQUEST, "Messages must be objects with a type")
    return message


def _id_of(message: dict[str, Any]) -> str:
    if not isinstance(message.get("id"), str) or not message["id"]:
        raise _Refused(_BAD_REQUEST, "Messages of operations must have an id")
    operation_id: str = message["id"]
    return operation_id


def _taken(message: dict[str, Any], name: str) -> dict[str, Any]:
    return {name: message[name]} if name in message else {}
