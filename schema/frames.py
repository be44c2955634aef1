"""Websocket messages without waiting: an ASGI extension of the server, for telling many sockets at once.

ASGI's `send` is a coroutine that passes through several layers. Where thousands of sockets are told of the same event, most of the cost is there.
This protocol offers the application a plain call beside it, which writes a text message at once, or answers that it can't. Everything else is
uvicorn's own; on a server without the extension the application uses `send`.
"""

from collections.abc import Callable
from struct import pack
from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

EXTENSION = "casetypes.websocket.write"
"""In the scope's `extensions`: a `WriteNow`."""
WriteNow = Callable[[bytes, bytes, bytes], bool]
"""Writes the three pieces of one text message, and answers whether it did."""

# RFC 6455, section 5.2: the whole of a text message in one frame, unmasked, with its length.
_TEXT = 0x81
_IN_TWO_BYTES = 126
_IN_EIGHT_BYTES = 127


class FrameProtocol(WebSocketsSansIOProtocol):
    """uvicorn's protocol, with the extension in its scope."""

    async def run_asgi(self) -> None:
        """Run the application."""
        extensions: dict[str, Any] = self.scope["extensions"]
        extensions[EXTENSION] = self.write_now
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
