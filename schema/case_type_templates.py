"""Case type templates: ready-made starting points, national, regional and local."""

import strawberry

from resolvers import documents
from resolvers.kinds import CASE_TYPE_TEMPLATE
from schema.case_types import OrderBy, TemplateReference, Which, filter_of, template_of
from schema.contents import CaseTypeContent, CaseTypeContentInput, CaseTypeContentPatch, given, plain
from schema.documents import EXPECTED, KEY, KINDS, NOTE, Document, Version, head_fields, version_fields
from schema.enums import TemplateLevel
from schema.errors import Given, Info, UserError, key_of_call, mutation
from schema.events import Event
from schema.nodes import After, Before, Connection, First, Id, Last, Number, Time, connection, known_count, paging
from schema.scalars import HsaId
from schema.selections import needs_content
from store import records
from store.listing import Order
from store.records import OwnerKind, PrincipalKind
from store.scopes import Sight


@strawberry.type(description="A ready-made starting point for case types (mall).")
class CaseTypeTemplate(Document):
    level: TemplateLevel = strawberry.field(description="Whose starting point it is.")

    @classmethod
    def of(cls, record: records.Document, info: Info) -> "CaseTypeTemplate":
        return cls(level=_level(record, info), **head_fields(record, info))

    @strawberry.field(description="The content in force, or the newest draft where the viewer may edit and nothing is published.")
    def content(self) -> CaseTypeContent:
        return CaseTypeContent.of(CASE_TYPE_TEMPLATE.in_force(self.record))

    @strawberry.field(description="By number; the newest without one. Null where there is none or the viewer may not see it.")
    async def version(self, info: Info, number: Number = None) -> "CaseTypeTemplateVersion | None":
        found = await documents.version(info.context, self.record, number)
        return CaseTypeTemplateVersion.of(found) if found else None

    @strawberry.field(description="The version in force at a moment; null where none was.")
    async def version_at(self, info: Info, time: Time) -> "CaseTypeTemplateVersion | None":
        found = await documents.version_at(info.context, self.record, time)
        return CaseTypeTemplateVersion.of(found) if found else None

    @strawberry.field(description="Its versions, newest first; for who sees no drafts those ever in force.")
    async def versions(
        self, info: Info, first: First = None, after: After = None, last: Last = None, before: Before = None
    ) -> Connection["CaseTypeTemplateVersion"]:
        page = await documents.versions(info.context, self.record, paging(first, after, last, before))
        everything = documents.sight(info.context, self.record) is Sight.ALL
        return connection(page, CaseTypeTemplateVersion.of, known_count(self.record.latest if everything else self.record.release_count))


def _level(record: records.Document, info: Info) -> TemplateLevel:
    if record.owner.kind is OwnerKind.CLINIC:
        return TemplateLevel.LOCAL
    national = info.context.principals[record.owner.key].kind is PrincipalKind.NATIONAL
    return TemplateLevel.NATIONAL if national else TemplateLevel.REGIONAL


@strawberry.type(description="One immutable snapshot of a template.")
class CaseTypeTemplateVersion(Version):
    @classmethod
    def of(cls, record: records.Version) -> "CaseTypeTemplateVersion":
        return cls(**version_fields(record))

    @strawberry.field(description="The template.")
    async def template(self, info: Info) -> CaseTypeTemplate:
        found = await documents.get(info.context, self.record.document)
        if found is None:
            raise LookupError(f"document of version {self.record.id}")
        return CaseTypeTemplate.of(found, info)

    @strawberry.field(description="The whole content, in today's shape.")
    def content(self) -> CaseTypeContent:
        return CaseTypeContent.of(CASE_TYPE_TEMPLATE.upcast(self.record.content, self.record.schema_version))


KINDS[CASE_TYPE_TEMPLATE.name] = (CaseTypeTemplate.of, CaseTypeTemplateVersion.of)


