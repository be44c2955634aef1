"""Where each value of a version comes from: the version that brought it, in the document itself or in the templates above.

Each stored version names the values that it changed, so the last change of a value is one look-up in an index: the cost grows with the values and
the levels of templates, not with the number of versions. Only versions without such names in today's shape (written before they were kept, or in
an older content model) are read one by one, in pages, newest first, until each value is settled.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from store.database import Database, Query, Row
from store.diff import same
from store.kinds import Kinds
from store.leaves import Leaf, leaves
from store.records import Actor, Derivation, Version
from store.rows import actor_from, derivation_from, version_from

_PAGE = 200


@dataclass(frozen=True, slots=True)
class Origin:
    """Where the value at a path comes from.

    `since` is the version of the document asked about that the value came with. `document` and `version` say where it was written: that
    same version, or a version of a template that it was taken over from, unchanged. `newest` is the newest version of `document` that was looked at.
    """

    path: str
    label: str
    since: int
    document: str
    version: int
    newest: int


@dataclass(frozen=True, slots=True)
class Signature:
    """Who wrote a version, and when."""

    author: Actor
    at: datetime


@dataclass(frozen=True, slots=True)
class _Made:
    """How a version came about."""

    derived_from: Derivation | None
    restored: bool


class Blame:
    """The origins of values, read only."""

    def __init__(self, database: Database, kinds: Kinds) -> None:
        self._database = database
        self._kinds = kinds

    async def of(self, version: Version) -> list[Origin]:
        """The origin of each value of a version, in the content's order.

        A value is a template's where it came with the version that was made from it, restored, or took it over, and is the same there; it is then
        followed in that template, and so on upwards. A value that a template and the document came to have apart is the document's own.
        """
        asked = self._leaves(version)
        since: dict[str, int] = {}
        written: dict[str, tuple[Version, int]] = {}
        waiting: list[tuple[Version, Mapping[str, Leaf]]] = [(version, asked)]
        while waiting:
            above: dict[Derivation, dict[str, Leaf]] = {}
            for made, values in waiting:
                numbers = await self._last_changes(made, values)
                taken = await self._taken_over(made.document, set(numbers.values()))
                for path, number in numbers.items():
                    since.setdefault(path, number)
                    written[path] = (made, number)
                    if (template := taken.get(number)) is not None:
                        above.setdefault(template, {})[path] = values[path]
            waiting = await self._shared(above)
        return [
            Origin(path, leaf.label, since[path], made.document, number, made.number)
            for path, leaf in asked.items()
            for made, number in [written[path]]
        ]

    async def signatures(self, keys: Iterable[tuple[str, int]]) -> Mapping[tuple[str, int], Signature]:
        """Who wrote versions, and when, by (document, number)."""
        ids = sorted({f"{document}.{number}" for document, number in keys})
        shown = {"document": 1, "number": 1, "author": 1, "created_at": 1}
        rows = await self._database.find("versions", {"_id": {"$in": ids}}, projection=shown)
        return {(row["document"], row["number"]): Signature(actor_from(row["author"]), row["created_at"]) for row in rows}

    def _leaves(self, version: Version) -> dict[str, Leaf]:
        kind = self._kinds[version.kind]
        return leaves(kind.upcast(version.content, version.schema_version), kind.fields)

    async def _taken_over(self, document: str, numbers: set[int]) -> Mapping[int, Derivation]:
        """Of some versions those that took over a template version: made from it, restored, or moved on to it."""
        ids = [f"{document}.{number}" for number in sorted(numbers | {number - 1 for number in numbers if number > 1})]
        shown = {"number": 1, "derived_from": 1, "restored_from": 1}
        rows = await self._database.find("versions", {"_id": {"$in": ids}}, projection=shown)
        made = {row["number"]: _Made(derivation_from(row["derived_from"]), row["restored_from"] is not None) for row in rows}
        return {
            number: derived
            for number in numbers
            if (derived := made[number].derived_from) is not None
            and (number == 1 or made[number].restored or made[number - 1].derived_from != derived)
        }

    async def _shared(self, above: Mapping[Derivation, Mapping[str, Leaf]]) -> list[tuple[Version, Mapping[str, Leaf]]]:
        """The template versions, each with those of the values that are the same there."""
        ids = sorted(f"{derived.template}.{derived.version}" for derived in above)
        rows = await self._database.find("versions", {"_id": {"$in": ids}}) if ids else []
        found: list[tuple[Version, Mapping[str, Leaf]]] = []
        for template in map(version_from, rows):
            there = self._leaves(template)
            values = above[Derivation(template.document, template.number)]
            if shared := {path: leaf for path, leaf in values.items() if path in there and same(there[path].value, leaf.value)}:
                found.append((template, shared))
        return found

    async def _last_changes(self, made: Version, values: Mapping[str, Leaf]) -> dict[str, int]:
        """The number of the version that last changed each value, up to and including one version; 1 for those as they first were."""
        upto = {"document": made.document, "number": {"$lte": made.number}}
        queries = [Query(upto | {"changed": {"$eq": path}}, [("number", -1)], 1, {"number": 1, "_id": 0}) for path in values]
        found = await self._database.find_each("versions", queries)
        numbers = {path: rows[0]["number"] if rows else 1 for path, rows in zip(values, found, strict=True)}
        first = await self._named_since(made)
        unsettled = {path: leaf.value for path, leaf in values.items() if numbers[path] < first}
        return numbers | await self._read_back(made, unsettled, first) if first > 1 and unsettled else numbers

    async def _named_since(self, made: Version) -> int:
        """The first version from which on all, up to one version, name what they changed, in today's shape; one more than it if none does."""
        low, high = 1, made.number + 1
        middle = 1  # mostly all do, and the first one tells
        while low < high:
            if await self._names_changes(made, middle):
                high = middle
            else:
                low = middle + 1
            middle = (low + high) // 2
        return low

    async def _names_changes(self, made: Version, number: int) -> bool:
        row = await self._database.find_one("versions", {"_id": f"{made.document}.{number}"}, projection={"changed": 1, "schema_version": 1})
        return row is not None and "changed" in row and bool(row["schema_version"] >= self._kinds[made.kind].schema_version)

    async def _read_back(self, made: Version, values: Mapping[str, Any], first: int) -> dict[str, int]:
        """The same for values that have not changed from version `first` on, by reading the versions before it."""
        settled: dict[str, int] = {}
        left = dict(values)
        below = min(first, made.number)
        while left and (rows := await self._page(made.document, below)):
            for row in rows:
                there = self._leaves(version_from(row))
                for path in [path for path, value in left.items() if path not in there or not same(there[path].value, value)]:
                    settled[path] = row["number"] + 1
                    del left[path]
            below = rows[-1]["number"]
        return settled | dict.fromkeys(left, 1)

    async def _page(self, document: str, below: int) -> list[Row]:
        return await self._database.find("versions", {"document": document, "number": {"$lt": below}}, sort=[("number", -1)], limit=_PAGE)
