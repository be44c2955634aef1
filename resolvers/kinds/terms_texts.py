"""The content of terms texts.

A resident reads them, and accepts them where required, before choosing a clinic or booking a time
there.
"""

from collections.abc import Iterator
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from resolvers.kinds.checks import checked_by, is_blank, max_length
from resolvers.kinds.content_model import RICH, STAFF_TEXT, TEXT, ContentModel
from resolvers.kinds.texts import LanguageTag, Name, PlainText, RichText
from store.errors import Problem
from store.kinds.kinds import Kind, Sharing
from store.records import Content

LEAD_CHARACTERS = 300
"""The number of characters of the clinic text that are shown before it is expanded."""


class TermsService(StrEnum):
    """The service that shows the terms."""

    LISTING = "LISTING"
    BOOKING = "BOOKING"


class TermsTextContent(ContentModel):
    """The content of a version of a terms text."""

    name: Name = Field(title="Namn", json_schema_extra=TEXT)
    internal_name: Name = Field(title="Internt namn", json_schema_extra=STAFF_TEXT)
    rationale: PlainText | None = Field(
        default=None, title="Motivering", json_schema_extra=STAFF_TEXT
    )
    service: TermsService = Field(title="Tjänst", strict=False)
    clinic_text: RichText = Field(default="", title="Text om mottagningen", json_schema_extra=RICH)
    booking_concerns: RichText = Field(default="", title="Bokningen avser", json_schema_extra=RICH)
    information_to_clinic: Annotated[str, checked_by(max_length(150))] = Field(
        default="", title="Information till mottagningen", json_schema_extra=TEXT
    )
    terms: RichText = Field(default="", title="Villkor", json_schema_extra=RICH)
    named_doctor: bool = Field(default=False, title="Fast läkarkontakt kan väljas")
    language: LanguageTag = Field(default="sv", title="Språk")

    def problems(self) -> Iterator[Problem]:
        """Check that only parts of the chosen service are filled in."""
        if self.service is TermsService.LISTING:
            for name, text in (
                ("bookingConcerns", self.booking_concerns),
                ("informationToClinic", self.information_to_clinic),
            ):
                if text:
                    yield Problem(
                        "ONLY_FOR_BOOKING",
                        "Töm fältet: det finns bara i villkor för tidbokning.",
                        (name,),
                    )
        elif self.named_doctor:
            yield Problem(
                "ONLY_FOR_LISTING",
                "Stäng av valet: fast läkarkontakt väljs bara vid listning.",
                ("namedDoctor",),
            )


def requires_acceptance(content: Content) -> bool:
    """Whether the resident must accept the terms: only where there are some."""
    return not is_blank(content["terms"])


TERMS_TEXT = Kind(
    name="TERMS_TEXT",
    prefix="tt",
    model=TermsTextContent,
    notifies_clinics=True,
    shared=Sharing.NATIONAL,
)
