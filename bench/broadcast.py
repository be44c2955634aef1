"""The reference of the fan-out: a bare Starlette broadcast, under the settings of uvicorn that
`server.py` has.

Sockets stand in a list; what is posted to /broadcast is sent to one after the other. It knows no
log, no rights and no positions, and one reader that
stops stalls it.
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
    """Keep a socket until it closes, and answer what the same clients ask of the registry."""
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
    """Whether it runs."""
    return PlainTextResponse("live")


def main(port: int) -> None:
    """Serve."""
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
