"""Acknowledgements: up to which event a clinic has acknowledged its principal's log.

Each acknowledgement also notes, for each case type that the clinic has, the version that was
published at that event. It covers only the events up to that position: however late it arrives, it
says nothing about a later publication. Invariant: a clinic's acknowledged position only moves
forward.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from bson import ObjectId
from pymongo import InsertOne, UpdateOne

from store.errors import InvalidInput
from store.idempotency import IdempotencyKey
from store.log.history import History
from store.log.log import Log
from store.log.version_history import VersionHistory
from store.mongo.connection import Database, Query
from store.mongo.rows import actor_from, actor_row
from store.mongo.transactions import Transaction
from store.records import Act, Action, Actor, Clinic, Saved


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """When a clinic acknowledged an event, and who did it."""

    at: datetime
    by: Actor


class Acknowledgements:
    """The acknowledgements of one registry."""

    def __init__(
        self,
        database: Database,
        log: Log,
        history: History,
        version_history: VersionHistory,
    ) -> None:
        self._database = database
        self._log = log
        self._history = history
        self._version_history = version_history

    async def of_notifications(
        self, keys: Iterable[tuple[str, int]]
    ) -> Mapping[tuple[str, int], Acknowledgement]:
        """Return the first acknowledgement that covers an event.

        Keys are (clinic's key, event's sequence number). Those without an acknowledgement are left
        out.
        """
        keys = list(dict.fromkeys(keys))
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
        """Acknowledge everything up to an event of the principal's log, for a clinic.

        Args:
            clinic: As last read; the transaction reads it again.
            up_to: The event's sequence number.
            act: Who acknowledges.
            key: Makes a retry safe.

        Returns:
            `counts` with `up_to`, the position after the call. `event` is None where the clinic had
            acknowledged this far before.

        Raises:
            InvalidInput: There is no such event; code `INVALID_CURSOR`. After a restore from a
                backup that lacks the event, this applies to a retried call too.
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
            assignments = await transaction.find(
                "assignments", {"clinic": clinic.key, "open": True, "arrival": {"$lte": up_to}}
            )
            # The past does not change, and the event is on a majority of the members by now: so
            # this may be read outside the transaction.
            statuses = await self._version_history.statuses_at(
                clinic.principal, [assignment["document"] for assignment in assignments], up_to
            )
            transaction.write(
                "assignments",
                *(
                    UpdateOne(
                        {"_id": assignment["_id"]}, {"$set": {"acknowledged_version": version}}
                    )
                    for assignment in assignments
                    if (version := statuses[assignment["document"]].published) is not None
                ),
            )
            transaction.write(
                "clinics", UpdateOne({"_id": clinic.key}, {"$set": {"acknowledged": up_to}})
            )
            acknowledgement = {
                "_id": str(ObjectId()),
                "clinic": clinic.key,
                "up_to": up_to,
                "at": transaction.at,
                "by": actor_row(act.actor),
            }
            transaction.write("acknowledgements", InsertOne(acknowledgement))
            event = transaction.record(
                act, Action.ACKNOWLEDGED, clinics=(clinic.key,), counts={"up_to": up_to}
            )
            return Saved(event=event, counts={"up_to": up_to})

        return await self._log.submit(clinic.principal, change, key=key, alone=True)
