"""Rows of the report on acknowledgement times."""

from typing import Annotated

import strawberry

from resolvers.reports import acknowledgement_times
from schema.clinics.groups import ClinicGroup
from schema.errors import Info
from schema.kinds.case_types import CaseType
from schema.reports.report_nodes import case_type_of_row


@strawberry.type(description="One bar of the histogram of acknowledgement times.")
class AcknowledgementBar:
    up_to_hours: int | None = strawberry.field(
        description=(
            "Upper bound in hours, inclusive. The lower bound is the previous bar's upper bound."
            " Null for the last bar, which has no upper bound."
        )
    )
    acknowledgements: int = strawberry.field(description="The number of acknowledgements.")


@strawberry.type(
    description=(
        "The time from a publication to its acknowledgement, measured once for each publication and"
        " each clinic that was notified of it. The first acknowledgement that covers a publication"
        " counts, no matter when it was made."
    )
)
class AcknowledgementTime:
    acknowledged: int = strawberry.field(description="How many were acknowledged.")
    pending: int = strawberry.field(description="How many are not acknowledged yet.")
    median_seconds: float | None = strawberry.field(
        description=(
            "The median in seconds; for an even number of acknowledgements, the mean of the middle"
            " two. Null if none were acknowledged."
        )
    )
    p90_seconds: float | None = strawberry.field(
        description=(
            "The 90th percentile in seconds (nearest rank). Null if none were acknowledged."
        )
    )
    histogram: list[AcknowledgementBar] = strawberry.field(
        description=("Always seven bars: up to 1 hour; 1, 3, 7, 14 and 30 days; and longer.")
    )

    @classmethod
    def of(cls, summary: acknowledgement_times.DelaySummary) -> "AcknowledgementTime":
        bars = [
            AcknowledgementBar(up_to_hours=hours, acknowledgements=number)
            for hours, number in zip(
                (*acknowledgement_times.BOUNDS_IN_HOURS, None), summary.histogram, strict=True
            )
        ]
        return cls(
            acknowledged=summary.acknowledged,
            pending=summary.pending,
            median_seconds=summary.median,
            p90_seconds=summary.p90,
            histogram=bars,
        )


@strawberry.type(description="The acknowledgement times of one case type.")
class CaseTypeAcknowledgementTime:
    document: strawberry.Private[str]
    time: AcknowledgementTime = strawberry.field(description="The times.")

    @strawberry.field(description="The case type.")
    async def case_type(self, info: Info) -> CaseType:
        return await case_type_of_row(info, self.document)


@strawberry.type(description="The acknowledgement times at the clinics of one group.")
class ClinicGroupAcknowledgementTime:
    clinic_group: ClinicGroup = strawberry.field(
        description="The group, with the clinics that are in it now."
    )
    time: AcknowledgementTime = strawberry.field(description="The times.")


@strawberry.type(
    description=(
        "The time that clinics took to acknowledge the central case types that were published in a"
        " period."
    )
)
class AcknowledgementTimes:
    measured: strawberry.Private[acknowledgement_times.AcknowledgementData]
    publications: int = strawberry.field(description="The number of publications in the period.")

    @classmethod
    def of(cls, measured: acknowledgement_times.AcknowledgementData) -> "AcknowledgementTimes":
        return cls(measured=measured, publications=len(measured.publications))

    @strawberry.field(description="All publications together.")
    async def total(self) -> AcknowledgementTime:
        return AcknowledgementTime.of(await acknowledgement_times.overall(self.measured))

    @strawberry.field(description="By published case type, in the order of their ids.")
    async def by_case_type(self) -> list[CaseTypeAcknowledgementTime]:
        summaries = await acknowledgement_times.by_case_type(self.measured)
        return [
            CaseTypeAcknowledgementTime(document=document, time=AcknowledgementTime.of(summary))
            for document, summary in summaries.items()
        ]

    @strawberry.field(
        description=(
            "By clinic group, in the order of the argument. For callers who may see the groups."
        )
    )
    async def by_clinic_group(
        self,
        info: Info,
        groups: Annotated[list[strawberry.ID], strawberry.argument(description="1 to 20 groups.")],
    ) -> list[ClinicGroupAcknowledgementTime]:
        summaries = await acknowledgement_times.by_group(info.context, self.measured, groups)
        return [
            ClinicGroupAcknowledgementTime(
                clinic_group=ClinicGroup.of(group), time=AcknowledgementTime.of(summary)
            )
            for group, summary in summaries
        ]
