"""Replacing a text in many documents: a dry run, one write for all, and undoing it."""

from enum import StrEnum
from typing import TYPE_CHECKING

import strawberry

from resolvers.documents import comparison
from resolvers.documents import text_replacement as resolve
from resolvers.documents.find_and_replace import Replacement
from resolvers.documents.text_replacement import TextChangeResult
from resolvers.documents.text_replacement_plan import PlannedChange, TextChange
from resolvers.kinds.registrations import KINDS
from schema.documents.changes import Change, changes_of
from schema.documents.conversion import document_of
from schema.documents.documents import Document
from schema.documents.enums import DocumentState, SkipReason
from schema.enums import describe_enum
from schema.errors import Info, InvalidInput, UserError, mutation
from schema.inputs import ERRORS, IDEMPOTENCY_KEY, NOTE, InputArgument, key_of_call
from schema.log.events import Event
from schema.scalars import HsaId
from store import records
from store.documents.batches import OwnedFilter

if TYPE_CHECKING:
    DocumentKind = StrEnum  # its values are the kinds of the registry
else:
    DocumentKind = StrEnum("DocumentKind", {kind.name: kind.name for kind in KINDS})

describe_enum(
    DocumentKind,
    "The kind of a document.",
    {kind.name: f"Documents of the type `{kind.name.title().replace('_', '')}`." for kind in KINDS},
)


@strawberry.input(
    description=(
        "A filter for the owner's documents. Fields that are left out do not restrict it. Archived"
        " documents are never changed."
    )
)
class TextReplaceFilter:
    kinds: list[DocumentKind] | None = strawberry.field(
        default=None, description="Of one of these kinds."
    )
    ids: list[strawberry.ID] | None = strawberry.field(
        default=None, description="Only these documents, at most 500."
    )
    state: list[DocumentState] | None = strawberry.field(
        default=None, description="In one of these states."
    )


@strawberry.input(description="A document with the newest version that the caller has read.")
class ExpectedVersionInput:
    id: strawberry.ID = strawberry.field(description="The document.")
    version: int = strawberry.field(description="Number of its newest version, from the dry run.")


@strawberry.input(description="A text to replace in every document of an owner.")
class TextReplaceInput:
    owner: HsaId = strawberry.field(
        description="The owner of the documents: a principal or a clinic."
    )
    find: str = strawberry.field(
        description=(
            "The text to find, 1 to 200 characters. It is not a pattern. In rich texts, the"
            " Markdown is searched."
        )
    )
    replace: str = strawberry.field(
        description=(
            "The replacement, at most 2,000 characters; it can be empty. It is not a pattern."
        )
    )
    whole_words: bool | None = strawberry.field(
        default=False,
        description=(
            "Replace the text only where no letter, digit or underscore is directly before or after"
            " it."
        ),
    )
    case_sensitive: bool | None = strawberry.field(
        default=True, description="Match upper and lower case exactly."
    )
    filter: TextReplaceFilter | None = strawberry.field(
        default=None, description="The filter; all documents of the owner if left out."
    )
    publish: bool | None = strawberry.field(
        default=False,
        description=(
            "Also publish the new version of documents whose newest version was published."
            " Documents with a draft that is newer than the published version are then skipped."
            " Documents that were never published still get a draft."
        ),
    )
    expected: list[ExpectedVersionInput] | None = strawberry.field(
        default=None,
        description=(
            "The documents and versions from the dry run, at most 500. Only these documents are"
            " changed; if one has another newest version, nothing is."
        ),
    )
    dry_run: bool | None = strawberry.field(
        default=False, description="Only show what would change; write nothing."
    )
    note: str | None = strawberry.field(default=None, description=NOTE)
    idempotency_key: str | None = strawberry.field(default=None, description=IDEMPOTENCY_KEY)


@strawberry.input(description="The text replacement to undo.")
class TextReplaceUndoInput:
    batch: strawberry.ID = strawberry.field(
        description=(
            "The `batch` that `textReplace` returned. The batch of an undo can be undone too."
        )
    )
    note: str | None = strawberry.field(default=None, description=NOTE)
    idempotency_key: str | None = strawberry.field(default=None, description=IDEMPOTENCY_KEY)


@strawberry.type(description="A text replacement in one document.")
class TextReplacement:
    planned: strawberry.Private[PlannedChange | None]
    event: strawberry.Private[records.Event | None]
    document: Document = strawberry.field(description="The document after the change.")
    version: int = strawberry.field(
        description=(
            "Number of the newest version before the change, which was searched. Pass it in"
            " `expected`."
        )
    )
    new_version: int | None = strawberry.field(
        description="Number of the version that was written; null after a dry run."
    )
    published: bool = strawberry.field(
        description="Whether the new version is published; after a dry run: would be published."
    )
    problems: list[InvalidInput] = strawberry.field(
        description=(
            "After a dry run: the rules that the new content would violate, each with its path."
        )
    )

    @strawberry.field(description="Every changed text, before and after, word by word.")
    async def changes(self, info: Info) -> list[Change]:
        if self.planned is not None:
            return changes_of(self.planned.changes)
        if self.event is None or self.event.document is None or self.event.version is None:
            return []
        version = await info.context.loaders.versions.load(
            (self.event.document, self.event.version)
        )
        return (
            changes_of(await comparison.changes_of_version(info.context, version))
            if version
            else []
        )


