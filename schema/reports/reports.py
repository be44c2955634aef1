"""Reports: counts of what is used where, in which version, and since when.

For the same viewer and the same time, a report counts exactly what a list of the API shows:
`assignments`, `caseTypes` or `Clinic.notifications`.
"""

from datetime import datetime
from typing import Annotated

import strawberry

from resolvers.reports import acknowledgement_times, authoring, clinics
from resolvers.reports.coverage import Coverage, coverage
from schema.clinics.clinic_filters import WhichClinics, criteria_of
from schema.clinics.clinics import AsOf
from schema.errors import Info
from schema.nodes import After, Connection, First, connection, known_count, paging
from schema.reports.acknowledgement_times import AcknowledgementTimes
from schema.reports.authoring import (
    AdaptationCount,
    AdaptedText,
    DuplicateCount,
    MonthlyEdits,
    TemplateCount,
)
from schema.reports.clinics import CaseTypeCount, ClinicBehind, ClinicCount
from schema.reports.enums import BehindOrder, ClinicCountOrder
from schema.scalars import HsaId

From = Annotated[
    datetime,
    strawberry.argument(name="from", description="Start of the period, inclusive."),
]
To = Annotated[
    datetime | None,
    strawberry.argument(
        description=(
            "End of the period, exclusive; now if left out. A period is at most five years long."
        )
    ),
]


@strawberry.type(
    description=(
        "Reports on clinics, limited to what the viewer may read. Reports are for a point in time"
        " (`asOf`, now if left out), for a period (`from`, `to`), or for the current state. They"
        " always use the current clinics and the current members of groups."
    )
)
class Reports:
    coverage: strawberry.Private[Coverage]

    @strawberry.field(
        description="The number of case types of each clinic, including clinics without any."
    )
    async def case_types_per_clinic(
        self,
        info: Info,
        as_of: AsOf = None,
        order_by: Annotated[
            ClinicCountOrder | None,
            strawberry.argument(description="The order; by HSA-id if left out."),
        ] = ClinicCountOrder.CLINIC_ASC,
        first: First = None,
        after: After = None,
    ) -> Connection[ClinicCount]:
        order = order_by or ClinicCountOrder.CLINIC_ASC
        page = await clinics.per_clinic(
            info.context, self.coverage, as_of, order, paging(first, after)
        )
        return connection(
            page, ClinicCount.of, lambda: clinics.count_clinics(info.context, self.coverage)
        )

    @strawberry.field(
        description=(
            "For each central case type that at least one clinic has: the number of clinics, by the"
            " version that they have acknowledged. The most widespread case types come first."
        )
    )
    async def clinics_per_case_type(
        self, info: Info, as_of: AsOf = None, first: First = None, after: After = None
    ) -> Connection[CaseTypeCount]:
        rows = await clinics.per_case_type(info.context, self.coverage, as_of)
        return connection(
            clinics.page_of_case_types(rows, paging(first, after)),
            CaseTypeCount.of,
            known_count(len(rows)),
        )

    @strawberry.field(description="The lagging clinics, and since when they lag.")
    async def clinics_behind(
        self,
        info: Info,
        as_of: AsOf = None,
        order_by: Annotated[
            BehindOrder | None,
            strawberry.argument(description="The order; the longest lagging first if left out."),
        ] = BehindOrder.LONGEST_FIRST,
        first: First = None,
        after: After = None,
    ) -> Connection[ClinicBehind]:
        rows = await clinics.behind(info.context, self.coverage, as_of)
        page = clinics.page_of_behind(
            rows, order_by or BehindOrder.LONGEST_FIRST, paging(first, after)
        )
        return connection(page, ClinicBehind.of, known_count(len(rows)))

    @strawberry.field(
        description=(
            "The time that clinics took to acknowledge the central case types published in a"
            " period; at most 200 publications. For callers who may read the clinics'"
            " notifications."
        )
    )
    async def acknowledgement_times(
        self,
        info: Info,
        from_: From,
        to: To = None,
        case_type: Annotated[
            strawberry.ID | None,
            strawberry.argument(description="Only this case type; all if left out."),
        ] = None,
    ) -> AcknowledgementTimes:
        return AcknowledgementTimes.of(
            await acknowledgement_times.read(info.context, self.coverage, from_, to, case_type)
        )

    @strawberry.field(
        description=(
            "The number of versions written, by month and principal, the newest month first. Months"
            " without versions are left out. The selection of clinics does not matter. For callers"
            " who may read the log: administrators, reviewers, reporters."
        )
    )
    async def edits_per_month(self, info: Info, from_: From, to: To = None) -> list[MonthlyEdits]:
        return [
            MonthlyEdits.of(row)
            for row in await authoring.edits(info.context, self.coverage, from_, to)
        ]

    @strawberry.field(
        description=(
            "The current use of each template that the viewer may see, by name; unused templates"
            " are included. If clinics are selected, only documents that these clinics own"
            " count."
        )
    )
    async def documents_per_template(
        self, info: Info, first: First = None, after: After = None
    ) -> Connection[TemplateCount]:
        page = await authoring.template_derivatives(
            info.context, self.coverage, paging(first, after)
        )
        return connection(
            page,
            lambda row: TemplateCount.of(row, info),
            lambda: authoring.count_templates(info.context),
        )

    @strawberry.field(
        description=(
            "The central case types with current adaptations, those that most clinics have adapted"
            " first. Limited to adaptations that the viewer may read."
        )
    )
    async def adaptations_per_case_type(
        self, info: Info, first: First = None, after: After = None
    ) -> Connection[AdaptationCount]:
        rows = await authoring.adapted(info.context, self.coverage)
        return connection(
            authoring.page_of_adapted(rows, paging(first, after)),
            AdaptationCount.of,
            known_count(len(rows)),
        )

    @strawberry.field(
        description=(
            "The single texts with current adaptations, those that most documents adapt first: what"
            " clinics add to a central case type, and where documents differ from the template"
            " version that they were made from. Limited to documents that the viewer may read; at"
            " most 20,000 documents are compared."
        )
    )
    async def adaptations_per_text(
        self,
        info: Info,
        document: Annotated[
            strawberry.ID | None,
            strawberry.argument(
                description="Only this central case type or template; all if left out."
            ),
        ] = None,
        first: First = None,
        after: After = None,
    ) -> Connection[AdaptedText]:
        rows = await authoring.adapted_texts(info.context, self.coverage, document)
        return connection(
            authoring.page_of_adapted_texts(rows, paging(first, after)),
            AdaptedText.of,
            known_count(len(rows)),
        )

    @strawberry.field(
        description=(
            "For each central case type that is published now, by name: the clinics' own case types"
            " that it could replace."
        )
    )
    async def duplicates_per_case_type(
        self, info: Info, first: First = None, after: After = None
    ) -> Connection[DuplicateCount]:
        page = await authoring.duplicates(info.context, self.coverage, paging(first, after))
        return connection(
            page,
            lambda row: DuplicateCount.of(row, info),
            lambda: authoring.count_central(info.context, self.coverage),
        )


@strawberry.type
class ReportQuery:
    @strawberry.field(
        description=(
            "Counts of what is used where, in which version, and since when. Limited to what the"
            " viewer may read."
        )
    )
    async def reports(
        self,
        info: Info,
        principal: Annotated[
            HsaId | None,
            strawberry.argument(
                description="Clinics of this principal; all that the viewer may read if left out."
            ),
        ] = None,
        clinics: WhichClinics = None,
    ) -> Reports:
        return Reports(
            coverage=await coverage(
                info.context, principal, criteria_of(clinics) if clinics else None
            )
        )
