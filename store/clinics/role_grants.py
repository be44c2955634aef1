"""Roles given in the registry's own table, for those whose tokens carry none.

Each grant and each end of one is an event.
"""

from collections.abc import Iterable, Mapping

from bson import ObjectId
from pymongo import InsertOne

from store.clinics.validity import close_rows, open_row
from store.documents.publishing import next_position
from store.errors import NotFound
from store.log.log import Log
from store.mongo.connection import Database, Row
from store.mongo.paging import Page, Paging, find_page
from store.mongo.rows import actor_from, actor_row
from store.mongo.transactions import IdempotencyKey, Transaction
from store.records import Act, Action, Role, RoleGrant, Saved


class RoleGrants:
    """The role table of one registry."""

    def __init__(self, database: Database, log: Log) -> None:
        self._database = database
        self._log = log

    async def of_employee(self, employee: str) -> list[RoleGrant]:
        """The roles that a person holds now, by key of the employee HSA-id."""
        return [
            _from(row)
            for row in await self._database.find(
                "role_grants", {"employee": employee, "open": True}, sort=[("_id", 1)]
            )
        ]

    async def get_many(self, ids: Iterable[str]) -> Mapping[str, RoleGrant]:
        """Grants by id, ended ones included."""
        return {
            row["_id"]: _from(row)
            for row in await self._database.find("role_grants", {"_id": {"$in": sorted(set(ids))}})
        }

    async def page(self, principal: str, paging: Paging) -> Page[RoleGrant]:
        """The roles held now at a principal and its clinics, oldest first."""
        return await find_page(
            self._database,
            "role_grants",
            {"principal": principal, "open": True},
            paging,
            keys={"_id": str},
            convert=_from,
        )

    async def count(self, principal: str) -> int:
        """How many there are."""
        return await self._database.count("role_grants", {"principal": principal, "open": True})

    async def grant(
        self,
        principal: str,
        unit: str,
        role: Role,
        employee: str,
        *,
        act: Act,
        key: IdempotencyKey | None = None,
    ) -> Saved:
        """Give a person a role at a unit; `target` is the grant's id. No change where it is held
        already.

        Args:
            principal: Key of the principal that the unit is or belongs to.
            unit: Key.
            role: Which role.
            employee: Key of the employee HSA-id.
            act: Who writes and why.
            key: For a safe repeat.
        """

        async def change(transaction: Transaction) -> Saved:
            held = await transaction.find(
                "role_grants", {"unit": unit, "role": str(role), "employee": employee, "open": True}
            )
            if held:
                return Saved(target=held[0]["_id"])
            position = next_position(transaction)
            row = {
                "_id": f"rg_{ObjectId()}",
                "principal": principal,
                "unit": unit,
                "role": str(role),
                "employee": employee,
            }
            transaction.write(
                "role_grants", InsertOne(row | {"by": actor_row(act.actor)} | open_row(position))
            )
            return Saved(
                event=transaction.record(act, Action.ROLE_GRANTED, person=employee),
                target=row["_id"],
            )

        return await self._log.submit(principal, change, key=key, alone=True)

    async def revoke(
        self, grant: RoleGrant, *, act: Act, key: IdempotencyKey | None = None
    ) -> Saved:
        """End a grant.

        Raises:
            NotFound: It has ended already.
        """

        async def change(transaction: Transaction) -> Saved:
            if not await transaction.find("role_grants", {"_id": grant.id, "open": True}):
                raise NotFound("Behörigheten är redan borttagen.", ("id",))
            transaction.write(
                "role_grants", close_rows({"_id": grant.id}, next_position(transaction))
            )
            return Saved(
                event=transaction.record(act, Action.ROLE_REVOKED, person=grant.employee),
                target=grant.id,
            )

        return await self._log.submit(grant.principal, change, key=key, alone=True)


def _from(row: Row) -> RoleGrant:
    return RoleGrant(
        id=row["_id"],
        principal=row["principal"],
        unit=row["unit"],
        role=Role(row["role"]),
        employee=row["employee"],
        since=row["since"],
        by=actor_from(row["by"]),
    )
