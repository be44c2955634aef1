"""Three-way merge of two contents of one kind that come from a common one: keyed lists item by
item, all else value by value.

Pure functions, no input or output. What only one side changed is taken; what both changed alike is
kept; what both changed otherwise is a
conflict, a text too: words of two texts are never mixed. Nothing is dropped silently: each value of
either side is in the result, was
changed or removed by the other side, or stands in a conflict.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from store.content.diff import Place, is_keyed, longest_increasing, readable, same
from store.kinds.kinds import Field
from store.records import Content


class MergeSide(StrEnum):
    """Whose value is taken in a conflict."""

    OURS = "OURS"
    THEIRS = "THEIRS"


@dataclass(frozen=True, slots=True)
class Conflict:
    """A value that both sides changed, each otherwise.

    None is a value that is not there: a list item that one side added or removed.
    """

    path: str
    label: str
    base: Any
    ours: Any
    theirs: Any


@dataclass(frozen=True, slots=True)
class Merged:
    """What a merge came to.

    `content` has our values where `conflicts` are left: it is whole only without any. `superfluous`
    are the paths of resolutions that no
    conflict asked for.
    """

    content: dict[str, Any]
    conflicts: tuple[Conflict, ...]
    superfluous: frozenset[str]


_NONE: Mapping[str, MergeSide] = MappingProxyType({})


def merge(
    base: Content,
    ours: Content,
    theirs: Content,
    fields: Mapping[str, Field],
    resolutions: Mapping[str, MergeSide] = _NONE,
) -> Merged:
    """Merge two contents that come from a common one.

    Args:
        base: What both sides started from; plain JSON. A field that is absent counts as null.
        ours: The one side.
        theirs: The other side.
        fields: Of the kind of document; what the contents hold beyond them is merged as plain
            values.
        resolutions: The side to take, by the path of a conflict, in the form of `Change.path`.

    Returns:
        The merged content, in which our order of a list stands where both sides moved the same
        item, and the conflicts left.
    """
    merging = _Merging(resolutions)
    content = merging.objects(base, ours, theirs, fields, Place())
    return Merged(content, tuple(merging.conflicts), frozenset(resolutions.keys() - merging.used))


@dataclass(slots=True)
class _Merging:
    """One merge under way: what it could not decide, and which resolutions it used."""

    resolutions: Mapping[str, MergeSide]
    conflicts: list[Conflict] = field(default_factory=list)
    used: set[str] = field(default_factory=set)

    def objects(
        self,
        base: Content,
        ours: Content,
        theirs: Content,
        fields: Mapping[str, Field],
        place: Place,
    ) -> dict[str, Any]:
        merged = {}
        for name in dict.fromkeys((*fields, *ours, *theirs)):
            if name not in ours and name not in theirs:
                continue
            known = fields.get(name) or Field(title=name)
            was, mine, yours = base.get(name), ours.get(name), theirs.get(name)
            value = self._values(was, mine, yours, known, place.field(name, known.title))
            if value is not None or name in (theirs if same(was, mine) else ours):
                merged[name] = value
        return merged

    def _values(self, base: Any, ours: Any, theirs: Any, known: Field, place: Place) -> Any:
        if known.fields is not None and not _is_settled(base, ours, theirs):
            if known.keyed and is_keyed(base) and is_keyed(ours) and is_keyed(theirs):
                return self._keyed(base, ours, theirs, known.fields, place)
            if (
                not known.keyed
                and not known.whole
                and isinstance(base, Mapping)
                and isinstance(ours, Mapping)
                and isinstance(theirs, Mapping)
            ):
                return self.objects(base, ours, theirs, known.fields, place)
        return self._plain(base, ours, theirs, place)

    def _keyed(
        self,
        base: Sequence[Content],
        ours: Sequence[Content],
        theirs: Sequence[Content],
        fields: Mapping[str, Field],
        place: Place,
    ) -> list[Any]:
        was, mine, yours = ({item["key"]: item for item in items} for items in (base, ours, theirs))
        kept = {}
        for key in dict.fromkeys((*mine, *yours)):
            there = place.item(key, readable(mine[key] if key in mine else yours[key]))
            if key in was and key in mine and key in yours:
                kept[key] = self.objects(was[key], mine[key], yours[key], fields, there)
            elif (
                item := self._plain(was.get(key), mine.get(key), yours.get(key), there)
            ) is not None:
                kept[key] = item
        return [kept[key] for key in _order(list(was), list(mine), list(yours), kept)]

    def _plain(self, base: Any, ours: Any, theirs: Any, place: Place) -> Any:
        """One value, or an item that not all three have."""
        if _is_settled(base, ours, theirs):
            return theirs if same(base, ours) else ours
        side = self.resolutions.get(place.path)
        if side is None:
            self.conflicts.append(Conflict(place.path, place.label, base, ours, theirs))
            return ours
        self.used.add(place.path)
        return theirs if side is MergeSide.THEIRS else ours


def _is_settled(base: Any, ours: Any, theirs: Any) -> bool:
    """Whether at most one side changed a value, or both alike."""
    return same(base, ours) or same(base, theirs) or same(ours, theirs)


def _order(
    base: Sequence[str], ours: Sequence[str], theirs: Sequence[str], kept: Collection[str]
) -> list[str]:
    """The order of the items that are kept.

    Ours stands, but for what only they moved. That, and what only they have, follows the item that
    it follows on their side; so their
    additions come before ours in the same place.
    """
    moved = _moved(base, theirs) - _moved(base, ours)
    standing = [key for key in ours if key in kept and key not in moved]
    anchors = set(standing)
    following: dict[str | None, list[str]] = {}
    anchor = None
    for key in theirs:
        if key in anchors:
            anchor = key
        elif key in kept:
            following.setdefault(anchor, []).append(key)
    order = following.get(None, [])
    for key in standing:
        order += [key, *following.get(key, ())]
    return order


def _moved(base: Sequence[str], side: Sequence[str]) -> set[str]:
    """The items that a side moved: the fewest that tell its order."""
    places = {key: place for place, key in enumerate(base)}
    shared = [key for key in side if key in places]
    stay = longest_increasing([places[key] for key in shared])
    return {key for key in shared if places[key] not in stay}
