"""The writer of the logs: one append-only log per principal, written by group commit.

Each process has one writer task per principal. It takes the queued changes, applies them in order
inside one transaction, and answers each caller separately. The transaction updates the log's
counter first. So sequence numbers have no gaps and commit in order, also while other processes
write.
Invariant: an event and the change that it records are written in one transaction.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime

from pymongo import ReturnDocument, timeout
from pymongo.errors import BulkWriteError

from store.errors import OutcomeUnknown, RegistryError
from store.idempotency import IdempotencyKey
from store.mongo.abandoned_transactions import AbandonedTransactions
from store.mongo.commits import commit
from store.mongo.connection import Database, Row, Session
from store.mongo.rows import HEAD, document_from, event_from, version_from
from store.mongo.transactions import Transaction
from store.outages import is_outage
from store.records import RefusalReason, RefusedRow, Saved

Change = Callable[[Transaction], Awaitable[Saved]]
Clock = Callable[[], datetime]
_Outcome = Saved | Row | Exception

_MAX_GROUP_SIZE = 64
_LARGE_GROUP_SIZE = 12
"""From this size on, MongoDB writes the first third of the heads while the other changes are made.

MongoDB takes twice as long for a head as this process.
"""
_MAX_WAIT_SECONDS = 1.0
"""How long a transaction is retried before abandoned transactions are looked for."""
_MAX_COUNTER_SECONDS = 6.0
_DUPLICATE_KEY = 11000


def utc_now() -> datetime:
    """Return the current time in UTC, truncated to BSON's milliseconds."""
    now = datetime.now(UTC)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)


@dataclass(slots=True, eq=False)
class _Request:
    change: Change
    documents: Sequence[str]
    key: IdempotencyKey | None
    alone: bool
    answer: asyncio.Future[Saved | Row] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )


