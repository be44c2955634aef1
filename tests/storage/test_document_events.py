"""Events of documents: one for each act, without gaps in the log."""

from dataclasses import replace

import pytest

from store.errors import RegistryError
from store.mongo.connection import Database
from store.records import (
    Action,
    DocumentState,
)
from store.registry import Store
from tests.storage.building import (
    BY_ANNA,
    STOCKHOLM,
    created,
    everything,
    head_of,
    saved_as,
    sequences,
    to,
)
from tests.storage.document_acts import ACTS, actions_on


async def test_every_act_writes_exactly_one_event_with_the_next_sequence(
    store: Store, database: Database
) -> None:
    document = await created(store)
    results = [
        await store.documents.update(
            document, edit=to("Två"), expected_version=1, publish=False, act=BY_ANNA
        ),
        await store.documents.publish(document, version=1, expected_version=2, act=BY_ANNA),
        await store.documents.update(
            document, edit=to("Tre"), expected_version=2, publish=True, act=BY_ANNA
        ),
        await store.documents.deactivate(document, expected_version=3, act=BY_ANNA),
        await store.documents.activate(document, expected_version=3, act=BY_ANNA),
        await store.documents.restore(
            document, version=1, expected_version=3, publish=False, act=BY_ANNA
        ),
        await store.documents.archive(document, expected_version=4, act=BY_ANNA),
        await store.documents.restore(
            document, version=2, expected_version=4, publish=True, act=BY_ANNA
        ),
    ]

    assert [saved.event.sequence for saved in results if saved.event] == [2, 3, 4, 5, 6, 7, 8, 9]
    assert await sequences(database) == list(range(1, 10))
    assert await actions_on(store, document) == [
        Action.CREATED,
        Action.EDITED,
        Action.PUBLISHED,
        Action.PUBLISHED,
        Action.DEACTIVATED,
        Action.ACTIVATED,
        Action.RESTORED,
        Action.ARCHIVED,
        Action.RESTORED,
    ]
    head = await head_of(store, document)
    assert (head.event_count, head.latest, head.published, head.state) == (
        9,
        5,
        5,
        DocumentState.ACTIVE,
    )
    assert head.notice_count == await database.count("events", {"audience": {"$ne": "NONE"}}) == 6
    assert (await database.find_one("logs", {"_id": STOCKHOLM}) or {})["sequence"] == 9


async def test_refused_acts_leave_no_gap_in_the_log(store: Store, database: Database) -> None:
    document = await created(store)

    for write in ACTS.values():
        with pytest.raises(RegistryError):
            await write(store.documents, replace(document, latest=7))
    await saved_as(store, document, "Två")

    assert await sequences(database) == [1, 2]


async def test_a_principal_without_a_log_cannot_be_written_to(
    store: Store, database: Database
) -> None:
    before = await everything(database)

    with pytest.raises(LookupError, match="SE1"):
        await created(store, principal="SE1")

    assert await everything(database) == before
