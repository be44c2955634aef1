"""How long clinics take to acknowledge publications.

It is computed from the publications in a log, the clinics that had the document at each of them,
and the clinics' acknowledgements. A publication here is an event that changes the published version
of a document.
"""

from array import array
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from store.clinics.filters import ClinicScope
from store.mongo.connection import Database, Row
from store.records import Action, Audience

_PUBLISHING_ACTIONS = [str(Action.PUBLISHED), str(Action.RESTORED)]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class PublicationEvent:
    """An event that changed the published version of a document.

    Attributes:
        principal: Key of the principal whose log has the event.
        document: The document's id.
        sequence: The event's sequence number.
        at: Its time, in milliseconds since 1970.
    """

    principal: str
    document: str
    sequence: int
    at: int


@dataclass(frozen=True, slots=True)
class HeldInterval:
    """Clinics (keys) that had a document between two events of its log, both included.

    `last` is None while they still have it.
    """

    first: int
    last: int | None
    clinics: Sequence[str]


@dataclass(frozen=True, slots=True)
class ClinicAcknowledgements:
    """A clinic's acknowledgements, oldest first.

    Attributes:
        up_to: The sequence number that each acknowledgement covers.
        at: The time of each, in milliseconds since 1970.
    """

    up_to: Sequence[int]
    at: Sequence[int]


@dataclass(slots=True)
class Delays:
    """Acknowledgement times.

    Attributes:
        taken: Milliseconds, one value for each publication and clinic that acknowledged it.
        pending: How many pairs of publication and clinic are not acknowledged yet.
    """

    taken: "array[int]" = field(default_factory=lambda: array("q"))
    pending: int = 0


class AcknowledgementTimes:
    """The acknowledgement times of one registry's clinics."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def publications(
        self,
        principal: str,
        since: datetime,
        until: datetime,
        documents: Sequence[str] | None,
        limit: int,
    ) -> list[PublicationEvent]:
        """Return the publications in a log that notified clinics, oldest first.

        Args:
            principal: Key of the principal whose log is read.
            since: Publications are not earlier.
            until: Publications are earlier.
            documents: Only these documents; None for all.
            limit: The maximum number of publications.
        """
        low, high = [await self._last_before(principal, time) for time in (since, until)]
        chosen = {} if documents is None else {"document": {"$in": list(documents)}}
        rows = await self._database.find(
            "events",
            {
                "principal": principal,
                "action": {"$in": _PUBLISHING_ACTIONS},
                "sequence": {"$gt": low, "$lte": high},
                "audience": str(Audience.ASSIGNED),
                "$expr": {"$ne": ["$published_before", "$published_after"]},
                **chosen,
            },
            sort=[("sequence", 1)],
            limit=limit,
            projection={"document": 1, "sequence": 1, "at": 1},
        )
        return [
            PublicationEvent(principal, row["document"], row["sequence"], _milliseconds(row["at"]))
            for row in rows
        ]

    async def _last_before(self, principal: str, time: datetime) -> int:
        row = await self._database.find_one(
            "events",
            {"principal": principal, "at": {"$lt": time}},
            sort=[("at", -1), ("sequence", -1)],
            projection={"sequence": 1, "_id": 0},
        )
        return row["sequence"] if row else 0

    async def held_intervals(
        self,
        publications: Sequence[PublicationEvent],
        reach: ClinicScope,
        clinics: Sequence[str] | None,
    ) -> Mapping[str, Sequence[HeldInterval]]:
        """Return which clinics had the published documents meanwhile, by document.

        Args:
            publications: Publications in one principal's log, oldest first; at least one.
            reach: The clinics that the viewer may read.
            clinics: Only these clinics (keys); None for all.
        """
        # One condition for all documents: with one per document, MongoDB reads many ranges of the
        # index, which takes longer than reading some rows that do not match.
        meanwhile = {
            "document": {"$in": sorted({event.document for event in publications})},
            "from_sequence": {"$lte": publications[-1].sequence},
            "$or": [
                {"until_sequence": None},
                {"until_sequence": {"$gte": publications[0].sequence}},
            ],
        }
        readable: Row = {"principal": {"$in": sorted(reach.principals)}}
        if reach.clinics:
            readable = {"$or": [readable, {"clinic": {"$in": sorted(reach.clinics)}}]}
        chosen = [] if clinics is None else [{"clinic": {"$in": list(clinics)}}]
        interval = {"document": "$document", "first": "$from_sequence", "last": "$until_sequence"}
        rows = await self._database.aggregate(
            "assignments",
            [
                {"$match": {"$and": [meanwhile, readable, *chosen]}},
                {"$group": {"_id": interval, "clinics": {"$push": "$clinic"}}},
            ],
        )
        intervals: dict[str, list[HeldInterval]] = defaultdict(list)
        for row in rows:
            intervals[row["_id"]["document"]].append(
                HeldInterval(row["_id"]["first"], row["_id"]["last"], row["clinics"])
            )
        return intervals

    async def acknowledgements(
        self, clinics: Iterable[str], after: int
    ) -> Mapping[str, ClinicAcknowledgements]:
        """Return the acknowledgements of one principal's clinics, by clinic.

        Args:
            clinics: Their keys.
            after: Only acknowledgements that cover the event with this sequence number.
        """
        rows = await self._database.aggregate(
            "acknowledgements",
            [
                {"$match": {"clinic": {"$in": sorted(set(clinics))}, "up_to": {"$gte": after}}},
                {"$sort": {"clinic": 1, "up_to": 1}},
                {
                    "$group": {
                        "_id": "$clinic",
                        "up_to": {"$push": "$up_to"},
                        "at": {"$push": {"$toLong": "$at"}},
                    }
                },
            ],
        )
        return {row["_id"]: ClinicAcknowledgements(row["up_to"], row["at"]) for row in rows}


def measure(
    delays: Delays,
    publication: PublicationEvent,
    intervals: Sequence[HeldInterval],
    acknowledgements: Mapping[str, ClinicAcknowledgements],
    among: frozenset[str] | None = None,
) -> None:
    """Add the acknowledgement times of one publication to others.

    Args:
        delays: The times to add to.
        publication: The publication of a document.
        intervals: Which clinics had that document, and when.
        acknowledgements: By clinic.
        among: Only these clinics (keys); None for all.
    """
    clinics: set[str] = set()
    for interval in intervals:
        if interval.first <= publication.sequence and (
            interval.last is None or publication.sequence <= interval.last
        ):
            clinics.update(
                interval.clinics if among is None else among.intersection(interval.clinics)
            )
    for clinic in clinics:
        done = acknowledgements.get(clinic)
        index = bisect_left(done.up_to, publication.sequence) if done else 0
        if done is None or index == len(done.up_to):
            delays.pending += 1
        else:
            delays.taken.append(done.at[index] - publication.at)


def _milliseconds(time: datetime) -> int:
    return (time - _EPOCH) // timedelta(milliseconds=1)
