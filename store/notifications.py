"""What clinics are told: the events of a log that concern a clinic, found by index from its assignments. Nothing is written per clinic.

An event for all that have the document (`ASSIGNED`) concerns a clinic whose assignment covers its sequence number; one that names clinics
(`NAMED`) concerns those.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from store.assignments import Assignments
from store.database import Database
from store.history import History, event_cursor, read_cursor
from store.paging import Page, Paging, cut
from store.records import Assignment, Audience, Clinic, Event
from store.rows import event_from

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


class Notifications:
    """The inboxes of one registry, read only."""

    def __init__(self, database: Database, history: History, assignments: Assignments) -> None:
        self._database = database
        self._history = history
        self._assignments = assignments

    async def page(self, clinic: Clinic, paging: Paging, *, after_sequence: int = 0, resident_visible_only: bool = False) -> Page[Told]:
        """A page of what a clinic was told, newest first; only what came after `after_sequence`."""
        # Up to here, assignments and events tell the same though others write between the two reads.
        low, high = after_sequence + 1, await self._history.latest_sequence(clinic.principal)
        assignments = await self._assignments.of_clinics([clinic.key])
        if paging.after is not None:  # newest first: what comes after a cursor is older
            high = min(high, read_cursor(paging.after, clinic.principal, "after")[0] - 1)
        if paging.before is not None:
            low = max(low, read_cursor(paging.before, clinic.principal, "before")[0] + 1)
        where = _where(clinic.principal, [clinic.key], assignments, low, high, resident_visible_only=resident_visible_only)
        rows = await self._database.find("events", where, sort=[("sequence", 1 if paging.backward else -1)], limit=paging.limit + 1)
        told = [Told(clinic.key, event_from(row)) for row in rows]
        return cut(told, [item.cursor for item in told], paging)

    async def count(self, clinic: Clinic, *, after_sequence: int = 0, resident_visible_only: bool = False) -> int:
        """How many notifications a clinic has after a sequence number."""
        high = await self._history.latest_sequence(clinic.principal)
        assignments = await self._assignments.of_clinics([clinic.key])
        where = _where(clinic.principal, [clinic.key], assignments, after_sequence + 1, high, resident_visible_only=resident_visible_only)
        return await self._database.count("events", where)

    async def between(self, principal: str, clinics: Sequence[str], low: int, high: int, *, limit: int) -> list[tuple[Event, Sequence[str]]]:
        """Events from `low` to `high` (both included) that concern any of some clinics, oldest first, each with those it concerns."""
        assignments = await self._assignments.of_clinics(clinics)
        where = _where(principal, clinics, assignments, low, high, resident_visible_only=False)
        rows = await self._database.find("events", where, sort=[("sequence", 1)], limit=limit)
        return [(event, _concerned(event, clinics, assignments)) for event in map(event_from, rows)]

    async def concerned(self, event: Event, among: Sequence[str]) -> Sequence[str]:
        """Which of some clinics an event concerns, in the order given."""
        if event.audience is Audience.NONE:
            return ()
        if event.audience is Audience.NAMED:
            named = set(event.clinics)
        else:
            named = set(await self._assignments.clinics_with(event.document or "", event.sequence, among))
        return [clinic for clinic in among if clinic in named]


def _where(
    principal: str, clinics: Sequence[str], assignments: Sequence[Assignment], low: int, high: int, *, resident_visible_only: bool
) -> dict[str, Any]:
    """One clause per stretch of having a document, each answered by the index on (principal, document, audience, sequence)."""
    clauses: list[dict[str, Any]] = [
        {
            "principal": principal,
            "audience": str(Audience.NAMED),
            "clinics": {"$in": list(clinics)},
            "sequence": {"$gte": low, "$lte": high},
        }
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


def _concerned(event: Event, clinics: Sequence[str], assignments: Sequence[Assignment]) -> Sequence[str]:
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
