"""OperationExecutor as HTTP tells them: status, headers, body.

Source: https://graphql.github.io/graphql-over-http/draft/, "Response".
"""

from collections.abc import Mapping
from http import HTTPStatus

import orjson
from starlette.types import Send

from execution.executor import OperationResult
from schema.errors import codes_of
from transport.media_types import JSON, RESPONSE_JSON

_NOSNIFF = (b"x-content-type-options", b"nosniff")
SAFE = (_NOSNIFF, (b"cache-control", b"no-store"))
"""In every answer: browsers take it for nothing else than it says it is, and nobody keeps it."""
_KEPT = (_NOSNIFF, (b"cache-control", b"private, no-cache"))
"""In answers with a tag: who asked may keep them, and asks each time whether they still hold."""

_TYPES = {
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
"""Where a whole operation is refused, for clients that read statuses. All others are 400."""
_AS_STATUS = {
    "RATE_LIMITED": HTTPStatus.TOO_MANY_REQUESTS,
    "TOO_MANY_CONNECTIONS": HTTPStatus.TOO_MANY_REQUESTS,
    "BODY_TOO_LARGE": HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
}
"""Where also those are told by a status who read none: proxies and clients wait for it."""


async def send_answer(
    send: Send,
    answer: OperationResult,
    media: str,
    request_id: str,
    status: HTTPStatus | None = None,
    headers: Mapping[bytes, bytes] | None = None,
) -> None:
    """Send an answer whole.

    Args:
        send: The request's.
        answer: What it came to.
        media: The media type that the client accepts; an event stream that never began is answered
            as JSON.
        request_id: The request's.
        status: Where the request was refused before it was an operation.
        headers: That the status asks for.
    """
    if answer.tag is not None:
        headers = {b"etag": answer.tag.encode()}
    if answer.unchanged:
        start = [(b"x-request-id", request_id.encode()), *_KEPT, *(headers or {}).items()]
        await send(
            {
                "type": "http.response.start",
                "status": HTTPStatus.NOT_MODIFIED.value,
                "headers": start,
            }
        )
        await send({"type": "http.response.body", "body": b""})
        return
    status = status or _status(answer, media)
    told = answer.as_dict()
    if answer.refused and media != RESPONSE_JSON:
        told = {"data": None, **told}
    body = orjson.dumps(told)
    start = [
        _TYPES.get(media, _TYPES[JSON]),
        (b"content-length", b"%d" % len(body)),
        (b"x-request-id", request_id.encode()),
    ]
    start += SAFE if answer.tag is None else _KEPT
    if headers:
        start += headers.items()
    if answer.retry_after:
        start.append((b"retry-after", b"%d" % answer.retry_after))
    if status is HTTPStatus.UNAUTHORIZED:
        start.append((b"www-authenticate", b"Bearer"))
    await send({"type": "http.response.start", "status": status.value, "headers": start})
    await send({"type": "http.response.body", "body": body})


def _status(answer: OperationResult, media: str) -> HTTPStatus:
    """Plain JSON tells under 200 why an operation was refused, as it always did; the newer media
    type, and streams, by the status too.
    """
    if not answer.refused:
        return HTTPStatus.OK
    code = codes_of(answer.refused)[0]
    if code in _AS_STATUS:
        return _AS_STATUS[code]
    if media == JSON:
        return HTTPStatus.BAD_REQUEST if answer.unanswerable else HTTPStatus.OK
    return _STATUS_OF_CODE.get(code, HTTPStatus.BAD_REQUEST)
