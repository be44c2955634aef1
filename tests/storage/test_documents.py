"""Documents: creating, reading and editing them."""

from dataclasses import replace

import bson
import pytest

from resolvers.kinds.case_types import CASE_TYPE, CASE_TYPE_TEMPLATE
from store.documents.heads import MAX_CONTENT_BYTES
from store.errors import InvalidInput
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
    ANNA,
    BJORKEN,
    BO,
    BY_ANNA,
    BY_BO,
    STOCKHOLM,
    UPPSALA,
    content,
    created,
    document_of,
    everything,
    head_of,
    published,
    saved_as,
    sequences,
    to,
)
from tests.storage.document_acts import actions_on, introductions_of

# ------------------------------------------------------------- create


async def test_a_new_document_is_a_draft_with_version_one(store: Store) -> None:
    saved = await store.documents.create(
        CASE_TYPE,
        principal=STOCKHOLM,
        owner=Owner(OwnerKind.CLINIC, BJORKEN),
        content=content("Ett"),
        derived_from=Derivation("tpl_1", 4),
        act=Act(ANNA, note="Första utkastet", request_id="rq-1"),
    )

    document, version, event = saved.document, saved.version, saved.event
    assert document is not None
    assert version is not None
    assert event is not None
    assert document.id.startswith("ct_")
    assert (document.kind, document.principal, document.owner) == (
        "CASE_TYPE",
        STOCKHOLM,
        Owner(OwnerKind.CLINIC, BJORKEN),
    )
    assert (document.state, document.latest, document.published) == (DocumentState.DRAFT, 1, None)
    assert (document.name, document.internal_name, document.content) == (
        "Förnya recept",
        "FR",
        content("Ett"),
    )
    assert (document.author, document.hash, document.derived_from) == (
        ANNA,
        version.hash,
        Derivation("tpl_1", 4),
    )
    assert (
        document.created_at
        == document.edited_at
        == document.updated_at
        == version.created_at
        == event.at
    )
    assert (
        document.event_count,
        document.notice_count,
        document.release_count,
        document.highest_released,
    ) == (1, 0, 0, 0)
    assert (version.number, version.previous_hash, version.restored_from, version.sequence) == (
        1,
        None,
        None,
        1,
    )
    assert (version.content, version.author, version.note, version.derived_from) == (
        content("Ett"),
        ANNA,
        "Första utkastet",
        Derivation("tpl_1", 4),
    )
    assert (event.action, event.sequence, event.document, event.version) == (
        Action.CREATED,
        1,
        document.id,
        1,
    )
    assert (event.actor, event.note, event.request_id) == (ANNA, "Första utkastet", "rq-1")
    assert (event.published_before, event.published_after, event.state) == (
        None,
        None,
        DocumentState.DRAFT,
    )
    assert (event.audience, event.resident_visible, event.clinics) == (Audience.NONE, False, ())


async def test_a_write_returns_what_it_stored(store: Store) -> None:
    document = await published(store)

    saved = await store.documents.update(
        document,
        edit=to("Två"),
        expected_version=1,
        publish=True,
        act=Act(BO, note="Rättat", request_id="rq-7"),
    )

    assert saved.event is not None
    assert saved.version is not None
    assert await head_of(store, document) == saved.document
    assert await store.documents.get_versions([(document.id, 2)]) == {
        (document.id, 2): saved.version
    }
    stored = (await store.history.get_events([(STOCKHOLM, 3)]))[STOCKHOLM, 3]
    assert replace(stored, clinics=()) == saved.event
    assert list(stored.clinics) == []


async def test_each_kind_has_ids_with_its_own_prefix(store: Store) -> None:
    saved = await store.documents.create(
        CASE_TYPE_TEMPLATE,
        principal=STOCKHOLM,
        owner=Owner(OwnerKind.PRINCIPAL, STOCKHOLM),
        content=content(),
        derived_from=None,
        act=BY_ANNA,
    )

    document = document_of(saved)
    assert document.id.startswith("tpl_")
    assert store.kinds.of_id(document.id) is CASE_TYPE_TEMPLATE


async def test_each_principal_has_a_log_of_its_own(store: Store, database: Database) -> None:
    first = await published(store, principal=STOCKHOLM)
    second = await created(store, principal=UPPSALA)
    await saved_as(store, first, "Två")

    assert await sequences(database, STOCKHOLM) == [1, 2, 3]
    assert await sequences(database, UPPSALA) == [1]
    assert (await store.documents.get_versions([(second.id, 1)]))[second.id, 1].sequence == 1


