"""Guidance: routines for support, such as for locked logins.

A routine states for each region where to refer residents.
"""

import strawberry

from resolvers.kinds.guidance import GUIDANCE
from schema.documents.documents import Document, Version
from schema.errors import Info
from schema.kinds.case_type_content import INTERNAL_NAME, ITEM_KEY, LANGUAGE, RATIONALE, STAFF_NAME
from schema.kinds.content_types import content_types_of
from schema.kinds.kind_schema import kind_schema
from schema.kinds.kind_types import document_of_version, document_type, version_type
from schema.scalars import Markdown


@strawberry.type(description="One step of a routine.")
class GuidanceStep:
    key: str = strawberry.field(description=ITEM_KEY)
    heading: str = strawberry.field(description="A short instruction, at most 500 characters.")
    text: Markdown = strawberry.field(description="The details of the instruction.")


@strawberry.type(description="Where to refer the residents of one region.")
class Referral:
    key: str = strawberry.field(description=ITEM_KEY)
    county_code: str = strawberry.field(
        description="County code of the region, 2 digits; unique in the list."
    )
    refer_to: str = strawberry.field(
        description="The person or unit to refer to, at most 500 characters."
    )
    telephone_number: str | None = strawberry.field(
        description="The telephone number as written for reading aloud, at most 50 characters."
    )
    url: str | None = strawberry.field(description="An https, http, mailto or tel address.")
    note: str | None = strawberry.field(
        description="Other information, such as opening hours; plain text."
    )


@strawberry.type(description="The whole content of a version of a routine.")
class GuidanceContent:
    name: str = strawberry.field(description=STAFF_NAME)
    internal_name: str = strawberry.field(description=INTERNAL_NAME)
    rationale: str | None = strawberry.field(description=RATIONALE)
    situation: Markdown = strawberry.field(
        description="The situation in which the routine is used."
    )
    steps: list[GuidanceStep] = strawberry.field(description="The steps, in order; at most 100.")
    referrals: list[Referral] = strawberry.field(
        description="Where to refer residents, by region; at most 100."
    )
    language: str = strawberry.field(description=LANGUAGE)


CONTENT_TYPES = content_types_of(GUIDANCE, GuidanceContent)


@version_type(CONTENT_TYPES, "One immutable version of a routine.")
class GuidanceVersion(Version):
    @strawberry.field(description="The routine.")
    async def guidance(self, info: Info) -> "Guidance":
        return Guidance.of(await document_of_version(self, info), info)


@document_type(
    CONTENT_TYPES,
    GuidanceVersion,
    "A routine for support (rutin). Once published, everyone who has a role may read it.",
)
class Guidance(Document):
    pass


KIND_SCHEMA = kind_schema(
    CONTENT_TYPES,
    Guidance,
    GuidanceVersion,
    noun="routine",
    owner="The owner: the national management, or a region or municipality.",
)
