"""Clinics: look-up, lists and imports.

Clinics are never deleted. They end or are archived, and history still resolves them.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from bson import ObjectId
from pymongo import InsertOne, UpdateOne

from store.clinics.assigning import assign_after_import
from store.clinics.filters import ClinicFilter, similarity_score
from store.clinics.validity import close_rows, open_row, valid_at
from store.documents.publishing import next_position
from store.errors import RowProblem, RowsRefused
from store.idempotency import IdempotencyKey
from store.log.log import Clock, Log, utc_now
from store.mongo.chunks import chunks
from store.mongo.connection import Database, Row
from store.mongo.keyset_queries import find_page
from store.mongo.rows import clinic_from, clinic_row
from store.mongo.transactions import Transaction
from store.paging import Page, Paging, cut, decode, encode
from store.records import Act, Action, Audience, Clinic, Saved, key_of


@dataclass(frozen=True, slots=True)
class ClinicRow:
    """A row of an import.

    Attributes:
        row: Line number in the file, from 1.
        hsa_id: As in the file.
        values: Values of the clinic's fields that the file has a column for.
    """

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
        """The existing clinics by key, in one round trip."""
        rows = await self._database.find("clinics", {"_id": {"$in": sorted(set(keys))}})
        return {row["_id"]: clinic_from(row) for row in rows}

    async def as_of(self, clinic: Clinic, sequence: int) -> Clinic | None:
        """A clinic just after an event of its principal's log; None before its first import."""
        rows = await self._database.find(
            "clinic_states", {"clinic": clinic.key, **valid_at(sequence)}
        )
        return clinic_from(rows[0]["as_was"]) if rows else None

    async def page(self, filter: ClinicFilter, paging: Paging) -> Page[Clinic]:
        """A page of clinics by key, or by similarity where the filter names a similar clinic.

        A list by similarity has the most similar clinics first and can only be paged forward.
        """
        where = filter.where(self._clock())
        if filter.similar_to is not None:
            return await self._by_similarity(filter.similar_to, where, paging)
        return await find_page(
            self._database, "clinics", where, paging, keys={"_id": str}, convert=clinic_from
        )

    async def _by_similarity(self, clinic: Clinic, where: Row, paging: Paging) -> Page[Clinic]:
        stages: list[Row] = [{"$match": where}, {"$addFields": {"score": similarity_score(clinic)}}]
        if paging.after is not None:
            score, key = decode(paging.after, (int, str), "after")
            stages.append(
                {
                    "$match": {
                        "$or": [{"score": {"$lt": score}}, {"score": score, "_id": {"$gt": key}}]
                    }
                }
            )
        stages += [{"$sort": {"score": -1, "_id": 1}}, {"$limit": paging.limit + 1}]
        rows = await self._database.aggregate("clinics", stages)
        return cut(
            [clinic_from(row) for row in rows],
            [encode((row["score"], row["_id"])) for row in rows],
            paging,
        )

    async def keys(self, filter: ClinicFilter) -> list[str]:
        """The keys of all clinics that match, sorted."""
        rows = await self._database.find(
            "clinics", filter.where(self._clock()), projection={"_id": 1}
        )
        return sorted(row["_id"] for row in rows)

    async def count(self, filter: ClinicFilter) -> int:
        """The number of clinics that match."""
        return await self._database.count("clinics", filter.where(self._clock()))

    async def import_rows(
        self,
        principal: str,
        rows: Sequence[ClinicRow],
        *,
        dry_run: bool,
        act: Act,
        key: IdempotencyKey | None = None,
    ) -> Saved:
        """Create and update a principal's clinics, all rows or none, in one act.

        Clinics that start to fit the rules of groups receive the case types of those groups.

        Args:
            principal: Its key.
            rows: Checked rows, one for each clinic.
            dry_run: Count the changes without writing.
            act: Who writes and why.
            key: Makes a retry safe.

        Returns:
            `counts` of `created`, `updated` and `unchanged` clinics; no event where nothing
            changes.

        Raises:
            RowsRefused: A clinic belongs to another principal. Nothing was written.
        """

        async def change(transaction: Transaction) -> Saved:
            found = await transaction.find(
                "clinics", {"_id": {"$in": [key_of(row.hsa_id) for row in rows]}}
            )
            existing = {
                row["_id"]: clinic_from(row) async for chunk in chunks(found) for row in chunk
            }
            foreign = [
                RowProblem(
                    "OUTSIDE_PRINCIPAL",
                    "Mottagningen hör till en annan huvudman.",
                    ("csv", "hsaId"),
                    row.row,
                    row.hsa_id,
                )
                for row in rows
                if (clinic := existing.get(key_of(row.hsa_id))) and clinic.principal != principal
            ]
            if foreign:
                raise RowsRefused(foreign)
            clinics = [
                _imported(existing.get(key_of(row.hsa_id)), row, principal)
                async for chunk in chunks(rows)
                for row in chunk
            ]
            changed = [clinic for clinic in clinics if clinic != existing.get(clinic.key)]
            created = sum(clinic.key not in existing for clinic in changed)
            counts = {
                "created": created,
                "updated": len(changed) - created,
                "unchanged": len(clinics) - len(changed),
            }
            if not changed or dry_run:
                return Saved(counts=counts)
            position = next_position(transaction)
            transaction.write(
                "clinic_states",
                close_rows({"clinic": {"$in": [clinic.key for clinic in changed]}}, position),
            )
            async for chunk in chunks(changed):
                for clinic in chunk:
                    row = clinic_row(clinic)
                    state = {
                        "_id": str(ObjectId()),
                        "clinic": clinic.key,
                        "as_was": row,
                    } | open_row(position)
                    transaction.write("clinic_states", InsertOne(state))
                    transaction.write(
                        "clinics",
                        UpdateOne({"_id": clinic.key}, {"$set": _without_id(row)}, upsert=True),
                    )
            event = transaction.record(
                act,
                Action.IMPORTED,
                clinics=tuple(sorted(clinic.key for clinic in changed)),
                counts=counts,
                audience=Audience.NONE,
            )
            await assign_after_import(
                transaction, act, [(existing.get(clinic.key), clinic) for clinic in changed]
            )
            return Saved(event=event, counts=counts)

        return await self._log.submit(principal, change, key=None if dry_run else key, alone=True)


def _imported(before: Clinic | None, row: ClinicRow, principal: str) -> Clinic:
    start = before or Clinic(
        key=key_of(row.hsa_id), hsa_id=row.hsa_id, name="", principal=principal
    )
    # MongoDB returns lists; tuples with equal content would compare as changed.
    values = {
        name: list(value) if isinstance(value, (list, tuple)) else value
        for name, value in row.values.items()
    }
    normal = {
        field.name: list(value)
        for field in fields(Clinic)
        if isinstance(value := getattr(start, field.name), tuple)
    }
    return replace(start, **(normal | values))


def _without_id(row: Row) -> Row:
    return {name: value for name, value in row.items() if name != "_id"}
