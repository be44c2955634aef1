"""States of documents: what each one allows, archiving, and activation."""

import pytest

from store.errors import WrongState
from store.mongo.connection import Database
from store.records import (
    Act,
    Action,
    Audience,
    DocumentState,
)
from store.registry import Store
from tests.storage.building import (
    ANNA,
    BJORKEN,
    BO,
    BY_ANNA,
    BY_BO,
    EKEN,
    LINDEN,
    created,
    distributed,
    document_of,
    everything,
    published,
    with_clinics,
)
from tests.storage.document_acts import ACTS, in_state, introductions_of


@pytest.mark.parametrize("state", list(DocumentState))
async def test_each_state_allows_its_acts_and_refuses_the_others(
    store: Store, database: Database, state: DocumentState
) -> None:
    allowed: dict[str, tuple[DocumentState, Action | None]] = {}
    refused: dict[str, DocumentState] = {}
    for name, write in ACTS.items():
        document = await in_state(store, state)
        before = await everything(database)
        try:
            saved = await write(store.documents, document)
        except WrongState as refusal:
            refused[name] = refusal.state
        else:
            allowed[name] = (document_of(saved).state, saved.event.action if saved.event else None)
        assert (await everything(database) == before) == (
            name in refused or allowed[name][1] is None
        )

    assert allowed == ALLOWED[state]
    assert refused == dict.fromkeys(ACTS.keys() - allowed.keys(), state)


DRAFT, ACTIVE, INACTIVE, ARCHIVED = DocumentState


ALLOWED = {
    DRAFT: {
        "update": (DRAFT, Action.EDITED),
        "update and publish": (ACTIVE, Action.PUBLISHED),
        "publish": (ACTIVE, Action.PUBLISHED),
        "archive": (ARCHIVED, Action.ARCHIVED),
        "restore": (DRAFT, Action.RESTORED),
    },
    ACTIVE: {
        "update": (ACTIVE, Action.EDITED),
        "update and publish": (ACTIVE, Action.PUBLISHED),
        "publish": (ACTIVE, None),
        "deactivate": (INACTIVE, Action.DEACTIVATED),
        "archive": (ARCHIVED, Action.ARCHIVED),
        "restore": (ACTIVE, Action.RESTORED),
    },
    INACTIVE: {
        "update": (INACTIVE, Action.EDITED),
        "update and publish": (INACTIVE, Action.PUBLISHED),
        "publish": (INACTIVE, None),
        "activate": (ACTIVE, Action.ACTIVATED),
        "archive": (ARCHIVED, Action.ARCHIVED),
        "restore": (INACTIVE, Action.RESTORED),
    },
    ARCHIVED: {"restore": (INACTIVE, Action.RESTORED)},
}


async def test_deactivate_and_activate_write_events_but_no_versions(store: Store) -> None:
    document = await in_state(store, DocumentState.ACTIVE)

    off = await store.documents.deactivate(
        document, expected_version=2, act=Act(BO, note="Semester")
    )
    on = await store.documents.activate(document, expected_version=2, act=BY_BO)

    assert off.event is not None
    assert on.event is not None
    assert (off.event.action, off.event.note, off.event.state, off.event.version) == (
        Action.DEACTIVATED,
        "Semester",
        DocumentState.INACTIVE,
        None,
    )
    assert (on.event.action, on.event.state, on.event.audience, on.event.resident_visible) == (
        Action.ACTIVATED,
        DocumentState.ACTIVE,
        Audience.ASSIGNED,
        True,
    )
    assert (document_of(on).latest, document_of(on).published, document_of(on).state) == (
        2,
        1,
        DocumentState.ACTIVE,
    )
    assert await introductions_of(store, document) == [(1, "Ett"), (2, "Två")]


async def test_a_change_of_state_keeps_the_author_and_time_of_the_newest_version(
    store: Store,
) -> None:
    document = await in_state(store, DocumentState.ACTIVE)

    after = document_of(await store.documents.deactivate(document, expected_version=2, act=BY_BO))

    assert (after.author, after.edited_at, after.hash) == (ANNA, document.edited_at, document.hash)
    assert after.event_count == document.event_count + 1


async def test_archive_removes_the_document_from_its_clinics_and_restore_returns_it(
    store: Store,
) -> None:
    await with_clinics(store, BJORKEN, LINDEN, EKEN)
    document = await published(store)
    await distributed(store, document, BJORKEN, LINDEN)

    archived = await store.documents.archive(document, expected_version=1, act=BY_ANNA)
    at_archived = {
        (row.clinic, row.until_sequence)
        for row in await store.assignments.of_clinics([BJORKEN, LINDEN, EKEN])
    }
    restored = await store.documents.restore(
        document, version=1, expected_version=1, publish=False, act=BY_BO
    )

    assert archived.event is not None
    assert restored.event is not None
    assert (archived.event.sequence, archived.event.audience, archived.event.resident_visible) == (
        5,
        Audience.ASSIGNED,
        True,
    )
    assert at_archived == {(BJORKEN, 5), (LINDEN, 5)}
    assert restored.event.sequence == 6
    now = {
        (row.clinic, row.from_sequence)
        for row in await store.assignments.of_clinics([BJORKEN, LINDEN, EKEN])
        if row.until_sequence is None
    }
    assert now == {(BJORKEN, 6), (LINDEN, 6)}
    assert document_of(restored).state is DocumentState.INACTIVE
    assert document_of(restored).archived_sequence is None


async def test_restoring_returns_only_what_the_last_archiving_removed(
    store: Store,
) -> None:
    await with_clinics(store, BJORKEN, LINDEN)
    document = await published(store)
    await distributed(store, document, BJORKEN)
    for _ in range(2):
        await store.documents.archive(document, expected_version=1, act=BY_ANNA)
        await store.documents.restore(
            document, version=1, expected_version=1, publish=True, act=BY_ANNA
        )

    intervals = [
        (row.from_sequence, row.until_sequence)
        for row in await store.assignments.of_clinics([BJORKEN])
    ]
    assert sorted(intervals) == [(4, 5), (6, 7), (8, None)]


async def test_an_archived_draft_is_restored_as_a_draft(store: Store) -> None:
    document = await created(store)
    await store.documents.archive(document, expected_version=1, act=BY_ANNA)

    restored = await store.documents.restore(
        document, version=1, expected_version=1, publish=False, act=BY_ANNA
    )

    assert (document_of(restored).state, document_of(restored).published) == (
        DocumentState.DRAFT,
        None,
    )


async def test_archiving_a_draft_notifies_no_clinic(store: Store) -> None:
    saved = await store.documents.archive(await created(store), expected_version=1, act=BY_ANNA)

    assert saved.event is not None
    assert (saved.event.audience, saved.event.resident_visible) == (Audience.NONE, False)
