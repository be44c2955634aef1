"""One log's live delivery in this process: each event goes to all live followers, in log order.

Invariant: each live follower has received everything up to `position`, and nothing after the event
that is being delivered.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import aclosing
from itertools import islice

import structlog

from resolvers.live.followers import Follower
from resolvers.live.metrics import Metrics
from store.clinics.assignments import Clinics
from store.outages import is_outage
from store.records import Clinic, Event
from store.registry import Store
from store.tasks import cancel

_log = structlog.get_logger(__name__)
_RETRY_SECONDS = 0.2
_BATCH = 50
"""Deliveries before other tasks get a turn of the event loop."""
_MAX_RENDERED = 8
"""Payloads of one event and operation that are rendered while all followers wait.

A follower that needs one more falls behind and renders it at its own pace.
"""

Target = tuple[Follower, Clinic | None]


class Channel:
    """The live followers of one log.

    Args:
        principal: Key of the principal whose log it is.
        position: The sequence number of the log's last event when the channel opens.
        store: The store to read from.
        before: Called before each event is delivered, because the event may have ended rights.
        ended: Called with each follower that has ended.
        metrics: Where events and deliveries are counted.
    """

    def __init__(
        self,
        principal: str,
        position: int,
        store: Store,
        *,
        before: Callable[["Channel", Event], Awaitable[None]],
        ended: Callable[[Follower], None],
        metrics: Metrics,
    ) -> None:
        self.principal = principal
        self.position = position
        self.followers: dict[str, Follower] = {}
        self._store = store
        self._before = before
        self._ended = ended
        self._metrics = metrics
        self._log_followers: dict[Follower, None] = {}
        self._clinic_followers: dict[str, dict[Follower, Clinic]] = defaultdict(dict)
        self._delivering = False
        self._joining: list[Follower] = []
        self._task = asyncio.create_task(self._run(), name=f"channel {principal}")

    def join(self, follower: Follower) -> None:
        """Add a follower that has received everything up to `position`.

        While an event is being delivered, the follower waits, and then gets that event after the
        others.
        """
        if self._delivering:
            self._joining.append(follower)
        else:
            self._admit(follower)

    def leave(self, follower: Follower) -> None:
        """Stop delivering to a follower; forget it if it has ended."""
        self._log_followers.pop(follower, None)
        for key in follower.clinics or ():
            self.forget(follower, key)
        if follower.ended and self.followers.pop(follower.id, None) is not None:
            self._ended(follower)

    def forget(self, follower: Follower, clinic: str) -> None:
        """Stop delivering a clinic's notifications to a follower."""
        if (live := self._clinic_followers.get(clinic)) is not None:
            live.pop(follower, None)
            if not live:
                del self._clinic_followers[clinic]

    def renew(self, follower: Follower, clinic: Clinic) -> None:
        """Replace a clinic's record."""
        if follower in (live := self._clinic_followers.get(clinic.key, {})):
            live[follower] = clinic

    async def stop(self) -> None:
        """Stop delivering. The caller ends the followers."""
        await cancel(self._task)

    def _admit(self, follower: Follower) -> None:
        follower.live = True
        if follower.clinics is None:
            self._log_followers[follower] = None
        for key, clinic in (follower.clinics or {}).items():
            self._clinic_followers[key][follower] = clinic

    async def _run(self) -> None:
        while True:
            try:
                async with aclosing(
                    self._store.feed.follow(self.principal, self.position)
                ) as events:
                    async for event in events:
                        await self._deliver(event)
            except Exception as error:  # noqa: BLE001 - the channel resumes at its position; `was_delivered` skips followers that have the event
                if not is_outage(error):
                    _log.exception(
                        "event not delivered", principal=self.principal, after=self.position
                    )
                await asyncio.sleep(_RETRY_SECONDS)

    async def _deliver(self, event: Event) -> None:
        """Deliver one event to all live followers, and to those that join meanwhile."""
        self._delivering = True
        await self._before(self, event)
        deliveries = await self._deliver_to(
            event, await self._targets(event, self._clinic_followers, self._log_followers)
        )
        while self._joining:
            joining = {follower for follower in self._joining if not follower.ended}
            self._joining = []
            for follower in joining:
                self._admit(follower)
            targets = await self._targets(
                event, {key for follower in joining for key in follower.clinics or ()}, joining
            )
            deliveries += await self._deliver_to(
                event, (target for target in targets if target[0] in joining)
            )
        self.position = event.sequence
        self._delivering = False
        self._metrics.delivered(event, deliveries, self._store.now())

    async def _targets(
        self, event: Event, keys: Clinics, followers: Iterable[Follower]
    ) -> Iterator[Target]:
        """The live followers that an event concerns, with the clinic, ordered by clinic key.

        Args:
            event: The event.
            keys: The clinics whose followers are considered.
            followers: Those among them that follow the whole log get the event without a clinic.
        """
        concerned = await self._store.notifications.concerned(event, keys)
        of_log = [follower for follower in followers if follower.clinics is None]
        return self._iterate(of_log, concerned)

    def _iterate(self, of_log: Iterable[Follower], concerned: Iterable[str]) -> Iterator[Target]:
        # Lazily: each follower is then still in the processor's caches when it is delivered to.
        for follower in of_log:
            yield follower, None
        for key in concerned:
            # A copy: followers may leave during the iteration.
            yield from list(self._clinic_followers.get(key, {}).items())

    async def _deliver_to(self, event: Event, targets: Iterator[Target]) -> int:
        """Deliver an event to targets; returns how many deliveries were made."""
        rendered: dict[object, int] = defaultdict(int)
        deliveries = 0
        while batch := list(islice(targets, _BATCH)):
            ready = []
            for follower, clinic in batch:
                if not follower.live or (
                    follower.sequence >= event.sequence and follower.was_delivered(event, clinic)
                ):
                    continue
                if not follower.takes_all and not follower.source.selects(event):
                    continue
                payloads = follower.payloads
                payload = payloads.cached(event, clinic, follower.viewpoint, live=True)
                if payload is None:
                    rendered[payloads] += 1
                    if rendered[payloads] > _MAX_RENDERED:
                        follower.fall_behind()
                        continue
                    payload = await payloads.render(event, clinic, follower.viewpoint, live=True)
                ready.append((follower, None if clinic is None else clinic.key, payload))
            # All sends of a batch in one go: a client that is woken for each message separately
            # costs the sender more than the message.
            for follower, key, payload in ready:
                if follower.live:
                    follower.deliver(event, key, payload)
                    if not follower.live:
                        self._metrics.slow.inc()
            deliveries += len(ready)
            await asyncio.sleep(0)
        return deliveries
