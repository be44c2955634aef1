"""Exports over HTTP: `GET /exports/{name}.{format}`, streamed row by row for as long as somebody
reads.

All that can be refused is refused before the first byte, as a problem document (RFC 9457). After it
a fault can only cut the answer off: it then
lacks its end, which every HTTP client notices.
"""

import asyncio
import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from http import HTTPMethod, HTTPStatus
from typing import Any, TypeVar

import orjson
import structlog
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from execution.executor import Refusal
from execution.sessions import Unauthenticated, new_request_id
from execution.subscriptions.start import Live
from resolvers.context import Context
from resolvers.exports import EXPORTS
from resolvers.exports.export import Begun, begin
from resolvers.exports.parameters import read
from store import errors
from store.mongo.connection import is_outage
from transport.exports.formats import FORMATS
from transport.exports.formats.writing import Sheet, Writer

_log = structlog.get_logger(__name__)
_PIECE = 64 * 1024
_LIGHTLY = 4
_GZIP = 16 + zlib.MAX_WBITS
_RETRY_SECONDS = "30"
_TO_BEGIN = 200
"""In values: an export is counted before its first row."""
_STALLED_SECONDS = 300.0
"""How long a client may take nothing at all.

Then it is as good as gone, and its place is for others.
"""

Headers = Mapping[str, str]
T = TypeVar("T")


