"""Reports: what is used where, in which version, since when; counted, within what the viewer reads.

Each report counts what a list of the API shows the same viewer for the same moment, no more:
`assignments`, `caseTypes`, `Clinic.notifications`.
"""

from datetime import datetime
from typing import Annotated

import strawberry

from resolvers.reports import acknowledgement_times, authoring, clinics
from resolvers.reports.coverage import Coverage, coverage
from schema.clinics.clinic_filters import WhichClinics, criteria_of
from schema.clinics.clinics import AsOf
from schema.enums import BehindOrder, ClinicCountOrder
from schema.errors import Info
from schema.nodes import After, Connection, First, connection, known_count, paging
from schema.reports.enums import BehindOrder, ClinicCountOrder
from schema.reports.rows import (
    AcknowledgementTimes,
    AdaptationCount,
    AdaptedText,
    CaseTypeCount,
    ClinicBehind,
    ClinicCount,
    DuplicateCount,
    MonthlyEdits,
    TemplateCount,
)
from schema.scalars import HsaId

From = Annotated[
    datetime,
    strawberry.argument(name="from", description="Where the period begins, this moment included."),
]
To = Annotated[
    datetime | None,
    strawberry.argument(
        description=(
            "Where it ends, this moment not included; now without one. A period is at most five"
            " years long."
        )
    ),
]


@strawberry.type(
    description=(
        "Reports on some clinics, as far as the viewer reads: for a moment (`asOf`, now without"
        " one), for a period (`from`, `to`), or of what is now. Clinics, and the groups that they"
        " are in, are those of now."
    )
)
class Reports:
    what: strawberry.Private[Coverage]

    @strawberry.field(description="How many case types each clinic has; those without any too.")
    async def case_types_per_clinic(
        self,
        info: Info,
        as_of: AsOf = None,
        order_by: Annotated[
            ClinicCountOrder | None,
            strawberry.argument(description="In which order; by HSA-id without."),
        ] = ClinicCountOrder.CLINIC_ASC,
        first: First = None,
        after: After = None,
    ) -> Connection[ClinicCount]:
        order = order_by or ClinicCountOrder.CLINIC_ASC
        page = await clinics.per_clinic(info.context, self.what, as_of, order, paging(first, after))
        return connection(
            page, ClinicCount.of, lambda: clinics.count_clinics(info.context, self.what)
        )

    @strawberry.field(
        description=(
            "How many clinics have each central case type that any has, by the version that they"
            " have acknowledged; the most widespread first."
        )
    )
    async def clinics_per_case_type(
        self, info: Info, as_of: AsOf = None, first: First = None, after: After = None
    ) -> Connection[CaseTypeCount]:
        rows = await clinics.per_case_type(info.context, self.what, as_of)
        return connection(
            clinics.page_of_case_types(rows, paging(first, after)),
            CaseTypeCount.of,
            known_count(len(rows)),
        )

    @strawberry.field(description="Which clinics lag behind, and since when.")
    async def clinics_behind(
        self,
        info: Info,
        as_of: AsOf = None,
        order_by: Annotated[
            BehindOrder | None,
            strawberry.argument(
                description="In which order; those that have lagged longest first without."
            ),
        ] = BehindOrder.LONGEST_FIRST,
        first: First = None,
        after: After = None,
    ) -> Connection[ClinicBehind]:
        rows = await clinics.behind(info.context, self.what, as_of)
        page = clinics.page_of_behind(
            rows, order_by or BehindOrder.LONGEST_FIRST, paging(first, after)
        )
        return connection(page, ClinicBehind.of, known_count(len(rows)))

    @strawberry.field(
        description=(
            "How long the clinics took to acknowledge the central case types that were put in force"
            " in a period, at most 200 times. For those who read their notifications."
        )
    )
    async def acknowledgement_times(
        self,
        info: Info,
        from_: From,
        to: To = None,
        case_type: Annotated[
            strawberry.ID | None, strawberry.argument(description="Of this one; of all without.")
        ] = None,
    ) -> AcknowledgementTimes:
        return AcknowledgementTimes.of(
            await acknowledgement_times.read(info.context, self.what, from_, to, case_type)
        )

    @strawberry.field(
        description=(
            "How many versions were written, by month and principal, the newest month first; months"
            " without any are left out. Whichever clinics the report is on. For those who read the"
            " log: administrators, reviewers, reporters."
        )
    )
    async def edits_per_month(self, info: Info, from_: From, to: To = None) -> list[MonthlyEdits]:
        return [
            MonthlyEdits.of(row)
            for row in await authoring.edits(info.context, self.what, from_, to)
        ]

    @strawberry.field(
        description=(
            "How each template that the viewer sees is used, now, by name; those that are not used"
            " too. With chosen clinics, by the documents that are these clinics' own."
        )
    )
    async def documents_per_template(
        self, info: Info, first: First = None, after: After = None
    ) -> Connection[TemplateCount]:
        page = await authoring.template_derivatives(info.context, self.what, paging(first, after))
        return connection(
            page,
            lambda row: TemplateCount.of(row, info),
            lambda: authoring.count_templates(info.context),
        )

    @strawberry.field(
        description=(
            "The central case types that clinics have adapted, now, those that most have adapted"
            " first; as far as the viewer reads them."
        )
    )
    async def adaptations_per_case_type(
        self, info: Info, first: First = None, after: After = None
    ) -> Connection[AdaptationCount]:
        rows = await authoring.adapted(info.context, self.what)
        return connection(
            authoring.page_of_adapted(rows, paging(first, after)),
            AdaptationCount.of,
            known_count(len(rows)),
        )

    @strawberry.field(
        description=(
            "Which single texts are adapted, now, those that most documents adapt first: what"
            " clinics add to a central case type, and where documents differ from the template"
            " version that they are made from. As far as the viewer reads them; at most 20,000"
            " documents are compared."
        )
    )
    async def adaptations_per_text(
        self,
        info: Info,
        document: Annotated[
            strawberry.ID | None,
            strawberry.argument(
                description="Of this central case type or template only; of all without."
            ),
        ] = None,
        first: First = None,
        after: After = None,
    ) -> Connection[AdaptedText]:
        rows = await authoring.adapted_texts(info.context, self.what, document)
        return connection(
            authoring.page_of_adapted_texts(rows, paging(first, after)),
            AdaptedText.of,
            known_count(len(rows)),
        )

    @strawberry.field(
        description=(
            "For each published central case type, now, by name: the clinics' own case types that"
            " it would make superfluous."
        )
    )
    async def duplicates_per_case_type(
        self, info: Info, first: First = None, after: After = None
    ) -> Connection[DuplicateCount]:
        page = await authoring.duplicates(info.context, self.what, paging(first, after))
        return connection(
            page,
            lambda row: DuplicateCount.of(row, info),
            lambda: authoring.count_central(info.context, self.what),
        )


@strawberry.type
class ReportQuery:
    @strawberry.field(
        description=(
            "Counts of what is used where, in which version, since when; as far as the viewer"
            " reads."
        )
    )
    async def reports(
        self,
        info: Info,
        principal: Annotated[
            HsaId | None,
            strawberry.argument(
                description="On this principal's; on all that the viewer reads without."
            ),
        ] = None,
        clinics: WhichClinics = None,
    ) -> Reports:
        return Reports(
            what=await coverage(info.context, principal, criteria_of(clinics) if clinics else None)
        )
