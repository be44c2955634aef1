"""Temporary."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from store.kinds import Field
from store.records import Content


class ChangeKind(StrEnum):
    ADDED = "ADDED"
    REMOVED = "REMOVED"
    CHANGED = "CHANGED"
    MOVED = "MOVED"


class SegmentKind(StrEnum):
    SAME = "SAME"
    INSERTED = "INSERTED"
    DELETED = "DELETED"


@dataclass(frozen=True, slots=True)
class TextSegment:
    kind: SegmentKind
    text: str


@dataclass(frozen=True, slots=True)
class Change:
    kind: ChangeKind
    path: str
    label: str
    before: Any
    after: Any
    resident_visible: bool
    text: tuple[TextSegment, ...] | None
    position: int | None


def diff(before: Content, after: Content, fields: Mapping[str, Field]) -> list[Change]:
    return [
        Change(ChangeKind.CHANGED, n, f.title, before.get(n), after.get(n), f.resident_visible, None, None)
        for n, f in fields.items()
        if before.get(n) != after.get(n)
    ]


def resident_visible(changes: Iterable[Change]) -> bool:
    return any(c.resident_visible for c in changes)
