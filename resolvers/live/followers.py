"""One subscription: what it delivers, how far it has come, and where payloads are sent.

A follower is *live* while its client keeps up: then the channel of its log delivers to it, and it
has no task of its own. A follower that has just started, or whose client cannot take more, is
*behind*: its own task reads the log from its position, waits for each send, and makes it live at
the end of the log. So a slow client delays nobody, and nothing is queued for it: the log is the
queue.
"""

import asyncio
from collections.abc import Coroutine
from datetime import datetime
from typing import Any, Protocol

import structlog

from resolvers.access.rights import Rights
from resolvers.access.viewer import Viewer
from resolvers.live.sending import start_eagerly
from resolvers.live.subscription_source import SubscriptionSource
from resolvers.live.watched_rights import Viewpoint
from store.log.cursors import Position
from store.notifications.notifications import EventBatch
from store.outages import is_outage
from store.records import Clinic, Event
from store.registry import Store

_log = structlog.get_logger(__name__)
_PAGE = 100
_RETRY_SECONDS = 0.5


class PayloadRenderer(Protocol):
    """Turns events into payloads, for all subscribers of one operation."""

    def cached(
        self, event: Event, clinic: Clinic | None, viewpoint: Viewpoint, *, live: bool
    ) -> bytes | None:
        """The payload of an event, if it can be rendered without I/O; else None."""

    async def render(
        self, event: Event, clinic: Clinic | None, viewpoint: Viewpoint, *, live: bool
    ) -> bytes:
        """The payload of an event; executes it if needed."""

    async def prepare(self, clinic: Clinic) -> None:
        """Cache what payloads contain of a clinic."""

    def release(self) -> None:
        """End one subscriber's use."""


class Sink(Protocol):
    """Where payloads are sent: one operation on a websocket, or one event stream."""

    def send_now(self, payload: bytes) -> bool:
        """Send a payload if that needs no waiting; return whether it was sent."""

    def send(self, payload: bytes, event: Event, clinic: str | None) -> Coroutine[Any, Any, None]:
        """Send a payload; waits while the client cannot take more.

        Raises:
            OSError: The client has disconnected.
        """

    def end(self, reason: Exception) -> Coroutine[Any, Any, None]:
        """Tell the client that the subscription has ended, and why."""


class LogChannel(Protocol):
    """The part of a log's channel that a follower uses; see `resolvers.live.channels.Channel`."""

    @property
    def position(self) -> int:
        """The sequence number of the last event that was delivered to all live followers."""

    def join(self, follower: "Follower") -> None:
        """Add a follower that has received everything up to `position`."""

    def leave(self, follower: "Follower") -> None:
        """Stop delivering to a follower; forget it if it has ended."""

    def forget(self, follower: "Follower", clinic: str) -> None:
        """Stop delivering a clinic's notifications to a follower."""

    def renew(self, follower: "Follower", clinic: Clinic) -> None:
        """Replace a clinic's record."""


