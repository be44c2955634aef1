"""Where each value of a version comes from: the version that brought it, in the document itself or
in the templates above.

Each stored version names the values that it changed, so the last change of a value is one look-up
in an index: the cost grows with the values and
the levels of templates, not with the number of versions. Only versions without such names in
today's shape (written before they were kept, or in
an older content model) are read one by one, in pages, newest first, until each value is settled.
"""

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from store.content.field_paths import FieldValue, field_values
from store.content.json_values import json_equal
from store.kinds.kinds import Kinds
from store.mongo.connection import Database, Query, Row
from store.mongo.rows import actor_from, derivation_from, version_from
from store.records import Actor, Derivation, Version

_Key = tuple[str, int]
_PAGE = 200
_NUMBER = {"number": 1, "_id": 0}
_NAMES_CHANGES = {"document": 1, "number": 1, "changed": 1, "schema_version": 1}


@dataclass(frozen=True, slots=True)
class Origin:
    """Where the value at a path comes from.

    `since` is the version of the document asked about that the value came with. `document` and
    `version` say where it was written: that
    same version, or a version of a template that it was taken over from, unchanged. `newest` is the
    newest version of `document` that was looked at.
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
class _Asked:
    """Values that a version has, of which it is not known where they come from; `of` is the version
    that they are asked about.
    """

    of: _Key
    made: Version
    values: Mapping[str, FieldValue]


class Blame:
    """The origins of values, read only."""

    def __init__(self, database: Database, kinds: Kinds) -> None:
        self._database = database
        self._kinds = kinds

    async def of(self, keys: Iterable[tuple[str, int]]) -> Mapping[tuple[str, int], list[Origin]]:
        """For versions, by (document, number), the origin of each of their values, in the content's
        order.

        A value is a template's where it came with the version that was made from it, restored, or
        took it over, and is the same there; it is then
        followed in that template, and so on upwards. A value that a template and the document came
        to have apart is the document's own.
        """
        found = await self._versions(keys)
        asked = {key: self._leaves(version) for key, version in found.items()}
        since: dict[tuple[_Key, str], int] = {}
        written: dict[tuple[_Key, str], tuple[Version, int]] = {}
        waiting = [_Asked(key, found[key], values) for key, values in asked.items()]
        while waiting:
            numbers = await self._last_changes(waiting)
            taken = await self._taken_over(
                {
                    (one.made.document, number)
                    for one, last in zip(waiting, numbers, strict=True)
                    for number in last.values()
                }
            )
            above: dict[tuple[_Key, _Key], dict[str, FieldValue]] = {}
            for one, last in zip(waiting, numbers, strict=True):
                for path, number in last.items():
                    since.setdefault((one.of, path), number)
                    written[one.of, path] = (one.made, number)
                    if (derived := taken.get((one.made.document, number))) is not None:
                        above.setdefault((one.of, (derived.template, derived.version)), {})[
                            path
                        ] = one.values[path]
            waiting = await self._shared(above)
        return {
            key: [
                Origin(path, leaf.label, since[key, path], made.document, number, made.number)
                for path, leaf in values.items()
                for made, number in [written[key, path]]
            ]
            for key, values in asked.items()
        }

    async def signatures(
        self, keys: Iterable[tuple[str, int]]
    ) -> Mapping[tuple[str, int], Signature]:
        """Who wrote versions, and when, by (document, number)."""
        rows = await self._rows(keys, {"document": 1, "number": 1, "author": 1, "created_at": 1})
        return {
            key: Signature(actor_from(row["author"]), row["created_at"])
            for key, row in rows.items()
        }

    async def _rows(self, keys: Iterable[_Key], shown: Row | None = None) -> dict[_Key, Row]:
        ids = sorted({f"{document}.{number}" for document, number in keys})
        rows = (
            await self._database.find("versions", {"_id": {"$in": ids}}, projection=shown)
            if ids
            else []
        )
        return {(row["document"], row["number"]): row for row in rows}

    async def _versions(self, keys: Iterable[_Key]) -> dict[_Key, Version]:
        return {key: version_from(row) for key, row in (await self._rows(keys)).items()}

    def _leaves(self, version: Version) -> dict[str, FieldValue]:
        kind = self._kinds[version.kind]
        return field_values(kind.upcast(version.content, version.schema_version), kind.fields)

    async def _taken_over(self, keys: Set[_Key]) -> Mapping[_Key, Derivation]:
        """Of some versions those that took over a template version: made from it, restored, or
        moved on to it.
        """
        before = {(document, number - 1) for document, number in keys if number > 1}
        rows = await self._rows(
            keys | before, {"document": 1, "number": 1, "derived_from": 1, "restored_from": 1}
        )
        derived = {key: derivation_from(row["derived_from"]) for key, row in rows.items()}
        taken = {}
        for document, number in keys:
            template = derived[document, number]
            restored = rows[document, number]["restored_from"] is not None
            if template is not None and (
                number == 1 or restored or derived[document, number - 1] != template
            ):
                taken[document, number] = template
        return taken

    async def _shared(
        self, above: Mapping[tuple[_Key, _Key], Mapping[str, FieldValue]]
    ) -> list[_Asked]:
        """The template versions, each with those of the values that are the same there."""
        templates = await self._versions(template for _, template in above)
        found = {key: self._leaves(template) for key, template in templates.items()}
        waiting = []
        for (of, key), values in above.items():
            there = found[key]
            if shared := {
                path: leaf
                for path, leaf in values.items()
                if path in there and json_equal(there[path].value, leaf.value)
            }:
                waiting.append(_Asked(of, templates[key], shared))
        return waiting

    async def _last_changes(self, waiting: Sequence[_Asked]) -> list[dict[str, int]]:
        """The number of the version that last changed each value, up to and including the one that
        has it; 1 for those as they first were.
        """
        look_ups = [
            Query(_upto(one.made) | {"changed": {"$eq": path}}, [("number", -1)], 1, _NUMBER)
            for one in waiting
            for path in one.values
        ]
        rows = iter(await self._database.find_each("versions", look_ups))
        numbers = [
            {
                path: found[0]["number"] if found else 1
                for path, found in zip(one.values, rows, strict=False)
            }
            for one in waiting
        ]
        firsts = await self._rows(((one.made.document, 1) for one in waiting), _NAMES_CHANGES)
        for one, last in zip(waiting, numbers, strict=True):
            if not self._names_changes(one.made, firsts[one.made.document, 1]):
                first = await self._named_since(one.made)
                unsettled = {
                    path: leaf.value for path, leaf in one.values.items() if last[path] < first
                }
                last.update(await self._read_back(one.made, unsettled, first))
        return numbers

    async def _named_since(self, made: Version) -> int:
        """The first version from which on all, up to one version, name what they changed, in
        today's shape; one more than it if none does.
        """
        low, high = 2, made.number + 1
        while low < high:
            middle = (low + high) // 2
            [row] = (await self._rows([(made.document, middle)], _NAMES_CHANGES)).values()
            if self._names_changes(made, row):
                high = middle
            else:
                low = middle + 1
        return low

    def _names_changes(self, made: Version, row: Row) -> bool:
        return "changed" in row and bool(
            row["schema_version"] >= self._kinds[made.kind].schema_version
        )

    async def _read_back(
        self, made: Version, values: Mapping[str, Any], first: int
    ) -> dict[str, int]:
        """The same for values that have not changed from version `first` on, by reading the
        versions before it.
        """
        settled: dict[str, int] = {}
        left = dict(values)
        below = min(
            first, made.number
        )  # where none names them, what this version itself has is known
        while left and (rows := await self._page(made.document, below)):
            for row in rows:
                there = self._leaves(version_from(row))
                for path in [
                    path
                    for path, value in left.items()
                    if path not in there or not json_equal(there[path].value, value)
                ]:
                    settled[path] = row["number"] + 1
                    del left[path]
            below = rows[-1]["number"]
        return settled | dict.fromkeys(left, 1)

    async def _page(self, document: str, below: int) -> list[Row]:
        return await self._database.find(
            "versions",
            {"document": document, "number": {"$lt": below}},
            sort=[("number", -1)],
            limit=_PAGE,
        )


def _upto(made: Version) -> Row:
    return {"document": made.document, "number": {"$lte": made.number}}
