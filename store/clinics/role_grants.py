"""Roles granted in the registry's own table, for persons whose tokens have no roles.

Each grant and each revocation is an event.
"""

from collections.abc import Iterable, Mapping

from bson import ObjectId
from pymongo import InsertOne

from store.clinics.validity import close_rows, open_row
from store.documents.publishing import next_position
from store.errors import NotFound
from store.idempotency import IdempotencyKey
from store.log.log import Log
from store.mongo.connection import Database, Row
from store.mongo.keyset_queries import find_page
from store.mongo.rows import actor_from, actor_row
from store.mongo.transactions import Transaction
from store.paging import Page, Paging
from store.records import Act, Action, Role, RoleGrant, Saved


class RoleGrants:
    """The role table of one registry."""

    def __init__(self, database: Database, log: Log) -> None:
        self._database = database
        self._log = log

    async def of_employee(self, employee: str) -> list[RoleGrant]:
        """The current grants of a person, by key of the employee HSA-id, oldest first."""
        return [
            _from(row)
            for row in await self._database.find(
                "role_grants", {"employee": employee, "open": True}, sort=[("_id", 1)]
            )
        ]

    async def get_many(self, ids: Iterable[str]) -> Mapping[str, RoleGrant]:
        """Grants by id, current and ended."""
        return {
            row["_id"]: _from(row)
            for row in await self._database.find("role_grants", {"_id": {"$in": sorted(set(ids))}})
        }

    async def page(self, principal: str, paging: Paging) -> Page[RoleGrant]:
        """A page of the current grants at a principal and its clinics, oldest first."""
        return await find_page(
            self._database,
            "role_grants",
            {"principal": principal, "open": True},
            paging,
            keys={"_id": str},
            convert=_from,
        )

    async def count(self, principal: str) -> int:
        """The number of current grants at a principal and its clinics."""
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
        """Grant a person a role at a unit.

        Args:
            principal: Key of the principal that the unit is or belongs to.
            unit: Key of the principal or clinic.
            role: The role.
            employee: Key of the employee HSA-id.
            act: Who writes and why.
            key: Makes a retry safe.

        Returns:
            `target` is the grant's id. No event where the person holds the role already.
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
        """Revoke a grant; `target` is its id.

        Raises:
            NotFound: It was revoked already.
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
