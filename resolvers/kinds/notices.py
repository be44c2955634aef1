"""The content of notices: planned and ongoing outages, and other news of a service."""

from collections.abc import Iterator
from enum import StrEnum

from pydantic import Field

from resolvers.kinds.content_model import STAFF_ONLY, STAFF_RICH, STAFF_TEXT, ContentModel
from resolvers.kinds.texts import Label, LanguageTag, MandatoryRichText, Moment, Name
from store.errors import Problem
from store.kinds.kinds import Kind, Sharing
from store.records import OwnerKind


class NoticeEnvironment(StrEnum):
    """The environment that a notice concerns."""

    PRODUCTION = "PRODUCTION"
    ACCEPTANCE_TEST = "ACCEPTANCE_TEST"


class NoticeStatus(StrEnum):
    """The progress of an outage."""

    PLANNED = "PLANNED"
    ONGOING = "ONGOING"
    RESOLVED = "RESOLVED"
    CANCELLED = "CANCELLED"


class NoticeContent(ContentModel):
    """The content of a version of a notice."""

    name: Name = Field(title="Rubrik", json_schema_extra=STAFF_TEXT)
    internal_name: Name = Field(title="Internt namn", json_schema_extra=STAFF_TEXT)
    service: Label = Field(title="Tjänst", json_schema_extra=STAFF_TEXT)
    environment: NoticeEnvironment = Field(
        title="Miljö", strict=False, json_schema_extra=STAFF_ONLY
    )
    status: NoticeStatus = Field(title="Status", strict=False, json_schema_extra=STAFF_ONLY)
    starts_at: Moment = Field(title="Från", json_schema_extra=STAFF_ONLY)
    ends_at: Moment | None = Field(default=None, title="Till", json_schema_extra=STAFF_ONLY)
    text: MandatoryRichText = Field(title="Text", json_schema_extra=STAFF_RICH)
    language: LanguageTag = Field(default="sv", title="Språk", json_schema_extra=STAFF_ONLY)

    def problems(self) -> Iterator[Problem]:
        """Check that it ends after it starts, and that a resolved notice has an end."""
        if self.ends_at is not None and self.ends_at <= self.starts_at:
            yield Problem("TIME_ORDER", "Ange en sluttid som är senare än starttiden.", ("endsAt",))
        if self.ends_at is None and self.status is NoticeStatus.RESOLVED:
            yield Problem("END_MISSING", "Ange när det var över.", ("endsAt",))


NOTICE = Kind(
    name="NOTICE",
    prefix="no",
    model=NoticeContent,
    notifies_clinics=True,
    owners=frozenset({OwnerKind.PRINCIPAL}),
    shared=Sharing.CENTRAL,
)
