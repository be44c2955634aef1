"""Long work in slices: whoever else waits for the event loop has a turn in between."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import TypeVar

T = TypeVar("T")

_SIZE = 50
"""Rows that are made, encoded, written or decoded at once: a millisecond here, and a few of
MongoDB's while others read.
"""


async def chunks(items: Sequence[T]) -> AsyncIterator[Sequence[T]]:
    """The items in order, some hundred at a time."""
    for start in range(0, len(items), _SIZE):
        yield items[start : start + _SIZE]
        await asyncio.sleep(0)
