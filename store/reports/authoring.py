"""Counts of what is written, by month, by template and by case type.

These are versions by month, documents by template, clinics' adaptations by case type, and clinics'
own case types by name.
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
"""The time zone of the months that versions are counted by: that of the report's readers."""

_IN_USE = {"$ne": str(DocumentState.ARCHIVED)}


@dataclass(frozen=True, slots=True)
class ReportScope:
    """The documents that a report counts.

    Attributes:
        principals: Keys of the principals whose logs have the documents.
        clinics: Only documents that these clinics (keys) own; None for all.
        scope: The documents that the viewer may see.
    """

    principals: Sequence[str]
    clinics: Sequence[str] | None
    scope: Scope

    def where(self, owner: OwnerKind | None = None) -> dict[str, Any]:
        """Return MongoDB's filter, without the viewer's scope."""
        where: dict[str, Any] = {"principal": {"$in": list(self.principals)}}
        if self.clinics is not None:
            where["owner.key"] = {"$in": list(self.clinics)}
        if owner is not None:
            where["owner.kind"] = str(owner)
        return where


@dataclass(frozen=True, slots=True)
class MonthlyEdits:
    """How many versions were written in a principal's log in a month, such as `2026-11`."""

    principal: str
    month: str
    versions: int


@dataclass(frozen=True, slots=True)
class TemplateUse:
    """How many documents, of which principals, are made from a version of a template."""

    template: str
    version: int
    principals: frozenset[str]
    documents: int


@dataclass(frozen=True, slots=True)
class DerivedVersion:
    """A version of a document that is made from a version of a template.

    `hash` is that of the document's newest version.
    """

    document: str
    number: int
    hash: str
    principal: str
    owner: Owner
    template: str
    version: int


@dataclass(frozen=True, slots=True)
class AdaptationCount:
    """How much clinics have adapted a case type.

    Attributes:
        case_type: The case type's id.
        clinics: The number of clinics with an adaptation.
        replies: The number of their own replies.
        terms: The number of their own terms.
        outdated: The number of clinics whose adaptation was written for an older version than the
            published one.
        with_replies: The number of clinics that have added replies.
        with_terms: The number of clinics that have added terms.
    """

    case_type: str
    clinics: int
    replies: int
    terms: int
    outdated: int
    with_replies: int
    with_terms: int


@dataclass(frozen=True, slots=True)
class NamedDocument:
    """A document with its name; `owner` is a key."""

    id: str
    principal: str
    owner: str
    name: str


