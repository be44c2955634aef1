"""What clinics have acknowledged: up to which event, who and when; and, for each case type that
they have, which version they were told of by then.

An acknowledgement is bound to what was told: up to an event before a publication it says nothing of
that publication, however late it comes.
Invariant: a clinic's acknowledged position only moves forward.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from bson import ObjectId
from pymongo import InsertOne, UpdateOne

from store.errors import InvalidInput
from store.log.history import History
from store.log.log import Log
from store.mongo.connection import Database, Query
from store.mongo.rows import actor_from, actor_row
from store.mongo.transactions import IdempotencyKey, Transaction
from store.records import Act, Action, Actor, Clinic, Saved


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """When something that a clinic was told of was acknowledged, and by whom."""

    at: datetime
    by: Actor


class Acknowledgements:
    """The acknowledgements of one registry."""

    def __init__(self, database: Database, log: Log, history: History) -> None:
        self._database = database
        self._log = log
        self._history = history

    async def of_notifications(
        self, asked: Iterable[tuple[str, int]]
    ) -> Mapping[tuple[str, int], Acknowledgement]:
        """For (clinic, event's sequence number) the first acknowledgement that covers it, where
        there is one.
        """
        keys = list(dict.fromkeys(asked))
        queries = [
            Query({"clinic": clinic, "up_to": {"$gte": sequence}}, [("up_to", 1)], 1)
            for clinic, sequence in keys
        ]
        found = await self._database.find_each("acknowledgements", queries)
        return {
            key: Acknowledgement(rows[0]["at"], actor_from(rows[0]["by"]))
            for key, rows in zip(keys, found, strict=True)
            if rows
        }

    async def acknowledge(
        self, clinic: Clinic, up_to: int, *, act: Act, key: IdempotencyKey | None = None
    ) -> Saved:
        """A clinic has seen everything up to an event of its principal's log.

        Args:
            clinic: As last read; the transaction reads it again.
            up_to: The event's sequence number.
            act: Who acknowledges.
            key: For a safe repeat.

        Returns:
            `counts` with `up_to`, the position that holds now; no event where it had come so far
            already.

        Raises:
            InvalidInput: There is no such event yet; code `INVALID_CURSOR`. That is so for a
                repeated call, too, once a restored backup has
                taken the event back.
        """
        if not await self._history.is_written(clinic.principal, up_to):
            raise InvalidInput.at(
                ("upTo",), "INVALID_CURSOR", "Markören ligger efter loggens slut."
            )

        async def change(transaction: Transaction) -> Saved:
            [row] = await transaction.find(
                "clinics", {"_id": clinic.key}, projection={"acknowledged": 1}
            )
            if up_to <= row["acknowledged"]:
                return Saved(counts={"up_to": row["acknowledged"]})
            have = await transaction.find(
                "assignments", {"clinic": clinic.key, "open": True, "arrival": {"$lte": up_to}}
            )
            # What was so at an event that is written never changes: and all reads show it by now,
            # outside the transaction too.
            then = await self._history.standing_at(
                clinic.principal, [one["document"] for one in have], up_to
            )
            told = [
                (one["_id"], version)
                for one in have
                if (version := then[one["document"]][1]) is not None
            ]
            transaction.write(
                "assignments",
                *(
                    UpdateOne({"_id": one}, {"$set": {"acknowledged_version": version}})
                    for one, version in told
                ),
            )
            transaction.write(
                "clinics", UpdateOne({"_id": clinic.key}, {"$set": {"acknowledged": up_to}})
            )
            noted = {
                "_id": str(ObjectId()),
                "clinic": clinic.key,
                "up_to": up_to,
                "at": transaction.at,
                "by": actor_row(act.actor),
            }
            transaction.write("acknowledgements", InsertOne(noted))
            event = transaction.record(
                act, Action.ACKNOWLEDGED, clinics=(clinic.key,), counts={"up_to": up_to}
            )
            return Saved(event=event, counts={"up_to": up_to})

        return await self._log.submit(clinic.principal, change, key=key, alone=True)
