"""Abandoned transactions: those of a killed server, which still hold locks on a log.

MongoDB itself ends them after `transactionLifetimeLimitSeconds`, a minute or more. So a server that
waits for a lock lists the registry's open transactions, and ends those that did nothing between two
checks. A server that was only slow starts its transaction again.
"""

import asyncio
from typing import Any

import structlog
from pymongo import AsyncMongoClient, timeout
from pymongo.errors import PyMongoError
from pymongo.read_concern import ReadConcern

from store.mongo.connection import APPLICATION, Row
from store.outages import is_outage

_log = structlog.get_logger(__name__)

_CHECK_SECONDS = 3.0
_MAX_ANSWER_SECONDS = 2.0
_IDLE_TRANSACTIONS: list[dict[str, Any]] = [
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
    """Finds and ends abandoned transactions.

    It needs no privileges beyond those that the registry's MongoDB user has over its own sessions.
    """

    def __init__(self, client: AsyncMongoClient[Row]) -> None:
        self._admin = client.get_database("admin", read_concern=ReadConcern("local"))
        self._idle: set[tuple[Any, ...]] = set()
        self._next_check = 0.0

    async def end(self) -> None:
        """Check, at most every three seconds, and end transactions idle since the last check."""
        now = asyncio.get_running_loop().time()
        if now < self._next_check:
            return
        self._next_check = now + _CHECK_SECONDS
        try:
            with timeout(_MAX_ANSWER_SECONDS):
                await self._end_idle()
        except PyMongoError as error:  # not permitted, or an outage: MongoDB ends them later
            if not is_outage(error):
                _log.warning("abandoned transactions cannot be ended", error=type(error).__name__)

    async def _end_idle(self) -> None:
        idle = {
            (row["lsid"]["id"], row["number"], row["active"])
            async for row in await self._admin.aggregate(_IDLE_TRANSACTIONS)
        }
        unchanged, self._idle = idle & self._idle, idle
        if unchanged:
            await self._admin.command(
                "killSessions", [{"id": session} for session, _, _ in unchanged]
            )
            _log.warning("abandoned transactions ended", transactions=len(unchanged))
