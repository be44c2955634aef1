"""Case types: services that residents use at clinics."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import strawberry

from resolvers.clinics import assignments, clinics, start_pages
from resolvers.kinds.case_types import CASE_TYPE_TEMPLATE
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
        "The clinics that have a case type and whose last acknowledged version of it is this one."
    )
)
class AdoptionCount:
    version: int = strawberry.field(description="Number of the version.")
    clinics: int = strawberry.field(description="The number of clinics.")
    since: datetime | None = strawberry.field(
        description=(
            "Since when these clinics lag: when another version was published. Null for the"
            " published version."
        )
    )


@strawberry.type(
    description=(
        "How many clinics have acknowledged the published version. Only clinics that have the case"
        " type now are counted."
    )
)
class Adoption:
    assigned: int = strawberry.field(
        description=(
            "Clinics that have the case type, and so were notified of the published version."
        )
    )
    acknowledged: int = strawberry.field(
        description="Clinics that have acknowledged the published version."
    )
    pending: int = strawberry.field(
        description="Clinics that have not acknowledged it: `assigned` minus `acknowledged`."
    )
    unseen: int = strawberry.field(
        description="Clinics that have not acknowledged any version yet."
    )
    by_version: list[AdoptionCount] = strawberry.field(
        description="Clinics that have acknowledged a version, by the number of that version."
    )

    @classmethod
    def of(cls, published: int | None, adoption: version_adoption.Adoption) -> "Adoption":
        counts = [
            AdoptionCount(version=count.version, clinics=count.clinics, since=count.since)
            for count in adoption.by_version
        ]
        assigned = adoption.unseen + sum(count.clinics for count in counts)
        acknowledged = sum(count.clinics for count in counts if count.version == published)
        return cls(
            assigned=assigned,
            acknowledged=acknowledged,
            pending=assigned - acknowledged,
            unseen=adoption.unseen,
            by_version=counts,
        )


@version_type(CONTENT_TYPES, "One immutable version of a case type.")
class CaseTypeVersion(Version):
    @strawberry.field(description="The case type.")
    async def case_type(self, info: Info) -> "CaseType":
        return CaseType.of(await document_of_version(self, info), info)

    @strawberry.field(
        description=(
            "A preview of the content as an accessible, sanitised HTML fragment, for drafts and"
            " published versions."
        )
    )
    async def html(
        self,
        info: Info,
        clinic: Annotated[
            HsaId | None,
            strawberry.argument(
                description=(
                    "The clinic whose values replace the placeholders. If left out, placeholders"
                    " are not replaced."
                )
            ),
        ] = None,
    ) -> str:
        return start_pages.preview(
            self.record, await clinics.require(info.context, clinic) if clinic is not None else None
        )


@document_type(
    CONTENT_TYPES, CaseTypeVersion, "A service that a resident can use at a clinic (ärendetyp)."
)
class CaseType(Document):
    @strawberry.field(description="Central, owned by a principal; or local, owned by one clinic.")
    def scope(self) -> CaseTypeScope:
        return (
            CaseTypeScope.CENTRAL
            if self.record.owner.kind is OwnerKind.PRINCIPAL
            else CaseTypeScope.LOCAL
        )

    @strawberry.field(
        description=(
            "The clinics that have the case type now and that the viewer may read, by HSA-id."
        )
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
            "How many of the clinics that have the case type now, and that the viewer may read,"
            " have acknowledged the published version."
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
    owner="The owner: a principal for a central case type, a clinic for a local one.",
    template=CASE_TYPE_TEMPLATE,
)
