"""An operation on a websocket: executed, or followed as a subscription."""

import asyncio
from collections.abc import Coroutine, Iterable, MutableMapping
from typing import Any, Protocol

import orjson
from graphql import GraphQLError
from starlette.types import Send

from execution.admission import Admitted
from execution.request import Request
from execution.results import Refusal
from execution.sessions import Unauthenticated
from execution.subscriptions.start import Live
from resolvers.context import Context
from resolvers.live.followers import Follower
from schema.errors import error_of, formatted
from store.records import Event
from transport.socket_messages import WriteNow, text_message


class OperationSocket(Protocol):
    """The socket that an operation runs on.

    Attributes:
        live: The services that all connections of the server share.
        request_id: The socket's.
        operations: Open operations by id.
        send: Sends an ASGI message. It raises once the socket is being closed.
        write_now: Writes a text message without waiting, if the server can.
    """

    live: Live
    request_id: str
    operations: MutableMapping[str, "SocketOperation"]
    send: Send
    write_now: WriteNow | None

    async def context(self) -> Context | Unauthenticated:
        """Return the context of the caller at this moment."""


class SocketOperation:
    """One operation on a socket; for a subscription also the sink of its events."""

    __slots__ = ("_follower", "_head", "_id", "_socket", "_task")

    def __init__(self, socket: OperationSocket, operation_id: str) -> None:
        self._socket = socket
        self._id = operation_id
        self._head = b'{"id":' + orjson.dumps(operation_id) + b',"type":"next","payload":'
        self._task: asyncio.Task[None] | None = None
        self._follower: Follower | None = None

    async def start(self, request: Request) -> None:
        """Start an execution or a subscription, which has its start position on return."""
        known = self._socket.live.executor.trusted.known(request.query, request.digest)
        if known is not None and not known.follows(request.operation_name):
            self._task = asyncio.create_task(self._run(self._answer(request)), name="operation")
        else:
            # Subscriptions of one socket start one after the other, so they delay only each other.
            await self._run(self._answer(request))

    def cancel(self) -> None:
        """End the operation without a message."""
        if self._task is not None:
            self._task.cancel()
        if self._follower is not None:
            self._follower.close()
            self._follower = None  # breaks a reference cycle

    def send_now(self, payload: bytes) -> bool:
        """See `Sink`."""
        return self._socket.write_now is not None and self._socket.write_now(
            self._head, payload, b"}"
        )

    def send(self, payload: bytes, event: Event, clinic: str | None) -> Coroutine[Any, Any, None]:  # noqa: ARG002 - for event streams
        """See `Sink`."""
        return self._socket.send(
            {"type": "websocket.send", "text": (self._head + payload + b"}").decode()}
        )  # type: ignore[return-value]

    async def end(self, reason: Exception) -> None:
        """See `Sink`."""
        await self.refuse([error_of(reason, self._socket.request_id)])

    async def refuse(self, errors: Iterable[GraphQLError]) -> None:
        """End the operation with errors."""
        if self._socket.operations.get(self._id) is self:
            del self._socket.operations[self._id]
        await self._socket.send(
            text_message({"id": self._id, "type": "error", "payload": formatted(errors)})
        )

    async def _run(self, running: Coroutine[Any, Any, None]) -> None:
        try:
            await running
        except OSError:
            pass  # the client has disconnected
        except Exception as fault:  # noqa: BLE001 - whatever fails is answered with a code
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
            await self.refuse(refusal.result.refused)
            return
        if admitted.follows:
            await self._follow(context, admitted, request, changes)
        elif self._task is None:
            self._task = asyncio.create_task(
                self._run(self._execute(context, request, admitted)), name="operation"
            )
        else:
            await self._execute(context, request, admitted)

    async def _follow(
        self, context: Context, admitted: Admitted, request: Request, changes: int
    ) -> None:
        follower = await self._socket.live.subscribe(
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
        result = await socket.live.executor.execute(context, request, admitted, "websocket")
        if result.refused:
            await self.refuse(result.refused)
            return
        await socket.send(
            text_message({"id": self._id, "type": "next", "payload": result.as_dict()})
        )
        if socket.operations.pop(self._id, None) is not None:
            await socket.send(text_message({"id": self._id, "type": "complete"}))
