"""The interfaces `Document` and `Version`, which every kind of document implements.

The mutations that change a document's state are in `schema.documents.lifecycle`. The types of each
kind are in `schema.kinds`.
"""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Self, cast

import strawberry

from resolvers.documents import blame, comparison, documents, history, versions
from resolvers.kinds.case_types import CASE_TYPE_TEMPLATE
from resolvers.templates import usage
from schema.clinics.clinics import Clinic
from schema.clinics.principals import Principal
from schema.documents.blame import FieldOrigin
from schema.documents.changes import Change, Comparison, Verification, changes_of
from schema.documents.conversion import document_of
from schema.documents.enums import DocumentState
from schema.errors import Info
from schema.log.actors import Actor
from schema.log.events import Event
from schema.nodes import After, Before, Connection, First, Last, Node, connection, paging
from store import records
from store.content.diff import resident_visible
from store.documents.scopes import Visibility
from store.records import OwnerKind

if TYPE_CHECKING:
    from schema.kinds.case_type_templates import CaseTypeTemplate

Owner = Annotated[
    Principal | Clinic, strawberry.union("Owner", description="The owner of a document.")
]


@strawberry.interface(description="A document that is kept with its full history.")
class Document(Node):
    record: strawberry.Private[records.Document]
    name: str = strawberry.field(
        description=(
            "The name in the published version; in the newest draft before the first publication."
        )
    )
    internal_name: str = strawberry.field(
        description="A name for staff only, which distinguishes documents with equal names."
    )
    state: DocumentState = strawberry.field(description="The state of the document.")
    latest_version: int = strawberry.field(
        description=(
            "Number of the newest version, draft or not. For callers who cannot see drafts: the"
            " highest version ever published. Pass it as `expectedVersion`."
        )
    )
    published_version: int | None = strawberry.field(
        description="Number of the published version; null before the first publication."
    )
    created_at: datetime = strawberry.field(description="When the document was created.")
    updated_at: datetime = strawberry.field(
        description=(
            "When the content or the state last changed. For callers who cannot see drafts: the"
            " last change that clinics were notified of."
        )
    )

    @classmethod
    def of(cls, record: records.Summary, info: Info) -> Self:
        """Convert a stored document, limited to the fields that the viewer may see."""
        return cls(**document_fields(record, info))

    @strawberry.field(description="The principal or clinic that owns the document.")
    async def owner(self, info: Info) -> Owner:
        key = self.record.owner.key
        if self.record.owner.kind is OwnerKind.PRINCIPAL:
            return Principal.of(info.context.principals[key])
        clinic = await info.context.loaders.clinics.load(key)
        if clinic is None:
            raise LookupError(f"clinic {key}, which owns {self.record.id}")
        return Clinic.of(clinic)

    @strawberry.field(
        description=(
            "All events of the document, newest first: who did what, when, to which version. Events"
            " of drafts are included only for callers who can see drafts."
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

    @strawberry.field(description="The differences between any two versions, field by field.")
    async def compare(
        self,
        info: Info,
        from_: Annotated[
            int, strawberry.argument(name="from", description="Number of the first version.")
        ],
        to: Annotated[int, strawberry.argument(description="Number of the second version.")],
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
            "For each value: who last changed it, when, in which version, and on which level; in"
            " the content's order. Single values have a path, list items a key. The order of a list"
            " is not a value."
        )
    )
    async def blame(
        self,
        info: Info,
        version: Annotated[
            int | None,
            strawberry.argument(
                description=(
                    "Number of the version; the newest that the viewer may see if left out."
                )
            ),
        ] = None,
    ) -> list[FieldOrigin]:
        return [
            FieldOrigin.of(origin, self.record, info)
            for origin in await blame.of_document(info.context, self.record, version)
        ]

    @strawberry.field(description="Recomputes the hash chain over all versions.")
    async def verify(self, info: Info) -> Verification:
        return Verification.of(await versions.verify(info.context, self.record))


def document_fields(record: records.Summary, info: Info) -> dict[str, Any]:
    """Return the fields of the interface, limited to those that the viewer may see."""
    sees_drafts = info.context.rights.visibility(record) is Visibility.ALL
    return {
        "record": record,
        "id": strawberry.ID(record.id),
        "name": record.name,
        "internal_name": record.internal_name,
        "state": record.state,
        "latest_version": record.latest if sees_drafts else record.highest_released,
        "published_version": record.published,
        "created_at": record.created_at,
        "updated_at": record.updated_at if sees_drafts else record.noticed_at or record.created_at,
    }


@strawberry.type(description="The template version that a version was made from.")
class Derivation:
    template: Annotated["CaseTypeTemplate", strawberry.lazy("schema.kinds.case_type_templates")] = (
        strawberry.field(description="The template.")
    )
    version: int = strawberry.field(description="Number of the template version.")
    latest_version: int = strawberry.field(
        description=(
            "The published version of the template; the newest version before its first"
            " publication."
        )
    )
    behind: bool = strawberry.field(description="Whether `version` is older than `latestVersion`.")

    @classmethod
    def of(cls, template: records.Document, version: int, info: Info) -> "Derivation":
        latest_version = template.published or template.latest
        return cls(
            template=cast("CaseTypeTemplate", document_of(template, info)),
            version=version,
            latest_version=latest_version,
            behind=version < latest_version,
        )


@strawberry.interface(description="One immutable version of a document.")
class Version(Node):
    record: strawberry.Private[records.Version]
    number: int = strawberry.field(description="1, 2, 3 … without gaps.")
    author: Actor = strawberry.field(description="Who wrote the version.")
    created_at: datetime = strawberry.field(description="When the version was written.")
    note: str | None = strawberry.field(description="Why the version was written.")
    hash: str = strawberry.field(
        description=(
            "SHA-256, in hexadecimal, over the canonical content (RFC 8785), the metadata and the"
            " previous version's hash."
        )
    )
    previous_hash: str | None = strawberry.field(
        description="The hash of the previous version; null for the first."
    )
    restored_from: int | None = strawberry.field(
        description=(
            "Number of the earlier version whose content this version restores; null if it restores"
            " none."
        )
    )

    @classmethod
    def of(cls, record: records.Version) -> Self:
        """Convert a stored version."""
        return cls(**version_fields(record))

    @strawberry.field(
        description=(
            "The differences from the previous version. For callers who cannot see drafts: from the"
            " version that was published before it."
        )
    )
    async def changes(self, info: Info) -> list[Change]:
        return changes_of(await comparison.changes_of_version(info.context, self.record))

    @strawberry.field(
        description=(
            "The version of a case type template that this version was made from. Null if there is"
            " none, or if the viewer may not see the template. For resident cases and their"
            " templates, use `derivedFromTemplate`."
        )
    )
    async def derived_from(self, info: Info) -> Derivation | None:
        derived = self.record.derived_from
        template = await documents.template_of(info.context, derived)
        if derived is None or template is None or template.kind != CASE_TYPE_TEMPLATE.name:
            return None
        return Derivation.of(template, derived.version, info)

    @strawberry.field(
        description=(
            "All template versions that this version descends from: its template's version, that"
            " version's template, and so on. At most 50, as far up as the viewer may see."
        )
    )
    async def lineage(self, info: Info) -> list[Derivation]:
        return [
            Derivation.of(template, version, info)
            for template, version in await usage.lineage(info.context, self.record)
        ]


def version_fields(record: records.Version) -> dict[str, Any]:
    """Return the fields of the interface."""
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
