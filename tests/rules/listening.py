"""Live delivery without a network: the application's hub, with clients of any speed."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from prometheus_client import CollectorRegistry

from resolvers.access.viewer import LOA3, Grant, Viewer
from resolvers.context import Context
from resolvers.live.followers import Follower
from resolvers.live.hub import Hub
from resolvers.live.metrics import Metrics
from resolvers.live.subscription_registry import SubscriptionRegistry
from resolvers.live.subscription_source import SubscriptionSource
from resolvers.live.watched_rights import Viewpoint
from store.log.cursors import Position
from store.log.event_filters import EventFilter
from store.records import Clinic, Event, Role
from store.registry import Store
from tests.storage.building import STOCKHOLM

SECONDS = 20
Delivery = tuple[int, str | None]


class PlainPayloads:
    """Payloads that consist of the event's sequence number."""

    def cached(
        self, event: Event, clinic: Clinic | None, viewpoint: Viewpoint, *, live: bool
    ) -> bytes | None:
        return str(event.sequence).encode()

    async def render(
        self, event: Event, clinic: Clinic | None, viewpoint: Viewpoint, *, live: bool
    ) -> bytes:
        return str(event.sequence).encode()

    async def prepare(self, clinic: Clinic) -> None:
        """Do nothing: no payload depends on the clinic."""

    def release(self) -> None:
        """Do nothing: nothing is cached."""


class Reader:
    """A client that records what it receives; it takes nothing between `pause` and `resume`."""

    def __init__(self) -> None:
        self.received: list[Delivery] = []
        self.ended: Exception | None = None
        self.follower: Follower | None = None
        self._taken = 0
        self._more = asyncio.Event()
        self._open = asyncio.Event()
        self._open.set()

    def send_now(self, payload: bytes) -> bool:
        return False

    async def send(self, payload: bytes, event: Event, clinic: str | None) -> None:
        await self._open.wait()
        assert payload == str(event.sequence).encode()
        self.received.append((event.sequence, clinic))
        self._more.set()

    async def end(self, reason: Exception) -> None:
        self.ended = reason
        self._more.set()

    def pause(self) -> None:
        """Stop taking."""
        self._open.clear()

    def resume(self) -> None:
        """Continue taking."""
        self._open.set()

    async def take(self, count: int) -> list[Delivery]:
        """Wait for the next deliveries, and return them."""
        async with asyncio.timeout(SECONDS):
            while len(self.received) < self._taken + count:
                self._more.clear()
                await self._more.wait()
        self._taken += count
        return self.received[self._taken - count : self._taken]


def viewer(
    role: Role = Role.REGIONAL_ADMINISTRATOR,
    unit: str = STOCKHOLM,
    employee: str = "SE2321000016-AA",
) -> Viewer:
    """A signed-in viewer with one role."""
    grants = (Grant(role, unit, includes_below=True),)
    return Viewer(
        employee, employee, "Anna Andersson", grants, datetime(9999, 1, 1, tzinfo=UTC), acr=LOA3
    )


def new_hub(store: Store) -> Hub:
    """A hub as in a server process."""
    return Hub(store, Metrics(CollectorRegistry()), SubscriptionRegistry(store))


async def join(
    hub: Hub,
    store: Store,
    clinics: Sequence[str] | None,
    position: Position,
    reader: Reader | None = None,
    subscriber: Viewer | None = None,
) -> Reader:
    """A subscriber to some clinics, or to the whole log of Region Stockholm."""
    reader = reader or Reader()
    changes = hub.changes
    context = await Context.of(store, subscriber or viewer(), "request")
    sources = None if clinics is None else list((await store.clinics.get_many(clinics)).values())
    reader.follower = await hub.subscribe(
        context,
        SubscriptionSource(STOCKHOLM, position, sources, EventFilter()),
        PlainPayloads(),
        reader,
        changes=changes,
    )
    return reader


@asynccontextmanager
async def following(
    store: Store, clinics: Sequence[str] | None, position: Position
) -> AsyncIterator[Reader]:
    """One subscriber of a separate hub; both stop at the end of the block."""
    hub = new_hub(store)
    yield await join(hub, store, clinics, position)
    await hub.stop()


def is_live(reader: Reader) -> bool:
    """Whether events are delivered to the reader live."""
    return reader.follower is not None and reader.follower.live


async def until(condition: Callable[[], bool]) -> None:
    """Wait until a condition holds."""
    async with asyncio.timeout(SECONDS):
        while not condition():  # noqa: ASYNC110 - the condition can be anything
            await asyncio.sleep(0.005)
