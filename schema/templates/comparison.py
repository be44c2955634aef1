"""Where principals' templates and case types differ from a template that they come from, place by
place.
"""

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


@strawberry.type(description="One value at a place, with the documents that have it.")
class TemplateVariant:
    value: JSON | None = strawberry.field(
        description="What stands there: a value, or a whole list item; null where there is nothing."
    )
    same: bool = strawberry.field(description="Whether it is the template's.")
    count: int = strawberry.field(description="How many documents have it.")
    documents: list[Document] = strawberry.field(
        description="Those that have it, by their principal's name."
    )
    changes: list[Change] = strawberry.field(
        description=(
            "Field by field what differs from the template's; empty where it is one value or an"
            " order."
        )
    )

    @classmethod
    def of(cls, record: Variant, info: Info) -> "TemplateVariant":
        return cls(
            value=record.value,
            same=record.same,
            count=len(record.documents),
            documents=[document_of(one, info) for one in record.documents],
            changes=changes_of(record.changes),
        )


@strawberry.type(
    description=(
        "One place of the content, compared: a field, a question or other list item, or a list's"
        " order."
    )
)
class TemplatePlace:
    path: str = strawberry.field(
        description=(
            "Where: `introduction`, `restrictions.ageFrom`, `questions[datum]`; `questions` is the"
            " order of the questions."
        )
    )
    label: str = strawberry.field(description="The same for people, in Swedish.")
    value: JSON | None = strawberry.field(
        description="What the template has there; null where it has nothing. For an order the keys."
    )
    variants: list[TemplateVariant] = strawberry.field(
        description=(
            "What the documents have there, equal values together: the template's own first, then"
            " what most have."
        )
    )

    @classmethod
    def of(cls, record: ComparedPlace, info: Info) -> "TemplatePlace":
        variants = [TemplateVariant.of(variant, info) for variant in record.variants]
        return cls(path=record.path, label=record.label, value=record.value, variants=variants)


Differing = Annotated[
    bool,
    strawberry.argument(
        description="Leave out the places where no document differs from the template."
    ),
]


@strawberry.type(
    description=(
        "A template beside what principals have made from it, directly or through other templates:"
        " what is in force of each."
    )
)
class TemplateComparison:
    compared: strawberry.Private[ComparedTemplate]

    @strawberry.field(
        description="The version of the template: the one in force, or the newest while none is."
    )
    def version(self) -> int:
        return self.compared.template.published or self.compared.template.latest

    @strawberry.field(description="The documents that are compared, by their principal's name.")
    def documents(self, info: Info) -> list[Document]:
        return [document_of(one, info) for one in self.compared.documents]

    @strawberry.field(description="The places, in the order of the content.")
    def places(
        self, info: Info, differing: Differing = True, first: First = None, after: After = None
    ) -> Connection[TemplatePlace]:
        page = self.compared.page(paging(first, after), differing=differing)
        return connection(
            page,
            lambda record: TemplatePlace.of(record, info),
            known_count(self.compared.count(differing=differing)),
        )


Templates = Annotated[bool, strawberry.argument(description="Compare templates that come from it.")]
CaseTypes = Annotated[
    bool, strawberry.argument(description="Compare case types that come from it.")
]
Principals = Annotated[
    list[HsaId] | None, strawberry.argument(description="Only of these principals.")
]


async def compare(
    info: Info,
    template: records.Document,
    *,
    templates: bool,
    case_types: bool,
    principals: list[HsaId] | None,
) -> TemplateComparison:
    """A template beside what comes from it."""
    wish = comparison.TemplateComparisonCriteria(
        templates=templates, case_types=case_types, principals=principals
    )
    return TemplateComparison(compared=await comparison.compare(info.context, template, wish))
