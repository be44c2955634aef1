"""The content of case types and of their templates, with the rules over several fields.

Field names and defaults are those of `CaseTypeContentInput`. A policy of the principal decides
whether a link may lead to an open page (`resolvers.documents.open_page_links`). Whether a reply or
a section is the clinic's own (`local`) is computed on read and not stored.
"""

from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from resolvers.kinds.checks import checked_by, in_range, is_blank, max_length, not_blank, unique
from resolvers.kinds.content_model import RICH, STAFF_ONLY, STAFF_TEXT, TEXT, ContentModel
from resolvers.kinds.texts import (
    CountyCode,
    Key,
    Label,
    LanguageTag,
    MandatoryPlainText,
    MandatoryRichText,
    MunicipalityCode,
    Name,
    PlainText,
    RichText,
    Url,
)
from store.errors import Problem
from store.kinds.kinds import Kind, Sharing


class QuestionKind(StrEnum):
    """How a question is answered."""

    SHORT_TEXT = "SHORT_TEXT"
    LONG_TEXT = "LONG_TEXT"
    SINGLE_CHOICE = "SINGLE_CHOICE"
    MULTIPLE_CHOICE = "MULTIPLE_CHOICE"
    DATE = "DATE"
    NUMBER = "NUMBER"
    YES_NO = "YES_NO"
    ATTACHMENT = "ATTACHMENT"


class Gender(StrEnum):
    """Who may use a case type; 1 and 2 in the national contract."""

    MAN = "MAN"
    WOMAN = "WOMAN"


class ResponseTimeUnit(StrEnum):
    """The unit of a response time."""

    HOURS = "HOURS"
    WORKING_DAYS = "WORKING_DAYS"


CHOICES = frozenset({QuestionKind.SINGLE_CHOICE, QuestionKind.MULTIPLE_CHOICE})
YES_NO_ANSWERS = frozenset({"yes", "no", "ja", "nej", "true", "false"})
"""The values that a condition on a yes/no question may have, in any letter case."""

Age = Annotated[int, checked_by(in_range(0, 150))]


class QuestionOption(ContentModel):
    """One option of a choice."""

    key: Key = Field(title="Nyckel")
    label: Label = Field(title="Etikett", json_schema_extra=TEXT)


class QuestionCondition(ContentModel):
    """Shows a question only if an earlier one has this answer.

    For a choice, the answer is the key of an option.
    """

    question: Key = Field(title="Fråga")
    equals: Annotated[str, checked_by(max_length(500), not_blank)] = Field(title="Svar")


class Question(ContentModel):
    """One question of the form."""

    key: Key = Field(title="Nyckel")
    label: Label = Field(title="Etikett", json_schema_extra=TEXT)
    help: Annotated[str, checked_by(max_length(2000))] | None = Field(
        default=None, title="Hjälptext", json_schema_extra=TEXT
    )
    kind: QuestionKind = Field(title="Frågetyp", strict=False)
    required: bool = Field(default=False, title="Obligatorisk")
    options: list[QuestionOption] = Field(
        default_factory=list, title="Svarsalternativ", max_length=100
    )
    shown_if: QuestionCondition | None = Field(default=None, title="Visas om")

    def problems(self) -> Iterator[Problem]:
        """Check that a choice has options, and that no other question has any."""
        if self.kind in CHOICES and not self.options:
            yield Problem(
                "OPTIONS_MISSING",
                "Lägg till minst ett svarsalternativ, eller byt frågetyp.",
                ("options",),
            )
        if self.kind not in CHOICES and self.options:
            yield Problem(
                "OPTIONS_NOT_ALLOWED",
                "Ta bort svarsalternativen: bara en- och flervalsfrågor har sådana.",
                ("options",),
            )

    def can_be(self, answer: str) -> bool:
        """Whether the question can have this answer."""
        if self.kind in CHOICES:
            return any(option.key == answer for option in self.options)
        return self.kind is not QuestionKind.YES_NO or answer.lower() in YES_NO_ANSWERS


class Link(ContentModel):
    """A link shown with the form."""

    key: Key = Field(title="Nyckel")
    label: Label = Field(title="Etikett", json_schema_extra=TEXT)
    url: Url = Field(title="Adress")
    open_page: bool = Field(default=False, title="Leder till öppen sida")


class StandardReply(ContentModel):
    """A reply text that staff can start from."""

    key: Key = Field(title="Nyckel")
    label: Label = Field(title="Etikett", json_schema_extra=TEXT)
    text: MandatoryPlainText = Field(title="Text", json_schema_extra=TEXT)


class TermsSection(ContentModel):
    """One part of the terms."""

    key: Key = Field(title="Nyckel")
    heading: Label = Field(title="Rubrik", json_schema_extra=TEXT)
    text: MandatoryRichText = Field(title="Text", json_schema_extra=RICH)
    must_accept: bool = Field(default=False, title="Måste godkännas")


