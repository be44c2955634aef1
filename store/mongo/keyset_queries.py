"""Queries for one page of a list. No rows are skipped and none are counted."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from pymongo.collation import Collation

from store.mongo.connection import Database, Query, Row
from store.paging import Key, Page, Paging, cut, decode, encode

T = TypeVar("T")


async def find_page(
    database: Database,
    collection: str,
    where: Mapping[str, Any],
    paging: Paging,
    *,
    keys: Mapping[str, type],
    convert: Callable[[Row], T],
    descending: bool = False,
    collation: Collation | None = None,
    projection: Mapping[str, Any] | None = None,
) -> Page[T]:
    """Return one page of a list of rows.

    Args:
        database: The database to read from.
        collection: The collection's name.
        where: MongoDB's filter for the whole list.
        paging: The page.
        keys: The sort key: fields (dotted for nested ones) and their types. All have one direction,
            and together they are unique.
        convert: Converts a row to an item.
        descending: The direction of the list.
        collation: That of the index that serves the list.
        projection: The fields to read, the keys among them.

    Raises:
        InvalidInput: A cursor does not belong to this list; code `INVALID_CURSOR`.
    """
    query = _query(where, paging, keys, descending=descending)
    rows = await database.find(
        collection,
        query.where,
        sort=query.sort,
        limit=query.limit,
        collation=collation,
        projection=projection,
    )
    return _page(rows, paging, keys, convert)


async def find_pages(
    database: Database,
    collection: str,
    lists: Sequence[tuple[Mapping[str, Any], Paging]],
    *,
    keys: Mapping[str, type],
    convert: Callable[[Row], T],
    descending: bool = False,
) -> list[Page[T]]:
    """Return a page of each of several lists of a collection; see `find_page`."""
    queries = [_query(where, paging, keys, descending=descending) for where, paging in lists]
    found = await database.find_each(collection, queries)
    return [
        _page(rows, paging, keys, convert) for rows, (_, paging) in zip(found, lists, strict=True)
    ]


async def find_merged(
    database: Database,
    collection: str,
    parts: Sequence[tuple[Mapping[str, Any], Mapping[str, type]]],
    paging: Paging,
    *,
    convert: Callable[[Row], T],
    descending: bool = False,
    projection: Mapping[str, Any] | None = None,
) -> Page[T]:
    """Return one page of a list that is merged from disjoint parts; see `find_page`.

    Each part is sorted by keys of its own. The keys of all parts have the same meaning and types.
    """
    queries = [
        replace(_query(where, paging, keys, descending=descending), projection=projection)
        for where, keys in parts
    ]
    rows = [
        (tuple(_value(row, key) for key in keys), row)
        for found, (_, keys) in zip(
            await database.find_each(collection, queries), parts, strict=True
        )
        for row in found
    ]
    rows.sort(key=lambda pair: pair[0], reverse=descending != paging.backward)
    rows = rows[: paging.limit + 1]
    return cut([convert(row) for _, row in rows], [encode(key) for key, _ in rows], paging)


def _query(
    where: Mapping[str, Any], paging: Paging, keys: Mapping[str, type], *, descending: bool
) -> Query:
    types = tuple(keys.values())
    conditions = [where]
    if paging.after is not None:
        conditions.append(
            beyond(tuple(keys), decode(paging.after, types, "after"), descending=descending)
        )
    if paging.before is not None:
        conditions.append(
            beyond(tuple(keys), decode(paging.before, types, "before"), descending=not descending)
        )
    direction = -1 if descending != paging.backward else 1
    return Query(
        {"$and": conditions} if len(conditions) > 1 else where,
        [(key, direction) for key in keys],
        paging.limit + 1,
    )


def _page(
    rows: Sequence[Row], paging: Paging, keys: Mapping[str, type], convert: Callable[[Row], T]
) -> Page[T]:
    cursors = [encode(tuple(_value(row, key) for key in keys)) for row in rows]
    return cut([convert(row) for row in rows], cursors, paging)


def beyond(keys: Sequence[str], values: Key, *, descending: bool) -> Row:
    """Return the filter for rows that sort after a key: (a > x) or (a = x and b > y)."""
    operator = "$lt" if descending else "$gt"
    branches = [
        dict(zip(keys[:index], values[:index], strict=True))
        | {keys[index]: {operator: values[index]}}
        for index in range(len(keys))
    ]
    return branches[0] if len(branches) == 1 else {"$or": branches}


def _value(row: Row, dotted: str) -> Any:
    value: Any = row
    for part in dotted.split("."):
        value = value[part]
    return value
