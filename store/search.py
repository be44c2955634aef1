"""Full text search over documents of every kind: within a scope, names first, paged by keyset.

The order is names first, then principal, owner and id: one that an index has. A word that few documents hold is looked up; of words that many hold,
the documents are read in order until the page is full. So a page costs about the same among hundreds of documents and among tens of thousands. Which
of the two it is, is found out here and told to MongoDB: its own choice is kept from one search to the next, and these are not alike.
"""

import asyncio
from collections.abc import Sequence

from pymongo import UpdateOne

from store.database import BY_PLACE, BY_TOKENS, Database, Row
from store.errors import InvalidInput
from store.kinds import Kinds
from store.paging import Key, Page, Paging, cut, decode, encode
from store.records import Document, DocumentState
from store.rows import HEAD, document_from
from store.scopes import NOTHING, Scope
from store.tokens import Sought, tokens_of

_ORDER = ("principal", "owner.key", "_id")
_FEW, _SOME = 250, 1_500
_BATCH = 200


class Search:
    """The search of one registry."""

    def __init__(self, database: Database, kinds: Kinds) -> None:
        self._database = database
        self._kinds = kinds

    async def page(self, sought: Sought, scope: Scope, paging: Paging) -> Page[Document]:
        """A page of the documents that hold every word, those with all of them in their names first. Archived ones are left out.

        Args:
            sought: At least one word; the caller bounds how many.
            scope: What is seen: of a document that is seen whole, the newest draft is searched too.
            paging: Forward only.
        """
        begun, *place = (0,) if paging.after is None else decode(paging.after, (int, str, str, str), "after")
        if begun not in (0, 1):
            raise InvalidInput.at(("after",), "INVALID_CURSOR", "Markören hör till en annan lista.")
        rows: list[tuple[int, Row]] = []
        for rank in range(begun, 2):
            after = tuple(place) if rank == begun else ()
            found = await self._find(sought, scope, after, paging.limit + 1 - len(rows), in_names=rank == 0)
            rows += [(rank, row) for row in found]
            if len(rows) > paging.limit:
                break
        cursors = [encode((rank, row["principal"], row["owner"]["key"], row["_id"])) for rank, row in rows]
        return cut([document_from(row) for _, row in rows], cursors, paging)

    async def count(self, sought: Sought, scope: Scope) -> int:
        """How many documents hold every word, whatever the page."""
        return await self._database.count("documents", {"$and": _where(sought, scope, in_names=False)})

    async def _find(self, sought: Sought, scope: Scope, after: Key, limit: int, *, in_names: bool) -> list[Row]:
        where = _where(sought, scope, in_names=in_names)
        if not in_names:
            where.append({"$nor": [_seen(sought, scope, in_names=True)]})
        few = await self._few(sought, scope, in_names=in_names)
        if few is not None:
            if not few:
                return []
            where.append({"_id": {"$in": sorted(few)}})
        sort, hint = [(name, 1) for name in _ORDER], "_id_" if few is not None else BY_PLACE
        rows: list[Row] = []
        for stretch in _after(after):
            part = {"$and": [*where, stretch]}
            rows += await self._database.find("documents", part, sort=sort, limit=limit - len(rows), projection=HEAD, hint=hint)
            if len(rows) == limit:
                break
        return rows

    async def _few(self, sought: Sought, scope: Scope, *, in_names: bool) -> frozenset[str] | None:
        """The only documents that can match, where one of the words stands in few, or several of them in few together; else None."""
        conditions = sought.lookups(drafts=True, in_names=in_names)
        known = await self._holding(conditions, scope, _FEW)
        if not known and len(conditions) > 1:
            known = await self._holding(conditions, scope, _SOME)
        together = frozenset.intersection(*known) if known else None
        return together if together is not None and len(together) <= _FEW else None

    async def _holding(self, conditions: Sequence[Row], scope: Scope, most: int) -> list[frozenset[str]]:
        """The documents that hold a word, for each word that at most so many hold. Read from the index alone."""
        find = self._database.find
        places = _places(scope)
        held = await asyncio.gather(
            *(find("documents", {"$and": [one, *places]}, limit=most + 1, projection={"_id": 1}, hint=BY_TOKENS) for one in conditions)
        )
        return [frozenset(row["_id"] for row in rows) for rows in held if len(rows) <= most]

    async def fill_in(self) -> int:
        """Give documents that were written before there was a search the words that they are found by; how many.

        To be done at every start: it goes by index, does nothing where nothing lacks, and leaves alone what is written meanwhile.
        """
        done = 0
        lacking: Row = {"tokens": {"$exists": False}, "kind": {"$in": [kind.name for kind in self._kinds]}}
        while rows := await self._database.find("documents", lacking, limit=_BATCH, hint=BY_TOKENS):
            updates = [
                UpdateOne(
                    {"_id": row["_id"], "tokens": {"$exists": False}, "latest": row["latest"], "published": row["published"]},
                    {"$set": {"tokens": self._tokens(row)}},
                )
                for row in rows
            ]
            filled = (await self._database["documents"].bulk_write(updates, ordered=False)).modified_count
            if not filled:  # another server does it
                break
            done += filled
        return done

    def _tokens(self, row: Row) -> list[str]:
        """The words of a stored head; none of one that was changed behind our back so that it can't be read: a start must not fail for it."""
        try:
            return tokens_of(self._kinds[row["kind"]], document_from(row))
        except (KeyError, TypeError, ValueError, AttributeError):
            return []


def _after(place: Key) -> list[Row]:
    """What comes after a place in the order, in stretches that each have a beginning and an end in its index: of one condition it finds neither."""
    if not place:
        return [{}]
    return [dict(zip(_ORDER, place[:last], strict=False)) | {_ORDER[last]: {"$gt": place[last]}} for last in range(len(_ORDER) - 1, -1, -1)]


def _places(scope: Scope) -> list[Row]:
    """Where in the order all that is seen stands, as far as that can be told."""
    places: list[Row] = []
    if scope.within is not None:
        places.append({"principal": {"$in": sorted(scope.within)}})
    if (owners := scope.owners()) is not None:
        places.append({"owner.key": {"$in": sorted(owners)}})
    return places


def _where(sought: Sought, scope: Scope, *, in_names: bool) -> list[Row]:
    return [*_places(scope), {"state": {"$ne": str(DocumentState.ARCHIVED)}}, _seen(sought, scope, in_names=in_names)]


def _seen(sought: Sought, scope: Scope, *, in_names: bool) -> Row:
    """What matches, of what is seen whole and of what is seen as released."""
    whole, released = scope.parts()
    parts = [
        {"$and": [seen, *sought.where(drafts=drafts, in_names=in_names)]} for seen, drafts in ((whole, True), (released, False)) if seen != NOTHING
    ]
    return {"$or": parts} if parts else NOTHING
