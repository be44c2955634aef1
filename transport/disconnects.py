"""Ending what nobody waits for any longer."""

import asyncio
from types import TracebackType

from starlette.types import Receive

from transport.request_body import ClientDisconnected

_PATIENCE_SECONDS = 0.1


class CancelOnDisconnect:
    """Cancels what is done inside once the client has hung up, and raises `ClientDisconnected`.

    Nearly everything is answered before it is worth asking: only then a task is made that waits for
    the client's end.
    """

    __slots__ = ("_gone", "_receive", "_task", "_timer", "_watching")

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._task: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._watching: asyncio.Task[None] | None = None
        self._gone = False

    async def __aenter__(self) -> None:
        self._task = asyncio.current_task()
        self._timer = asyncio.get_running_loop().call_later(_PATIENCE_SECONDS, self._watch)

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._timer is not None  # noqa: S101 - it was entered
        assert self._task is not None  # noqa: S101
        self._timer.cancel()
        if self._watching is not None:
            self._watching.cancel()
        if self._gone:
            self._task.uncancel()
            raise ClientDisconnected from None

    def _watch(self) -> None:
        self._watching = asyncio.create_task(self._wait(), name="hang-up")

    async def _wait(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self._gone = True
        if self._task is not None:
            self._task.cancel()
