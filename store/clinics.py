"""Clinics: looked up, listed, imported. They are never deleted: they end or are archived, and history still resolves them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any

from pymongo import UpdateOne

from store.database import Database
from store.errors import RowProblem, RowsRefused
from store.log import Clock, Log, utc_now
from store.paging import Page, Paging, find_page
from store.records import Act, Action, Audience, Clinic, ClinicStatus, Saved, key_of
from store.rows import clinic_from, clinic_row
from store.transactions import IdempotencyKey, Transaction


@dataclass(frozen=True, slots=True)
class Reach:
    """All clinics of some principals, and some clinics by key."""

    principals: frozenset[str]
    clinics: frozenset[str]

    def where(self) -> dict[str, Any]:
        """As MongoDB's filter."""
        return {"$or": [{"principal": {"$in": sorted(self.principals)}}, {"_id": {"$in": sorted(self.clinics)}}]}


@dataclass(frozen=True, slots=True)
class ClinicFilter:
    """Which clinics; what is None does not matter. A list matches a clinic that has any of its values.

    `within` limits it to the clinics that someone may read.
    """

    within: "Reach | None" = None
    principal: str | None = None
    business_classifications: Sequence[str] | None = None
    business_types: Sequence[str] | None = None
    care_types: Sequence[str] | None = None
    management: Sequence[str] | None = None
    county_codes: Sequence[str] | None = None
    municipality_codes: Sequence[str] | None = None
    statuses: Sequence[ClinicStatus] | None = None

    def where(self, now: datetime) -> dict[str, Any]:
        """As MongoDB's filter; ENDED is what the end date says at `now`."""
        conditions: list[dict[str, Any]] = []
        if self.within is not None:
            conditions.append(self.within.where())
        if self.principal is not None:
            conditions.append({"principal": self.principal})
        for field, values in (
            ("business_classifications", self.business_classifications),
            ("business_types", self.business_types),
            ("care_types", self.care_types),
            ("management", self.management),
            ("county_code", self.county_codes),
            ("municipality_code", self.municipality_codes),
        ):
            if values is not None:
                conditions.append({field: {"$in": list(values)}})
        if self.statuses is not None:
            conditions.append({"$or": [_status_where(status, now) for status in self.statuses] or [{"_id": {"$in": []}}]})
        return {"$and": conditions} if conditions else {}


def _status_where(status: ClinicStatus, now: datetime) -> dict[str, Any]:
    if status is ClinicStatus.ARCHIVED:
        return {"status": str(status)}
    if status is ClinicStatus.ENDED:
        return {"status": {"$ne": str(ClinicStatus.ARCHIVED)}, "$or": [{"status": str(status)}, {"end_date": {"$lte": now}}]}
    return {"status": str(status), "$or": [{"end_date": None}, {"end_date": {"$gt": now}}]}


@dataclass(frozen=True, slots=True)
class ClinicRow:
    """One row of an import: `values` are the clinic's fields that the file has a column for; `row` is its line."""

    row: int
    hsa_id: str
    values: Mapping[str, Any]


class Clinics:
    """The clinics of one registry."""

    def __init__(self, database: Database, log: Log, clock: Clock = utc_now) -> None:
        self._database = database
        self._log = log
        self._clock = clock

    async def get_many(self, keys: Iterable[str]) -> Mapping[str, Clinic]:
        """Clinics by key, those that exist, in one round trip."""
        rows = await self._database.find("clinics", {"_id": {"$in": sorted(set(keys))}})
        return {row["_id"]: clinic_from(row) for row in rows}

    async def page(self, which: ClinicFilter, paging: Paging) -> Page[Clinic]:
        """A page of clinics by key."""
        return await find_page(self._database, "clinics", which.where(self._clock()), paging, keys={"_id": str}, convert=clinic_from)

    async def count(self, which: ClinicFilter) -> int:
        """How many clinics match."""
        return await self._database.count("clinics", which.where(self._clock()))

    async def import_rows(self, principal: str, rows: Sequence[ClinicRow], *, dry_run: bool, act: Act, key: IdempotencyKey | None = None) -> Saved:
        """Make or change a principal's clinics, all rows or none, in one act.

        Args:
            principal: Its key.
            rows: Checked, one per clinic.
            dry_run: Only say what would happen.
            act: Who writes and why.
            key: For a safe repeat.

        Returns:
            `counts` of created, updated and unchanged clinics; no event where nothing changes.

        Raises:
            RowsRefused: A clinic belongs to another principal. Nothing was written.
        """

        async def change(transaction: Transaction) -> Saved:
            found = await transaction.find("clinics", {"_id": {"$in": [key_of(row.hsa_id) for row in rows]}})
            existing = {row["_id"]: clinic_from(row) for row in found}
            foreign = [
                RowProblem("OUTSIDE_PRINCIPAL", "Mottagningen hör till en annan huvudman.", ("csv", "hsaId"), row.row, row.hsa_id)
                for row in rows
                if (clinic := existing.get(key_of(row.hsa_id))) and clinic.principal != principal
            ]
            if foreign:
                raise RowsRefused(foreign)
            clinics = [_imported(existing.get(key_of(row.hsa_id)), row, principal) for row in rows]
            changed = [clinic for clinic in clinics if clinic != existing.get(clinic.key)]
            created = sum(clinic.key not in existing for clinic in changed)
            counts = {"created": created, "updated": len(changed) - created, "unchanged": len(clinics) - len(changed)}
            if not changed or dry_run:
                return Saved(counts=counts)
            transaction.write("clinics", *(UpdateOne({"_id": clinic.key}, {"$set": _without_id(clinic)}, upsert=True) for clinic in changed))
            event = transaction.record(
                act, Action.IMPORTED, clinics=tuple(sorted(clinic.key for clinic in changed)), counts=counts, audience=Audience.NONE
            )
            return Saved(event=event, counts=counts)

        return await self._log.submit(principal, change, key=None if dry_run else key, alone=True)


def _imported(before: Clinic | None, row: ClinicRow, principal: str) -> Clinic:
    start = before or Clinic(key=key_of(row.hsa_id), hsa_id=row.hsa_id, name="", principal=principal)
    # What MongoDB hands back are lists; equal content must compare equal.
    values = {name: list(value) if isinstance(value, (list, tuple)) else value for name, value in row.values.items()}
    normal = {field.name: list(value) for field in fields(Clinic) if isinstance(value := getattr(start, field.name), tuple)}
    return replace(start, **(normal | values))


def _without_id(clinic: Clinic) -> dict[str, Any]:
    row = clinic_row(clinic)
    del row["_id"]
    return row
