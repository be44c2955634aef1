"""What differs between two contents: computed, never stored.

List items are followed by their key, so a move is a move and not a delete and an insert; of several
ways to tell a new order the one with the
fewest moves is told. `apply` is the inverse: `apply(diff(a, b, fields), a) == b`.

A path names a field (`restrictions.ageFrom`) or a keyed item (`questions[datum].label`). Keys hold
letters, digits, `-` and `_` only.
"""

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from store.content.text_diff import TextSegment, word_segments
from store.kinds.kinds import Field
from store.records import Content


class ChangeKind(StrEnum):
    """What happened to a value."""

    ADDED = "ADDED"
    REMOVED = "REMOVED"
    CHANGED = "CHANGED"
    MOVED = "MOVED"


@dataclass(frozen=True, slots=True)
class Change:
    """One changed value.

    `before` and `after` are values; for a move the 1-based places. `position` is the 1-based place
    of a list item: after the change, or
    before it for one that is gone. `text` is given for changed prose.
    """

    kind: ChangeKind
    path: str
    label: str
    before: Any
    after: Any
    resident_visible: bool
    text: tuple[TextSegment, ...] | None = None
    position: int | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a path: a field, or the item of a keyed list."""

    field: str
    key: str | None


@dataclass(frozen=True, slots=True)
class Place:
    """Where in a content one stands: the path and its readable form so far."""

    path: str = ""
    label: str = ""

    def field(self, name: str, title: str) -> "Place":
        """A field here."""
        return Place(
            f"{self.path}.{name}" if self.path else name,
            f"{self.label} › {title}" if self.label else title,
        )

    def item(self, key: str, readable: str) -> "Place":
        """An item of the list here."""
        return Place(f"{self.path}[{key}]", f"{self.label} › ”{readable}”")


def diff(before: Content, after: Content, fields: Mapping[str, Field]) -> list[Change]:
    """The changes from one content to another, in the order of the model's fields.

    Args:
        before: Plain JSON. A field that is absent counts as null.
        after: Plain JSON.
        fields: Of the kind of document; what the contents hold beyond them is compared as plain
            values.
    """
    return list(_objects(before, after, fields, Place(), visible=True))


@dataclass(frozen=True, slots=True)
class Prose:
    """One text of a content, with its place as a change of it would have it."""

    path: str
    label: str
    field: Field
    text: str


def texts(content: Content, fields: Mapping[str, Field]) -> Iterator[Prose]:
    """The texts of a content, in the order of the model's fields; the texts of one list without
    keys share its path.
    """
    return _texts(content, fields, Place())


def _texts(content: Content, fields: Mapping[str, Field], place: Place) -> Iterator[Prose]:
    for name, field in fields.items():
        value, there = content.get(name), place.field(name, field.title)
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, str) and field.text:
                yield Prose(there.path, there.label, field, one)
            elif isinstance(one, Mapping) and field.fields is not None:
                yield from _texts(
                    one,
                    field.fields,
                    there.item(one["key"], readable(one)) if "key" in one else there,
                )


def resident_visible(changes: Iterable[Change]) -> bool:
    """Whether residents see any of the changes."""
    return any(change.resident_visible for change in changes)


def _objects(
    before: Content, after: Content, fields: Mapping[str, Field], place: Place, *, visible: bool
) -> Iterator[Change]:
    extra = [name for name in dict.fromkeys((*before, *after)) if name not in fields]
    for name in (*fields, *extra):
        field = fields.get(name) or Field(title=name, resident_visible=visible)
        yield from _values(before.get(name), after.get(name), field, place.field(name, field.title))


def _values(before: Any, after: Any, field: Field, place: Place) -> Iterator[Change]:
    if same(before, after):
        return
    if field.keyed and field.fields is not None and is_keyed(before) and is_keyed(after):
        yield from _keyed(before, after, field, place)
    elif (
        field.fields is not None
        and not field.keyed
        and isinstance(before, Mapping)
        and isinstance(after, Mapping)
    ):
        yield from _objects(before, after, field.fields, place, visible=field.resident_visible)
    else:
        text = (
            word_segments(before, after)
            if field.text and isinstance(before, str) and isinstance(after, str)
            else None
        )
        yield Change(
            ChangeKind.CHANGED, place.path, place.label, before, after, field.resident_visible, text
        )


def _keyed(
    before: Sequence[Content], after: Sequence[Content], field: Field, place: Place
) -> Iterator[Change]:
    old = {item["key"]: (position, item) for position, item in enumerate(before, 1)}
    new = {item["key"]: (position, item) for position, item in enumerate(after, 1)}
    for key, (position, item) in old.items():
        if key not in new:
            there = place.item(key, readable(item))
            yield Change(
                ChangeKind.REMOVED,
                there.path,
                there.label,
                item,
                None,
                field.resident_visible,
                position=position,
            )
    stay = longest_increasing([old[key][0] for key in new if key in old])
    for key, (position, item) in new.items():
        there = place.item(key, readable(item))
        if key not in old:
            yield Change(
                ChangeKind.ADDED,
                there.path,
                there.label,
                None,
                item,
                field.resident_visible,
                position=position,
            )
            continue
        was, earlier = old[key]
        if was not in stay:
            yield Change(
                ChangeKind.MOVED,
                there.path,
                there.label,
                was,
                position,
                field.resident_visible,
                position=position,
            )
        yield from _objects(
            earlier, item, field.fields or {}, there, visible=field.resident_visible
        )


def same(one: Any, other: Any) -> bool:
    """Equality of JSON values: true is not 1."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(
            same(value, other[name]) for name, value in one.items()
        )
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other)


