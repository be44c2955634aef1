"""Reading and rewriting the texts of a content: those that its kind marks as prose. Keys, codes and addresses are none and stay as they are."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from store.kinds import Field
from store.records import Content

Rewrite = Callable[[str, Field], str]


def plain_texts(content: Mapping[str, Any], fields: Mapping[str, Field]) -> Iterator[str]:
    """The texts alone, in the order of the model's fields; `store.diff.texts` tells their places too, at some cost."""
    for name, field in fields.items():
        if not field.text and field.fields is None:
            continue
        value = content.get(name)
        for one in value if isinstance(value, list) else (value,):
            if isinstance(one, str):
                if field.text:
                    yield one
            elif field.fields is not None and isinstance(one, dict):
                yield from plain_texts(one, field.fields)


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
