"""Expected versions: an act from another version than the newest conflicts and writes nothing."""

from dataclasses import replace

import pytest

from store.errors import NotFound, VersionConflict
from store.mongo.connection import Database
from store.registry import Store
from tests.storage.building import (
    BO,
    BY_ANNA,
    BY_BO,
    STOCKHOLM,
    UPPSALA,
    created,
    document_of,
    everything,
    published,
    saved_as,
    to,
)
from tests.storage.document_acts import ACTS


async def test_every_act_from_an_older_version_conflicts_and_names_the_last_save(
    store: Store, database: Database
) -> None:
    stale = await created(store)
    newest = await saved_as(store, stale, "Två", act=BY_BO)
    before = await everything(database)

    for write in ACTS.values():
        with pytest.raises(VersionConflict) as refused:
            await write(store.documents, stale)
        conflict = refused.value
        assert (conflict.document, conflict.principal, conflict.path) == (
            stale.id,
            STOCKHOLM,
            ("expectedVersion",),
        )
        assert (conflict.expected, conflict.latest, conflict.by, conflict.at) == (
            1,
            2,
            BO,
            newest.edited_at,
        )

    assert await everything(database) == before


async def test_an_expected_version_that_does_not_exist_yet_conflicts(store: Store) -> None:
    document = await created(store)

    with pytest.raises(VersionConflict) as refused:
        await store.documents.update(
            document, edit=to("Två"), expected_version=2, publish=False, act=BY_BO
        )

    assert (refused.value.expected, refused.value.latest) == (2, 1)


async def test_changes_of_state_do_not_change_the_expected_version(store: Store) -> None:
    document = await published(store)
    await store.documents.deactivate(document, expected_version=1, act=BY_BO)

    saved = await store.documents.update(
        document, edit=to("Två"), expected_version=1, publish=False, act=BY_ANNA
    )

    assert document_of(saved).latest == 2


async def test_a_document_of_another_log_is_not_found(store: Store, database: Database) -> None:
    document = await created(store, principal=STOCKHOLM)
    before = await everything(database)

    with pytest.raises(NotFound):
        await store.documents.update(
            replace(document, principal=UPPSALA),
            edit=to("Två"),
            expected_version=1,
            publish=False,
            act=BY_ANNA,
        )

    assert await everything(database) == before
