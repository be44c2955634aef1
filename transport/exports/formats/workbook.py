"""XLSX, by XlsxWriter in constant memory.

The rows are written to a temporary file, which is sent when it is complete. A second sheet explains
the columns.

Source: Microsoft, "Excel specifications and limits": 1,048,576 rows to a sheet, 32,767 characters
to a cell.
"""

import tempfile
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

import xlsxwriter

from resolvers.exports.columns import Cells
from resolvers.exports.opening import ExportMetadata
from store.content.hashing import timestamp
from transport.exports.formats.delimited import LIST_SEPARATOR, as_json

_MAX_CELL = 32_767
_TRUNCATED = " … (avkortad)"
_PIECE = 256 * 1024


class WorkbookWriter:
    """Writes XLSX."""

    threaded: ClassVar[bool] = True
    resumable: ClassVar[bool] = False
    compressible: ClassVar[bool] = False
    content_type: ClassVar[str] = (
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    )
    max_rows: ClassVar[int | None] = 1_048_575

    def __init__(self, metadata: ExportMetadata) -> None:
        self._metadata = metadata
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
        self._rows = self._book.add_worksheet(metadata.name)
        self._bold = self._book.add_format({"bold": True})
        self._time = self._book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
        self._next_row = 1

    def begin(self) -> bytes:
        """See `Writer`."""
        self._rows.freeze_panes(1, 0)
        self._rows.set_column(0, len(self._metadata.columns) - 1, 20)
        self._rows.write_row(0, 0, [column.name for column in self._metadata.columns], self._bold)
        return b""

    def rows(self, rows: Sequence[Cells]) -> bytes:
        """See `Writer`."""
        for cells in rows:
            for column, value in enumerate(cells):
                self._write(self._next_row, column, value)
            self._next_row += 1
        return b""

    def end(self) -> Iterator[bytes]:
        """See `Writer`."""
        about = self._book.add_worksheet("Om exporten")
        about.set_column(0, 0, 24)
        about.set_column(1, 1, 100)
        lines = [
            ("export", self._metadata.name),
            ("at", timestamp(self._metadata.at)),
            ("cursor", self._metadata.cursor[:_MAX_CELL]),
        ]
        for number, line in enumerate(
            [*lines, *((column.name, column.meaning) for column in self._metadata.columns)]
        ):
            about.write_string(number, 0, line[0], self._bold)
            about.write_string(number, 1, line[1])
        self._book.close()
        with self._path.open("rb") as file:
            while piece := file.read(_PIECE):
                yield piece

    def close(self) -> None:
        """See `Writer`."""
        if not self._book.fileclosed:
            # Incomplete: close the open files without writing a workbook.
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
        listed = isinstance(value, list | tuple) and all(isinstance(item, str) for item in value)
        value = LIST_SEPARATOR.join(value) if listed else as_json(value)
    text: str = value
    return (
        text
        if _length(text) <= _MAX_CELL
        else _start(text, _MAX_CELL - len(_TRUNCATED)) + _TRUNCATED
    )


def _length(text: str) -> int:
    """The length as Excel counts it: characters above U+FFFF, such as most emoji, count twice."""
    return len(text.encode("utf-16-le")) // 2 if len(text) > _MAX_CELL // 2 else len(text)


def _start(text: str, length: int) -> str:
    return text.encode("utf-16-le")[: 2 * length].decode("utf-16-le", "ignore")
