"""Long lists in batches, of any length in flat memory: what exports are made of.

Each batch is a page by keyset: nothing is held open at MongoDB while a slow reader takes its time.
Lists are those of one principal's log, up to an
event of it: rows that hold for a stretch of the log are read as they were then, however long the
reading takes.
"""

from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from store.clinics.assignments import AssignmentFilter
from store.log.event_filters import EventFilter
from store.mongo.connection import Database, Query, Row
from store.mongo.paging import beyond
from store.mongo.rows import assignment_from, clinic_from, document_from, event_from
from store.records import Action, Assignment, Audience, Clinic, Document, Event

_BATCH = 100  # what is made of a batch in one go holds up everything else in the process for some milliseconds
_FEW = 20  # an act may name all clinics of a region
_MAKES_VERSIONS = (
    Action.CREATED,
    Action.EDITED,
    Action.PUBLISHED,
    Action.RESTORED,
    Action.ADAPTED,
    Action.TEMPLATE_ADOPTED,
)
_NO_CONTENT = {"content": 0, "published_content": 0}
_OF_CLINICS = (Action.IMPORTED, Action.ACKNOWLEDGED)


@dataclass(frozen=True, slots=True)
class Stretch:
    """Part of a principal's log: after one event, up to and including another.

    `since` is None for what holds at its end, however it came. `seen` is the log's last event when
    the reading began: nothing later is told of.
    """

    principal: str
    upto: int
    seen: int
    since: int | None = None


@dataclass(frozen=True, slots=True)
class Touched:
    """What the acts of a stretch changed.

    Attributes:
        documents: Whose content in force or state changed, or that clinics were given or rid of at
            once.
        at_clinics: Case types that some clinics were given or rid of, and nothing else.
        clinics: Whose own data changed, or that acknowledged.
        everything: Whether policies changed, which every clinic's case types hang on.
    """

    documents: frozenset[str]
    at_clinics: frozenset[str]
    clinics: frozenset[str]
    everything: bool


