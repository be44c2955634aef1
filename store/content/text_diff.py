"""Two texts compared word by word.

Words, white space and punctuation marks are compared; very long changed stretches line by line, so
that the cost stays bounded.
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
"""Of either side, after what both begin and end with is cut off: compared in some 20 ms and 8 MB;
the cost grows with the square.
"""


class SegmentKind(StrEnum):
    """What happened to a stretch of text."""

    SAME = "SAME"
    INSERTED = "INSERTED"
    DELETED = "DELETED"


@dataclass(frozen=True, slots=True)
class TextSegment:
    """A stretch that both texts have, or only the later or the earlier one."""

    kind: SegmentKind
    text: str


def word_segments(before: str, after: str) -> tuple[TextSegment, ...]:
    """Stretches in reading order:

    SAME and DELETED joined give `before`, SAME and INSERTED joined give `after`.
    """
    old, new = _WORDS.findall(before), _WORDS.findall(after)
    start = _common(old, new)
    end = _common(old[start:][::-1], new[start:][::-1])
    middle = _middle(old[start : len(old) - end], new[start : len(new) - end])
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


def _middle(old: Sequence[str], new: Sequence[str]) -> Iterator[tuple[SegmentKind, str]]:
    if max(len(old), len(new)) > _MAX_WORDS:
        old, new = _LINES.findall("".join(old)), _LINES.findall("".join(new))
    gone: list[str] = []
    come: list[str] = []
    for op in LCSseq.opcodes(old, new):
        if op.tag != "equal":
            gone += old[op.src_start : op.src_end]
            come += new[op.dest_start : op.dest_end]
            continue
        yield from _changed(gone, come)
        gone, come = [], []
        yield SegmentKind.SAME, "".join(old[op.src_start : op.src_end])
    yield from _changed(gone, come)


def _changed(gone: Sequence[str], come: Sequence[str]) -> Iterator[tuple[SegmentKind, str]]:
    """What went stands before what came in its place."""
    yield SegmentKind.DELETED, "".join(gone)
    yield SegmentKind.INSERTED, "".join(come)


def _common(one: Sequence[str], other: Sequence[str]) -> int:
    """How many items two sequences begin with in common."""
    count = 0
    for left, right in zip(one, other, strict=False):
        if left != right:
            break
        count += 1
    return count
