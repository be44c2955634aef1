"""NDJSON: one JSON object per line, in UTF-8.

Times have the form that they have in the API. Lists and objects stay lists and objects.
"""

from collections.abc import Iterator, Sequence
from typing import ClassVar

import orjson

from resolvers.exports.columns import Cells
from resolvers.exports.opening import ExportMetadata
from transport.exports.formats.delimited import json_default


class LinesWriter:
    """Writes NDJSON."""

    threaded: ClassVar[bool] = False
    resumable: ClassVar[bool] = True
    compressible: ClassVar[bool] = True
    content_type: ClassVar[str] = "application/x-ndjson"
    max_rows: ClassVar[int | None] = None

    def __init__(self, metadata: ExportMetadata) -> None:
        self._names = [column.name for column in metadata.columns]

    def begin(self) -> bytes:
        """See `Writer`."""
        return b""

    def rows(self, rows: Sequence[Cells]) -> bytes:
        """See `Writer`."""
        names = self._names
        option = orjson.OPT_APPEND_NEWLINE | orjson.OPT_PASSTHROUGH_DATETIME
        return b"".join(
            [
                orjson.dumps(
                    dict(zip(names, cells, strict=True)), default=json_default, option=option
                )
                for cells in rows
            ]
        )

    def end(self) -> Iterator[bytes]:
        """See `Writer`."""
        return iter(())

    def close(self) -> None:
        """See `Writer`."""
