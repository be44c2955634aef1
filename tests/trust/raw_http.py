"""HTTP requests that a client library would not send: written byte by byte to a connection."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.callers import Api, Caller


def request_head(caller: Caller, *lines: str) -> bytes:
    """A request line and headers, without the empty line that ends the headers."""
    common = (
        "POST /graphql HTTP/1.1",
        "host: x",
        f"authorization: Bearer {caller.token}",
        "content-type: application/json",
        *lines,
    )
    return "".join(f"{line}\r\n" for line in common).encode()


@asynccontextmanager
async def connection(api: Api) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A TCP connection to the application, aborted at the end of the block."""
    host, port = api.root.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        yield reader, writer
    finally:
        writer.transport.abort()
