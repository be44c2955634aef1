"""The documents derived from templates, directly or through other templates.

They are read level by level, with one query for each level. The derivation of the newest version
decides. Only clinics are counted here; the resolvers decide which clinics the viewer can count.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from store.clinics.filters import ClinicScope
from store.documents.listing import DocumentFilter
from store.documents.scopes import Scope, Visibility
from store.kinds.kinds import Kinds
from store.mongo.connection import Database, Row
from store.records import DocumentState, Owner, OwnerKind

_PROJECTION = dict.fromkeys(
    (
        "kind",
        "principal",
        "owner",
        "name",
        "state",
        "published",
        "latest",
        "hash",
        "derived_from",
        "created_at",
        "updated_at",
        "noticed_at",
    ),
    1,
)
_MAX_PIPELINES = 100
MAX_LEVELS = 50
"""Limit for the levels that are followed down and up a lineage.

Four levels are usual. Callers can create any number, so reading needs a limit.
"""


@dataclass(frozen=True, slots=True)
class Descendant:
    """A document that is derived from a template, without its content.

    Attributes:
        depth: Levels below the template, from 1.
        behind: Whether the document, or a template between it and the root template, is derived
            from an earlier version than the published one of its own template.
    """

    id: str
    kind: str
    principal: str
    owner: Owner
    state: DocumentState
    latest: int
    published: int | None
    hash: str
    created_at: datetime
    updated_at: datetime
    depth: int
    behind: bool


@dataclass(frozen=True, slots=True)
class Candidate:
    """A template to review, without its content.

    Attributes:
        changed_at: The last change that the viewer can see.
        behind: Whether its own template, where the viewer can see it, has a later published
            version.
    """

    id: str
    principal: str
    owner: Owner
    name: str
    changed_at: datetime
    behind: bool


@dataclass(frozen=True, slots=True)
class ClinicCountKey:
    """The key of a clinic count: how many clinics have any of several documents now.

    Attributes:
        documents: Ids.
        within: The clinics to count; None for all.
    """

    documents: tuple[str, ...]
    within: ClinicScope | None = None


class Lineage:
    """Reads the lineage of one registry's documents."""

    def __init__(self, database: Database, kinds: Kinds) -> None:
        self._database = database
        # No document is derived from an assignable one.
        self._leaf_kinds = [kind.name for kind in kinds if kind.assignable]

    async def descendants(self, templates: Iterable[str]) -> Mapping[str, Sequence[Descendant]]:
        """Read the descendants of each template, including archived ones, nearest first.

        There is one query for each level, for all templates together. MongoDB's recursive look-up
        (`$graphLookup`) would run one query for each document.
        """
        roots = sorted(set(templates))
        newest = {
            row["_id"]: _derivable_version(row) for row in await self._find({"_id": {"$in": roots}})
        }
        children: dict[str, list[Row]] = {}
        level = set(roots)
        for _ in range(MAX_LEVELS):
            if not level:
                break
            children |= {template: [] for template in level}
            rows = await self._find({"derived_from.template": {"$in": sorted(level)}})
            for row in rows:
                children[row["derived_from"]["template"]].append(row)
            newest |= {row["_id"]: _derivable_version(row) for row in rows}
            level = {
                row["_id"] for row in rows if row["kind"] not in self._leaf_kinds
            } - children.keys()
        return {root: _descendants_of(root, children, newest) for root in roots}

    async def candidates(
        self, which: DocumentFilter, scope: Scope, within: ClinicScope | None, *, limit: int
    ) -> list[Candidate]:
        """Read templates to review.

        Args:
            which: The templates.
            scope: The documents that the viewer can see.
            within: The principals whose logs, and the clinics whose templates, are read; None for
                all.
            limit: The maximum number of templates.
        """
        where = [which.where(scope)]
        if within is not None:
            where.append(_within_reach("principal", "owner.key", within))
        rows = await self._find({"$and": where}, limit=limit)
        above = sorted({row["derived_from"]["template"] for row in rows if row["derived_from"]})
        newest = (
            {
                row["_id"]: _derivable_version(row)
                for row in await self._find({"$and": [{"_id": {"$in": above}}, scope.where()]})
            }
            if above
            else {}
        )
        return [_candidate(row, scope, newest) for row in rows]

    async def _find(self, where: Row, *, limit: int = 0) -> list[Row]:
        return await self._database.find("documents", where, projection=_PROJECTION, limit=limit)

    async def clinics(self, keys: Iterable[ClinicCountKey]) -> Mapping[ClinicCountKey, int]:
        """Count the clinics that have any of several documents now, each clinic once."""
        keys = list(dict.fromkeys(keys))
        rows = await self._count(keys, [{"$group": {"_id": "$clinic"}}, {"$count": "clinics"}])
        return dict.fromkeys(keys, 0) | {key: row["clinics"] for key, row in rows}

    async def clinics_by_principal(
        self, keys: Iterable[ClinicCountKey]
    ) -> Mapping[ClinicCountKey, Mapping[str, int]]:
        """Count the clinics that have any of several documents now, by their principal's key."""
        keys = list(dict.fromkeys(keys))
        per_clinic = {"$group": {"_id": {"principal": "$principal", "clinic": "$clinic"}}}
        found: dict[ClinicCountKey, dict[str, int]] = {key: {} for key in keys}
        for key, row in await self._count(
            keys, [per_clinic, {"$group": {"_id": "$_id.principal", "clinics": {"$sum": 1}}}]
        ):
            found[key][row["_id"]] = row["clinics"]
        return found

    async def _count(
        self, keys: Sequence[ClinicCountKey], stages: Sequence[Row]
    ) -> list[tuple[ClinicCountKey, Row]]:
        """Run counting stages over the assignments of each key.

        One command runs up to a hundred pipelines.
        """
        found: list[tuple[ClinicCountKey, Row]] = []
        with_documents = [key for key in keys if key.documents]
        for start in range(0, len(with_documents), _MAX_PIPELINES):
            part = with_documents[start : start + _MAX_PIPELINES]
            first, *others = [
                [{"$match": _assigned(key)}, *stages, {"$addFields": {"query": number}}]
                for number, key in enumerate(part)
            ]
            union = [
                *first,
                *(
                    {"$unionWith": {"coll": "assignments", "pipeline": pipeline}}
                    for pipeline in others
                ),
            ]
            found += [
                (part[row["query"]], row)
                for row in await self._database.aggregate("assignments", union)
            ]
        return found


