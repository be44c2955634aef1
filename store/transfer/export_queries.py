"""Reads the lists that exports consist of, in batches: any length in constant memory.

Each batch is a page by keyset, so MongoDB keeps no cursor open while a slow client reads. Each list
is of one principal's log, up to one of its events (`LogRange`).
"""

from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from datetime import datetime

from store.clinics.assignments import AssignmentFilter
from store.log.event_filters import EventFilter
from store.mongo.connection import Database, Query, Row
from store.mongo.rows import assignment_from, clinic_from, document_from, event_from
from store.records import Action, Assignment, Audience, Clinic, Document, Event
from store.transfer.keyset_batches import batches, converted
from store.transfer.log_ranges import (
    LogRange,
    RangeChanges,
    assignments_in,
    clinic_states_at,
    events_in,
)

_EVENT_BATCH = 20
"""An event may name all clinics of a region."""
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

ReleasingEvent = tuple[Event, int | None]
"""An event, and the number of the version that it published for the first time."""


class ExportQueries:
    """The read-only queries of exports over one registry."""

    def __init__(self, database: Database) -> None:
        self._database = database

    # ---------------------------------------------------------------- positions in logs

    async def last_changes(self, up_to: Mapping[str, int]) -> Mapping[str, int]:
        """Find the last event of each log that is not itself an export.

        Args:
            up_to: The last event to look at, by the principal's key.

        Returns:
            Its sequence number by the principal's key; 0 where there is none.
        """
        keys = sorted(up_to)
        queries = [
            Query(
                {
                    "principal": key,
                    "sequence": {"$lte": up_to[key]},
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
        """Read the times of events, given by principal and sequence number, one of each log.

        Returns:
            Times by the principal's key; events that do not exist are missing.
        """
        ids = [f"ev_{principal}.{sequence}" for principal, sequence in positions]
        rows = await self._database.find(
            "events", {"_id": {"$in": ids}}, projection={"principal": 1, "at": 1}
        )
        return {row["principal"]: row["at"] for row in rows}

    async def changes(self, log_range: LogRange) -> RangeChanges:
        """Find what the events of a range changed."""
        documents: set[str] = set()
        at_clinics: set[str] = set()
        clinics: set[str] = set()
        policies = False
        where = {
            "principal": log_range.principal,
            "sequence": {"$gt": log_range.after or 0, "$lte": log_range.last},
        }
        named_clinics = {
            "$cond": [{"$in": ["$action", [str(action) for action in _OF_CLINICS]]}, "$clinics", []]
        }
        projection = {
            "sequence": 1,
            "action": 1,
            "document": 1,
            "audience": 1,
            "clinics": named_clinics,
        }
        async for rows in batches(
            self._database, "events", where, ("sequence",), projection=projection
        ):
            for row in rows:
                if row["action"] in _OF_CLINICS:
                    clinics.update(row["clinics"])
                if row["document"] is not None:
                    changed = at_clinics if row["audience"] == Audience.NAMED else documents
                    changed.add(row["document"])
                policies = policies or row["action"] == Action.POLICIES_CHANGED
        return RangeChanges(
            frozenset(documents),
            frozenset(at_clinics - documents),
            frozenset(clinics),
            policies,
        )

    # ---------------------------------------------------------------- assignments and events

    def assignments(
        self,
        log_range: LogRange,
        which: AssignmentFilter,
        changes: RangeChanges | None,
        after: Assignment | None,
    ) -> AsyncIterator[list[Assignment]]:
        """Read assignments in batches, by clinic, then case type: see `assignments_in`.

        Args:
            log_range: The range of the log.
            which: Which assignments.
            changes: What changed in the range; None for all that hold at its end.
            after: Start after this assignment.
        """
        key = None if after is None else (after.clinic, after.document, after.id)
        return converted(
            batches(
                self._database,
                "assignments",
                assignments_in(log_range, which, changes),
                ("clinic", "document", "_id"),
                after=key,
            ),
            assignment_from,
        )

    async def count_assignments(
        self, log_range: LogRange, which: AssignmentFilter, changes: RangeChanges | None
    ) -> int:
        """Count what `assignments` reads."""
        return await self._database.count("assignments", assignments_in(log_range, which, changes))

    def events(
        self, log_range: LogRange, which: EventFilter, after: int | None
    ) -> AsyncIterator[list[ReleasingEvent]]:
        """Read the events of a range that match, in batches, in order.

        Args:
            log_range: The range of the log.
            which: Which events.
            after: Start after this sequence number.
        """
        return converted(
            batches(
                self._database,
                "events",
                events_in(log_range, which),
                ("sequence",),
                after=None if after is None else (after,),
                size=_EVENT_BATCH,
            ),
            _releasing_event,
        )

    async def count_events(self, log_range: LogRange, which: EventFilter) -> int:
        """Count what `events` reads."""
        if which == EventFilter():
            return log_range.last - (log_range.after or 0)
        return await self._database.count("events", events_in(log_range, which))

    # ---------------------------------------------------------------- versions

    def version_events(
        self, log_range: LogRange, document: str | None, after: int | None
    ) -> AsyncIterator[list[ReleasingEvent]]:
        """Read the events of a range that may have made or published versions.

        As `events`, of one document or all, but without the clinics that the events name.
        """
        where = events_in(log_range, EventFilter(actions=_MAKES_VERSIONS, document=document))
        return converted(
            batches(
                self._database,
                "events",
                where,
                ("sequence",),
                after=None if after is None else (after,),
                projection={"clinics": 0},
            ),
            lambda row: _releasing_event(row | {"clinics": []}),
        )

    async def made_by(self, events: Sequence[Event]) -> Mapping[int, int]:
        """Find which events made a version: its number, by the event's sequence number."""
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
        """Find the event that published a version for the first time.

        Returns:
            The principal's key and the sequence number; None if it was never published.
        """
        row = await self._database.find_one(
            "events",
            {"document": document, "released": number},
            projection={"principal": 1, "sequence": 1},
        )
        return (row["principal"], row["sequence"]) if row else None

    # ---------------------------------------------------------------- clinics

    async def clinics(
        self, log_range: LogRange, among: Sequence[str] | None, after: str | None
    ) -> AsyncIterator[list[Clinic]]:
        """Read a principal's clinics in batches, by key, as they were at the end of a range.

        Args:
            log_range: The range of the log.
            among: Only these clinics, by key; None for all.
            after: Start after this key.
        """
        where: Row = {"principal": log_range.principal}
        if among is not None:
            where["_id"] = {"$in": list(among)}
        async for rows in batches(
            self._database,
            "clinics",
            where,
            ("_id",),
            after=None if after is None else (after,),
            projection={"_id": 1},
        ):
            states = await self.clinics_at(log_range, [row["_id"] for row in rows])
            yield [states[row["_id"]] for row in rows if row["_id"] in states]

    async def clinics_at(self, log_range: LogRange, keys: Iterable[str]) -> Mapping[str, Clinic]:
        """Read clinics by key, as they were at the end of a range."""
        rows = await self._database.find(
            "clinic_states", clinic_states_at(log_range, sorted(set(keys)))
        )
        return {row["clinic"]: clinic_from(row["as_was"]) for row in rows}

    async def clinics_ending(self, principal: str, after: datetime, up_to: datetime) -> list[str]:
        """Find the keys of a principal's clinics that end after one time, up to another."""
        rows = await self._database.find(
            "clinics",
            {"principal": principal, "end_date": {"$gt": after, "$lte": up_to}},
            projection={"_id": 1},
        )
        return [row["_id"] for row in rows]

    async def last_end(self, principals: Collection[str], up_to: datetime) -> datetime | None:
        """Find the latest end date, up to a time, of any clinic of some principals."""
        where = {"principal": {"$in": sorted(principals)}, "end_date": {"$lte": up_to}}
        row = await self._database.find_one(
            "clinics", where, sort=[("end_date", -1)], projection={"end_date": 1}
        )
        return row["end_date"] if row else None

    # ---------------------------------------------------------------- documents

    def own_documents(
        self, principal: str, kinds: Sequence[str], document: str | None
    ) -> AsyncIterator[list[Document]]:
        """Read documents that a principal owns and has ever published, in batches, by id.

        Args:
            principal: Its key.
            kinds: Names of kinds.
            document: Only this document, by id; None for all.

        Returns:
            Heads without content.
        """
        where: Row = {
            "owner.key": principal,
            "kind": {"$in": list(kinds)},
            "published": {"$ne": None},
        }
        if document is not None:
            where["_id"] = {"$eq": document}
        return converted(
            batches(self._database, "documents", where, ("_id",), projection=_NO_CONTENT), _head
        )

    async def heads(self, ids: Iterable[str]) -> Mapping[str, Document]:
        """Read heads by id, without their content. Documents that do not exist are missing."""
        rows = await self._database.find(
            "documents", {"_id": {"$in": sorted(set(ids))}}, projection=_NO_CONTENT
        )
        return {row["_id"]: _head(row) for row in rows}


def _releasing_event(row: Row) -> ReleasingEvent:
    return event_from(row), row.get("released")


def _head(row: Row) -> Document:
    return document_from(row | {"content": {}, "published_content": None})
