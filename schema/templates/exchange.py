"""Templates as files, between principals and between registries."""

import strawberry

from resolvers.templates import exchange
from schema.errors import Info, UserError, mutation
from schema.inputs import IDEMPOTENCY_KEY, NOTE, InputArgument, key_of_call
from schema.kinds.case_type_templates import (
    CaseTypeTemplate,
    CaseTypeTemplateVersion,
    TemplateOrigin,
)
from schema.log.events import Event
from schema.nodes import Id
from schema.scalars import HsaId
from schema.templates.enums import TemplateImportOutcome


@strawberry.type(
    description=(
        "A case type template with all its versions as a file, which `templateImport` reads; its"
        " format is in the documentation."
    )
)
class TemplateExport:
    template: CaseTypeTemplate = strawberry.field(description="The template.")
    versions: int = strawberry.field(description="How many versions the file holds.")
    hash: str = strawberry.field(
        description=(
            "The newest version's hash. Whoever knows it from elsewhere can tell that the file was"
            " not cut off."
        )
    )
    file_name: str = strawberry.field(description="What to call the file.")
    file: str = strawberry.field(description="The file: JSON.")


@strawberry.input(description="Which version of a template to import from a file.")
class TemplateImportInput:
    owner: HsaId = strawberry.field(
        description=(
            "Whose it becomes: the national management, a region or municipality, or a clinic."
        )
    )
    file: str = strawberry.field(description="The file as exported, at most 4 MiB.")
    version: int | None = strawberry.field(
        default=None,
        description=(
            "Which version; left out, the one in force when it was exported, or else the newest."
        ),
    )
    dry_run: bool | None = strawberry.field(
        default=False, description="Check everything, write nothing."
    )
    note: str | None = strawberry.field(default=None, description=NOTE)
    idempotency_key: str | None = strawberry.field(default=None, description=IDEMPOTENCY_KEY)


@strawberry.type(description="What an import led to. With errors, nothing was written.")
class TemplateImportPayload:
    outcome: TemplateImportOutcome | None = strawberry.field(
        default=None, description="What happened, or would."
    )
    origin: TemplateOrigin | None = strawberry.field(
        default=None, description="The version in the file that was chosen."
    )
    case_type_template: CaseTypeTemplate | None = strawberry.field(
        default=None,
        description="The template as it is now; null where a trial would make a new one.",
    )
    version: CaseTypeTemplateVersion | None = strawberry.field(
        default=None, description="The version written, or the newest there is."
    )
    event: Event | None = strawberry.field(
        default=None, description="The act as logged; null where nothing was written."
    )
    errors: list[UserError] = strawberry.field(
        default_factory=list, description="Why nothing was written."
    )


@strawberry.type
class TemplateExchangeQuery:
    @strawberry.field(
        description=(
            "A case type template as a file, drafts and authors included: for who sees both."
            " Refused where the viewer may not; at most 4 MiB. Resident case templates have no"
            " file."
        )
    )
    async def template_export(self, info: Info, id: Id) -> TemplateExport | None:
        document, text = await exchange.export(info.context, id)
        return TemplateExport(
            template=CaseTypeTemplate.of(document, info),
            versions=document.latest,
            hash=document.hash,
            file_name=f"{document.id}-{document.latest}.json",
            file=text,
        )


@strawberry.type
class TemplateExchangeMutation:
    @mutation(
        TemplateImportPayload,
        "Imports a template from a file, as a draft with a history of its own whose versions name"
        " their origin. Refused where the file was changed. Imported again, the same version"
        " changes nothing, and another one becomes the next version, unless the template was"
        " changed here.",
    )
    async def template_import(
        self, info: Info, input: InputArgument[TemplateImportInput]
    ) -> TemplateImportPayload:
        imported = await exchange.import_(
            info.context,
            owner=input.owner,
            file=input.file,
            version=input.version,
            dry_run=bool(input.dry_run),
            note=input.note,
            key=key_of_call(info, input),
        )
        saved = imported.saved
        return TemplateImportPayload(
            outcome=imported.outcome,
            origin=TemplateOrigin.of(imported.origin),
            case_type_template=(
                CaseTypeTemplate.of(saved.document, info) if saved.document else None
            ),
            version=CaseTypeTemplateVersion.of(saved.version) if saved.version else None,
            event=Event.of(saved.event) if saved.event else None,
        )
