"""New events of the logs, as they are written.

One change stream per process signals which logs have new events. Each log that has readers has a
tail in memory: its newest events, read once for all readers. A reader has a position; if it falls
behind the tail, it reads from the log again, at its own pace. The logs are also polled every few
seconds. So a change stream that fails or hangs delays events by seconds, but loses none.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any

import structlog
from pymongo.errors import PyMongoError

from store.log.history import History
from store.mongo.connection import Database
from store.records import Event
from store.tasks import cancel

_log = structlog.get_logger(__name__)

_TAIL_EVENTS = 512
_PAGE = 100
_POLL_SECONDS = 5.0
_RETRY_SECONDS = 0.5
_MAX_AWAIT_MS = 1_000


class _Tail:
    """The newest events of one log, without gaps, at most 512; and a signal for new ones."""

    def __init__(self, last: int) -> None:
        self.last = last
        self.readers = 0
        self.events: deque[Event] = deque(maxlen=_TAIL_EVENTS)
        self._grown = asyncio.Event()

    def extend(self, events: Sequence[Event]) -> None:
        """Append events that follow the last one, and wake up the readers."""
        for event in events:
            if event.sequence == self.last + 1:
                self.events.append(event)
                self.last = event.sequence
        grown, self._grown = self._grown, asyncio.Event()
        grown.set()

    def after(self, position: int) -> list[Event] | None:
        """The next events after a position, at most 100; None if the tail starts later."""
        if position >= self.last:
            return []
        oldest = self.events[0].sequence if self.events else self.last + 1
        if position + 1 < oldest:
            return None
        return [event for event in self.events if event.sequence > position][:_PAGE]

    async def wait(self, position: int) -> None:
        """Wait until there is an event after a position."""
        while self.last <= position:
            await self._grown.wait()


class Feed:
    """The events of logs after a position, and then new ones; in order, each once.

    Attributes:
        restarts: How often the change stream failed and was restarted.
    """

    def __init__(self, database: Database, history: History) -> None:
        self.restarts = 0
        self._database = database
        self._history = history
        self._tails: dict[str, _Tail] = {}
        self._refreshing = asyncio.Lock()
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Start the change stream and the polling."""
        self._tasks = [
            asyncio.create_task(self._watch(), name="feed"),
            asyncio.create_task(self._poll(), name="log polling"),
        ]

    async def stop(self) -> None:
        """Stop both. The callers of `follow` must end their iterations."""
        if self._tasks:
            await cancel(*self._tasks)

    async def follow(self, principal: str, after: int) -> AsyncGenerator[Event, None]:
        """Every event of a log after a sequence number; never ends.

        Args:
            principal: Key of the principal whose log it is.
            after: A sequence number; 0 starts with the first event.
        """
        tail = await self._join(principal)
        position = after
        try:
            while True:
                events = tail.after(position)
                if events is None:
                    events = await self._history.after(principal, position, limit=_PAGE)
                for event in events:
                    yield event
                    position = event.sequence
                if not events:
                    await tail.wait(position)
        finally:
            self._leave(principal, tail)

    async def _join(self, principal: str) -> _Tail:
        async with self._refreshing:
            if (tail := self._tails.get(principal)) is None:
                tail = self._tails[principal] = _Tail(
                    await self._history.latest_sequence(principal)
                )
            tail.readers += 1
            return tail

    def _leave(self, principal: str, tail: _Tail) -> None:
        tail.readers -= 1
        if not tail.readers and self._tails.get(principal) is tail:
            del self._tails[principal]

    async def _refresh(self, principals: Sequence[str]) -> None:
        """Read the new events of logs into their tails, once for all readers."""
        for principal in principals:
            try:
                await self._refresh_one(principal)
            except (
                ValueError,
                KeyError,
                TypeError,
                AttributeError,
            ):  # an event in a format that a newer server writes
                _log.exception("events cannot be read", principal=principal)

    async def _refresh_one(self, principal: str) -> None:
        async with self._refreshing:
            if (tail := self._tails.get(principal)) is None:
                return
            while events := await self._history.after(principal, tail.last, limit=_TAIL_EVENTS):
                tail.extend(events)
                if len(events) < _TAIL_EVENTS:
                    break

    async def _poll(self) -> None:
        """Read the logs every 5 seconds: the change stream can hang until the driver times out."""
        while True:
            await asyncio.sleep(_POLL_SECONDS)
            try:
                await self._refresh(list(self._tails))
            except Exception as error:  # noqa: BLE001 - the next poll tries again
                _log.warning("log polling failed", error=type(error).__name__)

    async def _watch(self) -> None:
        while True:
            try:
                await self._follow_stream()
            except Exception as error:  # noqa: BLE001
                self.restarts += 1
                if isinstance(error, PyMongoError):
                    _log.warning("change stream lost", error=type(error).__name__)
                else:  # a bug must not end live delivery
                    _log.exception("change stream failed")
                await asyncio.sleep(_RETRY_SECONDS)

    async def _follow_stream(self) -> None:
        """Read a new change stream until it fails.

        Events from before it started are read from the log.
        """
        pipeline: list[Mapping[str, Any]] = [
            {"$match": {"operationType": "insert"}},
            {
                "$project": {
                    "fullDocument.principal": 1,
                    "fullDocument.sequence": 1,
                    "clusterTime": 1,
                }
            },
        ]
        async with await self._database["events"].watch(
            pipeline, max_await_time_ms=_MAX_AWAIT_MS
        ) as stream:
            _log.info("change stream started")
            await self._refresh(list(self._tails))
            while stream.alive:
                change = await stream.try_next()
                if change is not None:
                    # Later reads then include it, on every member of the replica set.
                    self._database.advance_operation_time(change["clusterTime"])
                    event = change["fullDocument"]
                    tail = self._tails.get(event["principal"])
                    if tail is not None and tail.last < event["sequence"]:
                        await self._refresh([event["principal"]])
