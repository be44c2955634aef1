"""That rows left as files, in the log of the principal whose role let them."""

from datetime import datetime

from store.log.log import Log
from store.mongo.connection import Database
from store.mongo.rows import actor_key
from store.mongo.transactions import Transaction
from store.records import Act, Action, Actor, Saved


class Exports:
    """What was exported from one registry."""

    def __init__(self, database: Database, log: Log) -> None:
        self._database = database
        self._log = log

    async def write(self, principal: str, what: str, *, act: Act) -> Saved:
        """Write that something was exported.

        Args:
            principal: Key of the principal whose log it is written in.
            what: The export's name and format, and what it was narrowed by.
            act: Who exports.
        """

        async def change(transaction: Transaction) -> Saved:
            return Saved(event=transaction.record(act, Action.EXPORTED, export=what))

        return await self._log.submit(principal, change)

    async def written_since(self, principal: str, actor: Actor, what: str, since: datetime) -> bool:
        """Whether it was written after a moment that someone exported the same."""
        where = {
            "principal": principal,
            "actor_key": actor_key(actor),
            "action": str(Action.EXPORTED),
            "export": what,
            "at": {"$gt": since},
        }
        return (
            await self._database.find_one(
                "events", where, sort=[("sequence", -1)], projection={"_id": 1}
            )
            is not None
        )
