"""The list of templates that need a review, and why."""

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

_MONTHS = 12
_DRIFT = 50


@strawberry.type(
    description=(
        "How far what was made from a template itself is from the version that it was made from:"
        " the share of values that differ, in per cent, rounded up; `internalName` and the order of"
        " list items do not count. Of the hundred documents that changed last."
    )
)
class TemplateDrift:
    compared: int = strawberry.field(description="How many documents were looked at.")
    average: int = strawberry.field(description="On the average, 0 to 100.")
    most: int = strawberry.field(description="The one that is farthest, 0 to 100.")


@strawberry.type(description="A template that needs a review.")
class TemplateReviewEntry:
    template: CaseTypeTemplate = strawberry.field(description="The template.")
    reasons: list[TemplateReviewReason] = strawberry.field(description="Why, at least one.")
    usage: TemplateUsage = strawberry.field(description="How it is used.")
    drift: TemplateDrift = strawberry.field(description="How far from it is what was made from it.")

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


@strawberry.input(description="Which templates need a review; what is left out does not matter.")
class TemplateReviewFilter:
    owner: HsaId | None = strawberry.field(default=None, description="Of this principal or clinic.")
    levels: list[TemplateLevel] | None = strawberry.field(
        default=None, description="On any of these levels."
    )
    reasons: list[TemplateReviewReason] | None = strawberry.field(
        default=None, description="For any of these reasons."
    )
    untouched_months: int | None = strawberry.field(
        default=_MONTHS,
        description=(
            "After so many months without a change a template counts as `UNTOUCHED`: 1 to 1,200; 12"
            " if left out."
        ),
    )
    drift_at_least: int | None = strawberry.field(
        default=_DRIFT,
        description=(
            "From this average drift on a template counts as `DRIFTED`: 1 to 100 per cent; 50 if"
            " left out."
        ),
    )


Which = Annotated[
    TemplateReviewFilter | None,
    strawberry.argument(description="Which; all that need one, without."),
]
OrderBy = Annotated[
    TemplateReviewOrder | None, strawberry.argument(description="In which order; by name without.")
]


def _wish(given: TemplateReviewFilter | None) -> review.TemplateReviewCriteria:
    if given is None:
        return review.TemplateReviewCriteria()
    return review.TemplateReviewCriteria(
        owner=given.owner,
        levels=None if given.levels is None else [level.name for level in given.levels],
        reasons=given.reasons,
        untouched_months=_MONTHS if given.untouched_months is None else given.untouched_months,
        drift_at_least=_DRIFT if given.drift_at_least is None else given.drift_at_least,
    )


@strawberry.type
class TemplateReviewQuery:
    @strawberry.field(
        description=(
            "The templates that need a review: of the viewer's own principals and clinics, for"
            " roles held for the national management all that they see. At most 2,000 templates are"
            " looked through."
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
        asked = paging(first, after)
        found = await review.review(
            info.context, _wish(filter), order_by or TemplateReviewOrder.NAME_ASC
        )
        page = await review.page(info.context, found, asked)
        return connection(
            page, lambda record: TemplateReviewEntry.of(record, info), known_count(len(found))
        )
