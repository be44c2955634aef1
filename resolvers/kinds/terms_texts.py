"""The content of terms texts: what a resident reads, and perhaps accepts, before choosing a clinic
or booking a time there.
"""

from collections.abc import Iterator
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from resolvers.kinds.texts import (
    RICH,
    STAFF_TEXT,
    TEXT,
    ContentModel,
    LanguageTag,
    Name,
    PlainText,
    RichText,
    at_most,
    is_blank,
    rule,
)
from store.errors import Problem
from store.kinds.kinds import Kind, Shared
from store.records import Content

LEAD_CHARACTERS = 300
"""So much of the clinic text is shown before it is folded out."""


class TermsService(StrEnum):
    """Which service the terms stand in."""

    LISTING = "LISTING"
    BOOKING = "BOOKING"


class TermsTextContent(ContentModel):
    """All that a version of a terms text holds."""

    name: Name = Field(title="Namn", json_schema_extra=TEXT)
    internal_name: Name = Field(title="Internt namn", json_schema_extra=STAFF_TEXT)
    rationale: PlainText | None = Field(
        default=None, title="Motivering", json_schema_extra=STAFF_TEXT
    )
    service: TermsService = Field(title="Tjänst", strict=False)
    clinic_text: RichText = Field(default="", title="Text om mottagningen", json_schema_extra=RICH)
    booking_concerns: RichText = Field(default="", title="Bokningen avser", json_schema_extra=RICH)
    information_to_clinic: Annotated[str, rule(at_most(150))] = Field(
        default="", title="Information till mottagningen", json_schema_extra=TEXT
    )
    terms: RichText = Field(default="", title="Villkor", json_schema_extra=RICH)
    named_doctor: bool = Field(default=False, title="Fast läkarkontakt kan väljas")
    language: LanguageTag = Field(default="sv", title="Språk")

    def problems(self) -> Iterator[Problem]:
        """Each part belongs to a service."""
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


def must_accept(content: Content) -> bool:
    """Whether the resident must tick a box: where there are terms."""
    return not is_blank(content["terms"])


TERMS_TEXT = Kind(
    name="TERMS_TEXT", prefix="tt", model=TermsTextContent, told=True, shared=Shared.NATIONAL
)
