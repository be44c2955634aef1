"""Transactions that nobody will end: what a server had begun when it was killed, and the locks that
it holds on a log.

MongoDB itself ends them after `transactionLifetimeLimitSeconds`, a minute or more. So a server that
waits for a lock looks who has a transaction
open, and ends those of the registry in which nothing was done from one look to the next. A server
that only was slow begins its transaction again.
"""

import asyncio
from typing import Any

import structlog
from pymongo import AsyncMongoClient, timeout
from pymongo.errors import PyMongoError
from pymongo.read_concern import ReadConcern

from store.mongo.connection import APPLICATION, Row, is_outage

_log = structlog.get_logger(__name__)

_LOOK_SECONDS = 3.0
_ANSWER_SECONDS = 2.0
_IDLE: list[dict[str, Any]] = [
    {"$currentOp": {"allUsers": False, "idleSessions": True}},
    {
        "$match": {
            "type": "idleSession",
            "appName": APPLICATION,
            "transaction.parameters.txnNumber": {"$exists": True},
        }
    },
    {
        "$project": {
            "lsid": 1,
            "number": "$transaction.parameters.txnNumber",
            "active": "$transaction.timeActiveMicros",
        }
    },
]


class AbandonedTransactions:
    """Finds and ends them.

    Needs no right beyond what the registry's own user of MongoDB has over itself.
    """

    def __init__(self, client: AsyncMongoClient[Row]) -> None:
        self._admin = client.get_database("admin", read_concern=ReadConcern("local"))
        self._seen: set[tuple[Any, ...]] = set()
        self._look_at = 0.0

    async def end(self) -> None:
        """Look again, at most every three seconds; end what has stood still since the last look."""
        now = asyncio.get_running_loop().time()
        if now < self._look_at:
            return
        self._look_at = now + _LOOK_SECONDS
        try:
            with timeout(_ANSWER_SECONDS):
                await self._end_idle()
        except (
            PyMongoError
        ) as error:  # not allowed, or MongoDB away: then they end by themselves, later
            if not is_outage(error):
                _log.warning("abandoned transactions can't be ended", error=type(error).__name__)

    async def _end_idle(self) -> None:
        idle = {
            (row["lsid"]["id"], row["number"], row["active"])
            async for row in await self._admin.aggregate(_IDLE)
        }
        stood_still, self._seen = idle & self._seen, idle
        if stood_still:
            await self._admin.command(
                "killSessions", [{"id": session} for session, _, _ in stood_still]
            )
            _log.warning("abandoned transactions ended", transactions=len(stood_still))
