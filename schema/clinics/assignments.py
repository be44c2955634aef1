"""Assignments: the case types that clinics have, follow, show and hide."""

from datetime import datetime
from typing import Annotated

import strawberry

from resolvers.clinics import assignments as resolve
from resolvers.clinics import distribution
from schema.clinics.clinics import AsOf, Clinic
from schema.clinics.enums import AssignmentOrder, AssignmentOrigin, CentralActivation
from schema.documents.enums import DocumentState
from schema.errors import Info, UserError, mutation
from schema.inputs import IDEMPOTENCY_KEY, NOTE, InputArgument, key_of_call
from schema.kinds.case_types import CaseType
from schema.kinds.enums import CaseTypeScope
from schema.log.actors import Actor
from schema.log.events import Event
from schema.nodes import After, Connection, First, Node, connection, paging
from schema.scalars import HsaId
from schema.selected_fields import needs_whole
from store import records

OWNERS = {
    CaseTypeScope.CENTRAL: records.OwnerKind.PRINCIPAL,
    CaseTypeScope.LOCAL: records.OwnerKind.CLINIC,
}


@strawberry.type(description="A case type at a clinic.")
class Assignment(Node):
    record: strawberry.Private[records.Assignment]
    origin: AssignmentOrigin = strawberry.field(description="How the clinic got it.")
    since: datetime = strawberry.field(
        description="When the clinic got it, or when it was last shown or hidden there."
    )
    until: datetime | None = strawberry.field(
        description="When the assignment ended; null while it is current."
    )
    by: Actor = strawberry.field(description="Who assigned, showed or hid it.")

    @classmethod
    def of(cls, record: records.Assignment) -> "Assignment":
        return cls(
            record=record,
            id=strawberry.ID(record.id),
            origin=record.origin,
            since=record.since,
            until=record.until,
            by=Actor.of(record.by, record.principal),
        )

    @strawberry.field(
        description=(
            "Whether residents see it there; false where the clinic has not shown it yet, or where"
            " it was hidden."
        )
    )
    async def active(self, info: Info) -> bool:
        if not self.record.waiting:
            return self.record.active
        policies = await info.context.loaders.policies.load(self.record.principal)
        return policies is None or policies.central_activation is CentralActivation.PRINCIPAL

    @strawberry.field(description="The clinic that has the case type.")
    async def clinic(self, info: Info) -> Clinic:
        found = await info.context.loaders.clinics.load(self.record.clinic)
        if found is None:
            raise LookupError(f"clinic of assignment {self.record.id}")
        return Clinic.of(found)

    @strawberry.field(description="The case type.")
    async def case_type(self, info: Info) -> CaseType:
        found = await info.context.loaders.documents.load(
            self.record.document, whole=needs_whole(info)
        )
        if found is None:
            raise LookupError(f"case type of assignment {self.record.id}")
        return CaseType.of(found, info)

    @strawberry.field(
        description=(
            "The published version that the clinic had been notified of when it last acknowledged;"
            " null before the first acknowledgement."
        )
    )
    def acknowledged_version(self) -> int | None:
        return self.record.acknowledged_version

    @strawberry.field(
        description=(
            "Position on the clinic's start page, from 1, among all case types that the clinic has,"
            " including those not shown."
        )
    )
    async def start_page_order(self, info: Info) -> int:
        return await resolve.start_page_position(info.context, self.record)

    @strawberry.field(
        description=(
            "Position on the clinic's contact card, from 1; null if the published version is not"
            " for the contact card."
        )
    )
    async def contact_card_order(self, info: Info) -> int | None:
        return await resolve.contact_card_position(info.context, self.record)


@strawberry.input(
    description="A filter for assignments. Fields that are left out do not restrict the list."
)
class AssignmentFilter:
    clinic: HsaId | None = strawberry.field(default=None, description="At this clinic.")
    case_type: strawberry.ID | None = strawberry.field(
        default=None, description="Of this case type."
    )
    group: strawberry.ID | None = strawberry.field(
        default=None, description="At the clinics that are in this group now."
    )
    origin: AssignmentOrigin | None = strawberry.field(
        default=None, description="That the clinics got in this way."
    )
    behind_only: bool | None = strawberry.field(
        default=None,
        description=(
            "Of central case types whose published version the clinic has not acknowledged. Cannot"
            " be combined with `asOf`."
        ),
    )
    principal: HsaId | None = strawberry.field(
        default=None, description="At clinics of this principal."
    )
    scope: CaseTypeScope | None = strawberry.field(
        default=None, description="Of central case types, or of local ones."
    )
    state: list[DocumentState] | None = strawberry.field(
        default=None,
        description=(
            "Of case types that are in any of these states now. Case types at clinics are active or"
            " inactive. Cannot be combined with `asOf`."
        ),
    )
    business_classifications: list[str] | None = strawberry.field(
        default=None,
        description="At clinics that have any of these verksamhetskoder now, 4 digits.",
    )
    acknowledged_version: int | None = strawberry.field(
        default=None,
        description=(
            "Where the clinic has acknowledged this version. Needs `caseType`; cannot be combined"
            " with `asOf`."
        ),
    )
    since: datetime | None = strawberry.field(
        default=None, description="With `since` at this moment or later."
    )
    until: datetime | None = strawberry.field(
        default=None, description="With `since` before this moment."
    )

    def criteria(self) -> resolve.AssignmentCriteria:
        """The filter as the resolvers take it."""
        return resolve.AssignmentCriteria(
            clinic=self.clinic,
            case_type=self.case_type,
            group=self.group,
            origin=self.origin,
            behind_only=bool(self.behind_only),
            principal=self.principal,
            scope=OWNERS[self.scope] if self.scope else None,
            states=self.state,
            business_classifications=self.business_classifications,
            acknowledged_version=self.acknowledged_version,
            since=self.since,
            until=self.until,
        )


