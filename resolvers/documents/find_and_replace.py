"""Find and replace in one text, as pure functions.

Both texts are plain text, never patterns. A letter with its accents matches in composed and
decomposed form, and is never split. Addresses stay unchanged: link targets and addresses written in
the text. Placeholders stay unchanged too, unless a whole one is replaced.
"""

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from resolvers.kinds.rich_text import link_targets
from resolvers.pages.placeholders import PLACEHOLDER
from store.content.search_tokens import COMBINING
from store.kinds.kinds import Field

Span = tuple[int, int]
"""The start (inclusive) and end (exclusive) of a part of a text."""

_CLUSTER = re.compile(rf".[{COMBINING}]*", re.DOTALL)
_PLAIN_ADDRESS = re.compile(
    r"(?:(?<![A-Za-z0-9+.-])[A-Za-z][A-Za-z0-9+.-]{0,31}://|\b(?:mailto|tel):|\bwww\.)[^\s<>\"]+"
)
_RICH_ADDRESS = re.compile(
    r"\]\(\s*(?:<[^<>\n]*>|[^\s()]*(?:\([^\s()]*\)[^\s()]*)*)"  # [text](address
    r"|^ {0,3}\[[^\]\n]+\]:\s*\S+"  # [name]: address
    r"|\]\[[^\]\n]*\]",  # [text][name]
    re.MULTILINE,
)


@dataclass(frozen=True, slots=True)
class Replacement:
    """A text to find and the text to put in its place.

    Attributes:
        find: The text to find.
        replace: The new text.
        whole_words: Whether to match whole words only.
        case_sensitive: Whether letters must have the same case.
    """

    find: str
    replace: str
    whole_words: bool = False
    case_sensitive: bool = True

    def pattern(self) -> re.Pattern[str]:
        """The pattern that finds the text; every character matches itself only."""
        inside = rf"[\w{COMBINING}]"
        before = rf"(?<!{inside})" if self.whole_words and re.match(r"\w", self.find) else ""
        after = (
            rf"(?!{inside})"
            if self.whole_words and re.search(rf"\w[{COMBINING}]*\Z", self.find)
            else rf"(?![{COMBINING}])"
        )
        middle = "".join(map(_any_form, _CLUSTER.findall(unicodedata.normalize("NFC", self.find))))
        return re.compile(
            before + middle + after, re.NOFLAG if self.case_sensitive else re.IGNORECASE
        )

    def apply(self, text: str, field: Field) -> tuple[str, int]:
        """The text after the replacement, and the number of replacements."""
        protected = _merged(_addresses(text, rich=field.rich))
        placeholders = [match.span() for match in PLACEHOLDER.finditer(text)]
        parts, position, count = [], 0, 0
        for match in self.pattern().finditer(text):
            start, end = match.span()
            splits_placeholder = any(
                first < start or end < last
                for first, last in _overlapping(placeholders, start, end)
            )
            if splits_placeholder or any(_overlapping(protected, start, end)):
                continue
            parts += [text[position:start], self.replace]
            position = end
            count += 1
        return ("".join([*parts, text[position:]]), count) if count else (text, 0)


def moves_links(before: str, after: str) -> bool:
    """Whether the link and image targets of a Markdown text change."""
    return link_targets(before) != link_targets(after)


def _any_form(cluster: str) -> str:
    """A pattern for a letter with its accents, composed or decomposed."""
    forms = dict.fromkeys(unicodedata.normalize(form, cluster) for form in ("NFC", "NFD"))
    return re.escape(cluster) if len(forms) == 1 else f"(?:{'|'.join(map(re.escape, forms))})"


def _overlapping(spans: Sequence[Span], start: int, end: int) -> Iterator[Span]:
    """The spans, out of disjoint and sorted ones, that overlap the range from start to end."""
    index = bisect_right(spans, start, key=lambda span: span[1])
    while index < len(spans) and spans[index][0] < end:
        yield spans[index]
        index += 1


def _merged(spans: Iterable[Span]) -> list[Span]:
    """The spans in order, with overlapping ones merged."""
    merged: list[Span] = []
    for start, end in sorted(spans):
        if merged and start < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def _addresses(text: str, *, rich: bool) -> Iterator[Span]:
    """The spans of addresses, which must not change."""
    for pattern in (_PLAIN_ADDRESS, _RICH_ADDRESS) if rich else (_PLAIN_ADDRESS,):
        yield from (match.span() for match in pattern.finditer(text))
