"""XLSX, by XlsxWriter in constant memory: the rows go to a file, which is sent once it is whole. A
second sheet says what the columns mean.

Source: Microsoft, "Excel specifications and limits": 1,048,576 rows to a sheet, 32,767 characters
to a cell.
"""

import tempfile
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

import xlsxwriter

from store.content.hashing import timestamp
from transport.exports.formats.delimited import BETWEEN_VALUES, as_json
from transport.exports.formats.writing import Cells, Sheet

_LONGEST = 32_767
_CUT = " … (avkortad)"
_PIECE = 256 * 1024


class WorkbookWriter:
    """Writes XLSX."""

    threaded: ClassVar[bool] = True
    resumable: ClassVar[bool] = False
    compressible: ClassVar[bool] = False
    media_type: ClassVar[str] = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    most_rows: ClassVar[int | None] = 1_048_575

    def __init__(self, sheet: Sheet) -> None:
        self._sheet = sheet
        self._folder = tempfile.TemporaryDirectory(prefix="casetypes-export-")
        self._path = Path(self._folder.name) / "export.xlsx"
        # Text stays text: none becomes a formula, a link or a number.
        options = {
            "constant_memory": True,
            "tmpdir": self._folder.name,
            "strings_to_formulas": False,
            "strings_to_urls": False,
        }
        self._book = xlsxwriter.Workbook(str(self._path), options)
        self._rows = self._book.add_worksheet(sheet.name)
        self._bold = self._book.add_format({"bold": True})
        self._time = self._book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
        self._next = 1

    def begin(self) -> bytes:
        """See `Writer`."""
        self._rows.freeze_panes(1, 0)
        self._rows.set_column(0, len(self._sheet.columns) - 1, 20)
        self._rows.write_row(0, 0, [column.name for column in self._sheet.columns], self._bold)
        return b""

    def rows(self, rows: Sequence[Cells]) -> bytes:
        """See `Writer`."""
        for cells in rows:
            for column, value in enumerate(cells):
                self._write(self._next, column, value)
            self._next += 1
        return b""

    def end(self) -> Iterator[bytes]:
        """See `Writer`."""
        told = self._book.add_worksheet("Om exporten")
        told.set_column(0, 0, 24)
        told.set_column(1, 1, 100)
        lines = [
            ("export", self._sheet.name),
            ("at", timestamp(self._sheet.at)),
            ("cursor", self._sheet.cursor[:_LONGEST]),
        ]
        for number, line in enumerate(
            [*lines, *((column.name, column.meaning) for column in self._sheet.columns)]
        ):
            told.write_string(number, 0, line[0], self._bold)
            told.write_string(number, 1, line[1])
        self._book.close()
        with self._path.open("rb") as file:
            while piece := file.read(_PIECE):
                yield piece

    def close(self) -> None:
        """See `Writer`."""
        if not self._book.fileclosed:
            # Unfinished: what it holds open is closed without making a file of it.
            for sheet in self._book.worksheets():
                if not sheet.row_data_fh_closed:
                    sheet.row_data_fh.close()
            self._book.fileclosed = True
        self._folder.cleanup()

    def _write(self, row: int, column: int, value: Any) -> None:
        sheet = self._rows
        if value is None:
            return
        if isinstance(value, bool):
            sheet.write_boolean(row, column, value)
        elif isinstance(value, int):
            sheet.write_number(row, column, value)
        elif isinstance(value, datetime):
            sheet.write_datetime(
                row, column, value.astimezone(UTC).replace(tzinfo=None), self._time
            )
        else:
            sheet.write_string(row, column, _text(value))


def _text(value: Any) -> str:
    if not isinstance(value, str):
        listed = isinstance(value, list | tuple) and all(isinstance(one, str) for one in value)
        value = BETWEEN_VALUES.join(value) if listed else as_json(value)
    text: str = value
    return text if _length(text) <= _LONGEST else _beginning(text, _LONGEST - len(_CUT)) + _CUT


def _length(text: str) -> int:
    """As Excel counts: a character beyond the first 65,536 of Unicode, such as most emoji, is two."""
    return len(text.encode("utf-16-le")) // 2 if len(text) > _LONGEST // 2 else len(text)


def _beginning(text: str, most: int) -> str:
    return text.encode("utf-16-le")[: 2 * most].decode("utf-16-le", "ignore")
