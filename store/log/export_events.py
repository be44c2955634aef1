"""Events that record exports, in the log of the principal whose role permitted them."""

from datetime import datetime

from store.log.log import Log
from store.mongo.connection import Database
from store.mongo.rows import actor_key
from store.mongo.transactions import Transaction
from store.records import Act, Action, Actor, Saved


class Exports:
    """The recorded exports of one registry."""

    def __init__(self, database: Database, log: Log) -> None:
        self._database = database
        self._log = log

    async def record(self, principal: str, export: str, *, act: Act) -> Saved:
        """Record an export in a log.

        Args:
            principal: Key of the principal whose log is written.
            export: The export's name, format and filters.
            act: Who exports.
        """

        async def change(transaction: Transaction) -> Saved:
            return Saved(event=transaction.record(act, Action.EXPORTED, export=export))

        return await self._log.submit(principal, change)

    async def recorded_since(
        self, principal: str, actor: Actor, export: str, since: datetime
    ) -> bool:
        """Return whether the same export by the same actor was recorded after a moment."""
        where = {
            "principal": principal,
            "actor_key": actor_key(actor),
            "action": str(Action.EXPORTED),
            "export": export,
            "at": {"$gt": since},
        }
        return (
            await self._database.find_one(
                "events", where, sort=[("sequence", -1)], projection={"_id": 1}
            )
            is not None
        )
