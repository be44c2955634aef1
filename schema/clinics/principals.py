"""Principals: the bodies responsible for clinics, with their groups, policies, roles and logs."""

from typing import TYPE_CHECKING, Annotated

import strawberry

from resolvers.clinics import groups, policies, role_grants
from resolvers.clinics import principals as resolve
from resolvers.log import events
from schema.clinics.clinic_filters import WhichClinics, criteria_of
from schema.clinics.enums import PrincipalKind
from schema.errors import Info
from schema.nodes import After, Before, ByHsaId, Connection, First, Last, Node, connection, paging
from schema.scalars import HsaId
from store import records

if TYPE_CHECKING:
    from schema.clinics.clinics import Clinic
    from schema.clinics.groups import ClinicGroup
    from schema.clinics.policies import Policies
    from schema.clinics.role_grants import RoleGrant
    from schema.log.events import Event, EventFilter


@strawberry.type(
    description=(
        "A body that is responsible for clinics (huvudman): the national management, a region or a"
        " municipality."
    )
)
class Principal(Node):
    record: strawberry.Private[records.Principal]
    hsa_id: HsaId = strawberry.field(description="HSA-id.")
    name: str = strawberry.field(description="Name.")
    kind: PrincipalKind = strawberry.field(description="National, region or municipality.")
    county_code: str | None = strawberry.field(
        description="County code, 2 digits; null if it has none."
    )

    @classmethod
    def of(cls, record: records.Principal) -> "Principal":
        return cls(
            record=record,
            id=strawberry.ID(record.id),
            hsa_id=HsaId(record.hsa_id),
            name=record.name,
            kind=record.kind,
            county_code=record.county_code,
        )

    @strawberry.field(description="Its clinics that the viewer may read, by HSA-id.")
    async def clinics(
        self, info: Info, filter: WhichClinics = None, first: First = None, after: After = None
    ) -> Connection[Annotated["Clinic", strawberry.lazy("schema.clinics.clinics")]]:
        from schema.clinics.clinics import (
            list_clinics,
        )

        return await list_clinics(info, criteria_of(filter, self.record.key), first, after)

    @strawberry.field(
        description=(
            "Its groups of clinics, by name. Empty for callers without a role for the whole"
            " principal."
        )
    )
    async def groups(
        self, info: Info, first: First = None, after: After = None
    ) -> Connection[Annotated["ClinicGroup", strawberry.lazy("schema.clinics.groups")]]:
        from schema.clinics.groups import ClinicGroup

        page = await groups.page(info.context, self.record.key, paging(first, after))
        return connection(page, ClinicGroup.of, lambda: groups.count(info.context, self.record.key))

    @strawberry.field(
        description=(
            "Its policies for its clinics; null for callers without a role at the principal."
        )
    )
    async def policies(
        self, info: Info
    ) -> Annotated["Policies", strawberry.lazy("schema.clinics.policies")] | None:
        from schema.clinics.policies import Policies

        found = await policies.get(info.context, self.record)
        return Policies.of(found) if found else None

    @strawberry.field(
        description=(
            "Roles granted in the registry's own table, at the principal and its clinics. Only for"
            " administrators and reviewers; empty for others."
        )
    )
    async def role_grants(
        self, info: Info, first: First = None, after: After = None
    ) -> Connection[Annotated["RoleGrant", strawberry.lazy("schema.clinics.role_grants")]]:
        from schema.clinics.role_grants import RoleGrant

        page = await role_grants.page(info.context, self.record.key, paging(first, after))
        return connection(
            page, RoleGrant.of, lambda: role_grants.count(info.context, self.record.key)
        )

    @strawberry.field(
        description=("Its log, newest first. Only for administrators, reviewers and reporters.")
    )
    async def events(
        self,
        info: Info,
        filter: Annotated[
            Annotated["EventFilter", strawberry.lazy("schema.log.events")] | None,
            strawberry.argument(description="Selects events; all without one."),
        ] = None,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Connection[Annotated["Event", strawberry.lazy("schema.log.events")]]:
        from schema.log.events import (
            Event,
            filter_of,
        )

        filter_ = filter_of(filter)
        page = await events.page(
            info.context, self.record.key, filter_, paging(first, after, last, before)
        )
        return connection(
            page, Event.of, lambda: events.count(info.context, self.record.key, filter_)
        )


@strawberry.type
class PrincipalQuery:
    @strawberry.field(description="All principals, by HSA-id.")
    async def principals(
        self, info: Info, first: First = None, after: After = None
    ) -> Connection[Principal]:
        page = await resolve.page(info.context, paging(first, after))
        return connection(page, Principal.of, lambda: resolve.count(info.context))

    @strawberry.field(description="A principal by HSA-id; null if there is none.")
    def principal(self, info: Info, hsa_id: ByHsaId) -> Principal | None:
        record = resolve.get(info.context, hsa_id)
        return Principal.of(record) if record else None
