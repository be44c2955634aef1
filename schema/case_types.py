"""Case types: what residents use at clinics."""

from datetime import datetime

import strawberry

from resolvers import clinics, documents
from resolvers.kinds import CASE_TYPE, CASE_TYPE_TEMPLATE
from schema.contents import CaseTypeContent, CaseTypeContentInput, CaseTypeContentPatch, given, plain
from schema.documents import EXPECTED, KEY, KINDS, NOTE, Document, Version, head_fields, version_fields
from schema.enums import CaseTypeScope, DocumentOrder, DocumentState, RefusalReason
from schema.errors import Info, UserError, key_of_call, mutation
from schema.events import Event
from schema.nodes import After, Before, Connection, First, Last, connection, known_count, paging
from schema.scalars import HsaId
from store import records
from store.listing import DocumentFilter as StoreFilter
from store.listing import Order
from store.records import OwnerKind
from store.scopes import Sight


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
    async def version(self, info: Info, number: int | None = None) -> "CaseTypeVersion | None":
        found = await documents.version(info.context, self.record, number)
        return CaseTypeVersion.of(found) if found else None

    @strawberry.field(description="The version in force at a moment; null where none was.")
    async def version_at(self, info: Info, time: datetime) -> "CaseTypeVersion | None":
        found = await documents.version_at(info.context, self.record, time)
        return CaseTypeVersion.of(found) if found else None

    @strawberry.field(description="Its versions, newest first; for who sees no drafts those ever in force.")
    async def versions(
        self, info: Info, first: First = None, after: After = None, last: Last = None, before: Before = None
    ) -> Connection["CaseTypeVersion"]:
        page = await documents.versions(info.context, self.record, paging(first, after, last, before))
        everything = documents.sight(info.context, self.record) is Sight.ALL
        return connection(page, CaseTypeVersion.of, known_count(self.record.latest if everything else self.record.release_count))


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


KINDS[CASE_TYPE.name] = (CaseType.of, CaseTypeVersion.of)


@strawberry.input(description="Which documents; what is left out does not matter.")
class DocumentFilter:
    text: str | None = strawberry.field(default=None, description="Part of the name or the internal name; case does not matter.")
    owner: HsaId | None = strawberry.field(default=None, description="Of this principal or clinic.")
    scope: CaseTypeScope | None = strawberry.field(default=None, description="Principals' own, or clinics' own.")
    state: list[DocumentState] | None = strawberry.field(default=None, description="In any of these states; all but archived if left out.")
    derived_from: strawberry.ID | None = strawberry.field(default=None, description="Whose newest version was made from this template.")
    changed_since: datetime | None = strawberry.field(default=None, description="Content or state changed at this time or later.")


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
    async def case_type(self, info: Info, id: strawberry.ID) -> CaseType | None:
        found = await documents.get(info.context, id, CASE_TYPE.name)
        return CaseType.of(found, info) if found else None

    @strawberry.field(description="The case types that the viewer sees; by name if no order is given.")
    async def case_types(
        self,
        info: Info,
        filter: DocumentFilter | None = None,
        order_by: DocumentOrder | None = None,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Connection[CaseType]:
        which = filter_of(CASE_TYPE.name, filter)
        page = await documents.page(info.context, which, order_by or Order.NAME_ASC, paging(first, after, last, before))
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


@strawberry.input(description="Which clinics: exactly one way of choosing them.", one_of=True)
class ClinicSelection:
    hsa_ids: list[HsaId] | None = strawberry.field(default=strawberry.UNSET, description="By HSA-id, at most 20,000.")


@strawberry.input(description="Which case type goes to which clinics.")
class CaseTypeDistributeInput:
    case_type: strawberry.ID = strawberry.field(description="A published central case type.")
    to: ClinicSelection = strawberry.field(description="Clinics of the same principal.")
    start_page_order: int | None = strawberry.field(default=None, description="Its place on their start pages, from 1; last if left out.")
    contact_card_order: int | None = strawberry.field(default=None, description="Its place on their contact cards, from 1; last if left out.")
    skip_refused: bool | None = strawberry.field(default=False, description="Leave refused rows out instead of refusing all.")
    note: str | None = strawberry.field(default=None, description=NOTE)
    idempotency_key: str | None = strawberry.field(default=None, description=KEY)


@strawberry.type(description="A row that can't be distributed to.")
class RefusedRow:
    row: int = strawberry.field(description="Its 1-based place in the list.")
    value: str = strawberry.field(description="What stands there.")
    reason: RefusalReason = strawberry.field(description="Why not.")


@strawberry.type(description="What a distribution led to. With errors, nothing was written.")
class DistributionPayload:
    case_type: CaseType | None = strawberry.field(default=None, description="The case type.")
    clinics: int | None = strawberry.field(default=None, description="How many clinics received it now.")
    replaced: int | None = strawberry.field(default=None, description="How many local case types gave way.")
    skipped: list[RefusedRow] | None = strawberry.field(default=None, description="Rows left out, with `skipRefused`.")
    event: Event | None = strawberry.field(default=None, description="The act as logged; null where every clinic had it already.")
    errors: list[UserError] = strawberry.field(default_factory=list, description="Why nothing was written.")


@strawberry.type
class CaseTypeMutation:
    @mutation(CaseTypePayload, "Makes a case type, as a draft: central at a principal, local at a clinic.")
    async def case_type_create(self, info: Info, input: CaseTypeCreateInput) -> CaseTypePayload:
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
    async def case_type_update(self, info: Info, input: CaseTypeUpdateInput) -> CaseTypePayload:
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

    @mutation(
        DistributionPayload,
        "Hands a central case type to clinics: one act, all or nothing. Clinics that have it already are left as they are.",
    )
    async def case_type_distribute(self, info: Info, input: CaseTypeDistributeInput) -> DistributionPayload:
        saved = await clinics.distribute(
            info.context,
            input.case_type,
            input.to.hsa_ids or [],
            start_page_order=input.start_page_order,
            contact_card_order=input.contact_card_order,
            skip_refused=bool(input.skip_refused),
            note=input.note,
            key=key_of_call(info, input),
        )
        return DistributionPayload(
            case_type=CaseType.of(saved.document, info) if saved.document else None,
            clinics=saved.counts["clinics"],
            replaced=saved.counts["replaced"],
            skipped=[RefusedRow(row=row.row, value=row.value, reason=row.reason) for row in saved.skipped],
            event=Event.of(saved.event) if saved.event else None,
        )
