"""uvicorn's websocket protocol, with writing without waiting and stricter limits.

Source: RFC 6455, section 5.2: a text message is written in one frame, unmasked, after its length.
"""

from struct import pack
from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame
from websockets.protocol import State

from transport.socket_messages import WRITE_NOW

_TEXT = 0x81
_LENGTH_IN_TWO_BYTES = 126
_LENGTH_IN_EIGHT_BYTES = 127
_PIECE_BYTES = 4096
_MAX_FRAMES = 2_000
_FRAME_INTERVAL_SECONDS = 10
_INVALID_PAYLOAD = 1007
_POLICY_VIOLATION = 1008


class FrameProtocol(WebSocketsSansIOProtocol):
    """The protocol of one connection, with the ASGI extension `WRITE_NOW`.

    A client may send two thousand frames in ten seconds that are no whole message (pings, pongs,
    parts): each costs the server far more than the client.
    """

    _frames = 0
    _since = 0.0

    def data_received(self, data: bytes) -> None:
        """Read data in pieces, so that a flood is noticed before all of it is parsed."""
        if not self.handshake_initiated:
            # `transport.http_protocol` passes on the whole request to upgrade at once.
            super().data_received(data)
            if not self.handshake_initiated:  # it is invalid, and no more of it will arrive
                self.transport.write(
                    b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
                )
                self.transport.close()
            return
        for start in range(0, len(data), _PIECE_BYTES):
            if self.transport.is_closing():
                return
            super().data_received(data[start : start + _PIECE_BYTES])

    def handle_ping(self) -> None:
        """Answer a ping."""
        if self._allows_frame():
            super().handle_ping()

    def handle_pong(self, event: Frame) -> None:
        """Receive a pong."""
        if self._allows_frame():
            super().handle_pong(event)

    def keepalive_timeout(self) -> None:
        """Close the connection when no pong arrived in time.

        A client that reads nothing would not read the close frame either.
        """
        super().keepalive_timeout()
        if self.transport.get_write_buffer_size():
            self.transport.abort()

    def handle_cont(self, event: Frame) -> None:
        """Receive a part of a message."""
        if self._allows_frame():
            super().handle_cont(event)

    def send_receive_event_to_app(self) -> None:
        """Pass a message on to the application.

        Text that is not UTF-8 closes the socket: uvicorn would log it with a stack trace.
        """
        if self.curr_msg_data_type == "text":
            try:
                b"".join(self.frames).decode()
            except UnicodeDecodeError:
                self._fail(_INVALID_PAYLOAD)
                return
        super().send_receive_event_to_app()

    def _allows_frame(self) -> bool:
        if (now := self.loop.time()) - self._since > _FRAME_INTERVAL_SECONDS:
            self._since, self._frames = now, 0
        self._frames += 1
        if self._frames > _MAX_FRAMES:
            self._fail(_POLICY_VIOLATION)
        return self._frames <= _MAX_FRAMES

    def _fail(self, code: int) -> None:
        self.frames = []
        if self.conn.state is State.OPEN and not self.close_sent:
            self.conn.send_close(code)
            self.handle_parser_exception()

    async def run_asgi(self) -> None:
        """Run the application, with `WRITE_NOW` in its scope."""
        extensions: dict[str, Any] = self.scope["extensions"]
        extensions[WRITE_NOW] = self.write_now
        await super().run_asgi()

    def write_now(self, head: bytes, body: bytes, tail: bytes) -> bool:
        """Write a text message in three parts.

        Returns:
            Whether it was written: not if the client reads too slowly, or the socket is being
            closed.
        """
        if (
            not self.writable.is_set()
            or self.close_sent
            or self.disconnected
            or self.transport.is_closing()
        ):
            return False
        size = len(head) + len(body) + len(tail)
        # The length takes one, three or nine bytes.
        if size < _LENGTH_IN_TWO_BYTES:
            start = pack("!BB", _TEXT, size)
        elif size < 1 << 16:
            start = pack("!BBH", _TEXT, _LENGTH_IN_TWO_BYTES, size)
        else:
            start = pack("!BBQ", _TEXT, _LENGTH_IN_EIGHT_BYTES, size)
        self.transport.write(b"".join((start, head, body, tail)))
        return True
