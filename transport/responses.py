"""Sends the result of an operation over HTTP: status, headers and body.

Source: https://graphql.github.io/graphql-over-http/draft/, "Response".
"""

from collections.abc import Mapping
from http import HTTPStatus

import orjson
from starlette.types import Send

from execution.results import OperationResult
from schema.errors import codes_of
from transport.media_types import JSON, RESPONSE_JSON

_NOSNIFF = (b"x-content-type-options", b"nosniff")
SAFE = (_NOSNIFF, (b"cache-control", b"no-store"))
"""Sent with every response: no MIME sniffing, no caching."""
_CACHEABLE = (_NOSNIFF, (b"cache-control", b"private, no-cache"))
"""Sent with an entity tag: only the client may cache, and must revalidate each time."""

_CONTENT_TYPES = {
    JSON: (b"content-type", b"application/json; charset=utf-8"),
    RESPONSE_JSON: (b"content-type", b"application/graphql-response+json; charset=utf-8"),
}
_STATUS_OF_CODE = {
    "UNAUTHENTICATED": HTTPStatus.UNAUTHORIZED,
    "UNAVAILABLE": HTTPStatus.SERVICE_UNAVAILABLE,
    "OUTCOME_UNKNOWN": HTTPStatus.SERVICE_UNAVAILABLE,
    "DEADLINE_EXCEEDED": HTTPStatus.SERVICE_UNAVAILABLE,
    "INTERNAL_ERROR": HTTPStatus.INTERNAL_SERVER_ERROR,
}
"""The status of an operation that was not executed. All other codes have status 400."""
_STATUS_IN_EVERY_MEDIA_TYPE = {
    "RATE_LIMITED": HTTPStatus.TOO_MANY_REQUESTS,
    "TOO_MANY_CONNECTIONS": HTTPStatus.TOO_MANY_REQUESTS,
    "BODY_TOO_LARGE": HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
}
"""Proxies and HTTP clients act on these statuses, so `application/json` has them too."""


async def send_result(
    send: Send,
    result: OperationResult,
    media_type: str,
    request_id: str,
    status: HTTPStatus | None = None,
    headers: Mapping[bytes, bytes] | None = None,
) -> None:
    """Send a result as one response.

    Args:
        send: The request's ASGI `send`.
        result: The operation's.
        media_type: The one that the client accepts. A result that is sent instead of an event
            stream is JSON.
        request_id: The request's.
        status: The status of a request that was refused before its operation was read.
        headers: Headers that this status requires.
    """
    if result.tag is not None:
        headers = {b"etag": result.tag.encode()}
    if result.unchanged:
        start = [(b"x-request-id", request_id.encode()), *_CACHEABLE, *(headers or {}).items()]
        await send(
            {
                "type": "http.response.start",
                "status": HTTPStatus.NOT_MODIFIED.value,
                "headers": start,
            }
        )
        await send({"type": "http.response.body", "body": b""})
        return
    status = status or _status(result, media_type)
    content = result.as_dict()
    if result.refused and media_type != RESPONSE_JSON:
        content = {"data": None, **content}
    body = orjson.dumps(content)
    start = [
        _CONTENT_TYPES.get(media_type, _CONTENT_TYPES[JSON]),
        (b"content-length", b"%d" % len(body)),
        (b"x-request-id", request_id.encode()),
    ]
    start += SAFE if result.tag is None else _CACHEABLE
    if headers:
        start += headers.items()
    if result.retry_after:
        start.append((b"retry-after", b"%d" % result.retry_after))
    if status is HTTPStatus.UNAUTHORIZED:
        start.append((b"www-authenticate", b"Bearer"))
    await send({"type": "http.response.start", "status": status.value, "headers": start})
    await send({"type": "http.response.body", "body": body})


def _status(result: OperationResult, media_type: str) -> HTTPStatus:
    """The status of a result.

    As `application/json` an operation that was not executed has status 200, with the exceptions
    above. As the newer media type, and instead of a stream, its status says why.
    """
    if not result.refused:
        return HTTPStatus.OK
    code = codes_of(result.refused)[0]
    if code in _STATUS_IN_EVERY_MEDIA_TYPE:
        return _STATUS_IN_EVERY_MEDIA_TYPE[code]
    if media_type == JSON:
        return HTTPStatus.BAD_REQUEST if result.unanswerable else HTTPStatus.OK
    return _STATUS_OF_CODE.get(code, HTTPStatus.BAD_REQUEST)
