"""Reading a log and a document's versions: pages newest first, and what was so at a moment.

A moment is turned into a sequence number once; every question of the past is then about that
number. Times in a log never go back,
so a moment has one answer.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, NamedTuple

from store.errors import InvalidInput
from store.mongo.connection import Database, Query
from store.mongo.paging import Page, Paging, decode, encode, find_page, find_pages
from store.mongo.rows import event_from, version_from
from store.records import Action, Audience, Document, DocumentState, Event, Version, key_of

Standing = tuple[DocumentState | None, int | None]
"""The state of a document at a moment, and the number of the version in force then."""

_WHOLE = {"$in": [str(Audience.ASSIGNED), str(Audience.PRINCIPAL)]}
_NOTICES = {"$in": [*_WHOLE["$in"], str(Audience.NAMED)]}


@dataclass(frozen=True, slots=True)
class EventFilter:
    """Which events of a log; what is None does not matter.

    `actor` and `clinic` are keys; times are inclusive from, exclusive to.
    """

    actions: Sequence[Action] | None = None
    document: str | None = None
    clinic: str | None = None
    actor: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    batch: str | None = None

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
        if self.batch is not None:
            where["batch"] = {"$eq": self.batch}
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
            and (
                self.actor is None
                or key_of(self.actor)
                == key_of(event.actor.employee_hsa_id or event.actor.unit or "")
            )
            and (self.since is None or event.at >= self.since)
            and (self.until is None or event.at < self.until)
            and (self.batch is None or event.batch == self.batch)
        )


@dataclass(frozen=True, slots=True)
class Asked:
    """A page of what belongs to a document; `limited` to what those see who see no drafts, and of
    acts at named clinics to these `clinics`.
    """

    principal: str
    document: str
    paging: Paging
    limited: bool
    clinics: tuple[str, ...] | None = None

    @classmethod
    def of(
        cls, head: Document, paging: Paging, *, limited: bool, clinics: Iterable[str] | None = None
    ) -> "Asked":
        """Of a document in hand."""
        return cls(
            head.principal,
            head.id,
            paging,
            limited,
            None if clinics is None else tuple(sorted(clinics)),
        )

    def where(self) -> dict[str, Any]:
        """The acts, as MongoDB's filter."""
        where: dict[str, Any] = {"principal": self.principal, "document": self.document}
        if not self.limited:
            return where
        if self.clinics is None:
            return where | {"audience": _NOTICES}
        named = {"audience": str(Audience.NAMED), "clinics": {"$in": list(self.clinics)}}
        return where | {"$or": [{"audience": _WHOLE}, named]}


