"""The registry's own table of roles, and persons with protected identity."""

from datetime import datetime

import strawberry

from resolvers.clinics import role_grants as resolve
from schema.clinics.orders import EventPayload
from schema.documents.documents import KEY, NOTE
from schema.enums import Role
from schema.errors import Given, Info, UserError, key_of_call, mutation
from schema.log.actors import Actor
from schema.log.events import Event
from schema.nodes import Node
from schema.scalars import HsaId
from store import records


@strawberry.type(
    description=(
        "A role that a person holds by the registry's own table, for those whose tokens carry none."
    )
)
class RoleGrant(Node):
    record: strawberry.Private[records.RoleGrant]
    role: Role = strawberry.field(description="Which role.")
    unit: HsaId = strawberry.field(description="The principal or clinic that it is held for.")
    employee_hsa_id: HsaId = strawberry.field(description="Who holds it.")
    since: datetime = strawberry.field(description="Since when.")
    by: Actor = strawberry.field(description="Who gave it.")

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


@strawberry.input(description="Who is given which role.")
class RoleGrantInput:
    unit: HsaId = strawberry.field(description="A principal or a clinic.")
    role: Role = strawberry.field(description="A person's role that can be held there.")
    employee: HsaId = strawberry.field(description="The person's HSA-id.")
    note: str | None = strawberry.field(default=None, description=NOTE)
    idempotency_key: str | None = strawberry.field(default=None, description=KEY)


@strawberry.input(description="Which grant is taken away.")
class RoleRevokeInput:
    id: strawberry.ID = strawberry.field(description="The grant.")
    note: str | None = strawberry.field(default=None, description=NOTE)
    idempotency_key: str | None = strawberry.field(default=None, description=KEY)


@strawberry.input(description="Whose identity is protected, or no longer.")
class PersonProtectInput:
    principal: HsaId = strawberry.field(description="Whose administrator says so.")
    employee: HsaId = strawberry.field(description="The person's HSA-id.")
    protected: bool = strawberry.field(description="Whether the name is kept out of everything.")
    note: str | None = strawberry.field(default=None, description=NOTE)
    idempotency_key: str | None = strawberry.field(default=None, description=KEY)


@strawberry.type(description="What an act on a role led to. With errors, nothing was written.")
class RoleGrantPayload:
    role_grant: RoleGrant | None = strawberry.field(
        default=None, description="The grant, ended or not."
    )
    event: Event | None = strawberry.field(
        default=None, description="The act as logged; null where nothing changed."
    )
    errors: list[UserError] = strawberry.field(
        default_factory=list, description="Why nothing was written."
    )


async def _payload(info: Info, saved: records.Saved) -> RoleGrantPayload:
    found = await resolve.granted(info.context, saved)
    return RoleGrantPayload(
        role_grant=RoleGrant.of(found) if found else None,
        event=Event.of(saved.event) if saved.event else None,
    )


@strawberry.type
class RoleGrantMutation:
    @mutation(RoleGrantPayload, "Gives a person a role at a principal or a clinic.")
    async def role_grant(self, info: Info, input: Given[RoleGrantInput]) -> RoleGrantPayload:
        saved = await resolve.grant(
            info.context,
            input.unit,
            input.role,
            input.employee,
            note=input.note,
            key=key_of_call(info, input),
        )
        return await _payload(info, saved)

    @mutation(RoleGrantPayload, "Takes a role away that was given here.")
    async def role_revoke(self, info: Info, input: Given[RoleRevokeInput]) -> RoleGrantPayload:
        saved = await resolve.revoke(
            info.context, input.id, note=input.note, key=key_of_call(info, input)
        )
        return await _payload(info, saved)

    @mutation(
        EventPayload,
        "Erases the name of a person with protected identity and keeps none from then on; or keeps"
        " names again.",
    )
    async def person_protect(self, info: Info, input: Given[PersonProtectInput]) -> EventPayload:
        saved = await resolve.protect(
            info.context,
            input.principal,
            input.employee,
            protected=input.protected,
            note=input.note,
            key=key_of_call(info, input),
        )
        return EventPayload(event=Event.of(saved.event) if saved.event else None)
