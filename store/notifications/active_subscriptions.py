"""Who follows what now, in all server processes: a roster that each process keeps up, and that is
gone with the process.

Not history: who followed what a week ago is nowhere. Invariant: a row counts only while its process
was seen lately.
"""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from pymongo import DeleteMany, ReplaceOne, UpdateOne

from store.errors import NotFound
from store.log.log import Clock, Log, utc_now
from store.mongo.connection import Database, Row
from store.mongo.paging import Page, Paging, find_page
from store.mongo.rows import actor_from, actor_row
from store.mongo.transactions import IdempotencyKey, Transaction
from store.records import Act, Action, ActiveSubscription, Saved, key_of

_SEEN_FOR = timedelta(seconds=30)


class ActiveSubscriptions:
    """The roster of one registry."""

    def __init__(self, database: Database, log: Log, clock: Clock = utc_now) -> None:
        self._database = database
        self._log = log
        self._clock = clock

    # ---------------------------------------------------------------- reading

    async def get(self, subscription: str) -> ActiveSubscription | None:
        """One that is open; else None."""
        row = await self._database.find_one(
            "active_subscriptions",
            {"_id": {"$eq": subscription}, "process": {"$in": await self._alive()}},
        )
        return _from(row) if row else None

    async def page(self, principal: str, paging: Paging) -> Page[ActiveSubscription]:
        """Those that are open on a principal's log and its clinics, by id."""
        return await find_page(
            self._database,
            "active_subscriptions",
            await self._open(principal),
            paging,
            keys={"_id": str},
            convert=_from,
        )

    async def count(self, principal: str) -> int:
        """How many there are."""
        return await self._database.count("active_subscriptions", await self._open(principal))

    async def ending(self, process: str) -> Collection[str]:
        """Those of a process that an administrator has ended."""
        return {
            row["_id"]
            for row in await self._database.find(
                "active_subscriptions", {"process": process, "ended": True}, projection={"_id": 1}
            )
        }

    async def _open(self, principal: str) -> dict[str, Any]:
        return {"principal": principal, "process": {"$in": await self._alive()}}

    async def _alive(self) -> list[str]:
        rows = await self._database.find(
            "server_processes",
            {"seen_at": {"$gt": self._clock() - _SEEN_FOR}},
            projection={"_id": 1},
        )
        return [row["_id"] for row in rows]

    # ---------------------------------------------------------------- keeping up

    async def seen(self, process: str) -> None:
        """A process lives. Rows of those that don't are removed."""
        beat = UpdateOne({"_id": process}, {"$set": {"seen_at": self._clock()}}, upsert=True)
        await self._database["server_processes"].bulk_write([beat])
        await self._database["active_subscriptions"].bulk_write(
            [DeleteMany({"process": {"$nin": await self._alive()}})]
        )

    async def keep(
        self,
        process: str,
        begun: Iterable[ActiveSubscription],
        ended: Collection[str],
        positions: Mapping[str, int | None],
    ) -> None:
        """Note which of a process's subscriptions have begun and ended, and how far those are that
        are not up to the end of the log.
        """
        writes: list[Any] = [
            ReplaceOne({"_id": one.id}, _row(one, process), upsert=True) for one in begun
        ]
        writes += [
            UpdateOne({"_id": subscription}, {"$set": {"sequence": sequence}})
            for subscription, sequence in positions.items()
        ]
        if ended:
            writes.append(DeleteMany({"_id": {"$in": sorted(ended)}}))
        if writes:
            await self._database["active_subscriptions"].bulk_write(writes)

    async def gone(self, process: str) -> None:
        """A process has stopped."""
        await self._database["active_subscriptions"].delete_many({"process": process})
        await self._database["server_processes"].delete_one({"_id": process})

    # ---------------------------------------------------------------- ending

    async def end(
        self, subscription: ActiveSubscription, *, act: Act, key: IdempotencyKey | None = None
    ) -> Saved:
        """Have its process end a subscription. The event tells the process.

        Raises:
            NotFound: It has ended meanwhile.
        """

        async def change(transaction: Transaction) -> Saved:
            rows = await transaction.find("active_subscriptions", {"_id": subscription.id})
            if not rows:
                raise NotFound("Prenumerationen har redan upphört.", ("id",))
            if rows[0]["ended"]:
                return Saved(target=subscription.id)
            transaction.write(
                "active_subscriptions",
                UpdateOne({"_id": subscription.id}, {"$set": {"ended": True}}),
            )
            person = subscription.actor.employee_hsa_id
            event = transaction.record(
                act,
                Action.SUBSCRIPTION_ENDED,
                clinics=subscription.clinics,
                person=key_of(person) if person else None,
            )
            return Saved(event=event, target=subscription.id)

        return await self._log.submit(subscription.principal, change, key=key, alone=True)


def _row(subscription: ActiveSubscription, process: str) -> Row:
    return {
        "_id": subscription.id,
        "process": process,
        "principal": subscription.principal,
        "clinics": list(subscription.clinics),
        "actor": actor_row(subscription.actor),
        "since": subscription.since,
        "sequence": subscription.sequence,
        "ended": False,
    }


def _from(row: Row) -> ActiveSubscription:
    since: datetime = row["since"]
    return ActiveSubscription(
        row["_id"],
        row["principal"],
        tuple(row["clinics"]),
        actor_from(row["actor"]),
        since,
        row["sequence"],
    )
