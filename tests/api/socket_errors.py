"""Operations that are refused over a websocket."""

from typing import Any

from tests.callers import Json, Socket


async def only_error(socket: Socket, query: str, **variables: Any) -> Json:
    """The only error of an operation that is refused over a websocket."""
    await socket.subscribe(query, **variables)
    message = await socket.message()
    [error] = message["payload"] if message["type"] == "error" else message["payload"]["errors"]
    found: Json = error
    return found
