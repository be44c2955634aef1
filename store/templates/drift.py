"""The drift of versions from the template versions that they are derived from.

Versions never change, so each drift is computed once and cached in memory.
"""

from collections.abc import Iterable, Mapping, Sequence

from cachetools import LRUCache

from store.content.comparison import drift
from store.kinds.kinds import Kinds
from store.mongo.connection import Database, Row

DriftKey = tuple[str, int, str]
"""A document id, the number of one of its versions, and the hash of its newest version.

The hash is needed because a number can be used again after a restore from backup.
"""

_BATCH = 100
_MAX_CACHED = 100_000


class Drifts:
    """Computes and caches the drift of one registry's documents."""

    def __init__(self, database: Database, kinds: Kinds) -> None:
        self._database = database
        self._kinds = kinds
        self._cache: LRUCache[DriftKey, int] = LRUCache(_MAX_CACHED)

    async def of(self, versions: Iterable[DriftKey]) -> Mapping[DriftKey, int]:
        """Return the drift in per cent of each version that is derived from a template.

        At most a hundred versions and their template versions are in memory at a time.
        """
        keys = list(dict.fromkeys(versions))
        found = {key: self._cache[key] for key in keys if key in self._cache}
        missing = [key for key in keys if key not in found]
        for start in range(0, len(missing), _BATCH):
            found |= await self._computed(missing[start : start + _BATCH])
        return found

    async def _computed(self, keys: Sequence[DriftKey]) -> dict[DriftKey, int]:
        derived = await self._versions(f"{document}.{number}" for document, number, _ in keys)
        origins = await self._versions(
            _origin_id(row) for row in derived.values() if row["derived_from"]
        )
        found: dict[DriftKey, int] = {}
        for key in keys:
            row = derived.get(f"{key[0]}.{key[1]}")
            if row is None or not row["derived_from"]:
                continue
            origin = origins.get(_origin_id(row))
            if origin is not None:
                kind, origin_kind = self._kinds[row["kind"]], self._kinds[origin["kind"]]
                before = origin_kind.upcast(origin["content"], origin["schema_version"])
                after = kind.upcast(row["content"], row["schema_version"])
                found[key] = drift(before, after, kind.fields)
        self._cache.update(found)
        return found

    async def _versions(self, ids: Iterable[str]) -> Mapping[str, Row]:
        projection = {"kind": 1, "content": 1, "schema_version": 1, "derived_from": 1}
        return {
            row["_id"]: row
            for row in await self._database.find(
                "versions", {"_id": {"$in": sorted(set(ids))}}, projection=projection
            )
        }


def _origin_id(row: Row) -> str:
    return f"{row['derived_from']['template']}.{row['derived_from']['version']}"
