"""A transaction left open by a killed server delays other writers by a few seconds only.

Live servers lose nothing: a transaction that continues is not aborted, and an aborted one is
retried.
"""

import asyncio
import time
from datetime import UTC, datetime

from pymongo import ReturnDocument, WriteConcern
from pymongo.read_concern import ReadConcern

from resolvers.kinds.registrations import KINDS
from store.mongo.connection import Database, Session, connect
from store.mongo.transactions import Transaction
from store.records import Saved
from store.registry import Store
from tests.storage.building import STOCKHOLM, created, saved_as

SOON_SECONDS = 8
"""Below the limit of MongoDB itself: 10 to 15 s if embedded, a minute or more elsewhere."""


async def take_turn(database: Database, session: Session) -> None:
    """Take the turn at a log, as each of its transactions does first."""
    await session.start_transaction(
        read_concern=ReadConcern("snapshot"), write_concern=WriteConcern("majority")
    )
    turn = await database["logs"].find_one_and_update(
        {"_id": STOCKHOLM},
        {"$inc": {"turns": 1}},
        session=session,
        return_document=ReturnDocument.AFTER,
    )
    assert turn is not None


async def test_the_next_writer_aborts_the_transaction_of_a_dead_server(
    store: Store, mongodb_uri: str
) -> None:
    document = await created(store)
    client = connect(mongodb_uri)
    async with client.start_session() as session:
        # The session stays open and sends nothing more.
        await take_turn(Database(client, store.database.name), session)
        started_at = time.monotonic()

        saved = await saved_as(store, document, "Efter")

        seconds = time.monotonic() - started_at
    await client.close()
    assert (saved.latest, await store.history.latest_sequence(STOCKHOLM)) == (2, 2)
    assert seconds < SOON_SECONDS


async def test_a_transaction_that_continues_is_not_aborted_however_long_it_takes(
    store: Store, mongodb_uri: str
) -> None:
    document = await created(store)
    client = connect(mongodb_uri)
    slow = Database(client, store.database.name)
    async with client.start_session() as session:
        await take_turn(slow, session)
        saving = asyncio.create_task(saved_as(store, document, "Efter"))
        until = time.monotonic() + 5
        while time.monotonic() < until:
            await slow.find_one("documents", {"_id": document.id}, session=session)
            await asyncio.sleep(0.1)
        waited = not saving.done()
        await session.commit_transaction()
        saved = await saving
    await client.close()

    assert waited
    assert saved.latest == 2


async def test_a_server_retries_its_aborted_transaction(store: Store, mongodb_uri: str) -> None:
    document = await created(store)
    client = connect(mongodb_uri)
    slow = Store(Database(client, store.database.name), KINDS)
    attempts: list[datetime] = []

    async def stalls_once(transaction: Transaction) -> Saved:
        attempts.append(datetime.now(UTC))
        if len(attempts) == 1:
            # This save waits for the turn that this transaction holds.
            await saved_as(store, document, "Den andra")
        return Saved(document=transaction.document(document.id))

    saved = await slow.log.submit(STOCKHOLM, stalls_once, documents=[document.id])
    await slow.log.close()
    await client.close()

    assert len(attempts) == 2
    assert saved.document is not None
    assert (saved.document.latest, await store.history.latest_sequence(STOCKHOLM)) == (2, 2)
