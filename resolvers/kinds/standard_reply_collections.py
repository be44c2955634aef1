"""The content of collections of standard replies, for the staff and support of a principal."""

from pydantic import Field

from resolvers.kinds.case_types import StandardReply
from resolvers.kinds.content_model import STAFF_ONLY, STAFF_TEXT, ContentModel
from resolvers.kinds.texts import LanguageTag, Name, PlainText
from store.kinds.kinds import Kind, Sharing
from store.records import OwnerKind


class StandardReplyCollectionContent(ContentModel):
    """The content of a version of a collection."""

    name: Name = Field(title="Namn", json_schema_extra=STAFF_TEXT)
    internal_name: Name = Field(title="Internt namn", json_schema_extra=STAFF_TEXT)
    rationale: PlainText | None = Field(
        default=None, title="Motivering", json_schema_extra=STAFF_TEXT
    )
    standard_replies: list[StandardReply] = Field(
        default_factory=list, title="Standardsvar", max_length=500, json_schema_extra=STAFF_ONLY
    )
    language: LanguageTag = Field(default="sv", title="Språk", json_schema_extra=STAFF_ONLY)


STANDARD_REPLY_COLLECTION = Kind(
    name="STANDARD_REPLY_COLLECTION",
    prefix="sr",
    model=StandardReplyCollectionContent,
    notifies_clinics=True,
    owners=frozenset({OwnerKind.PRINCIPAL}),
    shared=Sharing.NATIONAL,
)
