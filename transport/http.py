"""GraphQL over HTTP: one operation by POST, answered as JSON or as Server-Sent Events.

A request that cannot be executed is answered in the shape of a GraphQL response too.

Source: https://graphql.github.io/graphql-over-http/draft/
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from http import HTTPMethod, HTTPStatus

from starlette.types import Receive, Scope, Send
from strawberry.http.ides import get_graphql_ide_html

from execution.if_none_match import IfNoneMatch
from execution.request import Request, request_of
from execution.results import OperationResult, Refusal
from execution.sessions import Unauthenticated, new_request_id
from execution.subscriptions.start import Live
from resolvers.access.viewer import Viewer
from schema.errors import TopLevelError, error_of
from transport.disconnects import cancel_on_disconnect
from transport.header_fields import list_field
from transport.json_input import NotJson, read_json
from transport.media_types import EVENT_STREAM, JSON, RESPONSE_JSON, is_json, response_media_type
from transport.negotiation import names
from transport.request_body import ClientDisconnected, RequestRefused, read_body
from transport.responses import SAFE, send_result
from transport.sse import EventStream

_BYTES_PER_VALUE = 1024
"""A long body costs the user's rate one value for so many bytes: reading them takes the server
as long as resolving a value.
"""


@dataclass(frozen=True, slots=True)
class HttpLimits:
    """Limits of one request.

    Attributes:
        body_bytes: The longest body.
        import_bytes: The longest body of an operation that takes files or whole documents.
        body_seconds: The time within which a body must arrive.
    """

    body_bytes: int = 1024 * 1024
    import_bytes: int = 16 * 1024 * 1024
    body_seconds: float = 10


class GraphQLEndpoint:
    """The ASGI application at `/graphql`. In development a browser's GET gets GraphiQL."""

    def __init__(self, live: Live, limits: HttpLimits, *, development: bool) -> None:
        self._live = live
        self._limits = limits
        self._page = get_graphql_ide_html("graphiql").encode() if development else None
        self._allow = b"GET, POST" if development else b"POST"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request_id = new_request_id()
        media_type = JSON
        try:
            if scope["method"] != HTTPMethod.POST:
                await self._answer_other_method(scope, send)
                return
            media_type = _media_type(scope)
            await self._post(media_type, scope, receive, send, request_id)
        except RequestRefused as refused:
            await send_result(
                send,
                OperationResult(refused=[refused.error]),
                media_type,
                request_id,
                refused.status,
                refused.headers,
            )
        except Refusal as refusal:
            await send_result(send, refusal.result, media_type, request_id)
        except (ClientDisconnected, OSError):
            pass  # nothing can be sent any more

    async def _answer_other_method(self, scope: Scope, send: Send) -> None:
        accept = list_field(scope["headers"], b"accept") or ""
        if (
            self._page is not None
            and scope["method"] == HTTPMethod.GET
            and names(accept, "text/html")
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
        raise RequestRefused(HTTPStatus.METHOD_NOT_ALLOWED, error, {b"allow": self._allow})

    async def _post(
        self, media_type: str, scope: Scope, receive: Receive, send: Send, request_id: str
    ) -> None:
        headers = dict(scope["headers"])
        if not is_json(headers.get(b"content-type", b"").decode("latin-1")):
            error = TopLevelError(
                "UNSUPPORTED_MEDIA_TYPE", "Send the body as application/json in UTF-8."
            )
            raise RequestRefused(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, error)
        live, limits = self._live, self._limits
        authorization = (
            headers[b"authorization"].decode("latin-1") if b"authorization" in headers else None
        )
        viewer = await live.sessions.viewer(authorization, request_id)
        max_bytes = limits.import_bytes if isinstance(viewer, Viewer) else limits.body_bytes
        body = await read_body(
            receive,
            headers.get(b"content-length"),
            max_bytes=max_bytes,
            seconds=limits.body_seconds,
        )
        if len(body) > limits.body_bytes:
            await self._charge(viewer, len(body) // _BYTES_PER_VALUE, request_id)
        request = _request(body, headers)
        if len(body) > limits.body_bytes:
            request = replace(request, longer_than=limits.body_bytes)
        if media_type == EVENT_STREAM:
            await EventStream(live, receive, send, request_id).run(request, viewer)
            return
        known_tags = list_field(scope["headers"], b"if-none-match")
        condition = None if known_tags is None else IfNoneMatch.parse(known_tags)
        result = await self._execute(request, viewer, receive, request_id, condition)
        await send_result(send, result, media_type, request_id)

    async def _charge(self, viewer: Viewer | Unauthenticated, cost: int, request_id: str) -> None:
        """Charge the user's rate for a long body before the body is parsed.

        Raises:
            Refusal: The rate is exceeded, or the caller is no longer signed in.
        """
        try:
            context = await self._live.sessions.context(viewer, request_id)
        except Exception as fault:  # noqa: BLE001 - whatever fails is answered with a code
            raise Refusal(OperationResult(refused=[error_of(fault, request_id)])) from None
        if isinstance(context, Unauthenticated):
            raise Refusal(OperationResult(refused=[context.error()]))
        self._live.executor.charge(context, cost)

    async def _execute(
        self,
        request: Request,
        viewer: Viewer | Unauthenticated,
        receive: Receive,
        request_id: str,
        condition: IfNoneMatch | None,
    ) -> OperationResult:
        try:
            context = await self._live.sessions.context(viewer, request_id)
            if isinstance(context, Unauthenticated):
                return OperationResult(refused=[context.error()])
            async with cancel_on_disconnect(receive):
                return await self._live.executor.answer(context, request, "http", condition)
        except ClientDisconnected:
            raise
        except Refusal as refusal:
            return refusal.result
        except Exception as fault:  # noqa: BLE001 - whatever fails is answered with a code
            return OperationResult(refused=[error_of(fault, request_id)])


def _media_type(scope: Scope) -> str:
    media_type = response_media_type(list_field(scope["headers"], b"accept") or "")
    if media_type is None:
        error = TopLevelError(
            "NOT_ACCEPTABLE", f"Responses are sent as {JSON}, {RESPONSE_JSON} or {EVENT_STREAM}."
        )
        raise RequestRefused(HTTPStatus.NOT_ACCEPTABLE, error)
    return media_type


def _request(body: bytes, headers: Mapping[bytes, bytes]) -> Request:
    try:
        value = read_json(body)
    except NotJson as error:
        raise _bad_request(str(error)) from None
    last_event_id = (
        headers[b"last-event-id"].decode("latin-1") if b"last-event-id" in headers else None
    )
    request = request_of(value, last_event_id)
    if request is None:
        raise _bad_request(
            "The body must be a JSON object with a query, and may have an operationName, variables"
            " and extensions."
        )
    return request


def _bad_request(message: str) -> RequestRefused:
    return RequestRefused(HTTPStatus.BAD_REQUEST, TopLevelError("BAD_REQUEST", message))
