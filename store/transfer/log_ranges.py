"""Ranges of a principal's log, and the MongoDB filters for what belongs to one.

Rows that hold for an interval of the log name the events that open and close it (`from_sequence`,
`until_sequence`). So they are read as they were at the end of a range, however long reading takes.
"""

from dataclasses import dataclass

from store.clinics.assignments import AssignmentFilter
from store.log.event_filters import EventFilter
from store.mongo.connection import Row


@dataclass(frozen=True, slots=True)
class LogRange:
    """Part of a principal's log, by the sequence numbers of its events.

    Attributes:
        principal: The key of the principal.
        last: The last event in the range.
        newest: The log's last event when the export started. Nothing later is exported.
        after: The event before the range; None for everything that holds at its end, however old.
    """

    principal: str
    last: int
    newest: int
    after: int | None = None


@dataclass(frozen=True, slots=True)
class RangeChanges:
    """What the events of a range changed.

    Attributes:
        documents: Documents whose published content or state changed, or that were assigned to or
            withdrawn from all clinics at once. By id.
        at_clinics: Documents that were only assigned to or withdrawn from some clinics. By id.
        clinics: Clinics whose own data changed, or that acknowledged. By key.
        policies: Whether the principal's policies changed. Every clinic's case types depend on
            them.
    """

    documents: frozenset[str]
    at_clinics: frozenset[str]
    clinics: frozenset[str]
    policies: bool


def events_in(log_range: LogRange, which: EventFilter) -> Row:
    """The filter for the events of a range that match."""
    return {
        "$and": [
            which.where(log_range.principal),
            {"sequence": {"$gt": log_range.after or 0, "$lte": log_range.last}},
        ]
    }


def assignments_in(
    log_range: LogRange, which: AssignmentFilter, changes: RangeChanges | None
) -> Row:
    """The filter for assignments that hold at the end of a range.

    With `changes`, only those of them that changed in the range, and those that ended in it.
    """
    started: Row = {"principal": log_range.principal, "from_sequence": {"$lte": log_range.last}}
    holds = _open_after(log_range.last)
    if changes is None or log_range.after is None:
        return {"$and": [started, holds, which.conditions()]}
    changed: list[Row] = [
        {
            "$or": [
                {"from_sequence": {"$gt": log_range.after}},
                {"until_sequence": {"$gt": log_range.after}},
            ]
        },
        {"document": {"$in": sorted(changes.documents)}, **holds},
        {"clinic": {"$in": sorted(changes.clinics)}, **holds},
    ]
    candidates: list[Row] = []
    if changes.policies:
        changed.append(holds)
    else:
        # Implied by the other conditions: it lets MongoDB use the indexes.
        documents = sorted(changes.documents | changes.at_clinics)
        candidates = [
            {
                "$or": [
                    {"document": {"$in": documents}},
                    {"clinic": {"$in": sorted(changes.clinics)}},
                ]
            }
        ]
    # A row that ended before the range is left out. One that started and ended in it is included.
    return {
        "$and": [
            started,
            _open_after(log_range.after),
            *candidates,
            {"$or": changed},
            which.conditions(),
        ]
    }


def clinic_states_at(log_range: LogRange, clinics: list[str]) -> Row:
    """The filter for the states of some clinics, by key, at the end of a range."""
    return {
        "clinic": {"$in": clinics},
        "from_sequence": {"$lte": log_range.last},
        **_open_after(log_range.last),
    }


def _open_after(sequence: int) -> Row:
    return {"$or": [{"until_sequence": None}, {"until_sequence": {"$gt": sequence}}]}
