"""What is written, counted: versions by month, documents by template, clinics' adaptations by case
type, and clinics' own case types by name.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from store.documents.scopes import NOTHING, Scope
from store.kinds.kinds import Kinds
from store.mongo.connection import Database, Row
from store.records import DocumentState, Owner, OwnerKind

TIME_ZONE = "Europe/Stockholm"
"""Whose months edits are counted by: a month begins when it does for those who read the report, not
in UTC.
"""

_IN_USE = {"$ne": str(DocumentState.ARCHIVED)}


@dataclass(frozen=True, slots=True)
class Whose:
    """Documents in these principals' logs, and of these clinics (keys) only where some are named,
    within what someone sees.
    """

    principals: Sequence[str]
    clinics: Sequence[str] | None
    scope: Scope

    def where(self, owner: OwnerKind | None = None) -> dict[str, Any]:
        """As MongoDB's filter."""
        where: dict[str, Any] = {"principal": {"$in": list(self.principals)}}
        if self.clinics is not None:
            where["owner.key"] = {"$in": list(self.clinics)}
        if owner is not None:
            where["owner.kind"] = str(owner)
        return where


@dataclass(frozen=True, slots=True)
class Edits:
    """How many versions were written in a principal's log in a month, `2026-11`."""

    principal: str
    month: str
    versions: int


@dataclass(frozen=True, slots=True)
class TemplateUse:
    """How many documents, of how many principals, are made from a version of a template."""

    template: str
    version: int
    principals: frozenset[str]
    documents: int


@dataclass(frozen=True, slots=True)
class Derived:
    """A version of a document that is made from a version of a template; `hash` is that of the
    document's newest version.
    """

    document: str
    number: int
    hash: str
    principal: str
    owner: Owner
    template: str
    version: int


@dataclass(frozen=True, slots=True)
class Adapted:
    """How many clinics have adapted a case type, with how many replies and terms of their own.

    `with_replies` and `with_terms` are those that have added any.
    `outdated` are those whose adaptation was written for a version before the one in force.
    """

    case_type: str
    clinics: int
    replies: int
    terms: int
    outdated: int
    with_replies: int
    with_terms: int


@dataclass(frozen=True, slots=True)
class Named:
    """A document by name; `owner` is a key."""

    id: str
    principal: str
    owner: str
    name: str


