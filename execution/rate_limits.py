"""How much each user, and each principal's users together, may ask for: in a time (token buckets of
values), and at once (turns).
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
    """What a bucket gives.

    Attributes:
        per_second: Values that flow in; 0 lifts the limit.
        burst: Values that it holds.
    """

    per_second: float
    burst: float


class _Bucket:
    """What is left for one user or principal.

    A debt can't arise: nothing is granted that is not there.
    """

    __slots__ = ("_at", "_left", "_rate")

    def __init__(self, rate: Rate, now: float) -> None:
        self._rate = rate
        self._left = rate.burst
        self._at = now

    def missing(self, cost: float, now: float) -> float:
        """Seconds until that much is there; 0 if it is there now.

        What is more than a full bucket waits for a full one.
        """
        self._left = min(self._rate.burst, self._left + (now - self._at) * self._rate.per_second)
        self._at = now
        return max(0.0, (min(cost, self._rate.burst) - self._left) / self._rate.per_second)

    def take(self, cost: float) -> None:
        self._left = max(0.0, self._left - cost)


class RateLimiter:
    """The buckets of one process, of those who asked last."""

    def __init__(self, user: Rate, principal: Rate, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._rates = {"user": user, "principal": principal}
        self._buckets: LRUCache[tuple[str, str], _Bucket] = LRUCache(_MAX_BUCKETS)

    def charge(self, user: str, principal: str | None, cost: float) -> float:
        """Take what an operation costs from its user's and its principal's bucket, or from neither.

        Returns:
            0 when it was there; else the seconds after which it will be.
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

    def _bucket(self, whose: str, key: str, now: float) -> _Bucket | None:
        rate = self._rates[whose]
        if not rate.per_second:
            return None
        if (bucket := self._buckets.get((whose, key))) is None:
            bucket = self._buckets[whose, key] = _Bucket(rate, now)
        return bucket


class ConcurrencyLimiter:
    """How many operations of one user are executed at once; the others of that user wait for their
    turn, in order.

    Args:
        most: For one user; 0 lifts the limit.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._open: dict[str, tuple[asyncio.Semaphore, set[object]]] = {}

    @asynccontextmanager
    async def turn(self, user: str) -> AsyncIterator[None]:
        """One turn."""
        if not self._most:
            yield
            return
        turns, users = self._open.get(user) or self._open.setdefault(
            user, (asyncio.Semaphore(self._most), set())
        )
        me = object()
        users.add(me)
        try:
            async with turns:
                yield
        finally:
            users.discard(me)
            if not users:
                del self._open[user]
