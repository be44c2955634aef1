"""Standard reply collections: a principal's reply texts for staff and support."""

import strawberry

from resolvers.kinds.standard_reply_collections import STANDARD_REPLY_COLLECTION
from schema.documents.documents import Document, Version
from schema.errors import Info
from schema.kinds.case_type_content import (
    INTERNAL_NAME,
    LANGUAGE,
    RATIONALE,
    STAFF_NAME,
    StandardReply,
)
from schema.kinds.content_types import content_types_of
from schema.kinds.kind_schema import kind_schema
from schema.kinds.kind_types import document_of_version, document_type, version_type


@strawberry.type(description="The whole content of a version of a collection.")
class StandardReplyCollectionContent:
    name: str = strawberry.field(description=STAFF_NAME)
    internal_name: str = strawberry.field(description=INTERNAL_NAME)
    rationale: str | None = strawberry.field(description=RATIONALE)
    standard_replies: list[StandardReply] = strawberry.field(
        description="The replies, in order; at most 500."
    )
    language: str = strawberry.field(description=LANGUAGE)


CONTENT_TYPES = content_types_of(STANDARD_REPLY_COLLECTION, StandardReplyCollectionContent)


@version_type(CONTENT_TYPES, "One immutable version of a collection of standard replies.")
class StandardReplyCollectionVersion(Version):
    @strawberry.field(description="The collection.")
    async def standard_reply_collection(self, info: Info) -> "StandardReplyCollection":
        return StandardReplyCollection.of(await document_of_version(self, info), info)


@document_type(
    CONTENT_TYPES,
    StandardReplyCollectionVersion,
    "A principal's reply texts for staff and support (standardsvar).",
)
class StandardReplyCollection(Document):
    pass


KIND_SCHEMA = kind_schema(
    CONTENT_TYPES,
    StandardReplyCollection,
    StandardReplyCollectionVersion,
    noun="collection of standard replies",
    plural="collections of standard replies",
    owner="The owner: the national management, or a region or municipality.",
)
