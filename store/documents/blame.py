"""The origin of each value of a version: the version of the document or a template that wrote it.

Each stored version lists the paths of the values that it changed. So the last change of a value is
one look-up in an index, and the cost grows with the number of values and of template levels, not
with the number of versions. Some versions have no such list that is valid for the current schema
version, because they were written before lists were stored or with an older content model. Those
are read one by one, in pages, newest first, until the origin of each value is known.
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
_CHANGE_LIST = {"document": 1, "number": 1, "changed": 1, "schema_version": 1}


@dataclass(frozen=True, slots=True)
class ValueOrigin:
    """The origin of the value at a path.

    Attributes:
        path: Of the value.
        label: The path for people.
        since: The number of the version that added the value to the requested document.
        document: Where the value was written: the requested document, or a template that it was
            adopted from unchanged.
        version: The number of the version of `document` that wrote it.
        newest: The newest version of `document` that was read.
    """

    path: str
    label: str
    since: int
    document: str
    version: int
    newest: int


@dataclass(frozen=True, slots=True)
class Authorship:
    """The author and time of a version."""

    author: Actor
    at: datetime


@dataclass(frozen=True, slots=True)
class _PendingValues:
    """Values of a version whose origin is not known yet.

    Attributes:
        requested: The version whose blame was requested.
        version: The version of that document, or of a template above it, that has the values.
        values: By path.
    """

    requested: _Key
    version: Version
    values: Mapping[str, FieldValue]


class Blame:
    """Finds the origins of values; read only."""

    def __init__(self, database: Database, kinds: Kinds) -> None:
        self._database = database
        self._kinds = kinds

    async def of(
        self, keys: Iterable[tuple[str, int]]
    ) -> Mapping[tuple[str, int], list[ValueOrigin]]:
        """Return the origin of each value of versions, by (document, number), in content order.

        The origin of a value is in a template if the version that added the value was made from the
        template version, restored it or adopted it, and the template version has an equal value.
        The value is then followed in that template, and so on upwards. A value that the template
        and the document got independently belongs to the document.
        """
        versions = await self._versions(keys)
        requested = {key: self._field_values(version) for key, version in versions.items()}
        since: dict[tuple[_Key, str], int] = {}
        written: dict[tuple[_Key, str], tuple[Version, int]] = {}
        pending = [_PendingValues(key, versions[key], values) for key, values in requested.items()]
        while pending:
            numbers = await self._last_changes(pending)
            adopted = await self._adopted(
                {
                    (group.version.document, number)
                    for group, last in zip(pending, numbers, strict=True)
                    for number in last.values()
                }
            )
            above: dict[tuple[_Key, _Key], dict[str, FieldValue]] = {}
            for group, last in zip(pending, numbers, strict=True):
                for path, number in last.items():
                    since.setdefault((group.requested, path), number)
                    written[group.requested, path] = (group.version, number)
                    if (derived := adopted.get((group.version.document, number))) is not None:
                        template = (derived.template, derived.version)
                        inherited = above.setdefault((group.requested, template), {})
                        inherited[path] = group.values[path]
            pending = await self._equal_in_templates(above)
        return {
            key: [
                ValueOrigin(
                    path, value.label, since[key, path], version.document, number, version.number
                )
                for path, value in values.items()
                for version, number in [written[key, path]]
            ]
            for key, values in requested.items()
        }

    async def authorships(
        self, keys: Iterable[tuple[str, int]]
    ) -> Mapping[tuple[str, int], Authorship]:
        """Read who wrote versions, and when, by (document, number)."""
        rows = await self._rows(keys, {"document": 1, "number": 1, "author": 1, "created_at": 1})
        return {
            key: Authorship(actor_from(row["author"]), row["created_at"])
            for key, row in rows.items()
        }

    async def _rows(self, keys: Iterable[_Key], projection: Row | None = None) -> dict[_Key, Row]:
        ids = sorted({f"{document}.{number}" for document, number in keys})
        rows = (
            await self._database.find("versions", {"_id": {"$in": ids}}, projection=projection)
            if ids
            else []
        )
        return {(row["document"], row["number"]): row for row in rows}

    async def _versions(self, keys: Iterable[_Key]) -> dict[_Key, Version]:
        return {key: version_from(row) for key, row in (await self._rows(keys)).items()}

    def _field_values(self, version: Version) -> dict[str, FieldValue]:
        kind = self._kinds[version.kind]
        return field_values(kind.upcast(version.content, version.schema_version), kind.fields)

    async def _adopted(self, keys: Set[_Key]) -> Mapping[_Key, Derivation]:
        """Return the template versions that versions were made from, restored or adopted.

        Versions that did none of these are left out.
        """
        before = {(document, number - 1) for document, number in keys if number > 1}
        rows = await self._rows(
            keys | before, {"document": 1, "number": 1, "derived_from": 1, "restored_from": 1}
        )
        derived = {key: derivation_from(row["derived_from"]) for key, row in rows.items()}
        adopted = {}
        for document, number in keys:
            template = derived[document, number]
            restored = rows[document, number]["restored_from"] is not None
            if template is not None and (
                number == 1 or restored or derived[document, number - 1] != template
            ):
                adopted[document, number] = template
        return adopted

    async def _equal_in_templates(
        self, above: Mapping[tuple[_Key, _Key], Mapping[str, FieldValue]]
    ) -> list[_PendingValues]:
        """Read template versions, and keep the values that are equal there."""
        templates = await self._versions(template for _, template in above)
        template_values = {key: self._field_values(version) for key, version in templates.items()}
        pending = []
        for (requested, key), values in above.items():
            own = template_values[key]
            if equal := {
                path: value
                for path, value in values.items()
                if path in own and json_equal(own[path].value, value.value)
            }:
                pending.append(_PendingValues(requested, templates[key], equal))
        return pending

    async def _last_changes(self, pending: Sequence[_PendingValues]) -> list[dict[str, int]]:
        """Return the number of the version that last changed each value.

        Versions up to and including the one that has the value are considered. The number is 1 for
        a value that was never changed.
        """
        look_ups = [
            Query(_upto(group.version) | {"changed": {"$eq": path}}, [("number", -1)], 1, _NUMBER)
            for group in pending
            for path in group.values
        ]
        rows = iter(await self._database.find_each("versions", look_ups))
        numbers = [
            {
                path: found[0]["number"] if found else 1
                for path, found in zip(group.values, rows, strict=False)
            }
            for group in pending
        ]
        firsts = await self._rows(((group.version.document, 1) for group in pending), _CHANGE_LIST)
        for group, last in zip(pending, numbers, strict=True):
            if not self._lists_changes(group.version, firsts[group.version.document, 1]):
                first = await self._first_listing_changes(group.version)
                unsettled = {
                    path: value.value for path, value in group.values.items() if last[path] < first
                }
                last.update(await self._read_back(group.version, unsettled, first))
        return numbers

    async def _first_listing_changes(self, version: Version) -> int:
        """Return the number of the first version from which on all list their changes.

        Only versions up to `version` are considered, and only lists that are valid for the current
        schema version. One more than its number if it has no such list itself.
        """
        low, high = 2, version.number + 1
        while low < high:
            middle = (low + high) // 2
            [row] = (await self._rows([(version.document, middle)], _CHANGE_LIST)).values()
            if self._lists_changes(version, row):
                high = middle
            else:
                low = middle + 1
        return low

    def _lists_changes(self, version: Version, row: Row) -> bool:
        return "changed" in row and bool(
            row["schema_version"] >= self._kinds[version.kind].schema_version
        )

    async def _read_back(
        self, version: Version, values: Mapping[str, Any], first: int
    ) -> dict[str, int]:
        """Find the last change of values that have not changed from version `first` on.

        Reads the versions before it, newest first.
        """
        settled: dict[str, int] = {}
        unsettled = dict(values)
        # The content of `version` itself is known, so reading starts before it.
        below = min(first, version.number)
        while unsettled and (rows := await self._page(version.document, below)):
            for row in rows:
                earlier = self._field_values(version_from(row))
                for path in [
                    path
                    for path, value in unsettled.items()
                    if path not in earlier or not json_equal(earlier[path].value, value)
                ]:
                    settled[path] = row["number"] + 1
                    del unsettled[path]
            below = rows[-1]["number"]
        return settled | dict.fromkeys(unsettled, 1)

    async def _page(self, document: str, below: int) -> list[Row]:
        return await self._database.find(
            "versions",
            {"document": document, "number": {"$lt": below}},
            sort=[("number", -1)],
            limit=_PAGE,
        )


def _upto(version: Version) -> Row:
    return {"document": version.document, "number": {"$lte": version.number}}
