"""The person or machine behind an event or a version.

The person is visible only to callers who may see persons in that log. Other callers see the role
and the unit.
"""

import strawberry

from schema.clinics.enums import Role
from schema.errors import Info
from schema.scalars import HsaId
from store import records
from store.records import key_of


@strawberry.type(
    description=(
        "The person or machine behind a change. The fields of the person are null if the viewer may"
        " see only the role and the unit."
    )
)
class Actor:
    record: strawberry.Private[records.Actor]
    log: strawberry.Private[str | None]
    role: Role = strawberry.field(description="The role in which the actor made the change.")
    unit: HsaId | None = strawberry.field(
        description="HSA-id of the principal or clinic for which the actor holds the role."
    )
    system: bool = strawberry.field(description="Whether the actor is a machine.")

    @classmethod
    def of(cls, record: records.Actor, log: str | None) -> "Actor":
        """Convert a stored actor.

        Args:
            record: The actor.
            log: Key of the principal whose log it is from; None for the viewer.
        """
        return cls(
            record=record,
            log=log,
            role=record.role,
            unit=HsaId(record.unit) if record.unit else None,
            system=record.system,
        )

    @strawberry.field(description="The current name of the unit.")
    async def unit_name(self, info: Info) -> str | None:
        if self.record.unit is None:
            return None
        key = key_of(self.record.unit)
        if (principal := info.context.principals.get(key)) is not None:
            return principal.name
        clinic = await info.context.loaders.clinics.load(key)
        return clinic.name if clinic else None

    @strawberry.field(description="HSA-id of the person; null for callers who may not see persons.")
    def employee_hsa_id(self, info: Info) -> HsaId | None:
        return (
            HsaId(self.record.employee_hsa_id)
            if self.record.employee_hsa_id and self._is_person_visible(info)
            else None
        )

    @strawberry.field(description="Name of the person; null for callers who may not see persons.")
    async def name(self, info: Info) -> str | None:
        if self.log is None:
            return info.context.viewer.name
        if self.record.employee_hsa_id is None or not self._is_person_visible(info):
            return None
        return await info.context.loaders.names.load(key_of(self.record.employee_hsa_id))

    def _is_person_visible(self, info: Info) -> bool:
        return self.log is None or info.context.rights.sees_persons(self.log)
