"""Parquet, by pyarrow: one column of the documented type for each of the export, compressed with
zstd. Where it stands is in the file's metadata.
"""

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

import pyarrow as pa
import pyarrow.parquet as pq

from resolvers.exports.columns import Column, ColumnType
from store.content.hashing import timestamp
from transport.exports.formats.delimited import as_json
from transport.exports.formats.writing import Cells, Sheet

_GROUP = 10_000
_GROUP_CHARACTERS = 16_000_000
"""A row group is kept until it is written: so many rows at most, and so much text, for a version
may be a megabyte.
"""

TYPES: dict[ColumnType, pa.DataType] = {
    ColumnType.TEXT: pa.string(),
    ColumnType.INTEGER: pa.int64(),
    ColumnType.BOOLEAN: pa.bool_(),
    ColumnType.TIME: pa.timestamp("ms", tz="UTC"),
    ColumnType.TEXTS: pa.list_(pa.string()),
    ColumnType.JSON: pa.string(),
}


def schema_of(sheet: Sheet) -> pa.Schema:
    """The file's schema: types, with each column's meaning."""
    fields = [
        pa.field(
            column.name,
            TYPES[column.type],
            metadata={"description": column.meaning, "unit": column.unit, "source": column.source},
        )
        for column in sheet.columns
    ]
    told = {
        "casetypes.export": sheet.name,
        "casetypes.cursor": sheet.cursor,
        "casetypes.at": timestamp(sheet.at),
    }
    return pa.schema(fields, metadata=told)


class ParquetWriter:
    """Writes Parquet."""

    threaded: ClassVar[bool] = True
    resumable: ClassVar[bool] = False
    compressible: ClassVar[bool] = False
    media_type: ClassVar[str] = "application/vnd.apache.parquet"
    most_rows: ClassVar[int | None] = None

    def __init__(self, sheet: Sheet) -> None:
        self._sheet = sheet
        self._schema = schema_of(sheet)
        self._out = _Pieces()
        self._parquet = pq.ParquetWriter(self._out, self._schema, compression="zstd")
        self._waiting: list[Cells] = []
        self._size = 0

    def begin(self) -> bytes:
        """See `Writer`."""
        return self._out.taken()

    def rows(self, rows: Sequence[Cells]) -> bytes:
        """See `Writer`."""
        for cells in rows:
            plain = [
                as_json(value) if column.type is ColumnType.JSON and value is not None else value
                for column, value in self._described(cells)
            ]
            self._waiting.append(plain)
            self._size += sum(len(value) for value in plain if isinstance(value, str))
        if len(self._waiting) >= _GROUP or self._size >= _GROUP_CHARACTERS:
            self._write()
        return self._out.taken()

    def end(self) -> Iterator[bytes]:
        """See `Writer`."""
        if self._waiting:
            self._write()
        self._parquet.close()
        yield self._out.taken()

    def close(self) -> None:
        """See `Writer`."""
        self._parquet.close()

    def _described(self, cells: Cells) -> Iterator[tuple[Column[Any], Any]]:
        return zip(self._sheet.columns, cells, strict=True)

    def _write(self) -> None:
        columns = list(zip(*self._waiting, strict=True))
        self._waiting, self._size = [], 0
        arrays = [
            pa.array(values, type=TYPES[column.type])
            for column, values in zip(self._sheet.columns, columns, strict=True)
        ]
        self._parquet.write_table(pa.Table.from_arrays(arrays, schema=self._schema))


class _Pieces:
    """What Parquet is written to: it is taken away piece by piece."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._position = 0
        self.closed = False

    def write(self, piece: Any) -> int:
        data = bytes(piece)
        self._pieces.append(data)
        self._position += len(data)
        return len(data)

    def tell(self) -> int:
        return self._position

    def flush(self) -> None:
        """Nothing waits here."""

    def close(self) -> None:
        self.closed = True

    def taken(self) -> bytes:
        pieces, self._pieces = self._pieces, []
        return b"".join(pieces)
