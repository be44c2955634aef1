"""The interface of whatever reads rows, so that one function serves a query and a transaction."""

from collections.abc import Mapping
from typing import Any, Protocol

from store.mongo.connection import Row


class RowReader(Protocol):
    """Reads rows: `Database` reads current data, `Transaction` reads its snapshot."""

    async def find(
        self,
        collection: str,
        where: Row,
        *,
        projection: Mapping[str, Any] | None = None,
    ) -> list[Row]:
        """All rows that match MongoDB's filter `where`, in one list."""
        ...
