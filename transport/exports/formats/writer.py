"""The interface of a format: it formats the rows of an export as a file, piece by piece."""

from collections.abc import Iterator, Sequence
from typing import ClassVar, Protocol

from resolvers.exports.columns import Cells
from resolvers.exports.opening import ExportMetadata


class Writer(Protocol):
    """Writes one file.

    Attributes:
        threaded: Whether its methods are called in a thread, one call at a time. The methods of
            other writers take some milliseconds for a batch.
        resumable: Whether a file can be continued after a row.
        compressible: Whether gzip makes a file smaller.
        content_type: The value of that header.
        max_rows: The most rows that a file can have; None for no limit.
    """

    threaded: ClassVar[bool]
    resumable: ClassVar[bool]
    compressible: ClassVar[bool]
    content_type: ClassVar[str]
    max_rows: ClassVar[int | None]

    def __init__(self, metadata: ExportMetadata) -> None: ...

    def begin(self) -> bytes:
        """Return what comes before the first row."""

    def rows(self, rows: Sequence[Cells]) -> bytes:
        """Take some rows, and return what can be sent by now; it may be empty."""

    def end(self) -> Iterator[bytes]:
        """Return the rest of the file, in pieces."""

    def close(self) -> None:
        """Release the writer's resources, whether or not the file is complete."""
