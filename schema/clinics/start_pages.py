"""The case types that residents see at a clinic."""

import strawberry

from resolvers.clinics import start_pages
from schema.clinics.local_adaptations import LocalAdaptationVersion
from schema.errors import Info
from schema.kinds.case_type_content import CONTENT_TYPES, CaseTypeContent
from schema.kinds.case_types import CaseType, CaseTypeVersion


@strawberry.type(description="A case type as residents see it at a clinic.")
class StartPageEntry:
    entry: strawberry.Private[start_pages.StartPageEntry]
    position: int = strawberry.field(description="Position on the page, from 1.")
    case_type: CaseType = strawberry.field(description="The case type as it is now.")
    version: CaseTypeVersion = strawberry.field(
        description="The version that residents see, or saw at that moment."
    )
    adaptation: LocalAdaptationVersion | None = strawberry.field(
        description="The clinic's local adaptation at that moment; null if it had none."
    )

    @classmethod
    def of(cls, entry: start_pages.StartPageEntry, info: Info) -> "StartPageEntry":
        return cls(
            entry=entry,
            position=entry.position,
            case_type=CaseType.of(entry.document, info),
            version=CaseTypeVersion.of(entry.version),
            adaptation=LocalAdaptationVersion.of(entry.adaptation) if entry.adaptation else None,
        )

    @strawberry.field(
        description=(
            "The central content with the clinic's own replies and terms merged in and placeholders"
            " filled in, as the resident sees it."
        )
    )
    def effective(self) -> CaseTypeContent:
        effective: CaseTypeContent = CONTENT_TYPES.of(self.entry.effective)
        return effective

    @strawberry.field(
        description="The effective content as an accessible, sanitised HTML fragment."
    )
    def html(self) -> str:
        return self.entry.html()
