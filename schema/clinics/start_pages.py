"""What residents meet at a clinic."""

import strawberry

from resolvers.clinics.start_pages import Entry
from schema.clinics.local_adaptations import LocalAdaptationVersion
from schema.errors import Info
from schema.kinds.case_type_content import CaseTypeContent
from schema.kinds.case_types import CaseType, CaseTypeVersion


@strawberry.type(description="One case type as residents meet it at a clinic.")
class StartPageEntry:
    entry: strawberry.Private[Entry]
    position: int = strawberry.field(description="Its place on the page, from 1.")
    case_type: CaseType = strawberry.field(description="The case type as it is now.")
    version: CaseTypeVersion = strawberry.field(description="The version that residents met.")
    adaptation: LocalAdaptationVersion | None = strawberry.field(
        description="The clinic's own additions then; null where there were none."
    )

    @classmethod
    def of(cls, entry: Entry, info: Info) -> "StartPageEntry":
        return cls(
            entry=entry,
            position=entry.position,
            case_type=CaseType.of(entry.document, info),
            version=CaseTypeVersion.of(entry.version),
            adaptation=LocalAdaptationVersion.of(entry.adaptation) if entry.adaptation else None,
        )

    @strawberry.field(
        description=(
            "Central content with the clinic's own replies and terms merged in, placeholders"
            " filled: what the resident sees."
        )
    )
    def effective(self) -> CaseTypeContent:
        return CaseTypeContent.of(self.entry.effective)

    @strawberry.field(description="The same as an accessible, sanitised HTML fragment.")
    def html(self) -> str:
        return self.entry.html()
