"""Which single texts are adapted most: where documents differ from their template, and what clinics
add to central case types.

Two versions never change: where they differ is computed once, and remembered until a restart.
"""

import asyncio
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from cachetools import LRUCache

from store.content.field_paths import differing
from store.kinds.kinds import Kinds
from store.mongo.connection import Database, Row
from store.records import DocumentState, OwnerKind
from store.reports.authoring import Derived, Whose

MAX_DOCUMENTS = 20_000
"""So many documents are compared for one report."""

_BATCH = 20  # contents that are compared without a turn for others
_SHOWN = {"kind": 1, "content": 1, "schema_version": 1}
_UNCOMPARED = frozenset({"internalName"})
_ADDED = {"standardReplies": "label", "terms": "heading"}

_Key = tuple[str, int, str]
_Places = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class AdaptedText:
    """One place of a case type or template, and how many documents have something of their own
    there.

    Attributes:
        source: The central case type or the template, by id.
        path: Where.
        label: The same for people.
        documents: Adaptations, or documents made from the template.
        out_of: So many there are of them in all.
        clinics: So many clinics own them.
        principals: In so many principals' logs they are.
    """

    source: str
    path: str
    label: str
    documents: int
    out_of: int
    clinics: int
    principals: int


@dataclass(slots=True)
class _Count:
    label: str
    documents: int = 0
    clinics: set[str] = field(default_factory=set)
    principals: set[str] = field(default_factory=set)


class Adapting:
    """The adapted texts of one registry."""

    def __init__(self, database: Database, kinds: Kinds) -> None:
        self._database = database
        self._kinds = kinds
        self._known: LRUCache[_Key, _Places] = LRUCache(MAX_DOCUMENTS)

    async def differing(self, made: Sequence[Derived]) -> list[AdaptedText]:
        """Where documents differ from the version of the template that each is made from, by
        template and place.

        What tells documents apart by intention (`internalName`) and the order of items are left
        out.
        """
        totals: dict[str, int] = defaultdict(int)
        counts: dict[tuple[str, str], _Count] = {}
        for start in range(0, len(made), _BATCH):
            batch = made[start : start + _BATCH]
            places = await self._places(batch)
            for one in batch:
                totals[one.template] += 1
                for path, label in places[one.document]:
                    count = counts.setdefault((one.template, path), _Count(label))
                    count.documents += 1
                    count.principals.add(one.principal)
                    if one.owner.kind is OwnerKind.CLINIC:
                        count.clinics.add(one.owner.key)
            await asyncio.sleep(0)
        return [
            AdaptedText(
                source,
                path,
                one.label,
                one.documents,
                totals[source],
                len(one.clinics),
                len(one.principals),
            )
            for (source, path), one in counts.items()
        ]

    async def added(self, kind: str, whose: Whose, case_type: str | None) -> list[AdaptedText]:
        """The replies and terms that clinics add to central case types, or to one, by their keys;
        archived adaptations left out.
        """
        fields = self._kinds[kind].fields
        where: Row = {
            "kind": kind,
            "state": {"$ne": str(DocumentState.ARCHIVED)},
            **whose.where(OwnerKind.CLINIC),
        }
        if case_type is not None:
            where["subject"] = {"$eq": case_type}
        content = {"$ifNull": ["$published_content", "$content"]}
        items = [
            {
                "$map": {
                    "input": {"$getField": {"field": name, "input": content}},
                    "in": {
                        "path": {"$concat": [f"{name}[", "$$this.key", "]"]},
                        "label": {"$concat": [f"{fields[name].title} › ”", f"$$this.{told}", "”"]},
                    },
                }
            }
            for name, told in _ADDED.items()
        ]
        match = {"$match": {"$and": [where, whose.scope.where()]}}
        totals = {
            row["_id"]: row["adaptations"]
            for row in await self._database.aggregate(
                "documents", [match, {"$group": {"_id": "$subject", "adaptations": {"$sum": 1}}}]
            )
        }
        rows = await self._database.aggregate(
            "documents",
            [
                match,
                {"$project": {"subject": 1, "items": {"$concatArrays": items}}},
                {"$unwind": "$items"},
                {
                    "$group": {
                        "_id": {"source": "$subject", "path": "$items.path"},
                        "label": {"$min": "$items.label"},
                        "adaptations": {"$sum": 1},
                    }
                },
            ],
        )
        return [
            _added(row, totals[row["_id"]["source"]])
            for row in rows
            if row["_id"]["source"] in totals
        ]

    async def _places(self, made: Sequence[Derived]) -> Mapping[str, _Places]:
        """By document the places where it differs, each with its label."""
        missing = [one for one in made if _key(one) not in self._known]
        found = {one.document: self._known[_key(one)] for one in made if _key(one) in self._known}
        if missing:
            versions = await self._versions(
                [
                    *(f"{one.document}.{one.number}" for one in missing),
                    *(_origin(one) for one in missing),
                ]
            )
            for one in missing:
                places = self._compared(
                    versions.get(f"{one.document}.{one.number}"), versions.get(_origin(one))
                )
                found[one.document] = self._known[_key(one)] = places
        return found

    def _compared(self, row: Row | None, origin: Row | None) -> _Places:
        if row is None or origin is None:
            return ()
        kind, other = self._kinds[row["kind"]], self._kinds[origin["kind"]]
        fields = {
            name: one
            for name, one in kind.fields.items()
            if name in other.fields and name not in _UNCOMPARED
        }
        before, after = (
            other.upcast(origin["content"], origin["schema_version"]),
            kind.upcast(row["content"], row["schema_version"]),
        )
        # Thousands of documents differ at the same few places: each is kept once.
        return tuple(
            (sys.intern(path), sys.intern(label))
            for path, label in differing(before, after, fields).items()
        )

    async def _versions(self, ids: Iterable[str]) -> Mapping[str, Row]:
        return {
            row["_id"]: row
            for row in await self._database.find(
                "versions", {"_id": {"$in": sorted(set(ids))}}, projection=_SHOWN
            )
        }


def _added(row: Row, total: int) -> AdaptedText:
    # An adaptation is one clinic's, and its case type is of that clinic's principal.
    return AdaptedText(
        row["_id"]["source"],
        row["_id"]["path"],
        row["label"],
        row["adaptations"],
        total,
        clinics=row["adaptations"],
        principals=1,
    )


def _key(one: Derived) -> _Key:
    return one.document, one.number, one.hash


def _origin(one: Derived) -> str:
    return f"{one.template}.{one.version}"