def is_keyed(value: Any) -> bool:
    """Whether a value is a list whose items all have a key of their own."""
    if not isinstance(value, list) or not all(
        isinstance(item, Mapping) and isinstance(item.get("key"), str) for item in value
    ):
        return False
    return len({item["key"] for item in value}) == len(value)


def readable(item: Content) -> str:
    """What people know a list item by."""
    return next(
        (str(item[name]) for name in ("label", "heading", "name") if item.get(name)),
        str(item["key"]),
    )


def longest_increasing(places: Sequence[int]) -> frozenset[int]:
    """A longest increasing subsequence: the items that need not move. O(n log n)."""
    tails: list[
        int
    ] = []  # by length - 1: the smallest place that an increasing run of that length ends with
    before: dict[int, int | None] = {}
    for place in places:
        length = bisect_left(tails, place)
        before[place] = tails[length - 1] if length else None
        if length == len(tails):
            tails.append(place)
        else:
            tails[length] = place
    stay = set()
    last = tails[-1] if tails else None
    while last is not None:
        stay.add(last)
        last = before[last]
    return frozenset(stay)


# ------------------------------------------------------------------ the inverse

_STEP = re.compile(r"([^.\[\]]+)(?:\[([^\]]+)\])?(?:\.|$)")


def parse_path(path: str) -> tuple[Step, ...]:
    """The steps of a change's path.

    Raises:
        ValueError: It is no path.
    """
    steps = []
    at = 0
    while at < len(path):
        match = _STEP.match(path, at)
        if match is None:
            raise ValueError(f"no path: {path}")
        steps.append(Step(match[1], match[2]))
        at = match.end()
    if not steps or path.endswith("."):
        raise ValueError(f"no path: {path}")
    return tuple(steps)


def apply(changes: Iterable[Change], before: Content) -> dict[str, Any]:
    """The content after the changes; `before` is left as it is."""
    content: dict[str, Any] = deepcopy(dict(before))
    edits: list[Change] = []
    rearranged: dict[str, list[Change]] = {}
    for change in changes:
        if change.kind is ChangeKind.CHANGED:
            edits.append(change)
        else:
            rearranged.setdefault(change.path.rpartition("[")[0], []).append(change)
    for path in sorted(
        rearranged, key=lambda path: path.count("[")
    ):  # from the outside in, so that the items a path names are in place
        _rearrange(_find(content, path), rearranged[path])
    for change in edits:
        holder, _, name = change.path.rpartition(".")
        target = _find(content, holder) if holder else content
        target[name] = deepcopy(change.after)
    return content


def _rearrange(items: list[Any], changes: Iterable[Change]) -> None:
    """Take out what goes or moves, then put in what comes or moves from the first place on: so each
    position is the final one.
    """
    arriving: list[tuple[int, Any]] = []
    for change in changes:
        item = deepcopy(change.after)
        if change.kind is not ChangeKind.ADDED:
            key = parse_path(change.path)[-1].key
            item = items.pop(next(index for index, item in enumerate(items) if item["key"] == key))
        if change.kind is not ChangeKind.REMOVED and change.position is not None:
            arriving.append((change.position, item))
    for position, item in sorted(arriving, key=lambda pair: pair[0]):
        items.insert(position - 1, item)


def _find(content: Any, path: str) -> Any:
    """The value at a path: a list where its last step names no key."""
    value = content
    for step in parse_path(path):
        value = value[step.field]
        if step.key is not None:
            value = next(item for item in value if item["key"] == step.key)
    return value
