"""Cursors of exports: for each log, the event that a file is read up to."""

from collections.abc import Mapping

from resolvers.context import Context
from store.errors import InvalidInput
from store.log.cursors import Position, position_cursor
from store.paging import decode

_SEPARATOR = "~"


async def parse_cursor(
    context: Context, cursor: str, latest: Mapping[str, int], parameter: str
) -> Mapping[str, int]:
    """Parse a cursor into sequence numbers by the principal's key.

    Args:
        context: The request's.
        cursor: As `format_cursor` wrote it, or the cursor of an event.
        latest: The last sequence number of each log that the viewer exports from.
        parameter: The name of the parameter, for errors.

    Returns:
        Sequence numbers; logs that the cursor does not name are missing.

    Raises:
        InvalidInput: The cursor cannot be read, is of another log, or is beyond the end of one.
    """
    positions: dict[str, int] = {}
    for part in cursor.split(_SEPARATOR):
        key, sequence = decode(part.partition(".")[0], (str, int), parameter)
        if key not in latest or sequence < 0:
            raise InvalidInput.at(
                (parameter,), "INVALID_CURSOR", "Markören hör till en annan logg."
            )
        if sequence > latest[key] and not await context.store.history.is_written(key, sequence):
            raise InvalidInput.at(
                (parameter,), "INVALID_CURSOR", "Markören ligger efter loggens slut."
            )
        positions[key] = sequence
    return positions


def format_cursor(positions: Mapping[str, int]) -> str:
    """Write positions as a cursor. Logs of which nothing was read are left out."""
    keys = [key for key in sorted(positions) if positions[key]] or sorted(positions)[:1]
    return _SEPARATOR.join(position_cursor(key, Position(positions[key])) for key in keys)
