"""The log: changes that wait are written in one transaction, and each one fails alone."""

import asyncio
from dataclasses import replace

import pytest

from store.errors import NotFound, VersionConflict
from store.mongo.connection import Database
from store.mongo.transactions import Transaction
from store.records import (
    Action,
    Saved,
)
from store.registry import Store
from tests.storage.building import (
    ANNA,
    BY_ANNA,
    BY_BO,
    STOCKHOLM,
    UPPSALA,
    created,
    document_of,
    everything,
    head_of,
    noted,
    sequences,
    to,
)
from tests.storage.log_changes import DRAFT_HEAD, failing, notes, transactions

# ------------------------------------------------------------- group commit


async def test_changes_that_wait_together_share_transactions(
    store: Store, database: Database
) -> None:
    saved = await asyncio.gather(
        *(store.log.submit(STOCKHOLM, noted(str(number))) for number in range(130))
    )

    assert await transactions(database) == 3  # 64, 64 and 2
    assert [result.event.sequence for result in saved if result.event] == list(range(1, 131))
    assert await notes(database) == [str(number) for number in range(130)]


async def test_all_events_of_one_transaction_have_one_time(store: Store) -> None:
    saved = await asyncio.gather(
        *(store.log.submit(STOCKHOLM, noted(str(number))) for number in range(64))
    )

    assert len({result.event.at for result in saved if result.event}) == 1


async def test_a_refused_change_discards_what_it_staged_and_the_others_are_written(
    store: Store, database: Database
) -> None:
    outcomes = await asyncio.gather(
        store.log.submit(STOCKHOLM, noted("ett")),
        store.log.submit(STOCKHOLM, failing(NotFound("Finns inte."))),
        store.log.submit(STOCKHOLM, noted("två")),
        return_exceptions=True,
    )

    assert isinstance(outcomes[1], NotFound)
    assert await notes(database) == ["ett", "två"]
    assert await sequences(database) == [1, 2]
    assert await transactions(database) == 1
    assert await database.count("documents", {}) == 0


async def test_a_change_that_raises_fails_alone(store: Store, database: Database) -> None:
    outcomes = await asyncio.gather(
        store.log.submit(STOCKHOLM, noted("ett")),
        store.log.submit(STOCKHOLM, failing(ZeroDivisionError("fel"))),
        store.log.submit(STOCKHOLM, noted("två")),
        return_exceptions=True,
    )

    assert [type(outcome) for outcome in outcomes] == [Saved, ZeroDivisionError, Saved]
    assert await notes(database) == ["ett", "två"]
    assert await sequences(database) == [1, 2]
    assert await database.count("documents", {}) == 0


async def test_a_change_that_mongodb_refuses_fails_alone(store: Store, database: Database) -> None:
    async def too_large(transaction: Transaction) -> Saved:
        transaction.put(
            replace(DRAFT_HEAD, id="ct_failed", content={"för stort": "x" * 17_000_000})
        )
        return Saved(event=transaction.record(BY_ANNA, Action.IMPORTED))

    outcomes = await asyncio.gather(
        store.log.submit(STOCKHOLM, noted("ett")),
        store.log.submit(STOCKHOLM, too_large),
        store.log.submit(STOCKHOLM, noted("två")),
        return_exceptions=True,
    )

    assert isinstance(outcomes[1], Exception)
    assert await notes(database) == ["ett", "två"]
    assert await sequences(database) == [1, 2]


async def test_only_the_first_of_two_saves_in_one_group_succeeds(
    store: Store, database: Database
) -> None:
    document = await created(store)

    first, second, third = await asyncio.gather(
        store.documents.update(
            document, edit=to("Två"), expected_version=1, publish=False, act=BY_ANNA
        ),
        store.documents.update(
            document, edit=to("Annat"), expected_version=1, publish=False, act=BY_BO
        ),
        store.documents.update(
            document, edit=to("Tre"), expected_version=2, publish=True, act=BY_BO
        ),
        return_exceptions=True,
    )

    assert isinstance(first, Saved)
    assert isinstance(second, VersionConflict)
    assert isinstance(third, Saved)
    assert (second.latest, second.by) == (2, ANNA)
    assert (document_of(third).latest, document_of(third).published) == (3, 3)
    assert await transactions(database) == 2
    assert await database.find_one("documents", {"_id": document.id}) is not None
    assert await head_of(store, document) == third.document


async def test_a_change_submitted_alone_shares_no_transaction_and_keeps_its_order(
    store: Store, database: Database
) -> None:
    await asyncio.gather(
        store.log.submit(STOCKHOLM, noted("ett")),
        store.log.submit(STOCKHOLM, noted("två")),
        store.log.submit(STOCKHOLM, noted("ensam"), alone=True),
        store.log.submit(STOCKHOLM, noted("tre")),
    )

    assert await notes(database) == ["ett", "två", "ensam", "tre"]
    assert await transactions(database) == 3


async def test_a_group_of_refused_changes_writes_nothing(store: Store, database: Database) -> None:
    before = await everything(database)

    outcomes = await asyncio.gather(
        *(store.log.submit(STOCKHOLM, failing(NotFound("Nej."))) for _ in range(5)),
        return_exceptions=True,
    )

    assert [type(outcome) for outcome in outcomes] == [NotFound] * 5
    assert await everything(database) == before


async def test_principals_do_not_wait_for_each_other(store: Store) -> None:
    gate = asyncio.Event()

    async def waiting(transaction: Transaction) -> Saved:
        await gate.wait()
        return await noted("väntade")(transaction)

    slow = asyncio.create_task(store.log.submit(STOCKHOLM, waiting))
    other = await store.log.submit(UPPSALA, noted("direkt"))
    assert not slow.done()
    gate.set()

    assert other.event is not None
    assert (await slow).event is not None


# ------------------------------------------------------------- cancelled callers


async def test_a_caller_cancelled_before_its_turn_writes_nothing(
    store: Store, database: Database
) -> None:
    tasks = [
        asyncio.create_task(store.log.submit(STOCKHOLM, noted(str(number)))) for number in range(3)
    ]
    await asyncio.sleep(0)  # the changes are queued

    tasks[1].cancel()
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)

    assert isinstance(outcomes[1], asyncio.CancelledError)
    assert await notes(database) == ["0", "2"]
    assert await sequences(database) == [1, 2]


async def test_a_caller_cancelled_during_its_turn_stops_no_other_caller(
    store: Store, database: Database
) -> None:
    started, gate = asyncio.Event(), asyncio.Event()

    async def waiting(transaction: Transaction) -> Saved:
        started.set()
        await gate.wait()
        return await noted("lämnad")(transaction)

    leaving = asyncio.create_task(store.log.submit(STOCKHOLM, waiting))
    staying = asyncio.create_task(store.log.submit(STOCKHOLM, noted("kvar")))
    await started.wait()
    leaving.cancel()
    gate.set()

    assert (await staying).event is not None
    with pytest.raises(asyncio.CancelledError):
        await leaving
    assert await notes(database) == ["lämnad", "kvar"]
    assert (await store.log.submit(STOCKHOLM, noted("nästa"))).event is not None
