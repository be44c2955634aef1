"""Which clinics have which case types, now and at any moment before. Read only: `distribution` writes."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from store.clinic_filters import Reach
from store.database import Database
from store.paging import Page, Paging, find_page
from store.records import Assignment, AssignmentOrigin
from store.rows import assignment_from
from store.scopes import NOTHING
from store.stretches import holding

_FEW = 100


@dataclass(frozen=True, slots=True)
class AssignmentFilter:
    """Which assignments; what is None does not matter.

    `clinics` and `principal` are keys; `within` is whose clinics someone may read; `central_only` leaves out clinics' own case types.
    `behind` are documents with their versions in force: of these, those whose clinics have not acknowledged that version.
    """

    within: Reach | None = None
    principal: str | None = None
    clinics: Sequence[str] | None = None
    document: str | None = None
    origin: AssignmentOrigin | None = None
    central_only: bool = False
    behind: Mapping[str, int] | None = None

    def where(self, sequence: int | None) -> dict[str, Any]:
        """As MongoDB's filter: those that hold just after an event, or now."""
        return {"$and": [holding(sequence), self.conditions()]}

    def conditions(self) -> dict[str, Any]:
        """The same whether they hold or not."""
        conditions: list[dict[str, Any]] = []
        if self.within is not None:
            conditions.append(
                {"$or": [{"principal": {"$in": sorted(self.within.principals)}}, {"clinic": {"$in": sorted(self.within.clinics)}}]}
                if self.within.clinics
                else {"principal": {"$in": sorted(self.within.principals)}}
            )
        if self.principal is not None:
            conditions.append({"principal": self.principal})
        if self.clinics is not None:
            conditions.append({"clinic": self.clinics[0]} if len(self.clinics) == 1 else {"clinic": {"$in": list(self.clinics)}})
        if self.document is not None:
            conditions.append({"document": {"$eq": self.document}})
        if self.origin is not None:
            conditions.append({"origin": str(self.origin)})
        if self.behind is not None:
            lagging = [{"document": document, "acknowledged_version": {"$ne": version}} for document, version in self.behind.items()]
            conditions.append({"$or": lagging} if lagging else NOTHING)
        if self.central_only:
            conditions.append({"origin": {"$ne": str(AssignmentOrigin.OWN)}})
        return {"$and": conditions} if conditions else {}


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
        rows = await self._database.find("assignments", {"clinic": {"$in": sorted(set(clinics))}, **holding(sequence)})
        return [assignment_from(row) for row in rows]

    async def holders(self, document: str, among: Sequence[str]) -> Mapping[str, AssignmentOrigin]:
        """Which of some clinics have a document now, and how they got it."""
        rows = await self._database.find(
            "assignments", {"document": document, "open": True, "clinic": {"$in": list(among)}}, projection={"clinic": 1, "origin": 1}
        )
        return {row["clinic"]: AssignmentOrigin(row["origin"]) for row in rows}

    async def clinics_with(self, document: str, sequence: int, among: Collection[str]) -> frozenset[str]:
        """Which of some clinics had a document when an event happened, the acts that gave and took it included."""
        where = {
            "document": document,
            "from_sequence": {"$lte": sequence},
            "$or": [{"until_sequence": None}, {"until_sequence": {"$gte": sequence}}],
        }
        # Of many clinics all that had it are read: naming them takes longer than leaving out those not asked for.
        some = {"clinic": {"$in": sorted(among)}} if len(among) <= _FEW else {}
        return frozenset(await self._database.distinct("assignments", "clinic", where | some)).intersection(among)

    async def page(self, which: AssignmentFilter, paging: Paging, sequence: int | None = None) -> Page[Assignment]:
        """A page by clinic, then document; those that hold just after an event, or now."""
        keys = {"clinic": str, "document": str, "_id": str}
        if which.document is not None:
            del keys["document"]
        elif which.clinics is not None and len(which.clinics) == 1:
            del keys["clinic"]
        return await find_page(self._database, "assignments", which.where(sequence), paging, keys=keys, convert=assignment_from)

    async def count(self, which: AssignmentFilter, sequence: int | None = None) -> int:
        """How many assignments match."""
        return await self._database.count("assignments", which.where(sequence))
