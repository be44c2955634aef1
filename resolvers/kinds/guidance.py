"""The content of guidance: a routine for support, step by step, and whom to refer a resident to in
each region.
"""

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field

from resolvers.kinds.texts import (
    RICH,
    STAFF_ONLY,
    STAFF_RICH,
    STAFF_TEXT,
    TEXT,
    ContentModel,
    CountyCode,
    Key,
    Label,
    LanguageTag,
    MandatoryRichText,
    Name,
    PlainText,
    RichText,
    Url,
    at_most,
    one_line,
    rule,
)
from store.errors import Problem
from store.kinds.kinds import Kind, Shared
from store.records import OwnerKind


class GuidanceStep(ContentModel):
    """One step of the routine."""

    key: Key = Field(title="Nyckel")
    heading: Label = Field(title="Rubrik", json_schema_extra=TEXT)
    text: MandatoryRichText = Field(title="Text", json_schema_extra=RICH)


class Referral(ContentModel):
    """Whom to refer a resident of one region to."""

    key: Key = Field(title="Nyckel")
    county_code: CountyCode = Field(title="Län")
    refer_to: Label = Field(title="Hänvisa till", json_schema_extra=TEXT)
    telephone_number: Annotated[str, rule(at_most(50), one_line)] | None = Field(
        default=None, title="Telefonnummer"
    )
    url: Url | None = Field(default=None, title="Adress")
    note: PlainText | None = Field(default=None, title="Att tänka på", json_schema_extra=TEXT)


class GuidanceContent(ContentModel):
    """All that a version of a routine holds."""

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
        """A region stands once: support must not have to choose."""
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
    told=True,
    owners=frozenset({OwnerKind.PRINCIPAL}),
    shared=Shared.CENTRAL,
)
