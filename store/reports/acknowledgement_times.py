"""How long clinics take to acknowledge what was put in force: publications, who was told of them,
and when they had read so far.
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

_PUT_IN_FORCE = [str(Action.PUBLISHED), str(Action.RESTORED)]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Publication:
    """A version of a document put in force, at an event of a principal's log; the time in
    milliseconds since 1970.
    """

    principal: str
    document: str
    sequence: int
    at: int


@dataclass(frozen=True, slots=True)
class Told:
    """Clinics (keys) that had a document from one event to another, both included; to the end of
    the log without another.
    """

    first: int
    last: int | None
    clinics: Sequence[str]


@dataclass(frozen=True, slots=True)
class Read:
    """How far a clinic had read its principal's log at its acknowledgements, oldest first, and
    when, in milliseconds since 1970.
    """

    up_to: Sequence[int]
    at: Sequence[int]


@dataclass(slots=True)
class Delays:
    """How long clinics took, in milliseconds, one for each publication and clinic that acknowledged
    it; and how many have not.
    """

    taken: "array[int]" = field(default_factory=lambda: array("q"))
    pending: int = 0


class Readings:
    """When the clinics of one registry read what they were told."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def publications(
        self,
        principal: str,
        since: datetime,
        until: datetime,
        documents: Sequence[str] | None,
        limit: int,
    ) -> list[Publication]:
        """The publications in a principal's log that clinics are told of, from a moment on and
        before another, oldest first.

        Args:
            principal: Whose log.
            since: The first moment.
            until: The first moment not any more.
            documents: These documents only.
            limit: Most to read.
        """
        low, high = [await self._last_before(principal, time) for time in (since, until)]
        some = {} if documents is None else {"document": {"$in": list(documents)}}
        rows = await self._database.find(
            "events",
            {
                "principal": principal,
                "action": {"$in": _PUT_IN_FORCE},
                "sequence": {"$gt": low, "$lte": high},
                "audience": str(Audience.ASSIGNED),
                "$expr": {"$ne": ["$published_before", "$published_after"]},
                **some,
            },
            sort=[("sequence", 1)],
            limit=limit,
            projection={"document": 1, "sequence": 1, "at": 1},
        )
        return [
            Publication(principal, row["document"], row["sequence"], _milliseconds(row["at"]))
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

    async def told(
        self, publications: Sequence[Publication], reach: ClinicScope, clinics: Sequence[str] | None
    ) -> Mapping[str, Sequence[Told]]:
        """For each document the clinics that had it meanwhile.

        Args:
            publications: In the log of one principal, oldest first.
            reach: The clinics that are read.
            clinics: Of these only, where some are named.
        """
        # Told apart by document it would be read by many ways through the index, which takes longer
        # than leaving out some.
        meanwhile = {
            "document": {"$in": sorted({one.document for one in publications})},
            "from_sequence": {"$lte": publications[-1].sequence},
            "$or": [
                {"until_sequence": None},
                {"until_sequence": {"$gte": publications[0].sequence}},
            ],
        }
        whose: Row = {"principal": {"$in": sorted(reach.principals)}}
        if reach.clinics:
            whose = {"$or": [whose, {"clinic": {"$in": sorted(reach.clinics)}}]}
        some = [] if clinics is None else [{"clinic": {"$in": list(clinics)}}]
        alike = {"document": "$document", "first": "$from_sequence", "last": "$until_sequence"}
        rows = await self._database.aggregate(
            "assignments",
            [
                {"$match": {"$and": [meanwhile, whose, *some]}},
                {"$group": {"_id": alike, "clinics": {"$push": "$clinic"}}},
            ],
        )
        found: dict[str, list[Told]] = defaultdict(list)
        for row in rows:
            found[row["_id"]["document"]].append(
                Told(row["_id"]["first"], row["_id"]["last"], row["clinics"])
            )
        return found

    async def read(self, clinics: Iterable[str], after: int) -> Mapping[str, Read]:
        """The acknowledgements of clinics of one principal that cover an event of its log or a
        later one.
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
        return {row["_id"]: Read(row["up_to"], row["at"]) for row in rows}


def measure(
    delays: Delays,
    publication: Publication,
    told: Sequence[Told],
    read: Mapping[str, Read],
    among: frozenset[str] | None = None,
) -> None:
    """Add how long each clinic that was told of a publication took to acknowledge it.

    Args:
        delays: What to add to.
        publication: Of a document.
        told: Who had that document, and when.
        read: What clinics have acknowledged.
        among: Only these clinics.
    """
    clinics: set[str] = set()
    for one in told:
        if one.first <= publication.sequence and (
            one.last is None or publication.sequence <= one.last
        ):
            clinics.update(one.clinics if among is None else among.intersection(one.clinics))
    for clinic in clinics:
        done = read.get(clinic)
        place = bisect_left(done.up_to, publication.sequence) if done else 0
        if done is None or place == len(done.up_to):
            delays.pending += 1
        else:
            delays.taken.append(done.at[place] - publication.at)


def _milliseconds(time: datetime) -> int:
    return (time - _EPOCH) // timedelta(milliseconds=1)
