"""Comparing many contents with one: the drift in per cent, and fields side by side.

Pure functions. The unit of drift is one value with its path. The unit of a comparison side by side
is a field, a whole keyed item such as a question, or the order of a keyed list.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from store.content.canonical_json import canonical
from store.content.json_values import item_label
from store.kinds.kinds import Field
from store.records import Content

_UNCOMPARED = frozenset({"internalName"})
"""Fields that differ between documents on purpose; such a difference does not count as drift."""


def _comparable_values(content: Content, fields: Mapping[str, Field]) -> dict[str, Any]:
    """Return the values of a content by path, without null, empty and uncompared values.

    List items are identified by key; their order is no value.
    """
    return {path: value for path, value in _values(content, fields, "") if path not in _UNCOMPARED}


def _values(content: Content, fields: Mapping[str, Field], path: str) -> Iterator[tuple[str, Any]]:
    for name, value in content.items():
        field_path = f"{path}.{name}" if path else name
        field = fields.get(name)
        if value is None or value in ("", []):
            continue
        if field is not None and field.fields is not None and isinstance(value, Mapping):
            yield from _values(value, field.fields, field_path)
        elif field is not None and field.fields is not None and field.keyed:
            for item in value:
                yield from _values(item, field.fields, f"{field_path}[{item['key']}]")
        else:
            yield field_path, value


def drift(origin: Content, content: Content, fields: Mapping[str, Field]) -> int:
    """Return the share of values that differ between two contents, in per cent, rounded up.

    The values that either content has are counted. 0 means equal except for the order of items; 100
    means that no value is equal.
    """
    before, after = _comparable_values(origin, fields), _comparable_values(content, fields)
    paths = before.keys() | after.keys()
    differing = sum(
        path not in before or path not in after or canonical(before[path]) != canonical(after[path])
        for path in paths
    )
    return math.ceil(100 * differing / len(paths)) if paths else 0


@dataclass(frozen=True, slots=True)
class ComparedField:
    """One row of a comparison side by side.

    Attributes:
        path: Of a field, of a field of an object, or of an item of a keyed list.
        label: The path for people.
        field: The content's own field that the path starts with.
        value: The value at the path.
    """

    path: str
    label: str
    field: str
    value: Any


def compared_fields(content: Content, fields: Mapping[str, Field]) -> dict[str, ComparedField]:
    """Return the compared fields of a content by path, in the order of the model and of its lists.

    These are fields, fields of objects (`restrictions.ageFrom`) and items of keyed lists
    (`questions[datum]`).
    """
    return {
        compared.path: compared
        for name, field in fields.items()
        for compared in _compared(name, field, content.get(name))
    }


def _compared(name: str, field: Field, value: Any) -> Iterator[ComparedField]:
    if field.fields is not None and field.keyed:
        for item in value or ():
            label = f"{field.title} › ”{item_label(item)}”"
            yield ComparedField(f"{name}[{item['key']}]", label, name, item)
    elif field.fields is not None:
        for inner_name, inner in field.fields.items():
            label = f"{field.title} › {inner.title}"
            yield ComparedField(f"{name}.{inner_name}", label, name, (value or {}).get(inner_name))
    elif name not in _UNCOMPARED:
        yield ComparedField(name, field.title, name, value)


def changed_order(origin: Content, content: Content, field: str) -> list[str] | None:
    """Return the keys of the items that two lists share, in the order of the second list.

    None where both have them in the same order.
    """
    before, after = ([item["key"] for item in each.get(field) or ()] for each in (origin, content))
    shared = set(before) & set(after)
    old_order = [key for key in before if key in shared]
    new_order = [key for key in after if key in shared]
    return None if new_order == old_order else new_order
