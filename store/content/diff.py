"""The changes between two contents: computed, never stored.

List items are matched by key, so a move is reported as a move, not as a removal and an addition. A
new order is reported with the fewest possible moves. `store.content.patch.apply` is the inverse.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from store.content.content_path import ContentPath
from store.content.json_values import is_keyed, item_label, json_equal
from store.content.text_diff import TextSegment, word_segments
from store.kinds.kinds import Field
from store.records import Content


class ChangeKind(StrEnum):
    """The kind of change of a value."""

    ADDED = "ADDED"
    REMOVED = "REMOVED"
    CHANGED = "CHANGED"
    MOVED = "MOVED"


@dataclass(frozen=True, slots=True)
class Change:
    """One changed value.

    Attributes:
        kind: Of change.
        path: Of the value.
        label: The path for people.
        before: The value before; for a move the 1-based position before.
        after: The value after; for a move the 1-based position after.
        resident_visible: Whether residents see the value.
        text: The word-by-word comparison of a changed text field.
        position: The 1-based position of a list item: after the change, or before it for a
            removed item.
    """

    kind: ChangeKind
    path: str
    label: str
    before: Any
    after: Any
    resident_visible: bool
    text: tuple[TextSegment, ...] | None = None
    position: int | None = None


def diff(before: Content, after: Content, fields: Mapping[str, Field]) -> list[Change]:
    """Return the changes from one content to another, in the order of the model's fields.

    Args:
        before: Plain JSON. An absent field counts as null.
        after: Plain JSON.
        fields: Of the kind of document. Content outside these fields is compared as plain values.
    """
    return list(_diff_objects(before, after, fields, ContentPath(), visible=True))


def resident_visible(changes: Iterable[Change]) -> bool:
    """Whether residents see any of the changes."""
    return any(change.resident_visible for change in changes)


def _diff_objects(
    before: Content,
    after: Content,
    fields: Mapping[str, Field],
    path: ContentPath,
    *,
    visible: bool,
) -> Iterator[Change]:
    extra = [name for name in dict.fromkeys((*before, *after)) if name not in fields]
    for name in (*fields, *extra):
        field = fields.get(name) or Field(title=name, resident_visible=visible)
        yield from _diff_values(
            before.get(name), after.get(name), field, path.field(name, field.title)
        )


def _diff_values(before: Any, after: Any, field: Field, path: ContentPath) -> Iterator[Change]:
    if json_equal(before, after):
        return
    if field.keyed and field.fields is not None and is_keyed(before) and is_keyed(after):
        yield from _diff_keyed_lists(before, after, field, path)
    elif (
        field.fields is not None
        and not field.keyed
        and isinstance(before, Mapping)
        and isinstance(after, Mapping)
    ):
        yield from _diff_objects(before, after, field.fields, path, visible=field.resident_visible)
    else:
        text = (
            word_segments(before, after)
            if field.text and isinstance(before, str) and isinstance(after, str)
            else None
        )
        yield _change(ChangeKind.CHANGED, path, before, after, field, text=text)


def _diff_keyed_lists(
    before: Sequence[Content], after: Sequence[Content], field: Field, path: ContentPath
) -> Iterator[Change]:
    old = {item["key"]: (position, item) for position, item in enumerate(before, 1)}
    new = {item["key"]: (position, item) for position, item in enumerate(after, 1)}
    for key, (position, item) in old.items():
        if key not in new:
            item_path = path.item(key, item_label(item))
            yield _change(ChangeKind.REMOVED, item_path, item, None, field, position=position)
    unmoved = longest_increasing([old[key][0] for key in new if key in old])
    for key, (position, item) in new.items():
        item_path = path.item(key, item_label(item))
        if key not in old:
            yield _change(ChangeKind.ADDED, item_path, None, item, field, position=position)
            continue
        old_position, old_item = old[key]
        if old_position not in unmoved:
            yield _change(
                ChangeKind.MOVED, item_path, old_position, position, field, position=position
            )
        yield from _diff_objects(
            old_item, item, field.fields or {}, item_path, visible=field.resident_visible
        )


def _change(
    kind: ChangeKind,
    path: ContentPath,
    before: Any,
    after: Any,
    field: Field,
    *,
    text: tuple[TextSegment, ...] | None = None,
    position: int | None = None,
) -> Change:
    return Change(
        kind, path.path, path.label, before, after, field.resident_visible, text, position
    )


def longest_increasing(numbers: Sequence[int]) -> frozenset[int]:
    """Return the members of a longest increasing subsequence of distinct numbers, in O(n log n).

    Among list positions these are the items that need not move.
    """
    # By length - 1: the smallest number that ends an increasing run of that length.
    tails: list[int] = []
    previous: dict[int, int | None] = {}
    for number in numbers:
        length = bisect_left(tails, number)
        previous[number] = tails[length - 1] if length else None
        if length == len(tails):
            tails.append(number)
        else:
            tails[length] = number
    members = set()
    last = tails[-1] if tails else None
    while last is not None:
        members.add(last)
        last = previous[last]
    return frozenset(members)
