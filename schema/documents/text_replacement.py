"""One text change over many documents: shown first, written as one act, undone as one."""

from enum import Enum
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
from schema.errors import Info, InvalidInput, UserError, mutation
from schema.inputs import IDEMPOTENCY_KEY, NOTE, InputArgument, key_of_call
from schema.log.events import Event
from schema.scalars import HsaId
from store import records
from store.documents.batches import OwnedFilter

if TYPE_CHECKING:
    DocumentKind = Enum  # its values are the registry's kinds, whichever those are
else:
    DocumentKind = strawberry.enum(
        Enum(
            "DocumentKind",
            {
                kind.name: strawberry.enum_value(
                    kind.name, description=f"Those kept as {kind.name}."
                )
                for kind in KINDS
            },
        ),
        description="What documents are.",
    )


@strawberry.input(
    description=(
        "Which of the owner's documents; what is left out does not matter. Archived ones are never"
        " changed."
    )
)
class TextReplaceFilter:
    kinds: list[DocumentKind] | None = strawberry.field(
        default=None, description="Of any of these kinds."
    )
    ids: list[strawberry.ID] | None = strawberry.field(
        default=None, description="These only, at most 500."
    )
    state: list[DocumentState] | None = strawberry.field(
        default=None, description="In any of these states."
    )


@strawberry.input(description="A document, and the version that the caller has read as its newest.")
class ExpectedVersionInput:
    id: strawberry.ID = strawberry.field(description="The document.")
    version: int = strawberry.field(description="Its newest version, as the dry run told it.")


@strawberry.input(description="A text to be replaced in every document that someone owns.")
class TextReplaceInput:
    owner: HsaId = strawberry.field(
        description="Whose documents: a principal's own, or one clinic's own."
    )
    find: str = strawberry.field(
        description=(
            "1 to 200 characters; every one stands for itself. In rich text the Markdown is"
            " searched."
        )
    )
    replace: str = strawberry.field(
        description="What takes its place, at most 2,000 characters; may be empty. Never a pattern."
    )
    whole_words: bool | None = strawberry.field(
        default=False,
        description="Only where no letter, digit or underscore stands right before or after.",
    )
    case_sensitive: bool | None = strawberry.field(
        default=True, description="Only in the same case of letters."
    )
    filter: TextReplaceFilter | None = strawberry.field(
        default=None, description="Which of the documents; all of them without."
    )
    publish: bool | None = strawberry.field(
        default=False,
        description=(
            "Also put in force, where the newest version was in force. Documents with a draft ahead"
            " of what is in force are then skipped; those never published get a draft all the same."
        ),
    )
    expected: list[ExpectedVersionInput] | None = strawberry.field(
        default=None,
        description=(
            "Change only these, and nothing at all if one has another newest version; at most 500."
            " From the dry run."
        ),
    )
    dry_run: bool | None = strawberry.field(
        default=False, description="Only tell what would change; nothing is written."
    )
    note: str | None = strawberry.field(default=None, description=NOTE)
    idempotency_key: str | None = strawberry.field(default=None, description=IDEMPOTENCY_KEY)


@strawberry.input(description="Which text change to undo.")
class TextReplaceUndoInput:
    batch: strawberry.ID = strawberry.field(
        description="The act, as `textReplace` told it; an undoing can be undone too."
    )
    note: str | None = strawberry.field(default=None, description=NOTE)
    idempotency_key: str | None = strawberry.field(default=None, description=IDEMPOTENCY_KEY)


@strawberry.type(description="What a text change makes of one document.")
class TextReplacement:
    planned: strawberry.Private[PlannedChange | None]
    made: strawberry.Private[records.Event | None]
    document: Document = strawberry.field(description="The document as it is now.")
    version: int = strawberry.field(
        description=(
            "The version that was read: its newest before the change. Pass it as `expected`."
        )
    )
    new_version: int | None = strawberry.field(
        description="The version that was written; null after a dry run."
    )
    published: bool = strawberry.field(
        description="Whether the new version is, or would be, put in force."
    )
    problems: list[InvalidInput] = strawberry.field(
        description=(
            "After a dry run, the rules that the new content would break, each with its place."
        )
    )

    @strawberry.field(description="Every text that changes, before and after, word by word.")
    async def changes(self, info: Info) -> list[Change]:
        if self.planned is not None:
            return changes_of(self.planned.changes)
        if self.made is None or self.made.document is None or self.made.version is None:
            return []
        version = await info.context.loaders.versions.load((self.made.document, self.made.version))
        return (
            changes_of(await comparison.changes_of_version(info.context, version))
            if version
            else []
        )


