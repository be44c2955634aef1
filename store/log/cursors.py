"""Positions in a log, and the cursors that clients keep of them.

A cursor names its log, so that a cursor of one log is refused by another. Pages of a log in MongoDB
need the sequence number only: `without_log` and `with_log` convert between the two.
"""

from dataclasses import replace
from typing import NamedTuple

from store.errors import InvalidInput
from store.paging import Page, Paging, decode, encode
from store.records import Event


class Position(NamedTuple):
    """How far a reader has read a log: all events up to and including `sequence`.

    One event may be delivered to several clinics, in the order of their keys. With `clinic`, the
    last event was delivered only to the clinics up to and including that one.
    """

    sequence: int
    clinic: str | None = None


def event_cursor(event: Event, clinic: str | None = None) -> str:
    """Return the cursor of an event in its log.

    With `clinic` (a key), it is the cursor of that clinic's notification of the event.
    """
    return position_cursor(event.principal, Position(event.sequence, clinic))


def position_cursor(principal: str, position: Position) -> str:
    """Return the cursor of a position in a principal's log."""
    cursor = encode((principal, position.sequence))
    return cursor if position.clinic is None else f"{cursor}.{position.clinic}"


def read_cursor(cursor: str, principal: str, argument: str = "after") -> Position:
    """Return the position in a cursor.

    Args:
        cursor: The cursor, as a client sent it.
        principal: Key of the principal whose log the cursor must belong to.
        argument: The name of the argument in the error.

    Raises:
        InvalidInput: The cursor cannot be read, or belongs to another log; code `INVALID_CURSOR`.
    """
    encoded, dot, clinic = cursor.partition(".")
    log, sequence = decode(encoded, (str, int), argument)
    if log != principal or sequence < 0 or (dot and not clinic):
        raise InvalidInput.at((argument,), "INVALID_CURSOR", "Markören hör till en annan logg.")
    return Position(sequence, clinic or None)


def without_log(paging: Paging, principal: str) -> Paging:
    """Return paging by sequence number for paging by cursors of a log.

    Raises:
        InvalidInput: A cursor cannot be read, or belongs to another log; code `INVALID_CURSOR`.
    """
    return replace(
        paging,
        after=_sequence_only(paging.after, principal, "after"),
        before=_sequence_only(paging.before, principal, "before"),
    )


def with_log(page: Page[Event]) -> Page[Event]:
    """Return a page of events with cursors that name their log."""
    return replace(page, cursors=[event_cursor(event) for event in page.items])


def _sequence_only(cursor: str | None, principal: str, argument: str) -> str | None:
    return None if cursor is None else encode((read_cursor(cursor, principal, argument).sequence,))
