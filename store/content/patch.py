"""Applying changes to a content: `apply(diff(a, b, fields), a) == b`."""

from collections.abc import Iterable
from copy import deepcopy
from typing import Any

from store.content.content_path import parse_path
from store.content.diff import Change, ChangeKind
from store.records import Content


def apply(changes: Iterable[Change], before: Content) -> dict[str, Any]:
    """Return the content after the changes; `before` is not modified."""
    content: dict[str, Any] = deepcopy(dict(before))
    edits: list[Change] = []
    list_changes: dict[str, list[Change]] = {}
    for change in changes:
        if change.kind is ChangeKind.CHANGED:
            edits.append(change)
        else:
            list_changes.setdefault(change.path.rpartition("[")[0], []).append(change)
    # Outer lists first, so that the items that an inner path names are in place.
    for path in sorted(list_changes, key=lambda path: path.count("[")):
        _rearrange(_find(content, path), list_changes[path])
    for change in edits:
        holder, _, name = change.path.rpartition(".")
        target = _find(content, holder) if holder else content
        target[name] = deepcopy(change.after)
    return content


def _rearrange(items: list[Any], changes: Iterable[Change]) -> None:
    """Apply additions, removals and moves to a list.

    Removed and moved items are taken out first. Added and moved items are then inserted from the
    first position on, so that each position is final.
    """
    inserts: list[tuple[int, Any]] = []
    for change in changes:
        item = deepcopy(change.after)
        if change.kind is not ChangeKind.ADDED:
            key = parse_path(change.path)[-1].key
            item = items.pop(next(index for index, item in enumerate(items) if item["key"] == key))
        if change.kind is not ChangeKind.REMOVED and change.position is not None:
            inserts.append((change.position, item))
    for position, item in sorted(inserts, key=lambda pair: pair[0]):
        items.insert(position - 1, item)


def _find(content: Any, path: str) -> Any:
    """The value at a path; the whole list where the last step has no key."""
    value = content
    for step in parse_path(path):
        value = value[step.field]
        if step.key is not None:
            value = next(item for item in value if item["key"] == step.key)
    return value
