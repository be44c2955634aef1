"""The content of a principal's collections of standard replies, which its staff and support answer
from.
"""

from pydantic import Field

from resolvers.kinds.case_types import StandardReply
from resolvers.kinds.texts import STAFF_ONLY, STAFF_TEXT, ContentModel, LanguageTag, Name, PlainText
from store.kinds.kinds import Kind, Shared
from store.records import OwnerKind


class StandardReplyCollectionContent(ContentModel):
    """All that a version of a collection holds."""

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
    told=True,
    owners=frozenset({OwnerKind.PRINCIPAL}),
    shared=Shared.NATIONAL,
)
