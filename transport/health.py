"""The health pages: whether the process runs, and whether it can reach MongoDB.

They need no sign-in.
"""

import asyncio
from collections.abc import Callable, Coroutine
from http import HTTPStatus
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

_FRESH_SECONDS = 0.5


class Health:
    """The health pages.

    Args:
        ready: Checks MongoDB. Concurrent requests share one check, and its result is used for half
            a second.
    """

    def __init__(self, ready: Callable[[], Coroutine[Any, Any, bool]]) -> None:
        self._ready = ready
        self._check: asyncio.Task[bool] | None = None
        self._stale_at = 0.0

    async def live(self, _: Request) -> Response:
        """Answer that the process runs."""
        return JSONResponse({"status": "live"})

    async def ready(self, _: Request) -> Response:
        """Answer whether MongoDB can be reached."""
        loop = asyncio.get_running_loop()
        if self._check is None or (self._check.done() and loop.time() > self._stale_at):
            self._check = loop.create_task(self._run_check(), name="ready")
        if await asyncio.shield(self._check):
            return JSONResponse({"status": "ready"})
        return JSONResponse({"status": "unavailable"}, HTTPStatus.SERVICE_UNAVAILABLE)

    async def _run_check(self) -> bool:
        ok = await self._ready()
        self._stale_at = asyncio.get_running_loop().time() + _FRESH_SECONDS
        return ok
