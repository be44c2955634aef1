"""Reading a document's versions: in pages, as of a moment, and those that were ever published.

The event that publishes a version for the first time has its number in `released`. So the versions
that callers who cannot see drafts may see are found by an index on events.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

from store.log.event_filters import HistoryQuery
from store.log.history import History
from store.mongo.connection import Database, Query
from store.mongo.keyset_queries import find_pages
from store.mongo.rows import version_from
from store.paging import Page
from store.records import DocumentState, Version


class DocumentStatus(NamedTuple):
    """A document's state at a moment, and the number of the version that was published then.

    Both are None before the document existed.
    """

    state: DocumentState | None
    published: int | None


class VersionHistory:
    """Reads the versions of one registry's documents, now and as of a moment."""

    def __init__(self, database: Database, history: History) -> None:
        self._database = database
        self._history = history

    # ---------------------------------------------------------------- as of a moment

    async def published_at(
        self, keys: Iterable[tuple[str, str, datetime]]
    ) -> Mapping[tuple[str, str, datetime], int]:
        """Return the number of the published version by (principal, document, moment).

        Moments without a published version are left out.
        """
        keys = list(dict.fromkeys(keys))
        moments = list(dict.fromkeys((principal, time) for principal, _, time in keys))
        found = await asyncio.gather(
            *(self._history.sequence_at(principal, time) for principal, time in moments)
        )
        sequences = dict(zip(moments, found, strict=True))
        statuses = await self._statuses(
            (principal, document, sequences[principal, time]) for principal, document, time in keys
        )
        return {
            key: status.published
            for key, status in zip(keys, statuses, strict=True)
            if status.published is not None
        }

    async def statuses_at(
        self, principal: str, documents: Sequence[str], sequence: int
    ) -> Mapping[str, DocumentStatus]:
        """Return the status of documents just after an event of their log, by id."""
        statuses = await self._statuses((principal, document, sequence) for document in documents)
        return dict(zip(documents, statuses, strict=True))

    async def _statuses(self, keys: Iterable[tuple[str, str, int]]) -> list[DocumentStatus]:
        # An event may name thousands of clinics, which are not needed here.
        projection = {"state": 1, "published_after": 1}
        queries = [
            Query(
                {"principal": principal, "document": document, "sequence": {"$lte": sequence}},
                [("sequence", -1)],
                1,
                projection,
            )
            for principal, document, sequence in keys
        ]
        return [
            DocumentStatus(DocumentState(rows[0]["state"]), rows[0]["published_after"])
            if rows
            else DocumentStatus(None, None)
            for rows in await self._database.find_each("events", queries)
        ]

    # ---------------------------------------------------------------- pages

    async def versions(
        self, queries: Iterable[HistoryQuery]
    ) -> Mapping[HistoryQuery, Page[Version]]:
        """Return a page of each document's versions, newest first.

        A `limited` query leaves out versions that were never published.

        Raises:
            InvalidInput: A cursor cannot be read; code `INVALID_CURSOR`.
        """
        keys = list(dict.fromkeys(queries))
        unlimited = [key for key in keys if not key.limited]
        pages = await find_pages(
            self._database,
            "versions",
            [({"document": key.document}, key.paging) for key in unlimited],
            keys={"number": int},
            convert=version_from,
            descending=True,
        )
        return dict(zip(unlimited, pages, strict=True)) | await self._released_versions(
            [key for key in keys if key.limited]
        )

    async def _released_versions(
        self, keys: Sequence[HistoryQuery]
    ) -> dict[HistoryQuery, Page[Version]]:
        if not keys:
            return {}
        pages = await find_pages(
            self._database,
            "events",
            [
                ({"document": key.document, "released": {"$exists": True}}, key.paging)
                for key in keys
            ],
            keys={"released": int},
            convert=lambda row: row["released"],
            descending=True,
        )
        ids = [
            f"{key.document}.{number}"
            for key, page in zip(keys, pages, strict=True)
            for number in page.items
        ]
        versions = {
            row["_id"]: version_from(row)
            for row in await self._database.find("versions", {"_id": {"$in": ids}})
        }
        return {
            key: replace(
                page, items=[versions[f"{key.document}.{number}"] for number in page.items]
            )
            for key, page in zip(keys, pages, strict=True)
        }

    # ---------------------------------------------------------------- versions ever published

    async def released(self, keys: Iterable[tuple[str, int]]) -> frozenset[tuple[str, int]]:
        """Return those of some (document, number) pairs that were ever published."""
        pairs = sorted(set(keys))
        if not pairs:
            return frozenset()
        where = {"$or": [{"document": document, "released": number} for document, number in pairs]}
        rows = await self._database.find("events", where, projection={"document": 1, "released": 1})
        return frozenset((row["document"], row["released"]) for row in rows)

    async def released_before(
        self, keys: Iterable[tuple[str, int]]
    ) -> Mapping[tuple[str, int], int]:
        """Return the number of the last version before a given one that was ever published.

        Keys are (document, number). Those without such a version are left out.
        """
        return await self._nearest_released(keys, "$lt", -1)

    async def released_with(self, keys: Iterable[tuple[str, int]]) -> Mapping[tuple[str, int], int]:
        """Return the number of the first version from a given one on that was ever published.

        Keys are (document, number). Those without such a version are left out.
        """
        return await self._nearest_released(keys, "$gte", 1)

    async def _nearest_released(
        self, keys: Iterable[tuple[str, int]], operator: str, direction: int
    ) -> Mapping[tuple[str, int], int]:
        pairs = sorted(set(keys))
        queries = [
            Query(
                {"document": document, "released": {operator: number}},
                [("released", direction)],
                1,
                {"released": 1},
            )
            for document, number in pairs
        ]
        found = await self._database.find_each("events", queries)
        return {key: rows[0]["released"] for key, rows in zip(pairs, found, strict=True) if rows}
