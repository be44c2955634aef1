"""A case type's content, parts of which other kinds have too: as answered, as given whole, and as a
patch. Validation is the kind's own.
"""

import strawberry
from strawberry.types.unset import UNSET

from schema.enums import Gender, QuestionKind, ResponseTimeUnit
from schema.scalars import Markdown
from store.records import Content

NAME = "The name that residents see: not blank, at most 200 characters."
STAFF_NAME = "The name that staff read: not blank, at most 200 characters."
INTERNAL_NAME = "The name that staff tell documents apart by: not blank, at most 200 characters."
RATIONALE = "Why it exists; for staff only."
LANGUAGE = "BCP 47; `sv` where nothing is said."
ITEM_KEY = (
    "Stable within its list: 1 to 64 letters, digits, hyphens or underscores. Changes are followed"
    " by it."
)


@strawberry.type(description="One answer of a choice.")
class QuestionOption:
    key: str = strawberry.field(description=ITEM_KEY)
    label: str = strawberry.field(description="What the resident reads.")


@strawberry.type(description="When a question is shown.")
class QuestionCondition:
    question: str = strawberry.field(description="Key of an earlier question.")
    equals: str = strawberry.field(description="Its answer: an option's key, or yes or no.")


@strawberry.type(description="One question of the form.")
class Question:
    key: str = strawberry.field(description=ITEM_KEY)
    label: str = strawberry.field(description="The question itself.")
    help: str | None = strawberry.field(description="Help beside the question; plain text.")
    kind: QuestionKind = strawberry.field(description="How it is answered.")
    required: bool = strawberry.field(description="Whether it must be answered.")
    options: list[QuestionOption] = strawberry.field(
        description="The answers of a choice, in order; empty for other kinds."
    )
    shown_if: QuestionCondition | None = strawberry.field(
        description="Shown only then; always when null."
    )

    @classmethod
    def of(cls, content: Content) -> "Question":
        condition = content["shownIf"]
        return cls(
            key=content["key"],
            label=content["label"],
            help=content["help"],
            kind=QuestionKind(content["kind"]),
            required=content["required"],
            options=[
                QuestionOption(key=option["key"], label=option["label"])
                for option in content["options"]
            ],
            shown_if=(
                QuestionCondition(question=condition["question"], equals=condition["equals"])
                if condition
                else None
            ),
        )


@strawberry.type(description="A link beside the form.")
class Link:
    key: str = strawberry.field(description=ITEM_KEY)
    label: str = strawberry.field(description="What the resident reads.")
    url: str = strawberry.field(description="https, http, mailto or tel.")
    open_page: bool = strawberry.field(
        description="Whether it opens an open page from logged-in mode."
    )


@strawberry.type(description="A reply text for staff to start from.")
class StandardReply:
    key: str = strawberry.field(description=ITEM_KEY)
    label: str = strawberry.field(description="What staff choose it by.")
    text: str = strawberry.field(description="Plain text.")
    local: bool = strawberry.field(
        default=False, description="Whether it is the clinic's own addition."
    )


@strawberry.type(description="One part of the terms.")
class TermsSection:
    key: str = strawberry.field(description=ITEM_KEY)
    heading: str = strawberry.field(description="Its heading.")
    text: Markdown = strawberry.field(description="What the resident reads.")
    must_accept: bool = strawberry.field(description="Whether the resident must accept it.")
    local: bool = strawberry.field(
        default=False, description="Whether it is the clinic's own addition."
    )


@strawberry.type(description="Who may use a case type; nothing set means everyone.")
class Restrictions:
    county_codes: list[str] = strawberry.field(description="Counties, 2 digits.")
    municipality_codes: list[str] = strawberry.field(description="Municipalities, 4 digits.")
    gender: Gender | None = strawberry.field(description="One gender only.")
    age_from: int | None = strawberry.field(description="Youngest age, in years, included.")
    age_to: int | None = strawberry.field(description="Oldest age, in years, included.")
    listed_only: bool = strawberry.field(description="Only residents listed at the clinic.")
    referral_required: bool = strawberry.field(description="Only with a referral.")
    proxy_allowed: bool = strawberry.field(
        description="Whether a proxy (ombud) may use it for someone."
    )


@strawberry.type(description="Within which time residents get an answer.")
class ResponseTime:
    amount: int = strawberry.field(description="How many, from 1.")
    unit: ResponseTimeUnit = strawberry.field(description="Of what.")