@strawberry.type(description="A document that contains the text but is not changed.")
class SkippedDocument:
    planned: strawberry.Private[PlannedChange]
    document: Document = strawberry.field(description="The document.")
    reason: SkipReason = strawberry.field(description="Why the document is not changed.")

    @strawberry.field(description="The changes that would have been made to its newest version.")
    def changes(self) -> list[Change]:
        return changes_of(self.planned.changes)


@strawberry.type(
    description=(
        "The result of a text replacement. With errors, nothing was written. The `path` of an error"
        " in a document is `documents`, the document's id and the path in its content."
    )
)
class TextReplacePayload:
    batch: strawberry.ID | None = strawberry.field(
        default=None,
        description=(
            "Id of the batch, for `textReplaceUndo` and `EventFilter.batch`; null if nothing was"
            " written."
        ),
    )
    documents: list[TextReplacement] | None = strawberry.field(
        default=None, description="The changed documents, by id; at most 500."
    )
    skipped: list[SkippedDocument] | None = strawberry.field(
        default=None,
        description=(
            "The documents that contain the text but are not changed. Empty in the result of a"
            " repeated call."
        ),
    )
    hits: int | None = strawberry.field(
        default=None,
        description="The number of places where the text is replaced; null for an undo.",
    )
    event: Event | None = strawberry.field(
        default=None,
        description=(
            "The last of the events that were written to the log, one for each document; null if"
            " nothing changed."
        ),
    )
    errors: list[UserError] = strawberry.field(default_factory=list, description=ERRORS)


async def _payload(
    info: Info, replaced: TextChangeResult, *, hits: int | None
) -> TextReplacePayload:
    written = await info.context.loaders.documents.load_many(
        [event.document or "" for event in replaced.events]
    )
    made = [
        TextReplacement(
            planned=None,
            event=event,
            document=document_of(document, info),
            version=(event.version or 0) - 1,
            new_version=event.version,
            published=event.version == event.published_after,
            problems=[],
        )
        for event, document in zip(replaced.events, written, strict=True)
        if document is not None
    ]
    planned = [
        TextReplacement(
            planned=plan,
            event=None,
            document=document_of(plan.document, info),
            version=plan.document.latest,
            new_version=None,
            published=plan.publish,
            problems=[
                InvalidInput(code=problem.code, message=problem.message, path=list(problem.path))
                for problem in plan.problems
            ],
        )
        for plan in replaced.planned
    ]
    return TextReplacePayload(
        batch=strawberry.ID(replaced.batch) if replaced.batch else None,
        documents=[*made, *planned],
        skipped=[
            SkippedDocument(
                planned=plan, document=document_of(plan.document, info), reason=plan.skipped
            )
            for plan in replaced.skipped
            if plan.skipped
        ],
        hits=hits,
        event=Event.of(replaced.events[-1]) if replaced.events else None,
    )


@strawberry.type
class TextReplacementMutation:
    @mutation(
        TextReplacePayload,
        "Replaces a text in every document of an owner that contains it. Writes a new version of"
        " each document in one transaction, all or none. Only texts are changed, not keys, codes or"
        " addresses. Clinics are notified of published versions. Use `dryRun` first to see the"
        " changes.",
    )
    async def text_replace(
        self, info: Info, input: InputArgument[TextReplaceInput]
    ) -> TextReplacePayload:
        document_filter = input.filter or TextReplaceFilter()
        change = TextChange(
            replacement=Replacement(
                input.find,
                input.replace,
                whole_words=bool(input.whole_words),
                case_sensitive=input.case_sensitive is not False,
            ),
            owner=input.owner,
            which=OwnedFilter(
                kinds=None
                if document_filter.kinds is None
                else [kind.value for kind in document_filter.kinds],
                ids=document_filter.ids,
                states=document_filter.state,
            ),
            publish=bool(input.publish),
            expected=(
                None
                if input.expected is None
                else {str(expected.id): expected.version for expected in input.expected}
            ),
        )
        # A dry run writes nothing, not even its key.
        key = None if input.dry_run else key_of_call(info, input)
        replaced = await resolve.replace(
            info.context, change, dry_run=bool(input.dry_run), note=input.note, key=key
        )
        return await _payload(info, replaced, hits=replaced.hits)

    @mutation(
        TextReplacePayload,
        "Undoes a text replacement in one transaction: restores each document's previous content as"
        " a new version, published if the replacement was. Refused if a document has been edited,"
        " archived or otherwise published since; each such document has an error.",
    )
    async def text_replace_undo(
        self, info: Info, input: InputArgument[TextReplaceUndoInput]
    ) -> TextReplacePayload:
        replaced = await resolve.undo(
            info.context, input.batch, note=input.note, key=key_of_call(info, input)
        )
        return await _payload(info, replaced, hits=None)
