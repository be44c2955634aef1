"""Reading the events of logs: by number, by moment, and in pages, newest first.

A query of the past first turns its moment into a sequence number, once. Everything else is then
read as of that number. Times in a log never decrease, so each moment has one number.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime

from store.log.cursors import with_log, without_log
from store.log.event_filters import EventFilter, HistoryQuery
from store.mongo.connection import Database
from store.mongo.keyset_queries import find_page, find_pages
from store.mongo.rows import event_from
from store.paging import Page, Paging
from store.records import Event


class History:
    """Reads the events of one registry's logs."""

    def __init__(self, database: Database) -> None:
        self._database = database

    # ---------------------------------------------------------------- ends of logs

    async def is_empty(self) -> bool:
        """Return whether no log has any event."""
        return await self._database.find_one("events", {}, projection={"_id": 1}) is None

    async def latest_sequence(self, principal: str) -> int:
        """Return the number of a log's last event; 0 for an empty or unknown log."""
        row = await self._database.find_one("logs", {"_id": principal}, projection={"sequence": 1})
        return row["sequence"] if row else 0

    async def latest_sequences(self, principals: Iterable[str]) -> Mapping[str, int]:
        """Return the number of each log's last event, by principal; unknown logs are left out."""
        rows = await self._database.find(
            "logs", {"_id": {"$in": sorted(set(principals))}}, projection={"sequence": 1}
        )
        return {row["_id"]: row["sequence"] for row in rows}

    async def latest_writes(
        self, principals: Iterable[str]
    ) -> Mapping[str, tuple[int, datetime, str | None]]:
        """Return (number of the last event, its time, mark of the last write) of each log.

        The mark identifies the write: after a backup is restored, the same numbers are used again,
        but never the same mark. It is None for logs that were last written before marks existed.
        """
        rows = await self._database.find(
            "logs",
            {"_id": {"$in": sorted(set(principals))}},
            projection={"sequence": 1, "at": 1, "mark": 1},
        )
        return {row["_id"]: (row["sequence"], row["at"], row.get("mark")) for row in rows}

    async def is_written(self, principal: str, sequence: int) -> bool:
        """Return whether a log contains an event.

        This includes events that a failed primary acknowledged to another process only.
        """
        if await self.latest_sequence(principal) >= sequence:
            return True
        row = await self._database.find_newest("logs", principal)
        return row is not None and row["sequence"] >= sequence

    async def sequence_at(self, principal: str, time: datetime) -> int:
        """Return the number of the last event up to and including a moment; 0 before the first."""
        row = await self._database.find_one(
            "events",
            {"principal": principal, "at": {"$lte": time}},
            sort=[("at", -1), ("sequence", -1)],
            projection={"sequence": 1, "_id": 0},
        )
        return row["sequence"] if row else 0

    # ---------------------------------------------------------------- events

    async def get_events(self, keys: Iterable[tuple[str, int]]) -> Mapping[tuple[str, int], Event]:
        """Return events by (principal, sequence), in one round trip; missing ones are left out."""
        ids = sorted({f"ev_{principal}.{sequence}" for principal, sequence in keys})
        events = map(event_from, await self._database.find("events", {"_id": {"$in": ids}}))
        return {(event.principal, event.sequence): event for event in events}

    async def after(self, principal: str, sequence: int, *, limit: int) -> list[Event]:
        """Return the next events of a log, oldest first; at most `limit`, or all with 0."""
        rows = await self._database.find(
            "events",
            {"principal": principal, "sequence": {"$gt": sequence}},
            sort=[("sequence", 1)],
            limit=limit,
        )
        return [event_from(row) for row in rows]

    async def events(self, principal: str, which: EventFilter, paging: Paging) -> Page[Event]:
        """Return a page of a log, newest first.

        Raises:
            InvalidInput: A cursor belongs to another log; code `INVALID_CURSOR`.
        """
        page = await find_page(
            self._database,
            "events",
            which.where(principal),
            without_log(paging, principal),
            keys={"sequence": int},
            convert=event_from,
            descending=True,
        )
        return with_log(page)

    async def count_events(self, principal: str, which: EventFilter) -> int:
        """Return the number of events that match. Without a filter, nothing is counted."""
        if which == EventFilter():
            return await self.latest_sequence(principal)
        return await self._database.count("events", which.where(principal))

    async def of_documents(
        self, queries: Iterable[HistoryQuery]
    ) -> Mapping[HistoryQuery, Page[Event]]:
        """Return a page of each document's events, newest first.

        Raises:
            InvalidInput: A cursor belongs to another log; code `INVALID_CURSOR`.
        """
        keys = list(dict.fromkeys(queries))
        lists = [(key.where(), without_log(key.paging, key.principal)) for key in keys]
        pages = await find_pages(
            self._database,
            "events",
            lists,
            keys={"sequence": int},
            convert=event_from,
            descending=True,
        )
        return {key: with_log(page) for key, page in zip(keys, pages, strict=True)}

    async def count_of_document(self, query: HistoryQuery) -> int:
        """Return the number of a document's events, ignoring the page.

        Use it only where the head keeps no total.
        """
        return await self._database.count("events", query.where())
