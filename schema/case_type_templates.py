"""Case type templates: ready-made starting points, national, regional and local."""

import strawberry

from resolvers.kinds import CASE_TYPE_TEMPLATE
from schema.contents import CaseTypeContent, CaseTypeContentInput, CaseTypeContentPatch
from schema.documents import Document, Version
from schema.enums import TemplateLevel
from schema.errors import Info
from schema.kinds import document_type, face, head_of, level_of, version_type
from schema.shapes import Shape

SHAPE = Shape(CASE_TYPE_TEMPLATE, CaseTypeContent, CaseTypeContent.of, CaseTypeContentInput, CaseTypeContentPatch)


@version_type(SHAPE, "One immutable snapshot of a template.")
class CaseTypeTemplateVersion(Version):
    @strawberry.field(description="The template.")
    async def template(self, info: Info) -> "CaseTypeTemplate":
        return CaseTypeTemplate.of(await head_of(self, info), info)


@document_type(SHAPE, CaseTypeTemplateVersion, "A ready-made starting point for case types (mall).")
class CaseTypeTemplate(Document):
    @strawberry.field(description="Whose starting point it is.")
    def level(self, info: Info) -> TemplateLevel:
        return level_of(self.record, info)


FACE = face(
    SHAPE,
    CaseTypeTemplate,
    CaseTypeTemplateVersion,
    noun="template",
    owner="The national management, a region or municipality, or a clinic.",
    template=CASE_TYPE_TEMPLATE,
)
