"""Parquet, by pyarrow: columns of the documented types, compressed with zstd.

The file's metadata has the name of the export, its cursor and the time that it shows.
"""

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

import pyarrow as pa
import pyarrow.parquet as pq

from resolvers.exports.columns import Cells, Column, ColumnType
from resolvers.exports.opening import ExportMetadata
from store.content.hashing import timestamp
from transport.exports.formats.delimited import as_json

_GROUP_ROWS = 10_000
_GROUP_CHARACTERS = 16_000_000
"""A row group is in memory until it is written, so it is limited in rows and in text: one version
may have a megabyte.
"""

TYPES: dict[ColumnType, pa.DataType] = {
    ColumnType.TEXT: pa.string(),
    ColumnType.INTEGER: pa.int64(),
    ColumnType.BOOLEAN: pa.bool_(),
    ColumnType.TIME: pa.timestamp("ms", tz="UTC"),
    ColumnType.TEXTS: pa.list_(pa.string()),
    ColumnType.JSON: pa.string(),
}


def schema_of(metadata: ExportMetadata) -> pa.Schema:
    """Make the file's schema: the type, meaning, unit and source of each column."""
    fields = [
        pa.field(
            column.name,
            TYPES[column.type],
            metadata={"description": column.meaning, "unit": column.unit, "source": column.source},
        )
        for column in metadata.columns
    ]
    file_metadata = {
        "casetypes.export": metadata.name,
        "casetypes.cursor": metadata.cursor,
        "casetypes.at": timestamp(metadata.at),
    }
    return pa.schema(fields, metadata=file_metadata)


class ParquetWriter:
    """Writes Parquet."""

    threaded: ClassVar[bool] = True
    resumable: ClassVar[bool] = False
    compressible: ClassVar[bool] = False
    content_type: ClassVar[str] = "application/vnd.apache.parquet"
    max_rows: ClassVar[int | None] = None

    def __init__(self, metadata: ExportMetadata) -> None:
        self._metadata = metadata
        self._schema = schema_of(metadata)
        self._out = _Pieces()
        self._parquet = pq.ParquetWriter(self._out, self._schema, compression="zstd")
        self._pending: list[Cells] = []
        self._size = 0

    def begin(self) -> bytes:
        """See `Writer`."""
        return self._out.take()

    def rows(self, rows: Sequence[Cells]) -> bytes:
        """See `Writer`."""
        for cells in rows:
            plain = [
                as_json(value) if column.type is ColumnType.JSON and value is not None else value
                for column, value in self._with_columns(cells)
            ]
            self._pending.append(plain)
            self._size += sum(len(value) for value in plain if isinstance(value, str))
        if len(self._pending) >= _GROUP_ROWS or self._size >= _GROUP_CHARACTERS:
            self._write()
        return self._out.take()

    def end(self) -> Iterator[bytes]:
        """See `Writer`."""
        if self._pending:
            self._write()
        self._parquet.close()
        yield self._out.take()

    def close(self) -> None:
        """See `Writer`."""
        self._parquet.close()

    def _with_columns(self, cells: Cells) -> Iterator[tuple[Column[Any], Any]]:
        return zip(self._metadata.columns, cells, strict=True)

    def _write(self) -> None:
        columns = list(zip(*self._pending, strict=True))
        self._pending, self._size = [], 0
        arrays = [
            pa.array(values, type=TYPES[column.type])
            for column, values in zip(self._metadata.columns, columns, strict=True)
        ]
        self._parquet.write_table(pa.Table.from_arrays(arrays, schema=self._schema))


class _Pieces:
    """The file object that pyarrow writes to; its content is taken out piece by piece."""

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
        """Do nothing: pieces are taken with `take`."""

    def close(self) -> None:
        self.closed = True

    def take(self) -> bytes:
        pieces, self._pieces = self._pieces, []
        return b"".join(pieces)
