"""A TCP proxy in front of the application whose connections a test can cut."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress


@asynccontextmanager
async def wire(url: str) -> AsyncIterator[tuple[str, Callable[[], None]]]:
    """A proxy to the application. Yields its address and a function that cuts all connections.

    They are aborted without a close on the websocket or HTTP level, as by a network failure.
    """
    writers: set[asyncio.StreamWriter] = set()
    host, port = url.removeprefix("http://").partition("/")[0].split(":")

    async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        writer.close()

    async def connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server_reader, server_writer = await asyncio.open_connection(host, int(port))
        writers.update((writer, server_writer))
        await asyncio.gather(forward(reader, server_writer), forward(server_reader, writer))

    server = await asyncio.start_server(connect, "127.0.0.1", 0, family=socket.AF_INET)

    def cut() -> None:
        for writer in writers:
            writer.transport.abort()

    yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/graphql", cut
    cut()
    server.close()
    await server.wait_closed()
