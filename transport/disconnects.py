"""Cancels work whose client has disconnected."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.types import Receive

from transport.request_body import ClientDisconnected

_PATIENCE_SECONDS = 0.1
"""Only requests that take longer start a task that watches the client."""


@asynccontextmanager
async def cancel_on_disconnect(receive: Receive) -> AsyncIterator[None]:
    """Cancel the body of the `async with` block when the client disconnects.

    Args:
        receive: The request's ASGI `receive`. The body must have been read.

    Raises:
        ClientDisconnected: The client disconnected before the block was left.
    """
    task = asyncio.current_task()
    assert task is not None  # noqa: S101 - a coroutine of the server runs in a task
    cancellations = task.cancelling()
    disconnected = False
    watcher: asyncio.Task[None] | None = None

    async def cancel_when_disconnected() -> None:
        nonlocal disconnected
        await until_disconnected(receive)
        disconnected = True
        task.cancel()

    def start_watcher() -> None:
        nonlocal watcher
        watcher = asyncio.create_task(cancel_when_disconnected(), name="client disconnect")

    timer = asyncio.get_running_loop().call_later(_PATIENCE_SECONDS, start_watcher)
    try:
        yield
    finally:
        timer.cancel()
        if watcher is not None:
            watcher.cancel()
        # A cancellation from elsewhere must not be swallowed.
        if disconnected and task.uncancel() <= cancellations:
            raise ClientDisconnected from None


async def until_disconnected(receive: Receive) -> None:
    """Wait until the client disconnects."""
    while (await receive())["type"] != "http.disconnect":
        pass
