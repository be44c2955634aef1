"""A way to the app that a test can cut."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress


@asynccontextmanager
async def wire(url: str) -> AsyncIterator[tuple[str, Callable[[], None]]]:
    """A TCP connection's way to the app that can be cut as a network does it: without a word of
    farewell.
    """
    open_ends: set[asyncio.StreamWriter] = set()
    host, port = url.removeprefix("http://").partition("/")[0].split(":")

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        writer.close()

    async def connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection(host, int(port))
        open_ends.update((writer, far_writer))
        await asyncio.gather(carry(reader, far_writer), carry(far_reader, writer))

    server = await asyncio.start_server(connect, "127.0.0.1", 0, family=socket.AF_INET)

    def cut() -> None:
        for end in open_ends:
            end.transport.abort()

    yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/graphql", cut
    cut()
    server.close()
    await server.wait_closed()
