"""GraphQL over a websocket: the protocol graphql-transport-ws.

A socket is also accepted without a valid token: each operation is then answered with the error, and
the socket is soon closed. A message that breaks the protocol closes the socket. One task per socket
reads messages. An operation has a task of its own only while it is executed.

Source: https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md
"""

import asyncio
from collections.abc import Container, MutableMapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import structlog
from starlette.types import Message, Receive, Scope, Send

from execution.request import request_of
from execution.sessions import Unauthenticated, new_request_id
from execution.subscriptions.start import Live
from resolvers.access.viewer import Viewer
from resolvers.context import Context
from schema.errors import TopLevelError
from transport.socket_messages import (
    BAD_REQUEST,
    FORBIDDEN,
    INIT_TIMEOUT,
    PROTOCOL,
    SUBPROTOCOL_NOT_ACCEPTABLE,
    SUBSCRIBER_EXISTS,
    TOO_MANY,
    UNAUTHORIZED,
    WRITE_NOW,
    SocketRefused,
    WriteNow,
    operation_id_of,
    parse_message,
    text_message,
)
from transport.socket_operation import SocketOperation

_log = structlog.get_logger(__name__)
_MAX_TIMER_SECONDS = 24 * 3600.0


class GraphQLSocket:
    """One websocket, from the handshake until it is closed."""

    __slots__ = (
        "_closing",
        "_counted_user",
        "_foreign",
        "_header",
        "_initialised",
        "_protocols",
        "_receive",
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
        self.operations: MutableMapping[str, SocketOperation] = {}
        self._receive = receive
        self._protocols: list[str] = scope["subprotocols"]
        headers = dict(scope["headers"])
        self._header = (
            headers[b"authorization"].decode("latin-1") if b"authorization" in headers else None
        )
        self._foreign = not _is_allowed(
            headers.get(b"origin"), headers.get(b"host"), live.limits.origins
        )
        self._initialised = False
        self._viewer: Viewer | Unauthenticated = Unauthenticated(
            "Sign in with a bearer token in connection_init.", self.request_id
        )
        self._counted_user: str | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._closing: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Serve the socket until the client or the server closes it."""
        await self._receive()  # websocket.connect
        if self._foreign:
            _log.warning("origin refused", request_id=self.request_id)
            await self.send({"type": "websocket.close"})  # not accepted yet: HTTP status 403
            return
        if PROTOCOL not in self._protocols:
            await self.send({"type": "websocket.accept"})
            await self._close(SUBPROTOCOL_NOT_ACCEPTABLE, "Subprotocol not acceptable")
            return
        await self.send({"type": "websocket.accept", "subprotocol": PROTOCOL})
        self.live.metrics.connections.labels("websocket").inc()
        self._close_later(
            self.live.limits.init_seconds, INIT_TIMEOUT, "Connection initialisation timeout"
        )
        try:
            while (message := await self._receive())["type"] != "websocket.disconnect":
                await self._handle(parse_message(message.get("text")))
                # Queued messages are received without waiting: a flooding client yields to the
                # other connections here.
                await asyncio.sleep(0)
                if self.send is _closed:
                    break
        except SocketRefused as refused:
            await self._close(refused.code, refused.reason)
        except OSError:
            pass  # the client has disconnected
        finally:
            self._end()
            self.live.metrics.connections.labels("websocket").dec()

    async def context(self) -> Context | Unauthenticated:
        """Return the context of the caller at this moment, or why there is none."""
        return await self.live.sessions.context(self._viewer, self.request_id)

    async def _handle(self, message: dict[str, Any]) -> None:
        match message["type"]:
            case "connection_init":
                await self._initialise(message)
            case "ping":
                await self.send(text_message({"type": "pong"} | _only(message, "payload")))
            case "pong":
                pass
            case "subscribe":
                await self._subscribe(message)
            case "complete":
                if (operation := self.operations.pop(operation_id_of(message), None)) is not None:
                    operation.cancel()
            case _:
                raise SocketRefused(BAD_REQUEST, "Unknown message type")

    async def _initialise(self, message: dict[str, Any]) -> None:
        if self._initialised:
            raise SocketRefused(TOO_MANY, "Too many initialisation requests")
        self._initialised = True
        payload = message.get("payload")
        if payload is not None and not isinstance(payload, dict):
            raise SocketRefused(BAD_REQUEST, "Invalid connection init payload")
        authorizations = (
            value
            for name, value in (payload or {}).items()
            if name.lower() == "authorization" and isinstance(value, str)
        )
        self._viewer = viewer = await self.live.sessions.viewer(
            next(authorizations, self._header), self.request_id
        )
        if self._timer is not None:
            self._timer.cancel()
        if not isinstance(viewer, Viewer):  # each operation is answered with the error until then
            self._close_later(self.live.limits.init_seconds, UNAUTHORIZED, "Unauthorized")
        else:
            if not self.live.connections.acquire(viewer.subject):
                self.live.metrics.refused.labels("TOO_MANY_CONNECTIONS").inc()
                raise SocketRefused(TOO_MANY, "Too many connections of one user")
            self._counted_user = viewer.subject
            # After this code clients connect again, with a new token.
            self._close_later(
                (viewer.expires_at - datetime.now(UTC)).total_seconds(),
                FORBIDDEN,
                "The token has expired",
            )
        await self.send(text_message({"type": "connection_ack"}))

    async def _subscribe(self, message: dict[str, Any]) -> None:
        if not self._initialised:
            raise SocketRefused(UNAUTHORIZED, "Unauthorized")
        operation_id = operation_id_of(message)
        if (request := request_of(message.get("payload"))) is None:
            raise SocketRefused(
                BAD_REQUEST,
                "A payload must have a query, and may have an operationName and variables",
            )
        if operation_id in self.operations:
            raise SocketRefused(
                SUBSCRIBER_EXISTS, f"Subscriber for {operation_id[:64]} already exists"
            )
        operation = SocketOperation(self, operation_id)
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

        self._timer = asyncio.get_running_loop().call_later(
            min(max(seconds, 0), _MAX_TIMER_SECONDS), close
        )

    async def _close(self, code: int, reason: str) -> None:
        # Operations that are still running must not send after the close.
        send, self.send = self.send, _closed
        with suppress(OSError, RuntimeError):  # the socket has been closed meanwhile
            await send({"type": "websocket.close", "code": code, "reason": reason})

    def _end(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        for operation in self.operations.values():
            operation.cancel()
        self.operations.clear()
        if self._counted_user is not None:
            self.live.connections.release(self._counted_user)


async def _closed(message: Message) -> None:  # noqa: ARG001
    """Replaces `send` on a socket that is being closed."""
    raise ConnectionResetError


def _is_allowed(origin: bytes | None, host: bytes | None, origins: Container[str]) -> bool:
    """Whether a page of an origin may open sockets.

    The server's own origin may, and those in the settings. Clients that are not browsers send none.
    """
    if origin is None or "*" in origins:
        return True
    text = origin.decode("latin-1").lower()
    return text in origins or (
        host is not None and text.partition("://")[2] == host.decode("latin-1").lower()
    )


def _only(message: dict[str, Any], name: str) -> dict[str, Any]:
    return {name: message[name]} if name in message else {}
