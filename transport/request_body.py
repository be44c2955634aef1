"""Reading the body of a request: no longer, and for no longer, than may be."""

import asyncio
from collections.abc import Mapping
from http import HTTPStatus

from starlette.types import Receive

from execution.request import body_too_large
from schema.errors import TopLevelError

_MAX_LENGTH = 15


class Refused(Exception):
    """A request is not answered, but with this error; `headers` are those that the status asks for."""

    def __init__(
        self, status: HTTPStatus, error: TopLevelError, headers: Mapping[bytes, bytes] | None = None
    ) -> None:
        super().__init__(error.message)
        self.status = status
        self.error = error
        self.headers = headers or {}


class ClientDisconnected(Exception):
    """The client has hung up."""


_CLOSE = {b"connection": b"close"}
"""The rest of the body is not wanted: it is not waited for either."""


async def read_body(receive: Receive, length: bytes | None, *, most: int, seconds: float) -> bytes:
    """The whole body.

    Args:
        receive: The request's.
        length: Of its header `content-length`.
        most: Bytes that it may have.
        seconds: Within which it must have come.

    Raises:
        Refused: It is too long, or comes too slowly.
        ClientDisconnected: It will not come.
    """
    if length is not None and (len(length) > _MAX_LENGTH or int(length) > most):
        raise too_large(most)
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
                if size > most:
                    raise too_large(most)
                if not message.get("more_body", False):
                    return pieces[0] if len(pieces) == 1 else b"".join(pieces)
    except TimeoutError:
        error = TopLevelError(
            "REQUEST_TIMEOUT", f"The body did not come within {seconds:g} seconds."
        )
        raise Refused(HTTPStatus.REQUEST_TIMEOUT, error, _CLOSE) from None


def too_large(most: int) -> Refused:
    """The answer to a body that is too long."""
    return Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, body_too_large(most), _CLOSE)