@strawberry.type(description="A document that holds the text and is left as it is.")
class SkippedDocument:
    planned: strawberry.Private[PlannedChange]
    document: Document = strawberry.field(description="The document.")
    reason: SkipReason = strawberry.field(description="Why it is left as it is.")

    @strawberry.field(description="What would have changed in its newest version.")
    def changes(self) -> list[Change]:
        return changes_of(self.planned.changes)


@strawberry.type(
    description=(
        "What a text change led to. With errors, nothing was written; an error of a document has"
        " `documents`, its id and the place as `path`."
    )
)
class TextReplacePayload:
    batch: strawberry.ID | None = strawberry.field(
        default=None,
        description=(
            "The act, for `textReplaceUndo` and for `EventFilter.batch`; null where nothing was"
            " written."
        ),
    )
    documents: list[TextReplacement] | None = strawberry.field(
        default=None, description="The documents that change, by id; at most 500."
    )
    skipped: list[SkippedDocument] | None = strawberry.field(
        default=None, description="Those that hold the text and do not; not told again on a repeat."
    )
    hits: int | None = strawberry.field(
        default=None, description="In how many places the text is replaced; null for an undoing."
    )
    event: Event | None = strawberry.field(
        default=None,
        description=(
            "The last of the acts as logged, one for each document; null where nothing changed."
        ),
    )
    errors: list[UserError] = strawberry.field(
        default_factory=list, description="Why nothing was written."
    )


async def _payload(
    info: Info, replaced: TextChangeResult, *, hits: int | None
) -> TextReplacePayload:
    written = await info.context.loaders.documents.load_many(
        [event.document or "" for event in replaced.events]
    )
    made = [
        TextReplacement(
            planned=None,
            made=event,
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
            planned=one,
            made=None,
            document=document_of(one.document, info),
            version=one.document.latest,
            new_version=None,
            published=one.publish,
            problems=[
                InvalidInput(code=problem.code, message=problem.message, path=list(problem.path))
                for problem in one.problems
            ],
        )
        for one in replaced.planned
    ]
    return TextReplacePayload(
        batch=strawberry.ID(replaced.batch) if replaced.batch else None,
        documents=[*made, *planned],
        skipped=[
            SkippedDocument(
                planned=one, document=document_of(one.document, info), reason=one.skipped
            )
            for one in replaced.skipped
            if one.skipped
        ],
        hits=hits,
        event=Event.of(replaced.events[-1]) if replaced.events else None,
    )


@strawberry.type
class TextReplacementMutation:
    @mutation(
        TextReplacePayload,
        "Replaces a text in every document of an owner that holds it: a new version of each, in one"
        " act, all or none. Texts only: keys, codes and addresses are left alone. Clinics are told"
        " of what is put in force. Look first, with `dryRun`.",
    )
    async def text_replace(
        self, info: Info, input: InputArgument[TextReplaceInput]
    ) -> TextReplacePayload:
        which = input.filter or TextReplaceFilter()
        change = TextChange(
            replacement=Replacement(
                input.find,
                input.replace,
                whole_words=bool(input.whole_words),
                case_sensitive=input.case_sensitive is not False,
            ),
            owner=input.owner,
            which=OwnedFilter(
                kinds=None if which.kinds is None else [str(kind.value) for kind in which.kinds],
                ids=which.ids,
                states=which.state,
            ),
            publish=bool(input.publish),
            expected=(
                None
                if input.expected is None
                else {str(one.id): one.version for one in input.expected}
            ),
        )
        # A dry run writes nothing, its key neither.
        key = None if input.dry_run else key_of_call(info, input)
        replaced = await resolve.replace(
            info.context, change, dry_run=bool(input.dry_run), note=input.note, key=key
        )
        return await _payload(info, replaced, hits=replaced.hits)

    @mutation(
        TextReplacePayload,
        "Undoes a text change as one act: writes what each document held before it as a new"
        " version, in force where the change was. Refused, with each document that is in the way,"
        " where one has been edited, archived or published otherwise since.",
    )
    async def text_replace_undo(
        self, info: Info, input: InputArgument[TextReplaceUndoInput]
    ) -> TextReplacePayload:
        replaced = await resolve.undo(
            info.context, input.batch, note=input.note, key=key_of_call(info, input)
        )
        return await _payload(info, replaced, hits=None)
