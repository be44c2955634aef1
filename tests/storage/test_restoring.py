"""Restoring appends a version with older content, and can publish it."""

import pytest

from resolvers.kinds.case_types import CASE_TYPE
from store.errors import NotFound
from store.mongo.connection import Database
from store.records import (
    Act,
    Action,
    Audience,
    Derivation,
    DocumentState,
    Owner,
    OwnerKind,
)
from store.registry import Store
from tests.storage.building import (
    BO,
    BY_ANNA,
    BY_BO,
    STOCKHOLM,
    content,
    document_of,
    everything,
    published,
    saved_as,
)
from tests.storage.document_acts import in_state


async def test_restore_appends_a_version_and_changes_no_earlier_one(
    store: Store, database: Database
) -> None:
    document = await saved_as(store, await published(store), "Två", publish=True)
    before = await database.find("versions", {}, sort=[("number", 1)])

    saved = await store.documents.restore(
        document, version=1, expected_version=2, publish=False, act=Act(BO, note="Ångrat")
    )

    head, version = document_of(saved), saved.version
    assert version is not None
    assert saved.event is not None
    assert (
        version.number,
        version.restored_from,
        version.content,
        version.author,
        version.note,
    ) == (3, 1, content("Ett"), BO, "Ångrat")
    assert (head.latest, head.published, head.content_in_force) == (3, 2, content("Två"))
    assert (saved.event.action, saved.event.version, saved.event.restored_from) == (
        Action.RESTORED,
        3,
        1,
    )
    assert (saved.event.published_before, saved.event.published_after, saved.event.audience) == (
        2,
        2,
        Audience.NONE,
    )
    assert await database.find("versions", {"number": {"$lte": 2}}, sort=[("number", 1)]) == before


async def test_restoring_and_publishing_is_one_event(store: Store) -> None:
    document = await saved_as(store, await published(store), "Två", publish=True)

    saved = await store.documents.restore(
        document, version=1, expected_version=2, publish=True, act=BY_BO
    )

    assert saved.event is not None
    assert (
        saved.event.action,
        saved.event.sequence,
        saved.event.version,
        saved.event.restored_from,
    ) == (Action.RESTORED, 4, 3, 1)
    assert (saved.event.published_before, saved.event.published_after) == (2, 3)
    assert (document_of(saved).published, document_of(saved).content_in_force) == (
        3,
        content("Ett"),
    )


async def test_restore_of_the_newest_content_changes_nothing(
    store: Store, database: Database
) -> None:
    document = await saved_as(store, await published(store), "Två", "Ett")
    before = await everything(database)

    saved = await store.documents.restore(
        document, version=1, expected_version=3, publish=False, act=BY_BO
    )

    assert saved.event is None
    assert saved.version is not None
    assert saved.version.number == 3
    assert await everything(database) == before


async def test_restore_also_restores_the_derivation(store: Store) -> None:
    template = Derivation("tpl_1", 4)
    document = document_of(
        await store.documents.create(
            CASE_TYPE,
            principal=STOCKHOLM,
            owner=Owner(OwnerKind.PRINCIPAL, STOCKHOLM),
            content=content("Ett"),
            derived_from=template,
            act=BY_ANNA,
        )
    )
    document = await saved_as(store, document, "Två")

    saved = await store.documents.restore(
        document, version=1, expected_version=2, publish=False, act=BY_ANNA
    )

    assert saved.version is not None
    assert (saved.version.derived_from, document_of(saved).derived_from) == (template, template)


async def test_restore_of_a_version_that_does_not_exist_writes_nothing(
    store: Store, database: Database
) -> None:
    document = await in_state(store, DocumentState.ARCHIVED)
    before = await everything(database)

    with pytest.raises(NotFound):
        await store.documents.restore(
            document, version=3, expected_version=2, publish=True, act=BY_ANNA
        )

    assert await everything(database) == before