class Texts:
    """What is written in one registry."""

    def __init__(self, database: Database, kinds: Kinds) -> None:
        self._database = database
        self._kinds = [kind.name for kind in kinds]

    async def edits(
        self, principals: Sequence[str], since: datetime, until: datetime
    ) -> list[Edits]:
        """The versions written from a moment on and before another, by principal and month; the
        newest month first.
        """
        month = {"$dateToString": {"date": "$created_at", "format": "%Y-%m", "timezone": TIME_ZONE}}
        rows = await self._database.aggregate(
            "versions",
            [
                # All kinds are named so that the index answers alone: no version is read for it.
                {
                    "$match": {
                        "principal": {"$in": list(principals)},
                        "kind": {"$in": self._kinds},
                        "created_at": {"$gte": since, "$lt": until},
                    }
                },
                {
                    "$group": {
                        "_id": {"principal": "$principal", "month": month},
                        "versions": {"$sum": 1},
                    }
                },
            ],
        )
        found = [
            Edits(row["_id"]["principal"], row["_id"]["month"], row["versions"]) for row in rows
        ]
        return sorted(
            sorted(found, key=lambda one: one.principal), key=lambda one: one.month, reverse=True
        )

    async def derived(self, templates: Sequence[str], whose: Whose) -> list[TemplateUse]:
        """What is made from some templates and not archived, by template and its version."""
        principals: dict[tuple[str, int], list[str]] = defaultdict(list)
        for one in await self.derivations(templates, whose, limit=0):
            principals[one.template, one.version].append(one.principal)
        return [
            TemplateUse(template, version, frozenset(found), len(found))
            for (template, version), found in sorted(principals.items())
        ]

    async def derivations(
        self, templates: Sequence[str] | None, whose: Whose, *, limit: int
    ) -> list[Derived]:
        """The documents that are made from some templates, or from any, and not archived; at most
        so many, 0 for all.

        Told is the version that a document's newest version comes from; for who sees no drafts,
        that of the newest ever in force.
        """
        which = {"$in": list(templates)} if templates is not None else {"$type": "string"}
        where = {"derived_from.template": which, "state": _IN_USE, **whose.where()}
        shown = dict.fromkeys(
            ("derived_from", "principal", "owner", "latest", "hash", "highest_released"), 1
        )
        whole, released = [
            (
                await self._database.find(
                    "documents", {"$and": [where, seen]}, projection=shown, limit=limit
                )
                if seen != NOTHING
                else []
            )
            for seen in whose.scope.parts()
        ]
        drafted = [
            f"{row['_id']}.{row['highest_released']}"
            for row in released
            if row["highest_released"] != row["latest"]
        ]
        rows = (
            await self._database.find(
                "versions", {"_id": {"$in": drafted}}, projection={"document": 1, "derived_from": 1}
            )
            if drafted
            else []
        )
        seen_as = {row["document"]: row["derived_from"] for row in rows}
        made = [_derived(row, row["latest"], row["derived_from"]) for row in whole]
        made += [
            _derived(row, row["highest_released"], seen_as.get(row["_id"], row["derived_from"]))
            for row in released
        ]
        return [one for one in made if one is not None][: limit or None]

    async def adapted(self, kind: str, whose: Whose) -> list[Adapted]:
        """How far case types are adapted: documents of the kind of adaptations, archived ones left
        out, by case type.
        """
        content = {"$ifNull": ["$published_content", "$content"]}
        replies, terms = [
            {"$size": {"$getField": {"field": name, "input": content}}}
            for name in ("standardReplies", "terms")
        ]
        rows = await self._database.aggregate(
            "documents",
            [
                {
                    "$match": {
                        "$and": [
                            {"kind": kind, "state": _IN_USE, **whose.where(OwnerKind.CLINIC)},
                            whose.scope.where(),
                        ]
                    }
                },
                {
                    "$group": {
                        "_id": {
                            "case_type": "$subject",
                            "written_for": {"$getField": {"field": "writtenFor", "input": content}},
                        },
                        "clinics": {"$sum": 1},
                        "replies": {"$sum": replies},
                        "terms": {"$sum": terms},
                        "with_replies": {"$sum": {"$min": [1, replies]}},
                        "with_terms": {"$sum": {"$min": [1, terms]}},
                    }
                },
            ],
        )
        subjects = sorted({row["_id"]["case_type"] for row in rows})
        heads = await self._database.find(
            "documents", {"_id": {"$in": subjects}}, projection={"published": 1}
        )
        published = {row["_id"]: row["published"] or 0 for row in heads}
        found = {subject: Adapted(subject, 0, 0, 0, 0, 0, 0) for subject in subjects}
        for row in rows:
            before, subject = found[row["_id"]["case_type"]], row["_id"]["case_type"]
            outdated = row["clinics"] if published[subject] > row["_id"]["written_for"] else 0
            found[subject] = Adapted(
                subject,
                before.clinics + row["clinics"],
                before.replies + row["replies"],
                before.terms + row["terms"],
                before.outdated + outdated,
                before.with_replies + row["with_replies"],
                before.with_terms + row["with_terms"],
            )
        return list(found.values())

    async def central(self, kind: str, principal: str, document: str | None) -> list[str]:
        """The ids of a principal's own documents of a kind that were ever in force, sorted; or of
        one of them.
        """
        where = {"owner.key": principal, "kind": kind, "published": {"$ne": None}}
        some = {} if document is None else {"_id": document}
        return sorted(
            row["_id"]
            for row in await self._database.find("documents", where | some, projection={"_id": 1})
        )

    async def local(self, kind: str, whose: Whose) -> list[Named]:
        """Clinics' own documents of a kind by name, archived ones left out."""
        where = {"kind": kind, "state": _IN_USE, **whose.where(OwnerKind.CLINIC)}
        rows = await self._database.find(
            "documents",
            {"$and": [where, whose.scope.where()]},
            projection={"name": 1, "owner.key": 1, "principal": 1},
        )
        return [
            Named(row["_id"], row["principal"], row["owner"]["key"], row["name"]) for row in rows
        ]


def _derived(row: Row, number: int, derived: Row | None) -> Derived | None:
    if derived is None:
        return None
    owner = Owner(OwnerKind(row["owner"]["kind"]), row["owner"]["key"])
    return Derived(
        row["_id"],
        number,
        row["hash"],
        row["principal"],
        owner,
        derived["template"],
        derived["version"],
    )