@strawberry.type(description="All that a version of a case type or of its template holds.")
class CaseTypeContent:
    name: str = strawberry.field(description="The name that residents see.")
    internal_name: str = strawberry.field(
        description="The name that staff tell documents apart by."
    )
    rationale: str | None = strawberry.field(description="Why it exists; for staff only.")
    introduction: Markdown = strawberry.field(description="What the resident reads first.")
    questions: list[Question] = strawberry.field(description="The form, in order.")
    links: list[Link] = strawberry.field(description="Links beside the form, in order.")
    submittable: bool = strawberry.field(description="Whether there is a Send button.")
    standard_replies: list[StandardReply] = strawberry.field(description="Reply texts for staff.")
    terms: list[TermsSection] = strawberry.field(
        description="What the resident reads, and sometimes must accept."
    )
    restrictions: Restrictions = strawberry.field(description="Who may use it.")
    response_time: ResponseTime | None = strawberry.field(
        description="When an answer comes; null where nothing is promised."
    )
    on_contact_card: bool = strawberry.field(
        description="Whether it stands on the clinic's contact card."
    )
    language: str = strawberry.field(description="BCP 47.")

    @classmethod
    def of(cls, content: Content) -> "CaseTypeContent":
        response_time = content["responseTime"]
        return cls(
            name=content["name"],
            internal_name=content["internalName"],
            rationale=content["rationale"],
            introduction=Markdown(content["introduction"]),
            questions=[Question.of(question) for question in content["questions"]],
            links=[
                Link(
                    key=link["key"],
                    label=link["label"],
                    url=link["url"],
                    open_page=link["openPage"],
                )
                for link in content["links"]
            ],
            submittable=content["submittable"],
            standard_replies=[
                StandardReply(
                    key=reply["key"],
                    label=reply["label"],
                    text=reply["text"],
                    local=reply.get("local", False),
                )
                for reply in content["standardReplies"]
            ],
            terms=[
                TermsSection(
                    key=section["key"],
                    heading=section["heading"],
                    text=Markdown(section["text"]),
                    must_accept=section["mustAccept"],
                    local=section.get("local", False),
                )
                for section in content["terms"]
            ],
            restrictions=_restrictions(content["restrictions"]),
            response_time=(
                ResponseTime(
                    amount=response_time["amount"], unit=ResponseTimeUnit(response_time["unit"])
                )
                if response_time
                else None
            ),
            on_contact_card=content["onContactCard"],
            language=content["language"],
        )


def _restrictions(content: Content) -> Restrictions:
    gender = content["gender"]
    return Restrictions(
        county_codes=content["countyCodes"],
        municipality_codes=content["municipalityCodes"],
        gender=Gender(gender) if gender else None,
        age_from=content["ageFrom"],
        age_to=content["ageTo"],
        listed_only=content["listedOnly"],
        referral_required=content["referralRequired"],
        proxy_allowed=content["proxyAllowed"],
    )


@strawberry.input(description="One answer of a choice.")
class QuestionOptionInput:
    key: str = strawberry.field(description=ITEM_KEY)
    label: str = strawberry.field(description="What the resident reads.")


@strawberry.input(description="When a question is shown.")
class QuestionConditionInput:
    question: str = strawberry.field(description="Key of an earlier question.")
    equals: str = strawberry.field(description="Its answer: an option's key, or yes or no.")


@strawberry.input(description="One question of the form.")
class QuestionInput:
    key: str = strawberry.field(description=ITEM_KEY)
    label: str = strawberry.field(description="The question itself, at most 500 characters.")
    help: str | None = strawberry.field(
        default=None, description="Help beside the question, at most 2,000 characters."
    )
    kind: QuestionKind = strawberry.field(description="How it is answered.")
    required: bool | None = strawberry.field(
        default=False, description="Whether it must be answered."
    )
    options: list[QuestionOptionInput] | None = strawberry.field(
        default_factory=list, description="For a choice: 1 to 100."
    )
    shown_if: QuestionConditionInput | None = strawberry.field(
        default=None, description="Shown only then."
    )


@strawberry.input(description="A link beside the form.")
class LinkInput:
    key: str = strawberry.field(description=ITEM_KEY)
    label: str = strawberry.field(description="What the resident reads, at most 500 characters.")
    url: str = strawberry.field(description="https, http, mailto or tel.")
    open_page: bool | None = strawberry.field(
        default=False, description="Whether it opens an open page from logged-in mode."
    )


@strawberry.input(description="A reply text for staff to start from.")
class StandardReplyInput:
    key: str = strawberry.field(description=ITEM_KEY)
    label: str = strawberry.field(description="What staff choose it by, at most 500 characters.")
    text: str = strawberry.field(description="Plain text.")


@strawberry.input(description="One part of the terms.")
class TermsSectionInput:
    key: str = strawberry.field(description=ITEM_KEY)
    heading: str = strawberry.field(description="At most 500 characters.")
    text: Markdown = strawberry.field(description="What the resident reads.")
    must_accept: bool | None = strawberry.field(
        default=False, description="Whether the resident must accept it."
    )


