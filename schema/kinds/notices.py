"""Notices: planned, ongoing and past outages and other news of a service."""

from datetime import datetime

import strawberry

from resolvers.kinds.notices import NOTICE
from schema.documents.documents import Document, Version
from schema.errors import Info
from schema.kinds.case_type_content import INTERNAL_NAME, LANGUAGE, STAFF_NAME
from schema.kinds.content_types import content_types_of
from schema.kinds.enums import NoticeEnvironment, NoticeStatus
from schema.kinds.kind_schema import kind_schema
from schema.kinds.kind_types import document_of_version, document_type, version_type
from schema.scalars import Markdown


@strawberry.type(description="The whole content of a version of a notice.")
class NoticeContent:
    name: str = strawberry.field(description=STAFF_NAME)
    internal_name: str = strawberry.field(description=INTERNAL_NAME)
    service: str = strawberry.field(
        description="The service that the notice is about, at most 500 characters."
    )
    environment: NoticeEnvironment = strawberry.field(
        description="The environment that the notice is about."
    )
    status: NoticeStatus = strawberry.field(description="The status of what the notice announces.")
    starts_at: datetime = strawberry.field(description="When it starts.")
    ends_at: datetime | None = strawberry.field(
        description=(
            "When it ends, after `startsAt`. Null if the end is not known; mandatory if the status"
            " is `RESOLVED`."
        )
    )
    text: Markdown = strawberry.field(
        description="What happens, and what users can do in the meantime."
    )
    language: str = strawberry.field(description=LANGUAGE)


CONTENT_TYPES = content_types_of(NOTICE, NoticeContent)


@version_type(CONTENT_TYPES, "One immutable version of a notice.")
class NoticeVersion(Version):
    @strawberry.field(description="The notice.")
    async def notice(self, info: Info) -> "Notice":
        return Notice.of(await document_of_version(self, info), info)


@document_type(
    CONTENT_TYPES,
    NoticeVersion,
    "News of a service (driftmeddelande). Once published, everyone who has a role may read it.",
)
class Notice(Document):
    pass


KIND_SCHEMA = kind_schema(
    CONTENT_TYPES,
    Notice,
    NoticeVersion,
    noun="notice",
    owner="The owner: the national management, or a region or municipality.",
)
