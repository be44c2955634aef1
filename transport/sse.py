"""GraphQL over Server-Sent Events, in distinct connections mode: one POST is one stream.

Each message of a subscription carries its cursor as `id:`. A client that lost the connection sends
the last one as `Last-Event-ID`, and the subscription continues after it. Comments between the
messages keep the connection alive.

Source: https://github.com/enisdenjo/graphql-sse/blob/master/PROTOCOL.md, and the HTML standard,
"Server-sent events".
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from datetime import UTC, datetime
from typing import Any

import orjson
from graphql import GraphQLError
from starlette.types import Receive, Send

from execution.request import Request
from execution.results import OperationResult, Refusal
from execution.sessions import Unauthenticated
from execution.subscriptions.start import Live
from resolvers.access.viewer import Viewer
from resolvers.context import Context
from resolvers.live.followers import Follower
from resolvers.live.sending import start_eagerly
from schema.errors import TopLevelError, error_of, formatted
from store.log.cursors import event_cursor
from store.records import Event
from transport.disconnects import cancel_on_disconnect, until_disconnected
from transport.media_types import EVENT_STREAM
from transport.request_body import ClientDisconnected
from transport.responses import SAFE, send_result

_COMMENT = b":\n\n"
_MAX_TIMER_SECONDS = 24 * 3600.0


class EventStream:
    """The response to one operation; for a subscription also the sink of its events."""

    def __init__(self, live: Live, receive: Receive, send: Send, request_id: str) -> None:
        self._live = live
        self._receive = receive
        self._send = send
        self._request_id = request_id
        self._follower: Follower | None = None
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._started = False
        self._finished = False
        self._finishing: asyncio.Task[None] | None = None

    async def run(self, request: Request, viewer: Viewer | Unauthenticated) -> None:
        """Answer until the operation is complete, or the client or the server ends the stream."""
        try:
            await self._run(request, viewer)
        except (ClientDisconnected, OSError):
            pass  # nothing can be sent any more
        except Exception as fault:  # noqa: BLE001 - whatever fails is answered with a code
            if self._started:
                await self.end(fault)
            else:
                await self._send_result(
                    OperationResult(refused=[error_of(fault, self._request_id)])
                )

    async def _run(self, request: Request, viewer: Viewer | Unauthenticated) -> None:
        live = self._live
        changes = live.hub.changes
        context = await live.sessions.context(viewer, self._request_id)
        if isinstance(context, Unauthenticated):
            await self._start()
            await self._refuse([context.error()])
        elif not live.connections.acquire(context.viewer.subject):
            live.metrics.refused.labels("TOO_MANY_CONNECTIONS").inc()
            error = TopLevelError(
                "TOO_MANY_CONNECTIONS", "This user has too many connections open."
            )
            await self._send_result(OperationResult(refused=[error]))
        else:
            live.streams.add(self)
            live.metrics.connections.labels("event-stream").inc()
            try:
                await self._answer(context, request, changes)
            except Refusal as refusal:
                await self._send_result(refusal.result)
            finally:
                live.connections.release(context.viewer.subject)
                live.streams.discard(self)
                live.metrics.connections.labels("event-stream").dec()
                self._stop()

    def send_now(self, payload: bytes) -> bool:  # noqa: ARG002
        """See `Sink`. Messages differ by their cursor, so no shared text can be written."""
        return False

    def send(self, payload: bytes, event: Event, clinic: str | None) -> Coroutine[Any, Any, None]:
        """See `Sink`."""
        return self._write(
            b"event: next\nid: %b\ndata: %b\n\n" % (event_cursor(event, clinic).encode(), payload)
        )

    async def end(self, reason: Exception) -> None:
        """See `Sink`."""
        await self._refuse([error_of(reason, self._request_id)])

    async def finish(self, *, complete: bool) -> None:
        """End the stream. Without `complete` the client connects again."""
        if not self._finished:
            self._finished = True
            self._stop()
            body = b"event: complete\ndata: \n\n" if complete else b""
            await self._send({"type": "http.response.body", "body": body, "more_body": False})

    async def _answer(self, context: Context, request: Request, changes: int) -> None:
        executor = self._live.executor
        admitted = await executor.admit(context, request, "event-stream")
        if not admitted.follows:
            async with cancel_on_disconnect(self._receive):
                result = await executor.execute(context, request, admitted, "event-stream")
            if result.refused:
                raise Refusal(result)
            await self._start()
            await self._write(_next(result.as_dict()))
            await self.finish(complete=True)
            return
        await self._start()
        try:
            follower = await self._live.subscribe(
                context, admitted, request, self, changes=changes, transport="event-stream"
            )
        except Exception as fault:  # noqa: BLE001 - whatever fails is answered with a code
            await self.end(fault)
            return
        if not isinstance(follower, Follower):
            await self._refuse(follower)
            return
        self._follower = follower
        self._call_later(
            "expiry", (context.viewer.expires_at - datetime.now(UTC)).total_seconds(), self._expire
        )
        self._keep_alive()
        await until_disconnected(self._receive)

    async def _start(self) -> None:
        self._started = True
        headers = [
            (b"content-type", b"text/event-stream; charset=utf-8"),
            *SAFE,
            (b"x-accel-buffering", b"no"),
            (b"x-request-id", self._request_id.encode()),
        ]
        await self._send({"type": "http.response.start", "status": 200, "headers": headers})
        await self._write(_COMMENT)

    async def _write(self, body: bytes) -> None:
        await self._send({"type": "http.response.body", "body": body, "more_body": True})

    async def _send_result(self, result: OperationResult) -> None:
        await send_result(self._send, result, EVENT_STREAM, self._request_id)

    async def _refuse(self, errors: Iterable[GraphQLError]) -> None:
        await self._write(_next({"errors": formatted(errors)}))
        await self.finish(complete=True)

    def _keep_alive(self) -> None:
        """Send a comment, unless the client is behind: then messages are waiting for it."""
        if self._follower is not None and self._follower.live:
            try:
                start_eagerly(self._write(_COMMENT))
            except OSError:
                return  # the client has disconnected
        self._call_later("keep-alive", self._live.limits.heartbeat_seconds, self._keep_alive)

    def _expire(self) -> None:
        self._finishing = asyncio.create_task(self.finish(complete=False))

    def _call_later(self, name: str, seconds: float, call: Callable[[], None]) -> None:
        self._timers[name] = asyncio.get_running_loop().call_later(
            min(max(seconds, 0), _MAX_TIMER_SECONDS), call
        )

    def _stop(self) -> None:
        if self._follower is not None:
            self._follower.close()
            self._follower = None  # breaks a reference cycle
        for timer in self._timers.values():
            timer.cancel()


def _next(result: dict[str, Any]) -> bytes:
    return b"event: next\ndata: " + orjson.dumps(result) + b"\n\n"
