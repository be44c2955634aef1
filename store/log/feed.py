"""The live end of the logs. The log is the truth, wake-ups are hints.

One change stream per process tells which logs have grown. Each log that someone follows has a tail
in memory: its newest events, read once
for all followers. A follower holds a position; one that falls behind the tail reads from the log
again, at its own pace. A periodic look at the
log catches what a wake-up missed, so a change stream that is lost or hangs costs seconds, never an
event.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any

import structlog
from pymongo.errors import PyMongoError

from store.log.history import History
from store.mongo.connection import Database
from store.mongo.tasks import cancel
from store.records import Event

_log = structlog.get_logger(__name__)

_TAIL = 512
_PAGE = 100
_LOOK_SECONDS = 5.0
_RETRY_SECONDS = 0.5
_AWAIT_MS = 1_000


class _Tail:
    """The newest events of one log, without a gap, and who waits for more."""

    def __init__(self, last: int) -> None:
        self.last = last
        self.followers = 0
        self.events: deque[Event] = deque(maxlen=_TAIL)
        self._grown = asyncio.Event()

    def extend(self, events: Sequence[Event]) -> None:
        for event in events:
            if event.sequence == self.last + 1:
                self.events.append(event)
                self.last = event.sequence
        grown, self._grown = self._grown, asyncio.Event()
        grown.set()

    def after(self, position: int) -> list[Event] | None:
        """The events after a position; None when it is older than what is kept."""
        if position >= self.last:
            return []
        oldest = self.events[0].sequence if self.events else self.last + 1
        if position + 1 < oldest:
            return None
        return [event for event in self.events if event.sequence > position][:_PAGE]

    async def beyond(self, position: int) -> None:
        """Wait until the log has grown past a position."""
        while self.last <= position:
            await self._grown.wait()


class Feed:
    """Everything after a position of a log, then what comes, in order, once.

    Attributes:
        restarts: How often the change stream broke and was begun again.
    """

    def __init__(self, database: Database, history: History) -> None:
        self.restarts = 0
        self._database = database
        self._history = history
        self._tails: dict[str, _Tail] = {}
        self._refreshing = asyncio.Lock()
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin to follow the change stream, and to look at the logs."""
        self._tasks = [
            asyncio.create_task(self._watch(), name="feed"),
            asyncio.create_task(self._look(), name="look at the logs"),
        ]

    async def stop(self) -> None:
        """End both. Followers are ended by whoever runs them."""
        if self._tasks:
            await cancel(*self._tasks)

    async def follow(self, principal: str, after: int) -> AsyncGenerator[Event, None]:
        """Every event of a log after a sequence number, for ever."""
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
                    await tail.beyond(position)
        finally:
            self._leave(principal, tail)

    async def _join(self, principal: str) -> _Tail:
        async with self._refreshing:
            if (tail := self._tails.get(principal)) is None:
                tail = self._tails[principal] = _Tail(
                    await self._history.latest_sequence(principal)
                )
            tail.followers += 1
            return tail

    def _leave(self, principal: str, tail: _Tail) -> None:
        tail.followers -= 1
        if not tail.followers and self._tails.get(principal) is tail:
            del self._tails[principal]

    async def _refresh(self, principals: Sequence[str]) -> None:
        """Read what is new of some followed logs, once for all their followers."""
        for principal in principals:
            try:
                await self._refresh_one(principal)
            except (
                ValueError,
                KeyError,
                TypeError,
                AttributeError,
            ):  # an event that this server can't read, as a newer one may write
                _log.exception("events can't be read", principal=principal)

    async def _refresh_one(self, principal: str) -> None:
        async with self._refreshing:
            if (tail := self._tails.get(principal)) is None:
                return
            while events := await self._history.after(principal, tail.last, limit=_TAIL):
                tail.extend(events)
                if len(events) < _TAIL:
                    break

    async def _look(self) -> None:
        """Read every few seconds what no wake-up told of: the change stream may hang for as long as
        a call of the driver may take.
        """
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            try:
                await self._refresh(list(self._tails))
            except Exception as error:  # noqa: BLE001 - there is a next time
                _log.warning("logs not looked at", error=type(error).__name__)

    async def _watch(self) -> None:
        while True:
            try:
                await self._follow_stream()
            except Exception as error:  # noqa: BLE001
                self.restarts += 1
                if isinstance(error, PyMongoError):
                    _log.warning("change stream lost", error=type(error).__name__)
                else:  # no reason to tell nobody of anything any more
                    _log.exception("the feed failed")
                await asyncio.sleep(_RETRY_SECONDS)

    async def _follow_stream(self) -> None:
        """Follow a new change stream until it breaks.

        What came before it began is read from the log.
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
            pipeline, max_await_time_ms=_AWAIT_MS
        ) as stream:
            _log.info("change stream begun")
            await self._refresh(list(self._tails))
            while stream.alive:
                change = await stream.try_next()
                if change is not None:
                    self._database.advance_operation_time(
                        change["clusterTime"]
                    )  # so that the log shows it, whoever is asked
                    event = change["fullDocument"]
                    tail = self._tails.get(event["principal"])
                    if tail is not None and tail.last < event["sequence"]:
                        await self._refresh([event["principal"]])
