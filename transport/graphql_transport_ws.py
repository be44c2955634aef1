"""GraphQL over a websocket: the protocol graphql-transport-ws.

A socket opens also without a valid token: each operation then answers with the error, and soon it
is closed. Each message is checked before it is
handled; one that is none of the protocol's closes the socket. One task for each socket reads; an
operation has a task of its own only while it is
executed.
Source: https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md
"""

import asyncio
from collections.abc import Callable, Container, Coroutine, Iterable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import orjson
import structlog
from graphql import GraphQLError
from starlette.types import Message, Receive, Scope, Send

from execution.executor import Admitted, Refusal
from execution.request import Request, request_of
from execution.sessions import Unauthenticated, new_request_id
from execution.subscriptions.start import Live
from resolvers.access.viewer import Viewer
from resolvers.context import Context
from resolvers.live.followers import Follower
from schema.errors import TopLevelError, error_of, formatted
from store.records import Event
from transport.json_input import NotJson, read_json

PROTOCOL = "graphql-transport-ws"
WriteNow = Callable[[bytes, bytes, bytes], bool]
"""Writes the three pieces of one text message, and answers whether it did."""
WRITE_NOW = "casetypes.websocket.write"
"""In the `extensions` of a socket's scope: a `WriteNow`. ASGI's `send` is a coroutine that passes
through several layers; where thousands of sockets
are told of the same event, most of the cost is there. A server without the extension serves as
well, but at that cost."""