class Extracts:
    """The long lists of one registry, read only."""

    def __init__(self, database: Database) -> None:
        self._database = database

    # ---------------------------------------------------------------- where logs stand

    async def last_acts(self, upto: Mapping[str, int]) -> Mapping[str, int]:
        """For each log, up to an event of it, the number of the last act that is no export; 0 where
        there is none.
        """
        keys = sorted(upto)
        queries = [
            Query(
                {
                    "principal": key,
                    "sequence": {"$lte": upto[key]},
                    "action": {"$ne": str(Action.EXPORTED)},
                },
                [("sequence", -1)],
                1,
                {"sequence": 1},
            )
            for key in keys
        ]
        found = await self._database.find_each("events", queries)
        return {
            key: rows[0]["sequence"] if rows else 0 for key, rows in zip(keys, found, strict=True)
        }

    async def times(self, positions: Iterable[tuple[str, int]]) -> Mapping[str, datetime]:
        """The time of one event of each log, by principal, for the events that there are."""
        ids = [f"ev_{principal}.{sequence}" for principal, sequence in positions]
        rows = await self._database.find(
            "events", {"_id": {"$in": ids}}, projection={"principal": 1, "at": 1}
        )
        return {row["principal"]: row["at"] for row in rows}

    async def touched(self, stretch: Stretch) -> Touched:
        """What the acts of a stretch changed."""
        whole: set[str] = set()
        some: set[str] = set()
        clinics: set[str] = set()
        everything = False
        where = {
            "principal": stretch.principal,
            "sequence": {"$gt": stretch.since or 0, "$lte": stretch.upto},
        }
        named = {
            "$cond": [{"$in": ["$action", [str(action) for action in _OF_CLINICS]]}, "$clinics", []]
        }
        shown = {"sequence": 1, "action": 1, "document": 1, "audience": 1, "clinics": named}
        async for rows in self._batches("events", where, ("sequence",), projection=shown):
            for row in rows:
                if row["action"] in _OF_CLINICS:
                    clinics.update(row["clinics"])
                if row["document"] is not None:
                    (some if row["audience"] == Audience.NAMED else whole).add(row["document"])
                everything = everything or row["action"] == Action.POLICIES_CHANGED
        return Touched(frozenset(whole), frozenset(some - whole), frozenset(clinics), everything)

    # ---------------------------------------------------------------- lists

    def assignments(
        self,
        stretch: Stretch,
        which: AssignmentFilter,
        touched: Touched | None,
        start: Assignment | None,
    ) -> AsyncIterator[list[Assignment]]:
        """By clinic, then case type: those that hold at the end of a stretch; with `touched`, of
        these what changed in it, and what ended in it.
        """
        key = None if start is None else (start.clinic, start.document, start.id)
        return _each(
            self._batches(
                "assignments",
                _held(stretch, which, touched),
                ("clinic", "document", "_id"),
                start=key,
            ),
            assignment_from,
        )

    async def count_assignments(
        self, stretch: Stretch, which: AssignmentFilter, touched: Touched | None
    ) -> int:
        """How many there are."""
        return await self._database.count("assignments", _held(stretch, which, touched))

    def events(
        self, stretch: Stretch, which: EventFilter, start: int | None
    ) -> AsyncIterator[list[tuple[Event, int | None]]]:
        """The acts of a stretch that match, in order, each with the version that it put in force
        for the first time.
        """
        key = None if start is None else (start,)
        return _each(
            self._batches("events", _acts(stretch, which), ("sequence",), start=key, size=_FEW),
            _act,
        )

    async def count_events(self, stretch: Stretch, which: EventFilter) -> int:
        """How many there are."""
        return (
            stretch.upto - (stretch.since or 0)
            if which == EventFilter()
            else await self._database.count("events", _acts(stretch, which))
        )

    def version_acts(
        self, stretch: Stretch, document: str | None, start: int | None
    ) -> AsyncIterator[list[tuple[Event, int | None]]]:
        """The acts of a stretch that may have made versions or put them in force, as `events`, but
        without the clinics that they name.
        """
        where = _acts(stretch, EventFilter(actions=_MAKES_VERSIONS, document=document))
        key = None if start is None else (start,)
        return _each(
            self._batches("events", where, ("sequence",), start=key, projection={"clinics": 0}),
            lambda row: _act(row | {"clinics": []}),
        )

    async def made_by(self, events: Sequence[Event]) -> Mapping[int, int]:
        """By the number of each act that made a version: that version's number."""
        ids = [
            f"{event.document}.{event.version}"
            for event in events
            if event.document and event.version
        ]
        made = {
            row["_id"]: row["sequence"]
            for row in await self._database.find(
                "versions", {"_id": {"$in": ids}}, projection={"sequence": 1}
            )
        }
        return {
            event.sequence: event.version
            for event in events
            if event.version and made.get(f"{event.document}.{event.version}") == event.sequence
        }

    async def released_at(self, document: str, number: int) -> tuple[str, int] | None:
        """The log, and the number in it of the act that first put a version in force; None where
        none did.
        """
        row = await self._database.find_one(
            "events",
            {"document": document, "released": number},
            projection={"principal": 1, "sequence": 1},
        )
        return (row["principal"], row["sequence"]) if row else None

    async def clinics(
        self, stretch: Stretch, among: Sequence[str] | None, start: str | None
    ) -> AsyncIterator[list[Clinic]]:
        """A principal's clinics as they were at the end of a stretch, by key; all, or those among
        some keys.
        """
        where: Row = (
            {"principal": stretch.principal}
            if among is None
            else {"principal": stretch.principal, "_id": {"$in": list(among)}}
        )
        async for rows in self._batches(
            "clinics",
            where,
            ("_id",),
            start=None if start is None else (start,),
            projection={"_id": 1},
        ):
            states = await self.clinics_then(stretch, [row["_id"] for row in rows])
            yield [states[row["_id"]] for row in rows if row["_id"] in states]

    async def clinics_then(self, stretch: Stretch, keys: Iterable[str]) -> Mapping[str, Clinic]:
        """Clinics by key, as they were at the end of a stretch."""
        where = {"clinic": {"$in": sorted(set(keys))}, "from_sequence": {"$lte": stretch.upto}}
        ended = [{"until_sequence": None}, {"until_sequence": {"$gt": stretch.upto}}]
        return {
            row["clinic"]: clinic_from(row["as_was"])
            for row in await self._database.find("clinic_states", {**where, "$or": ended})
        }

    async def clinics_ending(self, principal: str, after: datetime, upto: datetime) -> list[str]:
        """The keys of a principal's clinics whose end date lies between two moments."""
        rows = await self._database.find(
            "clinics",
            {"principal": principal, "end_date": {"$gt": after, "$lte": upto}},
            projection={"_id": 1},
        )
        return [row["_id"] for row in rows]

    async def last_end(self, principals: Collection[str], upto: datetime) -> datetime | None:
        """The latest end date that has passed of any clinic of some principals."""
        where = {"principal": {"$in": sorted(principals)}, "end_date": {"$lte": upto}}
        row = await self._database.find_one(
            "clinics", where, sort=[("end_date", -1)], projection={"end_date": 1}
        )
        return row["end_date"] if row else None

    def own_documents(
        self, principal: str, kinds: Sequence[str], document: str | None
    ) -> AsyncIterator[list[Document]]:
        """What a principal itself owns and has ever published, of some kinds, by id; without
        content.
        """
        where: Row = {
            "owner.key": principal,
            "kind": {"$in": list(kinds)},
            "published": {"$ne": None},
        }
        if document is not None:
            where["_id"] = {"$eq": document}
        return _each(self._batches("documents", where, ("_id",), projection=_NO_CONTENT), _head)

    async def heads(self, ids: Iterable[str]) -> Mapping[str, Document]:
        """Heads by id, without their content."""
        rows = await self._database.find(
            "documents", {"_id": {"$in": sorted(set(ids))}}, projection=_NO_CONTENT
        )
        return {row["_id"]: _head(row) for row in rows}

    async def _batches(
        self,
        collection: str,
        where: Mapping[str, Any],
        keys: Sequence[str],
        *,
        start: tuple[Any, ...] | None = None,
        projection: Mapping[str, Any] | None = None,
        size: int = _BATCH,
    ) -> AsyncIterator[list[Row]]:
        sort = [(key, 1) for key in keys]
        while True:
            bounds = (
                []
                if start is None
                else [{keys[0]: {"$gte": start[0]}}, beyond(keys, start, descending=False)]
            )
            rows = await self._database.find(
                collection, {"$and": [where, *bounds]}, sort=sort, limit=size, projection=projection
            )
            if rows:
                yield rows
            if len(rows) < size:
                return
            start = tuple(rows[-1][key] for key in keys)


