"""Keeping up, in the database, the roster of this process's subscriptions: a few writes a second,
however many there are.
"""

import asyncio
import uuid

import structlog

from resolvers.live.followers import Follower
from store.mongo.tasks import cancel
from store.records import ActiveSubscription, Actor
from store.registry import Store

_log = structlog.get_logger(__name__)
_LEAVING_SECONDS = 3
_SECONDS = 1.0
_BEATS = 10
"""A sign of life each so many rounds."""
_MOST = 1_000
"""So many begun ones are noted in one round."""


class SubscriptionRegistry:
    """The roster of one process.

    Attributes:
        process: Its name among the processes that serve the database.
    """

    def __init__(self, store: Store) -> None:
        self.process = f"pr_{uuid.uuid4().hex}"
        self._store = store
        self._begun: dict[str, Follower] = {}
        self._noted: dict[str, Follower] = {}
        self._ended: set[str] = set()
        self._positions: dict[str, int | None] = {}
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to keep it up."""
        self._task = asyncio.create_task(self._run(), name="roster")

    async def stop(self) -> None:
        """Take this process off."""
        if self._task is not None:
            await cancel(self._task)
            try:
                async with asyncio.timeout(_LEAVING_SECONDS):
                    await self._store.active_subscriptions.remove_process(self.process)
            except Exception as error:  # noqa: BLE001 - others see before long that it is gone
                _log.warning("roster not left", error=type(error).__name__)

    def began(self, follower: Follower) -> None:
        """One has begun."""
        self._begun[follower.id] = follower

    def ended(self, follower: Follower) -> None:
        """One has ended."""
        if self._begun.pop(follower.id, None) is None:
            self._noted.pop(follower.id, None)
            self._positions.pop(follower.id, None)
            self._ended.add(follower.id)

    async def _run(self) -> None:
        rounds = 0
        while True:
            try:
                if rounds % _BEATS == 0:
                    await self._store.active_subscriptions.heartbeat(self.process)
                await self._note()
            except Exception as error:  # noqa: BLE001 - the roster is a courtesy: subscriptions go on without it
                _log.warning("roster not kept up", error=type(error).__name__)
            rounds += 1
            await asyncio.sleep(_SECONDS)

    async def _note(self) -> None:
        begun = dict(list(self._begun.items())[:_MOST])
        ended = set(self._ended)
        moved = {
            key: place
            for key, one in self._noted.items()
            if (place := _place(one)) != self._positions.get(key)
        }
        await self._store.active_subscriptions.update(
            self.process, [_as_noted(one) for one in begun.values()], ended, moved
        )
        self._ended -= ended
        for key, follower in begun.items():
            if self._begun.pop(key, None) is not None:
                self._noted[key] = follower
                self._positions[key] = _place(follower)
            else:
                self._ended.add(key)  # it ended while it was noted
        self._positions |= {key: place for key, place in moved.items() if key in self._noted}


def _place(follower: Follower) -> int | None:
    """How far one was told that is behind; None for one that is told what comes."""
    return None if follower.live else follower.sequence


def _as_noted(follower: Follower) -> ActiveSubscription:
    held = follower.viewpoint.rights.held[0]
    return ActiveSubscription(
        id=follower.id,
        principal=follower.following.principal,
        clinics=tuple(follower.clinics or ()),
        actor=Actor(held.role, held.unit, follower.viewer.employee_hsa_id, follower.viewer.system),
        since=follower.since,
        sequence=_place(follower),
    )
