"""Finding and replacing in one text: plain text in both places, never a pattern. No input or output
here.

A letter and its accent are the same composed or not, and are never parted. Addresses are left
alone: where a link leads, and every address written
out. So are placeholders, unless all of one is replaced.
"""

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from resolvers.kinds.texts import addresses
from resolvers.pages.placeholders import PLACEHOLDER
from store.content.search_tokens import COMBINING
from store.kinds.kinds import Field

Span = tuple[int, int]
"""From where to where in a text."""

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
class Replacing:
    """What is replaced by what; in whole words only, or in parts of words too; in this case of
    letters only, or in any.
    """

    find: str
    replace: str
    whole_words: bool = False
    case_sensitive: bool = True

    def pattern(self) -> re.Pattern[str]:
        """What finds it: every character stands for itself."""
        inside = rf"[\w{COMBINING}]"
        before = rf"(?<!{inside})" if self.whole_words and re.match(r"\w", self.find) else ""
        after = (
            rf"(?!{inside})"
            if self.whole_words and re.search(rf"\w[{COMBINING}]*\Z", self.find)
            else rf"(?![{COMBINING}])"
        )
        middle = "".join(map(_either, _CLUSTER.findall(unicodedata.normalize("NFC", self.find))))
        return re.compile(
            before + middle + after, re.NOFLAG if self.case_sensitive else re.IGNORECASE
        )

    def within(self, text: str, field: Field) -> tuple[str, int]:
        """The text after the replacement, and in how many places it was made."""
        kept = _apart(_kept(text, rich=field.rich))
        placeholders = [match.span() for match in PLACEHOLDER.finditer(text)]
        pieces, at, count = [], 0, 0
        for match in self.pattern().finditer(text):
            start, end = match.span()
            cut = any(
                first < start or end < last
                for first, last in _overlapping(placeholders, start, end)
            )
            if cut or any(_overlapping(kept, start, end)):
                continue
            pieces += [text[at:start], self.replace]
            at = end
            count += 1
        return ("".join([*pieces, text[at:]]), count) if count else (text, 0)


def moves_links(before: str, after: str) -> bool:
    """Whether the links of a Markdown text lead elsewhere than they did, or are others."""
    return addresses(before) != addresses(after)


def _either(cluster: str) -> str:
    """A letter with its accents, composed or not."""
    forms = dict.fromkeys(unicodedata.normalize(form, cluster) for form in ("NFC", "NFD"))
    return re.escape(cluster) if len(forms) == 1 else f"(?:{'|'.join(map(re.escape, forms))})"


def _overlapping(spans: Sequence[Span], start: int, end: int) -> Iterator[Span]:
    """Those of some stretches, apart and in order, that a stretch has something of."""
    place = bisect_right(spans, start, key=lambda span: span[1])
    while place < len(spans) and spans[place][0] < end:
        yield spans[place]
        place += 1


def _apart(spans: Iterable[Span]) -> list[Span]:
    """Stretches in order, those that overlap made one."""
    found: list[Span] = []
    for start, end in sorted(spans):
        if found and start < found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((start, end))
    return found


def _kept(text: str, *, rich: bool) -> Iterator[Span]:
    """The stretches that are no prose."""
    for pattern in (_PLAIN_ADDRESS, _RICH_ADDRESS) if rich else (_PLAIN_ADDRESS,):
        yield from (match.span() for match in pattern.finditer(text))
