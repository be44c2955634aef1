"""Long work in chunks, with a turn of the event loop after each chunk."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import TypeVar

T = TypeVar("T")

_CHUNK_SIZE = 50
"""Rows that are encoded, written or decoded at once.

This takes about a millisecond here and a few milliseconds in MongoDB, while other callers read.
"""


async def chunks(items: Sequence[T]) -> AsyncIterator[Sequence[T]]:
    """Yield the items in order, 50 at a time."""
    for start in range(0, len(items), _CHUNK_SIZE):
        yield items[start : start + _CHUNK_SIZE]
        await asyncio.sleep(0)
