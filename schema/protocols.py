"""The server's own HTTP connections, which wait for no slow header."""

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from schema.responses import SAFE

HEADER_SECONDS = "header_seconds"
"""In the state that the application's lifespan yields: within which a request's headers must have come."""
_MOST_HEADER_BYTES = 64 * 1024


class RequestProtocol(HttpToolsProtocol):
    """uvicorn's HTTP protocol; a connection on which no request's headers are complete in time, or that are too long, is closed."""

    _beginning: asyncio.TimerHandle | None = None
    _header_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the first request."""
        super().connection_made(transport)
        self._await_headers()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing more."""
        self._headers_came()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on, unless the headers are too long."""
        if self._beginning is not None:
            self._header_bytes += len(data)
        super().data_received(data)
        if self._beginning is not None and self._header_bytes > _MOST_HEADER_BYTES:
            self._refuse(b"431 Request Header Fields Too Large")

    def on_message_begin(self) -> None:
        """Wait for this request's headers."""
        super().on_message_begin()
        if self._beginning is None:
            self._await_headers()

    def on_headers_complete(self) -> None:
        """They came."""
        self._headers_came()
        super().on_headers_complete()

    def _await_headers(self) -> None:
        self._header_bytes = 0
        self._beginning = self.loop.call_later(self.app_state.get(HEADER_SECONDS, 10), self._refuse, b"408 Request Timeout")

    def _headers_came(self) -> None:
        if self._beginning is not None:
            self._beginning.cancel()
            self._beginning = None

    def _refuse(self, status: bytes) -> None:
        self._headers_came()
        if self.transport.is_closing():
            return
        if self.cycle is None or self.cycle.response_complete:  # else an earlier request on the connection is still being answered
            safe = b"".join(b"%b: %b\r\n" % header for header in SAFE)
            self.transport.write(b"HTTP/1.1 %b\r\ncontent-length: 0\r\nconnection: close\r\n%b\r\n" % (status, safe))
        self.transport.close()
