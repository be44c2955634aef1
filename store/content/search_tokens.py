"""The words that documents are found by: folded, stemmed, and kept in the head as an indexed list
of tokens.

A token is a word, or `=` and a word's stem. Before it stands `@` where the word is one of the
document's name, and before that `!` where it stands
in the newest draft and not in what is in force. No word begins with one of these signs, and no text
ever becomes an operator or a pattern.
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
"""Marks that belong to the letter before them, as a part of a character class."""

MAX_WORDS = 5_000
"""Distinct words of one content that it is found by: the first ones."""
_LONGEST = 64

_UNSEEN = "\u00ad\u200b-\u200d\u2060\ufeff"  # soft hyphens and the like, which split no word
_WORD = re.compile(rf"[^\W_](?:[^\W_]|[{COMBINING}{_UNSEEN}])*")
_NOTHING = re.compile(f"[{_UNSEEN}]")
_DRAFT, _NAME, _STEM = "!", "@", "="
_LAST = "\U0010ffff"
_stemmer = SwedishStemmer()


class Word(NamedTuple):
    """A word as it is found by: without case and foreign accents, cut to 64 characters; and its
    Swedish stem.
    """

    folded: str
    stem: str


@dataclass(frozen=True, slots=True)
class Found:
    """A word and where it stands in a text."""

    start: int
    end: int
    word: Word


def words_in(text: str) -> Iterator[Found]:
    """The words of a text, in order.

    A letter and its accent are read alike, composed or not; hyphens part words.
    """
    for match in _WORD.finditer(text):
        yield Found(match.start(), match.end(), _read(match[0]))


@lru_cache(maxsize=32_768)
def _read(written: str) -> Word:
    word = folded(_NOTHING.sub("", written))[:_LONGEST]
    return Word(word, _stemmer.stemWord(word))


@lru_cache(maxsize=4_096)
def _stems_of_short(text: str) -> Mapping[str, str]:
    return _stems_of(text)


def _stems_of(text: str) -> Mapping[str, str]:
    """The stem of each distinct word, in their order."""
    return {found.word.folded: found.word.stem for found in words_in(text)}


def _stems(text: str) -> Mapping[str, str]:
    # Most texts of a content are those of the version before.
    return _stems_of_short(text) if len(text) <= 5_000 else _stems_of(text)


# ------------------------------------------------------------------ what is kept


def tokens_of(kind: Kind, newest: Content, in_force: Content | None) -> list[str]:
    """What a document is found by: its content in force, and its newest draft where that is
    another.

    Args:
        kind: Of the document.
        newest: The newest content.
        in_force: The content in force, the same object where that is the newest; None while nothing
            is. Both in today's shape.
    """
    if in_force is None:
        return _tokens(kind, newest, _DRAFT)
    return [
        *_tokens(kind, in_force, ""),
        *([] if newest is in_force else _tokens(kind, newest, _DRAFT)),
    ]


def _tokens(kind: Kind, content: Content, side: str) -> list[str]:
    stems: dict[str, str] = {}
    for text in plain_texts(content, kind.fields):
        stems.update(_stems(text))
        if len(stems) > MAX_WORDS:
            break
    kept = dict(islice(stems.items(), MAX_WORDS))
    # A name that is no part of the content, as an adaptation's, is nothing to find it by.
    names = {word for name in kind.names(content) for word in _stems(name)}
    tokens = [token for word, stem in kept.items() for token in (side + word, side + _STEM + stem)]
    tokens += [
        token
        for word, stem in kept.items()
        if word in names
        for token in (f"{side}{_NAME}{word}", f"{side}{_NAME}{_STEM}{stem}")
    ]
    return list(dict.fromkeys(tokens))


# ------------------------------------------------------------------ what is looked for


@dataclass(frozen=True, slots=True)
class Sought:
    """What someone looks for: every word, in any form of it; of the last one also what begins with
    it.
    """

    words: Sequence[Word]

    @classmethod
    def of(cls, text: str) -> "Sought":
        """From a text as typed. All that is no word is left aside."""
        words = [found.word for found in words_in(text)]
        return cls([*dict.fromkeys(word for word in words[:-1] if word != words[-1]), *words[-1:]])

    def matches(self, word: Word) -> bool:
        """Whether a word is one of those sought."""
        return any(word.stem == one.stem for one in self.words) or (
            bool(self.words) and word.folded.startswith(self.words[-1].folded)
        )

    def lookups(self, *, drafts: bool, in_names: bool) -> list[dict[str, Any]]:
        """For each word what finds it in an index of the tokens; with `drafts`, it may stand in the
        newest draft too.
        """
        conditions: list[dict[str, Any]] = []
        for start, stems in self._starts(drafts=drafts, in_names=in_names):
            begun = [Regex("^" + re.escape(one)) for one in start]
            conditions.append({"tokens": {"$in": [*stems, *begun]}})
        return conditions

    def where(self, *, drafts: bool, in_names: bool) -> list[dict[str, Any]]:
        """The same as conditions on a document in hand, where a comparison costs a tenth of a
        pattern.
        """
        conditions: list[dict[str, Any]] = []
        for start, stems in self._starts(drafts=drafts, in_names=in_names):
            begun = [{"tokens": {"$elemMatch": {"$gte": one, "$lt": one + _LAST}}} for one in start]
            conditions.append({"$or": [{"tokens": {"$in": stems}}, *begun]})
        return conditions

    def _starts(self, *, drafts: bool, in_names: bool) -> Iterator[tuple[list[str], list[str]]]:
        """For each word what its token may begin with (the last word's only), and what it may be."""
        sides = [side + (_NAME if in_names else "") for side in (("", _DRAFT) if drafts else ("",))]
        for place, word in enumerate(self.words, 1):
            yield (
                [side + word.folded for side in sides if place == len(self.words)],
                [side + _STEM + word.stem for side in sides],
            )
