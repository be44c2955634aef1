"""Rows of the reports on clinics: their case types, and how far they lag."""

from datetime import datetime

import strawberry

from resolvers.reports import clinics as resolve
from schema.clinics.clinics import Clinic
from schema.errors import Info
from schema.kinds.case_types import Adoption, CaseType
from schema.reports.report_nodes import case_type_of_row, clinic_of_row
from store.records import AssignmentOrigin


@strawberry.type(description="The number of case types that a clinic has.")
class ClinicCount:
    row: strawberry.Private[resolve.ClinicCount]
    case_types: int = strawberry.field(
        description="All case types of the clinic: as many as `assignments` lists."
    )
    distributed: int = strawberry.field(description="Those of them that the principal distributed.")
    followed: int = strawberry.field(description="Those of them that the clinic follows.")
    own: int = strawberry.field(
        description="Those of them that the clinic owns and that the viewer may read."
    )

    @classmethod
    def of(cls, row: resolve.ClinicCount) -> "ClinicCount":
        return cls(
            row=row,
            case_types=row.case_types,
            distributed=row.by_origin.get(AssignmentOrigin.DISTRIBUTED, 0),
            followed=row.by_origin.get(AssignmentOrigin.FOLLOWED, 0),
            own=row.by_origin.get(AssignmentOrigin.OWN, 0),
        )

    @strawberry.field(description="The clinic.")
    async def clinic(self, info: Info) -> Clinic:
        return await clinic_of_row(info, self.row.clinic)


@strawberry.type(
    description="The number of clinics that have a central case type, and its adoption."
)
class CaseTypeCount:
    row: strawberry.Private[resolve.CaseTypeCount]
    version: int | None = strawberry.field(
        description="The version that was published at that time."
    )
    clinics: int = strawberry.field(
        description="Clinics that have the case type: as many as `assignments` lists."
    )
    distributed: int = strawberry.field(description="Those of them that it was distributed to.")
    followed: int = strawberry.field(description="Those of them that follow it.")
    adoption: Adoption = strawberry.field(
        description=(
            "How many clinics have acknowledged which version, and since when the others lag."
        )
    )

    @classmethod
    def of(cls, row: resolve.CaseTypeCount) -> "CaseTypeCount":
        return cls(
            row=row,
            version=row.version,
            clinics=sum(row.by_origin.values()),
            distributed=row.by_origin.get(AssignmentOrigin.DISTRIBUTED, 0),
            followed=row.by_origin.get(AssignmentOrigin.FOLLOWED, 0),
            adoption=Adoption.of(row.version, row.adoption),
        )

    @strawberry.field(description="The case type.")
    async def case_type(self, info: Info) -> CaseType:
        return await case_type_of_row(info, self.row.document)


@strawberry.type(
    description=(
        "A clinic that has not acknowledged the published version of at least one of its central"
        " case types."
    )
)
class ClinicBehind:
    row: strawberry.Private[resolve.Behind]
    case_types: int = strawberry.field(
        description=(
            "In how many case types the clinic lags: as many as `assignments` lists with"
            " `behindOnly`."
        )
    )
    since: datetime = strawberry.field(
        description=(
            "Since when the clinic lags in the first of them: when another version than the"
            " acknowledged one was published. If the clinic has acknowledged no version: when it"
            " got the case type."
        )
    )

    @classmethod
    def of(cls, row: resolve.Behind) -> "ClinicBehind":
        return cls(row=row, case_types=row.case_types, since=row.since)

    @strawberry.field(description="The clinic.")
    async def clinic(self, info: Info) -> Clinic:
        return await clinic_of_row(info, self.row.clinic)
