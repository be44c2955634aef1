"""Notices: outages and other news of a service, planned, present or over."""

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


@strawberry.type(description="All that a version of a notice holds.")
class NoticeContent:
    name: str = strawberry.field(description=STAFF_NAME)
    internal_name: str = strawberry.field(description=INTERNAL_NAME)
    service: str = strawberry.field(
        description="Which service it is about, at most 500 characters."
    )
    environment: NoticeEnvironment = strawberry.field(description="Which environment it is about.")
    status: NoticeStatus = strawberry.field(description="How far it has come.")
    starts_at: datetime = strawberry.field(description="From when.")
    ends_at: datetime | None = strawberry.field(
        description=(
            "Until when, after `startsAt`; null where that is not known, which it must be once"
            " resolved."
        )
    )
    text: Markdown = strawberry.field(description="What happens, and what to do meanwhile.")
    language: str = strawberry.field(description=LANGUAGE)


CONTENT_TYPES = content_types_of(NOTICE, NoticeContent)


@version_type(CONTENT_TYPES, "One immutable snapshot of a notice.")
class NoticeVersion(Version):
    @strawberry.field(description="The notice.")
    async def notice(self, info: Info) -> "Notice":
        return Notice.of(await document_of_version(self, info), info)


@document_type(
    CONTENT_TYPES,
    NoticeVersion,
    "News of a service (driftmeddelande), which everyone who has a role reads once it is"
    " published.",
)
class Notice(Document):
    pass


KIND_SCHEMA = kind_schema(
    CONTENT_TYPES,
    Notice,
    NoticeVersion,
    noun="notice",
    owner="The national management, or a region or municipality.",
)
