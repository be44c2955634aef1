"""Resident case templates: national, regional and local starting points for resident cases.

The content type is the same as that of resident cases.
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


@strawberry.type(description="The whole content of a version of a resident case or its template.")
class ResidentCaseContent:
    name: str = strawberry.field(description=NAME)
    internal_name: str = strawberry.field(description=INTERNAL_NAME)
    rationale: str | None = strawberry.field(description=RATIONALE)
    form: ResidentCaseForm = strawberry.field(
        description="Whether the resident answers; mandatory without a template."
    )
    message: Markdown = strawberry.field(
        description="The text that the resident reads; empty by default."
    )
    questions: list[Question] = strawberry.field(
        description=(
            "The questions that the resident answers, in order; at most 200. None in an information"
            " form."
        )
    )
    links: list[Link] = strawberry.field(
        description="The links beside the message, in order; at most 100."
    )
    attachments_allowed: bool = strawberry.field(
        description=(
            "Whether the clinic may attach files to the message, and the resident to the answers;"
            " false by default."
        )
    )
    language: str = strawberry.field(description=LANGUAGE)


CONTENT_TYPES = content_types_of(RESIDENT_CASE_TEMPLATE, ResidentCaseContent, from_template=True)


@strawberry.type(
    description="The version of a resident case template that a version was made from."
)
class ResidentCaseDerivation:
    template: "ResidentCaseTemplate" = strawberry.field(description="The template.")
    version: int = strawberry.field(description="Number of the template version.")
    latest_version: int = strawberry.field(
        description=(
            "The published version of the template; the newest version before its first"
            " publication."
        )
    )
    behind: bool = strawberry.field(description="Whether `version` is older than `latestVersion`.")


async def derivation_of(record: records.Version, info: Info) -> ResidentCaseDerivation | None:
    """Return the template version that a version was made from.

    Returns:
        None if the version was made from no template, or if the viewer may not see the template.
    """
    derived = record.derived_from
    template = await documents.template_of(info.context, derived)
    if derived is None or template is None:
        return None
    latest_version = template.published or template.latest
    return ResidentCaseDerivation(
        template=ResidentCaseTemplate.of(template, info),
        version=derived.version,
        latest_version=latest_version,
        behind=derived.version < latest_version,
    )


@version_type(CONTENT_TYPES, "One immutable version of a resident case template.")
class ResidentCaseTemplateVersion(Version):
    @strawberry.field(description="The template.")
    async def template(self, info: Info) -> "ResidentCaseTemplate":
        return ResidentCaseTemplate.of(await document_of_version(self, info), info)

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
    ResidentCaseTemplateVersion,
    "A starting point for resident cases (mall för invånarärende).",
)
class ResidentCaseTemplate(Document):
    @strawberry.field(description="The level of the template.")
    def level(self, info: Info) -> TemplateLevel:
        return level_of(self.record, info)


KIND_SCHEMA = kind_schema(
    CONTENT_TYPES,
    ResidentCaseTemplate,
    ResidentCaseTemplateVersion,
    noun="resident case template",
    owner="The owner: the national management, a region or municipality, or a clinic.",
    template=RESIDENT_CASE_TEMPLATE,
)
