"""Text changes: one replacement in all documents of an owner, written and undone as one act."""

from collections.abc import Sequence
from dataclasses import dataclass

from resolvers.access import decisions
from resolvers.access.permissions import Permission
from resolvers.access.rights import HeldRole
from resolvers.context import Context
from resolvers.documents import open_page_links
from resolvers.documents.find_and_replace import Replacement
from resolvers.documents.owners import owner_of
from resolvers.documents.text_replacement_plan import MAX_DOCUMENTS, PlannedChange, TextChange, plan
from resolvers.kinds.checks import allowed_characters, max_length, problems_in
from resolvers.kinds.personal_numbers import no_personal_number
from resolvers.kinds.validation import MAX_PROBLEMS
from store.documents.batches import NewContent, error_path
from store.errors import (
    InvalidInput,
    MultipleErrors,
    NotFound,
    Problem,
    RegistryError,
    VersionConflict,
)
from store.idempotency import IdempotencyKey
from store.records import Action, Document, Event, Owner, Saved

_MAX_FIND = 200
_MAX_REPLACE = 2_000


@dataclass(frozen=True, slots=True)
class TextChangeResult:
    """The result of a text change.

    Attributes:
        planned: The plan, if nothing was written.
        skipped: The documents that contain the text but are not changed.
        events: The events that were written, one for each document.
        batch: The id of the act, if something was written.
        hits: The number of replacements.
    """

    planned: Sequence[PlannedChange] = ()
    skipped: Sequence[PlannedChange] = ()
    events: Sequence[Event] = ()
    batch: str | None = None
    hits: int = 0


async def replace(
    context: Context,
    change: TextChange,
    *,
    dry_run: bool,
    note: str | None,
    key: IdempotencyKey | None,
) -> TextChangeResult:
    """Replace a text in all documents of an owner that contain it, or only plan that.

    With `publish`, the new version is published where the newest version was published. A document
    whose newest version is a draft ahead of the published version is then skipped, because the
    draft is unfinished work. A document that was never published always gets a draft.

    Raises:
        NotFound: There is no such owner, or no such document of it.
        NotPermitted: The viewer may not edit, or publish, there.
        InvalidInput: The texts cannot be used; more than 500 documents contain the text; or a new
            content would break a rule, with document and path.
        MultipleErrors: Documents have other versions than expected, or were changed meanwhile.
            Nothing was written.
    """
    _check(change.replacement)
    principal, owner, held = await _require_owner(context, change)
    act = context.act(held, note)
    if (first := await context.store.log.repeated(key)) is not None:
        return await _result_of(context, first, ())
    await _require_known(context, owner, change)
    planned = [document async for document in plan(context, principal, owner, change)]
    changed = [document for document in planned if document.skipped is None]
    skipped = [document for document in planned if document.skipped is not None]
    hits = sum(document.hits for document in changed)
    if dry_run:
        return TextChangeResult(changed, skipped, hits=hits)
    problems = [problem for document in changed for problem in document.problems]
    if problems:
        raise InvalidInput(problems[:MAX_PROBLEMS])
    contents = [
        NewContent(
            item.document,
            item.content,
            latest=item.document.latest,
            published=item.document.published,
            publish=item.publish,
            derived_from=item.document.derived_from,
        )
        for item in changed
    ]
    saved = await context.store.batches.write(
        principal,
        contents,
        drafted=Action.EDITED,
        published=Action.PUBLISHED,
        act=act,
        counts={"hits": hits},
        key=key,
    )
    return await _result_of(context, saved, skipped)


