"""Full-text search over documents of every kind, within a scope, with keyset pagination.

Documents with all words in their names come first. Within that, the order is principal, owner and
id, which an index has. A word in few documents is looked up in the index of the tokens. For words
in many documents, the documents are read in order until the page is full. So a page costs about
the same among hundreds of documents and among tens of thousands.

This module decides between the two and gives MongoDB an index hint. MongoDB would reuse its own
plan for the next search, which may need the other one.
"""

import asyncio
import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from pymongo import UpdateOne

from store.content.search_tokens import WordQuery
from store.documents.heads import tokens_of_head
from store.documents.scopes import NOTHING, Scope
from store.errors import InvalidInput
from store.kinds.kinds import Kinds
from store.mongo.connection import Database, Row
from store.mongo.indexes import BY_PLACE, BY_TOKENS, BY_UPDATE
from store.mongo.rows import HEAD, document_from
from store.paging import Key, Page, Paging, cut, decode, encode
from store.records import Document, DocumentState

_ORDER = ("principal", "owner.key", "_id")
_MAX_CANDIDATES = 250
"""Limit for the documents that are looked up by id instead of read in order."""
_MAX_INTERSECTED = 1_500
"""Limit for the documents of one word when the documents of several words are intersected."""
_BATCH = 200


class Search:
    """The full-text search of one registry."""

    def __init__(self, database: Database, kinds: Kinds) -> None:
        self._database = database
        self._kinds = kinds

    async def page(self, query: WordQuery, scope: Scope, paging: Paging) -> Page[Document]:
        """Read a page of the documents that have every word; archived ones are left out.

        Documents with all words in their names come first.

        Args:
            query: At least one word; the caller limits their number.
            scope: The documents that the caller sees. Where drafts are visible, the newest draft is
                searched too.
            paging: Forward only.

        Raises:
            InvalidInput: The cursor is not from a search.
        """
        first_rank, *position = (
            (0,) if paging.after is None else decode(paging.after, (int, str, str, str), "after")
        )
        if first_rank not in (0, 1):
            raise InvalidInput.at(("after",), "INVALID_CURSOR", "Markören hör till en annan lista.")
        rows: list[tuple[int, Row]] = []
        for rank in range(first_rank, 2):
            after = tuple(position) if rank == first_rank else ()
            found = await self._find(
                query, scope, after, paging.limit + 1 - len(rows), in_names=rank == 0
            )
            rows += [(rank, row) for row in found]
            if len(rows) > paging.limit:
                break
        cursors = [encode((rank, *_sort_key(row))) for rank, row in rows]
        return cut([document_from(row) for _, row in rows], cursors, paging)

    async def count(self, query: WordQuery, scope: Scope) -> int:
        """Count the documents that have every word."""
        return sum(
            [
                await self._database.count(
                    "documents", {"$and": _where(query, part, in_names=False)}
                )
                for part in _parts(scope)
            ]
        )

    async def _find(
        self, query: WordQuery, scope: Scope, after: Key, limit: int, *, in_names: bool
    ) -> list[Row]:
        found = [
            await self._find_in(part, query, after, limit, in_names=in_names)
            for part in _parts(scope)
        ]
        return sorted(itertools.chain(*found), key=_sort_key)[:limit]

    async def _find_in(
        self, part: "_SearchPart", query: WordQuery, after: Key, limit: int, *, in_names: bool
    ) -> list[Row]:
        where = _where(query, part, in_names=in_names)
        if not in_names:
            where.append({"$nor": [_match(query, part.scope, in_names=True)]})
        candidates = None
        if part.hint == BY_PLACE:
            candidates = await self._candidates(query, part, in_names=in_names)
        if candidates is not None:
            if not candidates:
                return []
            where.append({"_id": {"$in": sorted(candidates)}})
        sort = [(name, 1) for name in _ORDER]
        hint = part.hint if candidates is None else "_id_"
        rows: list[Row] = []
        for key_range in _ranges_after(after):
            rows += await self._database.find(
                "documents",
                {"$and": [*where, key_range]},
                sort=sort,
                limit=limit - len(rows),
                projection=HEAD,
                hint=hint,
            )
            if len(rows) == limit:
                break
        return rows

    async def _candidates(
        self, query: WordQuery, part: "_SearchPart", *, in_names: bool
    ) -> frozenset[str] | None:
        """Return the ids of the only documents that can match; None where they are too many.

        They are known where one word, or several words together, are in few documents.
        """
        conditions = query.index_conditions(drafts=True, in_names=in_names)
        known = await self._matching_ids(conditions, part, _MAX_CANDIDATES)
        if not known and len(conditions) > 1:
            known = await self._matching_ids(conditions, part, _MAX_INTERSECTED)
        common = frozenset.intersection(*known) if known else None
        return common if common is not None and len(common) <= _MAX_CANDIDATES else None

    async def _matching_ids(
        self, conditions: Sequence[Row], part: "_SearchPart", limit: int
    ) -> list[frozenset[str]]:
        """Return the ids that match a condition, for each condition with at most `limit` matches.

        Only the index is read.
        """
        find = self._database.find
        found = await asyncio.gather(
            *(
                find(
                    "documents",
                    {"$and": [condition, *part.conditions]},
                    limit=limit + 1,
                    projection={"_id": 1},
                    hint=BY_TOKENS,
                )
                for condition in conditions
            )
        )
        return [frozenset(row["_id"] for row in rows) for rows in found if len(rows) <= limit]

    async def fill_in(self) -> int:
        """Add search tokens to documents that were written before there was a search.

        Call it at every start: it reads an index, writes nothing where no tokens are missing, and
        does not overwrite concurrent changes.

        Returns:
            The number of documents changed.
        """
        done = 0
        without_tokens: Row = {
            "tokens": {"$exists": False},
            "kind": {"$in": [kind.name for kind in self._kinds]},
        }
        while rows := await self._database.find(
            "documents", without_tokens, limit=_BATCH, hint=BY_TOKENS
        ):
            updates = [
                UpdateOne(
                    {
                        "_id": row["_id"],
                        "tokens": {"$exists": False},
                        "latest": row["latest"],
                        "published": row["published"],
                    },
                    {"$set": {"tokens": self._tokens(row)}},
                )
                for row in rows
            ]
            filled = (
                await self._database["documents"].bulk_write(updates, ordered=False)
            ).modified_count
            if not filled:
                break  # another server fills in the same documents
            done += filled
        return done

    def _tokens(self, row: Row) -> list[str]:
        """Compute the tokens of a stored head.

        The list is empty for a head that was altered in the database so that it cannot be read: a
        start must not fail for it.
        """
        try:
            return tokens_of_head(self._kinds[row["kind"]], document_from(row))
        except (KeyError, TypeError, ValueError, AttributeError):
            return []


