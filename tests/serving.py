"""Runs the application on a real socket, in the event loop of the tests."""

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
    """The running application on its own socket, on the database of `store` and with its kinds.

    By default it has no rate limits and a long timeout, because tests poll on a busy machine and
    send the requests of many users as one user. `settings` can override that.
    """
    # The protocol must be named: only then does asyncio set `TCP_NODELAY`. Otherwise each small
    # response waits 40 ms for the client's acknowledgement.
    with socket.socket(proto=socket.IPPROTO_TCP) as listening:
        listening.bind(("127.0.0.1", 0))
        port = listening.getsockname()[1]
        defaults_and_settings = {
            "user_cost_per_second": 0,
            "principal_cost_per_second": 0,
            "deadline_seconds": 60,
            **settings,
        }
        configuration = Settings(
            host="127.0.0.1",
            port=port,
            data=data,
            mongodb_uri=uri,
            database=store.database.name,
            **defaults_and_settings,
        )
        app = create_app(configuration, schema, store.kinds)
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
        client = Api(configuration.url, data, store, app.live)
        yield client
        await client.close()
        server.should_exit = True
        await running


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield  # pytest handles signals
