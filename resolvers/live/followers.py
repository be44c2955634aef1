"""One subscription: what it follows, how far it was told, and where it is told.

A follower is *live* while it can take more: then the channel of its log tells it, and it has no
task of its own. One that can't, or has just
come, is *behind*: a task of its own reads the log from its position, waits for each send, and goes
live again at the end. So a slow reader holds
up nobody, and nothing is queued for it: the log is the queue.
"""

import asyncio
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

import structlog

from resolvers.access.rights import Rights
from resolvers.access.viewer import Viewer
from resolvers.live.sending import begun
from resolvers.live.watched_rights import Viewpoint
from store.log.cursors import Position
from store.log.event_filters import EventFilter
from store.mongo.connection import is_outage
from store.notifications.notifications import LogRange
from store.records import Clinic, Event
from store.registry import Store

_log = structlog.get_logger(__name__)
_PAGE = 100
_AGAIN_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Following:
    """What is followed: what some clinics of one principal are told, or, without clinics, the acts
    in a principal's log that match a filter.
    """

    principal: str
    position: Position
    clinics: Sequence[Clinic] | None = None
    which: EventFilter = field(default_factory=EventFilter)
    resident_visible_only: bool = False

    def wants(self, event: Event) -> bool:
        """Whether an event is told, as far as the filter goes."""
        return (
            self.which.matches(event)
            if self.clinics is None
            else event.resident_visible or not self.resident_visible_only
        )


class PayloadSource(Protocol):
    """How events are put into text for those who sent the same operation."""

    def text(
        self, event: Event, clinic: Clinic | None, viewpoint: Viewpoint, *, live: bool
    ) -> bytes | None:
        """What someone is told of an event; None where that is not made yet."""

    async def make(
        self, event: Event, clinic: Clinic | None, viewpoint: Viewpoint, *, live: bool
    ) -> bytes:
        """The same, made now."""

    async def prepare(self, clinic: Clinic) -> None:
        """Have at hand what belongs to a clinic in any text."""

    def left(self) -> None:
        """One who used it has gone."""


class Sink(Protocol):
    """Where a follower is told."""

    def now(self, text: bytes) -> bool:
        """Send one notification or event if that takes no waiting, and answer whether it was sent."""

    def next(self, text: bytes, event: Event, clinic: str | None) -> Coroutine[Any, Any, None]:
        """Send one; waits while the reader can't take more.

        Raises OSError once the reader has gone.
        """

    def end(self, reason: Exception) -> Coroutine[Any, Any, None]:
        """Tell that the subscription has ended, and why."""


class LogChannel(Protocol):
    """The live end of a log, as a follower sees it."""

    @property
    def position(self) -> int:
        """The number of the last event that all live followers were told."""

    def join(self, follower: "Follower") -> None:
        """Take in one who was told everything up to `position`."""

    def leave(self, follower: "Follower") -> None:
        """Let one go; for good, if it has ended."""

    def forget(self, follower: "Follower", clinic: str) -> None:
        """No longer tell a follower what a clinic is told."""

    def renew(self, follower: "Follower", clinic: Clinic) -> None:
        """Tell a follower of a clinic as it is now."""


