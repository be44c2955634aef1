"""Keyset pagination: a cursor holds the sort key, so a page costs the same at any depth.

No rows are skipped and none are counted.
"""

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Generic, TypeVar

import orjson
from pymongo.collation import Collation

from store.errors import InvalidInput
from store.mongo.connection import Database, Query, Row

T = TypeVar("T")
Key = tuple[Any, ...]

MAX_FIRST = 100
DEFAULT_FIRST = 50
_MAX_CURSOR_LENGTH = 2_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Paging:
    """A page: up to `limit` items after the cursor `after` and before the cursor `before`.

    With `backward` the items are taken from the end of the list.
    """

    limit: int = DEFAULT_FIRST
    backward: bool = False
    after: str | None = None
    before: str | None = None

    @classmethod
    def of(
        cls,
        first: int | None = None,
        after: str | None = None,
        last: int | None = None,
        before: str | None = None,
    ) -> "Paging":
        """Return the page for Relay's arguments; 50 items if neither `first` nor `last` is given.

        Raises:
            InvalidInput: Both are given (code `FIRST_AND_LAST`), or one is not from 1 to 100
                (`OUT_OF_RANGE`).
        """
        if first is not None and last is not None:
            raise InvalidInput.at(
                ("last",), "FIRST_AND_LAST", "Ange antingen first eller last, inte båda."
            )
        name, limit = (
            ("last", last)
            if last is not None
            else ("first", DEFAULT_FIRST if first is None else first)
        )
        if not 1 <= limit <= MAX_FIRST:
            raise InvalidInput.at((name,), "OUT_OF_RANGE", f"Ange ett tal från 1 till {MAX_FIRST}.")
        return cls(limit=limit, backward=last is not None, after=after, before=before)


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """The items of a page, with the cursor of each."""

    items: Sequence[T]
    cursors: Sequence[str]
    has_next: bool
    has_previous: bool


EMPTY: Page[Any] = Page((), (), has_next=False, has_previous=False)


def encode(key: Key) -> str:
    """Return an opaque cursor for a sort key of strings, integers and times."""
    values = [
        (value - _EPOCH) // timedelta(milliseconds=1) if isinstance(value, datetime) else value
        for value in key
    ]
    return base64.urlsafe_b64encode(orjson.dumps(values)).rstrip(b"=").decode()


def decode(cursor: str, types: Sequence[type], argument: str) -> Key:
    """Return the sort key in a cursor.

    Args:
        cursor: The cursor, as a client sent it.
        types: The types that the key's values must have.
        argument: The name of the argument in the error.

    Raises:
        InvalidInput: The cursor does not belong to this list; code `INVALID_CURSOR`.
    """
    try:
        values = orjson.loads(
            base64.b64decode(
                cursor[:_MAX_CURSOR_LENGTH] + "=" * (-len(cursor) % 4),
                altchars=b"-_",
                validate=True,
            )
        )
        return tuple(_typed(type_, value) for type_, value in zip(types, values, strict=True))
    except (ValueError, TypeError, OverflowError, binascii.Error):
        raise InvalidInput.at(
            (argument,),
            "INVALID_CURSOR",
            "Markören går inte att läsa, eller hör till en annan lista.",
        ) from None


def _typed(expected: type, value: Any) -> Any:
    if expected is datetime and type(value) is int:
        return _EPOCH + timedelta(milliseconds=value)
    if type(value) is not expected or (isinstance(value, int) and abs(value) > 2**53):
        raise ValueError
    return value


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


def cut(items: Sequence[T], cursors: Sequence[str], paging: Paging) -> Page[T]:
    """Return a page from up to `limit + 1` items, read in the direction of paging.

    An item beyond the limit shows that there are more.
    """
    more = len(items) > paging.limit
    items, cursors = items[: paging.limit], cursors[: paging.limit]
    if paging.backward:
        return Page(
            items[::-1], cursors[::-1], has_next=paging.before is not None, has_previous=more
        )
    return Page(items, cursors, has_next=more, has_previous=paging.after is not None)


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
