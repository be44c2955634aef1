"""Two texts compared word by word.

Words, white space and punctuation marks are compared. Very long changed sections are compared line
by line, to limit the cost.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby

from rapidfuzz.distance import LCSseq

_WORDS = re.compile(r"\w+|\s+|[^\w\s]")
_LINES = re.compile(r"[^\n]*\n|[^\n]+")
_MAX_WORDS = 8_000
"""Limit for either text, without the start and end that both share.

Comparing that many words takes some 20 ms and 8 MB; the cost grows with the square.
"""


class SegmentKind(StrEnum):
    """Whether a text segment was kept, inserted or deleted."""

    SAME = "SAME"
    INSERTED = "INSERTED"
    DELETED = "DELETED"


@dataclass(frozen=True, slots=True)
class TextSegment:
    """A segment that both texts have, or only the earlier or only the later one."""

    kind: SegmentKind
    text: str


def word_segments(before: str, after: str) -> tuple[TextSegment, ...]:
    """Compare two texts, and return their segments in reading order.

    SAME and DELETED segments joined give `before`; SAME and INSERTED segments joined give `after`.
    """
    old, new = _WORDS.findall(before), _WORDS.findall(after)
    start = _common_prefix(old, new)
    end = _common_prefix(old[start:][::-1], new[start:][::-1])
    middle = _compare(old[start : len(old) - end], new[start : len(new) - end])
    pieces = [
        (SegmentKind.SAME, "".join(old[:start])),
        *middle,
        (SegmentKind.SAME, "".join(old[len(old) - end :])),
    ]
    merged = (
        TextSegment(kind, "".join(text for _, text in group))
        for kind, group in groupby((piece for piece in pieces if piece[1]), lambda p: p[0])
    )
    return tuple(merged)


def _compare(old: Sequence[str], new: Sequence[str]) -> Iterator[tuple[SegmentKind, str]]:
    if max(len(old), len(new)) > _MAX_WORDS:
        old, new = _LINES.findall("".join(old)), _LINES.findall("".join(new))
    deleted: list[str] = []
    inserted: list[str] = []
    for op in LCSseq.opcodes(old, new):
        if op.tag != "equal":
            deleted += old[op.src_start : op.src_end]
            inserted += new[op.dest_start : op.dest_end]
            continue
        yield from _replacement(deleted, inserted)
        deleted, inserted = [], []
        yield SegmentKind.SAME, "".join(old[op.src_start : op.src_end])
    yield from _replacement(deleted, inserted)


def _replacement(
    deleted: Sequence[str], inserted: Sequence[str]
) -> Iterator[tuple[SegmentKind, str]]:
    """Yield deleted words before the words inserted in their place."""
    yield SegmentKind.DELETED, "".join(deleted)
    yield SegmentKind.INSERTED, "".join(inserted)


def _common_prefix(left: Sequence[str], right: Sequence[str]) -> int:
    """The number of items at the start that two sequences have in common."""
    count = 0
    for left_item, right_item in zip(left, right, strict=False):
        if left_item != right_item:
            break
        count += 1
    return count
