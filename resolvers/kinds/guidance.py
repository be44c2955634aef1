"""The content of guidance: routines for support, with steps and referrals for each region."""

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field

from resolvers.kinds.checks import checked_by, max_length, one_line
from resolvers.kinds.content_model import (
    RICH,
    STAFF_ONLY,
    STAFF_RICH,
    STAFF_TEXT,
    TEXT,
    ContentModel,
)
from resolvers.kinds.texts import (
    CountyCode,
    Key,
    Label,
    LanguageTag,
    MandatoryRichText,
    Name,
    PlainText,
    RichText,
    Url,
)
from store.errors import Problem
from store.kinds.kinds import Kind, Sharing
from store.records import OwnerKind


class GuidanceStep(ContentModel):
    """One step of the routine."""

    key: Key = Field(title="Nyckel")
    heading: Label = Field(title="Rubrik", json_schema_extra=TEXT)
    text: MandatoryRichText = Field(title="Text", json_schema_extra=RICH)


class Referral(ContentModel):
    """Where to refer residents of one region."""

    key: Key = Field(title="Nyckel")
    county_code: CountyCode = Field(title="Län")
    refer_to: Label = Field(title="Hänvisa till", json_schema_extra=TEXT)
    telephone_number: Annotated[str, checked_by(max_length(50), one_line)] | None = Field(
        default=None, title="Telefonnummer"
    )
    url: Url | None = Field(default=None, title="Adress")
    note: PlainText | None = Field(default=None, title="Att tänka på", json_schema_extra=TEXT)


class GuidanceContent(ContentModel):
    """The content of a version of a routine."""

    name: Name = Field(title="Namn", json_schema_extra=STAFF_TEXT)
    internal_name: Name = Field(title="Internt namn", json_schema_extra=STAFF_TEXT)
    rationale: PlainText | None = Field(
        default=None, title="Motivering", json_schema_extra=STAFF_TEXT
    )
    situation: RichText = Field(
        default="", title="När rutinen används", json_schema_extra=STAFF_RICH
    )
    steps: list[GuidanceStep] = Field(
        default_factory=list, title="Steg", max_length=100, json_schema_extra=STAFF_ONLY
    )
    referrals: list[Referral] = Field(
        default_factory=list, title="Hänvisningar", max_length=100, json_schema_extra=STAFF_ONLY
    )
    language: LanguageTag = Field(default="sv", title="Språk", json_schema_extra=STAFF_ONLY)

    def problems(self) -> Iterator[Problem]:
        """Check that each region has one referral, so that support staff need not choose."""
        seen = set()
        for index, referral in enumerate(self.referrals):
            if referral.county_code in seen:
                yield Problem(
                    "DUPLICATE_VALUE",
                    "Ta bort dubbletten: länet har redan en hänvisning.",
                    ("referrals", str(index), "countyCode"),
                )
            seen.add(referral.county_code)


GUIDANCE = Kind(
    name="GUIDANCE",
    prefix="gu",
    model=GuidanceContent,
    notifies_clinics=True,
    owners=frozenset({OwnerKind.PRINCIPAL}),
    shared=Sharing.CENTRAL,
)
