"""Case types: what residents use at clinics."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import strawberry

from resolvers.clinics import assignments, clinics, start_pages
from resolvers.kinds.case_types import CASE_TYPE, CASE_TYPE_TEMPLATE
from schema.documents.documents import Document, Version
from schema.errors import Info
from schema.kinds.case_type_content import CONTENT_TYPES
from schema.kinds.enums import CaseTypeScope
from schema.kinds.kind_schema import kind_schema
from schema.kinds.kind_types import document_of_version, document_type, version_type
from schema.nodes import After, Connection, First
from schema.scalars import HsaId
from store.clinics import version_adoption
from store.records import OwnerKind

if TYPE_CHECKING:
    from schema.clinics.assignments import Assignment


@strawberry.type(
    description=(
        "Of the clinics that have a case type, those that have acknowledged one version as the"
        " newest they were told of."
    )
)
class AdoptionCount:
    version: int = strawberry.field(description="The version.")
    clinics: int = strawberry.field(description="How many clinics.")
    since: datetime | None = strawberry.field(
        description=(
            "Since when they lag: when another version came in force. Null for the version in"
            " force."
        )
    )


@strawberry.type(
    description=(
        "How far clinics have taken the version in force: counted are those that have the case type"
        " now."
    )
)
class Adoption:
    assigned: int = strawberry.field(
        description="Clinics that have it, and so were told of the version in force."
    )
    acknowledged: int = strawberry.field(
        description="Those that have acknowledged the version in force."
    )
    pending: int = strawberry.field(description="Those that have not: behind, or unseen.")
    unseen: int = strawberry.field(description="Those that have acknowledged no version of it yet.")
    by_version: list[AdoptionCount] = strawberry.field(
        description="Those that have acknowledged some version, by its number."
    )

    @classmethod
    def of(cls, published: int | None, found: version_adoption.Adoption) -> "Adoption":
        counts = [
            AdoptionCount(version=one.version, clinics=one.clinics, since=one.since)
            for one in found.by_version
        ]
        assigned = found.unseen + sum(one.clinics for one in counts)
        acknowledged = sum(one.clinics for one in counts if one.version == published)
        return cls(
            assigned=assigned,
            acknowledged=acknowledged,
            pending=assigned - acknowledged,
            unseen=found.unseen,
            by_version=counts,
        )


@version_type(CONTENT_TYPES, "One immutable snapshot of a case type.")
class CaseTypeVersion(Version):
    @strawberry.field(description="The case type.")
    async def case_type(self, info: Info) -> "CaseType":
        return CaseType.of(await document_of_version(self, info), info)

    @strawberry.field(
        description=(
            "The content as an accessible, sanitised HTML fragment, before or after its"
            " publication."
        )
    )
    async def html(
        self,
        info: Info,
        clinic: Annotated[
            HsaId | None,
            strawberry.argument(description="Whose values fill the placeholders; none without."),
        ] = None,
    ) -> str:
        return start_pages.preview(
            self.record, await clinics.require(info.context, clinic) if clinic is not None else None
        )


@document_type(
    CONTENT_TYPES, CaseTypeVersion, "A service that a resident can use at a clinic (ärendetyp)."
)
class CaseType(Document):
    @strawberry.field(description="Central, the principal's; or local, one clinic's.")
    def scope(self) -> CaseTypeScope:
        return (
            CaseTypeScope.CENTRAL
            if self.record.owner.kind is OwnerKind.PRINCIPAL
            else CaseTypeScope.LOCAL
        )

    @strawberry.field(
        description="The clinics that have it now, those that the viewer may read, by HSA-id."
    )
    async def assignments(
        self, info: Info, first: First = None, after: After = None
    ) -> Connection[Annotated["Assignment", strawberry.lazy("schema.clinics.assignments")]]:
        from schema.clinics.assignments import list_assignments

        return await list_assignments(
            info, assignments.of_document(info.context, self.record), first, after
        )

    @strawberry.field(
        description=(
            "How far the clinics that have it now, those that the viewer may read, have taken the"
            " version in force."
        )
    )
    async def adoption(self, info: Info) -> Adoption:
        return Adoption.of(
            self.record.published, await assignments.adoption(info.context, self.record)
        )


KIND_SCHEMA = kind_schema(
    CONTENT_TYPES,
    CaseType,
    CaseTypeVersion,
    noun="case type",
    owner="A principal for a central case type, a clinic for a local one.",
    template=CASE_TYPE_TEMPLATE,
)
