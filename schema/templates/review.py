"""The list of templates that need a review, with the reasons."""

from typing import Annotated

import strawberry

from resolvers.templates import review
from resolvers.templates.review import Reviewed
from schema.errors import Info
from schema.kinds.case_type_templates import CaseTypeTemplate
from schema.nodes import After, Connection, First, connection, known_count, paging
from schema.scalars import HsaId
from schema.templates.enums import TemplateLevel, TemplateReviewOrder, TemplateReviewReason
from schema.templates.usage import TemplateUsage
from store import records

_DEFAULT_UNTOUCHED_MONTHS = 12
_DEFAULT_DRIFT = 50


@strawberry.type(
    description=(
        "How much the documents made directly from a template differ from the version that they"
        " were made from: the share of differing values in per cent, rounded up. `internalName` and"
        " the order of list items do not count. Only the hundred documents that changed last are"
        " compared."
    )
)
class TemplateDrift:
    compared: int = strawberry.field(description="The number of documents that were compared.")
    average: int = strawberry.field(description="The average of the documents, 0 to 100.")
    most: int = strawberry.field(description="The document that differs most, 0 to 100.")


@strawberry.type(description="A template that needs a review.")
class TemplateReviewEntry:
    template: CaseTypeTemplate = strawberry.field(description="The template.")
    reasons: list[TemplateReviewReason] = strawberry.field(description="The reasons, at least one.")
    usage: TemplateUsage = strawberry.field(description="The use of the template.")
    drift: TemplateDrift = strawberry.field(
        description="How much the documents made from the template differ from it."
    )

    @classmethod
    def of(cls, record: tuple[Reviewed, records.Document], info: Info) -> "TemplateReviewEntry":
        found, document = record
        drift = TemplateDrift(
            compared=found.drift.compared, average=found.drift.average, most=found.drift.most
        )
        return cls(
            template=CaseTypeTemplate.of(document, info),
            reasons=list(found.reasons),
            usage=TemplateUsage.of(found.uses),
            drift=drift,
        )


@strawberry.input(
    description=(
        "A filter for the review list. Fields that are left out do not restrict it, except as"
        " stated."
    )
)
class TemplateReviewFilter:
    owner: HsaId | None = strawberry.field(
        default=None, description="Owned by this principal or clinic."
    )
    levels: list[TemplateLevel] | None = strawberry.field(
        default=None, description="On one of these levels."
    )
    reasons: list[TemplateReviewReason] | None = strawberry.field(
        default=None, description="For at least one of these reasons."
    )
    untouched_months: int | None = strawberry.field(
        default=_DEFAULT_UNTOUCHED_MONTHS,
        description=(
            "The number of months without a change after which a template is `UNTOUCHED`: 1 to"
            " 1,200; 12 if left out."
        ),
    )
    drift_at_least: int | None = strawberry.field(
        default=_DEFAULT_DRIFT,
        description=(
            "The average drift from which a template is `DRIFTED`: 1 to 100 per cent; 50 if left"
            " out."
        ),
    )


Which = Annotated[
    TemplateReviewFilter | None,
    strawberry.argument(description="The filter; all templates that need a review if left out."),
]
OrderBy = Annotated[
    TemplateReviewOrder | None, strawberry.argument(description="The order; by name if left out.")
]


def _review_filter(filter: TemplateReviewFilter | None) -> review.TemplateReviewCriteria:
    if filter is None:
        return review.TemplateReviewCriteria()
    return review.TemplateReviewCriteria(
        owner=filter.owner,
        levels=None if filter.levels is None else [level.name for level in filter.levels],
        reasons=filter.reasons,
        untouched_months=(
            _DEFAULT_UNTOUCHED_MONTHS
            if filter.untouched_months is None
            else filter.untouched_months
        ),
        drift_at_least=_DEFAULT_DRIFT if filter.drift_at_least is None else filter.drift_at_least,
    )


@strawberry.type
class TemplateReviewQuery:
    @strawberry.field(
        description=(
            "The templates that need a review. Limited to templates of the viewer's own principals"
            " and clinics; roles held for the national management get all templates that they may"
            " see. At most 2,000 templates are examined."
        )
    )
    async def template_review(
        self,
        info: Info,
        filter: Which = None,
        order_by: OrderBy = None,
        first: First = None,
        after: After = None,
    ) -> Connection[TemplateReviewEntry]:
        found = await review.review(
            info.context, _review_filter(filter), order_by or TemplateReviewOrder.NAME_ASC
        )
        page = await review.page(info.context, found, paging(first, after))
        return connection(
            page, lambda record: TemplateReviewEntry.of(record, info), known_count(len(found))
        )
