"""The notifications of clinics: the events of a log that concern a clinic.

They are found by index from the clinic's assignments; nothing is written per clinic.

- An event with audience `ASSIGNED` concerns each clinic with an assignment of the document that
  covers the event's sequence number.
- An event with audience `NAMED` concerns the clinics that it names.
- An event with audience `PRINCIPAL` concerns every clinic of the principal, and also those that
  join later, because the document applies to them too.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from store.clinics.assignments import Assignments, Clinics
from store.log.cursors import Position, event_cursor, read_cursor
from store.log.history import History
from store.mongo.connection import Database, Query
from store.mongo.rows import event_from
from store.paging import Page, Paging, cut
from store.records import Assignment, Audience, Event

_NEVER = 2**62


@dataclass(frozen=True, slots=True)
class ClinicEvent:
    """One event for one clinic that it concerns; `clinic` is a key."""

    clinic: str
    event: Event

    @property
    def cursor(self) -> str:
        """The cursor of the event in the log, with the clinic.

        The clinic is part of it because one event may be delivered to several clinics.
        """
        return event_cursor(self.event, self.clinic)


@dataclass(frozen=True, slots=True)
class Inbox:
    """A query for a page of a clinic's notifications.

    Attributes:
        clinic: The clinic's key.
        principal: The key of its principal.
        paging: The page.
        after_sequence: Only events with a higher sequence number.
        resident_visible_only: Only events that changed something that residents see.
    """

    clinic: str
    principal: str
    paging: Paging = field(default_factory=Paging)
    after_sequence: int = 0
    resident_visible_only: bool = False


@dataclass(frozen=True, slots=True)
class EventBatch:
    """A batch of events that a subscriber has to receive.

    Attributes:
        events: Each event with the keys of the clinics that it concerns, oldest first.
        end: The position of a reader that has read them.
    """

    events: Sequence[tuple[Event, Sequence[str]]]
    end: Position


class Notifications:
    """Reads the notifications of one registry's clinics."""

    def __init__(self, database: Database, history: History, assignments: Assignments) -> None:
        self._database = database
        self._history = history
        self._assignments = assignments

    async def pages(self, inboxes: Iterable[Inbox]) -> Mapping[Inbox, Page[ClinicEvent]]:
        """Return a page of each inbox, newest first.

        Raises:
            InvalidInput: A cursor cannot be read, or belongs to another log; code `INVALID_CURSOR`.
        """
        keys = list(dict.fromkeys(inboxes))
        queries = [
            Query(where, [("sequence", 1 if key.paging.backward else -1)], key.paging.limit + 1)
            for key, where in zip(keys, await self._wheres(keys), strict=True)
        ]
        pages = {}
        for key, rows in zip(keys, await self._database.find_each("events", queries), strict=True):
            events = [ClinicEvent(key.clinic, event_from(row)) for row in rows]
            pages[key] = cut(events, [event.cursor for event in events], key.paging)
        return pages

    async def count(self, inbox: Inbox) -> int:
        """Return the number of notifications in an inbox, ignoring the page."""
        [where] = await self._wheres([replace(inbox, paging=Paging())])
        return await self._database.count("events", where)

    async def _wheres(self, keys: Sequence[Inbox]) -> list[dict[str, Any]]:
        # Up to these numbers, assignments and events agree, although other callers may write
        # between the two reads.
        newest = await self._history.latest_sequences(key.principal for key in keys)
        assignments: dict[str, list[Assignment]] = {key.clinic: [] for key in keys}
        for assignment in await self._assignments.of_clinics(assignments):
            assignments[assignment.clinic].append(assignment)
        wheres = []
        for key in keys:
            low, high = key.after_sequence + 1, newest.get(key.principal, 0)
            if key.paging.after is not None:  # newest first: events after a cursor are older
                high = min(high, read_cursor(key.paging.after, key.principal, "after").sequence - 1)
            if key.paging.before is not None:
                low = max(low, read_cursor(key.paging.before, key.principal, "before").sequence + 1)
            wheres.append(
                _where(
                    key.principal,
                    [key.clinic],
                    assignments[key.clinic],
                    low,
                    high,
                    resident_visible_only=key.resident_visible_only,
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
    ) -> EventBatch:
        """Return the events of a log that concern some clinics, after a position.

        Args:
            principal: Key of the principal whose log is read.
            clinics: Keys of the clinics, sorted.
            position: The position that the clinics have read up to.
            horizon: The sequence number of the last event to read.
            limit: The maximum number of events to read.

        Returns:
            The events up to and including `horizon`, with the position after them. With more than
            `limit` events, the range ends earlier.
        """
        events: list[tuple[Event, Sequence[str]]] = []
        if position.clinic is not None:
            for event, concerned in await self._between(
                principal, clinics, position.sequence, position.sequence, limit=1
            ):
                events.append((event, [clinic for clinic in concerned if clinic > position.clinic]))
        if position.sequence >= horizon:
            return EventBatch(events, Position(position.sequence))
        found = await self._between(principal, clinics, position.sequence + 1, horizon, limit=limit)
        return EventBatch(
            [*events, *found], Position(found[-1][0].sequence if len(found) == limit else horizon)
        )

    async def _between(
        self, principal: str, clinics: Sequence[str], low: int, high: int, *, limit: int
    ) -> list[tuple[Event, Sequence[str]]]:
        assignments = await self._assignments.of_clinics(clinics)
        where = _where(principal, clinics, assignments, low, high, resident_visible_only=False)
        rows = await self._database.find("events", where, sort=[("sequence", 1)], limit=limit)
        return [(event, _concerned(event, clinics, assignments)) for event in map(event_from, rows)]

    async def concerned(self, event: Event, among: Clinics) -> list[str]:
        """Return the keys of those clinics among some that an event concerns, sorted."""
        if event.audience is Audience.NONE or not among:
            return []
        if event.audience is Audience.NAMED:
            return sorted({clinic for clinic in event.clinics if clinic in among})
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
    """Return MongoDB's filter for the events from `low` to `high` that concern some clinics.

    It has one clause for each assignment. The index on (document, audience, sequence) answers it.
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
            # Always true, but not in the index: with it this clause reads rows as the others do,
            # and no row is read twice.
            "clinics": {"$size": 0},
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
    """Return those of some clinics that an event concerns, in their order."""
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
