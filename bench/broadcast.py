"""The reference of the fan-out: a bare Starlette broadcast.

uvicorn has the settings of `server.py`. A body posted to /broadcast is sent to the sockets of a
list, one after the other. There is no log, no permission check and no position, and one reader that
stops reading stalls the broadcast.
"""

import json
import sys

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

_sockets: list[WebSocket] = []
_ANSWERS = {"connection_init": '{"type":"connection_ack"}', "ping": '{"type":"pong"}'}


async def subscribe(socket: WebSocket) -> None:
    """Keep a socket until it closes, and answer the handshake as the registry does."""
    await socket.accept("graphql-transport-ws")
    _sockets.append(socket)
    try:
        async for text in socket.iter_text():
            if answer := _ANSWERS.get(json.loads(text)["type"]):
                await socket.send_text(answer)
    finally:
        _sockets.remove(socket)


async def broadcast(request: Request) -> Response:
    """Send the body to every socket."""
    text = (await request.body()).decode()
    for socket in _sockets:
        await socket.send_text(text)
    return PlainTextResponse("sent")


async def live(_: Request) -> Response:
    """Answer that the server runs."""
    return PlainTextResponse("live")


def main(port: int) -> None:
    """Serve on a port."""
    routes = [
        Route("/", live),
        Route("/broadcast", broadcast, methods=["POST"]),
        WebSocketRoute("/graphql", subscribe),
    ]
    uvicorn.run(
        Starlette(routes=routes),
        host="127.0.0.1",
        port=port,
        loop="uvloop",
        http="httptools",
        ws="websockets-sansio",
        ws_max_size=1024 * 1024,
        ws_per_message_deflate=False,
        server_header=False,
        access_log=False,
        log_level="warning",
        timeout_graceful_shutdown=10,
    )


if __name__ == "__main__":
    main(int(sys.argv[1]))
