"""Idempotency keys: a repeated call returns the first result and writes nothing."""

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest

from resolvers.kinds.case_types import CASE_TYPE
from store.clinics.selectors import ClinicSelector
from store.errors import InvalidInput, VersionConflict
from store.idempotency import IdempotencyKey
from store.mongo.connection import Database
from store.records import (
    Document,
    Owner,
    OwnerKind,
    RefusalReason,
    RefusedRow,
    Saved,
)
from store.registry import Store
from tests.storage.building import (
    BJORKEN,
    BY_ANNA,
    BY_BO,
    LINDEN,
    STOCKHOLM,
    UPPSALA,
    content,
    created,
    document_of,
    everything,
    published,
    saved_as,
    sequences,
    to,
    with_clinics,
)


async def create_with_key(
    store: Store, key: IdempotencyKey, introduction: str = "Ett", principal: str = STOCKHOLM
) -> Saved:
    return await store.documents.create(
        CASE_TYPE,
        principal=principal,
        owner=Owner(OwnerKind.PRINCIPAL, principal),
        content=content(introduction),
        derived_from=None,
        act=BY_ANNA,
        key=key,
    )


KEY = IdempotencyKey("anna:1", "skapa ett")


async def test_a_repeated_key_and_input_return_the_first_result_and_write_nothing(
    store: Store, database: Database
) -> None:
    first = await create_with_key(store, KEY)
    before = await everything(database)

    again = await create_with_key(store, KEY)

    assert (again.document, again.version) == (first.document, first.version)
    assert again.event is not None
    assert replace(again.event, clinics=()) == first.event
    assert await everything(database) == before


async def test_a_key_repeated_in_one_group_writes_once(store: Store, database: Database) -> None:
    results = await asyncio.gather(*(create_with_key(store, KEY) for _ in range(8)))

    assert len({document_of(saved).id for saved in results}) == 1
    assert await sequences(database) == [1]
    assert await database.count("idempotency_keys", {}) == 1


async def test_a_key_used_at_two_servers_writes_once(
    store: Store, second_server: Store, database: Database
) -> None:
    for number in range(5):
        key = IdempotencyKey(f"anna:{number}", "skapa")

        results = await asyncio.gather(
            *(create_with_key(server, key) for server in [store, second_server] * 3)
        )
        assert len({document_of(saved).id for saved in results}) == 1

    assert await sequences(database) == [1, 2, 3, 4, 5]
    assert await database.count("documents", {}) == await database.count("versions", {}) == 5


async def test_a_key_used_in_two_logs_at_once_writes_in_one_of_them(
    store: Store, second_server: Store, database: Database
) -> None:
    for number in range(5):
        key = IdempotencyKey(f"anna:{number}", "skapa")

        results = await asyncio.gather(
            create_with_key(store, key), create_with_key(second_server, key, principal=UPPSALA)
        )
        assert len({document_of(saved).id for saved in results}) == 1

    assert await database.count("events", {}) == 5
    assert await database.count("documents", {}) == await database.count("versions", {}) == 5


async def test_a_key_with_other_input_is_refused(store: Store, database: Database) -> None:
    await create_with_key(store, KEY)
    before = await everything(database)

    with pytest.raises(InvalidInput) as refused:
        await create_with_key(store, IdempotencyKey(KEY.id, "skapa två"), "Två")

    assert [(problem.code, problem.path) for problem in refused.value.problems] == [
        ("IDEMPOTENCY_KEY_REUSED", ("idempotencyKey",))
    ]
    assert await everything(database) == before


async def test_a_key_with_other_input_in_one_group_is_refused(
    store: Store, database: Database
) -> None:
    first, other = await asyncio.gather(
        create_with_key(store, KEY),
        create_with_key(store, IdempotencyKey(KEY.id, "annat"), "Två"),
        return_exceptions=True,
    )

    assert isinstance(first, Saved)
    assert isinstance(other, InvalidInput)
    assert await sequences(database) == [1]


async def test_a_refused_call_does_not_use_up_its_key(store: Store, database: Database) -> None:
    document = await created(store)
    key = IdempotencyKey("anna:2", "spara")
    with pytest.raises(VersionConflict):
        await store.documents.update(
            document, edit=to("Två"), expected_version=7, publish=False, act=BY_ANNA, key=key
        )
    assert await database.count("idempotency_keys", {}) == 0

    saved = await store.documents.update(
        document, edit=to("Två"), expected_version=1, publish=False, act=BY_ANNA, key=key
    )

    assert document_of(saved).latest == 2


async def test_a_repeat_after_other_saves_does_not_conflict_and_returns_the_newest_head(
    store: Store,
) -> None:
    document = await created(store)
    key = IdempotencyKey("anna:3", "spara")
    first = await store.documents.update(
        document, edit=to("Två"), expected_version=1, publish=False, act=BY_ANNA, key=key
    )
    newest = await saved_as(store, document_of(first), "Tre", act=BY_BO)

    again = await store.documents.update(
        document, edit=to("Två"), expected_version=1, publish=False, act=BY_ANNA, key=key
    )

    assert (again.version, again.document) == (first.version, newest)


async def test_a_repeat_of_a_call_that_changed_nothing_changes_nothing(store: Store) -> None:
    document = await created(store)
    key = IdempotencyKey("anna:4", "spara")
    await store.documents.update(
        document, edit=to("Ett"), expected_version=1, publish=False, act=BY_ANNA, key=key
    )
    await saved_as(store, document, "Två")

    again = await store.documents.update(
        document, edit=to("Ett"), expected_version=1, publish=False, act=BY_ANNA, key=key
    )

    assert again.event is None
    assert document_of(again).latest == 2


async def test_a_repeated_distribution_returns_the_same_counts_and_skipped_rows(
    store: Store,
) -> None:
    await with_clinics(store, BJORKEN, LINDEN)
    document = await published(store)
    distribute = _distribution(store, document, IdempotencyKey("anna:5", "dela ut"))

    first, again = await distribute(), await distribute()

    assert first.counts == again.counts == {"clinics": 2, "replaced": 0}
    assert first.skipped == again.skipped == (RefusedRow(2, "inget-id", RefusalReason.MALFORMED),)
    assert first.event is not None
    assert again.event is not None
    assert again.event.sequence == first.event.sequence == 4


def _distribution(
    store: Store, document: Document, key: IdempotencyKey
) -> Callable[[], "asyncio.Task[Saved]"]:
    return lambda: asyncio.create_task(
        store.distribution.distribute(
            document,
            ClinicSelector.of_ids([BJORKEN, "inget-id", LINDEN]),
            start_page_order=1,
            contact_card_order=None,
            skip_refused=True,
            act=BY_ANNA,
            key=key,
        )
    )
