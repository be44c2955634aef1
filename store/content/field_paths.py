"""A content taken apart into its single values by path, which blame works with.

A list of objects is taken apart into its items, by key, and the values in them. A list of plain
values is one value. The position of an item in its list is no value: a move changes nothing here.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from store.content.content_path import ContentPath
from store.content.json_values import is_keyed, item_label
from store.kinds.kinds import Field
from store.records import Content


@dataclass(frozen=True, slots=True)
class FieldValue:
    """One value of a content.

    Attributes:
        label: The path for people.
        value: The value; for a list item its key.
    """

    label: str
    value: Any


def field_values(content: Content, fields: Mapping[str, Field]) -> dict[str, FieldValue]:
    """Return the single values of a content by path, in the order of the model's fields."""
    return {
        path.path: FieldValue(path.label, value)
        for path, value in _object_values(content, fields, ContentPath())
    }


def changed_paths(before: Content, after: Content, fields: Mapping[str, Field]) -> list[str]:
    """Return the paths of the values in `after` that are new or differ from `before`.

    Equal parts cost no more than comparing them.

    Args:
        before: Validated content, in the same schema version as `after`.
        after: Validated content.
        fields: Of the kind of document.
    """
    return [path.path for path in _changed_in_object(before, after, fields, ContentPath())]


def differing_paths(before: Content, after: Content, fields: Mapping[str, Field]) -> dict[str, str]:
    """Return where two contents differ: labels by path.

    An item that only one content has counts as one difference. Labels are taken from `before` where
    it has the value.

    Args:
        before: Validated content, in the same schema version as `after`.
        after: Validated content.
        fields: Of the kind of document. Content outside these fields is not compared.
    """
    old, new = (
        {name: content[name] for name in fields if name in content} for content in (before, after)
    )
    # The second pass adds what only `after` has; the first one has named what both have.
    labels = {path.path: path.label for path in _changed_in_object(new, old, fields, ContentPath())}
    for path in _changed_in_object(old, new, fields, ContentPath()):
        labels.setdefault(path.path, path.label)
    return {
        path: label
        for path, label in labels.items()
        if not any(outer in labels for outer in _outer_paths(path))
    }


def _outer_paths(path: str) -> Iterator[str]:
    """The paths of the values that contain a value: for `a[b].c` these are `a` and `a[b]`."""
    for at, letter in enumerate(path):
        if letter in ".[":
            yield path[:at]


def _object_values(
    content: Content, fields: Mapping[str, Field], path: ContentPath
) -> Iterator[tuple[ContentPath, Any]]:
    for name in dict.fromkeys((*fields, *content)):
        if name in content:
            field = fields.get(name) or Field(title=name)
            yield from _values(content[name], field, path.field(name, field.title))


def _values(value: Any, field: Field, path: ContentPath) -> Iterator[tuple[ContentPath, Any]]:
    if _has_items(value, field):
        for item in value:
            yield from _item_values(item, field, path.item(item["key"], item_label(item)))
    elif _has_fields(value, field):
        yield from _object_values(value, field.fields or {}, path)
    else:
        yield path, value


def _item_values(
    item: Content, field: Field, path: ContentPath
) -> Iterator[tuple[ContentPath, Any]]:
    yield path, item["key"]
    yield from _object_values(_without_key(item), field.fields or {}, path)


def _changed_in_object(
    before: Content, after: Content, fields: Mapping[str, Field], path: ContentPath
) -> Iterator[ContentPath]:
    for name, value in after.items():
        if name not in before or before[name] != value:
            field = fields.get(name) or Field(title=name)
            yield from _changed(before.get(name), value, field, path.field(name, field.title))


def _changed(before: Any, after: Any, field: Field, path: ContentPath) -> Iterator[ContentPath]:
    if _has_items(before, field) and _has_items(after, field):
        yield from _changed_items(before, after, field, path)
    elif _has_fields(before, field) and _has_fields(after, field):
        yield from _changed_in_object(before, after, field.fields or {}, path)
    else:
        yield from (inner for inner, _ in _values(after, field, path))


def _changed_items(
    before: Sequence[Content], after: Sequence[Content], field: Field, path: ContentPath
) -> Iterator[ContentPath]:
    old_items = {item["key"]: item for item in before}
    for item in after:
        item_path = path.item(item["key"], item_label(item))
        if item["key"] not in old_items:
            yield from (inner for inner, _ in _item_values(item, field, item_path))
        elif item != (old_item := old_items[item["key"]]):
            yield from _changed_in_object(
                _without_key(old_item), _without_key(item), field.fields or {}, item_path
            )


def _has_items(value: Any, field: Field) -> bool:
    return field.keyed and field.fields is not None and is_keyed(value)


def _has_fields(value: Any, field: Field) -> bool:
    return field.fields is not None and not field.keyed and isinstance(value, Mapping)


def _without_key(item: Content) -> Content:
    return {name: value for name, value in item.items() if name != "key"}
