"""Resident case templates: ready-made starting points for resident cases, national, regional and
local; and what resident cases share with them.
"""

import strawberry

from resolvers.documents import documents
from resolvers.kinds.resident_cases import RESIDENT_CASE_TEMPLATE
from schema.documents.documents import Document, Version
from schema.errors import Info
from schema.kinds.case_type_content import INTERNAL_NAME, LANGUAGE, NAME, RATIONALE, Link, Question
from schema.kinds.content_types import content_types_of
from schema.kinds.enums import ResidentCaseForm
from schema.kinds.kind_schema import kind_schema
from schema.kinds.kind_types import document_of_version, document_type, version_type
from schema.scalars import Markdown
from schema.templates.enums import TemplateLevel
from schema.templates.levels import level_of
from store import records


@strawberry.type(description="All that a version of a resident case or of its template holds.")
class ResidentCaseContent:
    name: str = strawberry.field(description=NAME)
    internal_name: str = strawberry.field(description=INTERNAL_NAME)
    rationale: str | None = strawberry.field(description=RATIONALE)
    form: ResidentCaseForm = strawberry.field(description="Whether the resident answers.")
    message: Markdown = strawberry.field(description="What the resident reads.")
    questions: list[Question] = strawberry.field(
        description="What the resident answers, in order, at most 200; none in an information form."
    )
    links: list[Link] = strawberry.field(
        description="Links beside the message, in order; at most 100."
    )
    attachments_allowed: bool = strawberry.field(
        description=(
            "Whether files may go with it: the clinic's with the message, the resident's with the"
            " answers."
        )
    )
    language: str = strawberry.field(description=LANGUAGE)


CONTENT_TYPES = content_types_of(RESIDENT_CASE_TEMPLATE, ResidentCaseContent, from_template=True)


@strawberry.type(description="The resident case template version that a version was made from.")
class ResidentCaseDerivation:
    template: "ResidentCaseTemplate" = strawberry.field(description="The template.")
    version: int = strawberry.field(description="Its version.")
    latest_version: int = strawberry.field(
        description="Its version in force now; the newest while none is published."
    )
    behind: bool = strawberry.field(description="Whether the template has moved on.")


async def derivation_of(record: records.Version, info: Info) -> ResidentCaseDerivation | None:
    """Where a version comes from; None where from nowhere, or where the viewer may not see the
    template.
    """
    derived = record.derived_from
    template = await documents.template_of(info.context, derived)
    if derived is None or template is None:
        return None
    newest = template.published or template.latest
    return ResidentCaseDerivation(
        template=ResidentCaseTemplate.of(template, info),
        version=derived.version,
        latest_version=newest,
        behind=derived.version < newest,
    )


@version_type(CONTENT_TYPES, "One immutable snapshot of a resident case template.")
class ResidentCaseTemplateVersion(Version):
    @strawberry.field(description="The template.")
    async def template(self, info: Info) -> "ResidentCaseTemplate":
        return ResidentCaseTemplate.of(await document_of_version(self, info), info)

    @strawberry.field(
        description=(
            "The template version that it comes from; null without one, or where the viewer may not"
            " see that template."
        )
    )
    async def derived_from_template(self, info: Info) -> ResidentCaseDerivation | None:
        return await derivation_of(self.record, info)


@document_type(
    CONTENT_TYPES,
    ResidentCaseTemplateVersion,
    "A ready-made starting point for resident cases (mall för invånarärende).",
)
class ResidentCaseTemplate(Document):
    @strawberry.field(description="Whose starting point it is.")
    def level(self, info: Info) -> TemplateLevel:
        return level_of(self.record, info)


KIND_SCHEMA = kind_schema(
    CONTENT_TYPES,
    ResidentCaseTemplate,
    ResidentCaseTemplateVersion,
    noun="resident case template",
    owner="The national management, a region or municipality, or a clinic.",
    template=RESIDENT_CASE_TEMPLATE,
)
