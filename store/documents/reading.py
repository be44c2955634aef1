"""Reading documents and their versions by id."""

from collections.abc import Iterable, Mapping

from store.content.hashing import Verification
from store.documents import verification
from store.kinds.kinds import Kinds
from store.mongo.connection import Database, Row
from store.mongo.rows import HEAD, SUMMARY, document_from, summary_from, version_from
from store.records import Document, DocumentState, Summary, Version


class DocumentReader:
    """Reads the documents of one registry."""

    def __init__(self, database: Database, kinds: Kinds) -> None:
        self._database = database
        self._kinds = kinds

    async def get_many(self, ids: Iterable[str]) -> Mapping[str, Document]:
        """Read the heads that exist, by id, in one round trip."""
        return {row["_id"]: document_from(row) for row in await self._rows(ids, HEAD)}

    async def summaries(self, ids: Iterable[str]) -> Mapping[str, Summary]:
        """Read the summaries of the documents that exist, by id, in one round trip."""
        return {row["_id"]: summary_from(row) for row in await self._rows(ids, SUMMARY)}

    async def _rows(self, ids: Iterable[str], projection: Mapping[str, int]) -> list[Row]:
        return await self._database.find(
            "documents", {"_id": {"$in": sorted(set(ids))}}, projection=projection
        )

    async def in_force(self, principal: str, among: Iterable[str]) -> Mapping[str, int]:
        """Read the published versions of a principal's own assignable documents.

        Args:
            principal: Key of the owner.
            among: The ids to read.

        Returns:
            Version numbers by id. Unpublished and archived documents are left out.
        """
        assignable = [kind.name for kind in self._kinds if kind.assignable]
        where: Row = {
            "owner.key": principal,
            "kind": {"$in": assignable},
            "published": {"$ne": None},
            "state": {"$ne": str(DocumentState.ARCHIVED)},
            "_id": {"$in": sorted(set(among))},
        }
        return {
            row["_id"]: row["published"]
            for row in await self._database.find("documents", where, projection={"published": 1})
        }

    async def get_versions(
        self, keys: Iterable[tuple[str, int]]
    ) -> Mapping[tuple[str, int], Version]:
        """Read the versions that exist, by (document, number), in one round trip."""
        ids = sorted({f"{document}.{number}" for document, number in keys})
        versions = map(version_from, await self._database.find("versions", {"_id": {"$in": ids}}))
        return {(version.document, version.number): version for version in versions}

    async def verify(self, head: Document) -> Verification:
        """Recompute the hash chain of a document, and compare the head with it."""
        return await verification.verify(self._database, head)
