"""One append-only log per principal, and the only way to write: group commit.

One writer task per principal and process takes what is queued, applies each change in turn inside
one transaction, and answers each caller for
itself. The log's counter is taken first in the transaction: numbers have no gap and commit in
order, also with other processes writing.
Invariant: an event is written in the same transaction as what it tells of, or not at all.
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
from store.mongo.abandoned_transactions import AbandonedTransactions
from store.mongo.commits import commit
from store.mongo.connection import Database, Row, Session, is_outage
from store.mongo.rows import HEAD, document_from, event_from, version_from
from store.mongo.transactions import IdempotencyKey, Transaction
from store.records import RefusalReason, RefusedRow, Saved

Change = Callable[[Transaction], Awaitable[Saved]]
Clock = Callable[[], datetime]

_GROUP = 64
_LARGE = 12
"""From so many on, MongoDB works on the first third of the heads while the rest is made: for one it
takes twice as long as this process.
"""
_HELD_UP_SECONDS = 1.0
_FIRST_ANSWER_SECONDS = 6.0


def utc_now() -> datetime:
    """Now, in UTC, cut to BSON's milliseconds."""
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
        """Apply a change to a principal's log, together with others that wait.

        Args:
            principal: Key of the principal whose log it writes to.
            change: Reads heads, stages writes, and raises to refuse. It runs again from the start
                if the transaction has to.
            documents: Ids of the heads that it reads.
            key: OperationExecutor the first call's result again when it was used before.
            alone: The change reads rows that other changes may have staged, so it shares no
                transaction with them.

        Returns:
            What the change answered, once it is on disk on a majority of the members.

        Raises:
            RegistryError: The change was refused; nothing was written.
            OutcomeUnknown: Whether it was written is not known. Submitting it again with the same
                key does it once.
            Exception: MongoDB can't be asked (`is_outage`), or the change failed; nothing was
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
        """What the first call with a key led to; None for a new key. For acts that read much before
        they write.

        Raises:
            InvalidInput: The key was used with other input.
        """
        row = await self._database.find_one("idempotency_keys", {"_id": key.id}) if key else None
        if key is None or row is None:
            return None
        key.refuse_other(row["fingerprint"])
        return await self._first_result(row)

    async def close(self) -> None:
        """Wait until everything queued is settled."""
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
            # No await between the empty queue and here: a caller that comes later starts a new
            # writer.
            del self._writers[principal], self._queues[principal]
            for request in queue:
                request.answer.cancel()

    def _next_group(self, queue: deque[_Request]) -> list[_Request]:
        group: list[_Request] = []
        while queue and len(group) < _GROUP and not (group and (queue[0].alone or group[0].alone)):
            request = queue.popleft()
            if not request.answer.cancelled():
                group.append(request)
        return group

    async def _settle(self, principal: str, group: list[_Request]) -> None:
        """Commit a group and answer its callers; a fault that may be one request's own is not laid
        on the others.
        """
        try:
            outcomes = await self._commit(principal, group)
        except asyncio.CancelledError:
            for request in group:
                request.answer.cancel()
            raise
        except Exception as error:  # noqa: BLE001 - whatever fails, no caller is left waiting
            # What may be written must not be done again as new work; and no request of the group
            # made MongoDB go away.
            if len(group) == 1 or isinstance(error, OutcomeUnknown) or is_outage(error):
                for request in group:
                    _answer(request, error)
            else:
                for request in group:
                    await self._settle(principal, [request])
        else:
            for request, outcome in zip(group, outcomes, strict=True):
                _answer(request, outcome)

    async def _commit(self, principal: str, group: list[_Request]) -> list[Saved | Row | Exception]:
        loop = asyncio.get_running_loop()
        held_up_at = loop.time() + _HELD_UP_SECONDS

        async def transact(session: Session) -> list[Saved | Row | Exception]:
            if loop.time() > held_up_at:  # tried again and again: whoever has the log may be dead
                await self._abandoned.end()
            return await self._apply(session, principal, group)

        async with self._database.write_session() as session:
            try:
                return await commit(session, transact)
            except BulkWriteError as error:
                if not _is_duplicate(error):
                    raise
                # Another process used the same idempotency key in another log meanwhile: now it is
                # there to be seen.
                return await commit(session, transact)

    async def _apply(
        self, session: Session, principal: str, group: list[_Request]
    ) -> list[Saved | Row | Exception]:
        # Writing the counter first takes its lock: a second process conflicts here, before it has
        # done any work.
        with timeout(_FIRST_ANSWER_SECONDS):  # for a primary to be found, too
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
            # Committed even if nothing but the turn was taken: then all that the answers rest on is
            # on a majority too.
            await transaction.flush()
        except BaseException:
            with suppress(
                Exception
            ):  # what failed first is told; but the session must be free before its transaction is ended
                await transaction.settled()
            raise
        return outcomes

    async def _attempt_all(
        self, transaction: Transaction, group: list[_Request]
    ) -> list[Saved | Row | Exception]:
        outcomes = []
        sent_after = len(group) // 3 if len(group) >= _LARGE else len(group)
        for number, request in enumerate(group):
            if number == sent_after:
                transaction.send_heads()
            outcomes.append(await self._attempt(transaction, request))
            if number >= sent_after:
                await asyncio.sleep(0)  # a turn for what is on its way
        return outcomes

    async def _attempt(
        self, transaction: Transaction, request: _Request
    ) -> Saved | Row | Exception:
        checkpoint = transaction.checkpoint()
        try:
            if request.key and (first := transaction.replayed(request.key)) is not None:
                return first
            saved = await request.change(transaction)
            if request.key:
                transaction.remember(request.key, saved)
        except RegistryError as refusal:
            transaction.back_to(checkpoint)
            return refusal
        else:
            return saved

    async def _first_result(self, row: Row) -> Saved:
        """The result of the call that used the idempotency key first; the document as it is now."""
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
        failure.get("code") == 11000 for failure in error.details.get("writeErrors", [])
    )  # DuplicateKey


def _answer(request: _Request, outcome: Saved | Row | Exception) -> None:
    with suppress(asyncio.InvalidStateError):  # the caller has gone
        if isinstance(outcome, Exception):
            request.answer.set_exception(outcome)
        else:
            request.answer.set_result(outcome)