async def test_content_of_one_mebibyte_is_stored_and_one_byte_more_is_refused(
    store: Store, database: Database
) -> None:
    document = await created(store)
    empty = content("")
    largest = {**empty, "introduction": "x" * (MAX_CONTENT_BYTES - len(bson.encode(empty)))}

    saved = await store.documents.update(
        document, edit=lambda _: largest, expected_version=1, publish=False, act=BY_ANNA
    )
    before = await everything(database)
    with pytest.raises(InvalidInput) as refused:
        await store.documents.update(
            document,
            edit=lambda _: largest | {"introduction": largest["introduction"] + "x"},
            expected_version=2,
            publish=False,
            act=BY_ANNA,
        )

    assert document_of(saved).latest == 2
    assert [problem.code for problem in refused.value.problems] == ["TOO_LARGE"]
    assert await everything(database) == before


# ------------------------------------------------------------- update


async def test_versions_are_numbered_one_two_three(store: Store) -> None:
    document = await saved_as(store, await created(store), "Två", "Tre")

    assert document.latest == 3
    assert await introductions_of(store, document) == [(1, "Ett"), (2, "Två"), (3, "Tre")]
    assert await actions_on(store, document) == [Action.CREATED, Action.EDITED, Action.EDITED]


async def test_each_version_has_the_hash_of_the_previous_one(store: Store) -> None:
    document = await saved_as(store, await created(store), "Två", "Tre")

    versions = await store.documents.get_versions([(document.id, number) for number in (1, 2, 3)])
    first, second, third = (versions[document.id, number] for number in (1, 2, 3))
    assert (first.previous_hash, second.previous_hash, third.previous_hash) == (
        None,
        first.hash,
        second.hash,
    )
    assert len({first.hash, second.hash, third.hash}) == 3
    assert document.hash == third.hash


async def test_saving_equal_content_writes_no_version_and_no_event(
    store: Store, database: Database
) -> None:
    document = await created(store)
    before = await everything(database)

    saved = await store.documents.update(
        document, edit=to("Ett"), expected_version=1, publish=False, act=BY_BO
    )

    assert (saved.event, saved.document) == (None, document)
    assert saved.version is not None
    assert (saved.version.number, saved.version.author) == (1, ANNA)
    assert await everything(database) == before


async def test_saving_the_content_of_an_older_version_writes_a_new_version(store: Store) -> None:
    document = await saved_as(store, await created(store), "Två", "Ett")

    assert await introductions_of(store, document) == [(1, "Ett"), (2, "Två"), (3, "Ett")]


async def test_the_edit_receives_the_newest_content(store: Store) -> None:
    document = await saved_as(store, await created(store), "Två")

    saved = await store.documents.update(
        document,
        edit=lambda newest: {**newest, "introduction": newest["introduction"] + " och tre"},
        expected_version=2,
        publish=False,
        act=BY_ANNA,
    )

    assert saved.version is not None
    assert saved.version.content == content("Två och tre")


async def test_an_edit_that_refuses_writes_nothing(store: Store, database: Database) -> None:
    document = await created(store)
    before = await everything(database)

    def refuse(_: object) -> dict[str, object]:
        raise InvalidInput.at(("content", "name"), "BLANK", "Tomt.")

    with pytest.raises(InvalidInput):
        await store.documents.update(
            document, edit=refuse, expected_version=1, publish=True, act=BY_ANNA
        )

    assert await everything(database) == before


async def test_a_save_from_a_stale_head_reads_the_head_again(store: Store) -> None:
    stale = await created(store)
    await saved_as(store, stale, "Två")

    saved = await store.documents.update(
        stale, edit=to("Tre"), expected_version=2, publish=False, act=BY_ANNA
    )

    assert saved.version is not None
    assert (saved.version.number, saved.version.content["introduction"]) == (3, "Tre")


async def test_existing_heads_and_versions_are_read_in_one_call(store: Store) -> None:
    first, second = await saved_as(store, await created(store), "Två"), await created(store)

    heads = await store.documents.get_many([first.id, "ct_none", second.id, first.id])
    versions = await store.documents.get_versions(
        [(first.id, 2), (first.id, 3), (second.id, 1), (first.id, 2)]
    )

    assert set(heads) == {first.id, second.id}
    assert set(versions) == {(first.id, 2), (second.id, 1)}
    assert await store.documents.get_many([]) == {}
    assert await store.documents.get_versions([]) == {}
