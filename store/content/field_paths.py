"""A content taken apart into its single values, each with its path: what blame is told of.

A list of objects gives each item, by its key, and the values in it; a list of plain values is one
value. The place of an item in its list is
no value: a move changes nothing here.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from store.content.diff import Place, is_keyed, readable
from store.kinds.kinds import Field
from store.records import Content


@dataclass(frozen=True, slots=True)
class Leaf:
    """One value; of a list item as such its key. `label` is the path for people."""

    label: str
    value: Any


def leaves(content: Content, fields: Mapping[str, Field]) -> dict[str, Leaf]:
    """The single values of a content by path, in the order of the model's fields."""
    return {
        place.path: Leaf(place.label, value) for place, value in _objects(content, fields, Place())
    }


def changed_leaves(before: Content, after: Content, fields: Mapping[str, Field]) -> list[str]:
    """The paths of the values in `after` that are new or other than in `before`. Equal parts cost
    no more than comparing them.

    Args:
        before: Validated content, in the same shape as `after`.
        after: Validated content.
        fields: Of the kind of document.
    """
    return [place.path for place in _changed_in_object(before, after, fields, Place())]


def differing(before: Content, after: Content, fields: Mapping[str, Field]) -> dict[str, str]:
    """Where two contents differ, by path, each with its label, in `before`'s words where it has
    any; an item that only one of them has is one place.

    Args:
        before: Validated content, in the same shape as `after`.
        after: Validated content.
        fields: Of the kind of document; what the contents hold beyond them is not compared.
    """
    one, other = (
        {name: content[name] for name in fields if name in content} for content in (before, after)
    )
    # The second names what only `after` has; what differs on both sides was named by the first.
    found = {place.path: place.label for place in _changed_in_object(other, one, fields, Place())}
    for place in _changed_in_object(one, other, fields, Place()):
        found.setdefault(place.path, place.label)
    return {
        path: label
        for path, label in found.items()
        if not any(outer in found for outer in _outer(path))
    }


def _outer(path: str) -> Iterator[str]:
    """The paths of what a value is in: of `a[b].c` these are `a[b]` and `a`."""
    for at, letter in enumerate(path):
        if letter in ".[":
            yield path[:at]


def _objects(
    content: Content, fields: Mapping[str, Field], place: Place
) -> Iterator[tuple[Place, Any]]:
    for name in dict.fromkeys((*fields, *content)):
        if name in content:
            field = fields.get(name) or Field(title=name)
            yield from _values(content[name], field, place.field(name, field.title))


def _values(value: Any, field: Field, place: Place) -> Iterator[tuple[Place, Any]]:
    if _has_items(value, field):
        for item in value:
            yield from _item(item, field, place.item(item["key"], readable(item)))
    elif _has_fields(value, field):
        yield from _objects(value, field.fields or {}, place)
    else:
        yield place, value


def _item(item: Content, field: Field, place: Place) -> Iterator[tuple[Place, Any]]:
    yield place, item["key"]
    yield from _objects(_without_key(item), field.fields or {}, place)


def _changed_in_object(
    before: Content, after: Content, fields: Mapping[str, Field], place: Place
) -> Iterator[Place]:
    for name, value in after.items():
        if name not in before or before[name] != value:
            field = fields.get(name) or Field(title=name)
            yield from _changed(before.get(name), value, field, place.field(name, field.title))


def _changed(before: Any, after: Any, field: Field, place: Place) -> Iterator[Place]:
    if _has_items(before, field) and _has_items(after, field):
        yield from _changed_items(before, after, field, place)
    elif _has_fields(before, field) and _has_fields(after, field):
        yield from _changed_in_object(before, after, field.fields or {}, place)
    else:
        yield from (there for there, _ in _values(after, field, place))


def _changed_items(
    before: Sequence[Content], after: Sequence[Content], field: Field, place: Place
) -> Iterator[Place]:
    was = {item["key"]: item for item in before}
    for item in after:
        there = place.item(item["key"], readable(item))
        if item["key"] not in was:
            yield from (inner for inner, _ in _item(item, field, there))
        elif item != (old := was[item["key"]]):
            yield from _changed_in_object(
                _without_key(old), _without_key(item), field.fields or {}, there
            )


def _has_items(value: Any, field: Field) -> bool:
    return field.keyed and field.fields is not None and is_keyed(value)


def _has_fields(value: Any, field: Field) -> bool:
    return field.fields is not None and not field.keyed and isinstance(value, Mapping)


def _without_key(item: Content) -> Content:
    return {name: value for name, value in item.items() if name != "key"}
