"""One text change over all documents of an owner: looked at first, written as one act, and undone
as one.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum, auto
from typing import Any

from resolvers.access import decisions
from resolvers.access.permissions import Permission
from resolvers.access.rights import HeldRole
from resolvers.context import Context
from resolvers.documents import open_page_links
from resolvers.documents.find_and_replace import Replacing, moves_links
from resolvers.documents.owners import owner_of
from resolvers.kinds.texts import allowed_characters, at_most, no_personal_number
from resolvers.kinds.validation import MAX_PROBLEMS, validate
from store.content import diff
from store.content.diff import Change
from store.content.text_fields import rewritten
from store.documents.batches import NewContent, OwnedFilter, place
from store.errors import (
    InvalidInput,
    MultipleErrors,
    NotFound,
    Problem,
    RegistryError,
    VersionConflict,
)
from store.kinds.kinds import Field
from store.mongo.transactions import IdempotencyKey
from store.records import Action, Content, Document, Event, Owner, Saved

MAX_DOCUMENTS = 500
_MAX_CHARACTERS = 200
_MAX_REPLACEMENT = 2_000


class SkipReason(StrEnum):
    """Why a document with hits is left as it is."""

    @staticmethod
    def _generate_next_value_(name: str, start: int, count: int, last_values: list[str]) -> str:  # noqa: ARG004 - enum's protocol
        return name

    DRAFT_AHEAD = auto()


@dataclass(frozen=True, slots=True)
class Planned:
    """What would become of a document: the next content and how it differs, what rules that breaks;
    or why it is left as it is.
    """

    document: Document
    content: Content
    changes: Sequence[Change]
    hits: int
    publish: bool
    problems: Sequence[Problem] = ()
    skipped: SkipReason | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """A text change: what, in whose documents, in which of them; `expected` are the only ones, at
    the version that each must have.
    """

    replacing: Replacing
    owner: str
    which: OwnedFilter
    publish: bool
    expected: Mapping[str, int] | None = None


@dataclass(frozen=True, slots=True)
class Replaced:
    """What a text change came to: the plan, if nothing was written; else the events, one for each
    document.
    """

    planned: Sequence[Planned] = ()
    skipped: Sequence[Planned] = ()
    events: Sequence[Event] = ()
    batch: str | None = None
    hits: int = 0


async def replace(
    context: Context, wanted: Wanted, *, dry_run: bool, note: str | None, key: IdempotencyKey | None
) -> Replaced:
    """Replace a text in all documents of an owner that hold it, or only tell what that would
    change.

    With `publish`, what was in force is followed by what is in force. A document whose newest
    version is a draft ahead of what is in force is then
    left as it is and told as skipped: its draft is somebody's unfinished work. One that was never
    published gets a draft, either way.

    Raises:
        NotFound: There is no such owner, or no such document of it.
        NotPermitted: The viewer may not edit, or publish, there.
        InvalidInput: The texts can't be used; or too many documents hold the text; or a content
            would break a rule, with document and path.
        MultipleErrors: Documents have other versions than expected, or were changed meanwhile. Nothing was
            written.
    """
    _check(wanted.replacing)
    principal, owner, held = await _owner(context, wanted)
    act = context.act(held, note)
    if (first := await context.store.log.repeated(key)) is not None:
        return await _written(context, first, ())
    await _require_known(context, owner, wanted)
    planned = [one async for one in _plan(context, principal, owner, wanted)]
    changed = [one for one in planned if one.skipped is None]
    skipped = [one for one in planned if one.skipped is not None]
    hits = sum(one.hits for one in changed)
    if dry_run:
        return Replaced(changed, skipped, hits=hits)
    problems = [problem for one in changed for problem in one.problems]
    if problems:
        raise InvalidInput(problems[:MAX_PROBLEMS])
    contents = [
        NewContent(
            one.document,
            one.content,
            latest=one.document.latest,
            published=one.document.published,
            publish=one.publish,
            derived_from=one.document.derived_from,
        )
        for one in changed
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
    return await _written(context, saved, skipped)


async def undo(
    context: Context, batch: str, *, note: str | None, key: IdempotencyKey | None
) -> Replaced:
    """Write what documents held before an act on several of them: all, or none if any was edited or
    published since.

    Raises:
        NotFound: There is no such act, or the viewer may not know of its documents.
        NotPermitted: The viewer may not edit, or publish, them.
        MultipleErrors: Some were edited since, or archived, or another version was published; each one is
            named. Nothing was written.
        InvalidInput: What would be in force again breaks a policy.
    """
    events = await context.store.batches.events(batch)
    found = await context.loaders.documents.load_many([event.document or "" for event in events])
    try:
        documents = [
            decisions.require(context.rights, Permission.EDIT, document, ("batch",))
            for document in found
        ]
    except NotFound:  # told as an act that does not exist
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
        return await _written(context, first, ())
    contents = [
        await _before(context, event, document, publish=publish)
        for event, (document, _), publish in zip(events, documents, published, strict=True)
    ]
    problems = [
        problem
        for one in contents
        if one.publish
        for problem in await open_page_links.problems_at(
            context,
            newest.principal,
            one.content.get("links", ()),
            (*place(one.document), "content"),
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
    return await _written(context, saved, ())


async def _before(
    context: Context, event: Event, document: Document, *, publish: bool
) -> NewContent:
    """What a document held before an act on it."""
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


async def _written(context: Context, saved: Saved, skipped: Sequence[Planned]) -> Replaced:
    events = await context.store.batches.events(saved.target) if saved.target else []
    return Replaced(
        skipped=skipped, events=events, batch=saved.target, hits=saved.counts.get("hits", 0)
    )


# -------------------------------------------------------------------- checking


def _check(replacing: Replacing) -> None:
    checks = {
        "find": (at_most(_MAX_CHARACTERS), allowed_characters),
        "replace": (at_most(_MAX_REPLACEMENT), allowed_characters, no_personal_number),
    }
    texts = {"find": replacing.find, "replace": replacing.replace}
    problems = [
        Problem(fault.code, fault.message, (name,))
        for name, some in checks.items()
        for check in some
        for fault in check(texts[name])
    ]
    if not replacing.find:
        problems.append(Problem("BLANK", "Skriv den text som ska ersättas.", ("find",)))
    if problems:
        raise InvalidInput(problems)


async def _owner(context: Context, wanted: Wanted) -> tuple[str, Owner, HeldRole]:
    principal, owner = await owner_of(context, wanted.owner)
    clinic = owner.key if owner.key != principal else None
    held = decisions.require_at(context.rights, Permission.EDIT, principal, clinic, ("owner",))
    if wanted.publish:
        decisions.require_at(context.rights, Permission.PUBLISH, principal, clinic, ("owner",))
    return principal, owner, held


async def _require_known(context: Context, owner: Owner, wanted: Wanted) -> None:
    """Refuse ids that are no documents of the owner, and those of other versions than expected."""
    named = {"filter.ids": list(wanted.which.ids or ()), "expected": list(wanted.expected or ())}
    for name, ids in named.items():
        if len(ids) > MAX_DOCUMENTS:
            raise InvalidInput.at(
                tuple(name.split(".")), "TOO_MANY", f"Ange högst {MAX_DOCUMENTS} dokument."
            )
    heads = await context.store.documents.get_many([one for ids in named.values() for one in ids])
    refusals: list[RegistryError] = [
        NotFound("Dokumentet finns inte hos ägaren.", (*name.split("."), str(index)))
        for name, ids in named.items()
        for index, one in enumerate(ids)
        if one not in heads or heads[one].owner != owner
    ]
    for one, version in (wanted.expected or {}).items():
        head = heads.get(one)
        if head is not None and head.owner == owner and head.latest != version:
            refusals.append(
                VersionConflict(
                    document=one,
                    principal=head.principal,
                    expected=version,
                    latest=head.latest,
                    by=head.author,
                    at=head.edited_at,
                    path=place(head),
                )
            )
    if refusals:
        raise MultipleErrors(refusals)


# -------------------------------------------------------------------- planning


async def _plan(
    context: Context, principal: str, owner: Owner, wanted: Wanted
) -> AsyncIterator[Planned]:
    """What would become of each document that holds the text, by id."""
    after, count = "", 0
    while documents := await context.store.batches.owned(principal, owner, wanted.which, after):
        after = documents[-1].id
        for document in documents:
            if wanted.expected is not None and document.id not in wanted.expected:
                continue
            planned = await _planned(context, document, wanted)
            await asyncio.sleep(
                0
            )  # reading and checking hundreds of texts takes seconds: others get their turn
            if planned is None:
                continue
            count += 1
            if count > MAX_DOCUMENTS:
                message = (
                    f"Mer än {MAX_DOCUMENTS} dokument innehåller texten. Gör ändringen i flera"
                    " steg: avgränsa med filter."
                )
                raise InvalidInput.at(("filter",), "TOO_MANY", message)
            yield planned


async def _planned(context: Context, document: Document, wanted: Wanted) -> Planned | None:
    kind = context.store.kinds[document.kind]
    newest = kind.upcast(document.content, document.schema_version)
    content, hits = _replaced(newest, kind.fields, wanted.replacing)
    ahead = document.published is not None and document.published != document.latest
    if wanted.publish and ahead:
        _, in_force = _replaced(kind.in_force(document), kind.fields, wanted.replacing)
        if not hits and not in_force:
            return None
        return Planned(
            document,
            newest,
            diff.diff(newest, content, kind.fields),
            max(hits, in_force),
            publish=False,
            skipped=SkipReason.DRAFT_AHEAD,
        )
    changes = diff.diff(newest, content, kind.fields)
    if not changes:
        return None
    publish = wanted.publish and document.published is not None
    problems = _moved_links(document, content, kind.fields, changes)
    try:
        validate(kind, content, (*place(document), "content"))
    except InvalidInput as refusal:
        problems += refusal.problems
    if publish:
        problems += await open_page_links.problems_at(
            context, document.principal, content.get("links", ()), (*place(document), "content")
        )
    return Planned(document, content, changes, hits, publish, problems)


def _replaced(
    content: Content, fields: Mapping[str, Field], replacing: Replacing
) -> tuple[Content, int]:
    count = 0

    def rewrite(text: str, field: Field) -> str:
        nonlocal count
        text, made = replacing.within(text, field)
        count += made
        return text

    return rewritten(content, fields, rewrite), count


def _moved_links(
    document: Document, after: Content, fields: Mapping[str, Field], changes: Sequence[Change]
) -> list[Problem]:
    """Links that would lead elsewhere: what is replaced is text."""
    rich = {text.path for text in diff.texts(after, fields) if text.field.rich}
    return [
        Problem(
            "LINK_CHANGED",
            "Ändringen skulle flytta eller bryta en länk i texten.",
            (*place(document), "content", *_indexed(after, change.path)),
        )
        for change in changes
        if change.path in rich
        and isinstance(change.before, str)
        and moves_links(change.before, change.after)
    ]


def _indexed(content: Content, path: str) -> list[str]:
    """A change's path as errors have it: list items by their index."""
    steps: list[str] = []
    value: Any = content
    for step in diff.parse_path(path):
        steps.append(step.field)
        value = value[step.field]
        if step.key is not None:
            index = next(index for index, item in enumerate(value) if item["key"] == step.key)
            steps.append(str(index))
            value = value[index]
    return steps
