"""Search tokens: folded and stemmed words, stored in a document's head as an indexed list.

A token is a word, or `=` and the stem of a word. The prefix `@` marks a word of the document's
name. The prefix `!` before that marks a word of a draft that is newer than the published version.
No word starts with one of these signs, and a searched text never becomes an operator or a pattern.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from typing import Any, NamedTuple

from bson import Regex
from snowballstemmer.swedish_stemmer import SwedishStemmer

from store.clinics.filters import folded
from store.content.text_fields import plain_texts
from store.kinds.kinds import Kind
from store.records import Content

COMBINING = "\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f"
"""Combining marks, which belong to the letter before them, as a part of a character class."""

MAX_WORDS = 5_000
"""Limit for the distinct words of one content that are indexed; the first ones are."""
_MAX_WORD_LENGTH = 64

_INVISIBLE = "\u00ad\u200b-\u200d\u2060\ufeff"  # soft hyphens and the like, which split no word
_WORD = re.compile(rf"[^\W_](?:[^\W_]|[{COMBINING}{_INVISIBLE}])*")
_INVISIBLE_CHARACTER = re.compile(f"[{_INVISIBLE}]")
_DRAFT, _NAME, _STEM = "!", "@", "="
_LAST = "\U0010ffff"
_stemmer = SwedishStemmer()


class Word(NamedTuple):
    """A normalised word: without case and foreign accents, at most 64 characters; and its stem."""

    folded: str
    stem: str


@dataclass(frozen=True, slots=True)
class WordPosition:
    """A word and its character positions in a text."""

    start: int
    end: int
    word: Word


def words_in(text: str) -> Iterator[WordPosition]:
    """Iterate over the words of a text, in order.

    Composed and decomposed letters are read alike; a hyphen separates words.
    """
    for match in _WORD.finditer(text):
        yield WordPosition(match.start(), match.end(), _normalise(match[0]))


@lru_cache(maxsize=32_768)
def _normalise(written: str) -> Word:
    word = folded(_INVISIBLE_CHARACTER.sub("", written))[:_MAX_WORD_LENGTH]
    return Word(word, _stemmer.stemWord(word))


def _stems_of(text: str) -> Mapping[str, str]:
    """The stem of each distinct word, in the order of the words."""
    return {found.word.folded: found.word.stem for found in words_in(text)}


_cached_stems = lru_cache(maxsize=4_096)(_stems_of)


def _stems(text: str) -> Mapping[str, str]:
    # Most texts of a content are unchanged since the version before, so short ones are cached.
    return _cached_stems(text) if len(text) <= 5_000 else _stems_of(text)


# ------------------------------------------------------------------ indexing


def tokens_of(kind: Kind, newest: Content, published: Content | None) -> list[str]:
    """Return the search tokens of a document: of the published content, and of a newer draft.

    Args:
        kind: Of the document.
        newest: The newest content, in the current schema version.
        published: The published content, in the current schema version; the same object as `newest`
            if the newest version is published; None while nothing is published.
    """
    if published is None:
        return _tokens(kind, newest, _DRAFT)
    return [
        *_tokens(kind, published, ""),
        *([] if newest is published else _tokens(kind, newest, _DRAFT)),
    ]


def _tokens(kind: Kind, content: Content, prefix: str) -> list[str]:
    stems: dict[str, str] = {}
    for text in plain_texts(content, kind.fields):
        stems.update(_stems(text))
        if len(stems) > MAX_WORDS:
            break
    indexed = dict(islice(stems.items(), MAX_WORDS))
    # A name that is not part of the content, such as an adaptation's, is not indexed.
    names = {word for name in kind.names(content) for word in _stems(name)}
    tokens = [
        token for word, stem in indexed.items() for token in (prefix + word, prefix + _STEM + stem)
    ]
    tokens += [
        token
        for word, stem in indexed.items()
        if word in names
        for token in (f"{prefix}{_NAME}{word}", f"{prefix}{_NAME}{_STEM}{stem}")
    ]
    return list(dict.fromkeys(tokens))


# ------------------------------------------------------------------ searching


@dataclass(frozen=True, slots=True)
class WordQuery:
    """A search for documents that have every word, in any inflection.

    The last word also matches words that start with it.
    """

    words: Sequence[Word]

    @classmethod
    def of(cls, text: str) -> "WordQuery":
        """Read a query from a text as typed. Characters that form no word are ignored."""
        words = [found.word for found in words_in(text)]
        return cls([*dict.fromkeys(word for word in words[:-1] if word != words[-1]), *words[-1:]])

    def matches(self, word: Word) -> bool:
        """Whether a word matches one of the words of the query."""
        return any(word.stem == wanted.stem for wanted in self.words) or (
            bool(self.words) and word.folded.startswith(self.words[-1].folded)
        )

    def index_conditions(self, *, drafts: bool, in_names: bool) -> list[dict[str, Any]]:
        """Return MongoDB conditions for a look-up in the index of the tokens, one for each word.

        Args:
            drafts: Whether a word may also be in the newest draft.
            in_names: Whether a word must be in the name.
        """
        conditions: list[dict[str, Any]] = []
        for prefixes, stems in self._tokens(drafts=drafts, in_names=in_names):
            patterns = [Regex("^" + re.escape(prefix)) for prefix in prefixes]
            conditions.append({"tokens": {"$in": [*stems, *patterns]}})
        return conditions

    def document_conditions(self, *, drafts: bool, in_names: bool) -> list[dict[str, Any]]:
        """Return the conditions of `index_conditions` in a form that is faster without the index.

        On a document that has been read, a comparison costs a tenth of a pattern.
        """
        conditions: list[dict[str, Any]] = []
        for prefixes, stems in self._tokens(drafts=drafts, in_names=in_names):
            ranges = [
                {"tokens": {"$elemMatch": {"$gte": prefix, "$lt": prefix + _LAST}}}
                for prefix in prefixes
            ]
            conditions.append({"$or": [{"tokens": {"$in": stems}}, *ranges]})
        return conditions

    def _tokens(self, *, drafts: bool, in_names: bool) -> Iterator[tuple[list[str], list[str]]]:
        """Yield for each word the token prefixes (last word only) and tokens that match it."""
        name = _NAME if in_names else ""
        marks = [draft + name for draft in (("", _DRAFT) if drafts else ("",))]
        for number, word in enumerate(self.words, 1):
            yield (
                [mark + word.folded for mark in marks if number == len(self.words)],
                [mark + _STEM + word.stem for mark in marks],
            )
