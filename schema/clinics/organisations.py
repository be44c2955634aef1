"""Principals and clinics: who answers for whom, what clinics are told, and importing clinics."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import strawberry

from resolvers.clinics import (
    assignments,
    groups,
    local_adaptations,
    policies,
    role_grants,
    start_pages,
)
from resolvers.clinics import clinics as resolve
from resolvers.clinics.selections import Wish, filter_of
from resolvers.log import events, notifications
from resolvers.reference import codes
from schema.enums import ClinicStatus, OrderedList, PrincipalKind
from schema.errors import Given, Info, UserError, key_of_call, mutation
from schema.nodes import After, Before, ByHsaId, Connection, First, Last, Node, connection, paging
from schema.scalars import HsaId
from store import records
from store.clinics import filters
from store.log.log import utc_now

if TYPE_CHECKING:
    from schema.clinics.assignments import Assignment
    from schema.clinics.groups import ClinicGroup
    from schema.clinics.local_adaptations import LocalAdaptation
    from schema.clinics.policies import Policies
    from schema.clinics.role_grants import RoleGrant
    from schema.clinics.start_pages import StartPageEntry
    from schema.log.events import Event, EventFilter, Notification


AsOf = Annotated[
    datetime | None,
    strawberry.argument(description="A moment; now without one, and for moments to come."),
]


@strawberry.type(
    description="A coded value of the national directory. Code lists change: unknown codes pass."
)
class CodedValue:
    code: str = strawberry.field(description="As stored.")
    name: str | None = strawberry.field(description="What it stands for, where known.")


@strawberry.input(
    description=(
        "Which clinics; what is left out does not matter. A list matches a clinic that has any of"
        " its values."
    )
)
class ClinicFilter:
    text: str | None = strawberry.field(
        default=None,
        description=(
            "Each word begins a word of its names, place or HSA-id; å, ä and ö are letters of their"
            " own. At most 200 characters."
        ),
    )
    business_classifications: list[str] | None = strawberry.field(
        default=None, description="Verksamhetskoder, 4 digits."
    )
    business_types: list[str] | None = strawberry.field(
        default=None, description="01 hospital, 02 vårdcentral, 03 remote …"
    )
    care_types: list[str] | None = strawberry.field(
        default=None, description="01 open, 02 in-patient, 03 home care."
    )
    management: list[str] | None = strawberry.field(
        default=None, description="Ownership, in plain text."
    )
    county_codes: list[str] | None = strawberry.field(default=None, description="2 digits.")
    municipality_codes: list[str] | None = strawberry.field(default=None, description="4 digits.")
    group: strawberry.ID | None = strawberry.field(default=None, description="In this group.")
    similar_to: HsaId | None = strawberry.field(
        default=None,
        description=(
            "Sharing a business classification with this clinic (a business type where it has"
            " none): the most alike first, by shared business classifications, business types and"
            " care types."
        ),
    )
    status: list[ClinicStatus] | None = strawberry.field(default=None, description="Any of these.")


WhichClinics = Annotated[
    ClinicFilter | None,
    strawberry.argument(description="Which; all that the viewer may read without."),
]


def wish_of(given: ClinicFilter | None, principal: str | None = None) -> Wish:
    """As the resolvers have it."""
    if given is None:
        return Wish(filters.ClinicFilter(principal=principal))
    which = filters.ClinicFilter(
        principal=principal,
        text=given.text,
        business_classifications=given.business_classifications,
        business_types=given.business_types,
        care_types=given.care_types,
        management=given.management,
        county_codes=given.county_codes,
        municipality_codes=given.municipality_codes,
        statuses=given.status,
    )
    return Wish(which, group=given.group, similar_to=given.similar_to)


@strawberry.type(
    description=(
        "Who answers for clinics (huvudman): the national management, a region or a municipality."
    )
)
class Principal(Node):
    record: strawberry.Private[records.Principal]
    hsa_id: HsaId = strawberry.field(description="Its HSA-id.")
    name: str = strawberry.field(description="Its name.")
    kind: PrincipalKind = strawberry.field(description="National, region or municipality.")
    county_code: str | None = strawberry.field(description="2 digits.")

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
    ) -> "Connection[Clinic]":
        return await list_clinics(info, wish_of(filter, self.record.key), first, after)

    @strawberry.field(
        description=(
            "Its groups of clinics, by name. For those who hold a role for the whole principal."
        )
    )
    async def groups(
        self, info: Info, first: First = None, after: After = None
    ) -> Connection[Annotated["ClinicGroup", strawberry.lazy("schema.clinics.groups")]]:
        from schema.clinics.groups import ClinicGroup  # noqa: PLC0415 - groups refer back to principals

        page = await groups.page(info.context, self.record.key, paging(first, after))
        return connection(page, ClinicGroup.of, lambda: groups.count(info.context, self.record.key))

    @strawberry.field(
        description=(
            "What it has decided for its clinics. For those who hold a role there; null for others."
        )
    )
    async def policies(
        self, info: Info
    ) -> Annotated["Policies", strawberry.lazy("schema.clinics.policies")] | None:
        from schema.clinics.policies import Policies  # noqa: PLC0415 - policies refer back to principals

        found = await policies.get(info.context, self.record)
        return Policies.of(found) if found else None

    @strawberry.field(
        description=(
            "Roles given in the registry's own table, at the principal and its clinics. For"
            " administrators and reviewers."
        )
    )
    async def role_grants(
        self, info: Info, first: First = None, after: After = None
    ) -> Connection[Annotated["RoleGrant", strawberry.lazy("schema.clinics.role_grants")]]:
        from schema.clinics.role_grants import RoleGrant  # noqa: PLC0415 - grants refer back to principals

        page = await role_grants.page(info.context, self.record.key, paging(first, after))
        return connection(
            page, RoleGrant.of, lambda: role_grants.count(info.context, self.record.key)
        )

    @strawberry.field(
        description=(
            "Its log, newest first. For those who may read it: administrators, reviewers,"
            " reporters."
        )
    )
    async def events(
        self,
        info: Info,
        filter: Annotated[
            Annotated["EventFilter", strawberry.lazy("schema.log.events")] | None,
            strawberry.argument(description="Which acts; all without."),
        ] = None,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Connection[Annotated["Event", strawberry.lazy("schema.log.events")]]:
        from schema.log.events import (  # noqa: PLC0415 - events refer back to principals
            Event,
            filter_of,
        )

        which = filter_of(filter)
        page = await events.page(
            info.context, self.record.key, which, paging(first, after, last, before)
        )
        return connection(
            page, Event.of, lambda: info.context.store.history.count_events(self.record.key, which)
        )


@strawberry.type(description="An HSA unit activated in the e-services (mottagning).")
class Clinic(Node):
    record: strawberry.Private[records.Clinic]
    hsa_id: HsaId = strawberry.field(description="Its HSA-id, as given.")
    name: str = strawberry.field(description="Its name in the directory.")
    public_name: str | None = strawberry.field(
        description="Its name for the public, where it has another."
    )
    management: list[str] = strawberry.field(description="Ownership, in plain text.")
    county_code: str | None = strawberry.field(description="2 digits.")
    municipality_code: str | None = strawberry.field(description="4 digits.")
    location: str | None = strawberry.field(description="Where it is.")
    telephone_number: str | None = strawberry.field(description="As written in the directory.")
    financing_organizations: list[str] = strawberry.field(
        description="Organisation numbers of those who finance it."
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

    @strawberry.field(description="Whether it can be handed case types now.")
    def status(self) -> ClinicStatus:
        return self.record.status_at(utc_now())

    @strawberry.field(description="Who answers for it.")
    def principal(self, info: Info) -> Principal:
        return Principal.of(info.context.principals[self.record.principal])

    @strawberry.field(description="What it does: verksamhetskoder.")
    def business_classifications(self) -> list[CodedValue]:
        return _coded(self.record.business_classifications, codes.BUSINESS_CLASSIFICATIONS)

    @strawberry.field(description="What kind of unit it is.")
    def business_types(self) -> list[CodedValue]:
        return _coded(self.record.business_types, codes.BUSINESS_TYPES)

    @strawberry.field(description="What form of care it gives.")
    def care_types(self) -> list[CodedValue]:
        return _coded(self.record.care_types, codes.CARE_TYPES)

    @strawberry.field(
        description=(
            "The groups that it is in now. For those who hold a role for its whole principal."
        )
    )
    async def groups(
        self, info: Info
    ) -> list[Annotated["ClinicGroup", strawberry.lazy("schema.clinics.groups")]]:
        from schema.clinics.groups import ClinicGroup  # noqa: PLC0415 - groups refer back to clinics

        return [
            ClinicGroup.of(group) for group in await groups.of_clinic(info.context, self.record)
        ]

    @strawberry.field(
        description=(
            "What residents meet at the clinic, in order; nothing while it is not active. With"
            " `asOf`, as it was at that moment, version by version."
        )
    )
    async def start_page(
        self, info: Info, as_of: AsOf = None
    ) -> list[Annotated["StartPageEntry", strawberry.lazy("schema.clinics.start_pages")]]:
        return await _page(info, self.record, OrderedList.START_PAGE, as_of)

    @strawberry.field(
        description="The case types on the clinic's card on the public site, in order."
    )
    async def contact_card(
        self, info: Info, as_of: AsOf = None
    ) -> list[Annotated["StartPageEntry", strawberry.lazy("schema.clinics.start_pages")]]:
        return await _page(info, self.record, OrderedList.CONTACT_CARD, as_of)

    @strawberry.field(description="The case types that it has now.")
    async def assignments(
        self, info: Info, first: First = None, after: After = None
    ) -> Connection[Annotated["Assignment", strawberry.lazy("schema.clinics.assignments")]]:
        from schema.clinics.assignments import (  # noqa: PLC0415 - assignments refer back to clinics
            Assignment,
        )

        what = await assignments.listed(
            info.context, assignments.Wish(clinic=self.record.hsa_id), None
        )
        page = await assignments.page(info.context, what, paging(first, after))
        return connection(page, Assignment.of, lambda: assignments.count(info.context, what))

    @strawberry.field(
        description=(
            "What the clinic has added to a central case type; null where it has added nothing."
        )
    )
    async def local_adaptation(
        self,
        info: Info,
        case_type: Annotated[
            strawberry.ID, strawberry.argument(description="The central case type.")
        ],
    ) -> Annotated["LocalAdaptation", strawberry.lazy("schema.clinics.local_adaptations")] | None:
        from schema.clinics.local_adaptations import (  # noqa: PLC0415 - adaptations refer back to clinics
            LocalAdaptation,
        )

        found = await local_adaptations.get(info.context, self.record, case_type)
        return LocalAdaptation.of(found, info) if found else None

    @strawberry.field(description="What it was told, newest first: its durable inbox.")
    async def notifications(
        self,
        info: Info,
        unacknowledged_only: Annotated[
            bool | None, strawberry.argument(description="Only what was not acknowledged.")
        ] = False,
        resident_visible_only: Annotated[
            bool | None, strawberry.argument(description="Leave out what residents don't notice.")
        ] = False,
        first: First = None,
        after: After = None,
    ) -> Connection[Annotated["Notification", strawberry.lazy("schema.log.events")]]:
        from schema.log.events import (  # noqa: PLC0415 - notifications refer back to clinics
            Notification,
        )

        which = {
            "unacknowledged_only": bool(unacknowledged_only),
            "resident_visible_only": bool(resident_visible_only),
        }
        page = await notifications.page(info.context, self.record, paging(first, after), **which)
        return connection(
            page,
            lambda told: Notification.of(told, self.record),
            lambda: notifications.count(info.context, self.record, **which),
        )

    @strawberry.field(description="How many notifications were not acknowledged.")
    async def unacknowledged_count(self, info: Info) -> int:
        notifications.require_inbox(info.context, self.record)
        return await notifications.count(
            info.context, self.record, unacknowledged_only=True, resident_visible_only=False
        )


async def _page(
    info: Info, clinic: records.Clinic, which: OrderedList, as_of: datetime | None
) -> "list[StartPageEntry]":
    from schema.clinics.start_pages import StartPageEntry  # noqa: PLC0415 - pages refer back to clinics

    return [
        StartPageEntry.of(entry, info)
        for entry in await start_pages.entries(info.context, clinic, which, as_of)
    ]


def _coded(codes: Sequence[str], names: Mapping[str, str]) -> list[CodedValue]:
    return [CodedValue(code=code, name=names.get(code)) for code in codes]


async def list_clinics(
    info: Info, wish: Wish, first: int | None, after: str | None
) -> Connection[Clinic]:
    """Clinics that match and that the viewer may read, by HSA-id; the most alike first where
    similar ones are asked for.
    """
    which = await filter_of(info.context, wish)
    page = await resolve.page(info.context, which, paging(first, after))
    return connection(page, Clinic.of, lambda: resolve.count(info.context, which))


@strawberry.input(
    description=(
        "Clinics as CSV: `;` or `,`, with or without byte order mark, columns in any order, several"
        " values in a cell parted by `|`."
    )
)
class ClinicsImportInput:
    principal: HsaId = strawberry.field(description="Whose clinics they are.")
    csv: str = strawberry.field(
        description=(
            "Header: hsaId, name, and any of publicName, businessClassification, businessType,"
            " careType, management, countyCode, municipalityCode, location, telephoneNumber,"
            " financingOrganization, startDate, endDate, status. At most 20,000 rows."
        )
    )
    dry_run: bool | None = strawberry.field(
        default=False, description="Only say what would happen."
    )
    idempotency_key: str | None = strawberry.field(
        default=None, description="The same key answers the first call's result again."
    )


@strawberry.type(description="What an import did. With errors, nothing was written.")
class ClinicsImportPayload:
    created: int | None = strawberry.field(default=None, description="Clinics that are new.")
    updated: int | None = strawberry.field(default=None, description="Clinics that changed.")
    unchanged: int | None = strawberry.field(
        default=None, description="Clinics that were so already."
    )
    event: Annotated["Event", strawberry.lazy("schema.log.events")] | None = strawberry.field(
        default=None, description="The act as logged; null where nothing changed."
    )
    errors: list[UserError] = strawberry.field(
        default_factory=list, description="Why nothing was written."
    )


@strawberry.type
class OrganisationQuery:
    @strawberry.field(description="All principals, by HSA-id.")
    async def principals(
        self, info: Info, first: First = None, after: After = None
    ) -> Connection[Principal]:
        page = await info.context.store.principals.page(paging(first, after))
        return connection(page, Principal.of, _count_principals(info))

    @strawberry.field(description="A principal by HSA-id; null where there is none.")
    def principal(self, info: Info, hsa_id: ByHsaId) -> Principal | None:
        record = info.context.principals.get(records.key_of(hsa_id))
        return Principal.of(record) if record else None

    @strawberry.field(
        description="A clinic by HSA-id; null where there is none, or the viewer may not read it."
    )
    async def clinic(self, info: Info, hsa_id: ByHsaId) -> Clinic | None:
        record = await resolve.get(info.context, hsa_id)
        return Clinic.of(record) if record else None

    @strawberry.field(description="The clinics that the viewer may read, by HSA-id.")
    async def clinics(
        self, info: Info, filter: WhichClinics = None, first: First = None, after: After = None
    ) -> Connection[Clinic]:
        return await list_clinics(info, wish_of(filter), first, after)


def _count_principals(info: Info) -> Callable[[], Awaitable[int]]:
    async def count() -> int:
        return len(info.context.principals)

    return count


@strawberry.type
class OrganisationMutation:
    @mutation(
        ClinicsImportPayload,
        "Make or change a principal's clinics from a CSV file: all rows or none. The same file"
        " twice changes nothing.",
    )
    async def clinics_import(
        self, info: Info, input: Given[ClinicsImportInput]
    ) -> ClinicsImportPayload:
        from schema.log.events import Event  # noqa: PLC0415 - events refer back to principals

        saved = await resolve.import_csv(
            info.context,
            input.principal,
            input.csv,
            dry_run=bool(input.dry_run),
            key=key_of_call(info, input),
        )
        return ClinicsImportPayload(
            event=Event.of(saved.event) if saved.event else None,
            created=saved.counts["created"],
            updated=saved.counts["updated"],
            unchanged=saved.counts["unchanged"],
        )
