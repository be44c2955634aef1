"""How far versions are from the template versions that they were made from.

A version never changes, nor does what it was made from: what was computed once is remembered, and
counted again only after a restart.
"""

from collections.abc import Iterable, Mapping, Sequence

from cachetools import LRUCache

from store.content.comparison import drift
from store.kinds.kinds import Kinds
from store.mongo.connection import Database, Row

Compared = tuple[str, int, str]
"""A document, the number of one of its versions, and the hash of its newest one: after a restore
from backup a number may be given out again.
"""

_BATCH = 100
_REMEMBERED = 100_000


class Drifts:
    """The drift of one registry's documents."""

    def __init__(self, database: Database, kinds: Kinds) -> None:
        self._database = database
        self._kinds = kinds
        self._known: LRUCache[Compared, int] = LRUCache(_REMEMBERED)

    async def of(self, versions: Iterable[Compared]) -> Mapping[Compared, int]:
        """The drift of each version that was made from a template, in per cent; a hundred contents
        are in memory at a time.
        """
        keys = list(dict.fromkeys(versions))
        found = {key: self._known[key] for key in keys if key in self._known}
        missing = [key for key in keys if key not in found]
        for start in range(0, len(missing), _BATCH):
            found |= await self._computed(missing[start : start + _BATCH])
        return found

    async def _computed(self, keys: Sequence[Compared]) -> dict[Compared, int]:
        made = await self._versions(f"{document}.{number}" for document, number, _ in keys)
        origins = await self._versions(_origin(row) for row in made.values() if row["derived_from"])
        found: dict[Compared, int] = {}
        for key in keys:
            row = made.get(f"{key[0]}.{key[1]}")
            origin = origins.get(_origin(row)) if row is not None and row["derived_from"] else None
            if row is not None and origin is not None:
                kind, other = self._kinds[row["kind"]], self._kinds[origin["kind"]]
                before = other.upcast(origin["content"], origin["schema_version"])
                found[key] = drift(
                    before, kind.upcast(row["content"], row["schema_version"]), kind.fields
                )
        self._known.update(found)
        return found

    async def _versions(self, ids: Iterable[str]) -> Mapping[str, Row]:
        shown = {"kind": 1, "content": 1, "schema_version": 1, "derived_from": 1}
        return {
            row["_id"]: row
            for row in await self._database.find(
                "versions", {"_id": {"$in": sorted(set(ids))}}, projection=shown
            )
        }


def _origin(row: Row) -> str:
    return f"{row['derived_from']['template']}.{row['derived_from']['version']}"
