"""NDJSON: one JSON object per line, in UTF-8.

Times as the API answers them, lists and objects as they are.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, ClassVar

import orjson

from store.content.hashing import timestamp
from transport.exports.formats.writing import Cells, Sheet


class LinesWriter:
    """Writes NDJSON."""

    threaded: ClassVar[bool] = False
    resumable: ClassVar[bool] = True
    compressible: ClassVar[bool] = True
    media_type: ClassVar[str] = "application/x-ndjson"
    most_rows: ClassVar[int | None] = None

    def __init__(self, sheet: Sheet) -> None:
        self._names = [column.name for column in sheet.columns]

    def begin(self) -> bytes:
        """See `Writer`."""
        return b""

    def rows(self, rows: Sequence[Cells]) -> bytes:
        """See `Writer`."""
        names = self._names
        option = orjson.OPT_APPEND_NEWLINE | orjson.OPT_PASSTHROUGH_DATETIME
        return b"".join(
            [
                orjson.dumps(dict(zip(names, cells, strict=True)), default=_plain, option=option)
                for cells in rows
            ]
        )

    def end(self) -> Iterator[bytes]:
        """See `Writer`."""
        return iter(())

    def close(self) -> None:
        """See `Writer`."""


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return timestamp(value)
    raise TypeError(type(value).__name__)