class History:
    """The logs and versions of one registry, read only."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def latest_sequence(self, principal: str) -> int:
        """The number of a log's last event; 0 for an empty or unknown log."""
        row = await self._database.find_one("logs", {"_id": principal}, projection={"sequence": 1})
        return row["sequence"] if row else 0

    async def latest_sequences(self, principals: Iterable[str]) -> Mapping[str, int]:
        """The number of each log's last event, for the logs that there are."""
        rows = await self._database.find(
            "logs", {"_id": {"$in": sorted(set(principals))}}, projection={"sequence": 1}
        )
        return {row["_id"]: row["sequence"] for row in rows}

    async def is_written(self, principal: str, sequence: int) -> bool:
        """Whether a log has come to an event; also one that only another process knows of, from a
        primary that is gone.
        """
        if await self.latest_sequence(principal) >= sequence:
            return True
        row = await self._database.find_newest("logs", principal)
        return row is not None and row["sequence"] >= sequence

    async def latest_acts(
        self, principals: Iterable[str]
    ) -> Mapping[str, tuple[int, datetime, str | None]]:
        """The number of each log's last event, when it was written, and the mark of that write:
        after a backup is restored, numbers come again.

        A log that was last written to before there were marks has none.
        """
        rows = await self._database.find(
            "logs",
            {"_id": {"$in": sorted(set(principals))}},
            projection={"sequence": 1, "at": 1, "mark": 1},
        )
        return {row["_id"]: (row["sequence"], row["at"], row.get("mark")) for row in rows}

    async def sequence_at(self, principal: str, time: datetime) -> int:
        """The number of the last event up to and including a moment; 0 before the first."""
        row = await self._database.find_one(
            "events",
            {"principal": principal, "at": {"$lte": time}},
            sort=[("at", -1), ("sequence", -1)],
            projection={"sequence": 1, "_id": 0},
        )
        return row["sequence"] if row else 0

    async def published_at(
        self, asked: Iterable[tuple[str, str, datetime]]
    ) -> Mapping[tuple[str, str, datetime], int]:
        """For (principal, document, moment) the number of the version in force then, where one was."""
        keys = list(dict.fromkeys(asked))
        moments = list(dict.fromkeys((principal, time) for principal, _, time in keys))
        sequences = dict(
            zip(
                moments,
                await asyncio.gather(
                    *(self.sequence_at(principal, time) for principal, time in moments)
                ),
                strict=True,
            )
        )
        standing = await self._standing(
            (principal, document, sequences[principal, time]) for principal, document, time in keys
        )
        return {
            key: number
            for key, (_, number) in zip(keys, standing, strict=True)
            if number is not None
        }

    async def standing_at(
        self, principal: str, documents: Sequence[str], sequence: int
    ) -> Mapping[str, Standing]:
        """State and version in force of documents just after an event, by id; both None before
        there was any.
        """
        return dict(
            zip(
                documents,
                await self._standing((principal, document, sequence) for document in documents),
                strict=True,
            )
        )

    async def _standing(self, asked: Iterable[tuple[str, str, int]]) -> list[Standing]:
        # An event may name thousands of clinics, which are not needed here.
        shown = {"state": 1, "published_after": 1}
        queries = [
            Query(
                {"principal": principal, "document": document, "sequence": {"$lte": sequence}},
                [("sequence", -1)],
                1,
                shown,
            )
            for principal, document, sequence in asked
        ]
        found = await self._database.find_each("events", queries)
        return [
            (DocumentState(rows[0]["state"]), rows[0]["published_after"]) if rows else (None, None)
            for rows in found
        ]

    async def get_events(self, keys: Iterable[tuple[str, int]]) -> Mapping[tuple[str, int], Event]:
        """Events by (principal, sequence), those that exist, in one round trip."""
        ids = sorted({f"ev_{principal}.{sequence}" for principal, sequence in keys})
        events = map(event_from, await self._database.find("events", {"_id": {"$in": ids}}))
        return {(event.principal, event.sequence): event for event in events}

    async def after(self, principal: str, sequence: int, *, limit: int) -> list[Event]:
        """The next events of a log, oldest first."""
        rows = await self._database.find(
            "events",
            {"principal": principal, "sequence": {"$gt": sequence}},
            sort=[("sequence", 1)],
            limit=limit,
        )
        return [event_from(row) for row in rows]

    async def events(self, principal: str, which: EventFilter, paging: Paging) -> Page[Event]:
        """A page of a log, newest first."""
        return await self._events_page(which.where(principal), principal, paging)

    async def count_events(self, principal: str, which: EventFilter) -> int:
        """How many events match; the log's own number where nothing is filtered."""
        if which == EventFilter():
            return await self.latest_sequence(principal)
        return await self._database.count("events", which.where(principal))

    async def of_documents(self, asked: Iterable[Asked]) -> Mapping[Asked, Page[Event]]:
        """For each document a page of what was done with it, newest first; `limited` leaves out
        what concerns drafts.
        """
        keys = list(dict.fromkeys(asked))
        lists = [(key.where(), _inner(key.paging, key.principal)) for key in keys]
        pages = await find_pages(
            self._database,
            "events",
            lists,
            keys={"sequence": int},
            convert=event_from,
            descending=True,
        )
        return {key: _outer(page) for key, page in zip(keys, pages, strict=True)}

    async def _events_page(
        self, where: dict[str, Any], principal: str, paging: Paging
    ) -> Page[Event]:
        inner = _inner(paging, principal)
        return _outer(
            await find_page(
                self._database,
                "events",
                where,
                inner,
                keys={"sequence": int},
                convert=event_from,
                descending=True,
            )
        )

    async def count_of_document(self, asked: Asked) -> int:
        """How many acts there are, whatever the page: where no head keeps the total."""
        return await self._database.count("events", asked.where())

    async def versions(self, asked: Iterable[Asked]) -> Mapping[Asked, Page[Version]]:
        """For each document a page of its versions, newest first; `limited` leaves out those that
        never were in force.
        """
        keys = list(dict.fromkeys(asked))
        whole = [key for key in keys if not key.limited]
        lists = [({"document": key.document}, key.paging) for key in whole]
        pages = await find_pages(
            self._database,
            "versions",
            lists,
            keys={"number": int},
            convert=version_from,
            descending=True,
        )
        return dict(zip(whole, pages, strict=True)) | await self._released_versions(
            [key for key in keys if key.limited]
        )

    async def _released_versions(self, keys: Sequence[Asked]) -> dict[Asked, Page[Version]]:
        if not keys:
            return {}
        lists = [
            ({"document": key.document, "released": {"$exists": True}}, key.paging) for key in keys
        ]
        pages = await find_pages(
            self._database,
            "events",
            lists,
            keys={"released": int},
            convert=lambda row: row["released"],
            descending=True,
        )
        ids = [
            f"{key.document}.{number}"
            for key, page in zip(keys, pages, strict=True)
            for number in page.items
        ]
        found = {
            row["_id"]: version_from(row)
            for row in await self._database.find("versions", {"_id": {"$in": ids}})
        }
        return {
            key: Page(
                [found[f"{key.document}.{number}"] for number in page.items],
                page.cursors,
                page.has_next,
                page.has_previous,
            )
            for key, page in zip(keys, pages, strict=True)
        }

    async def released(self, keys: Iterable[tuple[str, int]]) -> frozenset[tuple[str, int]]:
        """Of (document, number) pairs those that were ever in force."""
        wanted = sorted(set(keys))
        if not wanted:
            return frozenset()
        where = {"$or": [{"document": document, "released": number} for document, number in wanted]}
        rows = await self._database.find("events", where, projection={"document": 1, "released": 1})
        return frozenset((row["document"], row["released"]) for row in rows)

    async def released_before(
        self, asked: Iterable[tuple[str, int]]
    ) -> Mapping[tuple[str, int], int]:
        """For (document, number) pairs the number of the version before it that was ever in force,
        where there is one.
        """
        keys = sorted(set(asked))
        queries = [
            Query({"document": document, "released": {"$lt": number}}, [("released", -1)], 1)
            for document, number in keys
        ]
        found = await self._database.find_each("events", queries)
        return {key: rows[0]["released"] for key, rows in zip(keys, found, strict=True) if rows}

    async def released_with(
        self, asked: Iterable[tuple[str, int]]
    ) -> Mapping[tuple[str, int], int]:
        """For (document, number) pairs the number of the first version from it on that was ever in
        force, where there is one.
        """
        keys = sorted(set(asked))
        queries = [
            Query(
                {"document": document, "released": {"$gte": number}},
                [("released", 1)],
                1,
                {"released": 1},
            )
            for document, number in keys
        ]
        found = await self._database.find_each("events", queries)
        return {key: rows[0]["released"] for key, rows in zip(keys, found, strict=True) if rows}


