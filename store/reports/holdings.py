"""Counts of the documents that clinics have, now and at any moment.

They are counted by clinic, by document and by the version that clinics have acknowledged.

The version that a clinic had acknowledged at a past moment is not stored. It is derived from how
far the clinic had acknowledged its principal's log, and which version was published there. A test
checks that the derivation agrees with the stored version for the current moment.
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

_PUBLISHING_ACTIONS = [str(Action.PUBLISHED), str(Action.RESTORED)]


@dataclass(frozen=True, slots=True)
class Holding:
    """Clinics that have a document alike.

    Attributes:
        principal: Key of the principal whose log has the document.
        document: The document's id.
        origin: How the document came to the clinics.
        arrival: The sequence number of the event at which it came.
        acknowledged: The version that they have acknowledged; None for none.
        clinics: Their keys.
    """

    principal: str
    document: str
    origin: AssignmentOrigin
    arrival: int
    acknowledged: int | None
    clinics: Sequence[str]


@dataclass(frozen=True, slots=True)
class PublishedVersion:
    """The published version of a document at a moment.

    Attributes:
        version: Its number; None for none.
        replaced: When earlier versions were last replaced by another, by number.
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
    """The documents that the clinics of one registry have."""

    def __init__(self, database: Database, adoptions: Adoptions) -> None:
        self._database = database
        self._adoptions = adoptions

    async def by_clinic(
        self, which: AssignmentFilter, moment: datetime | None
    ) -> Mapping[str, Mapping[AssignmentOrigin, int]]:
        """Return the number of documents by clinic and origin; without a moment, of now.

        Clinics without documents are left out.
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
        """Return which clinics have which documents; without a moment, those of now."""
        group = {
            "principal": "$principal",
            "document": "$document",
            "origin": "$origin",
            "arrival": "$arrival",
        }
        if moment is None:
            group["acknowledged"] = "$acknowledged_version"
        rows = await self._database.aggregate(
            "assignments",
            [
                {"$match": which.where(moment)},
                {"$group": {"_id": group, "clinics": {"$push": "$clinic"}}},
            ],
        )
        found = [_holding(row) for row in rows]
        return found if moment is None else await self._as_acknowledged(found, moment)

    async def in_force(
        self, holdings: Sequence[Holding], moment: datetime | None
    ) -> Mapping[str, PublishedVersion]:
        """Return the published version of each held document, at a moment or now.

        It also has the times at which the acknowledged versions were replaced.
        """
        documents = sorted({holding.document for holding in holdings})
        if moment is not None:
            changes = await self._changes(documents, moment)
            return {document: _published_version(changes[document]) for document in documents}
        rows = await self._database.find(
            "documents", {"_id": {"$in": documents}}, projection={"published": 1}
        )
        published = {row["_id"]: row["published"] for row in rows}
        replaced: dict[str, dict[int, datetime]] = defaultdict(dict)
        behind = {
            (holding.document, holding.acknowledged)
            for holding in holdings
            if holding.acknowledged not in (None, published[holding.document])
        }
        found = await self._adoptions.replaced(
            (document, version) for document, version in behind if version is not None
        )
        for (document, version), at in found.items():
            replaced[document][version] = at
        return {
            document: PublishedVersion(published[document], replaced[document])
            for document in documents
        }

    async def arrival_times(
        self, holdings: Iterable[Holding]
    ) -> Mapping[tuple[str, int], datetime]:
        """Return the time of each arrival by (principal, sequence number)."""
        ids = sorted({f"ev_{holding.principal}.{holding.arrival}" for holding in holdings})
        # Such an event may name thousands of clinics, which are not needed here.
        rows = await self._database.find(
            "events", {"_id": {"$in": ids}}, projection={"principal": 1, "sequence": 1, "at": 1}
        )
        return {(row["principal"], row["sequence"]): row["at"] for row in rows}

    async def _as_acknowledged(
        self, holdings: Sequence[Holding], moment: datetime
    ) -> Sequence[Holding]:
        """Split holdings by the version that each clinic had acknowledged at a moment.

        That is the version that was published at the position that the clinic had acknowledged in
        the log.
        """
        changes = await self._changes(sorted({holding.document for holding in holdings}), moment)
        positions = await self._acknowledged_positions(
            {clinic for holding in holdings for clinic in holding.clinics}, moment
        )
        split = []
        for holding in holdings:
            of_document = changes[holding.document]
            sequences = [change.sequence for change in of_document]
            clinics: dict[int | None, list[str]] = defaultdict(list)
            for clinic in holding.clinics:
                position = positions.get(clinic, 0)
                index = bisect_right(sequences, position) if position >= holding.arrival else 0
                clinics[of_document[index - 1].after if index else None].append(clinic)
            await asyncio.sleep(0)  # a turn for other requests: there may be thousands of clinics
            split += [
                replace(holding, acknowledged=version, clinics=keys)
                for version, keys in clinics.items()
            ]
        return split

    async def _acknowledged_positions(
        self, clinics: Iterable[str], moment: datetime
    ) -> Mapping[str, int]:
        """Return the sequence number that each clinic had acknowledged at a moment, by clinic.

        Clinics without an acknowledgement are left out.
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
        """Return the events up to a moment that changed the published version, by document.

        They are in order, oldest first.
        """
        rows = await self._database.find(
            "events",
            {
                "document": {"$in": documents},
                "audience": str(Audience.ASSIGNED),
                "action": {"$in": _PUBLISHING_ACTIONS},
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
    group = row["_id"]
    return Holding(
        group["principal"],
        group["document"],
        AssignmentOrigin(group["origin"]),
        group["arrival"],
        group.get("acknowledged"),
        row["clinics"],
    )


def _published_version(changes: Sequence[_Change]) -> PublishedVersion:
    replaced = {change.before: change.at for change in changes if change.before is not None}
    return PublishedVersion(changes[-1].after if changes else None, replaced)