@strawberry.type
class CaseTypeTemplateQuery:
    @strawberry.field(description="A template; null where there is none, or the viewer may not know of it.")
    async def case_type_template(self, info: Info, id: Id) -> CaseTypeTemplate | None:
        found = await documents.get(info.context, id, CASE_TYPE_TEMPLATE.name, content=needs_content(info))
        return CaseTypeTemplate.of(found, info) if found else None

    @strawberry.field(description="The templates that the viewer sees; by name if no order is given.")
    async def case_type_templates(
        self,
        info: Info,
        filter: Which = None,
        order_by: OrderBy = None,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Connection[CaseTypeTemplate]:
        which = filter_of(CASE_TYPE_TEMPLATE.name, filter)
        content = needs_content(info, "edges", "node")
        page = await documents.page(info.context, which, order_by or Order.NAME_ASC, paging(first, after, last, before), content=content)
        return connection(
            page,
            lambda record: CaseTypeTemplate.of(record, info),
            lambda: info.context.store.listing.count(which, info.context.rights.scope),
        )


# ------------------------------------------------------------------ acts


@strawberry.input(description="A new template.")
class CaseTypeTemplateCreateInput:
    owner: HsaId = strawberry.field(description="The national management, a region or municipality, or a clinic.")
    content: CaseTypeContentInput = strawberry.field(description="What is left out comes from the template, if one is given.")
    from_template: TemplateReference | None = strawberry.field(default=None, description="What it starts from.")
    note: str | None = strawberry.field(default=None, description=NOTE)
    idempotency_key: str | None = strawberry.field(default=None, description=KEY)


@strawberry.input(description="A change of a template. Content fields left out keep their value.")
class CaseTypeTemplateUpdateInput:
    id: strawberry.ID = strawberry.field(description="The template.")
    expected_version: int = strawberry.field(description=EXPECTED)
    content: CaseTypeContentPatch = strawberry.field(description="What changes.")
    publish: bool | None = strawberry.field(default=False, description="Also put the new version in force, in the same act.")
    note: str | None = strawberry.field(default=None, description=NOTE)
    idempotency_key: str | None = strawberry.field(default=None, description=KEY)


@strawberry.type(description="What a write led to. With errors, nothing was written.")
class CaseTypeTemplatePayload:
    case_type_template: CaseTypeTemplate | None = strawberry.field(default=None, description="The template as it is now.")
    version: CaseTypeTemplateVersion | None = strawberry.field(default=None, description="The version written; the newest where content was equal.")
    event: Event | None = strawberry.field(default=None, description="The act as logged; null where nothing changed.")
    errors: list[UserError] = strawberry.field(default_factory=list, description="Why nothing was written.")


def _payload(saved: records.Saved, info: Info) -> CaseTypeTemplatePayload:
    return CaseTypeTemplatePayload(
        case_type_template=CaseTypeTemplate.of(saved.document, info) if saved.document else None,
        version=CaseTypeTemplateVersion.of(saved.version) if saved.version else None,
        event=Event.of(saved.event) if saved.event else None,
    )


@strawberry.type
class CaseTypeTemplateMutation:
    @mutation(CaseTypeTemplatePayload, "Makes a template, as a draft.")
    async def case_type_template_create(self, info: Info, input: Given[CaseTypeTemplateCreateInput]) -> CaseTypeTemplatePayload:
        saved = await documents.create(
            info.context,
            CASE_TYPE_TEMPLATE,
            owner=input.owner,
            content=given(input.content),
            template_kind=CASE_TYPE_TEMPLATE,
            from_template=template_of(input.from_template),
            note=input.note,
            key=key_of_call(info, input),
        )
        return _payload(saved, info)

    @mutation(CaseTypeTemplatePayload, "Writes the next version, a draft unless `publish`. Equal content makes no version.")
    async def case_type_template_update(self, info: Info, input: Given[CaseTypeTemplateUpdateInput]) -> CaseTypeTemplatePayload:
        saved = await documents.update(
            info.context,
            CASE_TYPE_TEMPLATE,
            input.id,
            expected_version=input.expected_version,
            patch=plain(input.content),
            publish=bool(input.publish),
            note=input.note,
            key=key_of_call(info, input),
        )
        return _payload(saved, info)
