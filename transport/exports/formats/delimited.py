"""CSV that a Swedish Excel opens right: UTF-8 with byte order mark, `;` between cells, CRLF after
rows, and no text that it would run as a formula.

Source: RFC 4180; OWASP, "CSV Injection": a text that begins with = + - @, tab or line break is put
behind an apostrophe.
"""

import csv
import io
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, ClassVar

import orjson

from store.content.hashing import timestamp
from transport.exports.formats.writing import Cells, Sheet

_RUN = (
    "=",
    "+",
    "-",
    "@",
    "\t",
    "\r",
    "\n",
    "＝",  # noqa: RUF001 - full-width forms are run as well
    "＋",  # noqa: RUF001
    "－",  # noqa: RUF001
    "＠",  # noqa: RUF001
)
BETWEEN_VALUES = "|"
"""Between the values of a list in one cell, as in the import of clinics."""


class DelimitedWriter:
    """Writes CSV."""

    threaded: ClassVar[bool] = False
    resumable: ClassVar[bool] = True
    compressible: ClassVar[bool] = True
    media_type: ClassVar[str] = "text/csv; charset=utf-8"
    most_rows: ClassVar[int | None] = None

    def __init__(self, sheet: Sheet) -> None:
        self._sheet = sheet
        self._text = io.StringIO(newline="")
        self._csv = csv.writer(self._text, delimiter=";", lineterminator="\r\n")

    def begin(self) -> bytes:
        """See `Writer`."""
        if self._sheet.resumed:
            return b""
        self._csv.writerow([column.name for column in self._sheet.columns])
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
        return f"'{value}" if value.startswith(_RUN) else value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return timestamp(value)
    text = (
        BETWEEN_VALUES.join(value)
        if isinstance(value, list | tuple) and all(isinstance(one, str) for one in value)
        else as_json(value)
    )
    return f"'{text}" if text.startswith(_RUN) else text


def as_json(value: Any) -> str:
    """A list or an object as one line of JSON."""
    return orjson.dumps(value, default=_plain, option=orjson.OPT_PASSTHROUGH_DATETIME).decode()


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return timestamp(value)
    raise TypeError(type(value).__name__)
