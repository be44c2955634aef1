"""GraphQL over HTTP: answers as JSON, or as Server-Sent Events. Who asks, in which request."""

from http import HTTPMethod
from typing import Any

import orjson
from starlette.datastructures import Headers
from starlette.requests import Request as HttpRequest
from starlette.responses import HTMLResponse, PlainTextResponse
from starlette.types import Receive, Scope, Send
from strawberry.http.ides import get_graphql_ide_html

from resolvers.context import Context
from schema.conditional import has_tag, tag_of
from schema.errors import TopLevelError, error_of, formatted, report
from schema.live import Live, Request, request_of
from schema.operations import Operation, refusal
from schema.sessions import Unauthenticated, new_request_id
from schema.streams import EventStream, answer, is_preferred, refuse

_JSON = "application/json"
_NO_REQUEST = "The body must be a JSON object with a query."


class RegistryGraphQL:
    """The endpoint for requests. POST only; GraphiQL on GET in development."""

    def __init__(self, live: Live, *, development: bool) -> None:
        self._live = live
        self._page = get_graphql_ide_html(graphql_ide="graphiql") if development else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request; one that is no GraphQL request at all with an error in the same shape as all others."""
        request = HttpRequest(scope, receive)
        if request.method == HTTPMethod.POST:
            await self._post(request, send)
        elif "query" not in request.query_params and _is_for_people(request.headers.get("accept", "")):
            page = HTMLResponse(self._page) if self._page is not None else PlainTextResponse("Not Found", 404)
            await page(scope, receive, send)
        else:
            await refuse(send, 400, [TopLevelError("BAD_REQUEST", "Operations are sent by POST.")], new_request_id())

    async def _post(self, request: HttpRequest, send: Send) -> None:
        request_id = new_request_id()
        headers = request.headers
        streamed = is_preferred(headers.get("accept", ""))
        wanted = request_of(_read(await request.body()), headers.get("last-event-id"))
        if wanted is None or wanted.query == "" or not (streamed or _JSON in headers.get("content-type", "")):
            await refuse(send, 400, [TopLevelError("BAD_REQUEST", _NO_REQUEST)], request_id)
        elif streamed:
            await EventStream(self._live, request.receive, send, request_id).run(wanted, headers.get("authorization"))
        else:
            await self._answer(wanted, headers, send, request_id)

    async def _answer(self, request: Request, headers: Headers, send: Send, request_id: str) -> None:
        live = self._live
        context = await live.sessions.context(await live.sessions.viewer(headers.get("authorization"), request_id), request_id)
        if isinstance(context, Unauthenticated):
            await refuse(send, 200, [context.error()], request_id)
            return
        operation = live.operation_of(request)
        if operation.errors:
            report(operation.errors, request_id)
            await refuse(send, 200, operation.errors, request_id)
        elif (refused := refusal(operation, request.operation_name)) is not None:
            await refuse(send, 400, [refused], request_id)
        else:
            await self._executed(context, operation, request, headers.get("if-none-match"), send)

    async def _executed(self, context: Context, operation: Operation, request: Request, known: str | None, send: Send) -> None:
        live, request_id = self._live, context.request_id
        try:
            tag = None if known is None else await tag_of(live.graphql, context, operation, request)
            if tag is not None and has_tag(known or "", tag):
                await answer(send, 304, None, request_id, tag)
                return
            result = await live.execute(context, operation, request)
        except Exception as fault:  # noqa: BLE001 - whatever fails, the client is told
            await refuse(send, 200, [error_of(fault, request_id)], request_id)
            return
        if result.errors:
            await answer(send, 200, {"data": result.data, "errors": formatted(result.errors)}, request_id)
        else:
            await answer(send, 200, {"data": result.data}, request_id, tag)


def _read(body: bytes) -> Any:
    """JSON as the standard has it: half of a surrogate pair is no text."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return None


def _is_for_people(accept: str) -> bool:
    return "text/html" in accept or "*/*" in accept
