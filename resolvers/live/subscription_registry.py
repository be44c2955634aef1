"""Publishes this process's subscriptions in the database, for administrators.

Changes are written in batches, once a second, however many subscriptions there are.
"""

import asyncio
import uuid

import structlog

from resolvers.live.followers import Follower
from store.records import ActiveSubscription, Actor
from store.registry import Store
from store.tasks import cancel

_log = structlog.get_logger(__name__)
_STOP_SECONDS = 3
_INTERVAL_SECONDS = 1.0
_HEARTBEAT_INTERVALS = 10
_MAX_ADDED = 1_000
"""New subscriptions written in one interval."""


class SubscriptionRegistry:
    """The active subscriptions of one process.

    Attributes:
        process: The process's id among those that serve the database.
    """

    def __init__(self, store: Store) -> None:
        self.process = f"pr_{uuid.uuid4().hex}"
        self._store = store
        self._added: dict[str, Follower] = {}
        self._written: dict[str, Follower] = {}
        self._removed: set[str] = set()
        self._positions: dict[str, int | None] = {}
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Start writing changes to the database."""
        self._task = asyncio.create_task(self._run(), name="subscription registry")

    async def stop(self) -> None:
        """Stop writing, and remove this process and its subscriptions from the database."""
        if self._task is not None:
            await cancel(self._task)
            try:
                async with asyncio.timeout(_STOP_SECONDS):
                    await self._store.active_subscriptions.remove_process(self.process)
            except Exception as error:  # noqa: BLE001 - without heartbeats the process is soon regarded as stopped
                _log.warning("active subscriptions not removed", error=type(error).__name__)

    def add(self, follower: Follower) -> None:
        """Add a subscription that has started."""
        self._added[follower.id] = follower

    def remove(self, follower: Follower) -> None:
        """Remove a subscription that has ended."""
        if self._added.pop(follower.id, None) is None:
            self._written.pop(follower.id, None)
            self._positions.pop(follower.id, None)
            self._removed.add(follower.id)

    async def _run(self) -> None:
        intervals = 0
        while True:
            try:
                if intervals % _HEARTBEAT_INTERVALS == 0:
                    await self._store.active_subscriptions.heartbeat(self.process)
                await self._write()
            except Exception as error:  # noqa: BLE001 - the list is only informative: subscriptions continue without it
                _log.warning("active subscriptions not updated", error=type(error).__name__)
            intervals += 1
            await asyncio.sleep(_INTERVAL_SECONDS)

    async def _write(self) -> None:
        added = dict(list(self._added.items())[:_MAX_ADDED])
        removed = set(self._removed)
        moved = {
            key: position
            for key, follower in self._written.items()
            if (position := _behind_at(follower)) != self._positions.get(key)
        }
        await self._store.active_subscriptions.update(
            self.process, [_record_of(follower) for follower in added.values()], removed, moved
        )
        self._removed -= removed
        for key, follower in added.items():
            if self._added.pop(key, None) is not None:
                self._written[key] = follower
                self._positions[key] = _behind_at(follower)
            else:
                self._removed.add(key)  # it ended during the write
        self._positions |= {key: at for key, at in moved.items() if key in self._written}


def _behind_at(follower: Follower) -> int | None:
    """The sequence number of a follower that is behind; None for a live one."""
    return None if follower.live else follower.sequence


def _record_of(follower: Follower) -> ActiveSubscription:
    held = follower.viewpoint.rights.held[0]
    return ActiveSubscription(
        id=follower.id,
        principal=follower.source.principal,
        clinics=tuple(follower.clinics or ()),
        actor=Actor(held.role, held.unit, follower.viewer.employee_hsa_id, follower.viewer.system),
        since=follower.since,
        sequence=_behind_at(follower),
    )
