"""Reading a log and a document's versions: pages newest first, and what was so at a moment.

A moment is turned into a sequence number once; every question of the past is then about that number. Times in a log never go back,
so a moment has one answer.
"""

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from store.database import Database
from store.errors import InvalidInput
from store.paging import Page, Paging, decode, encode, find_page
from store.records import Action, Audience, Document, DocumentState, Event, Version, key_of
from store.rows import event_from, version_from

Standing = tuple[DocumentState | None, int | None]
"""The state of a document at a moment, and the number of the version in force then."""

_NOTICES = {"$in": [str(Audience.ASSIGNED), str(Audience.NAMED)]}


@dataclass(frozen=True, slots=True)
class EventFilter:
    """Which events of a log; what is None does not matter. `actor` and `clinic` are keys; times are inclusive from, exclusive to."""

    actions: Sequence[Action] | None = None
    document: str | None = None
    clinic: str | None = None
    actor: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    def where(self, principal: str) -> dict[str, Any]:
        """As MongoDB's filter; user text is only ever a value in it."""
        where: dict[str, Any] = {"principal": principal}
        if self.actions is not None:
            where["action"] = {"$in": [str(action) for action in self.actions]}
        if self.document is not None:
            where["document"] = {"$eq": self.document}
        if self.clinic is not None:
            where["clinics"] = {"$eq": key_of(self.clinic)}
        if self.actor is not None:
            where["actor_key"] = {"$eq": key_of(self.actor)}
        if self.since is not None or self.until is not None:
            where["at"] = {"$gte": self.since} if self.since else {}
            if self.until is not None:
                where["at"]["$lt"] = self.until
        return where

    def matches(self, event: Event) -> bool:
        """The same decision for an event in hand."""
        return (
            (self.actions is None or event.action in self.actions)
            and (self.document is None or event.document == self.document)
            and (self.clinic is None or key_of(self.clinic) in event.clinics)
            and (self.actor is None or key_of(self.actor) == key_of(event.actor.employee_hsa_id or event.actor.unit or ""))
            and (self.since is None or event.at >= self.since)
            and (self.until is None or event.at < self.until)
        )


