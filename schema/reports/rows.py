"""What reports consist of: one row for each thing that is counted, with what it is."""

from datetime import datetime
from typing import Annotated

import strawberry

from resolvers.reports import acknowledgement_times, authoring
from resolvers.reports import clinics as resolve
from schema.clinics.clinics import Clinic
from schema.clinics.distribution import LocalCandidate
from schema.clinics.groups import ClinicGroup
from schema.clinics.principals import Principal
from schema.documents.documents import Document, document_of
from schema.documents.conversion import document_of
from schema.documents.documents import Document
from schema.errors import Info
from schema.kinds.case_type_templates import CaseTypeTemplate
from schema.kinds.case_types import Adoption, CaseType
from schema.nodes import After, Connection, First, connection, known_count, paging
from store.records import AssignmentOrigin
from store.reports import adapted_texts
from store.reports.authoring import Adapted, Edits

FOLLOWED = "Those of them that the clinic follows."
DISTRIBUTED = "Those of them that its principal distributed."


async def _clinic(info: Info, key: str) -> Clinic:
    found = await info.context.loaders.clinics.load(key)
    if found is None:
        raise LookupError(f"clinic {key} of a report")
    return Clinic.of(found)


async def _case_type(info: Info, document_id: str) -> CaseType:
    found = await info.context.loaders.documents.load(document_id)
    if found is None:
        raise LookupError(f"case type {document_id} of a report")
    return CaseType.of(found, info)


@strawberry.type(description="How many case types a clinic has.")
class ClinicCount:
    row: strawberry.Private[resolve.ClinicCount]
    case_types: int = strawberry.field(
        description="All that it has: as many as `assignments` lists."
    )
    distributed: int = strawberry.field(description=DISTRIBUTED)
    followed: int = strawberry.field(description=FOLLOWED)
    own: int = strawberry.field(
        description="Those of them that are its own, where the viewer reads them."
    )

    @classmethod
    def of(cls, row: resolve.ClinicCount) -> "ClinicCount":
        distributed, followed, own = [
            row.by_origin.get(origin, 0)
            for origin in (
                AssignmentOrigin.DISTRIBUTED,
                AssignmentOrigin.FOLLOWED,
                AssignmentOrigin.OWN,
            )
        ]
        return cls(
            row=row, case_types=row.case_types, distributed=distributed, followed=followed, own=own
        )

    @strawberry.field(description="Which.")
    async def clinic(self, info: Info) -> Clinic:
        return await _clinic(info, self.row.clinic)


