"""The filter by which callers choose clinics, in every list of clinics and in distributions."""

from typing import Annotated

import strawberry

from resolvers.clinics.selectors import ClinicCriteria
from schema.enums import ClinicStatus
from schema.scalars import HsaId
from store.clinics import filters


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


def criteria_of(given: ClinicFilter | None, principal: str | None = None) -> ClinicCriteria:
    """As the resolvers have it."""
    if given is None:
        return ClinicCriteria(filters.ClinicFilter(principal=principal))
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
    return ClinicCriteria(which, group=given.group, similar_to=given.similar_to)
