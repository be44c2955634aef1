"""A comparison of a template with the principals' documents that come from it, place by place."""

from typing import Annotated

import strawberry
from strawberry.scalars import JSON

from resolvers.templates import comparison
from resolvers.templates.comparison import ComparedPlace, ComparedTemplate, Variant
from schema.documents.changes import Change, changes_of
from schema.documents.conversion import document_of
from schema.documents.documents import Document
from schema.errors import Info
from schema.nodes import After, Connection, First, connection, known_count, paging
from schema.scalars import HsaId
from store import records


@strawberry.type(description="One value of a place, with the documents that have it.")
class TemplateVariant:
    value: JSON | None = strawberry.field(
        description="The value, or the whole list item; null if the documents have none."
    )
    same: bool = strawberry.field(description="Whether it equals the template's value.")
    count: int = strawberry.field(description="The number of documents that have it.")
    documents: list[Document] = strawberry.field(
        description="The documents that have it, by the name of their principal."
    )
    changes: list[Change] = strawberry.field(
        description=(
            "The differences from the template's list item, field by field. Empty for a single"
            " value or an order."
        )
    )

    @classmethod
    def of(cls, record: Variant, info: Info) -> "TemplateVariant":
        return cls(
            value=record.value,
            same=record.same,
            count=len(record.documents),
            documents=[document_of(document, info) for document in record.documents],
            changes=changes_of(record.changes),
        )


@strawberry.type(
    description=(
        "One place of the content that is compared: a field, a list item such as a question, or the"
        " order of a list."
    )
)
class TemplatePlace:
    path: str = strawberry.field(
        description=(
            "Path of the place, such as `introduction`, `restrictions.ageFrom` or"
            " `questions[datum]`. The path `questions` is the order of the questions."
        )
    )
    label: str = strawberry.field(description="The path in words, in Swedish.")
    value: JSON | None = strawberry.field(
        description="The template's value; null if it has none. For an order: the keys."
    )
    variants: list[TemplateVariant] = strawberry.field(
        description=(
            "The values of the documents, equal values together: the template's value first, then"
            " the most common values."
        )
    )

    @classmethod
    def of(cls, record: ComparedPlace, info: Info) -> "TemplatePlace":
        variants = [TemplateVariant.of(variant, info) for variant in record.variants]
        return cls(path=record.path, label=record.label, value=record.value, variants=variants)


Differing = Annotated[
    bool,
    strawberry.argument(
        description="Leave out places where no document differs from the template."
    ),
]


@strawberry.type(
    description=(
        "A comparison of a template with the principals' documents that come from it, directly or"
        " through other templates. The published versions are compared."
    )
)
class TemplateComparison:
    comparison: strawberry.Private[ComparedTemplate]

    @strawberry.field(
        description=(
            "Number of the template's version: the published one, or the newest before the first"
            " publication."
        )
    )
    def version(self) -> int:
        return self.comparison.template.published or self.comparison.template.latest

    @strawberry.field(
        description="The documents that are compared, by the name of their principal."
    )
    def documents(self, info: Info) -> list[Document]:
        return [document_of(document, info) for document in self.comparison.documents]

    @strawberry.field(description="The places, in the content's order.")
    def places(
        self, info: Info, differing: Differing = True, first: First = None, after: After = None
    ) -> Connection[TemplatePlace]:
        page = self.comparison.page(paging(first, after), differing=differing)
        return connection(
            page,
            lambda record: TemplatePlace.of(record, info),
            known_count(self.comparison.count(differing=differing)),
        )


Templates = Annotated[
    bool, strawberry.argument(description="Compare templates that come from the template.")
]
CaseTypes = Annotated[
    bool, strawberry.argument(description="Compare case types that come from the template.")
]
Principals = Annotated[
    list[HsaId] | None,
    strawberry.argument(description="Only documents of these principals; of all if left out."),
]


async def compare(
    info: Info,
    template: records.Document,
    *,
    templates: bool,
    case_types: bool,
    principals: list[HsaId] | None,
) -> TemplateComparison:
    """Compare a template with the documents that come from it."""
    criteria = comparison.TemplateComparisonCriteria(
        templates=templates, case_types=case_types, principals=principals
    )
    return TemplateComparison(comparison=await comparison.compare(info.context, template, criteria))
