"""The past at a moment: the last sequence number and the version in force."""

from collections.abc import Callable
from datetime import timedelta

from store.mongo.connection import Database
from store.registry import Store
from tests.storage.building import (
    BY_ANNA,
    STOCKHOLM,
    UPPSALA,
    created,
    document_of,
    in_force_at,
    published,
    saved_as,
)
from tests.storage.minutes import minute, start_logs_at_start


async def test_the_sequence_and_the_version_in_force_are_found_at_any_moment(
    store: Store, database: Database, timed: Callable[[float], Store]
) -> None:
    await start_logs_at_start(database, STOCKHOLM)
    document = await created(timed(1))
    document = document_of(
        await timed(2).documents.publish(document, version=1, expected_version=1, act=BY_ANNA)
    )
    document = await saved_as(timed(3), document, "Två")
    document = document_of(
        await timed(4).documents.publish(document, version=2, expected_version=2, act=BY_ANNA)
    )
    document = document_of(
        await timed(5).documents.deactivate(document, expected_version=2, act=BY_ANNA)
    )
    document = document_of(
        await timed(6).documents.publish(document, version=1, expected_version=2, act=BY_ANNA)
    )

    moments = [0, 0.999, 1, 1.5, 2, 3, 3.999, 4, 5, 6, 99]
    sequences = [await store.history.sequence_at(STOCKHOLM, minute(moment)) for moment in moments]
    in_force = [await in_force_at(store, document, minute(moment)) for moment in moments]

    assert sequences == [0, 0, 1, 1, 2, 3, 3, 4, 5, 6, 6]
    assert in_force == [None, None, None, None, 1, 1, 1, 2, 2, 1, 1]


async def test_a_moment_shared_by_several_events_is_after_the_last_of_them(
    store: Store, database: Database, timed: Callable[[float], Store]
) -> None:
    await start_logs_at_start(database, STOCKHOLM)
    frozen = timed(1)
    document = await saved_as(frozen, await published(frozen), "Två", "Tre", publish=True)

    assert await store.history.sequence_at(STOCKHOLM, minute(1)) == 4
    assert await in_force_at(store, document, minute(1)) == 3
    assert await store.history.sequence_at(STOCKHOLM, minute(1) - timedelta(milliseconds=1)) == 0


async def test_a_moment_has_one_answer_after_the_clock_was_set_back(
    store: Store, database: Database, timed: Callable[[float], Store]
) -> None:
    await start_logs_at_start(database, STOCKHOLM)
    document = await published(timed(10))
    document = await saved_as(timed(5), document, "Två", publish=True)
    document = await saved_as(timed(11), document, "Tre", publish=True)

    assert [
        await in_force_at(store, document, minute(moment)) for moment in (5, 9.999, 10, 10.999, 11)
    ] == [None, None, 2, 2, 3]


async def test_other_documents_and_logs_do_not_affect_the_version_in_force(
    store: Store, database: Database, timed: Callable[[float], Store]
) -> None:
    await start_logs_at_start(database, STOCKHOLM, UPPSALA)
    document = await published(timed(1))
    await published(timed(2))
    await published(timed(3), principal=UPPSALA)

    assert await in_force_at(store, document, minute(9)) == 1
    assert await store.history.sequence_at(STOCKHOLM, minute(9)) == 4
    assert await store.history.sequence_at(UPPSALA, minute(2.5)) == 0
