"""Who did something.

The person is shown only to those who may see persons in that log; to the others role and unit.
"""

import strawberry

from schema.enums import Role
from schema.errors import Info
from schema.scalars import HsaId
from store import records
from store.records import key_of


@strawberry.type(
    description=(
        "Who did something. The person's fields are null where the viewer may only see role and"
        " unit."
    )
)
class Actor:
    record: strawberry.Private[records.Actor]
    log: strawberry.Private[str | None]
    role: Role = strawberry.field(description="The role in which it was done.")
    unit: HsaId | None = strawberry.field(
        description="HSA-id of the principal or clinic that the role is held for."
    )
    system: bool = strawberry.field(description="Whether it was a machine.")

    @classmethod
    def of(cls, record: records.Actor, log: str | None) -> "Actor":
        """An actor as found in a principal's log; `log` None for the viewer's own self."""
        return cls(
            record=record,
            log=log,
            role=record.role,
            unit=HsaId(record.unit) if record.unit else None,
            system=record.system,
        )

    @strawberry.field(description="The unit's name as it is today.")
    async def unit_name(self, info: Info) -> str | None:
        if self.record.unit is None:
            return None
        key = key_of(self.record.unit)
        if (principal := info.context.principals.get(key)) is not None:
            return principal.name
        clinic = await info.context.loaders.clinics.load(key)
        return clinic.name if clinic else None

    @strawberry.field(description="The person's HSA-id; null for those who may not see persons.")
    def employee_hsa_id(self, info: Info) -> HsaId | None:
        return (
            HsaId(self.record.employee_hsa_id)
            if self.record.employee_hsa_id and self._shown(info)
            else None
        )

    @strawberry.field(description="The person's name; null for those who may not see persons.")
    async def name(self, info: Info) -> str | None:
        if self.log is None:
            return info.context.viewer.name
        if self.record.employee_hsa_id is None or not self._shown(info):
            return None
        return await info.context.loaders.names.load(key_of(self.record.employee_hsa_id))

    def _shown(self, info: Info) -> bool:
        return self.log is None or info.context.rights.sees_persons(self.log)
