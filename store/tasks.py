"""Cancelling tasks that wait for MongoDB.

The driver uses `asyncio.wait_for` for its timeouts. Before Python 3.12 it loses a cancellation that
arrives just when the awaited operation completes, and the task continues.
"""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

_RETRY_SECONDS = 1


async def cancel(*tasks: asyncio.Task[None]) -> None:
    """Cancel tasks, repeatedly if needed, and wait until all have ended."""
    while pending := [task for task in tasks if not task.done()]:
        for task in pending:
            task.cancel()
        await asyncio.wait(pending, timeout=_RETRY_SECONDS)


async def run_detached(work: Coroutine[Any, Any, T]) -> T:
    """Run work of the driver in a task of its own, so that it is cancelled at most once.

    If the caller is cancelled, it returns at once and the work is cancelled once, however often the
    caller is cancelled.

    The driver waits for a connection while it holds its pool's lock, with `asyncio.wait_for`.
    Before Python 3.12 that is a separate task. A second cancellation while it takes the lock back
    leaves the lock locked forever, and this process can no longer reach MongoDB.
    """
    task = asyncio.create_task(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        task.cancel()
        raise
