"""The filter by which callers select clinics, in every list of clinics and in distributions."""

from typing import Annotated

import strawberry

from resolvers.clinics.selectors import ClinicCriteria
from schema.clinics.enums import ClinicStatus
from schema.scalars import HsaId
from store.clinics import filters


@strawberry.input(
    description=(
        "A filter for clinics. Fields that are left out do not restrict it. A list matches a clinic"
        " that has any of its values."
    )
)
class ClinicFilter:
    text: str | None = strawberry.field(
        default=None,
        description=(
            "Each word is the start of a word in the clinic's names, location or HSA-id. Case and"
            " accents do not matter, but å, ä and ö are letters of their own. At most 200"
            " characters."
        ),
    )
    business_classifications: list[str] | None = strawberry.field(
        default=None, description="Verksamhetskoder, 4 digits."
    )
    business_types: list[str] | None = strawberry.field(
        default=None, description="Codes: 01 hospital, 02 vårdcentral, 03 remote …"
    )
    care_types: list[str] | None = strawberry.field(
        default=None, description="Codes: 01 outpatient, 02 inpatient, 03 home care."
    )
    management: list[str] | None = strawberry.field(
        default=None, description="Ownership, in plain text."
    )
    county_codes: list[str] | None = strawberry.field(default=None, description="2 digits.")
    municipality_codes: list[str] | None = strawberry.field(default=None, description="4 digits.")
    group: strawberry.ID | None = strawberry.field(default=None, description="In this group now.")
    similar_to: HsaId | None = strawberry.field(
        default=None,
        description=(
            "Shares a business classification with this clinic, or a business type where this"
            " clinic has no business classification. The most similar clinics come first, by shared"
            " business classifications, business types and care types."
        ),
    )
    status: list[ClinicStatus] | None = strawberry.field(
        default=None, description="In any of these states."
    )


WhichClinics = Annotated[
    ClinicFilter | None,
    strawberry.argument(description="Selects clinics; all that the viewer may read without one."),
]


def criteria_of(filter: ClinicFilter | None, principal: str | None = None) -> ClinicCriteria:
    """The filter as the resolvers take it, within a principal where its key is given."""
    if filter is None:
        return ClinicCriteria(filters.ClinicFilter(principal=principal))
    conditions = filters.ClinicFilter(
        principal=principal,
        text=filter.text,
        business_classifications=filter.business_classifications,
        business_types=filter.business_types,
        care_types=filter.care_types,
        management=filter.management,
        county_codes=filter.county_codes,
        municipality_codes=filter.municipality_codes,
        statuses=filter.status,
    )
    return ClinicCriteria(conditions, group=filter.group, similar_to=filter.similar_to)
