"""What clinics have, counted: by clinic, by case type, by the version that they have acknowledged;
now and at any moment.

What a clinic had acknowledged at a moment is nowhere kept, and follows from what is: how far it had
acknowledged its principal's log, and which
version was in force there. A test holds the two equal for the moment that is now.
"""

import asyncio
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from store.clinics.assignments import AssignmentFilter
from store.clinics.version_adoption import Adoptions
from store.mongo.connection import Database, Row
from store.records import Action, AssignmentOrigin, Audience

_PUT_IN_FORCE = [str(Action.PUBLISHED), str(Action.RESTORED)]


@dataclass(frozen=True, slots=True)
class Holding:
    """Clinics (keys) that have a document in the same way: it came at the same event, and they have
    acknowledged the same version of it.
    """

    principal: str
    document: str
    origin: AssignmentOrigin
    arrival: int
    acknowledged: int | None
    clinics: Sequence[str]


@dataclass(frozen=True, slots=True)
class InForce:
    """The version of a document in force at a moment, and when each version before it was last
    replaced by another.
    """

    version: int | None
    replaced: Mapping[int, datetime]


@dataclass(frozen=True, slots=True)
class _Change:
    sequence: int
    at: datetime
    before: int | None
    after: int


class Holdings:
    """What the clinics of one registry have."""

    def __init__(self, database: Database, adoptions: Adoptions) -> None:
        self._database = database
        self._adoptions = adoptions

    async def by_clinic(
        self, which: AssignmentFilter, moment: datetime | None
    ) -> Mapping[str, Mapping[AssignmentOrigin, int]]:
        """For each clinic that has any, how many documents it has by how they came there; at a
        moment, or now.
        """
        rows = await self._database.aggregate(
            "assignments",
            [
                {"$match": which.where(moment)},
                {
                    "$group": {
                        "_id": {"clinic": "$clinic", "origin": "$origin"},
                        "documents": {"$sum": 1},
                    }
                },
            ],
        )
        counts: dict[str, dict[AssignmentOrigin, int]] = defaultdict(dict)
        for row in rows:
            counts[row["_id"]["clinic"]][AssignmentOrigin(row["_id"]["origin"])] = row["documents"]
        return counts

    async def of(self, which: AssignmentFilter, moment: datetime | None) -> Sequence[Holding]:
        """Who has what, and which version they have acknowledged; at a moment, or now."""
        alike = {
            "principal": "$principal",
            "document": "$document",
            "origin": "$origin",
            "arrival": "$arrival",
        }
        if moment is None:
            alike["acknowledged"] = "$acknowledged_version"
        rows = await self._database.aggregate(
            "assignments",
            [
                {"$match": which.where(moment)},
                {"$group": {"_id": alike, "clinics": {"$push": "$clinic"}}},
            ],
        )
        found = [_holding(row) for row in rows]
        return found if moment is None else await self._as_acknowledged(found, moment)

    async def in_force(
        self, holdings: Sequence[Holding], moment: datetime | None
    ) -> Mapping[str, InForce]:
        """Of each document that is held, the version in force and when those acknowledged were
        replaced; at a moment, or now.
        """
        documents = sorted({holding.document for holding in holdings})
        if moment is not None:
            changes = await self._changes(documents, moment)
            return {document: _in_force(changes[document]) for document in documents}
        rows = await self._database.find(
            "documents", {"_id": {"$in": documents}}, projection={"published": 1}
        )
        published = {row["_id"]: row["published"] for row in rows}
        replaced: dict[str, dict[int, datetime]] = defaultdict(dict)
        behind = {
            (one.document, one.acknowledged)
            for one in holdings
            if one.acknowledged not in (None, published[one.document])
        }
        found = await self._adoptions.replaced(
            (document, version) for document, version in behind if version is not None
        )
        for (document, version), at in found.items():
            replaced[document][version] = at
        return {
            document: InForce(published[document], replaced[document]) for document in documents
        }

    async def arrived(self, holdings: Iterable[Holding]) -> Mapping[tuple[str, int], datetime]:
        """By (principal, arrival) when it was."""
        ids = sorted({f"ev_{holding.principal}.{holding.arrival}" for holding in holdings})
        # Such an event may name thousands of clinics, which are not needed here.
        rows = await self._database.find(
            "events", {"_id": {"$in": ids}}, projection={"principal": 1, "sequence": 1, "at": 1}
        )
        return {(row["principal"], row["sequence"]): row["at"] for row in rows}

    async def _as_acknowledged(
        self, holdings: Sequence[Holding], moment: datetime
    ) -> Sequence[Holding]:
        """Holdings parted by the version that each clinic had acknowledged at a moment: the one in
        force where it had come to in the log.
        """
        changes = await self._changes(sorted({holding.document for holding in holdings}), moment)
        reached = await self._reached(
            {clinic for holding in holdings for clinic in holding.clinics}, moment
        )
        parted = []
        for holding in holdings:
            puts = changes[holding.document]
            sequences = [change.sequence for change in puts]
            clinics: dict[int | None, list[str]] = defaultdict(list)
            for clinic in holding.clinics:
                position = reached.get(clinic, 0)
                place = bisect_right(sequences, position) if position >= holding.arrival else 0
                clinics[puts[place - 1].after if place else None].append(clinic)
            await asyncio.sleep(0)  # it may be thousands of clinics: others are served in between
            parted += [
                replace(holding, acknowledged=version, clinics=keys)
                for version, keys in clinics.items()
            ]
        return parted

    async def _reached(self, clinics: Iterable[str], moment: datetime) -> Mapping[str, int]:
        """How far each clinic had acknowledged its principal's log at a moment, where it had at
        all.
        """
        last = [
            {"$match": {"at": {"$lte": moment}}},
            {"$sort": {"up_to": -1}},
            {"$limit": 1},
            {"$project": {"_id": 0, "up_to": 1}},
        ]
        rows = await self._database.aggregate(
            "clinics",
            [
                {"$match": {"_id": {"$in": sorted(clinics)}, "acknowledged": {"$gt": 0}}},
                {"$project": {"_id": 1}},
                {
                    "$lookup": {
                        "from": "acknowledgements",
                        "localField": "_id",
                        "foreignField": "clinic",
                        "pipeline": last,
                        "as": "last",
                    }
                },
                {"$unwind": "$last"},
            ],
        )
        return {row["_id"]: row["last"]["up_to"] for row in rows}

    async def _changes(
        self, documents: Sequence[str], moment: datetime
    ) -> Mapping[str, Sequence[_Change]]:
        """For each document, oldest first, the events that put another version in force, up to a
        moment.
        """
        rows = await self._database.find(
            "events",
            {
                "document": {"$in": documents},
                "audience": str(Audience.ASSIGNED),
                "action": {"$in": _PUT_IN_FORCE},
                "at": {"$lte": moment},
            },
            projection={
                "document": 1,
                "sequence": 1,
                "at": 1,
                "published_before": 1,
                "published_after": 1,
            },
        )
        changes: dict[str, list[_Change]] = defaultdict(list)
        for row in sorted(rows, key=lambda row: row["sequence"]):
            if row["published_before"] != row["published_after"]:
                changes[row["document"]].append(
                    _Change(
                        row["sequence"], row["at"], row["published_before"], row["published_after"]
                    )
                )
        return changes


def _holding(row: Row) -> Holding:
    alike = row["_id"]
    origin = AssignmentOrigin(alike["origin"])
    return Holding(
        alike["principal"],
        alike["document"],
        origin,
        alike["arrival"],
        alike.get("acknowledged"),
        row["clinics"],
    )


def _in_force(changes: Sequence[_Change]) -> InForce:
    replaced = {change.before: change.at for change in changes if change.before is not None}
    return InForce(changes[-1].after if changes else None, replaced)
