"""Contents taken apart into places, so that many of them can be held beside each other: pure
functions.

A *leaf* is one value with its path. A *place* is what people compare: a field, or a whole keyed
item such as a question; and for a keyed list
with an order of its own, that order.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from store.content.canonical_json import canonical
from store.kinds.kinds import Field
from store.records import Content

_UNCOMPARED = frozenset({"internalName"})
"""What tells documents apart differs by intention, and is no drift."""


def leaves(content: Content, fields: Mapping[str, Field]) -> dict[str, Any]:
    """Every value in a content that says something, by path; what is null, empty or left out says
    nothing.

    The order of list items is no value: items are told apart by their keys.
    """
    return dict(_leaves(content, fields, ""))


def _leaves(content: Content, fields: Mapping[str, Field], path: str) -> Iterator[tuple[str, Any]]:
    for name, value in content.items():
        here = f"{path}.{name}" if path else name
        field = fields.get(name)
        if value is None or value in ("", []):
            continue
        if field is not None and field.fields is not None and isinstance(value, Mapping):
            yield from _leaves(value, field.fields, here)
        elif field is not None and field.fields is not None and field.keyed:
            for item in value:
                yield from _leaves(item, field.fields, f"{here}[{item['key']}]")
        else:
            yield here, value


def drift(origin: Content, content: Content, fields: Mapping[str, Field]) -> int:
    """How far a content is from another one: the share of values that differ, in per cent, rounded
    up.

    Counted are the values that either of them has. 0 is equal but for the order of items; 100 has
    no value in common.
    """
    one = {path: value for path, value in leaves(origin, fields).items() if path not in _UNCOMPARED}
    other = {
        path: value for path, value in leaves(content, fields).items() if path not in _UNCOMPARED
    }
    paths = one.keys() | other.keys()
    differing = sum(
        path not in one or path not in other or canonical(one[path]) != canonical(other[path])
        for path in paths
    )
    return math.ceil(100 * differing / len(paths)) if paths else 0


@dataclass(frozen=True, slots=True)
class Place:
    """One place of a content: where it is, in the order of the model and of the list, and what
    stands there.
    """

    path: str
    label: str
    field: str
    value: Any


def places(content: Content, fields: Mapping[str, Field]) -> dict[str, Place]:
    """The places of a content by path: fields, fields of objects (`restrictions.ageFrom`), and
    items of keyed lists (`questions[datum]`).
    """
    return {
        place.path: place
        for name, field in fields.items()
        for place in _places(name, field, content.get(name))
    }


def _places(name: str, field: Field, value: Any) -> Iterator[Place]:
    if field.fields is not None and field.keyed:
        for item in value or ():
            yield Place(
                f"{name}[{item['key']}]", f"{field.title} › ”{_readable(item)}”", name, item
            )
    elif field.fields is not None:
        for inner, there in field.fields.items():
            yield Place(
                f"{name}.{inner}", f"{field.title} › {there.title}", name, (value or {}).get(inner)
            )
    elif name not in _UNCOMPARED:
        yield Place(name, field.title, name, value)


def _readable(item: Content) -> str:
    return next(
        (str(item[name]) for name in ("label", "heading", "name") if item.get(name)),
        str(item["key"]),
    )


def moved(origin: Content, content: Content, field: str) -> list[str] | None:
    """The keys of a list's items that both have, in the order of the second; None where the order
    is the first one's.
    """
    before, after = ([item["key"] for item in one.get(field) or ()] for one in (origin, content))
    shared = set(before) & set(after)
    wanted = [key for key in before if key in shared]
    found = [key for key in after if key in shared]
    return None if found == wanted else found
