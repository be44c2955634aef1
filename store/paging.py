"""Pages of lists and their cursors.

A cursor holds the sort key of an item (keyset pagination), so a page costs the same at any depth.
"""

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Generic, TypeVar

import orjson

from store.errors import InvalidInput

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
