"""Counts which versions of case types the clinics have acknowledged.

The counts come from the current assignments, so their cost does not grow with the history.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from store.mongo.connection import Database, Query


@dataclass(frozen=True, slots=True)
class AdoptionQuery:
    """A document and the clinics to count.

    Attributes:
        document: Its id.
        published: Number of its published version.
        clinics: Keys of the clinics to count; None for all that have the document.
    """

    document: str
    published: int | None
    clinics: tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class VersionCount:
    """The clinics that have acknowledged a version, and no other one since.

    Attributes:
        version: Its number.
        clinics: The number of clinics.
        since: When another version replaced this one; None for the published version.
    """

    version: int
    clinics: int
    since: datetime | None


@dataclass(frozen=True, slots=True)
class Adoption:
    """Acknowledged versions at the clinics that have a case type now.

    Attributes:
        by_version: By version number, ascending.
        unseen: The number of clinics that have acknowledged no version.
    """

    by_version: Sequence[VersionCount]
    unseen: int


class Adoptions:
    """The adoption of a registry's case types."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of(self, queries: Iterable[AdoptionQuery]) -> Mapping[AdoptionQuery, Adoption]:
        """The counts for several documents.

        They take one round trip for each distinct set of clinics, and one for replaced versions.
        """
        keys = list(dict.fromkeys(queries))
        counts: dict[AdoptionQuery, dict[int | None, int]] = {key: {} for key in keys}
        for clinics in {key.clinics for key in keys}:
            by_document = {key.document: key for key in keys if key.clinics == clinics}
            at_clinics = {} if clinics is None else {"clinic": {"$in": list(clinics)}}
            rows = await self._database.aggregate(
                "assignments",
                [
                    {
                        "$match": {
                            "document": {"$in": sorted(by_document)},
                            "open": True,
                            **at_clinics,
                        }
                    },
                    {
                        "$group": {
                            "_id": {"document": "$document", "version": "$acknowledged_version"},
                            "clinics": {"$sum": 1},
                        }
                    },
                ],
            )
            for row in rows:
                counts[by_document[row["_id"]["document"]]][row["_id"].get("version")] = row[
                    "clinics"
                ]
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
        """When another published version last replaced each version, by (document, version).

        Versions that were never replaced are left out.
        """
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
