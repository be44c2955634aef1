"""Principals and the display names of people: what events and versions refer to by key only."""

from collections.abc import Iterable, Mapping, Sequence

from pymongo import InsertOne, UpdateOne, timeout
from pymongo.errors import BulkWriteError

from store.log.log import Clock, Log, utc_now
from store.mongo.connection import Database
from store.mongo.paging import Page, Paging, find_page
from store.mongo.rows import principal_from, principal_row
from store.mongo.tasks import run_detached
from store.mongo.transactions import IdempotencyKey, Transaction
from store.records import Act, Action, Principal, Saved, key_of


class Principals:
    """Who answers for clinics. Reference data: made at start, each with a log of its own."""

    def __init__(self, database: Database, clock: Clock = utc_now) -> None:
        self._database = database
        self._clock = clock
        self._known: Mapping[str, Principal] = {}

    async def ensure(self, principals: Sequence[Principal]) -> None:
        """Make the principals that are missing, and their logs; those there already are left as
        they are.
        """
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
            there = {
                row["_id"]
                for row in await self._database.find(
                    collection,
                    {"_id": {"$in": [row["_id"] for row in rows]}},
                    projection={"_id": 1},
                )
            }
            missing = [InsertOne(row) for row in rows if row["_id"] not in there]
            if missing:
                try:
                    await self._database[collection].bulk_write(missing, ordered=False)
                except (
                    BulkWriteError
                ) as error:  # another server starting at the same moment made them first
                    if any(failure["code"] != 11000 for failure in error.details["writeErrors"]):
                        raise
        self._known = {}  # last: whoever asked meanwhile may have read too early

    async def known(self) -> Mapping[str, Principal]:
        """All principals by key: some hundreds, made at start and never changed, so they are read
        once per process.
        """
        if not self._known:
            self._known = {
                row["_id"]: principal_from(row)
                for row in await self._database.find("principals", {})
            }
        return self._known

    async def page(self, paging: Paging) -> Page[Principal]:
        """All principals by key."""
        return await find_page(
            self._database, "principals", {}, paging, keys={"_id": str}, convert=principal_from
        )


class People:
    """Display names by employee HSA-id, apart from the chain of hashes, so that a name can be
    erased or hidden.
    """

    def __init__(self, database: Database, log: Log) -> None:
        self._database = database
        self._log = log
        self._known: dict[str, str] = {}

    async def remember(self, employee_hsa_id: str, name: str) -> None:
        """Note the name that a person signed in with, when it is new or has changed; never that of
        a person with protected identity.
        """
        key = key_of(employee_hsa_id)
        if self._known.get(key) == name:
            return
        kept = {
            "$set": {
                "name": {
                    "$cond": [
                        {"$gt": [{"$size": {"$ifNull": ["$protected_by", []]}}, 0]},
                        None,
                        {"$literal": name},
                    ]
                }
            }
        }
        with timeout(_REMEMBER_SECONDS):  # whoever has written waits for it
            await run_detached(
                self._database["people"].bulk_write([UpdateOne({"_id": key}, [kept], upsert=True)])
            )
        if len(self._known) > _MAX_KNOWN:
            self._known.clear()
        self._known[key] = name

    async def names(self, keys: Iterable[str]) -> Mapping[str, str]:
        """Names by key of the employee HSA-id, those that are known and not protected, in one round
        trip.
        """
        rows = await self._database.find(
            "people", {"_id": {"$in": sorted(set(keys))}, "name": {"$type": "string"}}
        )
        return {row["_id"]: row["name"] for row in rows}

    async def protect(
        self,
        principal: str,
        employee: str,
        *,
        protected: bool,
        act: Act,
        key: IdempotencyKey | None = None,
    ) -> Saved:
        """Erase a person's name and keep none from now on, or keep names again. No change where it
        is so already.

        Each principal sets and takes away its own mark only: names are kept again when no principal
        has one.

        Args:
            principal: Key of the principal whose log tells of it.
            employee: Key of the employee HSA-id.
            protected: Which of the two.
            act: Who writes and why.
            key: For a safe repeat.
        """

        async def change(transaction: Transaction) -> Saved:
            rows = await transaction.find("people", {"_id": employee, "protected_by": principal})
            if bool(rows) is protected:
                return Saved()
            mark = {("$addToSet" if protected else "$pull"): {"protected_by": principal}}
            transaction.write(
                "people",
                UpdateOne({"_id": employee}, {"$set": {"name": None}, **mark}, upsert=True),
            )
            action = Action.PERSON_PROTECTED if protected else Action.PERSON_UNPROTECTED
            return Saved(event=transaction.record(act, action, person=employee))

        saved = await self._log.submit(principal, change, key=key, alone=True)
        self._known.pop(employee, None)
        return saved


_MAX_KNOWN = 10_000
_REMEMBER_SECONDS = 3
