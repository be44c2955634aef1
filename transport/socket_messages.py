"""Messages of the protocol graphql-transport-ws: parsed, checked and written.

Source: https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md
"""

from collections.abc import Callable
from typing import Any

import orjson

from transport.json_input import NotJson, read_json

PROTOCOL = "graphql-transport-ws"
WriteNow = Callable[[bytes, bytes, bytes], bool]
"""Writes the three parts of one text message without waiting, and returns whether it did."""
WRITE_NOW = "casetypes.websocket.write"
"""The key of a `WriteNow` in the `extensions` of a websocket's scope. ASGI's `send` is a coroutine
that passes through several layers, which is most of the cost of delivering one event to thousands
of sockets. The application also runs on a server without this extension."""

BAD_REQUEST = 4400
UNAUTHORIZED = 4401
FORBIDDEN = 4403
SUBPROTOCOL_NOT_ACCEPTABLE = 4406
INIT_TIMEOUT = 4408
SUBSCRIBER_EXISTS = 4409
TOO_MANY = 4429
_MAX_ID = 256


class SocketRefused(Exception):
    """The socket is closed because of what the client sent.

    Attributes:
        code: The close code.
        reason: For the client.
    """

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


def text_message(message: dict[str, Any]) -> dict[str, str]:
    """Make the ASGI message for a JSON object. Browser clients fail on binary frames."""
    return {"type": "websocket.send", "text": orjson.dumps(message).decode()}


def parse_message(text: str | None) -> dict[str, Any]:
    """Parse a message into an object with a `type`.

    Raises:
        SocketRefused: It is binary, is not valid JSON, or has another form.
    """
    if text is None:
        raise SocketRefused(BAD_REQUEST, "Messages must be text")
    try:
        message = read_json(text)
    except NotJson:
        raise SocketRefused(BAD_REQUEST, "Messages must be valid JSON") from None
    if not isinstance(message, dict) or not isinstance(message.get("type"), str):
        raise SocketRefused(BAD_REQUEST, "Messages must be objects with a type")
    return message


def operation_id_of(message: dict[str, Any]) -> str:
    """Return the id of the operation that a message is about.

    Raises:
        SocketRefused: It has none, or a long one, which would be sent with each response.
    """
    operation_id = message.get("id")
    if not isinstance(operation_id, str) or not operation_id:
        raise SocketRefused(BAD_REQUEST, "Messages of operations must have an id")
    if len(operation_id) > _MAX_ID:
        raise SocketRefused(BAD_REQUEST, f"An id may have at most {_MAX_ID} characters")
    return operation_id
