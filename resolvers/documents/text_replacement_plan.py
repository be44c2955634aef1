"""Plans of text changes: what a text change would do to each document of an owner.

Nothing here writes.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from resolvers.context import Context
from resolvers.documents import open_page_links
from resolvers.documents.find_and_replace import Replacement, moves_links
from resolvers.kinds.validation import validate
from store.content import diff
from store.content.content_path import parse_path
from store.content.diff import Change
from store.content.text_fields import content_texts, rewritten
from store.documents.batches import OwnedFilter, error_path
from store.errors import InvalidInput, Problem
from store.kinds.kinds import Field
from store.records import Content, Document, Owner

MAX_DOCUMENTS = 500


class SkipReason(StrEnum):
    """Why a document that contains the text is not changed."""

    DRAFT_AHEAD = "DRAFT_AHEAD"


@dataclass(frozen=True, slots=True)
class TextChange:
    """A requested text change.

    Attributes:
        replacement: The text to find and the one to put in its place.
        owner: The HSA-id of the owner of the documents.
        which: Which of the owner's documents.
        publish: Whether to publish the new version where the newest version was published.
        expected: If set, only these documents change; the version that each must have, by id.
    """

    replacement: Replacement
    owner: str
    which: OwnedFilter
    publish: bool
    expected: Mapping[str, int] | None = None


@dataclass(frozen=True, slots=True)
class PlannedChange:
    """The effect of a text change on one document.

    Attributes:
        document: The document as it is now.
        content: Its next content; the current one where it is skipped.
        changes: How its newest content would change.
        hits: The number of replacements.
        publish: Whether the new version is published.
        problems: The rules that the new content breaks.
        skipped: Why the document is not changed; None if it is.
    """

    document: Document
    content: Content
    changes: Sequence[Change]
    hits: int
    publish: bool
    problems: Sequence[Problem] = ()
    skipped: SkipReason | None = None


async def plan(
    context: Context, principal: str, owner: Owner, change: TextChange
) -> AsyncIterator[PlannedChange]:
    """Yield the planned change of each document that contains the text, by id.

    Raises:
        InvalidInput: More than 500 documents contain the text.
    """
    after, count = "", 0
    while documents := await context.store.batches.owned(principal, owner, change.which, after):
        after = documents[-1].id
        for document in documents:
            if change.expected is not None and document.id not in change.expected:
                continue
            planned = await _planned(context, document, change)
            # Reading and checking hundreds of texts takes seconds: yield to the event loop.
            await asyncio.sleep(0)
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


async def _planned(
    context: Context, document: Document, change: TextChange
) -> PlannedChange | None:
    """The planned change of a document; None where it does not contain the text."""
    kind = context.store.kinds[document.kind]
    newest = kind.upcast(document.content, document.schema_version)
    content, hits = _apply(newest, kind.fields, change.replacement)
    ahead = document.published is not None and document.published != document.latest
    if change.publish and ahead:
        _, published_hits = _apply(kind.in_force(document), kind.fields, change.replacement)
        if not hits and not published_hits:
            return None
        return PlannedChange(
            document,
            newest,
            diff.diff(newest, content, kind.fields),
            max(hits, published_hits),
            publish=False,
            skipped=SkipReason.DRAFT_AHEAD,
        )
    changes = diff.diff(newest, content, kind.fields)
    if not changes:
        return None
    publish = change.publish and document.published is not None
    problems = _moved_links(document, content, kind.fields, changes)
    try:
        validate(kind, content, (*error_path(document), "content"))
    except InvalidInput as refusal:
        problems += refusal.problems
    if publish:
        problems += await open_page_links.problems_at(
            context,
            document.principal,
            content.get("links", ()),
            (*error_path(document), "content"),
        )
    return PlannedChange(document, content, changes, hits, publish, problems)


def _apply(
    content: Content, fields: Mapping[str, Field], replacement: Replacement
) -> tuple[Content, int]:
    """The content after the replacement, and the number of replacements."""
    count = 0

    def rewrite(text: str, field: Field) -> str:
        nonlocal count
        text, hits = replacement.apply(text, field)
        count += hits
        return text

    return rewritten(content, fields, rewrite), count


def _moved_links(
    document: Document, after: Content, fields: Mapping[str, Field], changes: Sequence[Change]
) -> list[Problem]:
    """Problems for rich texts whose link targets would change: only text may be replaced."""
    rich_paths = {text.path for text in content_texts(after, fields) if text.field.rich}
    return [
        Problem(
            "LINK_CHANGED",
            "Ändringen skulle flytta eller bryta en länk i texten.",
            (*error_path(document), "content", *_indexed(after, change.path)),
        )
        for change in changes
        if change.path in rich_paths
        and isinstance(change.before, str)
        and moves_links(change.before, change.after)
    ]


def _indexed(content: Content, path: str) -> list[str]:
    """A change's path in the form of error paths, with list items by index."""
    steps: list[str] = []
    value: Any = content
    for step in parse_path(path):
        steps.append(step.field)
        value = value[step.field]
        if step.key is not None:
            index = next(index for index, item in enumerate(value) if item["key"] == step.key)
            steps.append(str(index))
            value = value[index]
    return steps