class History:
    """The logs and versions of one registry, read only."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def latest_sequence(self, principal: str) -> int:
        """The number of a log's last event; 0 for an empty or unknown log."""
        row = await self._database.find_one("logs", {"_id": principal}, projection={"sequence": 1})
        return row["sequence"] if row else 0

    async def sequence_at(self, principal: str, time: datetime) -> int:
        """The number of the last event up to and including a moment; 0 before the first."""
        row = await self._database.find_one(
            "events",
            {"principal": principal, "at": {"$lte": time}},
            sort=[("at", -1), ("sequence", -1)],
            projection={"sequence": 1, "_id": 0},
        )
        return row["sequence"] if row else 0

    async def published_at(self, head: Document, time: datetime) -> int | None:
        """The number of the version that was in force at a moment."""
        sequence = await self.sequence_at(head.principal, time)
        row = await self._database.find_one(
            "events",
            {"principal": head.principal, "document": head.id, "sequence": {"$lte": sequence}},
            sort=[("sequence", -1)],
            projection={"published_after": 1},
        )
        return row["published_after"] if row else None

    async def standing_at(self, principal: str, documents: Iterable[str], sequence: int) -> Mapping[str, Standing]:
        """State and version in force of documents just after an event, by id; those that were there. One round trip, one index look-up each."""
        rows = await self._database.aggregate(
            "documents",
            [
                {"$match": {"_id": {"$in": sorted(set(documents))}}},
                {
                    "$lookup": {
                        "from": "events",
                        "localField": "_id",
                        "foreignField": "document",
                        "pipeline": [
                            {"$match": {"principal": principal, "sequence": {"$lte": sequence}}},
                            {"$sort": {"sequence": -1}},
                            {"$limit": 1},
                            {"$project": {"_id": 0, "state": 1, "published_after": 1}},
                        ],
                        "as": "last",
                    }
                },
                {"$project": {"last": 1}},
            ],
        )
        return {row["_id"]: (DocumentState(row["last"][0]["state"]), row["last"][0]["published_after"]) for row in rows if row["last"]}

    async def get_events(self, keys: Iterable[tuple[str, int]]) -> Mapping[tuple[str, int], Event]:
        """Events by (principal, sequence), those that exist, in one round trip."""
        ids = sorted({f"ev_{principal}.{sequence}" for principal, sequence in keys})
        events = map(event_from, await self._database.find("events", {"_id": {"$in": ids}}))
        return {(event.principal, event.sequence): event for event in events}

    async def after(self, principal: str, sequence: int, *, limit: int) -> list[Event]:
        """The next events of a log, oldest first."""
        rows = await self._database.find("events", {"principal": principal, "sequence": {"$gt": sequence}}, sort=[("sequence", 1)], limit=limit)
        return [event_from(row) for row in rows]

    async def events(self, principal: str, which: EventFilter, paging: Paging) -> Page[Event]:
        """A page of a log, newest first."""
        return await self._events_page(which.where(principal), principal, paging)

    async def count_events(self, principal: str, which: EventFilter) -> int:
        """How many events match; the log's own number where nothing is filtered."""
        if which == EventFilter():
            return await self.latest_sequence(principal)
        return await self._database.count("events", which.where(principal))

    async def of_document(self, head: Document, paging: Paging, *, notices_only: bool) -> Page[Event]:
        """A page of what was done with a document, newest first; `notices_only` leaves out what concerns drafts."""
        where: dict[str, Any] = {"principal": head.principal, "document": head.id}
        if notices_only:
            where["audience"] = _NOTICES
        return await self._events_page(where, head.principal, paging)

    async def _events_page(self, where: dict[str, Any], principal: str, paging: Paging) -> Page[Event]:
        # The cursor names the log as well: it is the same one that the feed hands out.
        inner = replace(paging, after=_sequence_only(paging.after, principal, "after"), before=_sequence_only(paging.before, principal, "before"))
        page = await find_page(self._database, "events", where, inner, keys={"sequence": int}, convert=event_from, descending=True)
        return Page(page.items, [event_cursor(event) for event in page.items], page.has_next, page.has_previous)

    async def versions(self, head: Document, paging: Paging) -> Page[Version]:
        """A page of a document's versions, newest first."""
        return await find_page(self._database, "versions", {"document": head.id}, paging, keys={"number": int}, convert=version_from, descending=True)

    async def released_versions(self, head: Document, paging: Paging) -> Page[Version]:
        """A page of the versions that were ever in force, newest first."""
        numbers = await find_page(
            self._database,
            "events",
            {"document": head.id, "released": {"$exists": True}},
            paging,
            keys={"released": int},
            convert=lambda row: row["released"],
            descending=True,
        )
        rows = await self._database.find("versions", {"document": head.id, "number": {"$in": list(numbers.items)}})
        versions = {row["number"]: version_from(row) for row in rows}
        return Page([versions[number] for number in numbers.items], numbers.cursors, numbers.has_next, numbers.has_previous)

    async def released(self, keys: Iterable[tuple[str, int]]) -> frozenset[tuple[str, int]]:
        """Of (document, number) pairs those that were ever in force."""
        wanted = sorted(set(keys))
        if not wanted:
            return frozenset()
        where = {"$or": [{"document": document, "released": number} for document, number in wanted]}
        rows = await self._database.find("events", where, projection={"document": 1, "released": 1})
        return frozenset((row["document"], row["released"]) for row in rows)

    async def released_before(self, keys: Iterable[tuple[str, int]]) -> Mapping[tuple[str, int], int]:
        """For (document, number) pairs the number of the version before it that was ever in force, where there is one.

        One query finds those between the lowest and the highest number asked for, one more the first below: two for each document.
        """
        wanted: dict[str, set[int]] = {}
        for document, number in keys:
            wanted.setdefault(document, set()).add(number)
        found: dict[tuple[str, int], int] = {}
        for document, numbers in wanted.items():
            within = await self._released_numbers(document, {"$gte": min(numbers), "$lt": max(numbers)}, limit=0)
            below = await self._released_numbers(document, {"$lt": min(numbers)}, limit=1)
            released = sorted(within + below)
            for number in numbers:
                if place := bisect_left(released, number):
                    found[document, number] = released[place - 1]
        return found

    async def _released_numbers(self, document: str, where: Mapping[str, int], *, limit: int) -> list[int]:
        rows = await self._database.find(
            "events", {"document": document, "released": where}, sort=[("released", -1)], limit=limit, projection={"released": 1, "_id": 0}
        )
        return [row["released"] for row in rows]


def event_cursor(event: Event, clinic: str | None = None) -> str:
    """The position of an event in its log; of one clinic's notification of it where `clinic` is given."""
    return encode((event.principal, event.sequence) if clinic is None else (event.principal, event.sequence, clinic))


def read_cursor(cursor: str, principal: str, argument: str = "after") -> tuple[int, str | None]:
    """The sequence number and the clinic (if any) that a cursor of this log stands at.

    Raises:
        InvalidInput: It can't be read, or is of another log; code `INVALID_CURSOR`.
    """
    with suppress(InvalidInput):
        log, sequence, clinic = decode(cursor, (str, int, str), argument)
        return _of(principal, log, sequence, argument), clinic
    log, sequence = decode(cursor, (str, int), argument)
    return _of(principal, log, sequence, argument), None


def _of(principal: str, log: str, sequence: int, argument: str) -> int:
    if log != principal or sequence < 0:
        raise InvalidInput.at((argument,), "INVALID_CURSOR", "Markören hör till en annan logg.")
    return sequence


def _sequence_only(cursor: str | None, principal: str, argument: str) -> str | None:
    return None if cursor is None else encode((read_cursor(cursor, principal, argument)[0],))
