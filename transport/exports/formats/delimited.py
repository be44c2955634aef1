"""CSV for a Swedish Excel: UTF-8 with byte order mark, `;` between cells, CRLF after rows.

Text that Excel would run as a formula is written after an apostrophe: text that starts with
= + - @, a tab or a line break.

Source: RFC 4180; OWASP, "CSV Injection".
"""

import csv
import io
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, ClassVar

import orjson

from resolvers.exports.columns import Cells
from resolvers.exports.opening import ExportMetadata
from store.content.hashing import timestamp

_FORMULA_STARTS = (
    "=",
    "+",
    "-",
    "@",
    "\t",
    "\r",
    "\n",
    "＝",  # noqa: RUF001 - Excel runs full-width forms too
    "＋",  # noqa: RUF001
    "－",  # noqa: RUF001
    "＠",  # noqa: RUF001
)
LIST_SEPARATOR = "|"
"""Between the values of a list in one cell, as in the import of clinics."""


class DelimitedWriter:
    """Writes CSV."""

    threaded: ClassVar[bool] = False
    resumable: ClassVar[bool] = True
    compressible: ClassVar[bool] = True
    content_type: ClassVar[str] = "text/csv; charset=utf-8"
    max_rows: ClassVar[int | None] = None

    def __init__(self, metadata: ExportMetadata) -> None:
        self._metadata = metadata
        self._text = io.StringIO(newline="")
        self._csv = csv.writer(self._text, delimiter=";", lineterminator="\r\n")

    def begin(self) -> bytes:
        """See `Writer`."""
        if self._metadata.resumed:
            return b""
        self._csv.writerow([column.name for column in self._metadata.columns])
        return b"\xef\xbb\xbf" + self._written()

    def rows(self, rows: Sequence[Cells]) -> bytes:
        """See `Writer`."""
        self._csv.writerows([[_cell(value) for value in cells] for cells in rows])
        return self._written()

    def end(self) -> Iterator[bytes]:
        """See `Writer`."""
        return iter(())

    def close(self) -> None:
        """See `Writer`."""

    def _written(self) -> bytes:
        text = self._text.getvalue()
        self._text.seek(0)
        self._text.truncate()
        return text.encode()


def _cell(value: Any) -> Any:
    if value is None or type(value) is int:
        return value
    if type(value) is str:
        return f"'{value}" if value.startswith(_FORMULA_STARTS) else value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return timestamp(value)
    text = (
        LIST_SEPARATOR.join(value)
        if isinstance(value, list | tuple) and all(isinstance(item, str) for item in value)
        else as_json(value)
    )
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text


def as_json(value: Any) -> str:
    """Format a list or an object as one line of JSON."""
    return orjson.dumps(
        value, default=json_default, option=orjson.OPT_PASSTHROUGH_DATETIME
    ).decode()


def json_default(value: Any) -> Any:
    """Format a time as the API does, for orjson, which formats all other values itself."""
    if isinstance(value, datetime):
        return timestamp(value)
    raise TypeError(type(value).__name__)
