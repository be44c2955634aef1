"""Reads which clinics have which case types, now and at any moment in the past.

`assigning` and `distribution` write assignments.
"""

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from store.clinics.filters import ClinicScope
from store.clinics.validity import valid_at
from store.documents.scopes import NOTHING
from store.mongo.connection import Database
from store.mongo.keyset_queries import find_merged, find_page
from store.mongo.rows import assignment_from
from store.paging import Page, Paging
from store.records import Assignment, AssignmentOrigin

Clinics = AbstractSet[str] | Mapping[str, object]
"""Keys of clinics, with look-up in constant time."""

_MAX_LISTED_CLINICS = 100
_MAX_MERGED = 200
_BRANCHES = 100  # MongoDB takes at most 1,000 stages in a pipeline


class AssignmentOrder(StrEnum):
    """By clinic and then document, or by the start of the assignment."""

    CLINIC_ASC = "CLINIC_ASC"
    SINCE_ASC = "SINCE_ASC"
    SINCE_DESC = "SINCE_DESC"


@dataclass(frozen=True, slots=True)
class AssignmentFilter:
    """Conditions on assignments, all of which must hold; None sets no condition.

    Attributes:
        within: The clinics that the viewer may read.
        principal: Key of the clinics' principal.
        clinics: Keys of the only clinics.
        document: Id of the only document.
        origin: How the clinics got the document.
        central_only: Leave out local case types.
        local_only: Leave out central case types.
        behind: Published version numbers by id of the document: the assignments of these documents
            whose clinics have not acknowledged that version.
        documents: Ids of the only documents.
        other_than: Ids of documents to leave out.
        acknowledged_version: The version that the clinic has acknowledged.
        since: The earliest `since` of an assignment, inclusive.
        until: The latest `since` of an assignment, exclusive.
    """

    within: ClinicScope | None = None
    principal: str | None = None
    clinics: Sequence[str] | None = None
    document: str | None = None
    origin: AssignmentOrigin | None = None
    central_only: bool = False
    local_only: bool = False
    behind: Mapping[str, int] | None = None
    documents: Sequence[str] | None = None
    other_than: Sequence[str] | None = None
    acknowledged_version: int | None = None
    since: datetime | None = None
    until: datetime | None = None

    def where(self, moment: int | datetime | None) -> dict[str, Any]:
        """MongoDB's filter for the assignments that are valid at a moment.

        Args:
            moment: A sequence number, for just after that event; a time; or None for now.
        """
        rest = {"$and": [valid_at(moment), *self._conditions()]}
        # Each branch has all conditions, so that the index on acknowledged versions serves it.
        return rest if self.behind is None else _lagging(self.behind, rest)

    def conditions(self) -> dict[str, Any]:
        """MongoDB's filter for the assignments of any time."""
        conditions = self._conditions()
        if self.behind is not None:
            conditions.append(_lagging(self.behind, {}))
        return {"$and": conditions} if conditions else {}

    def acknowledging(self, document: str, version: int | None) -> dict[str, Any]:
        """MongoDB's filter for current assignments with one acknowledged version of a document."""
        # The value null would also match a missing field: two ranges of the index, not in order.
        acknowledged = {"$type": "null"} if version is None else version
        return {
            "document": document,
            "acknowledged_version": acknowledged,
            "$and": [valid_at(None), *self._conditions()],
        }

    def by_clinic(self) -> bool:
        """Whether so few clinics are listed that reading all their assignments is fastest."""
        clinics = (
            self.clinics
            if self.clinics is not None
            else self.within.clinics
            if self.within and not self.within.principals
            else None
        )
        return clinics is not None and len(clinics) <= _MAX_LISTED_CLINICS

    def _conditions(self) -> list[dict[str, Any]]:
        conditions: list[dict[str, Any]] = []
        if self.within is not None:
            conditions.append(
                {
                    "$or": [
                        {"principal": {"$in": sorted(self.within.principals)}},
                        {"clinic": {"$in": sorted(self.within.clinics)}},
                    ]
                }
                if self.within.clinics
                else {"principal": {"$in": sorted(self.within.principals)}}
            )
        if self.principal is not None:
            conditions.append({"principal": self.principal})
        if self.clinics is not None:
            conditions.append(
                {"clinic": self.clinics[0]}
                if len(self.clinics) == 1
                else {"clinic": {"$in": list(self.clinics)}}
            )
        return [*conditions, *self._document_conditions(), *self._assignment_conditions()]

    def _document_conditions(self) -> Iterator[dict[str, Any]]:
        if self.document is not None:
            yield {"document": {"$eq": self.document}}
        if self.documents is not None:
            yield {"document": {"$in": list(self.documents)}}
        if self.other_than:
            yield {"document": {"$nin": list(self.other_than)}}
        if self.acknowledged_version is not None:
            yield {"acknowledged_version": self.acknowledged_version}

    def _assignment_conditions(self) -> Iterator[dict[str, Any]]:
        if self.origin is not None:
            yield {"origin": str(self.origin)}
        if self.central_only:
            yield {"origin": {"$ne": str(AssignmentOrigin.OWN)}}
        if self.local_only:
            yield {"origin": str(AssignmentOrigin.OWN)}
        if self.since is not None:
            yield {"since": {"$gte": self.since}}
        if self.until is not None:
            yield {"since": {"$lt": self.until}}


