"""Which clinics have which case types, now and at any moment before.

Read only: `distribution` writes.
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
from store.mongo.paging import Page, Paging, find_merged, find_page
from store.mongo.rows import assignment_from
from store.records import Assignment, AssignmentOrigin

Clinics = AbstractSet[str] | Mapping[str, object]
"""Keys of clinics, any of which is found at once."""

_FEW = 100
_MAX_MERGED = 200
_BRANCHES = 100  # MongoDB takes at most 1,000 stages in a pipeline


class AssignmentOrder(StrEnum):
    """By clinic and then document, or by the time since when they hold."""

    CLINIC_ASC = "CLINIC_ASC"
    SINCE_ASC = "SINCE_ASC"
    SINCE_DESC = "SINCE_DESC"


@dataclass(frozen=True, slots=True)
class AssignmentFilter:
    """Which assignments; what is None does not matter.

    `clinics` and `principal` are keys; `within` is whose clinics someone may read; `central_only`
    leaves out clinics' own case types,
    `local_only` all others.
    `behind` are documents with their versions in force: of these, those whose clinics have not
    acknowledged that version.
    `documents` are the only ones, `other_than` none of them; times are of `since`, inclusive from,
    exclusive to.
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
        """As MongoDB's filter: those that hold just after an event, at a moment, or now."""
        rest = {"$and": [valid_at(moment), *self._conditions()]}
        # Each branch whole, so that each is answered by the index on what clinics have
        # acknowledged.
        return rest if self.behind is None else _lagging(self.behind, rest)

    def conditions(self) -> dict[str, Any]:
        """The same whether they hold or not."""
        conditions = self._conditions()
        if self.behind is not None:
            conditions.append(_lagging(self.behind, {}))
        return {"$and": conditions} if conditions else {}

    def acknowledging(self, document: str, version: int | None) -> dict[str, Any]:
        """The part of what lags where clinics have acknowledged one version of one document."""
        # Asked for as a value, null would also mean missing: two stretches of the index, whose
        # order is lost between them.
        acknowledged = {"$type": "null"} if version is None else version
        return {
            "document": document,
            "acknowledged_version": acknowledged,
            "$and": [valid_at(None), *self._conditions()],
        }

    def by_clinic(self) -> bool:
        """Whether few clinics are asked about, so that reading all that they have is the shortest
        way.
        """
        among = (
            self.clinics
            if self.clinics is not None
            else self.within.clinics
            if self.within and not self.within.principals
            else None
        )
        return among is not None and len(among) <= _FEW

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
        return [*conditions, *self._of_what(), *self._how()]

    def _of_what(self) -> Iterator[dict[str, Any]]:
        if self.document is not None:
            yield {"document": {"$eq": self.document}}
        if self.documents is not None:
            yield {"document": {"$in": list(self.documents)}}
        if self.other_than:
            yield {"document": {"$nin": list(self.other_than)}}
        if self.acknowledged_version is not None:
            yield {"acknowledged_version": self.acknowledged_version}

    def _how(self) -> Iterator[dict[str, Any]]:
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
        """Assignments by id, ended ones included."""
        rows = await self._database.find("assignments", {"_id": {"$in": sorted(set(ids))}})
        return {row["_id"]: assignment_from(row) for row in rows}

    async def of_clinics(self, clinics: Iterable[str]) -> list[Assignment]:
        """All assignments of some clinics, past ones included."""
        rows = await self._database.find("assignments", {"clinic": {"$in": sorted(set(clinics))}})
        return [assignment_from(row) for row in rows]

    async def held(self, clinics: Iterable[str], sequence: int | None = None) -> list[Assignment]:
        """What some clinics of one principal have, now or just after an event of its log."""
        rows = await self._database.find(
            "assignments", {"clinic": {"$in": sorted(set(clinics))}, **valid_at(sequence)}
        )
        return [assignment_from(row) for row in rows]

    async def holders(self, document: str, among: Sequence[str]) -> Mapping[str, AssignmentOrigin]:
        """Which of some clinics have a document now, and how they got it."""
        rows = await self._database.find(
            "assignments",
            {"document": document, "open": True, "clinic": {"$in": list(among)}},
            projection={"clinic": 1, "origin": 1},
        )
        return {row["clinic"]: AssignmentOrigin(row["origin"]) for row in rows}

    async def central_documents(self, principal: str) -> list[str]:
        """The documents that clinics of a principal have now, but for their own; each is a step in
        the index, at however many clinics it is.
        """
        where = {
            "principal": principal,
            "open": True,
            "origin": {"$in": [str(AssignmentOrigin.DISTRIBUTED), str(AssignmentOrigin.FOLLOWED)]},
        }
        return await self._database.distinct("assignments", "document", where)

    async def clinics_with(self, document: str, sequence: int, among: Clinics) -> list[str]:
        """Which of some clinics had a document when an event happened, the acts that gave and took
        it included; in the order of their keys.
        """
        where = {
            "document": document,
            "from_sequence": {"$lte": sequence},
            "$or": [{"until_sequence": None}, {"until_sequence": {"$gte": sequence}}],
        }
        # Of many clinics all that had it are read: naming them takes longer than leaving out those
        # not asked for.
        some = {"clinic": {"$in": sorted(among)}} if len(among) <= _FEW else {}
        found: list[str] = await self._database.distinct("assignments", "clinic", where | some)
        return sorted(
            [one for one in found if one in among]
        )  # they come by index, in their order: sorting is a look

    async def page(
        self,
        which: AssignmentFilter,
        paging: Paging,
        moment: int | datetime | None = None,
        order: AssignmentOrder = AssignmentOrder.CLINIC_ASC,
    ) -> Page[Assignment]:
        """A page of those that hold just after an event, at a moment, or now."""
        if order is not AssignmentOrder.CLINIC_ASC:
            return await find_page(
                self._database,
                "assignments",
                which.where(moment),
                paging,
                keys={"since": datetime, "_id": str},
                convert=assignment_from,
                descending=order is AssignmentOrder.SINCE_DESC,
            )
        if which.behind is not None and moment is None:
            return await self._behind(which, which.behind, paging)
        keys = {"clinic": str, "document": str, "_id": str}
        if which.document is not None:
            del keys["document"]
        elif which.clinics is not None and len(which.clinics) == 1:
            del keys["clinic"]
        return await find_page(
            self._database,
            "assignments",
            which.where(moment),
            paging,
            keys=keys,
            convert=assignment_from,
        )

    async def _behind(
        self, which: AssignmentFilter, in_force: Mapping[str, int], paging: Paging
    ) -> Page[Assignment]:
        """A page of what lags.

        Read in order, a list in which few lag among many would be read from end to end. So each
        version that clinics have acknowledged is a list
        in order of its own, and these are merged.
        """
        keys = {"clinic": str, "document": str}  # of what holds now, each at most once
        pairs = [] if which.by_clinic() else await self._acknowledged(in_force)
        if which.by_clinic() or len(pairs) > _MAX_MERGED:
            return await find_page(
                self._database,
                "assignments",
                which.where(None),
                paging,
                keys=keys,
                convert=assignment_from,
            )
        lagging = [
            which.acknowledging(document, version)
            for document, version in pairs
            if version != in_force[document]
        ]
        parts = [(where, keys) for where in lagging]
        return await find_merged(
            self._database, "assignments", parts, paging, convert=assignment_from
        )

    async def _acknowledged(self, documents: Iterable[str]) -> list[tuple[str, int | None]]:
        """The versions that clinics that have these documents now have acknowledged; each is one
        step in the index.
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

    async def count(self, which: AssignmentFilter, moment: int | datetime | None = None) -> int:
        """How many assignments match."""
        return await self._database.count("assignments", which.where(moment))
