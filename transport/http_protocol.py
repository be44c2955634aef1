"""The server's own HTTP connections: what comes slowly, or without end, and is no body of a request
is not waited for.
"""

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from transport.responses import SAFE

HEADER_SECONDS = "header_seconds"
"""In the state that the application's lifespan yields: within which a request's headers must have
come.
"""
_MAX_BYTES_BESIDE = 64 * 1024


class RequestProtocol(HttpToolsProtocol):
    """uvicorn's HTTP protocol, which closes a connection on which no request's headers are complete
    in time, or too much comes that is no body.

    That is headers, trailers, and the sizes and extensions of chunks: together 64 KiB, and once
    more what the body has.
    """

    _beginning: asyncio.TimerHandle | None = None
    _beside = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the first request."""
        super().connection_made(transport)
        self._await_headers()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing more."""
        self._headers_came()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on, unless what is no body is too long."""
        self._beside += len(data)
        super().data_received(data)
        if (
            self.transport.is_closing() or self.transport.get_protocol() is not self
        ):  # it is a websocket by now
            return
        if self._beside > _MAX_BYTES_BESIDE:
            self._refuse(b"431 Request Header Fields Too Large")
        elif self._beginning is None and (self.cycle is None or self.cycle.response_complete):
            # It came after an answer, and begins no request: the rest of a refused body, or empty
            # lines. uvicorn waits for no end of those.
            self._await_headers()

    def on_message_begin(self) -> None:
        """Wait for this request's headers."""
        super().on_message_begin()
        if self._beginning is None:
            self._await_headers()

    def on_headers_complete(self) -> None:
        """They came."""
        self._headers_came()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Take a piece of the body."""
        self._beside -= 2 * len(body)
        super().on_body(body)

    def _await_headers(self) -> None:
        self._beside = 0
        self._beginning = self.loop.call_later(
            self.app_state.get(HEADER_SECONDS, 10), self._refuse, b"408 Request Timeout"
        )

    def _headers_came(self) -> None:
        if self._beginning is not None:
            self._beginning.cancel()
            self._beginning = None

    def _refuse(self, status: bytes) -> None:
        self._headers_came()
        if self.transport.is_closing():
            return
        if (
            self.cycle is None or self.cycle.response_complete
        ):  # else an earlier request on the connection is still being answered
            safe = b"".join(b"%b: %b\r\n" % header for header in SAFE)
            self.transport.write(
                b"HTTP/1.1 %b\r\ncontent-length: 0\r\nconnection: close\r\n%b\r\n" % (status, safe)
            )
        self.transport.close()
