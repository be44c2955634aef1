"""The content of a local adaptation: what a clinic adds to a central case type."""

from typing import Annotated

from pydantic import Field

from resolvers.kinds.case_types import StandardReply, TermsSection
from resolvers.kinds.checks import checked_by, in_range
from resolvers.kinds.content_model import STAFF_ONLY, ContentModel
from store.kinds.kinds import Kind
from store.records import Content, OwnerKind

NAME = "Lokal anpassning"


class LocalAdaptationContent(ContentModel):
    """A clinic's own replies and terms, and the case type version that they were written for."""

    written_for: Annotated[int, checked_by(in_range(1, 2**31 - 1))] = Field(
        title="Skriven för version", json_schema_extra=STAFF_ONLY
    )
    standard_replies: list[StandardReply] = Field(
        default_factory=list, title="Standardsvar", max_length=200, json_schema_extra=STAFF_ONLY
    )
    terms: list[TermsSection] = Field(default_factory=list, title="Villkor", max_length=100)


def _names(_: Content) -> tuple[str, str]:
    # Lists show the name of the case type, which is not part of the content.
    return NAME, NAME


LOCAL_ADAPTATION = Kind(
    name="LOCAL_ADAPTATION",
    prefix="la",
    model=LocalAdaptationContent,
    notifies_clinics=True,
    owners=frozenset({OwnerKind.CLINIC}),
    names=_names,
)
