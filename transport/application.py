"""The ASGI application: dispatches requests, and adds headers to every response."""

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
    """The ASGI application.

    Attributes:
        live: The services that all connections of the server share.
        graphql: The endpoint for GraphQL over HTTP.
    """

    live: Live
    graphql: GraphQLEndpoint

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or serve a websocket.

        GraphQL bypasses Starlette's routing and middleware, which would make every message slower.
        """
        if scope["type"] == "http" and scope["path"] == "/graphql":
            await self.graphql(scope, receive, send)
        elif scope["type"] == "websocket" and scope["path"] == "/graphql":
            await GraphQLSocket(self.live, scope, receive, send).run()
        else:
            await super().__call__(scope, receive, _with_safe_headers(send))


def _with_safe_headers(send: Send) -> Send:
    """Add the headers in `SAFE` that a response does not set itself."""

    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = list(message.get("headers", ()))
            names = {name.lower() for name, _ in headers}
            message["headers"] = [*headers, *(header for header in SAFE if header[0] not in names)]
        await send(message)

    return send_with_headers


@contextmanager
def on_signal(call: Callable[[], object]) -> Iterator[None]:
    """Call a function on SIGTERM and SIGINT, before the handlers that are installed."""
    loop = asyncio.get_running_loop()
    handlers = {
        number: handler
        for number in (signal.SIGTERM, signal.SIGINT)
        if callable(handler := signal.getsignal(number))
    }

    def handle(number: int, frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(call)
        handlers[signal.Signals(number)](number, frame)

    for number in handlers:
        signal.signal(number, handle)
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
