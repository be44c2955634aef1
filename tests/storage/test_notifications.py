"""A clinic's inbox: the events that concern it and no others, for as long as it had the case type,
newest first.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from resolvers.kinds.case_types import CASE_TYPE
from resolvers.kinds.notices import NOTICE
from resolvers.kinds.registrations import KINDS
from resolvers.kinds.resident_cases import RESIDENT_CASE
from resolvers.kinds.validation import validate
from store.kinds.kinds import Kind
from store.log.cursors import Position, read_cursor
from store.mongo.connection import Database, Row
from store.notifications.notifications import ClinicEvent, Inbox
from store.paging import Page, Paging
from store.records import Audience, Clinic, Document, Owner, OwnerKind
from store.registry import Store
from tests.kinds import SAMPLES
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
    write,
)
from tests.storage.watching import costs, watched


async def clinic_of(store: Store, key: str) -> Clinic:
    return (await store.clinics.get_many([key]))[key]


async def inbox(
    store: Store, key: str, *, after_sequence: int = 0, resident_visible_only: bool = False
) -> list[int]:
    clinic = await clinic_of(store, key)
    page = await inbox_page(
        store,
        clinic,
        Paging(limit=100),
        after_sequence=after_sequence,
        resident_visible_only=resident_visible_only,
    )
    count = await store.notifications.count(
        Inbox(clinic.key, clinic.principal, Paging(), after_sequence, resident_visible_only)
    )
    assert count == len(page.items)
    assert {told.clinic for told in page.items} <= {key}
    return sequences(page)


def sequences(page: Page[ClinicEvent]) -> list[int]:
    return [told.event.sequence for told in page.items]


async def a_year(store: Store) -> None:
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
    )  # 14, back, not shown
    await store.documents.activate(document_of(internal), expected_version=5, act=BY_ANNA)  # 15


async def test_each_clinic_is_told_of_what_it_had_while_it_had_it(store: Store) -> None:
    await a_year(store)

    assert await inbox(store, BJORKEN) == [15, 14, 13, 10, 8, 6]
    assert await inbox(store, LINDEN) == [15, 14, 13, 12, 11, 10, 9]
    assert await inbox(store, EKEN) == []


async def test_only_what_residents_see_when_asked_for(store: Store) -> None:
    await a_year(store)

    assert await inbox(store, BJORKEN, resident_visible_only=True) == [15, 13, 8, 6]
    assert await inbox(store, LINDEN, resident_visible_only=True) == [15, 13, 12, 11, 9]


async def test_only_what_came_after_a_sequence_number(store: Store) -> None:
    await a_year(store)

    assert await inbox(store, BJORKEN, after_sequence=8) == [15, 14, 13, 10]
    assert await inbox(store, BJORKEN, after_sequence=9) == [15, 14, 13, 10]
    assert await inbox(store, BJORKEN, after_sequence=15) == []


async def test_an_inbox_is_paged_in_both_directions(store: Store) -> None:
    await a_year(store)
    clinic = await clinic_of(store, LINDEN)

    first = await inbox_page(store, clinic, Paging(limit=4))
    second = await inbox_page(store, clinic, Paging(limit=4, after=first.cursors[-1]))
    back = await inbox_page(store, clinic, Paging(limit=2, backward=True, before=second.cursors[0]))
    between = await inbox_page(
        store, clinic, Paging(after=first.cursors[0], before=second.cursors[-1])
    )
    oldest = await inbox_page(store, clinic, Paging(limit=2, backward=True))

    pages = [sequences(page) for page in (first, second, back, between, oldest)]
    assert pages == [[15, 14, 13, 12], [11, 10, 9], [13, 12], [14, 13, 12, 11, 10], [10, 9]]
    assert [(page.has_previous, page.has_next) for page in (first, second, back, oldest)] == [
        (False, True),
        (True, False),
        (True, True),
        (True, False),
    ]


async def test_cursors_of_an_inbox_name_the_clinic_and_go_on_in_the_feed(store: Store) -> None:
    await a_year(store)
    page = await inbox_page(store, await clinic_of(store, BJORKEN), Paging(limit=2))

    assert [read_cursor(cursor, STOCKHOLM) for cursor in page.cursors] == [
        (15, BJORKEN),
        (14, BJORKEN),
    ]
    assert [told.cursor for told in page.items] == page.cursors


async def test_what_concerns_several_clinics_oldest_first_with_those_it_concerns(
    store: Store,
) -> None:
    await a_year(store)

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


async def test_the_decision_for_one_event_is_that_of_the_inbox(store: Store) -> None:
    await a_year(store)
    clinics = [BJORKEN, EKEN, LINDEN]

    concerned = {
        event.sequence: await store.notifications.concerned(event, set(clinics))
        for event in await store.history.after(STOCKHOLM, 0, limit=100)
    }

    inboxes = {clinic: await inbox(store, clinic) for clinic in clinics}
    assert concerned == {
        sequence: [clinic for clinic in clinics if sequence in inboxes[clinic]]
        for sequence in range(1, 16)
    }


async def test_a_clinic_is_told_of_its_own_case_type_from_its_first_publication(
    store: Store,
) -> None:
    await with_clinics(store, BJORKEN, LINDEN)  # 1
    owner = Owner(OwnerKind.CLINIC, BJORKEN)
    made = await store.documents.create(
        CASE_TYPE,
        principal=STOCKHOLM,
        owner=owner,
        content=content(),
        derived_from=None,
        act=BY_ANNA,
    )  # 2
    document = await saved_as(store, document_of(made), "Två")  # 3
    document = await saved_as(store, document, "Tre", publish=True)  # 4
    await saved_as(store, document, "Fyra", publish=True)  # 5

    assert await inbox(store, BJORKEN) == [5, 4]
    assert await inbox(store, LINDEN) == []


async def test_another_log_with_the_same_numbers_is_not_mixed_in(store: Store) -> None:
    other = "SE2321000024-1B01"
    await with_clinics(store, BJORKEN)
    await with_clinics(store, other, principal=UPPSALA)
    await distributed(store, await published(store), BJORKEN)
    await distributed(store, await published(store, principal=UPPSALA), other)

    page = await inbox_page(store, await clinic_of(store, other), Paging())
    assert [(told.event.principal, told.event.sequence) for told in page.items] == [(UPPSALA, 4)]
    assert (
        await store.notifications.after(UPPSALA, [BJORKEN], Position(0), 99, limit=9)
    ).events == []


async def test_an_update_writes_no_row_per_clinic(store: Store, database: Database) -> None:
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
    assert await inbox(store, clinics[-1]) == [5, 4]


async def test_an_archived_clinic_still_has_its_inbox(store: Store, database: Database) -> None:
    await a_year(store)

    await database["clinics"].update_one({"_id": BJORKEN}, {"$set": {"status": "ARCHIVED"}})

    assert await inbox(store, BJORKEN) == [15, 14, 13, 10, 8, 6]


class _Busy(Database):
    """A database that is written to between two reads."""

    meanwhile: Callable[[], Awaitable[object]] | None = None

    async def find(self, collection: str, where: Mapping[str, Any], **options: Any) -> list[Row]:
        rows = await super().find(collection, where, **options)
        if collection == "assignments" and (write := self.meanwhile) is not None:
            self.meanwhile = None
            await write()
        return rows


async def test_who_asks_for_what_is_newer_than_the_newest_seen_misses_nothing(store: Store) -> None:
    await with_clinics(store, BJORKEN)  # 1
    document, other = await published(store), await published(store)  # 2 to 5
    busy = _Busy(store.database.client, store.database.name)
    inbox = Store(busy, KINDS)
    clinic = (await store.clinics.get_many([BJORKEN]))[BJORKEN]

    async def write() -> None:
        await distributed(store, document, BJORKEN)  # 6
        await saved_as(store, document, "Två", publish=True)  # 7
        await distributed(store, other, BJORKEN)  # 8

    busy.meanwhile = write
    seen: list[ClinicEvent] = list((await inbox_page(inbox, clinic)).items)
    newer = await inbox_page(inbox, clinic, Paging(before=seen[0].cursor if seen else None))

    assert [told.event.sequence for told in [*newer.items, *seen]] == [8, 7, 6]


async def noticed(
    store: Store, owner: Owner, kind: Kind = NOTICE, name: str = "notice"
) -> Document:
    """A document of a kind that clinics are told of, published."""
    whole = validate(kind, SAMPLES[name].content)
    made = await store.documents.create(
        kind, principal=STOCKHOLM, owner=owner, content=whole, derived_from=None, act=BY_ANNA
    )
    return document_of(
        await store.documents.publish(document_of(made), version=1, expected_version=1, act=BY_ANNA)
    )


async def test_what_a_principal_publishes_of_a_told_kind_is_told_to_all_its_clinics_also_to_one_that_comes_later(
    store: Store,
) -> None:
    await with_clinics(store, BJORKEN, LINDEN)  # 1
    await with_clinics(store, "SE2321000024-1B01", principal=UPPSALA)
    notice = await noticed(store, Owner(OwnerKind.PRINCIPAL, STOCKHOLM))  # 2, 3
    await store.documents.deactivate(notice, expected_version=1, act=BY_ANNA)  # 4
    await store.documents.archive(notice, expected_version=1, act=BY_ANNA)  # 5
    await with_clinics(store, EKEN)  # 6
    told = await store.notifications.after(STOCKHOLM, [BJORKEN, EKEN], Position(3), 6, limit=9)

    assert (
        await inbox(store, BJORKEN)
        == await inbox(store, LINDEN)
        == await inbox(store, EKEN)
        == [5, 4, 3]
    )
    assert await inbox(store, "SE2321000024-1B01") == []
    assert [(event.sequence, clinics) for event, clinics in told.events] == [
        (4, [BJORKEN, EKEN]),
        (5, [BJORKEN, EKEN]),
    ]
    assert {event.audience for event, _ in told.events} == {Audience.PRINCIPAL}
    assert await store.notifications.concerned(told.events[0][0], {BJORKEN}) == [BJORKEN]
    assert await inbox(store, BJORKEN, resident_visible_only=True) == []


async def test_what_a_clinic_publishes_of_a_told_kind_is_told_to_it_alone(store: Store) -> None:
    await with_clinics(store, BJORKEN, LINDEN)  # 1
    own = await noticed(
        store, Owner(OwnerKind.CLINIC, BJORKEN), RESIDENT_CASE, "residentCase"
    )  # 2, 3
    await store.documents.archive(own, expected_version=1, act=BY_ANNA)  # 4

    assert (
        await inbox(store, BJORKEN)
        == await inbox(store, BJORKEN, resident_visible_only=True)
        == [4, 3]
    )
    assert await inbox(store, LINDEN) == []
    assert await store.assignments.of_clinics([BJORKEN]) == []


async def test_what_all_clinics_are_told_is_found_by_index(store: Store, mongodb_uri: str) -> None:
    await with_clinics(store, BJORKEN)
    await write(store, 300)
    await noticed(store, Owner(OwnerKind.PRINCIPAL, STOCKHOLM))
    client, watch = watched(mongodb_uri)
    listened = Store(Database(client, store.database.name), KINDS)
    clinic = await clinic_of(store, BJORKEN)

    with watch.commands() as sent:
        page = await inbox_page(listened, clinic, Paging(limit=10))
    found = [
        cost
        for cost in await costs(client, store.database.name, sent)
        if cost.collection == "events"
    ]
    await client.close()

    assert len(page.items) == 1
    [cost] = found
    assert (cost.returned, cost.documents) == (1, 2)  # the import names the clinic too
    assert cost.keys <= 5
    assert not {"COLLSCAN", "SORT"} & cost.stages