def _assigned(key: ClinicCountKey) -> Row:
    """Return a filter for the current assignments that a key counts."""
    return {
        "document": {"$in": list(key.documents)},
        "open": True,
        **({} if key.within is None else _within_reach("principal", "clinic", key.within)),
    }


def _within_reach(principal: str, clinic: str, within: ClinicScope) -> Row:
    """Return a filter for rows within reach, by the names of their principal and clinic fields."""
    return {
        "$or": [
            {principal: {"$in": sorted(within.principals)}},
            {clinic: {"$in": sorted(within.clinics)}},
        ]
    }


def _derivable_version(row: Row) -> int:
    """The version to derive from: the published one, or the newest while none is published."""
    number: int = row["published"] or row["latest"]
    return number


def _descendants_of(
    root: str, children: Mapping[str, Sequence[Row]], newest: Mapping[str, int]
) -> list[Descendant]:
    """Collect everything below a template, each document once."""
    found: dict[str, Descendant] = {}
    level = {root: False}
    depth = 0
    while level:
        depth += 1
        behind_of: dict[str, bool] = {}
        for template, behind_above in level.items():
            for row in children.get(template, ()):
                if row["_id"] not in found and row["_id"] != root:
                    behind_of[row["_id"]] = behind = (
                        behind_above or row["derived_from"]["version"] < newest[template]
                    )
                    found[row["_id"]] = _descendant(row, depth, behind=behind)
        level = behind_of
    return list(found.values())


def _candidate(row: Row, scope: Scope, newest: Mapping[str, int]) -> Candidate:
    document = _descendant(row, 0, behind=False)
    derived = row["derived_from"]
    noticed_at: datetime = row["noticed_at"] or row["created_at"]
    return Candidate(
        id=document.id,
        principal=document.principal,
        owner=document.owner,
        name=row["name"],
        changed_at=(
            document.updated_at if scope.visibility(document) is Visibility.ALL else noticed_at
        ),
        behind=derived is not None and derived["version"] < newest.get(derived["template"], 0),
    )


def _descendant(row: Row, depth: int, *, behind: bool) -> Descendant:
    return Descendant(
        id=row["_id"],
        kind=row["kind"],
        principal=row["principal"],
        owner=Owner(kind=OwnerKind(row["owner"]["kind"]), key=row["owner"]["key"]),
        state=DocumentState(row["state"]),
        latest=row["latest"],
        published=row["published"],
        hash=row["hash"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        depth=depth,
        behind=behind,
    )
