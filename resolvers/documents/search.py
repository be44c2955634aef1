"""Full-text search over the documents that the viewer sees."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from resolvers.context import Context
from resolvers.kinds.checks import allowed_characters, max_length, problems_in
from store.content.search_tokens import WordQuery, words_in
from store.content.text_fields import content_texts
from store.documents.scopes import Visibility
from store.errors import InvalidInput, Path, Problem
from store.paging import EMPTY, Page, Paging
from store.records import Content, Document

MAX_WORDS = 16
MAX_HITS = 10
_SEARCH_TEXT_CHECKS = (max_length(200), allowed_characters)
_MAX_CONTEXT_BEFORE = 80
_MAX_EXCERPT = 300


@dataclass(frozen=True, slots=True)
class Segment:
    """A part of a text: a matched word, or the text between matches."""

    text: str
    hit: bool


@dataclass(frozen=True, slots=True)
class Hit:
    """A text that contains matched words.

    Attributes:
        path: The path of the field.
        label: The readable path, in Swedish.
        version: The version that the text belongs to.
        segments: An excerpt of the text; joined, the segments give it back.
    """

    path: str
    label: str
    version: int
    segments: Sequence[Segment]


def search_text_problems(text: str, path: Path) -> list[Problem]:
    """The problems of a search text: over 200 characters, or with control characters."""
    return problems_in(text, _SEARCH_TEXT_CHECKS, path)


def parse_query(text: str) -> WordQuery:
    """Parse a search text; no part of it is an operator or a pattern.

    Raises:
        InvalidInput: It is over 200 characters, contains control characters, or has over 16 words.
    """
    if problems := search_text_problems(text, ("text",)):
        raise InvalidInput(problems)
    query = WordQuery.of(text)
    if len(query.words) > MAX_WORDS:
        raise InvalidInput.at(("text",), "TOO_MANY", f"Sök på högst {MAX_WORDS} ord.")
    return query


async def page(context: Context, query: WordQuery, paging: Paging) -> Page[Document]:
    """A page of the documents that the viewer sees and that contain every word.

    Empty for a query without words.
    """
    return (
        await context.store.search.page(query, context.rights.scope, paging)
        if query.words
        else EMPTY
    )


async def count(context: Context, query: WordQuery) -> int:
    """The number of documents that `page` lists in all."""
    return await context.store.search.count(query, context.rights.scope) if query.words else 0


def hits(context: Context, document: Document, query: WordQuery) -> list[Hit]:
    """The texts of a document that contain matched words, in the content's order, at most ten.

    The published version comes first, then a newer draft if the viewer sees it.
    """
    kind = context.store.kinds[document.kind]
    contents: dict[int, Content] = (
        {} if document.published is None else {document.published: kind.in_force(document)}
    )
    if context.rights.visibility(document) is Visibility.ALL:
        contents[document.latest] = kind.upcast(document.content, document.schema_version)
    found = (
        Hit(text.path, text.label, number, segments)
        for number, content in contents.items()
        for text in content_texts(content, kind.fields)
        if (segments := _excerpt(text.text, query))
    )
    return list(islice(_distinct(found), MAX_HITS))


def _distinct(hits: Iterator[Hit]) -> Iterator[Hit]:
    """Leave out texts of the draft that are the same in the published version."""
    seen = set()
    for hit in hits:
        if (identity := (hit.path, tuple(hit.segments))) not in seen:
            seen.add(identity)
            yield hit


def _excerpt(text: str, query: WordQuery) -> Sequence[Segment]:
    """An excerpt around the first matched word, split at each match; empty without a match."""
    matches = [(found.start, found.end) for found in words_in(text) if query.matches(found.word)]
    if not matches:
        return ()
    start, end = _excerpt_range(text, matches[0][0])
    segments = []
    position = start
    for first, last in matches:
        if last > end:
            break
        segments += [Segment(text[position:first], hit=False), Segment(text[first:last], hit=True)]
        position = last
    segments.append(Segment(text[position:end], hit=False))
    return tuple(segment for segment in segments if segment.text)


def _excerpt_range(text: str, first: int) -> tuple[int, int]:
    """The range of a text to show around a position.

    A short text is shown whole. A long one is cut at spaces: at most 80 characters before the
    position, and at most 300 in all.
    """
    if len(text) <= _MAX_EXCERPT:
        return 0, len(text)
    start = max(first - _MAX_CONTEXT_BEFORE, 0)
    if start:
        start = text.find(" ", start, first) + 1 or start
    end = min(start + _MAX_EXCERPT, len(text))
    if end < len(text):
        end = max(text.rfind(" ", first, end), 0) or end
    return start, end
