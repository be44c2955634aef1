"""Rows that hold from one event of a log to another: what is so now, and what was so then.

A row is never changed but to end it; a change ends one row and begins another at the same event. It
holds from `from_sequence` on, and no
longer at `until_sequence`. `open` marks those that hold now, for the indexes that allow one of a
kind.
"""

from datetime import datetime
from typing import Any

from pymongo import UpdateMany

from store.documents.heads import LogPosition
from store.mongo.connection import Row


def valid_at(moment: int | datetime | None) -> Row:
    """The rows that hold just after an event, or at a moment, as MongoDB's filter; now without one.

    Times in a log never go back: the rows that hold at a moment are those that hold just after the
    log's last event up to it. So a moment does
    for the rows of several logs at once.
    """
    if moment is None:
        return {"open": True}
    if isinstance(moment, datetime):
        return {"since": {"$lte": moment}, "$or": [{"until": None}, {"until": {"$gt": moment}}]}
    return {
        "from_sequence": {"$lte": moment},
        "$or": [{"until_sequence": None}, {"until_sequence": {"$gt": moment}}],
    }


def open_row(position: LogPosition) -> Row:
    """The fields of a row that begins with the next event."""
    return {
        "open": True,
        "from_sequence": position.sequence,
        "since": position.at,
        "until_sequence": None,
        "until": None,
    }


def close_rows(where: Row, position: LogPosition) -> UpdateMany:
    """The end of all rows that match and hold now."""
    end: dict[str, Any] = {"open": False, "until_sequence": position.sequence, "until": position.at}
    return UpdateMany({**where, "open": True}, {"$set": end})
