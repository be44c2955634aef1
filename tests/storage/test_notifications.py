"""The inbox of a clinic: the events that concern it while it has a case type, newest first."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from resolvers.kinds.case_types import CASE_TYPE
from resolvers.kinds.registrations import KINDS
from store.log.cursors import Position, read_cursor
from store.mongo.connection import Database, Row
from store.notifications.notifications import ClinicEvent
from store.paging import Paging
from store.records import Owner, OwnerKind
from store.registry import Store
from tests.storage.building import (
    BJORKEN,
    BY_ANNA,
    EKEN,
    LINDEN,
    STOCKHOLM,
    UPPSALA,
    content,
    distributed,
    document_of,
    everything,
    inbox_page,
    published,
    saved_as,
    to,
    with_clinics,
)
from tests.storage.inboxes import clinic_of, inbox_sequences, sequences_of


async def write_history(store: Store) -> None:
    """Björken has the first case type from 6, Linden from 9; the second is at Linden only."""
    await with_clinics(store, BJORKEN, LINDEN, EKEN)  # 1
    first, second = await published(store), await published(store)  # 2 to 5
    await distributed(store, first, BJORKEN)  # 6
    first = await saved_as(store, first, "Utkast")  # 7, a draft
    first = await saved_as(store, first, "Två", publish=True)  # 8
    await distributed(store, first, LINDEN)  # 9
    internal = await store.documents.update(
        first, edit=to("Två", internalName="Nytt"), expected_version=3, publish=True, act=BY_ANNA
    )  # 10
    await distributed(store, second, LINDEN)  # 11
    await store.documents.deactivate(second, expected_version=1, act=BY_ANNA)  # 12
    await store.documents.archive(document_of(internal), expected_version=4, act=BY_ANNA)  # 13
    await store.documents.restore(
        document_of(internal), version=1, expected_version=4, publish=False, act=BY_ANNA
    )  # 14, inactive
    await store.documents.activate(document_of(internal), expected_version=5, act=BY_ANNA)  # 15


async def test_a_clinic_is_notified_about_a_case_type_while_it_has_it(store: Store) -> None:
    await write_history(store)

    assert await inbox_sequences(store, BJORKEN) == [15, 14, 13, 10, 8, 6]
    assert await inbox_sequences(store, LINDEN) == [15, 14, 13, 12, 11, 10, 9]
    assert await inbox_sequences(store, EKEN) == []


async def test_an_inbox_can_be_limited_to_what_residents_see(store: Store) -> None:
    await write_history(store)

    assert await inbox_sequences(store, BJORKEN, resident_visible_only=True) == [15, 13, 8, 6]
    assert await inbox_sequences(store, LINDEN, resident_visible_only=True) == [15, 13, 12, 11, 9]


async def test_an_inbox_can_be_limited_to_what_follows_a_sequence_number(store: Store) -> None:
    await write_history(store)

    assert await inbox_sequences(store, BJORKEN, after_sequence=8) == [15, 14, 13, 10]
    assert await inbox_sequences(store, BJORKEN, after_sequence=9) == [15, 14, 13, 10]
    assert await inbox_sequences(store, BJORKEN, after_sequence=15) == []


async def test_an_inbox_is_paged_in_both_directions(store: Store) -> None:
    await write_history(store)
    clinic = await clinic_of(store, LINDEN)

    first = await inbox_page(store, clinic, Paging(limit=4))
    second = await inbox_page(store, clinic, Paging(limit=4, after=first.cursors[-1]))
    back = await inbox_page(store, clinic, Paging(limit=2, backward=True, before=second.cursors[0]))
    between = await inbox_page(
        store, clinic, Paging(after=first.cursors[0], before=second.cursors[-1])
    )
    oldest = await inbox_page(store, clinic, Paging(limit=2, backward=True))

    pages = [sequences_of(page) for page in (first, second, back, between, oldest)]
    assert pages == [[15, 14, 13, 12], [11, 10, 9], [13, 12], [14, 13, 12, 11, 10], [10, 9]]
    assert [(page.has_previous, page.has_next) for page in (first, second, back, oldest)] == [
        (False, True),
        (True, False),
        (True, True),
        (True, False),
    ]


async def test_cursors_of_an_inbox_name_the_clinic_and_continue_in_the_feed(store: Store) -> None:
    await write_history(store)
    page = await inbox_page(store, await clinic_of(store, BJORKEN), Paging(limit=2))

    assert [read_cursor(cursor, STOCKHOLM) for cursor in page.cursors] == [
        (15, BJORKEN),
        (14, BJORKEN),
    ]
    assert [notification.cursor for notification in page.items] == page.cursors


async def test_events_of_several_clinics_are_oldest_first_with_the_clinics_of_each(
    store: Store,
) -> None:
    await write_history(store)

    found = await store.notifications.after(
        STOCKHOLM, [BJORKEN, LINDEN], Position(7), 13, limit=100
    )
    cut = await store.notifications.after(STOCKHOLM, [BJORKEN, LINDEN], Position(0), 99, limit=2)
    rest = await store.notifications.after(
        STOCKHOLM, [BJORKEN, LINDEN], Position(10, BJORKEN), 10, limit=2
    )

    assert [(event.sequence, list(clinics)) for event, clinics in found.events] == [
        (8, [BJORKEN]),
        (9, [LINDEN]),
        (10, [BJORKEN, LINDEN]),
        (11, [LINDEN]),
        (12, [LINDEN]),
        (13, [BJORKEN, LINDEN]),
    ]
    assert found.end == Position(13)
    assert [event.sequence for event, _ in cut.events] == [6, 8]
    assert cut.end == Position(8)
    assert [(event.sequence, list(clinics)) for event, clinics in rest.events] == [(10, [LINDEN])]
    assert rest.end == Position(10)


async def test_the_decision_for_one_event_agrees_with_the_inbox(store: Store) -> None:
    await write_history(store)
    clinics = [BJORKEN, EKEN, LINDEN]

    concerned = {
        event.sequence: await store.notifications.concerned(event, set(clinics))
        for event in await store.history.after(STOCKHOLM, 0, limit=100)
    }

    inboxes = {clinic: await inbox_sequences(store, clinic) for clinic in clinics}
    assert concerned == {
        sequence: [clinic for clinic in clinics if sequence in inboxes[clinic]]
        for sequence in range(1, 16)
    }


async def test_a_clinic_is_notified_about_its_own_case_type_from_its_first_publication(
    store: Store,
) -> None:
    await with_clinics(store, BJORKEN, LINDEN)  # 1
    owner = Owner(OwnerKind.CLINIC, BJORKEN)
    saved = await store.documents.create(
        CASE_TYPE,
        principal=STOCKHOLM,
        owner=owner,
        content=content(),
        derived_from=None,
        act=BY_ANNA,
    )  # 2
    document = await saved_as(store, document_of(saved), "Två")  # 3
    document = await saved_as(store, document, "Tre", publish=True)  # 4
    await saved_as(store, document, "Fyra", publish=True)  # 5

    assert await inbox_sequences(store, BJORKEN) == [5, 4]
    assert await inbox_sequences(store, LINDEN) == []


async def test_events_of_another_log_with_the_same_numbers_are_excluded(store: Store) -> None:
    other = "SE2321000024-1B01"
    await with_clinics(store, BJORKEN)
    await with_clinics(store, other, principal=UPPSALA)
    await distributed(store, await published(store), BJORKEN)
    await distributed(store, await published(store, principal=UPPSALA), other)

    page = await inbox_page(store, await clinic_of(store, other), Paging())
    assert [
        (notification.event.principal, notification.event.sequence) for notification in page.items
    ] == [(UPPSALA, 4)]
    assert (
        await store.notifications.after(UPPSALA, [BJORKEN], Position(0), 99, limit=9)
    ).events == []


async def test_an_update_writes_no_row_for_each_clinic(store: Store, database: Database) -> None:
    clinics = [f"SE2321000016-{number:03}" for number in range(200)]
    await with_clinics(store, *clinics)
    document = await published(store)
    await distributed(store, document, *clinics)
    before = {name: len(rows) for name, rows in (await everything(database)).items()}

    await saved_as(store, document, "Två", publish=True)

    after = {name: len(rows) for name, rows in (await everything(database)).items()}
    assert {name: after[name] - before[name] for name in after if after[name] != before[name]} == {
        "versions": 1,
        "events": 1,
    }
    assert await inbox_sequences(store, clinics[-1]) == [5, 4]


async def test_an_archived_clinic_still_has_its_inbox(store: Store, database: Database) -> None:
    await write_history(store)

    await database["clinics"].update_one({"_id": BJORKEN}, {"$set": {"status": "ARCHIVED"}})

    assert await inbox_sequences(store, BJORKEN) == [15, 14, 13, 10, 8, 6]


class _Busy(Database):
    """A database that is written to between two reads."""

    between_reads: Callable[[], Awaitable[object]] | None = None

    async def find(self, collection: str, where: Mapping[str, Any], **options: Any) -> list[Row]:
        rows = await super().find(collection, where, **options)
        if collection == "assignments" and (write := self.between_reads) is not None:
            self.between_reads = None
            await write()
        return rows


async def test_a_client_that_reads_on_from_the_newest_seen_misses_nothing(store: Store) -> None:
    await with_clinics(store, BJORKEN)  # 1
    document, other = await published(store), await published(store)  # 2 to 5
    busy = _Busy(store.database.client, store.database.name)
    busy_store = Store(busy, KINDS)
    clinic = (await store.clinics.get_many([BJORKEN]))[BJORKEN]

    async def write() -> None:
        await distributed(store, document, BJORKEN)  # 6
        await saved_as(store, document, "Två", publish=True)  # 7
        await distributed(store, other, BJORKEN)  # 8

    busy.between_reads = write
    seen: list[ClinicEvent] = list((await inbox_page(busy_store, clinic)).items)
    newer = await inbox_page(busy_store, clinic, Paging(before=seen[0].cursor if seen else None))

    assert [notification.event.sequence for notification in [*newer.items, *seen]] == [8, 7, 6]
