"""The open subscriptions of all server processes.

Each process keeps the rows of its own subscriptions up to date. They are not history: closed
subscriptions leave no trace here.
Invariant: a row counts only if its process sent a heartbeat within the last 30 seconds.
"""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from pymongo import DeleteMany, ReplaceOne, UpdateOne

from store.errors import NotFound
from store.idempotency import IdempotencyKey
from store.log.log import Clock, Log, utc_now
from store.mongo.connection import Database, Row
from store.mongo.keyset_queries import find_page
from store.mongo.rows import actor_from, actor_row
from store.mongo.transactions import Transaction
from store.paging import Page, Paging
from store.records import Act, Action, ActiveSubscription, Saved, key_of

_HEARTBEAT_TIMEOUT = timedelta(seconds=30)


class ActiveSubscriptions:
    """The open subscriptions of one registry."""

    def __init__(self, database: Database, log: Log, clock: Clock = utc_now) -> None:
        self._database = database
        self._log = log
        self._clock = clock

    # ---------------------------------------------------------------- reading

    async def get(self, subscription: str) -> ActiveSubscription | None:
        """Return an open subscription by id; None without one."""
        row = await self._database.find_one(
            "active_subscriptions",
            {"_id": {"$eq": subscription}, "process": {"$in": await self._alive()}},
        )
        return _from(row) if row else None

    async def page(self, principal: str, paging: Paging) -> Page[ActiveSubscription]:
        """Return a page of the open subscriptions to a principal's log and its clinics, by id."""
        return await find_page(
            self._database,
            "active_subscriptions",
            await self._open(principal),
            paging,
            keys={"_id": str},
            convert=_from,
        )

    async def count(self, principal: str) -> int:
        """Return the number of open subscriptions to a principal's log and its clinics."""
        return await self._database.count("active_subscriptions", await self._open(principal))

    async def ended(self, process: str) -> Collection[str]:
        """Return the ids of a process's subscriptions that an administrator has ended."""
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
            {"seen_at": {"$gt": self._clock() - _HEARTBEAT_TIMEOUT}},
            projection={"_id": 1},
        )
        return [row["_id"] for row in rows]

    # ---------------------------------------------------------------- updating

    async def heartbeat(self, process: str) -> None:
        """Record that a process is alive, and remove the rows of processes that are not."""
        heartbeat = UpdateOne({"_id": process}, {"$set": {"seen_at": self._clock()}}, upsert=True)
        await self._database["server_processes"].bulk_write([heartbeat])
        await self._database["active_subscriptions"].bulk_write(
            [DeleteMany({"process": {"$nin": await self._alive()}})]
        )

    async def update(
        self,
        process: str,
        opened: Iterable[ActiveSubscription],
        closed: Collection[str],
        positions: Mapping[str, int | None],
    ) -> None:
        """Write the changes in a process's subscriptions.

        Args:
            process: The process.
            opened: Subscriptions that were opened.
            closed: Ids of subscriptions that were closed.
            positions: By id, the number of the last event that was delivered to a subscription;
                None for one that has reached the end of the log.
        """
        writes: list[Any] = [
            ReplaceOne({"_id": subscription.id}, _row(subscription, process), upsert=True)
            for subscription in opened
        ]
        writes += [
            UpdateOne({"_id": subscription}, {"$set": {"sequence": sequence}})
            for subscription, sequence in positions.items()
        ]
        if closed:
            writes.append(DeleteMany({"_id": {"$in": sorted(closed)}}))
        if writes:
            await self._database["active_subscriptions"].bulk_write(writes)

    async def remove_process(self, process: str) -> None:
        """Remove a process that stops, with its subscriptions."""
        await self._database["active_subscriptions"].delete_many({"process": process})
        await self._database["server_processes"].delete_one({"_id": process})

    # ---------------------------------------------------------------- ending

    async def end(
        self, subscription: ActiveSubscription, *, act: Act, key: IdempotencyKey | None = None
    ) -> Saved:
        """Mark a subscription as ended by an administrator.

        The event informs the subscription's process, which then closes it. A second call changes
        nothing and returns no event.

        Raises:
            NotFound: The subscription has been closed meanwhile.
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
