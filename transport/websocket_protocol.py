"""Websocket frames: uvicorn's protocol, with one extension of ASGI to write without waiting, and
less trust in what comes in.

Source: RFC 6455, section 5.2: the whole of a text message in one frame, unmasked, with its length.
"""

from struct import pack
from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame
from websockets.protocol import State

from transport.graphql_transport_ws import WRITE_NOW

_TEXT = 0x81
_IN_TWO_BYTES = 126
_IN_EIGHT_BYTES = 127
_PIECE = 4096
_MAX_FRAMES, _IN_SECONDS = 2_000, 10
_NOT_UTF_8 = 1007
_BREAKS_THE_RULES = 1008


class FrameProtocol(WebSocketsSansIOProtocol):
    """uvicorn's websocket protocol, with the extension that writes without waiting
    (`transport.graphql_transport_ws.WRITE_NOW`).

    Of frames that are no message (pings, pongs, parts) two thousand may come in ten seconds: each
    costs the server far more than the client.
    """

    _frames = 0
    _since = 0.0

    def data_received(self, data: bytes) -> None:
        """Read on, in pieces: so a flood is noticed before it is read."""
        if (
            not self.handshake_initiated
        ):  # the whole request to upgrade, as `transport.http_protocol` has read it
            super().data_received(data)
            if (
                not self.handshake_initiated
            ):  # one that can't be read is not waited for: no more of it will come
                self.transport.write(
                    b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
                )
                self.transport.close()
            return
        for start in range(0, len(data), _PIECE):
            if self.transport.is_closing():
                return
            super().data_received(data[start : start + _PIECE])

    def handle_ping(self) -> None:
        """Answer one."""
        if self._may_be_more():
            super().handle_ping()

    def handle_pong(self, event: Frame) -> None:
        """Take one."""
        if self._may_be_more():
            super().handle_pong(event)

    def keepalive_timeout(self) -> None:
        """Close, when no pong came in time.

        A peer that took nothing before will not take the rest either.
        """
        super().keepalive_timeout()
        if self.transport.get_write_buffer_size():
            self.transport.abort()

    def handle_cont(self, event: Frame) -> None:
        """Take a part of a message."""
        if self._may_be_more():
            super().handle_cont(event)

    def send_receive_event_to_app(self) -> None:
        """Hand a message on, if it is one. uvicorn would log text that is no UTF-8 with a stack
        trace.
        """
        if self.curr_msg_data_type == "text":
            try:
                b"".join(self.frames).decode()
            except UnicodeDecodeError:
                self._fail(_NOT_UTF_8)
                return
        super().send_receive_event_to_app()

    def _may_be_more(self) -> bool:
        if (now := self.loop.time()) - self._since > _IN_SECONDS:
            self._since, self._frames = now, 0
        self._frames += 1
        if self._frames > _MAX_FRAMES:
            self._fail(_BREAKS_THE_RULES)
        return self._frames <= _MAX_FRAMES

    def _fail(self, code: int) -> None:
        self.frames = []
        if self.conn.state is State.OPEN and not self.close_sent:
            self.conn.send_close(code)
            self.handle_parser_exception()

    async def run_asgi(self) -> None:
        """Run the application."""
        extensions: dict[str, Any] = self.scope["extensions"]
        extensions[WRITE_NOW] = self.write_now
        await super().run_asgi()

    def write_now(self, head: bytes, body: bytes, tail: bytes) -> bool:
        """Write a text message, unless the reader can't take more or the socket is being closed."""
        if (
            not self.writable.is_set()
            or self.close_sent
            or self.disconnected
            or self.transport.is_closing()
        ):
            return False
        size = len(head) + len(body) + len(tail)
        # How long it is takes one, three or nine bytes.
        if size < _IN_TWO_BYTES:
            start = pack("!BB", _TEXT, size)
        elif size < 1 << 16:
            start = pack("!BBH", _TEXT, _IN_TWO_BYTES, size)
        else:
            start = pack("!BBQ", _TEXT, _IN_EIGHT_BYTES, size)
        self.transport.write(b"".join((start, head, body, tail)))
        return True
