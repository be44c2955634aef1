"""uvicorn's HTTP protocol, with limits on everything that is not a request body."""

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from transport.responses import SAFE

HEADER_SECONDS = "header_seconds"
"""A key in the state that the application's lifespan yields: the time in seconds within which the
headers of a request must arrive.
"""
_MAX_OVERHEAD_BYTES = 64 * 1024


class RequestProtocol(HttpToolsProtocol):
    """The protocol of one connection.

    It closes the connection if the headers of a request do not arrive in time, or if a client sends
    too many bytes outside bodies: headers, trailers, and the sizes and extensions of chunks. A
    request may have 64 KiB of them, and as many more as its body has bytes.
    """

    _header_timer: asyncio.TimerHandle | None = None
    _overhead = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start to wait for the first request."""
        super().connection_made(transport)
        self._start_header_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        self._stop_header_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse data, unless there are too many bytes outside bodies."""
        self._overhead += len(data)
        super().data_received(data)
        upgraded = self.transport.get_protocol() is not self
        if self.transport.is_closing() or upgraded:
            return
        if self._overhead > _MAX_OVERHEAD_BYTES:
            self._refuse(b"431 Request Header Fields Too Large")
        elif self._header_timer is None and (self.cycle is None or self.cycle.response_complete):
            # Data after a response that starts no request: the rest of a refused body, or empty
            # lines. uvicorn sets no timeout for it.
            self._start_header_timer()

    def on_message_begin(self) -> None:
        """Start to wait for the headers of a request."""
        super().on_message_begin()
        if self._header_timer is None:
            self._start_header_timer()

    def on_headers_complete(self) -> None:
        """Stop waiting: the headers have arrived."""
        self._stop_header_timer()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Receive a piece of the body. It raises the request's limit of other bytes."""
        self._overhead -= 2 * len(body)
        super().on_body(body)

    def _start_header_timer(self) -> None:
        self._overhead = 0
        self._header_timer = self.loop.call_later(
            self.app_state.get(HEADER_SECONDS, 10), self._refuse, b"408 Request Timeout"
        )

    def _stop_header_timer(self) -> None:
        if self._header_timer is not None:
            self._header_timer.cancel()
            self._header_timer = None

    def _refuse(self, status: bytes) -> None:
        self._stop_header_timer()
        if self.transport.is_closing():
            return
        # While an earlier request is still being answered, no other response can be written.
        if self.cycle is None or self.cycle.response_complete:
            safe = b"".join(b"%b: %b\r\n" % header for header in SAFE)
            self.transport.write(
                b"HTTP/1.1 %b\r\ncontent-length: 0\r\nconnection: close\r\n%b\r\n" % (status, safe)
            )
        self.transport.close()
