"""Whether the server lives, and whether it can answer: for those who watch over it, and anybody
else who reaches the port.
"""

import asyncio
from collections.abc import Callable, Coroutine
from http import HTTPStatus
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

_HOLDS_SECONDS = 0.5


class Health:
    """The pages.

    Args:
        ready: Asks MongoDB. However many ask here, it is asked one question at a time, and not
            again while the answer is fresh.
    """

    def __init__(self, ready: Callable[[], Coroutine[Any, Any, bool]]) -> None:
        self._ready = ready
        self._asked: asyncio.Task[bool] | None = None
        self._stale_at = 0.0

    async def live(self, _: Request) -> Response:
        """The process answers."""
        return JSONResponse({"status": "live"})

    async def ready(self, _: Request) -> Response:
        """It can answer from MongoDB."""
        loop = asyncio.get_running_loop()
        if self._asked is None or (self._asked.done() and loop.time() > self._stale_at):
            self._asked = loop.create_task(self._ask(), name="ready")
        if await asyncio.shield(self._asked):
            return JSONResponse({"status": "ready"})
        return JSONResponse({"status": "unavailable"}, HTTPStatus.SERVICE_UNAVAILABLE)

    async def _ask(self) -> bool:
        ok = await self._ready()
        self._stale_at = asyncio.get_running_loop().time() + _HOLDS_SECONDS
        return ok
