"""Publications to a crowd: what one costs the server, and when it arrives."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from itertools import count
from time import monotonic

from bench.crowds import Arrivals, Crowd
from bench.measuring import Spread
from bench.servers import Server

Publish = Callable[[str], Awaitable[None]]
MARKER = r"bench \d{6}"
"""The note that tells a publication from the others, as a pattern."""
_WARM_UPS = 3
_numbers = count(1)


@dataclass(frozen=True, slots=True)
class Publication:
    """One, and its arrivals: times since it was triggered, in order, in seconds."""

    cpu: float
    acknowledged: float
    times: list[float]
    text: str

    @property
    def last(self) -> float:
        """When it had arrived everywhere."""
        return self.times[-1]


@dataclass(frozen=True, slots=True)
class Fanout:
    """Several publications, one after the other: processor time per delivery; times as medians over
    them.
    """

    cpu: float
    first: float
    median: float
    p99: float
    last: float
    after_acknowledged: float

    @classmethod
    def of(cls, publications: Sequence[Publication]) -> "Fanout":
        """Their figures."""

        def middle(value: Callable[[Publication], float]) -> float:
            return Spread.of([value(publication) for publication in publications]).median

        return cls(
            cpu=sum(one.cpu for one in publications) / sum(len(one.times) for one in publications),
            first=middle(lambda one: one.times[0]),
            median=middle(lambda one: one.times[len(one.times) // 2]),
            p99=middle(lambda one: one.times[len(one.times) * 99 // 100]),
            last=middle(lambda one: one.last),
            after_acknowledged=middle(lambda one: one.last - one.acknowledged),
        )


async def publication(server: Server, crowd: Crowd, publish: Publish) -> Publication:
    """Publish once, and wait until it has arrived everywhere.

    Raises:
        RuntimeError: It has not, within `patience`.
    """
    marker = f"bench {next(_numbers):06}"
    await crowd.expect(marker)
    used, triggered = server.cpu_seconds(), monotonic()
    await publish(marker)
    acknowledged = monotonic() - triggered
    arrivals = await crowd.delivered(patience(crowd))
    if len(arrivals.times) < crowd.size:
        raise RuntimeError(_shortfall(crowd, arrivals))
    return Publication(
        server.cpu_seconds() - used,
        acknowledged,
        [time - triggered for time in arrivals.times],
        arrivals.text,
    )


async def warm_up(crowds: Sequence[Crowd], publish: Publish) -> str:
    """Publish until one has arrived everywhere: then all are subscribed, whatever the server
    answered before. Its text, as one of them got it.

    Raises:
        RuntimeError: Some never get anything.
    """
    for _ in range(_WARM_UPS):
        marker = f"bench {next(_numbers):06}"
        await asyncio.gather(*(crowd.expect(marker) for crowd in crowds))
        await publish(marker)
        found = await asyncio.gather(*(crowd.delivered(patience(crowd)) for crowd in crowds))
        if all(
            len(arrivals.times) == crowd.size for arrivals, crowd in zip(found, crowds, strict=True)
        ):
            return found[0].text
    raise RuntimeError(
        " ".join(_shortfall(crowd, arrivals) for crowd, arrivals in zip(crowds, found, strict=True))
    )


def patience(crowd: Crowd) -> float:
    """How many seconds a publication may take."""
    return 30 + 0.03 * crowd.size


def _shortfall(crowd: Crowd, arrivals: Arrivals) -> str:
    closed = f"{arrivals.closed} sockets were closed" if arrivals.closed else "No socket was closed"
    return (
        f"{len(arrivals.times)} of {crowd.size} got the publication. {closed}. Another message:"
        f" {arrivals.other[:1000] or 'none'}"
    )
