"""Runs a format's writer, in a thread where its calls take long."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from typing import ParamSpec, TypeVar

from resolvers.exports.columns import Cells
from resolvers.exports.opening import ExportMetadata
from transport.exports.formats.writer import Writer

P = ParamSpec("P")
T = TypeVar("T")


class FileWriter:
    """Writes one file.

    Attributes:
        rows_written: The number of rows that were passed to the format so far.
    """

    def __init__(self, writer: Writer) -> None:
        self.rows_written = 0
        self._writer = writer

    @classmethod
    async def open(cls, writer_type: type[Writer], metadata: ExportMetadata) -> "FileWriter":
        """Acquire the writer's resources, such as a temporary file."""
        return cls(await _call(writer_type.threaded, writer_type, metadata))

    async def pieces(self, batches: AsyncIterator[Sequence[Cells]]) -> AsyncGenerator[bytes, None]:
        """Format batches of rows as a file.

        Yields:
            One piece for each batch, which may be empty, and then the rest of the file.
        """
        writer = self._writer
        yield await self._run(writer.begin)
        async for rows in batches:
            yield await self._run(writer.rows, rows)
            self.rows_written += len(rows)
        rest = writer.end()
        while (piece := await self._run(next, rest, None)) is not None:
            yield piece

    async def close(self) -> None:
        """Release the writer's resources."""
        await self._run(self._writer.close)

    async def _run(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        return await _call(self._writer.threaded, call, *args, **kwargs)


async def _call(threaded: bool, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    if threaded:
        return await asyncio.to_thread(call, *args, **kwargs)
    return call(*args, **kwargs)
