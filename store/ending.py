"""Ending tasks that wait for MongoDB.

The driver sends with a timeout by `asyncio.wait_for`, which before Python 3.12 forgets that it was cancelled when what it waits for is just done: the
task then goes on as if nothing had happened.
"""

import asyncio

_AGAIN_SECONDS = 1


async def end(*tasks: asyncio.Task[None]) -> None:
    """Cancel tasks until they have ended, and wait for that."""
    while pending := [task for task in tasks if not task.done()]:
        for task in pending:
            task.cancel()
        await asyncio.wait(pending, timeout=_AGAIN_SECONDS)


class StillWanted:
    """Notices at the end of a block that the task was cancelled in it, even if the driver forgot it."""

    __slots__ = ("_before", "_task")

    def __enter__(self) -> None:
        self._task = asyncio.current_task()
        self._before = self._task.cancelling() if self._task else 0

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is None and self._task is not None and self._task.cancelling() > self._before:
            raise asyncio.CancelledError
