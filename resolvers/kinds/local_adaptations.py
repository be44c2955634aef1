"""The content of a local adaptation: what a clinic adds to a central case type."""

from typing import Annotated

from pydantic import Field

from resolvers.kinds.case_types import StandardReply, TermsSection
from resolvers.kinds.texts import STAFF_ONLY, ContentModel, between, rule
from store.kinds.kinds import Kind
from store.records import Content, OwnerKind

NAME = "Lokal anpassning"


class LocalAdaptationContent(ContentModel):
    """A clinic's own replies and terms, and the version of the case type that they were written
    for.
    """

    written_for: Annotated[int, rule(between(1, 2**31 - 1))] = Field(
        title="Skriven för version", json_schema_extra=STAFF_ONLY
    )
    standard_replies: list[StandardReply] = Field(
        default_factory=list, title="Standardsvar", max_length=200, json_schema_extra=STAFF_ONLY
    )
    terms: list[TermsSection] = Field(default_factory=list, title="Villkor", max_length=100)


def _names(_: Content) -> tuple[str, str]:
    # An adaptation goes by the name of its case type, which is not in its content; lists show that.
    return NAME, NAME


LOCAL_ADAPTATION = Kind(
    name="LOCAL_ADAPTATION",
    prefix="la",
    model=LocalAdaptationContent,
    told=True,
    owners=frozenset({OwnerKind.CLINIC}),
    names=_names,
)
