"""The response with an export's file, streamed as the client reads it.

Starlette's `StreamingResponse` cancels its iterator when the client disconnects. A file may be
written in a thread, which cannot be cancelled. So this response stops between two pieces.
"""

import asyncio
import time
import zlib
from collections.abc import AsyncIterator, Callable, Mapping
from http import HTTPStatus

import structlog
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from execution.subscriptions.start import Stream
from transport.disconnects import until_disconnected

_log = structlog.get_logger(__name__)
_PIECE_BYTES = 64 * 1024
_GZIP_LEVEL = 4
_GZIP_FORMAT = 16 + zlib.MAX_WBITS
_STALLED_SECONDS = 300.0
"""A client that reads nothing for so long counts as disconnected: others need its slot."""


class ResponseStream(Response):
    """A response of many pieces, compressed if its headers say so.

    It is cut off if the client disconnects or stalls, if the server stops, or if a piece cannot be
    made. Then the end of the HTTP message is missing, which every client notices.
    """

    def __init__(
        self,
        pieces: AsyncIterator[bytes],
        headers: Mapping[str, str],
        *,
        streams: set[Stream],
        log_fields: Callable[[], Mapping[str, object]],
    ) -> None:
        """Make a response.

        Args:
            pieces: The file.
            headers: All headers of the response.
            streams: Contains the response while it is sent, so that the server can stop it.
            log_fields: Returns what is logged of the export when it has ended.
        """
        self.status_code = HTTPStatus.OK
        self.background = None
        self.init_headers(headers)
        self._pieces = pieces
        self._streams = streams
        self._log_fields = log_fields
        self._stopped = asyncio.Event()
        self._buffer = bytearray()
        self._compressor = (
            zlib.compressobj(_GZIP_LEVEL, wbits=_GZIP_FORMAT)
            if headers.get("content-encoding") == "gzip"
            else None
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - part of ASGI
        """Send the file."""
        started = time.perf_counter()
        complete = False
        self._streams.add(self)
        watcher = asyncio.create_task(self._watch(receive), name="client disconnect")
        try:
            complete = await self._send_pieces(send)
        except Exception as fault:  # noqa: BLE001 - the response has started, so it can only be cut off
            _log.error("export failed", **self._log_fields(), exc_info=fault)
        finally:
            self._streams.discard(self)
            watcher.cancel()
        seconds = round(time.perf_counter() - started, 3)
        _log.info("export ended", **self._log_fields(), complete=complete, seconds=seconds)
        if complete:
            await self._send(send, _body(self._take(end=True), more=False))

    async def finish(self, *, complete: bool) -> None:  # noqa: ARG002 - see `Stream`
        """Cut the response off, because the server stops. The client resumes it elsewhere."""
        self._stopped.set()

    async def _send_pieces(self, send: Send) -> bool:
        """Send the headers and all pieces.

        Returns:
            Whether the file is complete.
        """
        await self._send(
            send,
            {
                "type": "http.response.start",
                "status": self.status_code,
                "headers": self.raw_headers,
            },
        )
        async for piece in self._pieces:
            if self._stopped.is_set():
                return False
            self._buffer += self._compressor.compress(piece) if self._compressor else piece
            if len(self._buffer) >= _PIECE_BYTES:
                await self._send(send, _body(self._take(), more=True))
            # An export yields to other work after each piece, also if no call above had to wait.
            await asyncio.sleep(0)
        return not self._stopped.is_set()

    def _take(self, *, end: bool = False) -> bytes:
        if end and self._compressor is not None:
            self._buffer += self._compressor.flush()
        taken, self._buffer = bytes(self._buffer), bytearray()
        return taken

    async def _send(self, send: Send, message: Message) -> None:
        """Send a message, which waits while the client does not read."""
        try:
            async with asyncio.timeout(_STALLED_SECONDS):
                await send(message)
        except OSError:  # disconnected; or stalled, for TimeoutError is one
            self._stopped.set()

    async def _watch(self, receive: Receive) -> None:
        await until_disconnected(receive)
        self._stopped.set()


def _body(content: bytes, *, more: bool) -> Message:
    return {"type": "http.response.body", "body": content, "more_body": more}
