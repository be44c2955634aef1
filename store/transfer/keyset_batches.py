"""Reads a collection in batches, each one a page by keyset.

No cursor stays open at MongoDB between two batches, however slowly they are consumed.
"""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any, TypeVar

from store.mongo.connection import Database, Row
from store.mongo.keyset_queries import beyond

R = TypeVar("R")
BATCH_SIZE = 100
"""Rows in a batch: formatting one for an export blocks the event loop for some milliseconds."""


async def batches(
    database: Database,
    collection: str,
    where: Mapping[str, Any],
    keys: Sequence[str],
    *,
    after: tuple[Any, ...] | None = None,
    projection: Mapping[str, Any] | None = None,
    size: int = BATCH_SIZE,
) -> AsyncIterator[list[Row]]:
    """Read the rows that match, in ascending order.

    Args:
        database: The registry's.
        collection: Its name.
        where: A MongoDB filter.
        keys: The fields to sort by. Together they are unique.
        after: Start after the row with these values of `keys`.
        projection: A MongoDB projection that includes `keys`; None for whole rows.
        size: Rows in a batch, at most.

    Yields:
        Batches that are not empty.
    """
    sort = [(key, 1) for key in keys]
    while True:
        bounds = (
            []
            if after is None
            else [{keys[0]: {"$gte": after[0]}}, beyond(keys, after, descending=False)]
        )
        rows = await database.find(
            collection, {"$and": [where, *bounds]}, sort=sort, limit=size, projection=projection
        )
        if rows:
            yield rows
        if len(rows) < size:
            return
        after = tuple(rows[-1][key] for key in keys)


async def converted(
    row_batches: AsyncIterator[list[Row]], convert: Callable[[Row], R]
) -> AsyncIterator[list[R]]:
    """Convert each row of each batch."""
    async for rows in row_batches:
        yield [convert(row) for row in rows]
