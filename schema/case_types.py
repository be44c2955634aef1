"""Case types: what residents use at clinics."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import strawberry

from resolvers import assignments, clinics, documents, start_pages
from resolvers.kinds import CASE_TYPE, CASE_TYPE_TEMPLATE
from schema.contents import CaseTypeContent, CaseTypeContentInput, CaseTypeContentPatch, given, plain
from schema.documents import EXPECTED, KEY, KINDS, NOTE, Document, Version, head_fields, version_fields
from schema.enums import CaseTypeScope, DocumentOrder, DocumentState
from schema.errors import Given, Info, UserError, key_of_call, mutation
from schema.events import Event
from schema.nodes import After, Before, Connection, First, Id, Last, Number, Time, connection, known_count, paging
from schema.scalars import HsaId
from schema.selections import needs_content
from store import adoption, records
from store.listing import DocumentFilter as StoreFilter
from store.listing import Order
from store.records import OwnerKind
from store.scopes import Sight

if TYPE_CHECKING:
    from schema.assignments import Assignment


@strawberry.type(description="Of the clinics that have a case type, those that have acknowledged one version as the newest they were told of.")
class AdoptionCount:
    version: int = strawberry.field(description="The version.")
    clinics: int = strawberry.field(description="How many clinics.")
    since: datetime | None = strawberry.field(description="Since when they lag: when another version came in force. Null for the version in force.")


@strawberry.type(description="How far clinics have taken the version in force: counted are those that have the case type now.")
class Adoption:
    assigned: int = strawberry.field(description="Clinics that have it, and so were told of the version in force.")
    acknowledged: int = strawberry.field(description="Those that have acknowledged the version in force.")
    pending: int = strawberry.field(description="Those that have not: behind, or unseen.")
    unseen: int = strawberry.field(description="Those that have acknowledged no version of it yet.")
    by_version: list[AdoptionCount] = strawberry.field(description="Those that have acknowledged some version, by its number.")

    @classmethod
    def of(cls, document: records.Document, found: adoption.Adoption) -> "Adoption":
        counts = [AdoptionCount(version=one.version, clinics=one.clinics, since=one.since) for one in found.by_version]
        assigned = found.unseen + sum(one.clinics for one in counts)
        acknowledged = sum(one.clinics for one in counts if one.version == document.published)
        return cls(assigned=assigned, acknowledged=acknowledged, pending=assigned - acknowledged, unseen=found.unseen, by_version=counts)


@strawberry.type(description="A service that a resident can use at a clinic (ärendetyp).")
class CaseType(Document):
    scope: CaseTypeScope = strawberry.field(description="Central, the principal's; or local, one clinic's.")

    @classmethod
    def of(cls, record: records.Document, info: Info) -> "CaseType":
        central = record.owner.kind is OwnerKind.PRINCIPAL
        return cls(scope=CaseTypeScope.CENTRAL if central else CaseTypeScope.LOCAL, **head_fields(record, info))

    @strawberry.field(description="The content in force, or the newest draft where the viewer may edit and nothing is published.")
    def content(self) -> CaseTypeContent:
        return CaseTypeContent.of(CASE_TYPE.in_force(self.record))

    @strawberry.field(description="By number; the newest without one. Null where there is none or the viewer may not see it.")
    async def version(self, info: Info, number: Number = None) -> "CaseTypeVersion | None":
        found = await documents.version(info.context, self.record, number)
        return CaseTypeVersion.of(found) if found else None

    @strawberry.field(description="The version in force at a moment; null where none was.")
    async def version_at(self, info: Info, time: Time) -> "CaseTypeVersion | None":
        found = await documents.version_at(info.context, self.record, time)
        return CaseTypeVersion.of(found) if found else None

    @strawberry.field(description="Its versions, newest first; for who sees no drafts those ever in force.")
    async def versions(
        self, info: Info, first: First = None, after: After = None, last: Last = None, before: Before = None
    ) -> Connection["CaseTypeVersion"]:
        page = await documents.versions(info.context, self.record, paging(first, after, last, before))
        everything = documents.sight(info.context, self.record) is Sight.ALL
        return connection(page, CaseTypeVersion.of, known_count(self.record.latest if everything else self.record.release_count))

    @strawberry.field(description="The clinics that have it now, those that the viewer may read, by HSA-id.")
    async def assignments(
        self, info: Info, first: First = None, after: After = None
    ) -> Connection[Annotated["Assignment", strawberry.lazy("schema.assignments")]]:
        from schema.assignments import list_assignments  # noqa: PLC0415 - assignments refer back to case types

        return await list_assignments(info, assignments.of_document(info.context, self.record), first, after)

    @strawberry.field(description="How far the clinics that have it now, those that the viewer may read, have taken the version in force.")
    async def adoption(self, info: Info) -> Adoption:
        return Adoption.of(self.record, await assignments.adoption(info.context, self.record))


@strawberry.type(description="One immutable snapshot of a case type.")
class CaseTypeVersion(Version):
    @classmethod
    def of(cls, record: records.Version) -> "CaseTypeVersion":
        return cls(**version_fields(record))

    @strawberry.field(description="The case type.")
    async def case_type(self, info: Info) -> CaseType:
        found = await documents.get(info.context, self.record.document)
        if found is None:
            raise LookupError(f"document of version {self.record.id}")
        return CaseType.of(found, info)

    @strawberry.field(description="The whole content, in today's shape.")
    def content(self) -> CaseTypeContent:
        return CaseTypeContent.of(CASE_TYPE.upcast(self.record.content, self.record.schema_version))

    @strawberry.field(description="The content as an accessible, sanitised HTML fragment, before or after its publication.")
    async def html(
        self,
        info: Info,
        clinic: Annotated[HsaId | None, strawberry.argument(description="Whose values fill the placeholders; none without.")] = None,
    ) -> str:
        return start_pages.preview(self.record, await clinics.require(info.context, clinic) if clinic is not None else None)


KINDS[CASE_TYPE.name] = (CaseType.of, CaseTypeVersion.of)


@strawberry.input(description="Which documents; what is left out does not matter.")
class DocumentFilter:
    text: str | None = strawberry.field(default=None, description="Part of the name or the internal name; case does not matter.")
    owner: HsaId | None = strawberry.field(default=None, description="Of this principal or clinic.")
    scope: CaseTypeScope | None = strawberry.field(default=None, description="Principals' own, or clinics' own.")
    state: list[DocumentState] | None = strawberry.field(default=None, description="In any of these states; all but archived if left out.")
    derived_from: strawberry.ID | None = strawberry.field(default=None, description="Whose newest version was made from this template.")
    changed_since: datetime | None = strawberry.field(default=None, description="Content or state changed at this time or later.")


Which = Annotated[DocumentFilter | None, strawberry.argument(description="Which; all that the viewer sees, but archived ones, without.")]
OrderBy = Annotated[DocumentOrder | None, strawberry.argument(description="In which order; by name without.")]


def filter_of(kind: str, given: DocumentFilter | None) -> StoreFilter:
    """As the store has it."""
    if given is None:
        return StoreFilter(kind)
    owners = {CaseTypeScope.CENTRAL: OwnerKind.PRINCIPAL, CaseTypeScope.LOCAL: OwnerKind.CLINIC}
    return StoreFilter(
        kind,
        text=given.text,
        owner=given.owner,
        owner_kind=owners[given.scope] if given.scope else None,
        states=given.state,
        derived_from=given.derived_from,
        changed_since=given.changed_since,
    )


@strawberry.type
class CaseTypeQuery:
    @strawberry.field(description="A case type; null where there is none, or the viewer may not know of it.")
    async def case_type(self, info: Info, id: Id) -> CaseType | None:
        found = await documents.get(info.context, id, CASE_TYPE.name, content=needs_content(info))
        return CaseType.of(found, info) if found else None

    @strawberry.field(description="The case types that the viewer sees; by name if no order is given.")
    async def case_types(
        self,
        info: Info,
        filter: Which = None,
        order_by: OrderBy = None,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Connection[CaseType]:
        which = filter_of(CASE_TYPE.name, filter)
        content = needs_content(info, "edges", "node")
        page = await documents.page(info.context, which, order_by or Order.NAME_ASC, paging(first, after, last, before), content=content)
        return connection(page, lambda record: CaseType.of(record, info), lambda: info.context.store.listing.count(which, info.context.rights.scope))


# ------------------------------------------------------------------ acts


@strawberry.input(description="A template version to start from.")
class TemplateReference:
    id: strawberry.ID = strawberry.field(description="The template.")
    version: int | None = strawberry.field(default=None, description="Its version; the one in force if left out.")


def template_of(given: TemplateReference | None) -> documents.TemplateReference | None:
    """As the resolvers have it."""
    return documents.TemplateReference(given.id, given.version) if given else None


@strawberry.input(description="A new case type.")
class CaseTypeCreateInput:
    owner: HsaId = strawberry.field(description="A principal for a central case type, a clinic for a local one.")
    content: CaseTypeContentInput = strawberry.field(description="What is left out comes from the template, if one is given.")
    from_template: TemplateReference | None = strawberry.field(default=None, description="What it starts from.")
    note: str | None = strawberry.field(default=None, description=NOTE)
    idempotency_key: str | None = strawberry.field(default=None, description=KEY)


@strawberry.input(description="A change of a case type. Content fields left out keep their value.")
class CaseTypeUpdateInput:
    id: strawberry.ID = strawberry.field(description="The case type.")
    expected_version: int = strawberry.field(description=EXPECTED)
    content: CaseTypeContentPatch = strawberry.field(description="What changes.")
    publish: bool | None = strawberry.field(default=False, description="Also put the new version in force, in the same act.")
    note: str | None = strawberry.field(default=None, description=NOTE)
    idempotency_key: str | None = strawberry.field(default=None, description=KEY)


@strawberry.type(description="What a write led to. With errors, nothing was written.")
class CaseTypePayload:
    case_type: CaseType | None = strawberry.field(default=None, description="The case type as it is now.")
    version: CaseTypeVersion | None = strawberry.field(default=None, description="The version written; the newest where content was equal.")
    event: Event | None = strawberry.field(default=None, description="The act as logged; null where nothing changed.")
    errors: list[UserError] = strawberry.field(default_factory=list, description="Why nothing was written.")


def _payload(saved: records.Saved, info: Info) -> CaseTypePayload:
    return CaseTypePayload(
        case_type=CaseType.of(saved.document, info) if saved.document else None,
        version=CaseTypeVersion.of(saved.version) if saved.version else None,
        event=Event.of(saved.event) if saved.event else None,
    )


@strawberry.type
class CaseTypeMutation:
    @mutation(CaseTypePayload, "Makes a case type, as a draft: central at a principal, local at a clinic.")
    async def case_type_create(self, info: Info, input: Given[CaseTypeCreateInput]) -> CaseTypePayload:
        saved = await documents.create(
            info.context,
            CASE_TYPE,
            owner=input.owner,
            content=given(input.content),
            template_kind=CASE_TYPE_TEMPLATE,
            from_template=template_of(input.from_template),
            note=input.note,
            key=key_of_call(info, input),
        )
        return _payload(saved, info)

    @mutation(CaseTypePayload, "Writes the next version, a draft unless `publish`. Equal content makes no version.")
    async def case_type_update(self, info: Info, input: Given[CaseTypeUpdateInput]) -> CaseTypePayload:
        saved = await documents.update(
            info.context,
            CASE_TYPE,
            input.id,
            expected_version=input.expected_version,
            patch=plain(input.content),
            publish=bool(input.publish),
            note=input.note,
            key=key_of_call(info, input),
        )
        return _payload(saved, info)
