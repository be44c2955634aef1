"""Exports over HTTP: `GET /exports/{name}.{format}` and HEAD.

Everything that can be refused is refused before the first byte, as a problem document. After that a
fault can only cut the response off.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import AsyncExitStack, aclosing
from http import HTTPMethod, HTTPStatus

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from execution.sessions import Unauthenticated, new_request_id
from execution.subscriptions.start import Live
from resolvers.context import Context
from resolvers.exports.columns import Cells
from resolvers.exports.opening import open_export
from transport.exports.file_request import parse_request
from transport.exports.file_writer import FileWriter
from transport.exports.problems import (
    RETRY_SECONDS,
    ExportRefused,
    problem_document,
    refusal_of,
)
from transport.exports.response_stream import ResponseStream
from transport.exports.slots import ExportSlots

_OPENING_COST = 200
"""Cost of opening an export, in values, because the rows are counted. It is charged to the user's
rate limit. Reading the rows costs nothing more: slots and the speed of the client limit it.
"""


class ExportEndpoint:
    """The ASGI application of exports.

    Args:
        live: The services that all connections of the server share.
        at_once: How many exports may run in this process at the same time.
    """

    def __init__(self, live: Live, *, at_once: int) -> None:
        self._live = live
        self._slots = ExportSlots(at_once)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        request_id = new_request_id()
        async with AsyncExitStack() as resources:
            try:
                response = await self._respond(Request(scope), request_id, resources)
            except Exception as fault:  # noqa: BLE001 - whatever fails is answered with a code
                response = problem_document(refusal_of(fault, request_id), request_id)
            await response(scope, receive, send)

    async def _respond(
        self, request: Request, request_id: str, resources: AsyncExitStack
    ) -> Response:
        """Make the response. `resources` are released when it has been sent."""
        wanted = parse_request(request)
        context = await self._context(request, request_id)
        self._live.executor.charge(context, _OPENING_COST)
        async with self._live.executor.turn(context):
            export = await open_export(context, wanted.export, wanted.query, wanted.file)
            metadata = export.metadata
            headers = wanted.headers(metadata, request_id)
            if wanted.condition.names(headers["etag"]):
                return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
            total = await export.count()
        if wanted.condition.any:  # matches any file, and there is one unless `count` refused it
            return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
        headers["x-total-rows"] = str(total)
        if request.method == HTTPMethod.HEAD:
            return _head(headers)
        viewer = context.viewer.subject
        resources.enter_context(self._slots.slot(viewer))
        writer = await FileWriter.open(wanted.writer_type, metadata)
        resources.push_async_callback(writer.close)
        batches = await resources.enter_async_context(aclosing(export.batches(total)))
        # Reading the first batch here lets an outage be refused instead of cutting the file off.
        first = await anext(batches, None)
        pieces = await resources.enter_async_context(
            aclosing(writer.pieces(_chain(first, batches)))
        )
        return ResponseStream(
            pieces,
            headers,
            streams=self._live.streams,
            log_fields=lambda: {
                "export": metadata.name,
                "viewer": viewer,
                "rows": writer.rows_written,
                "total": total,
                "request_id": request_id,
            },
        )

    async def _context(self, request: Request, request_id: str) -> Context:
        viewer = await self._live.sessions.viewer(request.headers.get("authorization"), request_id)
        context = await self._live.sessions.context(viewer, request_id)
        if isinstance(context, Unauthenticated):
            if context.code == "UNAVAILABLE":
                status = HTTPStatus.SERVICE_UNAVAILABLE
                headers = {"retry-after": RETRY_SECONDS}
            else:
                status = HTTPStatus.UNAUTHORIZED
                headers = {"www-authenticate": "Bearer"}
            raise ExportRefused(status, context.code, context.reason, headers=headers)
        return context


def _head(headers: dict[str, str]) -> Response:
    response = Response(headers=headers)
    # The length of the answer to a GET is not known before it is sent.
    del response.headers["content-length"]
    return response


async def _chain(
    first: Sequence[Cells] | None, rest: AsyncIterator[Sequence[Cells]]
) -> AsyncGenerator[Sequence[Cells], None]:
    if first is not None:
        yield first
    async for batch in rest:
        yield batch
