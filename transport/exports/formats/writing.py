"""What a format does: it turns an export's rows into a file, piece by piece."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Protocol

from resolvers.exports.columns import Column

Cells = Sequence[Any]


@dataclass(frozen=True, slots=True)
class Sheet:
    """What a file is of.

    Attributes:
        name: The export's.
        columns: In order.
        cursor: Where it stands in the logs.
        total: How many rows the whole has.
        at: The moment of the picture.
        resumed: Whether it goes on where another file was cut off, and so has no beginning of its
            own.
    """

    name: str
    columns: Sequence[Column[Any]]
    cursor: str
    total: int
    at: datetime
    resumed: bool = False


class Writer(Protocol):
    """One file in the making.

    `threaded` ones are called in a thread, one call at a time; the others take some milliseconds
    for a batch.
    """

    threaded: ClassVar[bool]
    resumable: ClassVar[bool]
    compressible: ClassVar[bool]
    media_type: ClassVar[str]
    most_rows: ClassVar[int | None]

    def __init__(self, sheet: Sheet) -> None: ...

    def begin(self) -> bytes:
        """What stands before the first row."""

    def rows(self, rows: Sequence[Cells]) -> bytes:
        """What there is to send after some more rows; it may be nothing yet."""

    def end(self) -> Iterator[bytes]:
        """The rest, in pieces."""

    def close(self) -> None:
        """Give back what the making held, finished or not."""
