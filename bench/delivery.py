"""Measuring publications to many subscribers: server CPU, and delivery times."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from itertools import count
from time import monotonic

from bench.measurement import Spread
from bench.servers import Server
from bench.subscriber_pool import DeliveryTimes, SubscriberPool

Publish = Callable[[str], Awaitable[None]]
MARKER = r"bench \d{6}"
"""The note that identifies a publication, as a pattern."""
_WARM_UPS = 3
_numbers = count(1)


@dataclass(frozen=True, slots=True)
class MeasuredPublication:
    """One measured publication; times are in seconds since it was triggered, in order."""

    cpu: float
    acknowledged: float
    times: list[float]
    text: str

    @property
    def last(self) -> float:
        """The time of the last delivery."""
        return self.times[-1]


@dataclass(frozen=True, slots=True)
class Fanout:
    """Figures of several publications, one after the other.

    CPU is per delivery; the times are medians over the publications.
    """

    cpu: float
    first: float
    median: float
    p99: float
    last: float
    after_acknowledged: float

    @classmethod
    def of(cls, publications: Sequence[MeasuredPublication]) -> "Fanout":
        """Compute the figures of publications."""

        def middle(value: Callable[[MeasuredPublication], float]) -> float:
            return Spread.of([value(publication) for publication in publications]).median

        deliveries = sum(len(publication.times) for publication in publications)
        return cls(
            cpu=sum(publication.cpu for publication in publications) / deliveries,
            first=middle(lambda publication: publication.times[0]),
            median=middle(lambda publication: publication.times[len(publication.times) // 2]),
            p99=middle(lambda publication: publication.times[len(publication.times) * 99 // 100]),
            last=middle(lambda publication: publication.last),
            after_acknowledged=middle(
                lambda publication: publication.last - publication.acknowledged
            ),
        )


async def measure_publication(
    server: Server, pool: SubscriberPool, publish: Publish
) -> MeasuredPublication:
    """Publish once, and wait until all subscribers have received the publication.

    Raises:
        RuntimeError: They have not within `patience` seconds.
    """
    marker = f"bench {next(_numbers):06}"
    await pool.expect(marker)
    used, triggered = server.cpu_seconds(), monotonic()
    await publish(marker)
    acknowledged = monotonic() - triggered
    delivery = await pool.delivered(patience(pool))
    if len(delivery.times) < pool.size:
        raise RuntimeError(_shortfall(pool, delivery))
    return MeasuredPublication(
        server.cpu_seconds() - used,
        acknowledged,
        [time - triggered for time in delivery.times],
        delivery.text,
    )


async def warm_up(pools: Sequence[SubscriberPool], publish: Publish) -> str:
    """Publish until all subscribers receive a publication, which proves that all are subscribed.

    Returns:
        The message, as one subscriber received it.

    Raises:
        RuntimeError: After three publications, some have not received one.
    """
    for _ in range(_WARM_UPS):
        marker = f"bench {next(_numbers):06}"
        await asyncio.gather(*(pool.expect(marker) for pool in pools))
        await publish(marker)
        found = await asyncio.gather(*(pool.delivered(patience(pool)) for pool in pools))
        if all(
            len(delivery.times) == pool.size for delivery, pool in zip(found, pools, strict=True)
        ):
            return found[0].text
    raise RuntimeError(
        " ".join(_shortfall(pool, delivery) for pool, delivery in zip(pools, found, strict=True))
    )


def patience(pool: SubscriberPool) -> float:
    """Return the time limit for a publication, in seconds."""
    return 30 + 0.03 * pool.size


def _shortfall(pool: SubscriberPool, delivery: DeliveryTimes) -> str:
    closed = f"{delivery.closed} sockets were closed" if delivery.closed else "No socket was closed"
    return (
        f"{len(delivery.times)} of {pool.size} got the publication. {closed}. Another message:"
        f" {delivery.other[:1000] or 'none'}"
    )