class Authoring:
    """Counts of what is written in one registry."""

    def __init__(self, database: Database, kinds: Kinds) -> None:
        self._database = database
        self._kinds = [kind.name for kind in kinds]

    async def edits(
        self, principals: Sequence[str], since: datetime, until: datetime
    ) -> list[MonthlyEdits]:
        """Return the number of versions by month and principal, the newest month first.

        Args:
            principals: Keys of the principals whose logs are read.
            since: Versions are not older.
            until: Versions are older.
        """
        month = {"$dateToString": {"date": "$created_at", "format": "%Y-%m", "timezone": TIME_ZONE}}
        rows = await self._database.aggregate(
            "versions",
            [
                # With all kinds in the filter the index alone answers: no version is read.
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
            MonthlyEdits(row["_id"]["principal"], row["_id"]["month"], row["versions"])
            for row in rows
        ]
        return sorted(
            sorted(found, key=lambda edits: edits.principal),
            key=lambda edits: edits.month,
            reverse=True,
        )

    async def template_uses(
        self, templates: Sequence[str], whose: ReportScope
    ) -> list[TemplateUse]:
        """Return the uses of templates by template and version, without archived documents."""
        principals: dict[tuple[str, int], list[str]] = defaultdict(list)
        for derived in await self.derived_versions(templates, whose, limit=0):
            principals[derived.template, derived.version].append(derived.principal)
        return [
            TemplateUse(template, version, frozenset(found), len(found))
            for (template, version), found in sorted(principals.items())
        ]

    async def derived_versions(
        self, templates: Sequence[str] | None, whose: ReportScope, *, limit: int
    ) -> list[DerivedVersion]:
        """Return the documents that are made from templates, each with one version.

        It is the newest version; for documents whose drafts the viewer cannot see, the newest that
        was ever published. Archived documents are left out.

        Args:
            templates: Ids of the templates; None for any.
            whose: The documents to read.
            limit: The maximum number of documents; 0 for all.
        """
        which = {"$in": list(templates)} if templates is not None else {"$type": "string"}
        where = {"derived_from.template": which, "state": _IN_USE, **whose.where()}
        projection = dict.fromkeys(
            ("derived_from", "principal", "owner", "latest", "hash", "highest_released"), 1
        )
        with_drafts, without_drafts = [
            (
                await self._database.find(
                    "documents", {"$and": [where, visible]}, projection=projection, limit=limit
                )
                if visible != NOTHING
                else []
            )
            for visible in whose.scope.parts()
        ]
        ids = [
            f"{row['_id']}.{row['highest_released']}"
            for row in without_drafts
            if row["highest_released"] != row["latest"]
        ]
        rows = (
            await self._database.find(
                "versions", {"_id": {"$in": ids}}, projection={"document": 1, "derived_from": 1}
            )
            if ids
            else []
        )
        released_from = {row["document"]: row["derived_from"] for row in rows}
        versions = [_derived(row, row["latest"], row["derived_from"]) for row in with_drafts]
        versions += [
            _derived(
                row, row["highest_released"], released_from.get(row["_id"], row["derived_from"])
            )
            for row in without_drafts
        ]
        return [version for version in versions if version is not None][: limit or None]

    async def adaptation_counts(self, kind: str, whose: ReportScope) -> list[AdaptationCount]:
        """Return how much each case type is adapted, in the order of the case types' ids.

        Args:
            kind: The kind of adaptations. Archived ones are left out.
            whose: The adaptations to count.
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
        found = {subject: AdaptationCount(subject, 0, 0, 0, 0, 0, 0) for subject in subjects}
        for row in rows:
            before, subject = found[row["_id"]["case_type"]], row["_id"]["case_type"]
            outdated = row["clinics"] if published[subject] > row["_id"]["written_for"] else 0
            found[subject] = AdaptationCount(
                subject,
                before.clinics + row["clinics"],
                before.replies + row["replies"],
                before.terms + row["terms"],
                before.outdated + outdated,
                before.with_replies + row["with_replies"],
                before.with_terms + row["with_terms"],
            )
        return list(found.values())

    async def published_ids(self, kind: str, principal: str, document: str | None) -> list[str]:
        """Return the ids of a principal's own published documents of a kind, sorted.

        With `document` (an id), only that one.
        """
        where = {"owner.key": principal, "kind": kind, "published": {"$ne": None}}
        chosen = {} if document is None else {"_id": document}
        return sorted(
            row["_id"]
            for row in await self._database.find("documents", where | chosen, projection={"_id": 1})
        )

    async def local_documents(self, kind: str, whose: ReportScope) -> list[NamedDocument]:
        """Return clinics' own documents of a kind with their names; archived ones are left out."""
        where = {"kind": kind, "state": _IN_USE, **whose.where(OwnerKind.CLINIC)}
        rows = await self._database.find(
            "documents",
            {"$and": [where, whose.scope.where()]},
            projection={"name": 1, "owner.key": 1, "principal": 1},
        )
        return [
            NamedDocument(row["_id"], row["principal"], row["owner"]["key"], row["name"])
            for row in rows
        ]


def _derived(row: Row, number: int, derived: Row | None) -> DerivedVersion | None:
    if derived is None:
        return None
    owner = Owner(OwnerKind(row["owner"]["kind"]), row["owner"]["key"])
    return DerivedVersion(
        row["_id"],
        number,
        row["hash"],
        row["principal"],
        owner,
        derived["template"],
        derived["version"],
    )
