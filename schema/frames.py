"""Websocket frames that are written without waiting: uvicorn's protocol, with one extension of ASGI.

Source: RFC 6455, section 5.2: the whole of a text message in one frame, unmasked, with its length.
"""

from struct import pack
from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from schema.sockets import WRITE_NOW

_TEXT = 0x81
_IN_TWO_BYTES = 126
_IN_EIGHT_BYTES = 127


class FrameProtocol(WebSocketsSansIOProtocol):
    """uvicorn's websocket protocol, with the extension that writes without waiting (`schema.sockets.WRITE_NOW`)."""

    async def run_asgi(self) -> None:
        """Run the application."""
        extensions: dict[str, Any] = self.scope["extensions"]
        extensions[WRITE_NOW] = self.write_now
        await super().run_asgi()

    def write_now(self, head: bytes, body: bytes, tail: bytes) -> bool:
        """Write a text message, unless the reader can't take more or the socket is being closed."""
        if not self.writable.is_set() or self.close_sent or self.disconnected or self.transport.is_closing():
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
