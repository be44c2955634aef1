"""Resident cases: what clinics send to residents, to read or to answer."""

from dataclasses import replace

import strawberry

from resolvers.kinds.resident_cases import RESIDENT_CASE, RESIDENT_CASE_TEMPLATE
from schema.documents.documents import Document, Version
from schema.errors import Info
from schema.kinds.kind_schema import kind_schema
from schema.kinds.kind_types import document_of_version, document_type, version_type
from schema.kinds.resident_case_templates import CONTENT_TYPES as TEMPLATE_CONTENT_TYPES
from schema.kinds.resident_case_templates import ResidentCaseDerivation, derivation_of

CONTENT_TYPES = replace(TEMPLATE_CONTENT_TYPES, kind=RESIDENT_CASE)


@version_type(CONTENT_TYPES, "One immutable version of a resident case.")
class ResidentCaseVersion(Version):
    @strawberry.field(description="The resident case.")
    async def resident_case(self, info: Info) -> "ResidentCase":
        return ResidentCase.of(await document_of_version(self, info), info)

    @strawberry.field(
        description=(
            "The template version that this version was made from. Null if there is none, or if the"
            " viewer may not see the template."
        )
    )
    async def derived_from_template(self, info: Info) -> ResidentCaseDerivation | None:
        return await derivation_of(self.record, info)


@document_type(
    CONTENT_TYPES,
    ResidentCaseVersion,
    "A message from a clinic to residents (invånarärende): information, or questions to answer.",
)
class ResidentCase(Document):
    pass


KIND_SCHEMA = kind_schema(
    CONTENT_TYPES,
    ResidentCase,
    ResidentCaseVersion,
    noun="resident case",
    owner="The owner: a principal, for all its clinics; or one clinic.",
    template=RESIDENT_CASE_TEMPLATE,
)
