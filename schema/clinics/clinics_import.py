"""Imports a principal's clinics from a CSV file."""

import strawberry

from resolvers.clinics import clinics as resolve
from schema.errors import Info, UserError, mutation
from schema.inputs import IDEMPOTENCY_KEY, InputArgument, key_of_call
from schema.log.events import Event
from schema.scalars import HsaId


@strawberry.input(
    description=(
        "Clinics as CSV. The delimiter is `;` or `,`; a byte order mark is allowed; columns are in"
        " any order; several values in a cell are separated by `|`."
    )
)
class ClinicsImportInput:
    principal: HsaId = strawberry.field(description="The principal that the clinics belong to.")
    csv: str = strawberry.field(
        description=(
            "Header: hsaId, name, and any of publicName, businessClassification, businessType,"
            " careType, management, countyCode, municipalityCode, location, telephoneNumber,"
            " financingOrganization, startDate, endDate, status. At most 20,000 rows."
        )
    )
    dry_run: bool | None = strawberry.field(
        default=False, description="Check the file and count the changes without writing."
    )
    idempotency_key: str | None = strawberry.field(default=None, description=IDEMPOTENCY_KEY)


@strawberry.type(description="The result of an import. With errors, nothing was written.")
class ClinicsImportPayload:
    created: int | None = strawberry.field(default=None, description="Number of new clinics.")
    updated: int | None = strawberry.field(default=None, description="Number of changed clinics.")
    unchanged: int | None = strawberry.field(
        default=None, description="Number of clinics without a change."
    )
    event: Event | None = strawberry.field(
        default=None, description="The event that was written to the log; null if nothing changed."
    )
    errors: list[UserError] = strawberry.field(
        default_factory=list, description="Why nothing was written; empty on success."
    )


@strawberry.type
class ClinicImportMutation:
    @mutation(
        ClinicsImportPayload,
        "Creates and updates a principal's clinics from a CSV file: all rows or none. Importing the"
        " same file again changes nothing.",
    )
    async def clinics_import(
        self, info: Info, input: InputArgument[ClinicsImportInput]
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
