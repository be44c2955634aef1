"""The origin of each value of a document."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import strawberry

from resolvers.documents import blame
from schema.documents.conversion import document_of
from schema.errors import Info
from schema.log.actors import Actor
from schema.templates.enums import TemplateLevel
from schema.templates.levels import level_of
from store import records

if TYPE_CHECKING:
    from schema.documents.documents import Document


@strawberry.type(
    description=(
        "The origin of one value. If the value was copied unchanged from a template, the origin is"
        " that template, or in turn the template that it was copied from. `version`, `author` and"
        " `at` then refer to the template. They are null if the viewer may not see the template, or"
        " may see no version of it that has the value."
    )
)
class FieldOrigin:
    path: str = strawberry.field(
        description=(
            "Path of the value, such as `questions[datum].label`; `questions[datum]` for the item"
            " itself."
        )
    )
    label: str = strawberry.field(description="The path in words, in Swedish.")
    since: int = strawberry.field(
        description=(
            "Number of this document's version that introduced the value. For callers who cannot"
            " see drafts: the first published version that has it."
        )
    )
    level: TemplateLevel = strawberry.field(description="The level that the value comes from.")
    template: Annotated["Document", strawberry.lazy("schema.documents.documents")] | None = (
        strawberry.field(
            description=(
                "The template that the value comes from. Null if the value is the document's own,"
                " or if the viewer may not see the template."
            )
        )
    )
    version: int | None = strawberry.field(
        description=(
            "Number of the version that last changed the value; a version of `template` if there is"
            " one."
        )
    )
    author: Actor | None = strawberry.field(description="Who wrote that version.")
    at: datetime | None = strawberry.field(description="When that version was written.")

    @classmethod
    def of(cls, origin: blame.FieldOrigin, document: records.Document, info: Info) -> "FieldOrigin":
        authorship, source = origin.authorship, origin.source
        return cls(
            path=origin.path,
            label=origin.label,
            since=origin.since,
            level=level_of(source, info),
            template=document_of(source, info) if authorship and source.id != document.id else None,
            version=origin.version,
            author=Actor.of(authorship.author, source.principal) if authorship else None,
            at=authorship.at if authorship else None,
        )
