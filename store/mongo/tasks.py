"""Ending what waits for MongoDB.

The driver sends with a timeout by `asyncio.wait_for`, which before Python 3.12 forgets that it was
cancelled when what it waits for is just done: the
task then goes on as if nothing had happened.
"""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

_AGAIN_SECONDS = 1


async def end(*tasks: asyncio.Task[None]) -> None:
    """Cancel tasks until they have ended, and wait for that."""
    while pending := [task for task in tasks if not task.done()]:
        for task in pending:
            task.cancel()
        await asyncio.wait(pending, timeout=_AGAIN_SECONDS)


async def run_detached(work: Coroutine[Any, Any, T]) -> T:
    """Do work of the driver in a task of its own: however often the caller is cancelled, the work
    is so once, and the caller goes at once.

    The driver waits for a connection with its pool's lock in hand, by `asyncio.wait_for`. Before
    Python 3.12 that is a task of its own; cancelled
    again while it takes the lock back, it leaves it locked for ever, and nothing of this process
    reaches MongoDB any more.
    """
    task = asyncio.create_task(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        task.cancel()
        raise