class Follower:
    """One subscription of one viewer.

    Attributes:
        sequence: The sequence number of the last event that was delivered.
        last_clinic: The clinic of the last notification delivered of that event; None if the event
            was delivered completely. With `sequence`, this is the position.
        takes_all: Whether it takes everything that concerns its clinics, so that the filter need
            not be evaluated.
        logs: Keys of the principals whose logs have its events, or have the events that change the
            viewer's roles.
    """

    __slots__ = (
        "_channel",
        "_store",
        "_task",
        "clinics",
        "ended",
        "id",
        "last_clinic",
        "live",
        "logs",
        "payloads",
        "sequence",
        "since",
        "sink",
        "source",
        "takes_all",
        "viewer",
        "viewpoint",
    )

    def __init__(
        self,
        *,
        id: str,
        store: Store,
        channel: LogChannel,
        source: SubscriptionSource,
        viewer: Viewer,
        rights: Rights,
        payloads: PayloadRenderer,
        sink: Sink,
        logs: frozenset[str],
        since: datetime,
    ) -> None:
        self.id = id
        self.source = source
        self.viewer = viewer
        self.viewpoint = Viewpoint(rights)
        self.payloads = payloads
        self.sink = sink
        self.logs = logs
        self.since = since
        # Two attributes, not a Position: they change with each delivery.
        self.sequence, self.last_clinic = source.position
        self.takes_all = source.clinics is not None and not source.resident_visible_only
        # Ordered by key: notifications of one event are delivered in that order.
        self.clinics = (
            None
            if source.clinics is None
            else {
                clinic.key: clinic
                for clinic in sorted(source.clinics, key=lambda clinic: clinic.key)
            }
        )
        self.live = False
        self.ended = False
        self._store = store
        self._channel = channel
        self._task: asyncio.Task[None] | None = None

    @property
    def position(self) -> Position:
        """The position of the last delivery."""
        return Position(self.sequence, self.last_clinic)

    @position.setter
    def position(self, position: Position) -> None:
        self.sequence, self.last_clinic = position

    def was_delivered(self, event: Event, clinic: Clinic | None) -> bool:
        """Whether the follower has received this event, or has started after it.

        That happens when a client reconnects to a server whose channel is behind, and when a
        channel repeats an event after a failure.
        """
        if self.sequence != event.sequence:
            return self.sequence > event.sequence
        return self.last_clinic is None or (clinic is not None and clinic.key <= self.last_clinic)

    def start(self) -> None:
        """Start delivering after the position."""
        self._task = asyncio.create_task(self._catch_up(None), name="follower")

    def deliver(self, event: Event, clinic: str | None, payload: bytes) -> None:
        """Send a payload without waiting.

        If the client cannot take more, the follower falls behind; if it has disconnected, the
        follower ends.
        """
        rest = None
        if not self.sink.send_now(payload):
            try:
                rest = start_eagerly(self.sink.send(payload, event, clinic))
            except OSError:
                self.close()
                return
        self.sequence, self.last_clinic = event.sequence, clinic
        if rest is not None:
            self.fall_behind(rest)

    def fall_behind(self, sending: asyncio.Task[None] | None = None) -> None:
        """Continue at the client's own pace, after the send in progress."""
        if self.sequence < self._channel.position:
            self.position = Position(self._channel.position)
        self.live = False
        self._channel.leave(self)
        self._task = asyncio.create_task(self._catch_up(sending), name="follower")

    def renew(self, clinic: Clinic) -> None:
        """Replace a clinic's record, unless the clinic was removed in the meantime."""
        if self.clinics is not None and clinic.key in self.clinics:
            self.clinics[clinic.key] = clinic
            self._channel.renew(self, clinic)

    def remove(self, clinic: str) -> None:
        """Stop delivering the notifications of one clinic."""
        self._channel.forget(self, clinic)
        if self.clinics is not None:
            self.clinics.pop(clinic, None)

    def close(self) -> None:
        """End the subscription without sending anything."""
        if not self.ended:
            self.ended = True
            self.live = False
            self._channel.leave(self)
            if self._task is not None and self._task is not asyncio.current_task():
                self._task.cancel()

    async def _catch_up(self, sending: asyncio.Task[None] | None) -> None:
        """Deliver from the log up to its end, then go live.

        A failure ends the subscription; the client is sent the error.
        """
        try:
            if sending is not None:
                await sending
            await self._deliver_log()
        except OSError:  # the client has disconnected
            self.close()
        except asyncio.CancelledError:
            if sending is not None:
                sending.cancel()
            raise
        except Exception as fault:  # noqa: BLE001 - whatever it is, the client gets an error
            _log.exception("subscription failed", follower=self.id, principal=self.source.principal)
            self.close()
            await self.sink.end(fault)

    async def _deliver_log(self) -> None:
        for clinic in list((self.clinics or {}).values()):
            await self.payloads.prepare(clinic)
        while not self.ended:
            horizon = self._channel.position
            if self.sequence > horizon or self.position == (horizon, None):
                self._task = None
                self._channel.join(self)
                return
            try:
                await self._deliver_page(horizon)
            except Exception as error:
                if not is_outage(error):
                    raise
                await asyncio.sleep(_RETRY_SECONDS)

    async def _deliver_page(self, horizon: int) -> None:
        page = await self._read(horizon)
        for event, keys in page.events:
            if not self.source.selects(event):
                continue
            for key in keys:
                clinic = self.clinics.get(key) if self.clinics else None
                if clinic is not None:  # it may have been removed in the meantime
                    payload = await self.payloads.render(event, clinic, self.viewpoint, live=False)
                    await self.sink.send(payload, event, key)
                    self.position = Position(event.sequence, key)
            if self.clinics is None:
                payload = await self.payloads.render(event, None, self.viewpoint, live=False)
                await self.sink.send(payload, event, None)
                self.position = Position(event.sequence)
        self.position = page.end

    async def _read(self, horizon: int) -> EventBatch:
        principal = self.source.principal
        if self.clinics is not None:
            return await self._store.notifications.after(
                principal, list(self.clinics), self.position, horizon, limit=_PAGE
            )
        # Not beyond the horizon: rights were not checked for later events.
        limit = min(_PAGE, horizon - self.sequence)
        events = await self._store.history.after(principal, self.sequence, limit=limit)
        return EventBatch([(event, ()) for event in events], Position(self.sequence + limit))
