"""Guidance: routines for support, such as for locked logins, with whom to refer a resident to in
each region.
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
    heading: str = strawberry.field(description="What to do, in short; at most 500 characters.")
    text: Markdown = strawberry.field(description="How to do it.")


@strawberry.type(description="Whom to refer a resident of one region to.")
class Referral:
    key: str = strawberry.field(description=ITEM_KEY)
    county_code: str = strawberry.field(
        description="The region's county, 2 digits; each stands once."
    )
    refer_to: str = strawberry.field(description="Whom to refer to, at most 500 characters.")
    telephone_number: str | None = strawberry.field(
        description="As it is to be read out, at most 50 characters."
    )
    url: str | None = strawberry.field(description="https, http, mailto or tel.")
    note: str | None = strawberry.field(
        description="What else to know, such as opening hours; plain text."
    )


@strawberry.type(description="All that a version of a routine holds.")
class GuidanceContent:
    name: str = strawberry.field(description=STAFF_NAME)
    internal_name: str = strawberry.field(description=INTERNAL_NAME)
    rationale: str | None = strawberry.field(description=RATIONALE)
    situation: Markdown = strawberry.field(description="When the routine is used.")
    steps: list[GuidanceStep] = strawberry.field(description="What to do, in order; at most 100.")
    referrals: list[Referral] = strawberry.field(
        description="Whom to refer residents to, by region; at most 100."
    )
    language: str = strawberry.field(description=LANGUAGE)


CONTENT_TYPES = content_types_of(GUIDANCE, GuidanceContent)


@version_type(CONTENT_TYPES, "One immutable snapshot of a routine.")
class GuidanceVersion(Version):
    @strawberry.field(description="The routine.")
    async def guidance(self, info: Info) -> "Guidance":
        return Guidance.of(await document_of_version(self, info), info)


@document_type(
    CONTENT_TYPES,
    GuidanceVersion,
    "A routine for support (rutin), which everyone who has a role reads once it is published.",
)
class Guidance(Document):
    pass


KIND_SCHEMA = kind_schema(
    CONTENT_TYPES,
    Guidance,
    GuidanceVersion,
    noun="routine",
    owner="The national management, or a region or municipality.",
)