_log = structlog.get_logger(__name__)
_BAD_REQUEST = 4400
_UNAUTHORIZED = 4401
_FORBIDDEN = 4403
_SUBPROTOCOL_NOT_ACCEPTABLE = 4406
_INIT_TIMEOUT = 4408
_SUBSCRIBER_EXISTS = 4409
_TOO_MANY = 4429
_MAX_TIMER = 24 * 3600.0
_MAX_ID = 256


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
        "_foreign",
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
        headers = dict(scope["headers"])
        self._header = (
            headers[b"authorization"].decode("latin-1") if b"authorization" in headers else None
        )
        self._foreign = not _is_welcome(
            headers.get(b"origin"), headers.get(b"host"), live.limits.origins
        )
        self._initialised = False
        self._viewer: Viewer | Unauthenticated = Unauthenticated(
            "Sign in with a bearer token in connection_init.", self.request_id
        )
        self._seat: str | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._closing: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Serve until either side ends it."""
        await self._receive()  # websocket.connect
        if self._foreign:
            _log.warning("origin refused", request_id=self.request_id)
            await self.send({"type": "websocket.close"})  # before it is accepted: HTTP status 403
            return
        if PROTOCOL not in self._protocols:
            await self.send({"type": "websocket.accept"})
            await self._close(_SUBPROTOCOL_NOT_ACCEPTABLE, "Subprotocol not acceptable")
            return
        await self.send({"type": "websocket.accept", "subprotocol": PROTOCOL})
        self.live.metrics.connections.labels("websocket").inc()
        self._close_later(
            self.live.limits.init_seconds, _INIT_TIMEOUT, "Connection initialisation timeout"
        )
        try:
            while (message := await self._receive())["type"] != "websocket.disconnect":
                await self._handle(_checked(message.get("text")))
                # What waits in the queue is handed over without a turn for others: who floods his
                # socket waits for them here.
                await asyncio.sleep(0)
                if self.send is _ended:
                    break
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
        given = (
            value
            for name, value in (payload or {}).items()
            if name.lower() == "authorization" and isinstance(value, str)
        )
        self._viewer = viewer = await self.live.sessions.viewer(
            next(given, self._header), self.request_id
        )
        if self._timer is not None:
            self._timer.cancel()
        if not isinstance(viewer, Viewer):  # nobody has this socket: it has time to be told so
            self._close_later(self.live.limits.init_seconds, _UNAUTHORIZED, "Unauthorized")
        else:
            if not self.live.seats.take(viewer.subject):
                self.live.metrics.refused.labels("TOO_MANY_CONNECTIONS").inc()
                raise _Refused(_TOO_MANY, "Too many connections of one user")
            self._seat = viewer.subject
            # Clients connect again after this code, with the new token that they have by then.
            self._close_later(
                (viewer.expires_at - datetime.now(UTC)).total_seconds(),
                _FORBIDDEN,
                "The token has expired",
            )
        await self.send(_text({"type": "connection_ack"}))

    async def _subscribe(self, message: dict[str, Any]) -> None:
        if not self._initialised:
            raise _Refused(_UNAUTHORIZED, "Unauthorized")
        operation_id = _id_of(message)
        if (request := request_of(message.get("payload"))) is None:
            raise _Refused(
                _BAD_REQUEST,
                "A payload must have a query, and may have an operationName and variables",
            )
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

        self._timer = asyncio.get_running_loop().call_later(min(max(seconds, 0), _MAX_TIMER), close)

    async def _close(self, code: int, reason: str) -> None:
        send, self.send = (
            self.send,
            _ended,
        )  # nothing can be sent after it, whatever is being answered
        with suppress(OSError, RuntimeError):  # closed meanwhile
            await send({"type": "websocket.close", "code": code, "reason": reason})

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
        known = self._socket.live.executor.trusted.known(request.query, request.digest)
        if known is not None and not known.follows(request.operation_name):
            self._task = asyncio.create_task(self._guarded(self._answer(request)), name="operation")
        else:
            # One at a time on a socket: who asks for many waits for himself.
            await self._guarded(self._answer(request))

    def cancel(self) -> None:
        """End it without a word."""
        if self._task is not None:
            self._task.cancel()
        if self._follower is not None:
            self._follower.close()
            self._follower = None  # the two would keep each other

    def now(self, text: bytes) -> bool:
        """See `Sink`."""
        return self._socket.write_now is not None and self._socket.write_now(self._head, text, b"}")

    def next(self, text: bytes, event: Event, clinic: str | None) -> Coroutine[Any, Any, None]:  # noqa: ARG002 - streams use them
        """See `Sink`."""
        return self._socket.send(
            {"type": "websocket.send", "text": (self._head + text + b"}").decode()}
        )  # type: ignore[return-value]

    async def end(self, reason: Exception) -> None:
        """See `Sink`."""
        await self.refuse([error_of(reason, self._socket.request_id)])

    async def refuse(self, errors: Iterable[GraphQLError]) -> None:
        """End it with errors."""
        if self._socket.operations.get(self._id) is self:
            del self._socket.operations[self._id]
        await self._socket.send(
            _text({"id": self._id, "type": "error", "payload": formatted(errors)})
        )

    async def _guarded(self, answering: Coroutine[Any, Any, None]) -> None:
        try:
            await answering
        except OSError:
            pass  # the client has gone
        except Exception as fault:  # noqa: BLE001 - whatever fails, the client is told
            await self.end(fault)

    async def _answer(self, request: Request) -> None:
        socket = self._socket
        changes = socket.live.hub.changes
        context = await socket.context()
        if isinstance(context, Unauthenticated):
            await self.refuse([context.error()])
            return
        try:
            admitted = await socket.live.executor.admit(context, request, "websocket")
        except Refusal as refusal:
            await self.refuse(refusal.answer.refused)
            return
        if admitted.follows:
            await self._follow(context, admitted, request, changes)
        elif self._task is None:
            self._task = asyncio.create_task(
                self._guarded(self._execute(context, request, admitted)), name="operation"
            )
        else:
            await self._execute(context, request, admitted)

    async def _follow(
        self, context: Context, admitted: Admitted, request: Request, changes: int
    ) -> None:
        follower = await self._socket.live.follow(
            context, admitted, request, self, changes=changes, transport="websocket"
        )
        if not isinstance(follower, Follower):
            await self.refuse(follower)
        elif self._socket.operations.get(self._id) is self:
            self._follower = follower
        else:
            follower.close()

    async def _execute(self, context: Context, request: Request, admitted: Admitted) -> None:
        socket = self._socket
        answer = await socket.live.executor.execute(context, request, admitted, "websocket")
        if answer.refused:
            await self.refuse(answer.refused)
            return
        await socket.send(_text({"id": self._id, "type": "next", "payload": answer.as_dict()}))
        if socket.operations.pop(self._id, None) is not None:
            await socket.send(_text({"id": self._id, "type": "complete"}))


async def _ended(message: Message) -> None:  # noqa: ARG001
    """What sends on a socket that is being closed."""
    raise ConnectionResetError


def _is_welcome(origin: bytes | None, host: bytes | None, origins: Container[str]) -> bool:
    """Whether a page of that origin may open sockets: of this server's own, or a named one.

    Who is no browser names none.
    """
    if origin is None or "*" in origins:
        return True
    text = origin.decode("latin-1").lower()
    return text in origins or (
        host is not None and text.partition("://")[2] == host.decode("latin-1").lower()
    )


def _text(message: dict[str, Any]) -> dict[str, str]:
    # Text frames: a binary one would make browsers fail.
    return {"type": "websocket.send", "text": orjson.dumps(message).decode()}


def _checked(text: str | None) -> dict[str, Any]:
    if text is None:
        raise _Refused(_BAD_REQUEST, "Messages must be text")
    try:
        message = read_json(text)
    except NotJson:
        raise _Refused(_BAD_REQUEST, "Messages must be valid JSON") from None
    if not isinstance(message, dict) or not isinstance(message.get("type"), str):
        raise _Refused(_BAD_REQUEST, "Messages must be objects with a type")
    return message


def _id_of(message: dict[str, Any]) -> str:
    if not isinstance(message.get("id"), str) or not message["id"]:
        raise _Refused(_BAD_REQUEST, "Messages of operations must have an id")
    if len(message["id"]) > _MAX_ID:  # it stands before each message of the operation
        raise _Refused(_BAD_REQUEST, f"An id may have at most {_MAX_ID} characters")
    operation_id: str = message["id"]
    return operation_id


def _taken(message: dict[str, Any], name: str) -> dict[str, Any]:
    return {name: message[name]} if name in message else {}
