"""Case type templates: national, regional and local starting points for case types."""

from dataclasses import replace

import strawberry

from resolvers.kinds.case_types import CASE_TYPE_TEMPLATE
from resolvers.templates import usage
from schema.documents.documents import Document, Version
from schema.errors import Info
from schema.kinds.case_type_content import CONTENT_TYPES as CASE_TYPE_CONTENT_TYPES
from schema.kinds.kind_schema import kind_schema
from schema.kinds.kind_types import document_of_version, document_type, version_type
from schema.scalars import HsaId
from schema.templates.comparison import (
    CaseTypes,
    Principals,
    TemplateComparison,
    Templates,
    compare,
)
from schema.templates.enums import TemplateLevel
from schema.templates.levels import level_of
from schema.templates.usage import TemplateUsage
from store import records

CONTENT_TYPES = replace(CASE_TYPE_CONTENT_TYPES, kind=CASE_TYPE_TEMPLATE)


@strawberry.type(
    description=(
        "The template version that a version was imported from. It may be of another registry."
    )
)
class TemplateOrigin:
    document: strawberry.ID = strawberry.field(
        description="Id of the template, which need not exist in this registry."
    )
    version: int = strawberry.field(description="Number of the imported version.")
    hash: str = strawberry.field(description="Hash of the imported version.")
    principal: HsaId = strawberry.field(
        description="HSA-id of the principal that the template belongs to."
    )

    @classmethod
    def of(cls, record: records.Origin) -> "TemplateOrigin":
        return cls(
            document=strawberry.ID(record.document),
            version=record.version,
            hash=record.hash,
            principal=HsaId(record.principal),
        )


@version_type(CONTENT_TYPES, "One immutable version of a template.")
class CaseTypeTemplateVersion(Version):
    @strawberry.field(
        description=(
            "The origin of an imported version, which the hash covers. Null for a version that was"
            " written in this registry."
        )
    )
    def origin(self) -> TemplateOrigin | None:
        return None if self.record.origin is None else TemplateOrigin.of(self.record.origin)

    @strawberry.field(description="The template.")
    async def template(self, info: Info) -> "CaseTypeTemplate":
        return CaseTypeTemplate.of(await document_of_version(self, info), info)


@document_type(CONTENT_TYPES, CaseTypeTemplateVersion, "A starting point for case types (mall).")
class CaseTypeTemplate(Document):
    @strawberry.field(description="The level of the template.")
    def level(self, info: Info) -> TemplateLevel:
        return level_of(self.record, info)

    @strawberry.field(description="The use of the template on all levels.")
    async def usage(self, info: Info) -> TemplateUsage:
        return TemplateUsage.of(await usage.of_template(info.context, self.record))

    @strawberry.field(
        description=(
            "The differences between principals, place by place, in the published documents that"
            " come from the template; at most 500 documents."
        )
    )
    async def comparison(
        self,
        info: Info,
        templates: Templates = True,
        case_types: CaseTypes = True,
        principals: Principals = None,
    ) -> TemplateComparison:
        return await compare(
            info, self.record, templates=templates, case_types=case_types, principals=principals
        )


KIND_SCHEMA = kind_schema(
    CONTENT_TYPES,
    CaseTypeTemplate,
    CaseTypeTemplateVersion,
    noun="template",
    owner="The owner: the national management, a region or municipality, or a clinic.",
    template=CASE_TYPE_TEMPLATE,
)
