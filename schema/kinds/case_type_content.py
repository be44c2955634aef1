"""The content of case types and their templates, and the parts of it that other kinds share.

`content_types_of` derives the input types. The rules of the content are in the kind's model.
"""

import strawberry

from resolvers.kinds import case_types
from resolvers.kinds.case_types import CASE_TYPE
from schema.kinds.content_types import content_types_of, nested_input_of
from schema.kinds.enums import Gender, QuestionKind, ResponseTimeUnit
from schema.scalars import Markdown

NAME = "The public name, which residents see: not blank, at most 200 characters."
STAFF_NAME = "The name, which only staff see: not blank, at most 200 characters."
INTERNAL_NAME = (
    "A name for staff only, which distinguishes documents with equal names: not blank, at most 200"
    " characters."
)
RATIONALE = "Why the document exists; for staff only."
LANGUAGE = "The language as a BCP 47 tag; `sv` by default."
ITEM_KEY = (
    "Identifies the item within its list: 1 to 64 letters, digits, hyphens or underscores. Keep the"
    " key when the item changes: items are matched by key."
)


@strawberry.type(description="One answer of a choice question.")
class QuestionOption:
    key: str = strawberry.field(description=ITEM_KEY)
    label: str = strawberry.field(
        description="The text that the resident reads, at most 500 characters."
    )


@strawberry.type(description="A condition for showing a question.")
class QuestionCondition:
    question: str = strawberry.field(description="Key of an earlier question.")
    equals: str = strawberry.field(
        description="The answer that the question must have: the key of an option, or yes or no."
    )


@strawberry.type(description="One question of the form.")
class Question:
    key: str = strawberry.field(description=ITEM_KEY)
    label: str = strawberry.field(description="The question itself, at most 500 characters.")
    help: str | None = strawberry.field(
        default=None,
        description="Help text for the question: plain text, at most 2,000 characters.",
    )
    kind: QuestionKind = strawberry.field(description="The kind of answer.")
    required: bool = strawberry.field(
        default=False, description="Whether the question must be answered."
    )
    options: list[QuestionOption] = strawberry.field(
        default_factory=list,
        description="The answers of a choice question, in order: 1 to 100. Empty for other kinds.",
    )
    shown_if: QuestionCondition | None = strawberry.field(
        default=None,
        description="The question is shown only if this condition holds; always shown if null.",
    )


@strawberry.type(description="A link beside the form.")
class Link:
    key: str = strawberry.field(description=ITEM_KEY)
    label: str = strawberry.field(
        description="The text that the resident reads, at most 500 characters."
    )
    url: str = strawberry.field(description="An https, http, mailto or tel address.")
    open_page: bool = strawberry.field(
        default=False, description="Whether the link opens an open page from logged-in mode."
    )


@strawberry.type(description="A reply text that staff can start from.")
class StandardReply:
    key: str = strawberry.field(description=ITEM_KEY)
    label: str = strawberry.field(
        description="The label by which staff choose the reply, at most 500 characters."
    )
    text: str = strawberry.field(description="The reply, as plain text.")
    local: bool = strawberry.field(
        default=False, description="Whether it is the clinic's own addition."
    )


@strawberry.type(description="One section of the terms.")
class TermsSection:
    key: str = strawberry.field(description=ITEM_KEY)
    heading: str = strawberry.field(description="The heading, at most 500 characters.")
    text: Markdown = strawberry.field(description="The text that the resident reads.")
    must_accept: bool = strawberry.field(
        default=False, description="Whether the resident must accept the section."
    )
    local: bool = strawberry.field(
        default=False, description="Whether it is the clinic's own addition."
    )


@strawberry.type(description="Who may use a case type. Without restrictions, everyone may.")
class Restrictions:
    county_codes: list[str] = strawberry.field(
        default_factory=list, description="County codes, 2 digits each; at most 100."
    )
    municipality_codes: list[str] = strawberry.field(
        default_factory=list, description="Municipality codes, 4 digits each; at most 500."
    )
    gender: Gender | None = strawberry.field(default=None, description="Only this gender.")
    age_from: int | None = strawberry.field(
        default=None, description="Lowest age in years, inclusive: 0 to 150."
    )
    age_to: int | None = strawberry.field(
        default=None, description="Highest age in years, inclusive: 0 to 150."
    )
    listed_only: bool = strawberry.field(
        default=False, description="Only residents who are listed at the clinic."
    )
    referral_required: bool = strawberry.field(
        default=False, description="Only residents who have a referral."
    )
    proxy_allowed: bool = strawberry.field(
        default=True,
        description="Whether a proxy (ombud) may use the case type on behalf of someone.",
    )


@strawberry.type(description="The time within which residents get an answer.")
class ResponseTime:
    amount: int = strawberry.field(description="The number of units, 1 to 10,000.")
    unit: ResponseTimeUnit = strawberry.field(description="The unit.")


@strawberry.type(description="The whole content of a version of a case type or its template.")
class CaseTypeContent:
    name: str = strawberry.field(description=NAME)
    internal_name: str = strawberry.field(description=INTERNAL_NAME)
    rationale: str | None = strawberry.field(description=RATIONALE)
    introduction: Markdown = strawberry.field(
        description="The text that the resident reads first; empty by default."
    )
    questions: list[Question] = strawberry.field(
        description="The questions of the form, in order; at most 200."
    )
    links: list[Link] = strawberry.field(
        description="The links beside the form, in order; at most 100."
    )
    submittable: bool = strawberry.field(
        description=(
            "Whether there is a Send button; true by default. Without one, no question may be"
            " required."
        )
    )
    standard_replies: list[StandardReply] = strawberry.field(
        description="Reply texts for staff; at most 200."
    )
    terms: list[TermsSection] = strawberry.field(
        description=(
            "The terms that the resident reads, and must accept in some sections; at most 100"
            " sections."
        )
    )
    restrictions: Restrictions = strawberry.field(
        description="Who may use the case type; everyone by default."
    )
    response_time: ResponseTime | None = strawberry.field(
        description="When residents get an answer; null if nothing is promised."
    )
    on_contact_card: bool = strawberry.field(
        description=(
            "Whether the case type is shown on the clinic's contact card; false by default."
        )
    )
    language: str = strawberry.field(description=LANGUAGE)


CONTENT_TYPES = content_types_of(CASE_TYPE, CaseTypeContent, from_template=True)
StandardReplyInput = nested_input_of(StandardReply, case_types.StandardReply)
TermsSectionInput = nested_input_of(TermsSection, case_types.TermsSection)
