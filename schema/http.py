"""GraphQL over HTTP and graphql-transport-ws: who asks, in which request, and the answer as JSON text."""

import uuid
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import orjson
import structlog
from cross_web import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket
from strawberry.asgi import GraphQL
from strawberry.subscriptions import GRAPHQL_TRANSPORT_WS_PROTOCOL

from resolvers.context import Context
from resolvers.sign_in import IssuerUnavailable, SignIn
from resolvers.sign_in import Unauthenticated as TokenRefused
from schema.registry import schema
from schema.sockets import Socket, Unauthenticated
from store.registry import Store

_log = structlog.get_logger(__name__)
_INIT_SECONDS = 5
ContextOf = Callable[[str | None, str], Awaitable[Context | Unauthenticated]]


class RegistryGraphQL(GraphQL[Any, None]):
    """The endpoint. POST and websocket only; GraphiQL on GET in development."""

    def __init__(self, context_of: ContextOf, *, development: bool) -> None:
        super().__init__(
            schema,
            graphql_ide="graphiql" if development else None,
            allow_queries_via_get=False,
            subscription_protocols=[GRAPHQL_TRANSPORT_WS_PROTOCOL],
            connection_init_wait_timeout=timedelta(seconds=_INIT_SECONDS),
        )
        self._context_of = context_of

    async def get_context(self, request: Request | WebSocket, response: Response | WebSocket) -> Any:
        """Sign the caller in by the Authorization header; a socket may do so later, in `connection_init`."""
        request_id = uuid.uuid4().hex
        header = request.headers.get("authorization")
        if isinstance(request, WebSocket):
            return Socket(header, request_id, Unauthenticated("Sign in with a bearer token in connection_init.", request_id))
        if isinstance(response, Response):
            response.headers["x-request-id"] = request_id
        return await self._context_of(header, request_id)

    async def on_ws_connect(self, context: Any) -> Any:
        """Sign the socket in. Without a token it opens all the same: each operation then answers with the error."""
        context.signed_in = await self._context_of(context.authorization(), context.request_id)
        return await super().on_ws_connect(context)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request; one that is no GraphQL request at all with an error in the same shape as all others."""
        if scope["type"] != "http":
            await super().__call__(scope, receive, send)
            return
        try:
            response = await self.run(Request(scope, receive))
        except HTTPException as refused:
            body = {"data": None, "errors": [{"message": refused.reason, "extensions": {"code": "BAD_REQUEST"}}]}
            headers = {"x-request-id": uuid.uuid4().hex}
            response = Response(orjson.dumps(body), refused.status_code, headers, media_type="application/json")
        await response(scope, receive, send)

    def decode_json(self, data: str | bytes) -> object:
        """JSON as the standard has it: half of a surrogate pair is no text."""
        return orjson.loads(data)

    def encode_json(self, data: object) -> str:
        """JSON text: a binary frame would make browsers fail."""
        return orjson.dumps(data).decode()


def contexts(store: Store, sign_in: SignIn) -> ContextOf:
    """How a bearer token becomes a context."""

    async def context_of(header: str | None, request_id: str) -> Context | Unauthenticated:
        scheme, _, token = (header or "").partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            return Unauthenticated("Sign in: send a bearer token.", request_id)
        try:
            viewer = await sign_in.viewer(token.strip())
        except TokenRefused as refused:
            _log.warning("sign-in refused", reason=str(refused), request_id=request_id)
            return Unauthenticated(str(refused), request_id)
        except IssuerUnavailable:
            _log.error("issuer unavailable", request_id=request_id)
            return Unauthenticated("The issuer of the tokens can't be reached. Try again later.", request_id, code="UNAVAILABLE")
        return await Context.of(store, viewer, request_id)

    return context_of
