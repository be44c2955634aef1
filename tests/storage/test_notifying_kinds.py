"""Kinds of document that notify clinics without an assignment."""

from resolvers.kinds.notices import NOTICE
from resolvers.kinds.registrations import KINDS
from resolvers.kinds.resident_cases import RESIDENT_CASE
from resolvers.kinds.validation import validate
from store.kinds.kinds import Kind
from store.log.cursors import Position
from store.mongo.connection import Database
from store.paging import Paging
from store.records import Audience, Document, Owner, OwnerKind
from store.registry import Store
from tests.kinds import SAMPLES
from tests.storage.building import (
    BJORKEN,
    BY_ANNA,
    EKEN,
    LINDEN,
    STOCKHOLM,
    UPPSALA,
    document_of,
    inbox_page,
    with_clinics,
    write_events,
)
from tests.storage.inboxes import clinic_of, inbox_sequences
from tests.storage.watching import costs, watched


async def publish_document(
    store: Store, owner: Owner, kind: Kind = NOTICE, name: str = "notice"
) -> Document:
    """Publish a document of a kind that notifies clinics."""
    contents = validate(kind, SAMPLES[name].content)
    saved = await store.documents.create(
        kind, principal=STOCKHOLM, owner=owner, content=contents, derived_from=None, act=BY_ANNA
    )
    return document_of(
        await store.documents.publish(
            document_of(saved), version=1, expected_version=1, act=BY_ANNA
        )
    )


async def test_a_notifying_kind_of_a_principal_reaches_all_its_clinics_and_later_ones(
    store: Store,
) -> None:
    await with_clinics(store, BJORKEN, LINDEN)  # 1
    await with_clinics(store, "SE2321000024-1B01", principal=UPPSALA)
    notice = await publish_document(store, Owner(OwnerKind.PRINCIPAL, STOCKHOLM))  # 2, 3
    await store.documents.deactivate(notice, expected_version=1, act=BY_ANNA)  # 4
    await store.documents.archive(notice, expected_version=1, act=BY_ANNA)  # 5
    await with_clinics(store, EKEN)  # 6
    delivered = await store.notifications.after(STOCKHOLM, [BJORKEN, EKEN], Position(3), 6, limit=9)

    assert (
        await inbox_sequences(store, BJORKEN)
        == await inbox_sequences(store, LINDEN)
        == await inbox_sequences(store, EKEN)
        == [5, 4, 3]
    )
    assert await inbox_sequences(store, "SE2321000024-1B01") == []
    assert [(event.sequence, clinics) for event, clinics in delivered.events] == [
        (4, [BJORKEN, EKEN]),
        (5, [BJORKEN, EKEN]),
    ]
    assert {event.audience for event, _ in delivered.events} == {Audience.PRINCIPAL}
    assert await store.notifications.concerned(delivered.events[0][0], {BJORKEN}) == [BJORKEN]
    assert await inbox_sequences(store, BJORKEN, resident_visible_only=True) == []


async def test_a_notifying_kind_of_a_clinic_reaches_that_clinic_only(store: Store) -> None:
    await with_clinics(store, BJORKEN, LINDEN)  # 1
    own = await publish_document(
        store, Owner(OwnerKind.CLINIC, BJORKEN), RESIDENT_CASE, "residentCase"
    )  # 2, 3
    await store.documents.archive(own, expected_version=1, act=BY_ANNA)  # 4

    assert (
        await inbox_sequences(store, BJORKEN)
        == await inbox_sequences(store, BJORKEN, resident_visible_only=True)
        == [4, 3]
    )
    assert await inbox_sequences(store, LINDEN) == []
    assert await store.assignments.of_clinics([BJORKEN]) == []


async def test_notifications_for_all_clinics_are_read_by_index(
    store: Store, mongodb_uri: str
) -> None:
    await with_clinics(store, BJORKEN)
    await write_events(store, 300)
    await publish_document(store, Owner(OwnerKind.PRINCIPAL, STOCKHOLM))
    client, watch = watched(mongodb_uri)
    watched_store = Store(Database(client, store.database.name), KINDS)
    clinic = await clinic_of(store, BJORKEN)

    with watch.commands() as commands:
        page = await inbox_page(watched_store, clinic, Paging(limit=10))
    event_costs = [
        cost
        for cost in await costs(client, store.database.name, commands)
        if cost.collection == "events"
    ]
    await client.close()

    assert len(page.items) == 1
    [cost] = event_costs
    assert (cost.returned, cost.documents) == (1, 2)  # the import names the clinic too
    assert cost.keys <= 5
    assert not {"COLLSCAN", "SORT"} & cost.stages