class Refused(Exception):
    """What is answered instead of an export."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        problems: Iterable[errors.Problem] = (),
        headers: Headers | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.problems = tuple(problems)
        self.headers = headers or {}


class ExportEndpoint:
    """The endpoint.

    So many exports run at once in this process, of one user half as many; further callers are asked
    to come back.
    """

    def __init__(self, live: Live, *, at_once: int) -> None:
        self._live = live
        self._at_once = at_once
        self._running: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        request = Request(scope, receive)
        request_id = new_request_id()
        try:
            await self._answer(request, send, request_id)
        except Refused as refused:
            await _problem(refused, request_id)(scope, receive, send)

    async def _answer(self, request: Request, send: Send, request_id: str) -> None:
        name, ending = _asked(request)
        writer_type = FORMATS[ending]
        with _refusals(request_id):
            context = await self._context(request, request_id)
            self._charge(context)
            given = read(EXPORTS[name].parameters, request.query_params.multi_items())
            async with self._live.executor.turn(context):
                begun = await begin(context, EXPORTS[name], given)
            headers = _headers(begun, request, ending) | {"x-request-id": request_id}
            if _matches(request.headers.get("if-none-match", ""), headers["etag"]):
                await Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)(
                    request.scope, request.receive, send
                )
                return
            async with self._live.executor.turn(context):
                total = await begun.count()
            begun.refuse_unfit(
                total, resumable=writer_type.resumable, most_rows=writer_type.most_rows
            )
            headers |= {"x-total-rows": str(total)}
            if request.method == HTTPMethod.HEAD:
                told = Response(headers=headers)
                del told.headers[
                    "content-length"
                ]  # of the answer to a GET, which is not known before it is sent
                await told(request.scope, request.receive, send)
                return
        with self._place(context.viewer.subject):
            sheet = Sheet(
                begun.export.name, begun.columns, begun.cursor, total, begun.at, begun.resumed
            )
            with _refusals(request_id):
                file_writer = await FileWriter.begin(writer_type, sheet)
            try:
                with _refusals(request_id):
                    if total:
                        await begun.log(f"{name}.{ending}")
                await self._stream(
                    begun,
                    total,
                    file_writer,
                    headers,
                    ResponseStream(request, send, request_id),
                    context.viewer.subject,
                )
            finally:
                await file_writer.close()

    def _charge(self, context: Context) -> None:
        """Take what it costs to begin one from the user's rate; its rows come as fast as they are
        read, in one of few places.

        Raises:
            Refused: The user asks too often.
        """
        try:
            self._live.executor.charge(context, _TO_BEGIN)
        except Refusal as refusal:
            [error] = refusal.answer.refused
            raise Refused(
                HTTPStatus.TOO_MANY_REQUESTS,
                "RATE_LIMITED",
                error.message,
                headers={"retry-after": str(refusal.answer.retry_after)},
            ) from None

    @contextmanager
    def _place(self, user: str) -> Iterator[None]:
        """One of the places that there are for exports, until the end of the block. Nobody may take
        all of them.

        Raises:
            Refused: All are taken; or half of them are, by this user.
        """
        if self._running.total() >= self._at_once or self._running[user] >= max(
            self._at_once // 2, 1
        ):
            detail = (
                "The server runs as many exports as it may, for all or for one user. Try again"
                " later."
            )
            raise Refused(
                HTTPStatus.TOO_MANY_REQUESTS,
                "TOO_MANY_EXPORTS",
                detail,
                headers={"retry-after": _RETRY_SECONDS},
            )
        self._running[user] += 1
        try:
            yield
        finally:
            self._running[user] -= 1
            if not self._running[user]:
                del self._running[user]

    async def _context(self, request: Request, request_id: str) -> Context:
        viewer = await self._live.sessions.viewer(request.headers.get("authorization"), request_id)
        context = await self._live.sessions.context(viewer, request_id)
        if isinstance(context, Unauthenticated):
            down = context.code == "UNAVAILABLE"
            status = HTTPStatus.SERVICE_UNAVAILABLE if down else HTTPStatus.UNAUTHORIZED
            raise Refused(
                status,
                context.code,
                context.reason,
                headers={"retry-after": _RETRY_SECONDS} if down else {"www-authenticate": "Bearer"},
            )
        return context

    async def _stream(
        self,
        begun: Begun[Any],
        total: int,
        file_writer: "FileWriter",
        headers: Headers,
        stream: "ResponseStream",
        viewer: str,
    ) -> None:
        started = time.perf_counter()
        self._live.streams.add(stream)
        sent = 0
        complete = False
        try:
            await stream.begin(headers)
            sent = await _written(begun, file_writer, stream)
            complete = not stream.gone.is_set()
        except Exception as fault:  # noqa: BLE001 - the answer has begun: it can only be cut off
            _log.error("export failed", request_id=stream.request_id, exc_info=fault)
        finally:
            self._live.streams.discard(stream)
            stream.stop()
        _log.info(
            "export ended",
            export=begun.export.name,
            viewer=viewer,
            rows=sent,
            total=total,
            complete=complete,
            seconds=round(time.perf_counter() - started, 3),
            request_id=stream.request_id,
        )
        if complete:
            await stream.end()


async def _written(begun: Begun[Any], file_writer: "FileWriter", stream: "ResponseStream") -> int:
    """Send all rows, until the reader has gone; how many were."""
    sent = 0
    await stream.send(await file_writer.made(file_writer.writer.begin))
    async for rows in begun.rows():
        if stream.gone.is_set():
            return sent
        await stream.send(await file_writer.made(file_writer.writer.rows, rows))
        sent += len(rows)
        # What waits for the loop goes first, with a full or an empty socket.
        await asyncio.sleep(0)
    rest = file_writer.writer.end()
    while (
        not stream.gone.is_set() and (piece := await file_writer.made(next, rest, None)) is not None
    ):
        await stream.send(piece)
    return sent


class FileWriter:
    """A file in the file_writer: its writer, called where it may take its time."""

    def __init__(self, writer: Writer) -> None:
        self.writer = writer

    @classmethod
    async def begin(cls, writer_type: type[Writer], sheet: Sheet) -> "FileWriter":
        """Take what the file_writer needs, such as a place on the disk."""
        return cls(
            await (
                asyncio.to_thread(writer_type, sheet)
                if writer_type.threaded
                else _at_once(writer_type, sheet)
            )
        )

    async def made(self, make: Callable[..., T], *arguments: Any) -> T:
        """What a call of the writer comes to."""
        return await (
            asyncio.to_thread(make, *arguments)
            if self.writer.threaded
            else _at_once(make, *arguments)
        )

    async def close(self) -> None:
        """Give it back, finished or not."""
        await self.made(self.writer.close)


async def _at_once(make: Callable[..., T], *arguments: Any) -> T:
    return make(*arguments)


class ResponseStream:
    """The answer's way to the client: gathered into pieces, compressed where that was agreed.

    A client that hangs up sets `gone`.
    """

    def __init__(self, request: Request, send: Send, request_id: str) -> None:
        self.gone = asyncio.Event()
        self.request_id = request_id
        self._receive = request.receive
        self._send = send
        self._waiting = bytearray()
        self._deflate: Any = None
        self._listening: asyncio.Task[None] | None = None

    async def begin(self, headers: Headers) -> None:
        """Send the headers."""
        if headers.get("content-encoding") == "gzip":
            self._deflate = zlib.compressobj(_LIGHTLY, wbits=_GZIP)
        raw = [(name.encode(), value.encode()) for name, value in headers.items()]
        await self._sent({"type": "http.response.start", "status": HTTPStatus.OK, "headers": raw})
        self._listening = asyncio.create_task(self._listen())

    async def send(self, data: bytes) -> None:
        """Send some more, once there is enough of it; waits while the client takes no more.

        One that takes nothing for long is gone.
        """
        self._waiting += self._deflate.compress(data) if self._deflate else data
        if len(self._waiting) >= _PIECE:
            piece, self._waiting = bytes(self._waiting), bytearray()
            await self._sent({"type": "http.response.body", "body": piece, "more_body": True})

    async def end(self) -> None:
        """Send the rest, and that it was all."""
        rest = bytes(self._waiting) + (self._deflate.flush() if self._deflate else b"")
        await self._sent({"type": "http.response.body", "body": rest, "more_body": False})

    async def finish(self, *, complete: bool) -> None:  # noqa: ARG002 - see `Stream`
        """End it where it is: the server stops.

        The client sees that the end is missing, and resumes.
        """
        self.gone.set()

    def stop(self) -> None:
        """Listen no more."""
        if self._listening is not None:
            self._listening.cancel()

    async def _sent(self, message: Message) -> None:
        try:
            async with asyncio.timeout(_STALLED_SECONDS):
                await self._send(message)
        except OSError:
            self.gone.set()

    async def _listen(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self.gone.set()


def _asked(request: Request) -> tuple[str, str]:
    """Which export, in the format of which ending.

    Raises:
        Refused: There is none such.
    """
    if request.method not in (HTTPMethod.GET, HTTPMethod.HEAD):
        raise Refused(
            HTTPStatus.METHOD_NOT_ALLOWED,
            "BAD_REQUEST",
            "Exports are fetched with GET.",
            headers={"allow": "GET, HEAD"},
        )
    name, _, ending = str(request.path_params["file"]).partition(".")
    if name not in EXPORTS:
        raise Refused(
            HTTPStatus.NOT_FOUND,
            "UNKNOWN_EXPORT",
            f"There is no export {name[:100]!r}. There are: {', '.join(EXPORTS)}.",
        )
    if ending not in FORMATS:
        raise Refused(
            HTTPStatus.NOT_FOUND,
            "UNKNOWN_FORMAT",
            f"There is no format {ending[:100]!r}. There are: {', '.join(FORMATS)}.",
        )
    return name, ending


@contextmanager
def _refusals(request_id: str) -> Iterator[None]:
    """Whatever goes wrong before the first byte is told with a code; what is our own fault is
    masked and logged.
    """
    try:
        yield
    except errors.RegistryError as refusal:
        raise _refusal(refusal) from None
    except Refused:
        raise
    except Exception as fault:
        if is_outage(fault):
            detail = "The database can't be asked just now. Try again later."
            raise Refused(
                HTTPStatus.SERVICE_UNAVAILABLE,
                "UNAVAILABLE",
                detail,
                headers={"retry-after": _RETRY_SECONDS},
            ) from fault
        _log.error("export failed", request_id=request_id, exc_info=fault)
        raise Refused(
            HTTPStatus.INTERNAL_SERVER_ERROR,
            "INTERNAL_ERROR",
            "Internal error. The cause is in the server's log.",
        ) from fault


def _headers(begun: Begun[Any], request: Request, ending: str) -> dict[str, str]:
    writer_type = FORMATS[ending]
    headers = {
        "content-type": writer_type.media_type,
        "content-disposition": (
            f'attachment; filename="{begun.export.name}-{begun.at:%Y-%m-%d}.{ending}"'
        ),
        "etag": f'W/"{begun.tag}"',
        "cache-control": "private, no-cache",
        "vary": "authorization, accept-encoding",
        "x-export-cursor": begun.cursor,
        "x-accel-buffering": "no",
    }
    if writer_type.compressible and _takes_gzip(request.headers.get("accept-encoding", "")):
        headers["content-encoding"] = "gzip"
    return headers


def _takes_gzip(accepted: str) -> bool:
    for part in accepted.lower().split(","):
        name, _, weight = part.partition(";")
        if name.strip() in ("gzip", "*"):
            return weight.strip().removeprefix("q=").strip("0.") != "" if "q=" in weight else True
    return False


def _matches(given: str, tag: str) -> bool:
    """Whether a client has this answer already; tags are compared weakly."""
    bare = tag.removeprefix("W/")
    return any(
        one.strip() == "*" or one.strip().removeprefix("W/") == bare
        for one in given.split(",")
        if one.strip()
    )


def _refusal(refusal: errors.RegistryError) -> Refused:
    problems = (
        refusal.problems
        if isinstance(refusal, errors.InvalidInput)
        else (errors.Problem(refusal.code, refusal.message, refusal.path),)
    )
    # In GraphQL these stand inside the argument `filter`; in an address nothing does.
    placed = [
        replace(one, path=one.path[1:] if one.path[:1] == ("filter",) else one.path)
        for one in problems
    ]
    status = {errors.NotFound: HTTPStatus.NOT_FOUND, errors.NotPermitted: HTTPStatus.FORBIDDEN}.get(
        type(refusal), HTTPStatus.BAD_REQUEST
    )
    return Refused(status, placed[0].code, placed[0].message, placed)


def _problem(refused: Refused, request_id: str) -> Response:
    body = {
        "type": "about:blank",
        "title": HTTPStatus(refused.status).phrase,
        "status": int(refused.status),
        "code": refused.code,
        "detail": refused.detail,
        "errors": [
            {"code": one.code, "message": one.message, "path": list(one.path)}
            for one in refused.problems
        ],
        "requestId": request_id,
    }
    headers = {"x-request-id": request_id, "cache-control": "no-store", **refused.headers}
    return Response(
        orjson.dumps(body), refused.status, headers, media_type="application/problem+json"
    )
