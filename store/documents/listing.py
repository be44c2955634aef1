"""Lists of documents: filtered, within a scope, in Swedish order, paged by keyset."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, overload

from store.documents.scopes import NOTHING, Scope
from store.mongo.connection import Database
from store.mongo.indexes import SWEDISH
from store.mongo.keyset_queries import find_merged, find_page
from store.mongo.rows import HEAD, SUMMARY, document_from, summary_from
from store.paging import Page, Paging
from store.records import Document, DocumentState, OwnerKind, Summary, key_of


class Order(StrEnum):
    """By name in Swedish order, or by the time of the last change."""

    NAME_ASC = "NAME_ASC"
    NAME_DESC = "NAME_DESC"
    UPDATED_ASC = "UPDATED_ASC"
    UPDATED_DESC = "UPDATED_DESC"


@dataclass(frozen=True, slots=True)
class DocumentFilter:
    """Which documents of a kind to list.

    A condition that is None does not restrict the list. Archived documents are listed only where
    `states` names that state.
    """

    kind: str
    text: str | None = None
    owner: str | None = None
    owner_kind: OwnerKind | None = None
    states: Sequence[DocumentState] | None = None
    derived_from: str | None = None
    changed_since: datetime | None = None

    def where(self, scope: Scope) -> dict[str, Any]:
        """Return a MongoDB filter; user text is only a value or an escaped pattern in it."""
        if self.changed_since is None:
            return {"$and": [*self._conditions(), scope.of_kind(self.kind).where()]}
        return {"$or": [where for where, _ in self.parts(scope)]}

    def parts(self, scope: Scope) -> Sequence[tuple[dict[str, Any], str]]:
        """Return disjoint filters that together are `where`, each with its change time field.

        For callers who cannot see drafts, the last change is the last one that clinics were
        notified of.
        """
        parts = []
        for visible, changed in zip(
            scope.of_kind(self.kind).parts(), ("updated_at", "noticed_at"), strict=True
        ):
            since = [] if self.changed_since is None else [{changed: {"$gte": self.changed_since}}]
            if visible != NOTHING:
                parts.append(({"$and": [*self._conditions(), visible, *since]}, changed))
        return parts or [(NOTHING, "updated_at")]

    def _conditions(self) -> list[dict[str, Any]]:
        conditions: list[dict[str, Any]] = [{"kind": self.kind}]
        if self.states is None:
            conditions.append({"state": {"$ne": str(DocumentState.ARCHIVED)}})
        else:
            conditions.append({"state": {"$in": [str(state) for state in self.states]}})
        if self.text is not None:
            pattern = {"$regex": re.escape(self.text), "$options": "i"}
            conditions.append({"$or": [{"name": pattern}, {"internal_name": pattern}]})
        if self.owner is not None:
            conditions.append({"owner.key": {"$eq": key_of(self.owner)}})
        if self.owner_kind is not None:
            conditions.append({"owner.kind": str(self.owner_kind)})
        if self.derived_from is not None:
            conditions.append({"derived_from.template": {"$eq": self.derived_from}})
        return conditions


@dataclass(frozen=True, slots=True)
class OwnedDocument:
    """The id, owner's key and name of a document."""

    id: str
    owner: str
    name: str


class Listing:
    """The lists of one registry's documents."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @overload
    async def page(
        self, which: DocumentFilter, scope: Scope, order: Order, paging: Paging
    ) -> Page[Document]: ...

    @overload
    async def page(
        self, which: DocumentFilter, scope: Scope, order: Order, paging: Paging, *, whole: bool
    ) -> Page[Summary]: ...

    async def page(
        self,
        which: DocumentFilter,
        scope: Scope,
        order: Order,
        paging: Paging,
        *,
        whole: bool = True,
    ) -> Page[Any]:
        """Read a page of the documents of a kind within a scope.

        Args:
            which: The documents to list.
            scope: The documents that the caller can see.
            order: Of the list.
            paging: Forward or backward.
            whole: Whether to read heads with their content, or summaries.
        """
        projection, convert = (HEAD, document_from) if whole else (SUMMARY, summary_from)
        descending = order in (Order.NAME_DESC, Order.UPDATED_DESC)
        if order in (Order.NAME_ASC, Order.NAME_DESC):
            keys = {"name": str, "_id": str}
            where = which.where(scope)
            return await find_page(
                self._database,
                "documents",
                where,
                paging,
                keys=keys,
                convert=convert,
                descending=descending,
                collation=SWEDISH,
                projection=projection,
            )
        parts = [(where, {changed: datetime, "_id": str}) for where, changed in which.parts(scope)]
        return await find_merged(
            self._database,
            "documents",
            parts,
            paging,
            convert=convert,
            descending=descending,
            projection=projection,
        )

    async def owned_by(self, kind: str, clinics: Sequence[str]) -> list[OwnedDocument]:
        """Read the documents of a kind that clinics own, without content and archived ones."""
        rows = await self._database.find(
            "documents",
            {
                "owner.key": {"$in": list(clinics)},
                "kind": kind,
                "owner.kind": str(OwnerKind.CLINIC),
                "state": {"$ne": str(DocumentState.ARCHIVED)},
            },
            projection={"name": 1, "owner.key": 1},
        )
        return [OwnedDocument(row["_id"], row["owner"]["key"], row["name"]) for row in rows]

    async def in_state(
        self, kind: str, principals: Sequence[str], state: DocumentState
    ) -> list[str]:
        """Read the ids of the documents of a kind that are in a state, sorted.

        Args:
            kind: Of the documents.
            principals: Keys of the principals whose logs the documents belong to.
            state: As it is now.
        """
        where = {"principal": {"$in": list(principals)}, "kind": kind, "state": str(state)}
        return sorted(
            row["_id"]
            for row in await self._database.find("documents", where, projection={"_id": 1})
        )

    async def count(self, which: DocumentFilter, scope: Scope) -> int:
        """Count the documents of a kind within a scope."""
        return await self._database.count("documents", which.where(scope))
