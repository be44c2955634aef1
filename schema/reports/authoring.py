"""Rows of the reports on documents: edits, templates, adaptations and duplicates."""

import strawberry

from resolvers.reports import authoring
from schema.clinics.distribution import LocalCandidate
from schema.clinics.principals import Principal
from schema.documents.conversion import document_of
from schema.documents.documents import Document
from schema.errors import Info
from schema.kinds.case_type_templates import CaseTypeTemplate
from schema.kinds.case_types import CaseType
from schema.nodes import After, Connection, First, connection, known_count, paging
from schema.reports.report_nodes import case_type_of_row
from store.reports import adapted_texts
from store.reports import authoring as counts


@strawberry.type(
    description="The number of versions that were written in a principal's log in one month."
)
class MonthlyEdits:
    row: strawberry.Private[counts.MonthlyEdits]
    month: str = strawberry.field(
        description="The month in Swedish time (Europe/Stockholm), such as `2026-11`."
    )
    versions: int = strawberry.field(
        description=(
            "Versions that the principal and its clinics wrote in the month, drafts included, of"
            " documents of every kind."
        )
    )

    @classmethod
    def of(cls, row: counts.MonthlyEdits) -> "MonthlyEdits":
        return cls(row=row, month=row.month, versions=row.versions)

    @strawberry.field(description="The principal that the log belongs to.")
    def principal(self, info: Info) -> Principal:
        return Principal.of(info.context.principals[self.row.principal])


@strawberry.type(description="The number of documents made from one version of a template.")
class TemplateVersionCount:
    version: int = strawberry.field(description="Number of the template version.")
    documents: int = strawberry.field(
        description="Documents whose newest version was made from it."
    )


@strawberry.type(
    description=(
        "The current use of a template: the documents made from it that the viewer may see, without"
        " archived ones."
    )
)
class TemplateCount:
    template: CaseTypeTemplate = strawberry.field(description="The template.")
    documents: int = strawberry.field(
        description=(
            "Documents whose newest version was made from the template. For callers who cannot see"
            " drafts, the highest version ever published counts."
        )
    )
    principals: int = strawberry.field(
        description="The number of principals whose logs contain these documents."
    )
    behind: int = strawberry.field(
        description=(
            "Those of the documents that were made from an older version than the published one;"
            " than the newest one if none is published."
        )
    )
    by_version: list[TemplateVersionCount] = strawberry.field(
        description="The documents by the template version that they were made from."
    )

    @classmethod
    def of(cls, row: authoring.TemplateDerivatives, info: Info) -> "TemplateCount":
        latest_version = row.template.published or row.template.latest
        return cls(
            template=CaseTypeTemplate.of(row.template, info),
            documents=sum(use.documents for use in row.by_version),
            principals=len(frozenset[str]().union(*(use.principals for use in row.by_version))),
            behind=sum(use.documents for use in row.by_version if use.version < latest_version),
            by_version=[
                TemplateVersionCount(version=use.version, documents=use.documents)
                for use in row.by_version
            ],
        )


@strawberry.type(description="The current local adaptations of a central case type.")
class AdaptationCount:
    row: strawberry.Private[counts.AdaptationCount]
    clinics: int = strawberry.field(
        description="Clinics that have an adaptation of it, without archived adaptations."
    )
    standard_replies: int = strawberry.field(
        description="The total number of replies that the clinics have added."
    )
    terms: int = strawberry.field(
        description="The total number of terms sections that the clinics have added."
    )
    clinics_with_standard_replies: int = strawberry.field(
        description="Those of the clinics that have added replies."
    )
    clinics_with_terms: int = strawberry.field(
        description="Those of the clinics that have added terms."
    )
    need_review: int = strawberry.field(
        description=(
            "Those of the clinics whose adaptation was written for an older version than the"
            " published one."
        )
    )

    @classmethod
    def of(cls, row: counts.AdaptationCount) -> "AdaptationCount":
        return cls(
            row=row,
            clinics=row.clinics,
            standard_replies=row.replies,
            terms=row.terms,
            clinics_with_standard_replies=row.with_replies,
            clinics_with_terms=row.with_terms,
            need_review=row.outdated,
        )

    @strawberry.field(description="The case type.")
    async def case_type(self, info: Info) -> CaseType:
        return await case_type_of_row(info, self.row.case_type)


@strawberry.type(
    description=(
        "A text, or another single value, of a central case type or a template, with the number of"
        " documents that currently adapt it. Archived documents do not count."
    )
)
class AdaptedText:
    row: strawberry.Private[adapted_texts.AdaptedText]
    path: str = strawberry.field(
        description=(
            "Path of the value, such as `introduction` or `questions[datum].label`. An item that is"
            " added or left out has one path, such as `terms[eget]`. Internal names and the order"
            " of items are not compared."
        )
    )
    label: str = strawberry.field(description="The path in words, in Swedish.")
    documents: int = strawberry.field(
        description=(
            "For a case type: local adaptations that add this item. For a template: documents made"
            " from it that have another value here. For callers who cannot see drafts, the highest"
            " version ever published is compared."
        )
    )
    out_of: int = strawberry.field(
        description="The number of such documents that the viewer may see, adapted or not."
    )
    clinics: int = strawberry.field(description="Clinics that own some of `documents`.")
    principals: int = strawberry.field(
        description="The number of principals whose logs contain `documents`."
    )

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
            "The document that has the text: a central case type that clinics add to, or a template"
            " that documents were made from."
        )
    )
    async def document(self, info: Info) -> Document:
        document = await info.context.loaders.documents.load(self.row.source)
        if document is None:
            raise LookupError(f"document {self.row.source} of a report")
        return document_of(document, info)


@strawberry.type(
    description="The current local case types whose name equals or resembles that of a central one."
)
class DuplicateCount:
    row: strawberry.Private[authoring.Duplicates]
    case_type: CaseType = strawberry.field(description="The central case type.")
    clinics: int = strawberry.field(description="Clinics that have such a local case type.")
    same_name: int = strawberry.field(
        description="Those of the local case types that have exactly the same name."
    )

    @classmethod
    def of(cls, row: authoring.Duplicates, info: Info) -> "DuplicateCount":
        return cls(
            row=row,
            case_type=CaseType.of(row.case_type, info),
            clinics=len({candidate.clinic for candidate in row.found}),
            same_name=sum(candidate.similarity == 1 for candidate in row.found),
        )

    @strawberry.field(
        description=(
            "The local case types, the most similar first: those that `checkDistribution` lists,"
            " for all clinics."
        )
    )
    def local(self, first: First = None, after: After = None) -> Connection[LocalCandidate]:
        page = authoring.page_of_candidates(self.row.found, paging(first, after))
        return connection(
            page,
            lambda candidate: LocalCandidate(found=candidate, similarity=candidate.similarity),
            known_count(len(self.row.found)),
        )