@strawberry.type
class AssignmentQuery:
    @strawberry.field(
        description=(
            "The case types that clinics have, within what the viewer may read; with `asOf`, at"
            " that moment. Callers who can read several principals must give a principal, clinic,"
            " case type or group when they use `asOf` or an order by time, since each principal has"
            " its own log."
        )
    )
    async def assignments(
        self,
        info: Info,
        filter: Annotated[
            AssignmentFilter | None,
            strawberry.argument(description="Selects assignments; all without one."),
        ] = None,
        as_of: AsOf = None,
        order_by: Annotated[
            AssignmentOrder | None,
            strawberry.argument(description="The order; by clinic, then case type, by default."),
        ] = AssignmentOrder.CLINIC_ASC,
        first: First = None,
        after: After = None,
    ) -> Connection[Assignment]:
        criteria = filter.criteria() if filter else resolve.AssignmentCriteria()
        listing = await resolve.listing_for(
            info.context, criteria, as_of, order_by or AssignmentOrder.CLINIC_ASC
        )
        return await list_assignments(info, listing, first, after)


async def list_assignments(
    info: Info, listing: resolve.AssignmentListing | None, first: int | None, after: str | None
) -> Connection[Assignment]:
    """A page of a list of assignments; empty for None."""
    page = await resolve.page(info.context, listing, paging(first, after))
    return connection(page, Assignment.of, lambda: resolve.count(info.context, listing))


@strawberry.input(description="A case type and a clinic.")
class CaseTypeFollowInput:
    case_type: strawberry.ID = strawberry.field(
        description="A central case type of the clinic's principal."
    )
    clinic: HsaId = strawberry.field(description="The clinic.")
    note: str | None = strawberry.field(default=None, description=NOTE)
    idempotency_key: str | None = strawberry.field(default=None, description=IDEMPOTENCY_KEY)


@strawberry.type(
    description="The result of a change at a clinic. With errors, nothing was written."
)
class AssignmentPayload:
    assignment: Assignment | None = strawberry.field(
        default=None, description="The case type at the clinic after the change."
    )
    event: Event | None = strawberry.field(
        default=None, description="The event that was written to the log; null if nothing changed."
    )
    errors: list[UserError] = strawberry.field(
        default_factory=list, description="Why nothing was written; empty on success."
    )


async def _payload(info: Info, saved: records.Saved) -> AssignmentPayload:
    found = await info.context.loaders.assignments.load(saved.target) if saved.target else None
    return AssignmentPayload(
        assignment=Assignment.of(found) if found else None,
        event=Event.of(saved.event) if saved.event else None,
    )


@strawberry.type
class AssignmentMutation:
    @mutation(
        AssignmentPayload,
        "Makes a clinic follow a published central case type. The clinic is notified of its updates"
        " from then on.",
    )
    async def case_type_follow(
        self, info: Info, input: InputArgument[CaseTypeFollowInput]
    ) -> AssignmentPayload:
        saved = await distribution.follow(
            info.context,
            input.case_type,
            input.clinic,
            note=input.note,
            key=key_of_call(info, input, "follow"),
        )
        return await _payload(info, saved)

    @mutation(
        AssignmentPayload,
        "Makes a clinic stop following a case type. A distributed case type can only be withdrawn"
        " by its principal.",
    )
    async def case_type_unfollow(
        self, info: Info, input: InputArgument[CaseTypeFollowInput]
    ) -> AssignmentPayload:
        saved = await distribution.unfollow(
            info.context,
            input.case_type,
            input.clinic,
            note=input.note,
            key=key_of_call(info, input, "unfollow"),
        )
        return await _payload(info, saved)

    @mutation(
        AssignmentPayload,
        "Shows a central case type to residents at one clinic. Allowed for the clinic itself where"
        " the policy of its principal lets clinics activate case types.",
    )
    async def case_type_show(
        self, info: Info, input: InputArgument[CaseTypeFollowInput]
    ) -> AssignmentPayload:
        saved = await distribution.show(
            info.context,
            input.case_type,
            input.clinic,
            shown=True,
            note=input.note,
            key=key_of_call(info, input, "show"),
        )
        return await _payload(info, saved)

    @mutation(
        AssignmentPayload,
        "Hides a central case type from residents at one clinic. Only for the principal; clinics"
        " ask the principal to do it.",
    )
    async def case_type_hide(
        self, info: Info, input: InputArgument[CaseTypeFollowInput]
    ) -> AssignmentPayload:
        saved = await distribution.show(
            info.context,
            input.case_type,
            input.clinic,
            shown=False,
            note=input.note,
            key=key_of_call(info, input, "hide"),
        )
        return await _payload(info, saved)