def _lagging(behind: Mapping[str, int], rest: Mapping[str, Any]) -> dict[str, Any]:
    branches = [
        {"document": document, "acknowledged_version": {"$ne": version}, **rest}
        for document, version in behind.items()
    ]
    return {"$or": branches} if branches else NOTHING


class Assignments:
    """The assignments of one registry."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get_many(self, ids: Iterable[str]) -> Mapping[str, Assignment]:
        """Assignments by id, current and ended."""
        rows = await self._database.find("assignments", {"_id": {"$in": sorted(set(ids))}})
        return {row["_id"]: assignment_from(row) for row in rows}

    async def of_clinics(self, clinics: Iterable[str]) -> list[Assignment]:
        """All assignments of some clinics, current and ended."""
        rows = await self._database.find("assignments", {"clinic": {"$in": sorted(set(clinics))}})
        return [assignment_from(row) for row in rows]

    async def held(self, clinics: Iterable[str], sequence: int | None = None) -> list[Assignment]:
        """The assignments of clinics of one principal, now or just after an event of its log."""
        rows = await self._database.find(
            "assignments", {"clinic": {"$in": sorted(set(clinics))}, **valid_at(sequence)}
        )
        return [assignment_from(row) for row in rows]

    async def holders(
        self, document: str, clinics: Sequence[str]
    ) -> Mapping[str, AssignmentOrigin]:
        """How each of some clinics got a document; clinics without it are left out."""
        rows = await self._database.find(
            "assignments",
            {"document": document, "open": True, "clinic": {"$in": list(clinics)}},
            projection={"clinic": 1, "origin": 1},
        )
        return {row["clinic"]: AssignmentOrigin(row["origin"]) for row in rows}

    async def central_documents(self, principal: str) -> list[str]:
        """Ids of the central case types that clinics of a principal have now.

        The cost is one step in the index for each, regardless of the number of clinics.
        """
        where = {
            "principal": principal,
            "open": True,
            "origin": {"$in": [str(AssignmentOrigin.DISTRIBUTED), str(AssignmentOrigin.FOLLOWED)]},
        }
        return await self._database.distinct("assignments", "document", where)

    async def clinics_with(self, document: str, sequence: int, clinics: Clinics) -> list[str]:
        """Keys of the clinics, among some, that had a document at an event, sorted.

        A clinic that got or lost the document by the event itself is included.
        """
        where = {
            "document": document,
            "from_sequence": {"$lte": sequence},
            "$or": [{"until_sequence": None}, {"until_sequence": {"$gte": sequence}}],
        }
        # A long list of clinics in the filter is slower than reading and discarding the others.
        if len(clinics) <= _MAX_LISTED_CLINICS:
            where["clinic"] = {"$in": sorted(clinics)}
        found: list[str] = await self._database.distinct("assignments", "clinic", where)
        # The index returns the keys in order, so that sorting them costs little.
        return sorted([clinic for clinic in found if clinic in clinics])

    async def page(
        self,
        filter: AssignmentFilter,
        paging: Paging,
        moment: int | datetime | None = None,
        order: AssignmentOrder = AssignmentOrder.CLINIC_ASC,
    ) -> Page[Assignment]:
        """A page of the assignments that are valid at a moment.

        Args:
            filter: The conditions.
            paging: Of the page.
            moment: A sequence number, for just after that event; a time; or None for now.
            order: Of the list.
        """
        if order is not AssignmentOrder.CLINIC_ASC:
            return await find_page(
                self._database,
                "assignments",
                filter.where(moment),
                paging,
                keys={"since": datetime, "_id": str},
                convert=assignment_from,
                descending=order is AssignmentOrder.SINCE_DESC,
            )
        if filter.behind is not None and moment is None:
            return await self._behind(filter, filter.behind, paging)
        keys = {"clinic": str, "document": str, "_id": str}
        if filter.document is not None:
            del keys["document"]
        elif filter.clinics is not None and len(filter.clinics) == 1:
            del keys["clinic"]
        return await find_page(
            self._database,
            "assignments",
            filter.where(moment),
            paging,
            keys=keys,
            convert=assignment_from,
        )

    async def _behind(
        self, filter: AssignmentFilter, published: Mapping[str, int], paging: Paging
    ) -> Page[Assignment]:
        """A page of the assignments whose clinics have not acknowledged the published version.

        Where few of many are behind, a scan in order would read all of them. So each acknowledged
        version is read as a sorted list of its own, and the lists are merged.
        """
        keys = {"clinic": str, "document": str}  # unique among current assignments
        pairs = [] if filter.by_clinic() else await self._acknowledged(published)
        if filter.by_clinic() or len(pairs) > _MAX_MERGED:
            return await find_page(
                self._database,
                "assignments",
                filter.where(None),
                paging,
                keys=keys,
                convert=assignment_from,
            )
        lagging = [
            filter.acknowledging(document, version)
            for document, version in pairs
            if version != published[document]
        ]
        parts = [(where, keys) for where in lagging]
        return await find_merged(
            self._database, "assignments", parts, paging, convert=assignment_from
        )

    async def _acknowledged(self, documents: Iterable[str]) -> list[tuple[str, int | None]]:
        """The acknowledged versions of some documents at the clinics that have them now.

        The cost is one step in the index for each version.
        """
        branches: list[list[dict[str, Any]]] = [
            [
                {"$match": {"document": document, "open": True}},
                {"$group": {"_id": "$acknowledged_version"}},
                {"$project": {"_id": 0, "version": "$_id", "document": {"$literal": document}}},
            ]
            for document in documents
        ]
        parts = [
            branches[start : start + _BRANCHES] for start in range(0, len(branches), _BRANCHES)
        ]
        united = [
            [
                *first,
                *({"$unionWith": {"coll": "assignments", "pipeline": branch}} for branch in others),
            ]
            for first, *others in parts
        ]
        found = await asyncio.gather(
            *(self._database.aggregate("assignments", pipeline) for pipeline in united)
        )
        return [(row["document"], row["version"]) for rows in found for row in rows]

    async def count(self, filter: AssignmentFilter, moment: int | datetime | None = None) -> int:
        """The number of assignments that are valid at a moment; see `page`."""
        return await self._database.count("assignments", filter.where(moment))
