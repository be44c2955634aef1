"""References for two choices in how operations run: `python -m bench.alternatives PORT KIND …`.

`graphql_core` is the registry with graphql-core in place of compiled execution, caches kept.
`strawberry_view` is the registry behind Strawberry's own ASGI view in place of our endpoint; it
executes in the same way and encodes JSON with the same library.
"""

import sys
from pathlib import Path
from typing import Any

import orjson
from graphql.execution import Executor
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send
from strawberry.asgi import GraphQL
from strawberry.types import ExecutionResult

from application import create_app, tune_garbage_collector
from bench.bare_read import serve
from execution import executor as executor_module
from execution.compiled.executor import CompiledExecutor
from execution.request import Request
from execution.sessions import new_request_id
from execution.subscriptions.start import Live
from resolvers.context import Context
from schema.registry import schema
from settings import Settings
from transport.application import Application


class PlainExecutor(CompiledExecutor):
    """Executes everything in graphql-core; what is cached for an operation stays cached."""

    execute_collected_root_fields = Executor.execute_collected_root_fields
    collect_subfields = Executor.collect_subfields
    execute_fields = Executor.execute_fields


class StrawberryView(GraphQL[Any, Any]):
    """Strawberry's view, which signs in, admits and executes as the registry does."""

    def __init__(self, live: Live) -> None:
        super().__init__(schema, graphql_ide=None, subscription_protocols=())
        self._live = live

    async def get_context(self, request: Any, response: Any) -> Any:  # noqa: ARG002 - by contract
        """The context of the viewer that the token names."""
        request_id = new_request_id()
        viewer = await self._live.sessions.viewer(request.headers.get("authorization"), request_id)
        return await self._live.sessions.context(viewer, request_id)

    async def execute_single(self, **given: Any) -> Any:  # type: ignore[override]
        """Admit and execute one operation."""
        context, data = given["context"], given["request_data"]
        assert isinstance(context, Context)
        request = Request(data.query, data.variables or {}, data.operation_name)
        result = await self._live.executor.answer(context, request, "http", None)
        return ExecutionResult(
            data=result.data,
            errors=list(result.refused or result.errors) or None,
            extensions=result.extensions,
        )

    def encode_json(self, data: object) -> bytes:
        """Encode with the library that the registry uses."""
        return orjson.dumps(data)


class Behind(Application):
    """An application that passes GraphQL requests to another endpoint, and answers GET /."""

    endpoint: Any = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Route one request."""
        if scope["type"] == "http" and scope["path"] == "/":
            await PlainTextResponse("live")(scope, receive, send)
        elif self.endpoint is not None and scope["type"] == "http" and scope["path"] == "/graphql":
            await self.endpoint(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)


def main(port: int, kind: str, mongodb_uri: str, data: Path) -> None:
    """Serve one of the two on a port, over the database and with the key of a registry."""
    tune_garbage_collector()
    app = create_app(Settings(mongodb_uri=mongodb_uri, data=data, development=True))
    app.__class__ = Behind
    assert isinstance(app, Behind)
    if kind == "graphql_core":
        executor_module.CompiledExecutor = PlainExecutor  # type: ignore[attr-defined]
    else:
        app.endpoint = StrawberryView(app.live)
    serve(app, port)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], sys.argv[3], Path(sys.argv[4]))
