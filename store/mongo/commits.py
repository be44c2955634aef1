"""Transactions until it is known what came of them: written, not written, or not known.

The driver's own `with_transaction` tries for two minutes whatever fails, and its error does not
tell the last two apart. Here a caller is told
within seconds when MongoDB is away; only what others' writes hold up is tried for longer.
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

PATIENCE_SECONDS = 7.0
"""For so long a transaction is begun, and then its commit asked for, again and again while MongoDB
is away. Longer than the driver needs to notice
that a member hangs, and to find the new primary; shorter than callers wait."""

_HELD_UP_SECONDS = 60.0
_ABORT_SECONDS = 1.0
_MIN_SECONDS = 1.0
_FIRST_PAUSE_SECONDS, _MAX_PAUSE_SECONDS = 0.005, 0.5
_SNAPSHOT = ReadConcern("snapshot")
_MAJORITY = WriteConcern("majority", j=True)


async def commit(
    session: Session,
    work: Callable[[Session], Awaitable[T]],
    *,
    patience_seconds: float = PATIENCE_SECONDS,
) -> T:
    """Do work in a transaction, again from the start where that can help, until it is on disk on a
    majority of the members.

    Args:
        session: Without a transaction.
        work: Reads and writes by the session. It may run several times; only the last is written.
        patience_seconds: How long to try while MongoDB is away.

    Returns:
        What the work did.

    Raises:
        OutcomeUnknown: MongoDB was asked to commit and did not answer: it is written, or not, or
            will be.
        PyMongoError: MongoDB could not be asked, or refused. Nothing was written.
        Exception: The work's own. Nothing was written.
    """
    loop = asyncio.get_running_loop()
    begun = loop.time()
    attempts = 0
    while True:
        try:
            return await _attempt(session, work, patience_seconds)
        except PyMongoError as error:
            limit = patience_seconds if isinstance(error, ConnectionFailure) else _HELD_UP_SECONDS
            no_primary = isinstance(
                error, ServerSelectionTimeoutError
            )  # the driver has waited for one already
            if (
                no_primary
                or not error.has_error_label("TransientTransactionError")
                or loop.time() - begun > limit
            ):
                raise
        attempts += 1
        # Of several servers that hold each other up, one must get ahead.
        await asyncio.sleep(
            random.random() * min(_FIRST_PAUSE_SECONDS * 1.5**attempts, _MAX_PAUSE_SECONDS)  # noqa: S311
        )


async def _attempt(
    session: Session, work: Callable[[Session], Awaitable[T]], patience_seconds: float
) -> T:
    await session.start_transaction(_SNAPSHOT, _MAJORITY)
    try:
        done = await work(session)
    except BaseException:
        if session.in_transaction:
            with timeout(_ABORT_SECONDS):  # MongoDB ends it by itself, if it can't be told
                await session.abort_transaction()
        raise
    await _settle(session, patience_seconds)
    return done


async def _settle(session: Session, patience_seconds: float) -> None:
    """Ask for the commit until it is answered.

    Asking again is safe: MongoDB knows what it has committed.
    """
    loop = asyncio.get_running_loop()
    begun = loop.time()
    while True:
        try:
            with timeout(max(begun + patience_seconds - loop.time(), _MIN_SECONDS)):
                await session.commit_transaction()
        except PyMongoError as error:
            if not error.has_error_label("UnknownTransactionCommitResult"):
                raise
            slow = error.timeout and not isinstance(
                error, ConnectionFailure
            )  # it is there, and says that it needs more time
            if loop.time() - begun > (_HELD_UP_SECONDS if slow else patience_seconds):
                raise OutcomeUnknown from error
            await asyncio.sleep(_MAX_PAUSE_SECONDS * random.random())  # noqa: S311
        else:
            return
