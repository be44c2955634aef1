"""Merging a newer template version into a document.

The mutation `documentAdoptTemplate` writes the merged version. The query `checkTemplateAdoption`
only shows the result. Both report conflicts.
"""

from collections.abc import Sequence
from typing import Annotated, cast

import strawberry
from strawberry.scalars import JSON

from resolvers.templates import adoptions as resolve
from schema.documents.changes import Change, changes_of
from schema.documents.lifecycle import DocumentPayload, payload_of
from schema.errors import Info, InvalidInput, UserError, converts, mutation
from schema.inputs import EXPECTED_VERSION, IDEMPOTENCY_KEY, NOTE, InputArgument, key_of_call
from schema.nodes import Id
from schema.templates.enums import MergeSide
from store import errors
from store.content.diff import resident_visible
from store.content.merge import Conflict
from store.errors import RegistryError

_TEMPLATE_VERSION = "Number of the template version to merge; the published version if left out."
_RESOLUTIONS = "The side that resolves each conflict, at most 5,000."


@strawberry.type(
    description=(
        "Both sides changed the same value since the common version. Call again with a resolution"
        " of each conflict."
    )
)
class MergeConflict(UserError):
    value_path: str = strawberry.field(
        description=(
            "Path of the value, such as `questions[datum].label`; use it as `path` of a resolution."
        )
    )
    label: str = strawberry.field(description="The path in words, in Swedish.")
    base: JSON | None = strawberry.field(
        description=(
            "The value in the common version. Null if that version did not have it, or if the"
            " viewer may not see that version of the template."
        )
    )
    ours: JSON | None = strawberry.field(description="The document's value; null if it has none.")
    theirs: JSON | None = strawberry.field(description="The template's value; null if it has none.")

    @classmethod
    def of(cls, record: Conflict) -> "MergeConflict":
        return cls(
            code=errors.MergeConflict.code,
            message=(
                f"{record.label}: ändrat både i dokumentet och i mallen. Välj vilket som ska gälla."
            ),
            path=record.path.split("."),
            value_path=record.path,
            label=record.label,
            base=record.base,
            ours=record.ours,
            theirs=record.theirs,
        )


@converts(errors.MergeConflict)
def _merge_conflict(error: RegistryError) -> list[UserError]:
    return [
        MergeConflict.of(conflict) for conflict in cast("errors.MergeConflict", error).conflicts
    ]


@strawberry.input(description="The resolution of one conflict.")
class MergeResolution:
    path: str = strawberry.field(description="The `valuePath` of the conflict.")
    take: MergeSide = strawberry.field(description="The side whose value is used.")


@strawberry.input(description="The template version to merge into a document.")
class DocumentAdoptTemplateInput:
    id: strawberry.ID = strawberry.field(
        description="The document: a case type or a template that was made from a template."
    )
    expected_version: int = strawberry.field(description=EXPECTED_VERSION)
    template_version: int | None = strawberry.field(default=None, description=_TEMPLATE_VERSION)
    resolutions: list[MergeResolution] | None = strawberry.field(
        default_factory=list, description=_RESOLUTIONS
    )
    note: str | None = strawberry.field(default=None, description=NOTE)
    idempotency_key: str | None = strawberry.field(default=None, description=IDEMPOTENCY_KEY)


def _resolutions(resolutions: Sequence[MergeResolution] | None) -> list[resolve.Resolution]:
    return [
        resolve.Resolution(resolution.path, resolution.take) for resolution in resolutions or ()
    ]


@strawberry.type(
    description="The result of a trial merge of a template version. Nothing was written."
)
class TemplateAdoptionCheck:
    from_version: int = strawberry.field(
        description="The template version that the document was made from."
    )
    to_version: int = strawberry.field(description="The template version that would be merged.")
    expected_version: int = strawberry.field(
        description=(
            "The document's newest version, which was merged. Pass it to `documentAdoptTemplate`."
        )
    )
    resident_visible: bool = strawberry.field(
        description="Whether residents would see any of the changes after publication."
    )
    changes: list[Change] = strawberry.field(
        description=(
            "The changes that the merge would make, without the values in conflict; in the"
            " content's order."
        )
    )
    conflicts: list[MergeConflict] = strawberry.field(
        description="The conflicts; each needs a resolution."
    )
    problems: list[InvalidInput] = strawberry.field(
        description=(
            "The rules that the merged content violates. The merge would be refused; edit the"
            " document first. `path` points into `content`."
        )
    )
    content: JSON | None = strawberry.field(
        description="The whole merged content; null if there are conflicts."
    )

    @classmethod
    def of(cls, record: resolve.AdoptionPreview) -> "TemplateAdoptionCheck":
        return cls(
            from_version=record.base,
            to_version=record.theirs.number,
            expected_version=record.document.latest,
            resident_visible=resident_visible(record.changes),
            changes=changes_of(record.changes),
            conflicts=[MergeConflict.of(conflict) for conflict in record.conflicts],
            problems=[
                InvalidInput(code=problem.code, message=problem.message, path=list(problem.path))
                for problem in record.problems
            ],
            content=cast("JSON", record.content) if record.content is not None else None,
        )


@strawberry.type
class TemplateAdoptionQuery:
    @strawberry.field(
        description=(
            "A trial of `documentAdoptTemplate`, which writes nothing: shows what would change, and"
            " which conflicts need a resolution. For callers who may edit."
        )
    )
    async def check_template_adoption(
        self,
        info: Info,
        id: Id,
        template_version: Annotated[
            int | None, strawberry.argument(description=_TEMPLATE_VERSION)
        ] = None,
        resolutions: Annotated[
            list[MergeResolution] | None, strawberry.argument(description=_RESOLUTIONS)
        ] = None,
    ) -> TemplateAdoptionCheck:
        return TemplateAdoptionCheck.of(
            await resolve.preview(info.context, id, template_version, _resolutions(resolutions))
        )


@strawberry.type
class TemplateAdoptionMutation:
    @mutation(
        DocumentPayload,
        "Merges a newer template version into a document with a three-way merge, and lists"
        " conflicts that need a resolution. Writes one draft version; the published version stays"
        " published.",
    )
    async def document_adopt_template(
        self, info: Info, input: InputArgument[DocumentAdoptTemplateInput]
    ) -> DocumentPayload:
        saved = await resolve.adopt(
            info.context,
            input.id,
            expected_version=input.expected_version,
            template_version=input.template_version,
            resolutions=_resolutions(input.resolutions),
            note=input.note,
            key=key_of_call(info, input),
        )
        return payload_of(saved, info)
