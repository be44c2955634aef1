"""The outside of the ASGI application:

GraphQL past all else, the headers of every answer, what is done when the process is to stop.
"""

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from starlette.applications import Starlette
from starlette.types import Message, Receive, Scope, Send

from execution.subscriptions.start import Live
from transport.graphql_transport_ws import GraphQLSocket
from transport.http import GraphQLEndpoint
from transport.responses import SAFE


class Application(Starlette):
    """The ASGI application."""

    live: Live

    graphql: GraphQLEndpoint

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer; GraphQL past what is made for all sorts of requests, which would cost each
        message and each open socket.
        """
        if scope["type"] == "http" and scope["path"] == "/graphql":
            await self.graphql(scope, receive, send)
        elif scope["type"] == "websocket" and scope["path"] == "/graphql":
            await GraphQLSocket(self.live, scope, receive, send).run()
        else:
            await super().__call__(scope, receive, _safely(send))


def _safely(send: Send) -> Send:
    """The same, with the headers that every answer has, unless it says otherwise itself."""

    async def safely(message: Message) -> None:
        if message["type"] == "http.response.start":
            given = list(message.get("headers", ()))
            names = {name.lower() for name, _ in given}
            message["headers"] = [*given, *(header for header in SAFE if header[0] not in names)]
        await send(message)

    return safely


@contextmanager
def on_signal(act: Callable[[], object]) -> Iterator[None]:
    """Also do this when the process is asked to stop, whatever else does so."""
    loop = asyncio.get_running_loop()
    handlers = {
        number: handler
        for number in (signal.SIGTERM, signal.SIGINT)
        if callable(handler := signal.getsignal(number))
    }

    def handle(number: int, frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(act)
        handlers[signal.Signals(number)](number, frame)

    for number in handlers:
        signal.signal(number, handle)
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
