"""Full text search over documents of every kind: within a scope, names first, paged by keyset.

The order is names first, then principal, owner and id: one that an index has. A word that few
documents hold is looked up; of words that many hold,
the documents are read in order until the page is full. So a page costs about the same among
hundreds of documents and among tens of thousands. Which
of the two it is, is found out here and told to MongoDB: its own choice is kept from one search to
the next, and these are not alike.
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
from store.mongo.paging import Key, Page, Paging, cut, decode, encode
from store.mongo.rows import HEAD, document_from
from store.records import Document, DocumentState

_ORDER = ("principal", "owner.key", "_id")
_FEW, _SOME = 250, 1_500
_BATCH = 200


class Search:
    """The search of one registry."""

    def __init__(self, database: Database, kinds: Kinds) -> None:
        self._database = database
        self._kinds = kinds

    async def page(self, sought: WordQuery, scope: Scope, paging: Paging) -> Page[Document]:
        """A page of the documents that hold every word, those with all of them in their names
        first. Archived ones are left out.

        Args:
            sought: At least one word; the caller bounds how many.
            scope: What is seen: of a document that is seen whole, the newest draft is searched too.
            paging: Forward only.
        """
        begun, *place = (
            (0,) if paging.after is None else decode(paging.after, (int, str, str, str), "after")
        )
        if begun not in (0, 1):
            raise InvalidInput.at(("after",), "INVALID_CURSOR", "Markören hör till en annan lista.")
        rows: list[tuple[int, Row]] = []
        for rank in range(begun, 2):
            after = tuple(place) if rank == begun else ()
            found = await self._find(
                sought, scope, after, paging.limit + 1 - len(rows), in_names=rank == 0
            )
            rows += [(rank, row) for row in found]
            if len(rows) > paging.limit:
                break
        cursors = [encode((rank, *_place(row))) for rank, row in rows]
        return cut([document_from(row) for _, row in rows], cursors, paging)

    async def count(self, sought: WordQuery, scope: Scope) -> int:
        """How many documents hold every word, whatever the page."""
        return sum(
            [
                await self._database.count(
                    "documents", {"$and": _where(sought, part, in_names=False)}
                )
                for part in _parts(scope)
            ]
        )

    async def _find(
        self, sought: WordQuery, scope: Scope, after: Key, limit: int, *, in_names: bool
    ) -> list[Row]:
        found = [
            await self._find_in(part, sought, after, limit, in_names=in_names)
            for part in _parts(scope)
        ]
        return sorted(itertools.chain(*found), key=_place)[:limit]

    async def _find_in(
        self, part: "_Part", sought: WordQuery, after: Key, limit: int, *, in_names: bool
    ) -> list[Row]:
        where = _where(sought, part, in_names=in_names)
        if not in_names:
            where.append({"$nor": [_seen(sought, part.scope, in_names=True)]})
        few = await self._few(sought, part, in_names=in_names) if part.hint == BY_PLACE else None
        if few is not None:
            if not few:
                return []
            where.append({"_id": {"$in": sorted(few)}})
        sort, hint = [(name, 1) for name in _ORDER], "_id_" if few is not None else part.hint
        rows: list[Row] = []
        for stretch in _after(after):
            there = {"$and": [*where, stretch]}
            rows += await self._database.find(
                "documents", there, sort=sort, limit=limit - len(rows), projection=HEAD, hint=hint
            )
            if len(rows) == limit:
                break
        return rows

    async def _few(
        self, sought: WordQuery, part: "_Part", *, in_names: bool
    ) -> frozenset[str] | None:
        """The only documents that can match, where one of the words stands in few, or several of
        them in few together; else None.
        """
        conditions = sought.index_conditions(drafts=True, in_names=in_names)
        known = await self._holding(conditions, part, _FEW)
        if not known and len(conditions) > 1:
            known = await self._holding(conditions, part, _SOME)
        together = frozenset.intersection(*known) if known else None
        return together if together is not None and len(together) <= _FEW else None

    async def _holding(
        self, conditions: Sequence[Row], part: "_Part", most: int
    ) -> list[frozenset[str]]:
        """The documents that hold a word, for each word that at most so many hold.

        Read from the index alone.
        """
        find = self._database.find
        held = await asyncio.gather(
            *(
                find(
                    "documents",
                    {"$and": [one, *part.places]},
                    limit=most + 1,
                    projection={"_id": 1},
                    hint=BY_TOKENS,
                )
                for one in conditions
            )
        )
        return [frozenset(row["_id"] for row in rows) for rows in held if len(rows) <= most]

    async def fill_in(self) -> int:
        """Give documents that were written before there was a search the words that they are found
        by; how many.

        To be done at every start: it goes by index, does nothing where nothing lacks, and leaves
        alone what is written meanwhile.
        """
        done = 0
        lacking: Row = {
            "tokens": {"$exists": False},
            "kind": {"$in": [kind.name for kind in self._kinds]},
        }
        while rows := await self._database.find("documents", lacking, limit=_BATCH, hint=BY_TOKENS):
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
            if not filled:  # another server does it
                break
            done += filled
        return done

    def _tokens(self, row: Row) -> list[str]:
        """The words of a stored head; none of one that was changed behind our back so that it can't
        be read: a start must not fail for it.
        """
        try:
            return tokens_of_head(self._kinds[row["kind"]], document_from(row))
        except (KeyError, TypeError, ValueError, AttributeError):
            return []


def _after(place: Key) -> list[Row]:
    """What comes after a place in the order, in stretches that each have a beginning and an end in
    its index: of one condition it finds neither.
    """
    if not place:
        return [{}]
    return [
        dict(zip(_ORDER, place[:last], strict=False)) | {_ORDER[last]: {"$gt": place[last]}}
        for last in range(len(_ORDER) - 1, -1, -1)
    ]


@dataclass(frozen=True, slots=True)
class _Part:
    """A part of what is seen: where it stands, so far as an index can tell, and the index that has
    it in order or is small.
    """

    scope: Scope
    places: list[Row]
    hint: str


def _parts(scope: Scope) -> list[_Part]:
    """What is seen of few principals, in the order of the pages; and what everybody sees of any
    principal, which is little.
    """
    near, far = scope.near_and_far()
    places: list[Row] = []
    if near.within is not None:
        places.append({"principal": {"$in": sorted(near.within)}})
    if (owners := near.owners()) is not None:
        places.append({"owner.key": {"$in": sorted(owners)}})
    parts = [_Part(near, places, BY_PLACE)]
    if far.released_kinds:
        parts.append(
            _Part(
                far,
                [{"kind": {"$in": sorted(far.released_kinds)}}, {"$nor": [near.where()]}],
                BY_UPDATE,
            )
        )
    return parts


def _place(row: Row) -> tuple[str, str, str]:
    return row["principal"], row["owner"]["key"], row["_id"]


def _where(sought: WordQuery, part: _Part, *, in_names: bool) -> list[Row]:
    return [
        *part.places,
        {"state": {"$ne": str(DocumentState.ARCHIVED)}},
        _seen(sought, part.scope, in_names=in_names),
    ]


def _seen(sought: WordQuery, scope: Scope, *, in_names: bool) -> Row:
    """What matches, of what is seen whole and of what is seen as released."""
    whole, released = scope.parts()
    parts = [
        {"$and": [seen, *sought.document_conditions(drafts=drafts, in_names=in_names)]}
        for seen, drafts in ((whole, True), (released, False))
        if seen != NOTHING
    ]
    return {"$or": parts} if parts else NOTHING