class Log:
    """The writer of all principals' logs in this process."""

    def __init__(self, database: Database, clock: Clock = utc_now) -> None:
        self._database = database
        self._clock = clock
        self._abandoned = AbandonedTransactions(database.client)
        self._queues: dict[str, deque[_Request]] = {}
        self._writers: dict[str, asyncio.Task[None]] = {}

    async def submit(
        self,
        principal: str,
        change: Change,
        *,
        documents: Sequence[str] = (),
        key: IdempotencyKey | None = None,
        alone: bool = False,
    ) -> Saved:
        """Apply a change to a principal's log, together with other changes in the queue.

        Args:
            principal: Key of the principal whose log is written.
            change: Reads heads, stages writes, and raises to refuse. It runs again from the start
                when the transaction is retried.
            documents: Ids of the heads that the change reads.
            key: With a key that was used before, the call returns the first call's result.
            alone: Whether the change runs in a transaction of its own, because it reads rows that
                other changes may have staged.

        Returns:
            The result of the change, once it is on disk on a majority of the members.

        Raises:
            RegistryError: The change was refused. Nothing was written.
            OutcomeUnknown: It is unknown whether the change was written. If it is submitted again
                with the same key, it is applied once.
            Exception: MongoDB is unavailable (`is_outage`), or the change failed. Nothing was
                written.
        """
        request = _Request(change, documents, key, alone)
        self._queues.setdefault(principal, deque()).append(request)
        if principal not in self._writers:
            self._writers[principal] = asyncio.create_task(
                self._drain(principal), name=f"log writer {principal}"
            )
        answer = await request.answer
        return answer if isinstance(answer, Saved) else await self._first_result(answer)

    async def repeated(self, key: IdempotencyKey | None) -> Saved | None:
        """Return the result of the first call with a key; None without a key or for a new one.

        Callers that read much before they write check this first.

        Raises:
            InvalidInput: The key was used with other input; code `IDEMPOTENCY_KEY_REUSED`.
        """
        row = await self._database.find_one("idempotency_keys", {"_id": key.id}) if key else None
        if key is None or row is None:
            return None
        key.refuse_other(row["fingerprint"])
        return await self._first_result(row)

    async def close(self) -> None:
        """Wait until every queued change has been answered."""
        while self._writers:
            await asyncio.gather(*self._writers.values(), return_exceptions=True)

    async def _drain(self, principal: str) -> None:
        queue = self._queues[principal]
        try:
            while queue:
                group = self._next_group(queue)
                if group:
                    await self._settle(principal, group)
        finally:
            # There is no await between the check of the queue and this line, so a later caller
            # starts a new writer.
            del self._writers[principal], self._queues[principal]
            for request in queue:
                request.answer.cancel()

    def _next_group(self, queue: deque[_Request]) -> list[_Request]:
        group: list[_Request] = []
        while (
            queue
            and len(group) < _MAX_GROUP_SIZE
            and not (group and (queue[0].alone or group[0].alone))
        ):
            request = queue.popleft()
            if not request.answer.cancelled():
                group.append(request)
        return group

    async def _settle(self, principal: str, group: list[_Request]) -> None:
        """Commit a group and answer its callers.

        After an error that one request may have caused, each request is retried alone.
        """
        try:
            outcomes = await self._commit(principal, group)
        except asyncio.CancelledError:
            for request in group:
                request.answer.cancel()
            raise
        except Exception as error:  # noqa: BLE001 - whatever fails, no caller is left waiting
            # A group that may be written must not be retried, and an outage is no request's fault.
            if len(group) == 1 or isinstance(error, OutcomeUnknown) or is_outage(error):
                for request in group:
                    _answer(request, error)
            else:
                for request in group:
                    await self._settle(principal, [request])
        else:
            for request, outcome in zip(group, outcomes, strict=True):
                _answer(request, outcome)

    async def _commit(self, principal: str, group: list[_Request]) -> list[_Outcome]:
        loop = asyncio.get_running_loop()
        check_at = loop.time() + _MAX_WAIT_SECONDS

        async def transact(session: Session) -> list[_Outcome]:
            if loop.time() > check_at:  # the server that holds the lock may have been killed
                await self._abandoned.end()
            return await self._apply(session, principal, group)

        async with self._database.write_session() as session:
            try:
                return await commit(session, transact)
            except BulkWriteError as error:
                if not _is_duplicate(error):
                    raise
                # Another process used the same idempotency key in another log meanwhile. A second
                # attempt reads it.
                return await commit(session, transact)

    async def _apply(
        self, session: Session, principal: str, group: list[_Request]
    ) -> list[_Outcome]:
        # The update of the counter takes its lock: a second process conflicts here, before it has
        # done any work. The timeout includes the search for a primary.
        with timeout(_MAX_COUNTER_SECONDS):
            log = await self._database["logs"].find_one_and_update(
                {"_id": principal},
                {"$inc": {"turns": 1}},
                session=session,
                return_document=ReturnDocument.AFTER,
            )
        if log is None:
            raise LookupError(f"no log for principal {principal}")
        transaction = Transaction(
            self._database, session, principal, log["sequence"], max(self._clock(), log["at"])
        )
        await transaction.prefetch(
            (document for request in group for document in request.documents),
            (request.key.id for request in group if request.key),
        )
        try:
            outcomes = await self._attempt_all(transaction, group)
            # The counter's update is committed even without other writes: then the data that the
            # results are based on are on a majority of the members.
            await transaction.flush()
        except BaseException:
            # The first error is raised; but the session must be idle before the transaction ends.
            with suppress(Exception):
                await transaction.settled()
            raise
        return outcomes

    async def _attempt_all(self, transaction: Transaction, group: list[_Request]) -> list[_Outcome]:
        outcomes = []
        sent_after = len(group) // 3 if len(group) >= _LARGE_GROUP_SIZE else len(group)
        for number, request in enumerate(group):
            if number == sent_after:
                transaction.send_heads()
            outcomes.append(await self._attempt(transaction, request))
            if number >= sent_after:
                await asyncio.sleep(0)  # a turn for the write of the first heads
        return outcomes

    async def _attempt(self, transaction: Transaction, request: _Request) -> _Outcome:
        savepoint = transaction.savepoint()
        try:
            if request.key and (first := transaction.first_call(request.key)) is not None:
                return first
            saved = await request.change(transaction)
            if request.key:
                transaction.remember(request.key, saved)
        except RegistryError as refusal:
            transaction.roll_back_to(savepoint)
            return refusal
        else:
            return saved

    async def _first_result(self, row: Row) -> Saved:
        """Return the result of the first call with an idempotency key, with today's document."""
        document = (
            await self._database.find_one("documents", {"_id": row["document"]}, projection=HEAD)
            if row["document"]
            else None
        )
        version = (
            await self._database.find_one(
                "versions", {"document": row["document"], "number": row["version"]}
            )
            if row["version"]
            else None
        )
        event = (
            await self._database.find_one(
                "events", {"principal": row["principal"], "sequence": row["sequence"]}
            )
            if row["sequence"]
            else None
        )
        return Saved(
            document=document_from(document) if document else None,
            version=version_from(version) if version else None,
            event=event_from(event) if event else None,
            skipped=tuple(
                RefusedRow(skip["row"], skip["value"], RefusalReason(skip["reason"]))
                for skip in row["skipped"]
            ),
            counts=row["counts"],
            target=row["target"],
        )


def _is_duplicate(error: BulkWriteError) -> bool:
    return any(
        failure.get("code") == _DUPLICATE_KEY for failure in error.details.get("writeErrors", [])
    )


def _answer(request: _Request, outcome: _Outcome) -> None:
    with suppress(asyncio.InvalidStateError):  # the caller was cancelled
        if isinstance(outcome, Exception):
            request.answer.set_exception(outcome)
        else:
            request.answer.set_result(outcome)
