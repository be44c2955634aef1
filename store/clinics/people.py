"""Display names of people, by key of their employee HSA-id.

Events and versions refer to people by key only, so that a name can be erased or hidden without a
change to the chain of hashes.
"""

from collections.abc import Iterable, Mapping

from pymongo import UpdateOne, timeout

from store.idempotency import IdempotencyKey
from store.log.log import Log
from store.mongo.connection import Database
from store.mongo.transactions import Transaction
from store.records import Act, Action, Saved, key_of
from store.tasks import run_detached

_MAX_REMEMBERED = 10_000
_REMEMBER_SECONDS = 3


class People:
    """The display names of one registry, and which persons have a protected identity."""

    def __init__(self, database: Database, log: Log) -> None:
        self._database = database
        self._log = log
        self._known: dict[str, str] = {}

    async def remember(self, employee_hsa_id: str, name: str) -> None:
        """Store the name that a person signed in with, if it is new or has changed.

        The name of a person with protected identity is never stored. MongoDB has three seconds to
        answer, since the caller's write waits for it.
        """
        key = key_of(employee_hsa_id)
        if self._known.get(key) == name:
            return
        update = {
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
        with timeout(_REMEMBER_SECONDS):
            await run_detached(
                self._database["people"].bulk_write(
                    [UpdateOne({"_id": key}, [update], upsert=True)]
                )
            )
        if len(self._known) > _MAX_REMEMBERED:
            self._known.clear()
        self._known[key] = name

    async def names(self, keys: Iterable[str]) -> Mapping[str, str]:
        """Names by key of the employee HSA-id, in one round trip.

        Unknown and protected names are left out.
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
        """Protect a person's identity for a principal, or end the protection.

        The name is erased. Each principal sets and removes its own mark only; names are stored
        again when no principal has a mark on the person.

        Args:
            principal: Key of the principal whose log records it.
            employee: Key of the employee HSA-id.
            protected: Whether to protect the person or to end the protection.
            act: Who writes and why.
            key: Makes a retry safe.

        Returns:
            The event; none where nothing changed.
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