class Restrictions(ContentModel):
    """Who may use the case type; everyone by default."""

    county_codes: Annotated[list[CountyCode], checked_by(unique)] = Field(
        default_factory=list, title="Län", max_length=100
    )
    municipality_codes: Annotated[list[MunicipalityCode], checked_by(unique)] = Field(
        default_factory=list, title="Kommuner", max_length=500
    )
    gender: Gender | None = Field(default=None, title="Kön", strict=False)
    age_from: Age | None = Field(default=None, title="Från ålder")
    age_to: Age | None = Field(default=None, title="Till ålder")
    listed_only: bool = Field(default=False, title="Endast listade")
    referral_required: bool = Field(default=False, title="Kräver remiss")
    proxy_allowed: bool = Field(default=True, title="Ombud tillåtet")

    def problems(self) -> Iterator[Problem]:
        """Check that the upper age limit is not below the lower one."""
        if self.age_from is not None and self.age_to is not None and self.age_from > self.age_to:
            yield Problem(
                "AGE_ORDER", "Ange en övre åldersgräns som inte är lägre än den undre.", ("ageTo",)
            )


class ResponseTime(ContentModel):
    """The time within which residents get an answer."""

    amount: Annotated[int, checked_by(in_range(1, 10_000))] = Field(title="Antal")
    unit: ResponseTimeUnit = Field(title="Enhet", strict=False)


class CaseTypeContent(ContentModel):
    """The content of a version of a case type or of its template."""

    name: Name = Field(title="Namn", json_schema_extra=TEXT)
    internal_name: Name = Field(title="Internt namn", json_schema_extra=STAFF_TEXT)
    rationale: PlainText | None = Field(
        default=None, title="Motivering", json_schema_extra=STAFF_TEXT
    )
    introduction: RichText = Field(default="", title="Introduktion", json_schema_extra=RICH)
    questions: list[Question] = Field(default_factory=list, title="Frågor", max_length=200)
    links: list[Link] = Field(default_factory=list, title="Länkar", max_length=100)
    submittable: bool = Field(default=True, title="Kan skickas in")
    standard_replies: list[StandardReply] = Field(
        default_factory=list, title="Standardsvar", max_length=200, json_schema_extra=STAFF_ONLY
    )
    terms: list[TermsSection] = Field(default_factory=list, title="Villkor", max_length=100)
    restrictions: Restrictions = Field(
        default_factory=lambda: Restrictions.model_validate({}), title="Begränsningar"
    )
    response_time: ResponseTime | None = Field(default=None, title="Svarstid")
    on_contact_card: bool = Field(default=False, title="På kontaktkort")
    language: LanguageTag = Field(default="sv", title="Språk")

    def problems(self) -> Iterator[Problem]:
        """Check conditions, and that a form that cannot be submitted requires no answers."""
        yield from condition_problems(self.questions)
        for index, question in enumerate(self.questions):
            if question.required and not self.submittable:
                path = ("questions", str(index), "required")
                yield Problem(
                    "REQUIRED_NOT_SUBMITTABLE",
                    "Gör frågan frivillig: ärendetypen kan inte skickas in.",
                    path,
                )


def condition_problems(questions: Sequence[Question]) -> Iterator[Problem]:
    """Yield the problems of the questions' conditions, with paths from the content."""
    for index, question in enumerate(questions):
        if question.shown_if:
            yield from _condition_problems(
                question.shown_if, questions, index, ("questions", str(index), "shownIf")
            )


def _condition_problems(
    condition: QuestionCondition, questions: Sequence[Question], index: int, path: tuple[str, ...]
) -> Iterator[Problem]:
    target = next(
        (
            position
            for position, question in enumerate(questions)
            if question.key == condition.question
        ),
        None,
    )
    if target is None:
        yield Problem(
            "CONDITION_UNKNOWN_QUESTION",
            "Välj en fråga som finns i formuläret.",
            (*path, "question"),
        )
    elif target >= index:
        yield Problem(
            "CONDITION_NOT_EARLIER",
            "Välj en fråga som står före denna i formuläret.",
            (*path, "question"),
        )
    elif not is_blank(condition.equals) and not questions[target].can_be(condition.equals):
        yield Problem(
            "CONDITION_UNKNOWN_ANSWER",
            "Välj ett svar som frågan kan få: nyckeln till ett svarsalternativ, eller ja eller"
            " nej.",
            (*path, "equals"),
        )


CASE_TYPE = Kind(name="CASE_TYPE", prefix="ct", model=CaseTypeContent, assignable=True)
CASE_TYPE_TEMPLATE = Kind(
    name="CASE_TYPE_TEMPLATE", prefix="tpl", model=CaseTypeContent, shared=Sharing.NATIONAL
)
