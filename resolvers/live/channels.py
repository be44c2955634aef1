"""The live end of one log in this process: every event is told to all who follow it, in order,
before the next.

Invariant: each live follower was told everything up to `position`, and nothing of what comes after
the event that is being told.
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
from store.mongo.connection import is_outage
from store.mongo.tasks import cancel
from store.records import Clinic, Event
from store.registry import Store

_log = structlog.get_logger(__name__)
_AGAIN_SECONDS = 0.2
_TURN = 50
"""So many are told before others get their turn of the loop."""
_MAX_WORDINGS = 8
"""So many texts of one event are made while all wait; who needs yet another one gets it at its own
pace.
"""

Target = tuple[Follower, Clinic | None]


class Channel:
    """One log's live followers.

    Args:
        principal: Key of the principal whose log it is.
        position: The number of the log's last event at the beginning.
        store: To read from.
        before: Called with each event before anybody is told: rights may have ended by it.
        ended: Called with each follower that has ended.
        metrics: Counts.
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
        self._whole: dict[Follower, None] = {}
        self._of_clinic: dict[str, dict[Follower, Clinic]] = defaultdict(dict)
        self._telling = False
        self._joining: list[Follower] = []
        self._task = asyncio.create_task(self._run(), name=f"channel {principal}")

    def join(self, follower: Follower) -> None:
        """Take in one who was told everything up to `position`; while an event is being told, after
        the others, and that one too.
        """
        if self._telling:
            self._joining.append(follower)
        else:
            self._admit(follower)

    def leave(self, follower: Follower) -> None:
        """Let one go; for good, if it has ended."""
        self._whole.pop(follower, None)
        for key in follower.clinics or ():
            self.forget(follower, key)
        if follower.ended and self.followers.pop(follower.id, None) is not None:
            self._ended(follower)

    def forget(self, follower: Follower, clinic: str) -> None:
        """No longer tell a follower what a clinic is told."""
        if (live := self._of_clinic.get(clinic)) is not None:
            live.pop(follower, None)
            if not live:
                del self._of_clinic[clinic]

    def renew(self, follower: Follower, clinic: Clinic) -> None:
        """Tell a follower of a clinic as it is now."""
        if follower in (live := self._of_clinic.get(clinic.key, {})):
            live[follower] = clinic

    async def stop(self) -> None:
        """End. Nobody follows any more."""
        await cancel(self._task)

    def _admit(self, follower: Follower) -> None:
        follower.live = True
        if follower.clinics is None:
            self._whole[follower] = None
        for key, clinic in (follower.clinics or {}).items():
            self._of_clinic[key][follower] = clinic

    async def _run(self) -> None:
        while True:
            try:
                async with aclosing(
                    self._store.feed.follow(self.principal, self.position)
                ) as events:
                    async for event in events:
                        await self._tell(event)
            except Exception as error:  # noqa: BLE001 - the channel goes on: from its position, with whom it has not told yet
                if not is_outage(error):
                    _log.exception(
                        "an event could not be told", principal=self.principal, after=self.position
                    )
                await asyncio.sleep(_AGAIN_SECONDS)

    async def _tell(self, event: Event) -> None:
        """Tell one event to all who are live, and to those who come meanwhile."""
        self._telling = True
        await self._before(self, event)
        told = await self._tell_to(event, await self._targets(event, self._of_clinic, self._whole))
        while self._joining:
            joining, self._joining = {one for one in self._joining if not one.ended}, []
            for follower in joining:
                self._admit(follower)
            targets = await self._targets(
                event, {key for one in joining for key in one.clinics or ()}, joining
            )
            told += await self._tell_to(
                event, (target for target in targets if target[0] in joining)
            )
        self.position = event.sequence
        self._telling = False
        self._metrics.told(event, told, self._store.now())

    async def _targets(
        self, event: Event, keys: Clinics, whole: Iterable[Follower]
    ) -> Iterator[Target]:
        """Whom an event concerns among the live followers, and as which clinic; in the order of the
        clinics' keys.
        """
        concerned = await self._store.notifications.concerned(event, keys)
        return self._found([one for one in whole if one.clinics is None], concerned)

    def _found(self, whole: Iterable[Follower], concerned: Iterable[str]) -> Iterator[Target]:
        # One after the other, as they are told: what is looked at here is still in the processor's
        # caches then.
        for follower in whole:
            yield follower, None
        for key in concerned:
            yield from list(self._of_clinic.get(key, {}).items())  # some may leave meanwhile

    async def _tell_to(self, event: Event, targets: Iterator[Target]) -> int:
        made: dict[object, int] = defaultdict(int)
        told = 0
        while turn := list(islice(targets, _TURN)):
            ready = []
            for follower, clinic in turn:
                if not follower.live or (
                    follower.sequence >= event.sequence and follower.was_told(event, clinic)
                ):
                    continue
                if not follower.takes_all and not follower.following.wants(event):
                    continue
                payloads = follower.payloads
                text = payloads.text(event, clinic, follower.viewpoint, live=True)
                if text is None:
                    made[payloads] += 1
                    if made[payloads] > _MAX_WORDINGS:
                        follower.fall_behind()
                        continue
                    text = await payloads.make(event, clinic, follower.viewpoint, live=True)
                ready.append((follower, None if clinic is None else clinic.key, text))
            # In one go: a reader that is woken for each message anew costs the sender more than the
            # message.
            for follower, key, text in ready:
                if follower.live:
                    follower.tell(event, key, text)
                    if not follower.live:
                        self._metrics.slow.inc()
            told += len(ready)
            await asyncio.sleep(0)
        return told