def _act(row: Row) -> tuple[Event, int | None]:
    return event_from(row), row.get("released")


def _head(row: Row) -> Document:
    return document_from(row | {"content": {}, "published_content": None})


async def _each(batches: AsyncIterator[list[Row]], convert: Any) -> AsyncIterator[list[Any]]:
    async for rows in batches:
        yield [convert(row) for row in rows]


def _held(stretch: Stretch, which: AssignmentFilter, touched: Touched | None) -> Row:
    begun: Row = {"principal": stretch.principal, "from_sequence": {"$lte": stretch.upto}}
    holds = {"$or": [{"until_sequence": None}, {"until_sequence": {"$gt": stretch.upto}}]}
    if touched is None or stretch.since is None:
        return {"$and": [begun, holds, which.conditions()]}
    moved = {
        "$or": [
            {"from_sequence": {"$gt": stretch.since}},
            {"until_sequence": {"$gt": stretch.since}},
        ]
    }
    parts: list[Row] = [
        moved,
        {"document": {"$in": sorted(touched.documents)}, **holds},
        {"clinic": {"$in": sorted(touched.clinics)}, **holds},
    ]
    if touched.everything:
        parts.append(holds)
        near: list[Row] = []
    else:
        near = [
            {"document": {"$in": sorted(touched.documents | touched.at_clinics)}},
            {"clinic": {"$in": sorted(touched.clinics)}},
        ]
    # What ended before the stretch is left out; what begins in it and ends in it too is told as
    # ended.
    lasted = {"$or": [{"until_sequence": None}, {"until_sequence": {"$gt": stretch.since}}]}
    return {
        "$and": [
            begun,
            lasted,
            *([{"$or": near}] if near else []),
            {"$or": parts},
            which.conditions(),
        ]
    }


def _acts(stretch: Stretch, which: EventFilter) -> Row:
    return {
        "$and": [
            which.where(stretch.principal),
            {"sequence": {"$gt": stretch.since or 0, "$lte": stretch.upto}},
        ]
    }
