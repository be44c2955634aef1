"""Makes a server that listens on loopback only reachable at another address.

It runs in the server's network namespace: `python -m tests.faults.relay ADDRESS PORT`.
"""

import asyncio
import contextlib
import sys


async def _relay(host: str, port: int) -> None:
    async def connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            server_reader, server_writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            writer.transport.abort()
            return
        await asyncio.gather(_forward(reader, server_writer), _forward(server_reader, writer))

    async with await asyncio.start_server(connect, host, port) as server:
        await server.serve_forever()


async def _forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(64 * 1024):
            writer.write(data)
            await writer.drain()
    writer.close()


if __name__ == "__main__":
    asyncio.run(_relay(sys.argv[1], int(sys.argv[2])))
