"""Clinics: their directory data, case types, pages and notifications."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import strawberry

from resolvers.clinics import assignments, groups, local_adaptations, start_pages
from resolvers.clinics import clinics as resolve
from resolvers.clinics.selectors import ClinicCriteria, clinic_filter
from resolvers.log import notifications
from resolvers.reference import codes
from schema.clinics.clinic_filters import WhichClinics, criteria_of
from schema.clinics.enums import ClinicStatus, OrderedList
from schema.clinics.principals import Principal
from schema.errors import Info
from schema.nodes import After, ByHsaId, Connection, First, Node, connection, paging
from schema.scalars import HsaId
from store import records
from store.log.log import utc_now

if TYPE_CHECKING:
    from schema.clinics.assignments import Assignment
    from schema.clinics.groups import ClinicGroup
    from schema.clinics.local_adaptations import LocalAdaptation
    from schema.clinics.start_pages import StartPageEntry
    from schema.log.notifications import Notification


AsOf = Annotated[
    datetime | None,
    strawberry.argument(description="A moment; now by default, and for moments in the future."),
]


@strawberry.type(description="A coded value of the national directory. Unknown codes are accepted.")
class CodedValue:
    code: str = strawberry.field(description="The code.")
    name: str | None = strawberry.field(description="Its meaning, where known.")


@strawberry.type(description="An HSA unit activated in the e-services (mottagning).")
class Clinic(Node):
    record: strawberry.Private[records.Clinic]
    hsa_id: HsaId = strawberry.field(description="HSA-id, as imported.")
    name: str = strawberry.field(description="Name in the directory.")
    public_name: str | None = strawberry.field(description="Name for the public, where it differs.")
    management: list[str] = strawberry.field(description="Ownership, in plain text.")
    county_code: str | None = strawberry.field(description="2 digits.")
    municipality_code: str | None = strawberry.field(description="4 digits.")
    location: str | None = strawberry.field(description="Location, in plain text.")
    telephone_number: str | None = strawberry.field(
        description="Telephone number, as written in the directory."
    )
    financing_organizations: list[str] = strawberry.field(
        description="Organisation numbers of its financing organisations."
    )
    start_date: datetime | None = strawberry.field(description="When it starts.")
    end_date: datetime | None = strawberry.field(description="When it ends.")

    @classmethod
    def of(cls, record: records.Clinic) -> "Clinic":
        return cls(
            record=record,
            id=strawberry.ID(record.id),
            hsa_id=HsaId(record.hsa_id),
            name=record.name,
            public_name=record.public_name,
            management=list(record.management),
            county_code=record.county_code,
            municipality_code=record.municipality_code,
            location=record.location,
            telephone_number=record.telephone_number,
            financing_organizations=list(record.financing_organizations),
            start_date=record.start_date,
            end_date=record.end_date,
        )

    @strawberry.field(description="Whether case types can be distributed to it now.")
    def status(self) -> ClinicStatus:
        return self.record.status_at(utc_now())

    @strawberry.field(description="The principal that is responsible for it.")
    def principal(self, info: Info) -> Principal:
        return Principal.of(info.context.principals[self.record.principal])

    @strawberry.field(description="Its activities: verksamhetskoder.")
    def business_classifications(self) -> list[CodedValue]:
        return _coded(self.record.business_classifications, codes.BUSINESS_CLASSIFICATIONS)

    @strawberry.field(description="Kinds of unit.")
    def business_types(self) -> list[CodedValue]:
        return _coded(self.record.business_types, codes.BUSINESS_TYPES)

    @strawberry.field(description="Forms of care.")
    def care_types(self) -> list[CodedValue]:
        return _coded(self.record.care_types, codes.CARE_TYPES)

    @strawberry.field(
        description=(
            "The groups that it is in now. Empty for callers without a role for the whole"
            " principal."
        )
    )
    async def groups(
        self, info: Info
    ) -> list[Annotated["ClinicGroup", strawberry.lazy("schema.clinics.groups")]]:
        from schema.clinics.groups import ClinicGroup

        return [
            ClinicGroup.of(group) for group in await groups.of_clinic(info.context, self.record)
        ]

    @strawberry.field(
        description=(
            "The case types that residents see at the clinic, in order; none while the clinic is"
            " not active. With `asOf`, the page and its versions at that moment."
        )
    )
    async def start_page(
        self, info: Info, as_of: AsOf = None
    ) -> list[Annotated["StartPageEntry", strawberry.lazy("schema.clinics.start_pages")]]:
        return await _page(info, self.record, OrderedList.START_PAGE, as_of)

    @strawberry.field(
        description="The case types on the clinic's contact card on the public site, in order."
    )
    async def contact_card(
        self, info: Info, as_of: AsOf = None
    ) -> list[Annotated["StartPageEntry", strawberry.lazy("schema.clinics.start_pages")]]:
        return await _page(info, self.record, OrderedList.CONTACT_CARD, as_of)

    @strawberry.field(description="The case types that it has now.")
    async def assignments(
        self, info: Info, first: First = None, after: After = None
    ) -> Connection[Annotated["Assignment", strawberry.lazy("schema.clinics.assignments")]]:
        from schema.clinics.assignments import (
            Assignment,
        )

        listing = await assignments.listing_for(
            info.context, assignments.AssignmentCriteria(clinic=self.record.hsa_id), None
        )
        page = await assignments.page(info.context, listing, paging(first, after))
        return connection(page, Assignment.of, lambda: assignments.count(info.context, listing))

    @strawberry.field(
        description=("The clinic's local adaptation of a central case type; null if it has none.")
    )
    async def local_adaptation(
        self,
        info: Info,
        case_type: Annotated[
            strawberry.ID, strawberry.argument(description="The central case type.")
        ],
    ) -> Annotated["LocalAdaptation", strawberry.lazy("schema.clinics.local_adaptations")] | None:
        from schema.clinics.local_adaptations import (
            LocalAdaptation,
        )

        found = await local_adaptations.get(info.context, self.record, case_type)
        return LocalAdaptation.of(found, info) if found else None

    @strawberry.field(
        description="The clinic's inbox: its notifications, newest first. They are kept."
    )
    async def notifications(
        self,
        info: Info,
        unacknowledged_only: Annotated[
            bool | None,
            strawberry.argument(description="Only notifications that are not acknowledged."),
        ] = False,
        resident_visible_only: Annotated[
            bool | None,
            strawberry.argument(description="Leave out changes that residents cannot see."),
        ] = False,
        first: First = None,
        after: After = None,
    ) -> Connection[Annotated["Notification", strawberry.lazy("schema.log.notifications")]]:
        from schema.log.notifications import Notification

        which = {
            "unacknowledged_only": bool(unacknowledged_only),
            "resident_visible_only": bool(resident_visible_only),
        }
        page = await notifications.page(info.context, self.record, paging(first, after), **which)
        return connection(
            page,
            lambda notification: Notification.of(notification, self.record),
            lambda: notifications.count(info.context, self.record, **which),
        )

    @strawberry.field(description="Number of notifications that are not acknowledged.")
    async def unacknowledged_count(self, info: Info) -> int:
        notifications.require_inbox(info.context, self.record)
        return await notifications.count(
            info.context, self.record, unacknowledged_only=True, resident_visible_only=False
        )


async def _page(
    info: Info, clinic: records.Clinic, which: OrderedList, as_of: datetime | None
) -> "list[StartPageEntry]":
    from schema.clinics.start_pages import StartPageEntry

    return [
        StartPageEntry.of(entry, info)
        for entry in await start_pages.entries_of(info.context, clinic, which, as_of)
    ]


def _coded(codes: Sequence[str], names: Mapping[str, str]) -> list[CodedValue]:
    return [CodedValue(code=code, name=names.get(code)) for code in codes]


async def list_clinics(
    info: Info, criteria: ClinicCriteria, first: int | None, after: str | None
) -> Connection[Clinic]:
    """A page of the matching clinics that the viewer may read.

    They are ordered by HSA-id, or by similarity where the criteria name a similar clinic.
    """
    filter_ = await clinic_filter(info.context, criteria)
    page = await resolve.page(info.context, filter_, paging(first, after))
    return connection(page, Clinic.of, lambda: resolve.count(info.context, filter_))


@strawberry.type
class ClinicQuery:
    @strawberry.field(
        description="A clinic by HSA-id; null if there is none, or the viewer may not read it."
    )
    async def clinic(self, info: Info, hsa_id: ByHsaId) -> Clinic | None:
        record = await resolve.get(info.context, hsa_id)
        return Clinic.of(record) if record else None

    @strawberry.field(description="The clinics that the viewer may read, by HSA-id.")
    async def clinics(
        self, info: Info, filter: WhichClinics = None, first: First = None, after: After = None
    ) -> Connection[Clinic]:
        return await list_clinics(info, criteria_of(filter), first, after)