class Position(NamedTuple):
    """How far a reader has come in a log: all events up to and including `sequence`.

    Several clinics may be told of one event, in the order of their keys. Where `clinic` is given,
    of that last event only the clinics up to and
    including it were told.
    """

    sequence: int
    clinic: str | None = None


def event_cursor(event: Event, clinic: str | None = None) -> str:
    """The position of an event in its log; of one clinic's notification of it where `clinic` is
    given.
    """
    return position_cursor(event.principal, Position(event.sequence, clinic))


def position_cursor(principal: str, position: Position) -> str:
    """A position in a log, as clients keep it."""
    cursor = encode((principal, position.sequence))
    return cursor if position.clinic is None else f"{cursor}.{position.clinic}"


def read_cursor(cursor: str, principal: str, argument: str = "after") -> Position:
    """The position that a cursor of this log stands at.

    Raises:
        InvalidInput: It can't be read, or is of another log; code `INVALID_CURSOR`.
    """
    place, dot, clinic = cursor.partition(".")
    log, sequence = decode(place, (str, int), argument)
    if log != principal or sequence < 0 or (dot and not clinic):
        raise InvalidInput.at((argument,), "INVALID_CURSOR", "Markören hör till en annan logg.")
    return Position(sequence, clinic or None)


def _inner(paging: Paging, principal: str) -> Paging:
    """The cursors of a log name it as well, as those of the feed do; its pages need only the
    number.
    """
    return replace(
        paging,
        after=_sequence_only(paging.after, principal, "after"),
        before=_sequence_only(paging.before, principal, "before"),
    )


def _outer(page: Page[Event]) -> Page[Event]:
    return Page(
        page.items, [event_cursor(event) for event in page.items], page.has_next, page.has_previous
    )


def _sequence_only(cursor: str | None, principal: str, argument: str) -> str | None:
    return None if cursor is None else encode((read_cursor(cursor, principal, argument).sequence,))
