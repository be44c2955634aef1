"""Principals: reference data, created when the server starts."""

from collections.abc import Mapping, Sequence

from pymongo import InsertOne
from pymongo.errors import BulkWriteError

from store.log.log import Clock, utc_now
from store.mongo.connection import Database
from store.mongo.keyset_queries import find_page
from store.mongo.rows import principal_from, principal_row
from store.paging import Page, Paging
from store.records import Principal


class Principals:
    """The principals of one registry; each has a log of its own."""

    def __init__(self, database: Database, clock: Clock = utc_now) -> None:
        self._database = database
        self._clock = clock
        self._known: Mapping[str, Principal] = {}

    async def ensure(self, principals: Sequence[Principal]) -> None:
        """Create the missing principals and their logs; existing ones do not change."""
        for collection, rows in (
            (
                "logs",
                [
                    {"_id": principal.key, "sequence": 0, "at": self._clock()}
                    for principal in principals
                ],
            ),
            ("principals", [principal_row(principal) for principal in principals]),
        ):
            existing = {
                row["_id"]
                for row in await self._database.find(
                    collection,
                    {"_id": {"$in": [row["_id"] for row in rows]}},
                    projection={"_id": 1},
                )
            }
            missing = [InsertOne(row) for row in rows if row["_id"] not in existing]
            if missing:
                try:
                    await self._database[collection].bulk_write(missing, ordered=False)
                except BulkWriteError as error:
                    # Another server that starts at the same moment may have created them.
                    if any(failure["code"] != 11000 for failure in error.details["writeErrors"]):
                        raise
        self._known = {}  # last, since a concurrent read may have cached too few

    async def known(self) -> Mapping[str, Principal]:
        """All principals by key.

        They are some hundreds and never change after the start, so a process reads them once.
        """
        if not self._known:
            self._known = {
                row["_id"]: principal_from(row)
                for row in await self._database.find("principals", {})
            }
        return self._known

    async def page(self, paging: Paging) -> Page[Principal]:
        """A page of all principals, by key."""
        return await find_page(
            self._database, "principals", {}, paging, keys={"_id": str}, convert=principal_from
        )
