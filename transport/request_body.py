"""Reads a request body within limits of size and time."""

import asyncio
from collections.abc import Mapping
from http import HTTPStatus

from starlette.types import Receive

from execution.request import body_too_large
from schema.errors import TopLevelError

_MAX_LENGTH_DIGITS = 15
_CLOSE = {b"connection": b"close"}
"""Sent when the rest of a body is not read: the connection cannot be used again."""


class RequestRefused(Exception):
    """The request is answered with this error and status.

    Attributes:
        status: The HTTP status.
        error: The error in the body of the response.
        headers: Headers that the status requires.
    """

    def __init__(
        self, status: HTTPStatus, error: TopLevelError, headers: Mapping[bytes, bytes] | None = None
    ) -> None:
        super().__init__(error.message)
        self.status = status
        self.error = error
        self.headers = headers or {}


class ClientDisconnected(Exception):
    """The client has disconnected."""


async def read_body(
    receive: Receive, content_length: bytes | None, *, max_bytes: int, seconds: float
) -> bytes:
    """Read the whole body.

    Args:
        receive: The request's ASGI `receive`.
        content_length: The value of that header.
        max_bytes: The longest body that is read.
        seconds: The time within which the body must arrive.

    Raises:
        RequestRefused: The body is too long, or did not arrive in time.
        ClientDisconnected: The client disconnected before the body was complete.
    """
    if content_length is not None and (
        len(content_length) > _MAX_LENGTH_DIGITS or int(content_length) > max_bytes
    ):
        raise _too_large(max_bytes)
    try:
        async with asyncio.timeout(seconds):
            pieces = []
            size = 0
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise ClientDisconnected
                pieces.append(message.get("body", b""))
                size += len(pieces[-1])
                if size > max_bytes:
                    raise _too_large(max_bytes)
                if not message.get("more_body", False):
                    return pieces[0] if len(pieces) == 1 else b"".join(pieces)
    except TimeoutError:
        error = TopLevelError(
            "REQUEST_TIMEOUT", f"The body did not arrive within {seconds:g} seconds."
        )
        raise RequestRefused(HTTPStatus.REQUEST_TIMEOUT, error, _CLOSE) from None


def _too_large(max_bytes: int) -> RequestRefused:
    return RequestRefused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, body_too_large(max_bytes), _CLOSE)
