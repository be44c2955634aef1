"""Beginning a send without waiting for it."""

import asyncio
from collections.abc import Coroutine, Generator
from typing import Any


def begun(sending: Coroutine[Any, Any, None]) -> asyncio.Task[None] | None:
    """Run a coroutine up to its first wait, in this turn of the loop.

    A send that needs no waiting costs no task and no turn: that is what telling ten thousand at
    once takes.

    Returns:
        None where it is done; else the rest of it, as a task.

    Raises:
        Exception: What the coroutine raised before its first wait.
    """
    try:
        waited_for = sending.send(None)
    except StopIteration:
        return None
    return asyncio.create_task(_finished(_Rest(sending, waited_for)), name="rest of a send")


async def _finished(rest: "_Rest") -> None:
    await rest


class _Rest:
    """A coroutine that was begun outside any task, and now waits for `waited_for`."""

    def __init__(self, sending: Coroutine[Any, Any, None], waited_for: object) -> None:
        self._sending = sending
        self._waited_for = waited_for

    def __await__(self) -> Generator[Any, Any, None]:
        try:
            yield self._waited_for
        except BaseException:
            self._sending.close()
            raise
        yield from self._sending.__await__()
