"""Full text search: what the viewer may read, by any of its words."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from resolvers.context import Context
from resolvers.kinds.texts import allowed_characters, at_most
from store.content.diff import texts
from store.content.search_tokens import Sought, words_in
from store.documents.scopes import Visibility
from store.errors import InvalidInput, Path, Problem
from store.mongo.paging import EMPTY, Page, Paging
from store.records import Content, Document

MAX_WORDS = 16
MAX_HITS = 10
_SEARCH_TEXT_CHECKS = (at_most(200), allowed_characters)
_BEFORE, _LONGEST = 80, 300


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of a text, which is one of the words sought or not."""

    text: str
    hit: bool


@dataclass(frozen=True, slots=True)
class Hit:
    """A text in which some of the words stand: its place, the version that it was found in, and a
    stretch of it.
    """

    path: str
    label: str
    version: int
    segments: Sequence[Segment]


def search_text_problems(text: str, path: Path) -> list[Problem]:
    """The problems of a search text: over 200 characters, or with control characters."""
    return [
        Problem(fault.code, fault.message, path)
        for check in _SEARCH_TEXT_CHECKS
        for fault in check(text)
    ]


def sought(text: str) -> Sought:
    """What is looked for, from a text as typed; it is never an operator or a pattern.

    Raises:
        InvalidInput: It is too long, holds control characters, or has too many words.
    """
    if problems := search_text_problems(text, ("text",)):
        raise InvalidInput(problems)
    found = Sought.of(text)
    if len(found.words) > MAX_WORDS:
        raise InvalidInput.at(("text",), "TOO_MANY", f"Sök på högst {MAX_WORDS} ord.")
    return found


async def page(context: Context, wanted: Sought, paging: Paging) -> Page[Document]:
    """A page of the documents that the viewer sees and that hold every word; none for a text
    without words.
    """
    return (
        await context.store.search.page(wanted, context.rights.scope, paging)
        if wanted.words
        else EMPTY
    )


async def count(context: Context, wanted: Sought) -> int:
    """How many there are, whatever the page."""
    return await context.store.search.count(wanted, context.rights.scope) if wanted.words else 0


def hits(context: Context, document: Document, wanted: Sought) -> list[Hit]:
    """Where in a document the words stand, in the content's order, at most ten: in force first,
    then in a newer draft that the viewer sees.
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
        for text in texts(content, kind.fields)
        if (segments := _highlighted(text.text, wanted))
    )
    return list(islice(_unlike(found), MAX_HITS))


def _unlike(found: Iterator[Hit]) -> Iterator[Hit]:
    """A draft's texts that are as in force are not told twice."""
    told = set()
    for hit in found:
        if (what := (hit.path, tuple(hit.segments))) not in told:
            told.add(what)
            yield hit


def _highlighted(text: str, wanted: Sought) -> Sequence[Segment]:
    """A stretch of the text around the first of the words, parted at each; nothing where none
    stands in it.
    """
    places = [(found.start, found.end) for found in words_in(text) if wanted.matches(found.word)]
    if not places:
        return ()
    start, end = _stretch(text, places[0][0])
    segments = []
    at = start
    for first, last in places:
        if last > end:
            break
        segments += [Segment(text[at:first], hit=False), Segment(text[first:last], hit=True)]
        at = last
    segments.append(Segment(text[at:end], hit=False))
    return tuple(segment for segment in segments if segment.text)


def _stretch(text: str, first: int) -> tuple[int, int]:
    """From where to where a text is shown: all of a short one; of a long one from a blank somewhat
    before a place on, to a blank.
    """
    if len(text) <= _LONGEST:
        return 0, len(text)
    start = max(first - _BEFORE, 0)
    if start:
        start = text.find(" ", start, first) + 1 or start
    end = min(start + _LONGEST, len(text))
    if end < len(text):
        end = max(text.rfind(" ", first, end), 0) or end
    return start, end