@strawberry.type(
    description="How many clinics have a central case type, and how far they have taken it."
)
class CaseTypeCount:
    row: strawberry.Private[resolve.CaseTypeCount]
    version: int | None = strawberry.field(description="The version in force, then.")
    clinics: int = strawberry.field(
        description="Clinics that have it: as many as `assignments` lists."
    )
    distributed: int = strawberry.field(description="Those of them that it was distributed to.")
    followed: int = strawberry.field(description="Those of them that follow it.")
    adoption: Adoption = strawberry.field(
        description="How many have acknowledged which version; since when the others lag."
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

    @strawberry.field(description="Which.")
    async def case_type(self, info: Info) -> CaseType:
        return await _case_type(info, self.row.document)


@strawberry.type(
    description=(
        "A clinic that has not acknowledged the version in force of some central case type that it"
        " has."
    )
)
class ClinicBehind:
    row: strawberry.Private[resolve.Behind]
    case_types: int = strawberry.field(
        description=(
            "In how many case types it lags: as many as `assignments` lists with `behindOnly`."
        )
    )
    since: datetime = strawberry.field(
        description=(
            "Since when, in the first of them: when another version than the one acknowledged came"
            " in force; where none was acknowledged, when the case type came to the clinic."
        )
    )

    @classmethod
    def of(cls, row: resolve.Behind) -> "ClinicBehind":
        return cls(row=row, case_types=row.case_types, since=row.since)

    @strawberry.field(description="Which.")
    async def clinic(self, info: Info) -> Clinic:
        return await _clinic(info, self.row.clinic)


@strawberry.type(
    description="How many versions of documents were written in the log of a principal in a month."
)
class MonthlyEdits:
    row: strawberry.Private[Edits]
    month: str = strawberry.field(
        description="The month in Swedish time (Europe/Stockholm), `2026-11`."
    )
    versions: int = strawberry.field(
        description=(
            "Versions written in it, drafts included, by the principal and its clinics, of"
            " documents of every kind."
        )
    )

    @classmethod
    def of(cls, row: Edits) -> "MonthlyEdits":
        return cls(row=row, month=row.month, versions=row.versions)

    @strawberry.field(description="Whose log.")
    def principal(self, info: Info) -> Principal:
        return Principal.of(info.context.principals[self.row.principal])


@strawberry.type(description="How many clinics took so long.")
class AcknowledgementBar:
    up_to_hours: int | None = strawberry.field(
        description=(
            "At most so many hours, and more than the bar before has; null for the last bar, which"
            " has no end."
        )
    )
    acknowledgements: int = strawberry.field(description="How many acknowledgements.")


@strawberry.type(
    description=(
        "How long it took from a publication to its acknowledgement: once for each publication and"
        " clinic that was told of it. A publication is acknowledged with the first acknowledgement"
        " that covers it, whenever that came."
    )
)
class AcknowledgementTime:
    acknowledged: int = strawberry.field(description="How many were acknowledged.")
    pending: int = strawberry.field(description="How many were not, until now.")
    median_seconds: float | None = strawberry.field(
        description=(
            "The median, in seconds: the mean of the middle two of an even number. Null where none"
            " were acknowledged."
        )
    )
    p90_seconds: float | None = strawberry.field(
        description=(
            "Nine in ten took at most so many seconds (nearest rank). Null where none were"
            " acknowledged."
        )
    )
    histogram: list[AcknowledgementBar] = strawberry.field(
        description="By how long: an hour, 1, 3, 7, 14, 30 days, and longer; always seven bars."
    )

    @classmethod
    def of(cls, found: acknowledgement_times.DelaySummary) -> "AcknowledgementTime":
        bars = [
            AcknowledgementBar(up_to_hours=hours, acknowledgements=number)
            for hours, number in zip(
                (*acknowledgement_times.BOUNDS_IN_HOURS, None), found.histogram, strict=True
            )
        ]
        return cls(
            acknowledged=found.acknowledged,
            pending=found.pending,
            median_seconds=found.median,
            p90_seconds=found.p90,
            histogram=bars,
        )


@strawberry.type(description="How long the acknowledgement of one case type took.")
class CaseTypeAcknowledgementTime:
    document: strawberry.Private[str]
    time: AcknowledgementTime = strawberry.field(description="How long.")

    @strawberry.field(description="Which.")
    async def case_type(self, info: Info) -> CaseType:
        return await _case_type(info, self.document)


@strawberry.type(description="How long acknowledgement took at the clinics of one group.")
class ClinicGroupAcknowledgementTime:
    clinic_group: ClinicGroup = strawberry.field(
        description="Which: the clinics that are in it now."
    )
    time: AcknowledgementTime = strawberry.field(description="How long.")


@strawberry.type(
    description=(
        "How long clinics took to acknowledge the central case types that were put in force in a"
        " period."
    )
)
class AcknowledgementTimes:
    measured: strawberry.Private[acknowledgement_times.AcknowledgementData]
    publications: int = strawberry.field(
        description="How many times a version was put in force in the period."
    )

    @classmethod
    def of(cls, measured: acknowledgement_times.AcknowledgementData) -> "AcknowledgementTimes":
        return cls(measured=measured, publications=len(measured.publications))

    @strawberry.field(description="All together.")
    async def total(self) -> AcknowledgementTime:
        return AcknowledgementTime.of(await acknowledgement_times.overall(self.measured))

    @strawberry.field(description="By case type that was put in force, by its id.")
    async def by_case_type(self) -> list[CaseTypeAcknowledgementTime]:
        found = await acknowledgement_times.by_case_type(self.measured)
        return [
            CaseTypeAcknowledgementTime(document=document, time=AcknowledgementTime.of(one))
            for document, one in found.items()
        ]

    @strawberry.field(
        description="By group of clinics, in the order asked for. For those who know the groups."
    )
    async def by_clinic_group(
        self,
        info: Info,
        groups: Annotated[list[strawberry.ID], strawberry.argument(description="1 to 20 groups.")],
    ) -> list[ClinicGroupAcknowledgementTime]:
        found = await acknowledgement_times.by_group(info.context, self.measured, groups)
        return [
            ClinicGroupAcknowledgementTime(
                clinic_group=ClinicGroup.of(group), time=AcknowledgementTime.of(one)
            )
            for group, one in found
        ]


@strawberry.type(description="How many documents are made from one version of a template.")
class TemplateVersionCount:
    version: int = strawberry.field(description="The version of the template.")
    documents: int = strawberry.field(description="Documents whose newest version comes from it.")


@strawberry.type(
    description=(
        "How a template is used, now: documents made from it that the viewer sees, archived ones"
        " left out."
    )
)
class TemplateCount:
    template: CaseTypeTemplate = strawberry.field(description="Which.")
    documents: int = strawberry.field(
        description=(
            "Documents whose newest version comes from it; for who sees no drafts, the newest ever"
            " in force."
        )
    )
    principals: int = strawberry.field(description="In how many principals' logs they are.")
    behind: int = strawberry.field(
        description=(
            "Those of them made from an older version than the one in force now (the newest while"
            " none is)."
        )
    )
    by_version: list[TemplateVersionCount] = strawberry.field(
        description="By the version that they come from."
    )

    @classmethod
    def of(cls, row: authoring.TemplateDerivatives, info: Info) -> "TemplateCount":
        newest = row.template.published or row.template.latest
        return cls(
            template=CaseTypeTemplate.of(row.template, info),
            documents=sum(use.documents for use in row.by_version),
            principals=len(frozenset[str]().union(*(use.principals for use in row.by_version))),
            behind=sum(use.documents for use in row.by_version if use.version < newest),
            by_version=[
                TemplateVersionCount(version=use.version, documents=use.documents)
                for use in row.by_version
            ],
        )


@strawberry.type(description="How clinics have adapted a central case type, now.")
class AdaptationCount:
    row: strawberry.Private[Adapted]
    clinics: int = strawberry.field(
        description="Clinics that have an adaptation of it, archived ones left out."
    )
    standard_replies: int = strawberry.field(description="Replies that they have added, together.")
    terms: int = strawberry.field(description="Sections of terms that they have added, together.")
    clinics_with_standard_replies: int = strawberry.field(
        description="Those of the clinics that have added any replies."
    )
    clinics_with_terms: int = strawberry.field(
        description="Those of the clinics that have added any terms."
    )
    need_review: int = strawberry.field(
        description=(
            "Those of the clinics whose adaptation was written for an earlier version than the one"
            " in force."
        )
    )

    @classmethod
    def of(cls, row: Adapted) -> "AdaptationCount":
        return cls(
            row=row,
            clinics=row.clinics,
            standard_replies=row.replies,
            terms=row.terms,
            clinics_with_standard_replies=row.with_replies,
            clinics_with_terms=row.with_terms,
            need_review=row.outdated,
        )

    @strawberry.field(description="Which.")
    async def case_type(self, info: Info) -> CaseType:
        return await _case_type(info, self.row.case_type)


@strawberry.type(
    description=(
        "One text, or another single value, of a central case type or a template, and how many"
        " documents have something of their own there, now; archived ones left out."
    )
)
class AdaptedText:
    row: strawberry.Private[adapted_texts.AdaptedText]
    path: str = strawberry.field(
        description=(
            "Where, such as `introduction` or `questions[datum].label`. An item that is added or"
            " left out is one place, `terms[eget]`. Internal names and the order of items are not"
            " compared."
        )
    )
    label: str = strawberry.field(description="The same for people, in Swedish.")
    documents: int = strawberry.field(
        description=(
            "Of a case type: local adaptations that add this item. Of a template: documents made"
            " from it that differ from it here; for who sees no drafts, by their newest version"
            " ever in force."
        )
    )
    out_of: int = strawberry.field(
        description="How many such documents there are in all, as far as the viewer sees."
    )
    clinics: int = strawberry.field(description="Clinics that own some of `documents`.")
    principals: int = strawberry.field(description="In how many principals' logs `documents` are.")

    @classmethod
    def of(cls, row: adapted_texts.AdaptedText) -> "AdaptedText":
        return cls(
            row=row,
            path=row.path,
            label=row.label,
            documents=row.documents,
            out_of=row.out_of,
            clinics=row.clinics,
            principals=row.principals,
        )

    @strawberry.field(
        description=(
            "Whose text it is: a central case type that clinics add to, or a template that"
            " documents are made from."
        )
    )
    async def document(self, info: Info) -> Document:
        found = await info.context.loaders.documents.load(self.row.source)
        if found is None:
            raise LookupError(f"document {self.row.source} of a report")
        return document_of(found, info)


@strawberry.type(
    description="The local case types, now, with the same name as a central one or a similar one."
)
class DuplicateCount:
    row: strawberry.Private[authoring.Duplicates]
    case_type: CaseType = strawberry.field(description="The central one.")
    clinics: int = strawberry.field(description="Clinics that have such a local case type.")
    same_name: int = strawberry.field(
        description="Those of the local case types that have the very same name."
    )

    @classmethod
    def of(cls, row: authoring.Duplicates, info: Info) -> "DuplicateCount":
        return cls(
            row=row,
            case_type=CaseType.of(row.case_type, info),
            clinics=len({one.clinic for one in row.found}),
            same_name=sum(one.similarity == 1 for one in row.found),
        )

    @strawberry.field(
        description=(
            "The local ones, the most similar first: those that `checkDistribution` tells, for all"
            " clinics."
        )
    )
    def local(self, first: First = None, after: After = None) -> Connection[LocalCandidate]:
        page = authoring.page_of_candidates(self.row.found, paging(first, after))
        return connection(
            page,
            lambda one: LocalCandidate(found=one, similarity=one.similarity),
            known_count(len(self.row.found)),
        )
