"""Comparing JSON values, and recognising keyed lists."""

from collections.abc import Mapping
from typing import Any

from store.records import Content


def json_equal(left: Any, right: Any) -> bool:
    """Whether two JSON values are equal; true is not 1."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        return left.keys() == right.keys() and all(
            json_equal(value, right[name]) for name, value in left.items()
        )
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(json_equal, left, right))
    return bool(left == right)


def is_keyed(value: Any) -> bool:
    """Whether a value is a list of objects that each have a unique `key`."""
    if not isinstance(value, list) or not all(
        isinstance(item, Mapping) and isinstance(item.get("key"), str) for item in value
    ):
        return False
    return len({item["key"] for item in value}) == len(value)


def item_label(item: Content) -> str:
    """The name that people know a list item by; its key if it has none."""
    return next(
        (str(item[name]) for name in ("label", "heading", "name") if item.get(name)),
        str(item["key"]),
    )
