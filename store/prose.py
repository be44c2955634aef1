"""Rewriting the texts of a content: those that its kind marks as prose, and nothing else; keys, codes and addresses are left as they are."""

from collections.abc import Callable, Mapping
from typing import Any

from store.kinds import Field
from store.records import Content

Rewrite = Callable[[str, Field], str]


def rewritten(content: Content, fields: Mapping[str, Field], rewrite: Rewrite) -> dict[str, Any]:
    """A content with each of its texts rewritten; what is handed in is left as it is."""
    return {name: _rewritten(value, fields.get(name), rewrite) for name, value in content.items()}


def _rewritten(value: Any, field: Field | None, rewrite: Rewrite) -> Any:
    if field is None or value is None:
        return value
    if isinstance(value, str):
        return rewrite(value, field) if field.text else value
    if isinstance(value, list):
        return [_rewritten(item, field, rewrite) for item in value]
    return rewritten(value, field.fields, rewrite) if field.fields is not None else value
