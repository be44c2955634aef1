"""GraphQL over HTTP: answers as JSON, or as Server-Sent Events. POST only; what is no GraphQL
request is answered in the same shape as all else.

Source: https://graphql.github.io/graphql-over-http/draft/
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from http import HTTPMethod, HTTPStatus

from starlette.types import Receive, Scope, Send
from strawberry.http.ides import get_graphql_ide_html

from execution.executor import OperationResult, Refusal
from execution.request import Request, request_of
from execution.sessions import Unauthenticated, new_request_id
from execution.subscriptions.start import Live
from resolvers.access.viewer import Viewer
from schema.errors import TopLevelError, error_of
from transport.disconnects import CancelOnDisconnect
from transport.json_input import NotJson, read_json
from transport.media_types import EVENT_STREAM, JSON, RESPONSE_JSON, is_json, negotiated
from transport.request_body import ClientDisconnected, Refused, read_body
from transport.responses import SAFE, send_answer
from transport.sse import EventStream

_BYTES_OF_A_VALUE = 1024
"""Of a long body: so many are read in the time in which a value is answered."""


@dataclass(frozen=True, slots=True)
class HttpLimits:
    """What one request may take.

    Attributes:
        body_bytes: The longest body.
        import_bytes: The longest body of an operation that takes files or whole documents.
        body_seconds: Within which a body must have come.
    """

    body_bytes: int = 1024 * 1024
    import_bytes: int = 16 * 1024 * 1024
    body_seconds: float = 10


class GraphQLEndpoint:
    """The endpoint for requests. GraphiQL on GET in development."""

    def __init__(self, live: Live, limits: HttpLimits, *, development: bool) -> None:
        self._live = live
        self._limits = limits
        self._page = get_graphql_ide_html("graphiql").encode() if development else None
        self._allow = b"GET, POST" if development else b"POST"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request_id = new_request_id()
        headers = dict(scope["headers"])
        media = JSON
        try:
            if scope["method"] != HTTPMethod.POST:
                await self._other_method(scope["method"], headers, send)
                return
            media = _accepted(headers)
            await self._post(media, headers, receive, send, request_id)
        except Refused as refused:
            await send_answer(
                send,
                OperationResult(refused=[refused.error]),
                media,
                request_id,
                refused.status,
                refused.headers,
            )
        except Refusal as refusal:
            await send_answer(send, refusal.answer, media, request_id)
        except (ClientDisconnected, OSError):
            pass  # nobody is there to be answered

    async def _other_method(self, method: str, headers: Mapping[bytes, bytes], send: Send) -> None:
        if (
            self._page is not None
            and method == HTTPMethod.GET
            and b"text/html" in headers.get(b"accept", b"")
        ):
            start = [
                (b"content-type", b"text/html; charset=utf-8"),
                (b"content-length", b"%d" % len(self._page)),
                *SAFE,
            ]
            await send({"type": "http.response.start", "status": 200, "headers": start})
            await send({"type": "http.response.body", "body": self._page})
            return
        error = TopLevelError("METHOD_NOT_ALLOWED", "Send operations by POST.")
        raise Refused(HTTPStatus.METHOD_NOT_ALLOWED, error, {b"allow": self._allow})

    async def _post(
        self,
        media: str,
        headers: Mapping[bytes, bytes],
        receive: Receive,
        send: Send,
        request_id: str,
    ) -> None:
        if not is_json(headers.get(b"content-type", b"").decode("latin-1")):
            error = TopLevelError(
                "UNSUPPORTED_MEDIA_TYPE", "Send the body as application/json in UTF-8."
            )
            raise Refused(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, error)
        live, limits = self._live, self._limits
        authorization = (
            headers[b"authorization"].decode("latin-1") if b"authorization" in headers else None
        )
        viewer = await live.sessions.viewer(authorization, request_id)
        most = limits.import_bytes if isinstance(viewer, Viewer) else limits.body_bytes
        body = await read_body(
            receive, headers.get(b"content-length"), most=most, seconds=limits.body_seconds
        )
        if len(body) > limits.body_bytes:
            await self._paid(viewer, len(body) // _BYTES_OF_A_VALUE, request_id)
        request = _request(body, headers)
        if len(body) > limits.body_bytes:
            request = replace(request, longer_than=limits.body_bytes)
        if media == EVENT_STREAM:
            await EventStream(live, receive, send, request_id).run(request, viewer)
            return
        known_tags = (
            headers[b"if-none-match"].decode("latin-1") if b"if-none-match" in headers else None
        )
        await send_answer(
            send,
            await self._answer(request, viewer, receive, request_id, known_tags),
            media,
            request_id,
        )

    async def _paid(self, viewer: Viewer | Unauthenticated, cost: int, request_id: str) -> None:
        """Let who sent a long body pay for it before it is read.

        Raises:
            Refusal: The user asks too much, or nobody is signed in any more.
        """
        try:
            context = await self._live.sessions.context(viewer, request_id)
        except Exception as fault:  # noqa: BLE001 - as in `_answer`
            raise Refusal(OperationResult(refused=[error_of(fault, request_id)])) from None
        if isinstance(context, Unauthenticated):
            raise Refusal(OperationResult(refused=[context.error()]))
        self._live.executor.charge(context, cost)

    async def _answer(
        self,
        request: Request,
        viewer: Viewer | Unauthenticated,
        receive: Receive,
        request_id: str,
        known_tags: str | None,
    ) -> OperationResult:
        try:
            context = await self._live.sessions.context(viewer, request_id)
            if isinstance(context, Unauthenticated):
                return OperationResult(refused=[context.error()])
            async with CancelOnDisconnect(receive):
                return await self._live.executor.answer(context, request, "http", known_tags)
        except ClientDisconnected:
            raise
        except Refusal as refusal:
            return refusal.answer
        except Exception as fault:  # noqa: BLE001 - whatever fails, the client is told
            return OperationResult(refused=[error_of(fault, request_id)])


def _accepted(headers: Mapping[bytes, bytes]) -> str:
    media = negotiated(headers.get(b"accept", b"").decode("latin-1"))
    if media is None:
        error = TopLevelError(
            "NOT_ACCEPTABLE", f"OperationExecutor are {JSON}, {RESPONSE_JSON} or {EVENT_STREAM}."
        )
        raise Refused(HTTPStatus.NOT_ACCEPTABLE, error)
    return media


def _request(body: bytes, headers: Mapping[bytes, bytes]) -> Request:
    try:
        asked = read_json(body)
    except NotJson as reason:
        raise Refused(HTTPStatus.BAD_REQUEST, TopLevelError("BAD_REQUEST", str(reason))) from None
    last_event_id = (
        headers[b"last-event-id"].decode("latin-1") if b"last-event-id" in headers else None
    )
    request = request_of(asked, last_event_id)
    if request is None:
        why = (
            "The body must be a JSON object with a query, and may have an operationName, variables"
            " and extensions."
        )
        raise Refused(HTTPStatus.BAD_REQUEST, TopLevelError("BAD_REQUEST", why))
    return request
