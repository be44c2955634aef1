"""Exporting and importing templates as files, between principals and between registries."""

import strawberry

from resolvers.templates import exchange
from schema.errors import Info, UserError, mutation
from schema.inputs import ERRORS, IDEMPOTENCY_KEY, NOTE, InputArgument, key_of_call
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
        "A file with a case type template and all its versions, for `templateImport`. The"
        " documentation describes the format."
    )
)
class TemplateExport:
    template: CaseTypeTemplate = strawberry.field(description="The template.")
    versions: int = strawberry.field(description="The number of versions in the file.")
    hash: str = strawberry.field(
        description=(
            "Hash of the newest version. Compare it with a hash from another source to verify that"
            " the file is complete."
        )
    )
    file_name: str = strawberry.field(description="A name for the file.")
    file: str = strawberry.field(description="The file, as JSON.")


@strawberry.input(description="The version of a template to import from a file.")
class TemplateImportInput:
    owner: HsaId = strawberry.field(
        description=(
            "The owner of the imported template: the national management, a region or municipality,"
            " or a clinic."
        )
    )
    file: str = strawberry.field(description="The exported file, at most 4 MiB.")
    version: int | None = strawberry.field(
        default=None,
        description=(
            "Number of the version. If left out: the version that was published at the time of the"
            " export, or else the newest."
        ),
    )
    dry_run: bool | None = strawberry.field(
        default=False, description="Only check the import; write nothing."
    )
    note: str | None = strawberry.field(default=None, description=NOTE)
    idempotency_key: str | None = strawberry.field(default=None, description=IDEMPOTENCY_KEY)


@strawberry.type(description="The result of an import. With errors, nothing was written.")
class TemplateImportPayload:
    outcome: TemplateImportOutcome | None = strawberry.field(
        default=None,
        description="The outcome; with `dryRun`, the outcome that the import would have.",
    )
    origin: TemplateOrigin | None = strawberry.field(
        default=None, description="The imported version in the file."
    )
    case_type_template: CaseTypeTemplate | None = strawberry.field(
        default=None,
        description="The template after the import; null if a dry run would create a new one.",
    )
    version: CaseTypeTemplateVersion | None = strawberry.field(
        default=None, description="The version that was written, or else the newest version."
    )
    event: Event | None = strawberry.field(
        default=None,
        description="The event that was written to the log; null if nothing was written.",
    )
    errors: list[UserError] = strawberry.field(default_factory=list, description=ERRORS)


@strawberry.type
class TemplateExchangeQuery:
    @strawberry.field(
        description=(
            "A case type template as a file of at most 4 MiB, with drafts and authors. Refused for"
            " callers who may not see both. Resident case templates cannot be exported."
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
        "Imports a template from a file as a draft. The imported template has its own history, and"
        " its versions state their origin. A modified file is refused. Importing the same version"
        " again changes nothing. Importing another version writes the next version, unless the"
        " template was changed in this registry.",
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
