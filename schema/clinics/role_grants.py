"""Roles in the registry's own table, and persons with protected identity."""

from datetime import datetime

import strawberry

from resolvers.clinics import role_grants as resolve
from schema.clinics.enums import Role
from schema.errors import Info, UserError, mutation
from schema.inputs import IDEMPOTENCY_KEY, NOTE, EventPayload, InputArgument, key_of_call
from schema.log.actors import Actor
from schema.log.events import Event
from schema.nodes import Node
from schema.scalars import HsaId
from store import records


@strawberry.type(
    description=(
        "A role granted to a person in the registry's own table, for persons whose tokens have no"
        " roles."
    )
)
class RoleGrant(Node):
    record: strawberry.Private[records.RoleGrant]
    role: Role = strawberry.field(description="The role.")
    unit: HsaId = strawberry.field(description="The principal or clinic that the role is held for.")
    employee_hsa_id: HsaId = strawberry.field(description="HSA-id of the person who holds it.")
    since: datetime = strawberry.field(description="When it was granted.")
    by: Actor = strawberry.field(description="Who granted it.")

    @classmethod
    def of(cls, record: records.RoleGrant) -> "RoleGrant":
        return cls(
            record=record,
            id=strawberry.ID(record.id),
            role=record.role,
            unit=HsaId(record.unit),
            employee_hsa_id=HsaId(record.employee),
            since=record.since,
            by=Actor.of(record.by, record.principal),
        )


@strawberry.input(description="A role to grant to a person.")
class RoleGrantInput:
    unit: HsaId = strawberry.field(description="A principal or a clinic.")
    role: Role = strawberry.field(description="A role of persons that can be held at the unit.")
    employee: HsaId = strawberry.field(description="The person's HSA-id.")
    note: str | None = strawberry.field(default=None, description=NOTE)
    idempotency_key: str | None = strawberry.field(default=None, description=IDEMPOTENCY_KEY)


@strawberry.input(description="A grant to revoke.")
class RoleRevokeInput:
    id: strawberry.ID = strawberry.field(description="The grant.")
    note: str | None = strawberry.field(default=None, description=NOTE)
    idempotency_key: str | None = strawberry.field(default=None, description=IDEMPOTENCY_KEY)


@strawberry.input(description="A person whose identity is protected, or no longer protected.")
class PersonProtectInput:
    principal: HsaId = strawberry.field(description="The principal that protects the person.")
    employee: HsaId = strawberry.field(description="The person's HSA-id.")
    protected: bool = strawberry.field(
        description="Whether the registry keeps no name of the person."
    )
    note: str | None = strawberry.field(default=None, description=NOTE)
    idempotency_key: str | None = strawberry.field(default=None, description=IDEMPOTENCY_KEY)


@strawberry.type(
    description="The result of granting or revoking. With errors, nothing was written."
)
class RoleGrantPayload:
    role_grant: RoleGrant | None = strawberry.field(
        default=None, description="The grant, current or ended."
    )
    event: Event | None = strawberry.field(
        default=None, description="The event that was written to the log; null if nothing changed."
    )
    errors: list[UserError] = strawberry.field(
        default_factory=list, description="Why nothing was written; empty on success."
    )


async def _payload(info: Info, saved: records.Saved) -> RoleGrantPayload:
    found = await resolve.granted(info.context, saved)
    return RoleGrantPayload(
        role_grant=RoleGrant.of(found) if found else None,
        event=Event.of(saved.event) if saved.event else None,
    )


@strawberry.type
class RoleGrantMutation:
    @mutation(RoleGrantPayload, "Grants a person a role at a principal or a clinic.")
    async def role_grant(
        self, info: Info, input: InputArgument[RoleGrantInput]
    ) -> RoleGrantPayload:
        saved = await resolve.grant(
            info.context,
            input.unit,
            input.role,
            input.employee,
            note=input.note,
            key=key_of_call(info, input),
        )
        return await _payload(info, saved)

    @mutation(RoleGrantPayload, "Revokes a role that was granted in the registry.")
    async def role_revoke(
        self, info: Info, input: InputArgument[RoleRevokeInput]
    ) -> RoleGrantPayload:
        saved = await resolve.revoke(
            info.context, input.id, note=input.note, key=key_of_call(info, input)
        )
        return await _payload(info, saved)

    @mutation(
        EventPayload,
        "Erases the name of a person with protected identity and stops storing it, or allows"
        " storing it again. The name is stored again only when no principal protects the person.",
    )
    async def person_protect(
        self, info: Info, input: InputArgument[PersonProtectInput]
    ) -> EventPayload:
        saved = await resolve.protect(
            info.context,
            input.principal,
            input.employee,
            protected=input.protected,
            note=input.note,
            key=key_of_call(info, input),
        )
        return EventPayload(event=Event.of(saved.event) if saved.event else None)