@strawberry.input(description="Who may use a case type; nothing set means everyone.")
class RestrictionsInput:
    county_codes: list[str] | None = strawberry.field(
        default_factory=list, description="Counties, 2 digits."
    )
    municipality_codes: list[str] | None = strawberry.field(
        default_factory=list, description="Municipalities, 4 digits."
    )
    gender: Gender | None = strawberry.field(default=None, description="One gender only.")
    age_from: int | None = strawberry.field(
        default=None, description="Youngest age, in years, included: 0 to 150."
    )
    age_to: int | None = strawberry.field(
        default=None, description="Oldest age, in years, included: 0 to 150."
    )
    listed_only: bool | None = strawberry.field(
        default=False, description="Only residents listed at the clinic."
    )
    referral_required: bool | None = strawberry.field(
        default=False, description="Only with a referral."
    )
    proxy_allowed: bool | None = strawberry.field(
        default=True, description="Whether a proxy (ombud) may use it for someone."
    )


@strawberry.input(description="Within which time residents get an answer.")
class ResponseTimeInput:
    amount: int = strawberry.field(description="1 to 10,000.")
    unit: ResponseTimeUnit = strawberry.field(description="Of what.")


@strawberry.input(
    description=(
        "A whole content, at most 1 MiB. What is left out takes the template's value where"
        " `fromTemplate` is given; else it is empty, `submittable` is true, everyone may use it,"
        " and the language is `sv`."
    )
)
class CaseTypeContentInput:
    name: str = strawberry.field(description=NAME)
    internal_name: str = strawberry.field(description=INTERNAL_NAME)
    rationale: str | None = strawberry.field(
        default=UNSET, description="Why it exists; for staff only."
    )
    introduction: Markdown | None = strawberry.field(
        default=UNSET, description="What the resident reads first."
    )
    questions: list[QuestionInput] | None = strawberry.field(
        default=UNSET, description="The form, in order; at most 200."
    )
    links: list[LinkInput] | None = strawberry.field(
        default=UNSET, description="Links beside the form; at most 100."
    )
    submittable: bool | None = strawberry.field(
        default=UNSET, description="Whether there is a Send button; no required questions without."
    )
    standard_replies: list[StandardReplyInput] | None = strawberry.field(
        default=UNSET, description="Reply texts for staff; at most 200."
    )
    terms: list[TermsSectionInput] | None = strawberry.field(
        default=UNSET, description="The terms; at most 100 parts."
    )
    restrictions: RestrictionsInput | None = strawberry.field(
        default=UNSET, description="Who may use it."
    )
    response_time: ResponseTimeInput | None = strawberry.field(
        default=UNSET, description="When an answer comes."
    )
    on_contact_card: bool | None = strawberry.field(
        default=UNSET, description="Whether it stands on the clinic's contact card."
    )
    language: str | None = strawberry.field(default=UNSET, description="BCP 47.")


@strawberry.input(
    description=(
        "Changes to a content. Fields left out keep their value; a list is replaced whole, its"
        " items followed by key."
    )
)
class CaseTypeContentPatch:
    name: str | None = strawberry.field(default=UNSET, description=NAME)
    internal_name: str | None = strawberry.field(default=UNSET, description=INTERNAL_NAME)
    rationale: str | None = strawberry.field(
        default=UNSET, description="Why it exists; null clears it."
    )
    introduction: Markdown | None = strawberry.field(
        default=UNSET, description="What the resident reads first."
    )
    questions: list[QuestionInput] | None = strawberry.field(
        default=UNSET, description="The form, in order; at most 200."
    )
    links: list[LinkInput] | None = strawberry.field(
        default=UNSET, description="Links beside the form; at most 100."
    )
    submittable: bool | None = strawberry.field(
        default=UNSET, description="Whether there is a Send button; no required questions without."
    )
    standard_replies: list[StandardReplyInput] | None = strawberry.field(
        default=UNSET, description="Reply texts for staff; at most 200."
    )
    terms: list[TermsSectionInput] | None = strawberry.field(
        default=UNSET, description="The terms; at most 100 parts."
    )
    restrictions: RestrictionsInput | None = strawberry.field(
        default=UNSET, description="Who may use it."
    )
    response_time: ResponseTimeInput | None = strawberry.field(
        default=UNSET, description="When an answer comes; null promises nothing."
    )
    on_contact_card: bool | None = strawberry.field(
        default=UNSET, description="Whether it stands on the clinic's contact card."
    )
    language: str | None = strawberry.field(default=UNSET, description="BCP 47.")
