"""Importing a principal's clinics from a CSV file."""

import strawberry

from resolvers.clinics import clinics as resolve
from schema.errors import Given, Info, UserError, key_of_call, mutation
from schema.log.events import Event
from schema.scalars import HsaId


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
    event: Event | None = strawberry.field(
        default=None, description="The act as logged; null where nothing changed."
    )
    errors: list[UserError] = strawberry.field(
        default_factory=list, description="Why nothing was written."
    )


@strawberry.type
class ClinicImportMutation:
    @mutation(
        ClinicsImportPayload,
        "Make or change a principal's clinics from a CSV file: all rows or none. The same file"
        " twice changes nothing.",
    )
    async def clinics_import(
        self, info: Info, input: Given[ClinicsImportInput]
    ) -> ClinicsImportPayload:
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
