"""Three-way merge of two contents of one kind that have a common version.

Keyed lists are merged item by item, everything else value by value. A value that one side changed
is taken; a value that both changed alike is kept; a value that both changed differently is a
conflict. Texts are values too: the words of two texts are never mixed. Nothing is dropped silently:
each value of either side is in the result, was changed or removed by the other side, or is in a
conflict. Pure functions, no input or output.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from store.content.content_path import ContentPath
from store.content.diff import longest_increasing
from store.content.json_values import is_keyed, item_label, json_equal
from store.kinds.kinds import Field
from store.records import Content


class MergeSide(StrEnum):
    """The side whose value is taken in a conflict."""

    OURS = "OURS"
    THEIRS = "THEIRS"


@dataclass(frozen=True, slots=True)
class Conflict:
    """A value that both sides changed differently.

    None stands for an absent value: a list item that one side added or removed.
    """

    path: str
    label: str
    base: Any
    ours: Any
    theirs: Any


@dataclass(frozen=True, slots=True)
class MergeResult:
    """The result of a merge.

    Attributes:
        content: The merged content. It has our values where `conflicts` are left, so it is complete
            only without conflicts.
        conflicts: The conflicts that no resolution covers.
        superfluous: Paths of resolutions that match no conflict.
    """

    content: dict[str, Any]
    conflicts: tuple[Conflict, ...]
    superfluous: frozenset[str]


_NO_RESOLUTIONS: Mapping[str, MergeSide] = MappingProxyType({})


def merge(
    base: Content,
    ours: Content,
    theirs: Content,
    fields: Mapping[str, Field],
    resolutions: Mapping[str, MergeSide] = _NO_RESOLUTIONS,
) -> MergeResult:
    """Merge two contents that have a common version.

    Where both sides moved the same list item, our order is kept.

    Args:
        base: The common version; plain JSON. An absent field counts as null.
        ours: The one side.
        theirs: The other side.
        fields: Of the kind of document. Content outside these fields is merged as plain values.
        resolutions: The side to take, by the path of a conflict, in the form of `Change.path`.
    """
    merger = _Merger(resolutions)
    content = merger.merge_objects(base, ours, theirs, fields, ContentPath())
    return MergeResult(
        content, tuple(merger.conflicts), frozenset(resolutions.keys() - merger.used)
    )


@dataclass(slots=True)
class _Merger:
    """The state of one merge: the conflicts left and the resolutions used."""

    resolutions: Mapping[str, MergeSide]
    conflicts: list[Conflict] = field(default_factory=list)
    used: set[str] = field(default_factory=set)

    def merge_objects(
        self,
        base: Content,
        ours: Content,
        theirs: Content,
        fields: Mapping[str, Field],
        path: ContentPath,
    ) -> dict[str, Any]:
        merged = {}
        for name in dict.fromkeys((*fields, *ours, *theirs)):
            if name not in ours and name not in theirs:
                continue
            known = fields.get(name) or Field(title=name)
            base_value, our_value, their_value = base.get(name), ours.get(name), theirs.get(name)
            value = self._merge_values(
                base_value, our_value, their_value, known, path.field(name, known.title)
            )
            if value is not None or name in (theirs if json_equal(base_value, our_value) else ours):
                merged[name] = value
        return merged

    def _merge_values(
        self, base: Any, ours: Any, theirs: Any, known: Field, path: ContentPath
    ) -> Any:
        if known.fields is not None and not _is_settled(base, ours, theirs):
            if known.keyed and is_keyed(base) and is_keyed(ours) and is_keyed(theirs):
                return self._merge_keyed_lists(base, ours, theirs, known.fields, path)
            if (
                not known.keyed
                and not known.whole
                and isinstance(base, Mapping)
                and isinstance(ours, Mapping)
                and isinstance(theirs, Mapping)
            ):
                return self.merge_objects(base, ours, theirs, known.fields, path)
        return self._merge_plain(base, ours, theirs, path)

    def _merge_keyed_lists(
        self,
        base: Sequence[Content],
        ours: Sequence[Content],
        theirs: Sequence[Content],
        fields: Mapping[str, Field],
        path: ContentPath,
    ) -> list[Any]:
        base_items, our_items, their_items = (
            {item["key"]: item for item in items} for items in (base, ours, theirs)
        )
        kept = {}
        for key in dict.fromkeys((*our_items, *their_items)):
            label = item_label(our_items[key] if key in our_items else their_items[key])
            item_path = path.item(key, label)
            if key in base_items and key in our_items and key in their_items:
                kept[key] = self.merge_objects(
                    base_items[key], our_items[key], their_items[key], fields, item_path
                )
            else:
                item = self._merge_plain(
                    base_items.get(key), our_items.get(key), their_items.get(key), item_path
                )
                if item is not None:
                    kept[key] = item
        order = _merged_order(list(base_items), list(our_items), list(their_items), kept)
        return [kept[key] for key in order]

    def _merge_plain(self, base: Any, ours: Any, theirs: Any, path: ContentPath) -> Any:
        """Merge one value, or an item that at least one of the three lacks."""
        if _is_settled(base, ours, theirs):
            return theirs if json_equal(base, ours) else ours
        side = self.resolutions.get(path.path)
        if side is None:
            self.conflicts.append(Conflict(path.path, path.label, base, ours, theirs))
            return ours
        self.used.add(path.path)
        return theirs if side is MergeSide.THEIRS else ours


def _is_settled(base: Any, ours: Any, theirs: Any) -> bool:
    """Whether at most one side changed a value, or both made the same change."""
    return json_equal(base, ours) or json_equal(base, theirs) or json_equal(ours, theirs)


def _merged_order(
    base: Sequence[str], ours: Sequence[str], theirs: Sequence[str], kept: Collection[str]
) -> list[str]:
    """Return the keys of the kept items in order.

    Our order is kept, except for the items that only they moved. Those, and the items that only
    they have, follow the item that they follow on their side. So their additions come before ours
    at the same position.
    """
    moved_by_them = _moved_keys(base, theirs) - _moved_keys(base, ours)
    anchors = [key for key in ours if key in kept and key not in moved_by_them]
    anchor_set = set(anchors)
    followers: dict[str | None, list[str]] = {}
    anchor = None
    for key in theirs:
        if key in anchor_set:
            anchor = key
        elif key in kept:
            followers.setdefault(anchor, []).append(key)
    order = followers.get(None, [])
    for key in anchors:
        order += [key, *followers.get(key, ())]
    return order


def _moved_keys(base: Sequence[str], side: Sequence[str]) -> set[str]:
    """The fewest items that a side must have moved to get its order."""
    positions = {key: position for position, key in enumerate(base)}
    shared = [key for key in side if key in positions]
    unmoved = longest_increasing([positions[key] for key in shared])
    return {key for key in shared if positions[key] not in unmoved}
