"""What documents of every kind share: the interfaces, and the acts on them."""

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Self, cast

import strawberry

from resolvers.documents import blame as origins
from resolvers.documents import comparison, history, versions
from resolvers.documents import documents as resolve
from resolvers.kinds.case_types import CASE_TYPE_TEMPLATE
from resolvers.templates import usage
from schema.clinics.clinics import Clinic
from schema.clinics.principals import Principal
from schema.documents.changes import Change, Comparison, Verification, changes_of
from schema.enums import DocumentState
from schema.errors import Info, UserError, converts, mutation
from schema.inputs import EXPECTED_VERSION, IDEMPOTENCY_KEY, NOTE, InputArgument, key_of_call
from schema.log.actors import Actor
from schema.log.events import Event
from schema.nodes import After, Before, Connection, First, Last, Node, connection, paging
from store import errors, records
from store.content.diff import resident_visible
from store.documents.scopes import Visibility
from store.errors import RegistryError
from store.records import OwnerKind

if TYPE_CHECKING:
    from schema.documents.blame import FieldOrigin
    from schema.kinds.case_type_templates import CaseTypeTemplate

Owner = Annotated[
    Principal | Clinic, strawberry.union("Owner", description="Who a document belongs to.")
]


@strawberry.interface(description="Anything kept with full history.")
class Document(Node):
    record: strawberry.Private[records.Document]
    name: str = strawberry.field(
        description="The name in force, or of the newest draft while nothing is published."
    )
    internal_name: str = strawberry.field(
        description="The name that staff tell documents apart by."
    )
    state: DocumentState = strawberry.field(description="Where it stands.")
    latest_version: int = strawberry.field(
        description=(
            "Number of the newest version, draft or not; of the newest ever in force for who sees"
            " no drafts. Pass it as `expectedVersion`."
        )
    )
    published_version: int | None = strawberry.field(
        description="Number of the version in force; null before the first publication."
    )
    created_at: datetime = strawberry.field(description="When it was made.")
    updated_at: datetime = strawberry.field(description="When its content or state last changed.")

    @classmethod
    def of(cls, record: records.Summary, info: Info) -> Self:
        """A document of this type, as far as the viewer sees it."""
        return cls(**head_fields(record, info))

    @strawberry.field(description="Who it belongs to.")
    async def owner(self, info: Info) -> Owner:
        key = self.record.owner.key
        if self.record.owner.kind is OwnerKind.PRINCIPAL:
            return Principal.of(info.context.principals[key])
        clinic = await info.context.loaders.clinics.load(key)
        if clinic is None:
            raise LookupError(f"clinic {key} that owns {self.record.id}")
        return Clinic.of(clinic)

    @strawberry.field(
        description=(
            "Every act on the document, newest first: who, when, which version. Acts on drafts for"
            " those who see drafts."
        )
    )
    async def history(
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Connection[Event]:
        page = await history.page(info.context, self.record, paging(first, after, last, before))
        return connection(page, Event.of, lambda: history.count(info.context, self.record))

    @strawberry.field(description="Field by field between any two versions.")
    async def compare(
        self,
        info: Info,
        from_: Annotated[
            int, strawberry.argument(name="from", description="Number of the one version.")
        ],
        to: Annotated[int, strawberry.argument(description="Number of the other.")],
    ) -> Comparison:
        changes = await comparison.compare(info.context, self.record, from_, to)
        return Comparison(
            from_=from_,
            to=to,
            resident_visible=resident_visible(changes),
            changes=changes_of(changes),
        )

    @strawberry.field(
        description=(
            "Who last changed each value, when, in which version, and from which level it came, in"
            " the content's order. Single values by path, list items by key; the order of a list is"
            " no value."
        )
    )
    async def blame(
        self,
        info: Info,
        version: Annotated[
            int | None,
            strawberry.argument(
                description="Number of the version; the newest that the viewer may see without."
            ),
        ] = None,
    ) -> list[Annotated["FieldOrigin", strawberry.lazy("schema.documents.blame")]]:
        from schema.documents.blame import FieldOrigin  # noqa: PLC0415 - origins refer back to documents

        return [
            FieldOrigin.of(origin, self.record, info)
            for origin in await origins.of_document(info.context, self.record, version)
        ]

    @strawberry.field(description="Recomputes the hash chain over all versions.")
    async def verify(self, info: Info) -> Verification:
        return Verification.of(await versions.verify(info.context, self.record))


def head_fields(record: records.Summary, info: Info) -> dict[str, Any]:
    """A document's common fields, as far as the viewer sees them."""
    everything = info.context.rights.visibility(record) is Visibility.ALL
    return {
        "record": record,
        "id": strawberry.ID(record.id),
        "name": record.name,
        "internal_name": record.internal_name,
        "state": record.state,
        "latest_version": record.latest if everything else record.highest_released,
        "published_version": record.published,
        "created_at": record.created_at,
        "updated_at": record.updated_at if everything else record.noticed_at or record.created_at,
    }


@strawberry.type(description="The template version that a version was made from.")
class Derivation:
    template: Annotated["CaseTypeTemplate", strawberry.lazy("schema.kinds.case_type_templates")] = (
        strawberry.field(description="The template.")
    )
    version: int = strawberry.field(description="Its version.")
    latest_version: int = strawberry.field(
        description="Its version in force now; the newest while none is published."
    )
    behind: bool = strawberry.field(description="Whether the template has moved on.")

    @classmethod
    def of(
        cls, template: "CaseTypeTemplate", record: records.Document, version: int
    ) -> "Derivation":
        newest = record.published or record.latest
        return cls(
            template=template, version=version, latest_version=newest, behind=version < newest
        )


@strawberry.interface(description="One immutable snapshot.")
class Version(Node):
    record: strawberry.Private[records.Version]
    number: int = strawberry.field(description="1, 2, 3 … without a gap.")
    author: Actor = strawberry.field(description="Who wrote it.")
    created_at: datetime = strawberry.field(description="When it was written.")
    note: str | None = strawberry.field(description="Why it was written.")
    hash: str = strawberry.field(
        description=(
            "SHA-256, in hexadecimal, over the canonical content, the metadata and the previous"
            " version's hash (RFC 8785)."
        )
    )
    previous_hash: str | None = strawberry.field(
        description="The hash of the version before; null for the first."
    )
    restored_from: int | None = strawberry.field(
        description="The version whose content was written again."
    )

    @classmethod
    def of(cls, record: records.Version) -> Self:
        """A version of this type."""
        return cls(**version_fields(record))

    @strawberry.field(
        description=(
            "What this version changed in the one before; for who sees no drafts, in the one in"
            " force before."
        )
    )
    async def changes(self, info: Info) -> list[Change]:
        return changes_of(await comparison.changes_of_version(info.context, self.record))

    @strawberry.field(
        description=(
            "The case type template version that it comes from; null without one, or where the"
            " viewer may not see the template. Resident cases and their templates have"
            " `derivedFromTemplate`."
        )
    )
    async def derived_from(self, info: Info) -> Derivation | None:
        from schema.kinds.case_type_templates import (  # noqa: PLC0415 - templates are documents
            CaseTypeTemplate,
        )

        derived = self.record.derived_from
        template = await resolve.template_of(info.context, derived)
        if derived is None or template is None or template.kind != CASE_TYPE_TEMPLATE.name:
            return None
        return Derivation.of(CaseTypeTemplate.of(template, info), template, derived.version)

    @strawberry.field(
        description=(
            "The same all the way up: its template's version, that one's own, and so on; as far as"
            " the viewer sees, at most 50."
        )
    )
    async def lineage(self, info: Info) -> list[Derivation]:
        from schema.kinds.case_type_templates import (  # noqa: PLC0415 - templates are documents
            CaseTypeTemplate,
        )

        steps = await usage.lineage(info.context, self.record)
        return [
            Derivation.of(CaseTypeTemplate.of(template, info), template, version)
            for template, version in steps
        ]


def version_fields(record: records.Version) -> dict[str, Any]:
    """A version's common fields."""
    return {
        "record": record,
        "id": strawberry.ID(record.id),
        "number": record.number,
        "author": Actor.of(record.author, record.principal),
        "created_at": record.created_at,
        "note": record.note,
        "hash": record.hash,
        "previous_hash": record.previous_hash,
        "restored_from": record.restored_from,
    }


KINDS: dict[
    str, tuple[Callable[[records.Summary, Info], Document], Callable[[records.Version], Version]]
] = {}
"""By kind of document: how its heads and versions are answered; filled by
`schema.kinds.kind_schema.document_type`.
"""


def document_of(record: records.Summary, info: Info) -> Document:
    """A document as its own type."""
    return KINDS[record.kind][0](record, info)


def version_of(record: records.Version) -> Version:
    """A version as its own type."""
    return KINDS[record.kind][1](record)


# ------------------------------------------------------------------ acts


@strawberry.type(
    description=(
        "Someone else saved first. `changes`: what came between `expectedVersion` and"
        " `latestVersion`."
    ),
)
class VersionConflict(UserError):
    refusal: strawberry.Private[errors.VersionConflict]
    expected_version: int = strawberry.field(description="What the caller had read.")
    latest_version: int = strawberry.field(description="What there is.")
    at: datetime = strawberry.field(description="When the newest version was written.")

    @strawberry.field(description="Who wrote the newest version.")
    def by(self) -> Actor:
        return Actor.of(self.refusal.by, self.refusal.principal)

    @strawberry.field(description="What came between the two versions.")
    async def changes(self, info: Info) -> list[Change]:
        refusal = self.refusal
        return changes_of(
            await comparison.changes_since(
                info.context, refusal.document, refusal.expected, refusal.latest
            )
        )


@converts(errors.VersionConflict)
def _version_conflict(error: RegistryError) -> list[UserError]:
    refusal = cast("errors.VersionConflict", error)
    return [
        VersionConflict(
            refusal=refusal,
            code=refusal.code,
            message=refusal.message,
            path=list(refusal.path),
            expected_version=refusal.expected,
            latest_version=refusal.latest,
            at=refusal.at,
        )
    ]


@strawberry.input(description="Which version to put in force.")
class DocumentPublishInput:
    id: strawberry.ID = strawberry.field(description="The document.")
    version: int = strawberry.field(
        description="The version to put in force, the newest or an earlier one."
    )
    expected_version: int = strawberry.field(description=EXPECTED_VERSION)
    note: str | None = strawberry.field(default=None, description=NOTE)
    idempotency_key: str | None = strawberry.field(default=None, description=IDEMPOTENCY_KEY)


@strawberry.input(description="An act on a document's state.")
class DocumentLifecycleInput:
    id: strawberry.ID = strawberry.field(description="The document.")
    expected_version: int = strawberry.field(description=EXPECTED_VERSION)
    note: str | None = strawberry.field(default=None, description=NOTE)
    idempotency_key: str | None = strawberry.field(default=None, description=IDEMPOTENCY_KEY)


@strawberry.input(description="Which version to write again.")
class DocumentRestoreInput:
    id: strawberry.ID = strawberry.field(description="The document.")
    version: int = strawberry.field(
        description="The version whose content is written as a new version."
    )
    expected_version: int = strawberry.field(description=EXPECTED_VERSION)
    publish: bool | None = strawberry.field(
        default=False, description="Also put the new version in force."
    )
    note: str | None = strawberry.field(default=None, description=NOTE)
    idempotency_key: str | None = strawberry.field(default=None, description=IDEMPOTENCY_KEY)


@strawberry.type(description="What an act on a document led to. With errors, nothing was written.")
class DocumentPayload:
    document: Document | None = strawberry.field(
        default=None, description="The document as it is now."
    )
    event: Event | None = strawberry.field(
        default=None, description="The act as logged; null where nothing changed."
    )
    errors: list[UserError] = strawberry.field(
        default_factory=list, description="Why nothing was written."
    )


def payload_of(saved: records.Saved, info: Info) -> DocumentPayload:
    """What an act led to, as answered."""
    return DocumentPayload(
        document=document_of(saved.document, info) if saved.document else None,
        event=Event.of(saved.event) if saved.event else None,
    )


@strawberry.type
class DocumentMutation:
    @mutation(
        DocumentPayload,
        "Puts a version in force. Clinics that have the document are told. No change where it is in"
        " force already.",
    )
    async def document_publish(
        self, info: Info, input: InputArgument[DocumentPublishInput]
    ) -> DocumentPayload:
        saved = await resolve.publish(
            info.context,
            input.id,
            version=input.version,
            expected_version=input.expected_version,
            note=input.note,
            key=key_of_call(info, input),
        )
        return payload_of(saved, info)

    @mutation(DocumentPayload, "Shows a deactivated document to residents again. Clinics are told.")
    async def document_activate(
        self, info: Info, input: InputArgument[DocumentLifecycleInput]
    ) -> DocumentPayload:
        saved = await resolve.activate(
            info.context,
            input.id,
            expected_version=input.expected_version,
            note=input.note,
            key=key_of_call(info, input, "activate"),
        )
        return payload_of(saved, info)

    @mutation(
        DocumentPayload,
        "Hides an active document from residents; it stays with the clinics, which are told.",
    )
    async def document_deactivate(
        self, info: Info, input: InputArgument[DocumentLifecycleInput]
    ) -> DocumentPayload:
        saved = await resolve.deactivate(
            info.context,
            input.id,
            expected_version=input.expected_version,
            note=input.note,
            key=key_of_call(info, input, "deactivate"),
        )
        return payload_of(saved, info)

    @mutation(
        DocumentPayload,
        "Writes an earlier version's content as a new version. What is in force stays, unless"
        " `publish`. Clinics are told of one that is back.",
    )
    async def document_restore(
        self, info: Info, input: InputArgument[DocumentRestoreInput]
    ) -> DocumentPayload:
        saved = await resolve.restore(
            info.context,
            input.id,
            version=input.version,
            expected_version=input.expected_version,
            publish=bool(input.publish),
            note=input.note,
            key=key_of_call(info, input),
        )
        return payload_of(saved, info)

    @mutation(
        DocumentPayload,
        "Ends a document: it leaves the clinics that have it, which are told. Only reading and"
        " restore remain.",
    )
    async def document_archive(
        self, info: Info, input: InputArgument[DocumentLifecycleInput]
    ) -> DocumentPayload:
        saved = await resolve.archive(
            info.context,
            input.id,
            expected_version=input.expected_version,
            note=input.note,
            key=key_of_call(info, input, "archive"),
        )
        return payload_of(saved, info)
