"""The app on a real socket, in the loop of the tests."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import uvicorn

from application import create_app
from schema.registry import RegistrySchema, schema
from settings import Settings
from store.registry import Store
from tests.callers import Api
from transport.http_protocol import RequestProtocol
from transport.websocket_protocol import FrameProtocol


@asynccontextmanager
async def serving(
    data: Path, uri: str, store: Store, *, schema: RegistrySchema = schema, **settings: Any
) -> AsyncIterator[Api]:
    """The running app on a socket of its own, over the database of `store` and for its kinds of
    document.

    Without limits of rate and with time to answer, unless they are given: tests poll on a busy
    machine, and one user of a test stands for many.
    """
    # Of TCP by name: only then asyncio sends small answers at once (`TCP_NODELAY`). Otherwise each
    # waits 40 ms for the client's confirmation.
    with socket.socket(proto=socket.IPPROTO_TCP) as listening:
        listening.bind(("127.0.0.1", 0))
        port = listening.getsockname()[1]
        given = {
            "user_cost_per_second": 0,
            "principal_cost_per_second": 0,
            "deadline_seconds": 60,
            **settings,
        }
        whole = Settings(
            host="127.0.0.1",
            port=port,
            data=data,
            mongodb_uri=uri,
            database=store.database.name,
            **given,
        )
        app = create_app(whole, schema, store.kinds)
        config = uvicorn.Config(
            app,
            http=RequestProtocol,
            ws=FrameProtocol,
            ws_max_size=1024 * 1024,
            log_level="warning",
            lifespan="on",
            server_header=False,
        )
        server = _Server(config)
        running = asyncio.create_task(server.serve(sockets=[listening]))
        while not server.started:
            if running.done():
                await running
            await asyncio.sleep(0.005)
        client = Api(whole.url, data, store, app.live)
        yield client
        await client.close()
        server.should_exit = True
        await running


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield  # signals belong to pytest
