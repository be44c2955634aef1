"""GraphQL over HTTP: answers as JSON, or as Server-Sent Events. Who asks, in which request."""

from http import HTTPMethod
from typing import Any

import orjson
from cross_web import HTTPException
from graphql import GraphQLError
from starlette.requests import Request as HttpRequest
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket
from strawberry.asgi import GraphQL

from schema.errors import TopLevelError
from schema.live import Live, request_of
from schema.sessions import new_request_id
from schema.streams import EventStream, is_preferred, refuse


class RegistryGraphQL(GraphQL[Any, None]):
    """The endpoint for requests. POST only; GraphiQL on GET in development."""

    def __init__(self, live: Live, *, development: bool) -> None:
        super().__init__(live.schema, graphql_ide="graphiql" if development else None, allow_queries_via_get=False, subscription_protocols=[])
        self._live = live

    async def get_context(self, request: HttpRequest | WebSocket, response: Response | WebSocket) -> Any:
        """Sign the caller in by the Authorization header."""
        request_id = new_request_id()
        if isinstance(response, Response):
            response.headers["x-request-id"] = request_id
        viewer = await self._live.sessions.viewer(request.headers.get("authorization"), request_id)
        return await self._live.sessions.context(viewer, request_id)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request; one that is no GraphQL request at all with an error in the same shape as all others."""
        request = HttpRequest(scope, receive)
        if request.method == HTTPMethod.POST and is_preferred(request.headers.get("accept", "")):
            await self._stream(request, receive, send)
            return
        try:
            response = await self.run(request)
        except HTTPException as refused:
            await refuse(send, refused.status_code, [_bad_request(refused.reason)], new_request_id())
        else:
            await response(scope, receive, send)

    async def _stream(self, request: HttpRequest, receive: Receive, send: Send) -> None:
        request_id = new_request_id()
        try:
            asked = self.decode_json(await request.body())
        except orjson.JSONDecodeError:
            asked = None
        wanted = request_of(asked, request.headers.get("last-event-id"))
        if wanted is None:
            await refuse(send, 400, [_bad_request("The body must be a JSON object with a query.")], request_id)
        else:
            await EventStream(self._live, receive, send, request_id).run(wanted, request.headers.get("authorization"))

    def decode_json(self, data: str | bytes) -> object:
        """JSON as the standard has it: half of a surrogate pair is no text."""
        return orjson.loads(data)

    def encode_json(self, data: object) -> str:
        """JSON text."""
        return orjson.dumps(data).decode()


def _bad_request(reason: str) -> GraphQLError:
    return TopLevelError("BAD_REQUEST", reason)