async def undo(
    context: Context, batch: str, *, note: str | None, key: IdempotencyKey | None
) -> TextChangeResult:
    """Undo a text change: write the earlier content of all its documents, or of none.

    Raises:
        NotFound: There is no such act, or the viewer may not know of its documents.
        NotPermitted: The viewer may not edit, or publish, them.
        MultipleErrors: Documents were edited or archived since, or another version was published.
            Each one is named. Nothing was written.
        InvalidInput: Content that would be published again breaks a policy.
    """
    events = await context.store.batches.events(batch)
    found = await context.loaders.documents.load_many([event.document or "" for event in events])
    try:
        documents = [
            decisions.require(context.rights, Permission.EDIT, document, ("batch",))
            for document in found
        ]
    except NotFound:  # reported as an act that does not exist
        documents = []
    if not documents:
        raise NotFound("Textändringen finns inte.", ("batch",))
    published = [event.version == event.published_after for event in events]
    for (document, _), publish in zip(documents, published, strict=True):
        if publish:
            decisions.require(context.rights, Permission.PUBLISH, document, ("batch",))
    (newest, held), *_ = documents
    act = context.act(held, note)
    if (first := await context.store.log.repeated(key)) is not None:
        return await _result_of(context, first, ())
    contents = [
        await _previous_content(context, event, document, publish=publish)
        for event, (document, _), publish in zip(events, documents, published, strict=True)
    ]
    problems = [
        problem
        for content in contents
        if content.publish
        for problem in await open_page_links.problems_at(
            context,
            newest.principal,
            content.content.get("links", ()),
            (*error_path(content.document), "content"),
        )
    ]
    if problems:
        raise InvalidInput(problems[:MAX_PROBLEMS])
    saved = await context.store.batches.write(
        newest.principal,
        contents,
        drafted=Action.RESTORED,
        published=Action.RESTORED,
        act=act,
        counts={},
        key=key,
    )
    return await _result_of(context, saved, ())


async def _previous_content(
    context: Context, event: Event, document: Document, *, publish: bool
) -> NewContent:
    """The content that a document had before an act on it."""
    number = event.version or 0
    version = await context.loaders.versions.load((document.id, number - 1))
    if version is None:
        raise LookupError(f"version before {event.id}")
    content = context.store.kinds[document.kind].upcast(version.content, version.schema_version)
    return NewContent(
        document,
        content,
        latest=number,
        published=event.published_after,
        publish=publish,
        derived_from=version.derived_from,
        restored_from=number - 1,
    )


async def _result_of(
    context: Context, saved: Saved, skipped: Sequence[PlannedChange]
) -> TextChangeResult:
    """The result of a written act, or of one that an idempotency key repeats."""
    events = await context.store.batches.events(saved.target) if saved.target else []
    return TextChangeResult(
        skipped=skipped, events=events, batch=saved.target, hits=saved.counts.get("hits", 0)
    )


def _check(replacement: Replacement) -> None:
    checks = {
        "find": (max_length(_MAX_FIND), allowed_characters),
        "replace": (max_length(_MAX_REPLACE), allowed_characters, no_personal_number),
    }
    texts = {"find": replacement.find, "replace": replacement.replace}
    problems = [
        problem
        for name, text_checks in checks.items()
        for problem in problems_in(texts[name], text_checks, (name,))
    ]
    if not replacement.find:
        problems.append(Problem("BLANK", "Skriv den text som ska ersättas.", ("find",)))
    if problems:
        raise InvalidInput(problems)


async def _require_owner(context: Context, change: TextChange) -> tuple[str, Owner, HeldRole]:
    """The principal, the owner, and the role that allows the change there."""
    principal, owner = await owner_of(context, change.owner)
    clinic = owner.key if owner.key != principal else None
    held = decisions.require_at(context.rights, Permission.EDIT, principal, clinic, ("owner",))
    if change.publish:
        decisions.require_at(context.rights, Permission.PUBLISH, principal, clinic, ("owner",))
    return principal, owner, held


async def _require_known(context: Context, owner: Owner, change: TextChange) -> None:
    """Refuse ids that are not documents of the owner, and documents of unexpected versions."""
    named = {"filter.ids": list(change.which.ids or ()), "expected": list(change.expected or ())}
    for name, ids in named.items():
        if len(ids) > MAX_DOCUMENTS:
            raise InvalidInput.at(
                tuple(name.split(".")), "TOO_MANY", f"Ange högst {MAX_DOCUMENTS} dokument."
            )
    heads = await context.store.documents.get_many([key for ids in named.values() for key in ids])
    refusals: list[RegistryError] = [
        NotFound("Dokumentet finns inte hos ägaren.", (*name.split("."), str(index)))
        for name, ids in named.items()
        for index, document_id in enumerate(ids)
        if document_id not in heads or heads[document_id].owner != owner
    ]
    for document_id, version in (change.expected or {}).items():
        head = heads.get(document_id)
        if head is not None and head.owner == owner and head.latest != version:
            refusals.append(_conflict(head, version))
    if refusals:
        raise MultipleErrors(refusals)


def _conflict(head: Document, expected: int) -> VersionConflict:
    return VersionConflict(
        document=head.id,
        principal=head.principal,
        expected=expected,
        latest=head.latest,
        by=head.author,
        at=head.edited_at,
        path=error_path(head),
    )
