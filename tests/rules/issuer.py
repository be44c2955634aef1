"""An OpenID Connect issuer on a real socket."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import uvicorn
from joserfc.jwk import Key
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from resolvers.access.issuers import IssuerKeys
from resolvers.access.sign_in import SignIn
from tests.rules.tokens import AUDIENCE, EC, NOW, Clock, person, signed


class Issuer:
    """An OpenID Connect issuer: its published keys, and the number of requests."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.keys: list[Any] = [EC.as_dict(private=False)]
        self.discovery: dict[str, Any] = {"issuer": address, "jwks_uri": f"{address}/keys"}
        self.override: Callable[[], Response] | None = None
        self.gate = asyncio.Event()
        self.gate.set()
        self.requests = 0
        self.server: uvicorn.Server | None = None
        self._serving: asyncio.Task[None] | None = None

    async def start(self, port: int = 0) -> int:
        app = Starlette(
            routes=[
                Route("/.well-known/openid-configuration", self._describe),
                Route("/keys", self._publish),
            ]
        )
        config = uvicorn.Config(
            app, host="127.0.0.1", port=port, ws="none", lifespan="off", log_config=None
        )
        self.server = uvicorn.Server(config)
        self._serving = asyncio.create_task(self.server.serve())
        while not self.server.started:  # noqa: ASYNC110 - uvicorn has no event for it
            await asyncio.sleep(0.005)
        return int(self.server.servers[0].sockets[0].getsockname()[1])

    async def stop(self) -> None:
        self.gate.set()
        if self.server is not None and self._serving is not None:
            self.server.should_exit = True
            await self._serving

    async def _describe(self, request: Request) -> Response:
        self.requests += 1
        await self.gate.wait()
        return self.override() if self.override else JSONResponse(self.discovery)

    async def _publish(self, request: Request) -> Response:
        return JSONResponse({"keys": self.keys})

    def token(self, key: Key = EC, **changes: Any) -> str:
        return signed(person(iss=self.address, exp=NOW.timestamp() + 1_000_000) | changes, key)

    def sign_in(self, clock: Clock, **options: Any) -> SignIn:
        keys = IssuerKeys(self.address, monotonic=clock.monotonic, **options)
        return SignIn(keys, issuer=self.address, audience=AUDIENCE, clock=clock.now)


@asynccontextmanager
async def running() -> AsyncIterator[Issuer]:
    issuer = Issuer("")
    port = await issuer.start()
    issuer.address = f"http://127.0.0.1:{port}"
    issuer.discovery = {"issuer": issuer.address, "jwks_uri": f"{issuer.address}/keys"}
    try:
        yield issuer
    finally:
        await issuer.stop()
