"""Validity intervals: rows that are valid from one event of a log until another.

A change closes one row and opens another at the same event. The only field that is updated in
place is the acknowledged version of an assignment, which has no history of its own. A row is valid
from `from_sequence`, inclusive, until `until_sequence`, exclusive. `open` marks the rows that are
valid now, for the unique indexes that allow one of them.
"""

from datetime import datetime
from typing import Any

from pymongo import UpdateMany

from store.documents.heads import LogPosition
from store.mongo.connection import Row


def valid_at(moment: int | datetime | None) -> Row:
    """MongoDB's filter for the rows that are valid at a moment.

    The times in a log never decrease, so the rows that are valid at a time are those that are
    valid just after the log's last event up to it. A time therefore selects rows of several logs.

    Args:
        moment: A sequence number, for just after that event; a time; or None for now.
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
    """The fields that make a row valid from a position of the log."""
    return {
        "open": True,
        "from_sequence": position.sequence,
        "since": position.at,
        "until_sequence": None,
        "until": None,
    }


def close_rows(where: Row, position: LogPosition) -> UpdateMany:
    """The update that ends all matching open rows at a position of the log."""
    end: dict[str, Any] = {"open": False, "until_sequence": position.sequence, "until": position.at}
    return UpdateMany({**where, "open": True}, {"$set": end})
