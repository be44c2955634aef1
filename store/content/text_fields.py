"""Reading and rewriting the texts of a content: those that its kind marks as prose.

Keys, codes and addresses are none and stay as they are.
"""

from collections.abc import Callable, Mapping
from typing import Any

from store.kinds.kinds import Field
from store.records import Content

Rewrite = Callable[[str, Field], str]


def plain_texts(content: Mapping[str, Any], fields: Mapping[str, Field]) -> list[str]:
    """The texts alone, in the content's order, without empty ones; `store.content.diff.texts` tells their
    places too, at some cost.
    """
    found: list[str] = []
    _collect(content, fields, found)
    return found


def _collect(content: Mapping[str, Any], fields: Mapping[str, Field], found: list[str]) -> None:
    # Every write reads all texts: what is of no interest is passed over first.
    for name, value in content.items():
        if (
            not value
            or (field := fields.get(name)) is None
            or (not field.text and field.fields is None)
        ):
            continue
        for one in value if isinstance(value, list) else (value,):
            if isinstance(one, str):
                if field.text:
                    found.append(one)
            elif field.fields is not None and isinstance(one, dict):
                _collect(one, field.fields, found)


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