def _ranges_after(position: Key) -> list[Row]:
    """Return conditions for the documents after a position in the order.

    Each one is a range of the index. MongoDB finds no bounds for a single combined condition.
    """
    if not position:
        return [{}]
    return [
        dict(zip(_ORDER, position[:last], strict=False)) | {_ORDER[last]: {"$gt": position[last]}}
        for last in range(len(_ORDER) - 1, -1, -1)
    ]


@dataclass(frozen=True, slots=True)
class _SearchPart:
    """A part of the visible documents.

    Attributes:
        scope: The visible documents of this part.
        conditions: What an index can narrow them to.
        hint: The index that has them in order, or that is small.
    """

    scope: Scope
    conditions: list[Row]
    hint: str


def _parts(scope: Scope) -> list[_SearchPart]:
    """Split a scope into parts with one good index each.

    The first part covers few principals and is read in the order of the pages. The second part
    covers all principals and has few documents, of kinds that everyone sees.
    """
    restricted, shared = scope.split_released_kinds()
    conditions: list[Row] = []
    if restricted.within is not None:
        conditions.append({"principal": {"$in": sorted(restricted.within)}})
    if (owners := restricted.owners()) is not None:
        conditions.append({"owner.key": {"$in": sorted(owners)}})
    parts = [_SearchPart(restricted, conditions, BY_PLACE)]
    if shared.released_kinds:
        parts.append(
            _SearchPart(
                shared,
                [
                    {"kind": {"$in": sorted(shared.released_kinds)}},
                    {"$nor": [restricted.where()]},
                ],
                BY_UPDATE,
            )
        )
    return parts


def _sort_key(row: Row) -> tuple[str, str, str]:
    return row["principal"], row["owner"]["key"], row["_id"]


def _where(query: WordQuery, part: _SearchPart, *, in_names: bool) -> list[Row]:
    return [
        *part.conditions,
        {"state": {"$ne": str(DocumentState.ARCHIVED)}},
        _match(query, part.scope, in_names=in_names),
    ]


def _match(query: WordQuery, scope: Scope, *, in_names: bool) -> Row:
    """Return a filter for the visible documents that match, with drafts where they are visible."""
    whole, released = scope.parts()
    parts = [
        {"$and": [visible, *query.document_conditions(drafts=drafts, in_names=in_names)]}
        for visible, drafts in ((whole, True), (released, False))
        if visible != NOTHING
    ]
    return {"$or": parts} if parts else NOTHING
