"""Running a transaction until its outcome is known: committed, not committed, or unknown.

The driver's own `with_transaction` retries for two minutes whatever fails, and its error does not
distinguish the last two outcomes. Here a caller gets an error within seconds while MongoDB is
unavailable. Only conflicts with other writers are retried for longer.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

from pymongo import WriteConcern, timeout
from pymongo.errors import ConnectionFailure, PyMongoError, ServerSelectionTimeoutError
from pymongo.read_concern import ReadConcern

from store.errors import OutcomeUnknown
from store.mongo.connection import Session

T = TypeVar("T")

MAX_OUTAGE_SECONDS = 7.0
"""How long a transaction, and then its commit, is retried while MongoDB is unavailable.

This is longer than the driver needs to detect a hanging member and find the new primary, and
shorter than callers wait.
"""

_MAX_CONFLICT_SECONDS = 60.0
_MAX_ABORT_SECONDS = 1.0
_MIN_COMMIT_SECONDS = 1.0
_FIRST_PAUSE_SECONDS, _MAX_PAUSE_SECONDS = 0.005, 0.5
_SNAPSHOT = ReadConcern("snapshot")
_MAJORITY = WriteConcern("majority", j=True)


async def commit(
    session: Session,
    work: Callable[[Session], Awaitable[T]],
    *,
    outage_seconds: float = MAX_OUTAGE_SECONDS,
) -> T:
    """Run work in a transaction and commit it to disk on a majority of the members.

    The work runs again from the start after an error that MongoDB marks as transient.

    Args:
        session: A session without a transaction.
        work: Reads and writes with the session. It may run several times; only the last run is
            committed.
        outage_seconds: How long to retry while MongoDB is unavailable.

    Returns:
        The result of the work.

    Raises:
        OutcomeUnknown: MongoDB did not answer the commit. The writes may be committed now, later,
            or never.
        PyMongoError: MongoDB was unavailable or refused. Nothing was written.
        Exception: The work raised it. Nothing was written.
    """
    loop = asyncio.get_running_loop()
    started = loop.time()
    attempts = 0
    while True:
        try:
            return await _attempt(session, work, outage_seconds)
        except PyMongoError as error:
            limit = (
                outage_seconds if isinstance(error, ConnectionFailure) else _MAX_CONFLICT_SECONDS
            )
            # The driver has waited for a primary already.
            no_primary = isinstance(error, ServerSelectionTimeoutError)
            if (
                no_primary
                or not error.has_error_label("TransientTransactionError")
                or loop.time() - started > limit
            ):
                raise
        attempts += 1
        # A random pause lets one of several conflicting servers get ahead.
        await asyncio.sleep(
            random.random() * min(_FIRST_PAUSE_SECONDS * 1.5**attempts, _MAX_PAUSE_SECONDS)  # noqa: S311
        )


async def _attempt(
    session: Session, work: Callable[[Session], Awaitable[T]], outage_seconds: float
) -> T:
    await session.start_transaction(_SNAPSHOT, _MAJORITY)
    try:
        result = await work(session)
    except BaseException:
        if session.in_transaction:
            with timeout(_MAX_ABORT_SECONDS):  # if it fails, MongoDB ends the transaction later
                await session.abort_transaction()
        raise
    await _settle(session, outage_seconds)
    return result


async def _settle(session: Session, outage_seconds: float) -> None:
    """Send the commit until MongoDB answers it.

    Sending it again is safe: MongoDB commits a transaction at most once.
    """
    loop = asyncio.get_running_loop()
    started = loop.time()
    while True:
        try:
            with timeout(max(started + outage_seconds - loop.time(), _MIN_COMMIT_SECONDS)):
                await session.commit_transaction()
        except PyMongoError as error:
            if not error.has_error_label("UnknownTransactionCommitResult"):
                raise
            # MongoDB is available, but needs more time.
            slow = error.timeout and not isinstance(error, ConnectionFailure)
            if loop.time() - started > (_MAX_CONFLICT_SECONDS if slow else outage_seconds):
                raise OutcomeUnknown from error
            await asyncio.sleep(_MAX_PAUSE_SECONDS * random.random())  # noqa: S311
        else:
            return
