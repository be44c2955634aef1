"""The content of resident cases and of their templates.

A resident case is a form that a clinic sends to a resident: information, or questions to answer.
"""

from collections.abc import Iterator
from enum import StrEnum

from pydantic import Field

from resolvers.kinds.case_types import Link, Question, QuestionKind, condition_problems
from resolvers.kinds.content_model import RICH, STAFF_TEXT, TEXT, ContentModel
from resolvers.kinds.texts import LanguageTag, Name, PlainText, RichText
from store.errors import Problem
from store.kinds.kinds import Kind, Sharing


class ResidentCaseForm(StrEnum):
    """Whether the resident reads information or answers questions."""

    INFORMATION = "INFORMATION"
    QUESTIONS = "QUESTIONS"


class ResidentCaseContent(ContentModel):
    """The content of a version of a resident case or of its template."""

    name: Name = Field(title="Namn", json_schema_extra=TEXT)
    internal_name: Name = Field(title="Internt namn", json_schema_extra=STAFF_TEXT)
    rationale: PlainText | None = Field(
        default=None, title="Motivering", json_schema_extra=STAFF_TEXT
    )
    form: ResidentCaseForm = Field(title="Formulärtyp", strict=False)
    message: RichText = Field(default="", title="Meddelande", json_schema_extra=RICH)
    questions: list[Question] = Field(default_factory=list, title="Frågor", max_length=200)
    links: list[Link] = Field(default_factory=list, title="Länkar", max_length=100)
    attachments_allowed: bool = Field(default=False, title="Bilagor tillåtna")
    language: LanguageTag = Field(default="sv", title="Språk")

    def problems(self) -> Iterator[Problem]:
        """Check that only a question form has questions, and that attachments are allowed.

        Attachments must be allowed where a question asks for one.
        """
        if self.form is ResidentCaseForm.INFORMATION and self.questions:
            yield Problem(
                "QUESTIONS_NOT_ALLOWED",
                "Ta bort frågorna, eller byt till frågeformulär: information besvaras inte.",
                ("questions",),
            )
        if self.form is ResidentCaseForm.QUESTIONS and not self.questions:
            yield Problem(
                "QUESTIONS_MISSING",
                "Lägg till minst en fråga, eller byt till informationsformulär.",
                ("questions",),
            )
        yield from condition_problems(self.questions)
        for index, question in enumerate(self.questions):
            if question.kind is QuestionKind.ATTACHMENT and not self.attachments_allowed:
                path = ("questions", str(index), "kind")
                yield Problem(
                    "ATTACHMENTS_NOT_ALLOWED",
                    "Tillåt bilagor, eller byt frågetyp: frågan ber om en bilaga.",
                    path,
                )


RESIDENT_CASE = Kind(
    name="RESIDENT_CASE", prefix="rc", model=ResidentCaseContent, notifies_clinics=True
)
RESIDENT_CASE_TEMPLATE = Kind(
    name="RESIDENT_CASE_TEMPLATE", prefix="rct", model=ResidentCaseContent, shared=Sharing.NATIONAL
)
