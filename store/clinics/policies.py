"""The policies of principals for their clinics.

Each change is an event, and earlier policies can still be read.
"""

from collections.abc import Iterable, Mapping
from dataclasses import fields, replace
from typing import Any

from bson import ObjectId
from pymongo import InsertOne

from store.clinics.validity import close_rows, open_row, valid_at
from store.content.diff import Change, ChangeKind
from store.documents.publishing import next_position
from store.idempotency import IdempotencyKey
from store.log.log import Log
from store.mongo.connection import Database, Row
from store.mongo.row_reader import RowReader
from store.mongo.transactions import Transaction
from store.records import Act, Action, CentralActivation, PrincipalPolicies, Saved

TITLES = {
    "central_activation": ("centralActivation", "Vem som aktiverar centrala ärendetyper"),
    "clinics_edit": ("clinicsEdit", "Mottagningar får redigera"),
    "open_page_links": ("openPageLinks", "Länkar till öppna sidor"),
    "lowest_acr": ("lowestAcr", "Lägsta tillitsnivå"),
}


async def policies_of(reader: RowReader, principal: str) -> PrincipalPolicies:
    """A principal's policies now; the defaults where it has set none."""
    rows = await reader.find("policies", {"principal": principal, "open": True})
    return _from(rows[0]) if rows else PrincipalPolicies()


class Policies:
    """The policies of all principals of one registry."""

    def __init__(self, database: Database, log: Log) -> None:
        self._database = database
        self._log = log

    async def of(self, principal: str) -> PrincipalPolicies:
        """A principal's policies now."""
        return await policies_of(self._database, principal)

    async def as_of(self, principal: str, sequence: int | None) -> PrincipalPolicies:
        """A principal's policies just after an event of its log, or now."""
        rows = await self._database.find("policies", {"principal": principal, **valid_at(sequence)})
        return _from(rows[0]) if rows else PrincipalPolicies()

    async def get_many(self, principals: Iterable[str]) -> Mapping[str, PrincipalPolicies]:
        """The current policies of principals, by key; those that have set none are left out."""
        rows = await self._database.find(
            "policies", {"principal": {"$in": sorted(set(principals))}, "open": True}
        )
        return {row["principal"]: _from(row) for row in rows}

    async def changes_at(self, principal: str, sequence: int) -> list[Change]:
        """The policies that one event changed, with their values before and after."""
        where = {
            "principal": principal,
            "$or": [{"from_sequence": sequence}, {"until_sequence": sequence}],
        }
        rows = {
            row["from_sequence"] == sequence: row
            for row in await self._database.find("policies", where)
        }
        before, after = (
            _from(rows[starts]) if starts in rows else PrincipalPolicies()
            for starts in (False, True)
        )
        return [
            Change(
                ChangeKind.CHANGED,
                path,
                label,
                getattr(before, name),
                getattr(after, name),
                resident_visible=False,
            )
            for name, (path, label) in TITLES.items()
            if getattr(before, name) != getattr(after, name)
        ]

    async def save(
        self,
        principal: str,
        changes: Mapping[str, Any],
        *,
        act: Act,
        key: IdempotencyKey | None = None,
    ) -> Saved:
        """Change a principal's policies.

        Args:
            principal: Its key.
            changes: New values by name of the policy; the other policies do not change.
            act: Who writes and why.
            key: Makes a retry safe.

        Returns:
            The event; none where nothing changed.
        """

        async def change(transaction: Transaction) -> Saved:
            before = await policies_of(transaction, principal)
            policies = replace(before, **changes)
            if policies == before:
                return Saved()
            position = next_position(transaction)
            row = {"_id": str(ObjectId()), "principal": principal} | {
                field.name: _plain(getattr(policies, field.name)) for field in fields(policies)
            }
            transaction.write(
                "policies",
                close_rows({"principal": principal}, position),
                InsertOne(row | open_row(position)),
            )
            return Saved(event=transaction.record(act, Action.POLICIES_CHANGED))

        return await self._log.submit(principal, change, key=key, alone=True)


def _plain(value: object) -> object:
    return str(value) if isinstance(value, str) else value


def _from(row: Row) -> PrincipalPolicies:
    return PrincipalPolicies(
        central_activation=CentralActivation(row["central_activation"]),
        clinics_edit=row["clinics_edit"],
        open_page_links=row["open_page_links"],
        lowest_acr=row["lowest_acr"],
    )
