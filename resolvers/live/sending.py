"""Starting a send without waiting for it."""

import asyncio
from collections.abc import Coroutine, Generator
from typing import Any


def start_eagerly(coroutine: Coroutine[Any, Any, None]) -> asyncio.Task[None] | None:
    """Run a coroutine up to its first wait, without a task; only the rest becomes a task.

    Most sends do not wait. A task for each of them would cost a turn of the event loop, for
    thousands of subscribers per event. asyncio has this as `eager_start` from Python 3.12 on. The
    project supports 3.11, so this function makes the first step itself.

    Returns:
        None if the coroutine has finished; otherwise the task that runs the rest.

    Raises:
        Exception: Whatever the coroutine raises before its first wait.
    """
    try:
        awaited = coroutine.send(None)
    except StopIteration:
        return None
    return asyncio.create_task(_finish(_Rest(coroutine, awaited)), name="rest of a send")


async def _finish(rest: "_Rest") -> None:
    await rest


class _Rest:
    """A coroutine that was started outside any task and now waits for the future `awaited`."""

    def __init__(self, coroutine: Coroutine[Any, Any, None], awaited: object) -> None:
        self._coroutine = coroutine
        self._awaited = awaited

    def __await__(self) -> Generator[Any, Any, None]:
        try:
            yield self._awaited
        except BaseException:
            self._coroutine.close()
            raise
        yield from self._coroutine.__await__()
