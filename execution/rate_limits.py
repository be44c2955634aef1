"""Rate limits and concurrency limits, in memory of one process.

Rates limit the cost of operations, in values, per user and per principal (token buckets).
Concurrency limits the operations of one user that run at the same time.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from time import monotonic

from cachetools import LRUCache

_MAX_BUCKETS = 20_000


@dataclass(frozen=True, slots=True)
class Rate:
    """The parameters of a token bucket.

    Attributes:
        per_second: Values that are refilled per second; 0 means no limit.
        burst: Capacity, in values.
    """

    per_second: float
    burst: float


class _Bucket:
    """The token bucket of one user or principal. Its level is never negative."""

    __slots__ = ("_at", "_left", "_rate")

    def __init__(self, rate: Rate, now: float) -> None:
        self._rate = rate
        self._left = rate.burst
        self._at = now

    def missing(self, cost: float, now: float) -> float:
        """Seconds until a cost can be taken; 0 if it can be taken now.

        A cost above the capacity can be taken when the bucket is full.
        """
        self._left = min(self._rate.burst, self._left + (now - self._at) * self._rate.per_second)
        self._at = now
        return max(0.0, (min(cost, self._rate.burst) - self._left) / self._rate.per_second)

    def take(self, cost: float) -> None:
        self._left = max(0.0, self._left - cost)


class RateLimiter:
    """The token buckets of one process, for the 20,000 users and principals that were seen last."""

    def __init__(self, user: Rate, principal: Rate, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._rates = {"user": user, "principal": principal}
        self._buckets: LRUCache[tuple[str, str], _Bucket] = LRUCache(_MAX_BUCKETS)

    def charge(self, user: str, principal: str | None, cost: float) -> float:
        """Take a cost from the buckets of a user and a principal; from both, or from neither.

        Returns:
            0 if it was taken; otherwise the seconds until it can be taken.
        """
        now = self._clock()
        buckets = [self._bucket("user", user, now)]
        if principal is not None:
            buckets.append(self._bucket("principal", principal, now))
        limited = [bucket for bucket in buckets if bucket is not None]
        if (wait := max((bucket.missing(cost, now) for bucket in limited), default=0.0)) > 0:
            return wait
        for bucket in limited:
            bucket.take(cost)
        return 0.0

    def _bucket(self, owner: str, key: str, now: float) -> _Bucket | None:
        rate = self._rates[owner]
        if not rate.per_second:
            return None
        if (bucket := self._buckets.get((owner, key))) is None:
            bucket = self._buckets[owner, key] = _Bucket(rate, now)
        return bucket


class ConcurrencyLimiter:
    """Limits the operations of one user that run at the same time; the others wait, in order.

    Args:
        limit: Operations of one user; 0 means no limit.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._open: dict[str, tuple[asyncio.Semaphore, set[object]]] = {}

    @asynccontextmanager
    async def turn(self, user: str) -> AsyncIterator[None]:
        """Wait until the operation can run; it runs until the block ends."""
        if not self._limit:
            yield
            return
        semaphore, holders = self._open.get(user) or self._open.setdefault(
            user, (asyncio.Semaphore(self._limit), set())
        )
        holder = object()
        holders.add(holder)
        try:
            async with semaphore:
                yield
        finally:
            holders.discard(holder)
            if not holders:
                del self._open[user]
