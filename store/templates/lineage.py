"""What comes from templates, directly or through other templates: read level by level, whatever the
number of documents on a level.

A document's place in the lineage is that of its newest version. Nothing is counted here but
clinics: who may be counted is for the resolvers.
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

_SHOWN = dict.fromkeys(
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
_BRANCHES = 100
MAX_LEVELS = 50
"""How far down and up a lineage is followed.

Four levels are usual; what is made without end must not be read without end.
"""


@dataclass(frozen=True, slots=True)
class Descendant:
    """A document that comes from a template; without its content.

    `depth` is 1 for what was made from the template itself. It is `behind` if it, or a template on
    its way from there, comes from an earlier
    version than its own template has in force.
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
    """A template that is looked through; without its content.

    `changed_at` is its last change as far as the viewer sees.
    """

    id: str
    principal: str
    owner: Owner
    name: str
    changed_at: datetime
    behind: bool


@dataclass(frozen=True, slots=True)
class ClinicsAsked:
    """At how many clinics any of some documents is now; among those that may be read, where not all
    may.
    """

    documents: tuple[str, ...]
    within: ClinicScope | None = None


class Lineage:
    """The lineage of one registry's documents."""

    def __init__(self, database: Database, kinds: Kinds) -> None:
        self._database = database
        self._leaves = [kind.name for kind in kinds if kind.assignable]

    async def descendants(self, templates: Iterable[str]) -> Mapping[str, Sequence[Descendant]]:
        """What comes from each of some templates, archived documents included, nearest first.

        One query for each level, for all the templates together. A recursive look-up of MongoDB's
        (`$graphLookup`) would ask for each document.
        """
        roots = sorted(set(templates))
        newest = {row["_id"]: _in_force(row) for row in await self._find({"_id": {"$in": roots}})}
        children: dict[str, list[Row]] = {}
        level = set(roots)
        for _ in range(MAX_LEVELS):
            if not level:
                break
            children |= {template: [] for template in level}
            rows = await self._find({"derived_from.template": {"$in": sorted(level)}})
            for row in rows:
                children[row["derived_from"]["template"]].append(row)
            newest |= {row["_id"]: _in_force(row) for row in rows}
            level = {
                row["_id"] for row in rows if row["kind"] not in self._leaves
            } - children.keys()
        return {root: _below(root, children, newest) for root in roots}

    async def candidates(
        self, which: DocumentFilter, scope: Scope, within: ClinicScope | None, *, limit: int
    ) -> list[Candidate]:
        """The templates to look through, at most `limit` of them: those in some principals' logs
        and of some clinics, or all (None).

        Each is `behind` where its own template, if the scope lets it be seen, has a later version
        in force than it comes from.
        """
        where = [which.where(scope)]
        if within is not None:
            where.append(_either("principal", "owner.key", within))
        rows = await self._find({"$and": where}, limit=limit)
        above = sorted({row["derived_from"]["template"] for row in rows if row["derived_from"]})
        newest = (
            {
                row["_id"]: _in_force(row)
                for row in await self._find({"$and": [{"_id": {"$in": above}}, scope.where()]})
            }
            if above
            else {}
        )
        return [_candidate(row, scope, newest) for row in rows]

    async def _find(self, where: Row, *, limit: int = 0) -> list[Row]:
        return await self._database.find("documents", where, projection=_SHOWN, limit=limit)

    async def clinics(self, asked: Iterable[ClinicsAsked]) -> Mapping[ClinicsAsked, int]:
        """How many clinics have any of some documents now, each clinic once."""
        keys = list(dict.fromkeys(asked))
        rows = await self._counted(keys, [{"$group": {"_id": "$clinic"}}, {"$count": "clinics"}])
        return dict.fromkeys(keys, 0) | {key: row["clinics"] for key, row in rows}

    async def clinics_by_principal(
        self, asked: Iterable[ClinicsAsked]
    ) -> Mapping[ClinicsAsked, Mapping[str, int]]:
        """The same for each principal whose clinics have any of them."""
        keys = list(dict.fromkeys(asked))
        each = {"$group": {"_id": {"principal": "$principal", "clinic": "$clinic"}}}
        found: dict[ClinicsAsked, dict[str, int]] = {key: {} for key in keys}
        for key, row in await self._counted(
            keys, [each, {"$group": {"_id": "$_id.principal", "clinics": {"$sum": 1}}}]
        ):
            found[key][row["_id"]] = row["clinics"]
        return found

    async def _counted(
        self, keys: Sequence[ClinicsAsked], counting: Sequence[Row]
    ) -> list[tuple[ClinicsAsked, Row]]:
        """What a counting of assignments comes to for each key, for up to a hundred at a time in
        one command.
        """
        found: list[tuple[ClinicsAsked, Row]] = []
        waiting = [key for key in keys if key.documents]
        for start in range(0, len(waiting), _BRANCHES):
            part = waiting[start : start + _BRANCHES]
            first, *others = [
                [{"$match": _held(key)}, *counting, {"$addFields": {"query": number}}]
                for number, key in enumerate(part)
            ]
            united = [
                *first,
                *({"$unionWith": {"coll": "assignments", "pipeline": branch}} for branch in others),
            ]
            found += [
                (part[row["query"]], row)
                for row in await self._database.aggregate("assignments", united)
            ]
        return found


def _held(asked: ClinicsAsked) -> Row:
    return {
        "document": {"$in": list(asked.documents)},
        "open": True,
        **({} if asked.within is None else _either("principal", "clinic", asked.within)),
    }


def _either(principal: str, clinic: str, within: ClinicScope) -> Row:
    """What is some principals' or some clinics', by the fields that say so."""
    return {
        "$or": [
            {principal: {"$in": sorted(within.principals)}},
            {clinic: {"$in": sorted(within.clinics)}},
        ]
    }


def _in_force(row: Row) -> int:
    """The version that others should have taken: the one in force, or the newest while none is."""
    number: int = row["published"] or row["latest"]
    return number


def _below(
    root: str, children: Mapping[str, Sequence[Row]], newest: Mapping[str, int]
) -> list[Descendant]:
    """Everything below a template, each document once."""
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
    one = _descendant(row, 0, behind=False)
    derived = row["derived_from"]
    noticed_at: datetime = row["noticed_at"] or row["created_at"]
    return Candidate(
        id=one.id,
        principal=one.principal,
        owner=one.owner,
        name=row["name"],
        changed_at=one.updated_at if scope.visibility(one) is Visibility.ALL else noticed_at,
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
