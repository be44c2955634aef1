"""Where the values of a document come from."""

from datetime import datetime
from typing import Annotated

import strawberry

from resolvers.documents import blame
from schema.documents.documents import Document, document_of
from schema.enums import TemplateLevel
from schema.errors import Info
from schema.kinds.kind_schema import level_of
from schema.log.actors import Actor
from store import records


@strawberry.type(
    description=(
        "Where one value comes from. A value that was taken over unchanged from a template is that"
        " template's, and so on upwards: `version`, `author` and `at` are then of the template;"
        " they are null where the viewer may not see it, or no version of it with the value."
    )
)
class FieldOrigin:
    path: str = strawberry.field(
        description=(
            "Which value, such as `questions[datum].label`; `questions[datum]` for the item as"
            " such."
        )
    )
    label: str = strawberry.field(description="The same for people, in Swedish.")
    since: int = strawberry.field(
        description=(
            "Number of the version of the document asked that the value came with; of the first in"
            " force with it for who sees no drafts."
        )
    )
    level: TemplateLevel = strawberry.field(description="From which level it came.")
    template: Annotated[Document, strawberry.lazy("schema.documents.documents")] | None = (
        strawberry.field(
            description=(
                "The template that it came from; null for the document's own, and where the viewer may"
                " not see the template."
            )
        )
    )
    version: int | None = strawberry.field(
        description="Number of the version that last changed it, of `template` where there is one."
    )
    author: Actor | None = strawberry.field(description="Who wrote that version.")
    at: datetime | None = strawberry.field(description="When it was written.")

    @classmethod
    def of(cls, origin: blame.FieldOrigin, document: records.Document, info: Info) -> "FieldOrigin":
        signature, source = origin.signature, origin.source
        return cls(
            path=origin.path,
            label=origin.label,
            since=origin.since,
            level=level_of(source, info),
            template=document_of(source, info) if signature and source.id != document.id else None,
            version=origin.version,
            author=Actor.of(signature.author, source.principal) if signature else None,
            at=signature.at if signature else None,
        )
