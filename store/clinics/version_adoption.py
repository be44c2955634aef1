"""How far clinics have taken the version in force: counted from their assignments, whatever the
length of the history.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from store.mongo.connection import Database, Query


@dataclass(frozen=True, slots=True)
class AdoptionQuery:
    """Of which document, at which clinics (all that have it, where None)."""

    document: str
    published: int | None
    clinics: tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class VersionCount:
    """How many clinics have acknowledged a version as the newest they were told of; and since when
    another one is in force, where one is.
    """

    version: int
    clinics: int
    since: datetime | None


@dataclass(frozen=True, slots=True)
class Adoption:
    """Of the clinics that have a case type now: how many have acknowledged which version, by
    number, and how many none.
    """

    by_version: Sequence[VersionCount]
    unseen: int


class Adoptions:
    """The adoption of a registry's case types."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of(self, asked: Iterable[AdoptionQuery]) -> Mapping[AdoptionQuery, Adoption]:
        """Counts for several documents, in two round trips."""
        keys = list(dict.fromkeys(asked))
        counts: dict[AdoptionQuery, dict[int | None, int]] = {key: {} for key in keys}
        for clinics in {key.clinics for key in keys}:
            same = {key.document: key for key in keys if key.clinics == clinics}
            some = {} if clinics is None else {"clinic": {"$in": list(clinics)}}
            rows = await self._database.aggregate(
                "assignments",
                [
                    {"$match": {"document": {"$in": sorted(same)}, "open": True, **some}},
                    {
                        "$group": {
                            "_id": {"document": "$document", "version": "$acknowledged_version"},
                            "clinics": {"$sum": 1},
                        }
                    },
                ],
            )
            for row in rows:
                counts[same[row["_id"]["document"]]][row["_id"].get("version")] = row["clinics"]
        replaced = await self.replaced(
            (key.document, version)
            for key in keys
            for version in counts[key]
            if version is not None and version != key.published
        )
        return {
            key: Adoption(
                [
                    VersionCount(
                        version,
                        clinics,
                        replaced.get((key.document, version)) if version != key.published else None,
                    )
                    for version, clinics in sorted(
                        (version, clinics)
                        for version, clinics in counts[key].items()
                        if version is not None
                    )
                ],
                counts[key].get(None, 0),
            )
            for key in keys
        }

    async def replaced(
        self, versions: Iterable[tuple[str, int]]
    ) -> Mapping[tuple[str, int], datetime]:
        """When each version was last replaced by another one in force."""
        keys = sorted(set(versions))
        queries = [
            Query(
                {
                    "document": document,
                    "published_before": version,
                    "published_after": {"$ne": version},
                },
                [("sequence", -1)],
                1,
                {"at": 1},
            )
            for document, version in keys
        ]
        found = await self._database.find_each("events", queries)
        return {key: rows[0]["at"] for key, rows in zip(keys, found, strict=True) if rows}
