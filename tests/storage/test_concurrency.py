"""Concurrent writers in one process: one save wins, and no number is skipped or repeated."""

import asyncio

from store.errors import VersionConflict
from store.mongo.connection import Database
from store.records import Saved
from store.registry import Store
from tests.storage.building import (
    BY_ANNA,
    BY_BO,
    created,
    head_of,
    published,
    saved_as,
    to,
)
from tests.storage.races import (
    RACERS,
    assert_document_consistent,
    assert_log_consistent,
    only_winner,
    save_at_once,
)


async def test_one_of_sixteen_saves_from_one_version_wins(store: Store, database: Database) -> None:
    document = await created(store)

    winner = only_winner(await save_at_once([store], document))

    assert winner.version is not None
    assert winner.version.number == 2
    assert (await head_of(store, document)).content == winner.version.content
    await assert_document_consistent(store, document)
    await assert_log_consistent(database, events=2)


async def test_repeated_races_skip_no_number(store: Store, database: Database) -> None:
    document = await created(store)

    for latest in range(2, 12):
        only_winner(await save_at_once([store], document, publish=latest % 2 == 0))
        document = await head_of(store, document)
        assert document.latest == latest

    await assert_document_consistent(store, document)
    await assert_log_consistent(database, events=11)


async def test_saves_to_different_documents_all_succeed(store: Store, database: Database) -> None:
    documents = await asyncio.gather(
        *(created(store, f"Ärende {number}") for number in range(RACERS))
    )

    await asyncio.gather(*(saved_as(store, document, "Två", "Tre") for document in documents))

    for document in documents:
        assert (await head_of(store, document)).latest == 3
    await assert_log_consistent(database, events=3 * RACERS)


async def test_concurrent_saves_and_publications_keep_head_and_versions_consistent(
    store: Store, database: Database
) -> None:
    document = await saved_as(store, await published(store), "Två")

    outcomes = await asyncio.gather(
        *(
            (
                store.documents.update(
                    document,
                    edit=to(f"Ny {number}"),
                    expected_version=2,
                    publish=number % 2 == 0,
                    act=BY_BO,
                )
                if number % 3
                else store.documents.publish(
                    document, version=1 + number % 2, expected_version=2, act=BY_ANNA
                )
            )
            for number in range(RACERS)
        ),
        return_exceptions=True,
    )

    assert {type(outcome) for outcome in outcomes} == {Saved, VersionConflict}
    events = 3 + sum(
        isinstance(outcome, Saved) and outcome.event is not None for outcome in outcomes
    )
    assert (await head_of(store, document)).latest == 3
    await assert_document_consistent(store, document)
    await assert_log_consistent(database, events)
