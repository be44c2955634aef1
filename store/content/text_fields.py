"""Reading and rewriting the text fields of a content.

Keys, codes and addresses are not text fields; they are never rewritten.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from store.content.content_path import ContentPath
from store.content.json_values import item_label
from store.kinds.kinds import Field
from store.records import Content

Rewrite = Callable[[str, Field], str]


@dataclass(frozen=True, slots=True)
class ContentText:
    """One text of a content, with the path and label that a change of it would have."""

    path: str
    label: str
    field: Field
    text: str


def content_texts(content: Content, fields: Mapping[str, Field]) -> Iterator[ContentText]:
    """Iterate over the texts of a content, in the order of the model's fields.

    The texts of a list without keys share the path of the list.
    """
    return _texts(content, fields, ContentPath())


def _texts(
    content: Content, fields: Mapping[str, Field], path: ContentPath
) -> Iterator[ContentText]:
    for name, field in fields.items():
        value, field_path = content.get(name), path.field(name, field.title)
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, str) and field.text:
                yield ContentText(field_path.path, field_path.label, field, item)
            elif isinstance(item, Mapping) and field.fields is not None:
                yield from _texts(
                    item,
                    field.fields,
                    field_path.item(item["key"], item_label(item)) if "key" in item else field_path,
                )


def plain_texts(content: Mapping[str, Any], fields: Mapping[str, Field]) -> list[str]:
    """Return the non-empty texts of a content, in the content's order.

    Faster than `content_texts`, which also gives their paths.
    """
    texts: list[str] = []
    _collect(content, fields, texts)
    return texts


def _collect(content: Mapping[str, Any], fields: Mapping[str, Field], texts: list[str]) -> None:
    # Every write reads all texts, so fields that cannot hold a text are skipped first.
    for name, value in content.items():
        if (
            not value
            or (field := fields.get(name)) is None
            or (not field.text and field.fields is None)
        ):
            continue
        for item in value if isinstance(value, list) else (value,):
            if isinstance(item, str):
                if field.text:
                    texts.append(item)
            elif field.fields is not None and isinstance(item, dict):
                _collect(item, field.fields, texts)


def rewritten(content: Content, fields: Mapping[str, Field], rewrite: Rewrite) -> dict[str, Any]:
    """Return a copy of a content with each of its texts rewritten."""
    return {name: _rewritten(value, fields.get(name), rewrite) for name, value in content.items()}


def _rewritten(value: Any, field: Field | None, rewrite: Rewrite) -> Any:
    if field is None or value is None:
        return value
    if isinstance(value, str):
        return rewrite(value, field) if field.text else value
    if isinstance(value, list):
        return [_rewritten(item, field, rewrite) for item in value]
    return rewritten(value, field.fields, rewrite) if field.fields is not None else value