class Follower:
    """One subscription of one viewer.

    Attributes:
        sequence: The number of the last event that it was told; with `told`, the clinic that was
            told of it last, its position.
        takes_all: Whether it is told all that concerns its clinics, so that nothing need be asked
            of its filter.
        logs: Keys of the principals whose logs tell of what is followed, or of the end of a role
            that it is followed in.
    """

    __slots__ = (
        "_line",
        "_store",
        "_task",
        "clinics",
        "ended",
        "following",
        "id",
        "live",
        "logs",
        "outlet",
        "payloads",
        "sequence",
        "since",
        "takes_all",
        "told",
        "viewer",
        "viewpoint",
    )

    def __init__(
        self,
        *,
        id: str,
        store: Store,
        line: LogChannel,
        following: Following,
        viewer: Viewer,
        rights: Rights,
        payloads: PayloadSource,
        outlet: Sink,
        logs: frozenset[str],
        since: datetime,
    ) -> None:
        self.id = id
        self.following = following
        self.viewer = viewer
        self.viewpoint = Viewpoint(rights)
        self.payloads = payloads
        self.outlet = outlet
        self.logs = logs
        self.since = since
        # Apart, and not as a position: they change with each telling.
        self.sequence, self.told = following.position
        self.takes_all = following.clinics is not None and not following.resident_visible_only
        # In the order in which they are told of the same event.
        self.clinics = (
            None
            if following.clinics is None
            else {
                clinic.key: clinic for clinic in sorted(following.clinics, key=lambda one: one.key)
            }
        )
        self.live = False
        self.ended = False
        self._store = store
        self._line = line
        self._task: asyncio.Task[None] | None = None

    @property
    def position(self) -> Position:
        """How far it was told."""
        return Position(self.sequence, self.told)

    @position.setter
    def position(self, position: Position) -> None:
        self.sequence, self.told = position

    def was_told(self, event: Event, clinic: Clinic | None) -> bool:
        """Whether it has come further already: elsewhere, before it came here, or before this event
        is told again.
        """
        if self.sequence != event.sequence:
            return self.sequence > event.sequence
        return self.told is None or (clinic is not None and clinic.key <= self.told)

    def start(self) -> None:
        """Begin to tell, from the position on."""
        self._task = asyncio.create_task(self._catch_up(None), name="follower")

    def tell(self, event: Event, clinic: str | None, text: bytes) -> None:
        """Send without waiting.

        Where the reader can't take more the follower is behind from here on; where it has gone, it
        ends.
        """
        rest = None
        if not self.outlet.now(text):
            try:
                rest = begun(self.outlet.next(text, event, clinic))
            except OSError:
                self.close()
                return
        self.sequence, self.told = event.sequence, clinic
        if rest is not None:
            self.fall_behind(rest)

    def fall_behind(self, sending: asyncio.Task[None] | None = None) -> None:
        """Go on at the reader's own pace, after what is being sent."""
        if self.sequence < self._line.position:
            self.position = Position(self._line.position)
        self.live = False
        self._line.leave(self)
        self._task = asyncio.create_task(self._catch_up(sending), name="follower")

    def renew(self, clinic: Clinic) -> None:
        """Go on with a clinic as it is now; not with one that was taken away while it was looked
        up.
        """
        if self.clinics is not None and clinic.key in self.clinics:
            self.clinics[clinic.key] = clinic
            self._line.renew(self, clinic)

    def lose(self, clinic: str) -> None:
        """No longer follow one of the clinics."""
        self._line.forget(self, clinic)
        if self.clinics is not None:
            self.clinics.pop(clinic, None)

    def close(self) -> None:
        """End, without a word."""
        if not self.ended:
            self.ended = True
            self.live = False
            self._line.leave(self)
            if self._task is not None and self._task is not asyncio.current_task():
                self._task.cancel()

    async def _catch_up(self, sending: asyncio.Task[None] | None) -> None:
        """Tell from the log until everything is told, then go live.

        What goes wrong ends it, and the reader is told so.
        """
        try:
            if sending is not None:
                await sending
            await self._tell_the_log()
        except OSError:  # the reader has gone
            self.close()
        except asyncio.CancelledError:
            if sending is not None:
                sending.cancel()
            raise
        except Exception as fault:  # noqa: BLE001 - whatever it is, the reader is told
            _log.exception("a follower ended", follower=self.id, principal=self.following.principal)
            self.close()
            await self.outlet.end(fault)

    async def _tell_the_log(self) -> None:
        for clinic in list((self.clinics or {}).values()):
            await self.payloads.prepare(clinic)
        while not self.ended:
            horizon = self._line.position
            if self.sequence > horizon or self.position == (horizon, None):
                self._task = None
                self._line.join(self)
                return
            try:
                await self._tell_stretch(horizon)
            except Exception as error:
                if not is_outage(error):
                    raise
                await asyncio.sleep(_AGAIN_SECONDS)

    async def _tell_stretch(self, horizon: int) -> None:
        stretch = await self._read(horizon)
        for event, keys in stretch.events:
            if not self.following.wants(event):
                continue
            for key in keys:
                clinic = self.clinics.get(key) if self.clinics else None
                if clinic is not None:  # it may have been taken away meanwhile
                    text = await self.payloads.make(event, clinic, self.viewpoint, live=False)
                    await self.outlet.next(text, event, key)
                    self.position = Position(event.sequence, key)
            if self.clinics is None:
                await self.outlet.next(
                    await self.payloads.make(event, None, self.viewpoint, live=False), event, None
                )
                self.position = Position(event.sequence)
        self.position = stretch.end

    async def _read(self, horizon: int) -> LogRange:
        principal = self.following.principal
        if self.clinics is not None:
            return await self._store.notifications.after(
                principal, list(self.clinics), self.position, horizon, limit=_PAGE
            )
        # Not beyond the horizon: rights were not looked at for what comes after it.
        limit = min(_PAGE, horizon - self.sequence)
        events = await self._store.history.after(principal, self.sequence, limit=limit)
        return LogRange([(event, ()) for event in events], Position(self.sequence + limit))
