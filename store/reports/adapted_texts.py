"""The texts that are adapted most.

These are places where documents differ from their template, and texts that clinics add to central
case types. Versions never change, so each pair is compared once and the result is cached until a
restart.
"""

import asyncio
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from cachetools import LRUCache

from store.content.field_paths import differing_paths
from store.kinds.kinds import Kinds
from store.mongo.connection import Database, Row
from store.records import DocumentState, OwnerKind
from store.reports.authoring import DerivedVersion, ReportScope

MAX_DOCUMENTS = 20_000
"""The maximum number of documents that are compared for one report."""

_BATCH_SIZE = 20  # contents that are compared without a turn of the event loop
_PROJECTION = {"kind": 1, "content": 1, "schema_version": 1}
_NOT_COMPARED = frozenset({"internalName"})
_LABEL_FIELDS = {"standardReplies": "label", "terms": "heading"}

_Key = tuple[str, int, str]
_Places = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class AdaptedText:
    """One place in a case type or template, and how many documents adapt it.

    Attributes:
        source: The id of the central case type or template.
        path: The path of the place.
        label: The path in words, for people.
        documents: The number of adaptations, or of documents made from the template, that have a
            text of their own in this place.
        out_of: The number of all adaptations, or of all documents made from the template.
        clinics: The number of clinics that own the counted documents.
        principals: The number of principals whose logs have the counted documents.
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


class AdaptedTexts:
    """The adapted texts of one registry."""

    def __init__(self, database: Database, kinds: Kinds) -> None:
        self._database = database
        self._kinds = kinds
        self._cache: LRUCache[_Key, _Places] = LRUCache(MAX_DOCUMENTS)

    async def differing(self, documents: Sequence[DerivedVersion]) -> list[AdaptedText]:
        """Return where documents differ from the template version that each is made from.

        The order of items is not compared, nor is `internalName`, which differs on purpose.
        """
        totals: dict[str, int] = defaultdict(int)
        counts: dict[tuple[str, str], _Count] = {}
        for start in range(0, len(documents), _BATCH_SIZE):
            batch = documents[start : start + _BATCH_SIZE]
            places = await self._places(batch)
            for document in batch:
                totals[document.template] += 1
                for path, label in places[document.document]:
                    count = counts.setdefault((document.template, path), _Count(label))
                    count.documents += 1
                    count.principals.add(document.principal)
                    if document.owner.kind is OwnerKind.CLINIC:
                        count.clinics.add(document.owner.key)
            await asyncio.sleep(0)
        return [
            AdaptedText(
                source,
                path,
                count.label,
                count.documents,
                totals[source],
                len(count.clinics),
                len(count.principals),
            )
            for (source, path), count in counts.items()
        ]

    async def added(
        self, kind: str, whose: ReportScope, case_type: str | None
    ) -> list[AdaptedText]:
        """Return the replies and terms that clinics add to central case types, by their keys.

        Args:
            kind: The kind of adaptations. Archived ones are left out.
            whose: The adaptations to count.
            case_type: Only this case type (id); None for all.
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
                        "label": {"$concat": [f"{fields[name].title} › ”", f"$$this.{label}", "”"]},
                    },
                }
            }
            for name, label in _LABEL_FIELDS.items()
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

    async def _places(self, documents: Sequence[DerivedVersion]) -> Mapping[str, _Places]:
        """Return the places where each document differs, with their labels, by document."""
        places: dict[str, _Places] = {}
        missing = []
        for document in documents:
            if (cached := self._cache.get(_key(document))) is None:
                missing.append(document)
            else:
                places[document.document] = cached
        if missing:
            versions = await self._versions(
                [*map(_version_id, missing), *map(_template_version_id, missing)]
            )
            for document in missing:
                compared = self._compare(
                    versions.get(_version_id(document)),
                    versions.get(_template_version_id(document)),
                )
                places[document.document] = self._cache[_key(document)] = compared
        return places

    def _compare(self, version: Row | None, template: Row | None) -> _Places:
        if version is None or template is None:
            return ()
        kind, template_kind = self._kinds[version["kind"]], self._kinds[template["kind"]]
        fields = {
            name: field
            for name, field in kind.fields.items()
            if name in template_kind.fields and name not in _NOT_COMPARED
        }
        before = template_kind.upcast(template["content"], template["schema_version"])
        after = kind.upcast(version["content"], version["schema_version"])
        # Thousands of documents differ in the same few places: each text is kept once in memory.
        return tuple(
            (sys.intern(path), sys.intern(label))
            for path, label in differing_paths(before, after, fields).items()
        )

    async def _versions(self, ids: Iterable[str]) -> Mapping[str, Row]:
        return {
            row["_id"]: row
            for row in await self._database.find(
                "versions", {"_id": {"$in": sorted(set(ids))}}, projection=_PROJECTION
            )
        }


def _added(row: Row, total: int) -> AdaptedText:
    # Each adaptation belongs to one clinic, and its case type to that clinic's principal.
    return AdaptedText(
        row["_id"]["source"],
        row["_id"]["path"],
        row["label"],
        row["adaptations"],
        total,
        clinics=row["adaptations"],
        principals=1,
    )


def _key(document: DerivedVersion) -> _Key:
    return document.document, document.number, document.hash


def _version_id(document: DerivedVersion) -> str:
    return f"{document.document}.{document.number}"


def _template_version_id(document: DerivedVersion) -> str:
    return f"{document.template}.{document.version}"
