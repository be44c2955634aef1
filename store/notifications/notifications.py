"""What clinics are told: the events of a log that concern a clinic, found by index from its
assignments. Nothing is written per clinic.

An event for all that have the document (`ASSIGNED`) concerns a clinic whose assignment covers its
sequence number; one that names clinics
(`NAMED`) concerns those; one for all of the principal (`PRINCIPAL`) every clinic of it, also one
that came later: it is in force there too.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from store.clinics.assignments import Assignments, Clinics
from store.log.history import History, Position, event_cursor, read_cursor
from store.mongo.connection import Database, Query
from store.mongo.paging import Page, Paging, cut
from store.mongo.rows import event_from
from store.records import Assignment, Audience, Event

_NEVER = 2**62


@dataclass(frozen=True, slots=True)
class Told:
    """One event as one clinic is told of it."""

    clinic: str
    event: Event

    @property
    def cursor(self) -> str:
        """The position in the log, with the clinic: several clinics may be told of one event."""
        return event_cursor(self.event, self.clinic)


@dataclass(frozen=True, slots=True)
class Inbox:
    """A page of a clinic's inbox; `clinic` and `principal` are keys."""

    clinic: str
    principal: str
    paging: Paging = field(default_factory=Paging)
    after_sequence: int = 0
    resident_visible_only: bool = False


@dataclass(frozen=True, slots=True)
class Stretch:
    """Part of a log: each event with the clinics that are told of it, and the position that a
    reader of it has come to.
    """

    told: Sequence[tuple[Event, Sequence[str]]]
    reached: Position


class Notifications:
    """The inboxes of one registry, read only."""

    def __init__(self, database: Database, history: History, assignments: Assignments) -> None:
        self._database = database
        self._history = history
        self._assignments = assignments

    async def pages(self, asked: Iterable[Inbox]) -> Mapping[Inbox, Page[Told]]:
        """A page of what each clinic was told, newest first; only what came after `after_sequence`."""
        keys = list(dict.fromkeys(asked))
        wheres = await self._wheres(keys)
        queries = [
            Query(where, [("sequence", 1 if key.paging.backward else -1)], key.paging.limit + 1)
            for key, where in zip(keys, wheres, strict=True)
        ]
        pages = {}
        for key, rows in zip(keys, await self._database.find_each("events", queries), strict=True):
            told = [Told(key.clinic, event_from(row)) for row in rows]
            pages[key] = cut(told, [item.cursor for item in told], key.paging)
        return pages

    async def count(self, inbox: Inbox) -> int:
        """How many notifications a clinic has, whatever the page."""
        [where] = await self._wheres([replace(inbox, paging=Paging())])
        return await self._database.count("events", where)

    async def _wheres(self, keys: Sequence[Inbox]) -> list[dict[str, Any]]:
        # Up to here, assignments and events tell the same though others write between the two
        # reads.
        newest = await self._history.latest_sequences(key.principal for key in keys)
        assignments: dict[str, list[Assignment]] = {key.clinic: [] for key in keys}
        for assignment in await self._assignments.of_clinics(assignments):
            assignments[assignment.clinic].append(assignment)
        wheres = []
        for key in keys:
            low, high = key.after_sequence + 1, newest.get(key.principal, 0)
            if key.paging.after is not None:  # newest first: what comes after a cursor is older
                high = min(high, read_cursor(key.paging.after, key.principal, "after").sequence - 1)
            if key.paging.before is not None:
                low = max(low, read_cursor(key.paging.before, key.principal, "before").sequence + 1)
            visible = key.resident_visible_only
            wheres.append(
                _where(
                    key.principal,
                    [key.clinic],
                    assignments[key.clinic],
                    low,
                    high,
                    resident_visible_only=visible,
                )
            )
        return wheres

    async def after(
        self,
        principal: str,
        clinics: Sequence[str],
        position: Position,
        horizon: int,
        *,
        limit: int,
    ) -> Stretch:
        """What some clinics of one principal are told between a position and an event of its log,
        that event included.

        Args:
            principal: Its key.
            clinics: Their keys, sorted.
            position: How far they have been told.
            horizon: Sequence number of the event to read up to.
            limit: Most events to read.

        Returns:
            Each event that concerns some of the clinics, oldest first, and how far this brings
            them.
        """
        told: list[tuple[Event, Sequence[str]]] = []
        if position.clinic is not None:
            for event, concerned in await self._between(
                principal, clinics, position.sequence, position.sequence, limit=1
            ):
                told.append((event, [clinic for clinic in concerned if clinic > position.clinic]))
        if position.sequence >= horizon:
            return Stretch(told, Position(position.sequence))
        found = await self._between(principal, clinics, position.sequence + 1, horizon, limit=limit)
        return Stretch(
            [*told, *found], Position(found[-1][0].sequence if len(found) == limit else horizon)
        )

    async def _between(
        self, principal: str, clinics: Sequence[str], low: int, high: int, *, limit: int
    ) -> list[tuple[Event, Sequence[str]]]:
        assignments = await self._assignments.of_clinics(clinics)
        where = _where(principal, clinics, assignments, low, high, resident_visible_only=False)
        rows = await self._database.find("events", where, sort=[("sequence", 1)], limit=limit)
        return [(event, _concerned(event, clinics, assignments)) for event in map(event_from, rows)]

    async def concerned(self, event: Event, among: Clinics) -> list[str]:
        """Which of some clinics an event concerns, in the order of their keys."""
        if event.audience is Audience.NONE or not among:
            return []
        if event.audience is Audience.NAMED:
            return sorted({one for one in event.clinics if one in among})
        if event.audience is Audience.PRINCIPAL:
            return sorted(among)
        return await self._assignments.clinics_with(event.document or "", event.sequence, among)


def _where(
    principal: str,
    clinics: Sequence[str],
    assignments: Sequence[Assignment],
    low: int,
    high: int,
    *,
    resident_visible_only: bool,
) -> dict[str, Any]:
    """One clause per stretch of having a document, each answered by the index on (principal,
    document, audience, sequence).
    """
    clauses: list[dict[str, Any]] = [
        {
            "principal": principal,
            "audience": str(Audience.NAMED),
            "clinics": {"$in": list(clinics)},
            "sequence": {"$gte": low, "$lte": high},
        },
        {
            "principal": principal,
            "audience": str(Audience.PRINCIPAL),
            "sequence": {"$gte": low, "$lte": high},
            "clinics": {
                "$size": 0
            },  # always so; not in the index, so that this clause reads rows as the others do, and none is read twice
        },
    ]
    for assignment in assignments:
        start = max(low, assignment.from_sequence)
        end = min(high, _NEVER if assignment.until_sequence is None else assignment.until_sequence)
        if start <= end:
            clauses.append(
                {
                    "principal": principal,
                    "document": assignment.document,
                    "audience": str(Audience.ASSIGNED),
                    "sequence": {"$gte": start, "$lte": end},
                }
            )
    visible = {"resident_visible": True} if resident_visible_only else {}
    return {"$or": [clause | visible for clause in clauses]}


def _concerned(
    event: Event, clinics: Sequence[str], assignments: Sequence[Assignment]
) -> Sequence[str]:
    if event.audience is Audience.PRINCIPAL:
        return clinics
    if event.audience is Audience.NAMED:
        named = set(event.clinics)
    else:
        named = {
            assignment.clinic
            for assignment in assignments
            if assignment.document == event.document
            and assignment.from_sequence <= event.sequence
            and (assignment.until_sequence is None or event.sequence <= assignment.until_sequence)
        }
    return [clinic for clinic in clinics if clinic in named]
