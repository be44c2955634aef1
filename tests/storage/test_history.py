"""The history: logs, documents and versions, newest first, page by page, and filtered."""

from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from store.errors import InvalidInput
from store.log.cursors import event_cursor, read_cursor
from store.log.event_filters import EventFilter
from store.mongo.connection import Database
from store.paging import Page, Paging
from store.records import Action, Document, Event
from store.registry import Store
from tests.storage.building import (
    BJORKEN,
    BY_ANNA,
    BY_BO,
    LINDEN,
    STOCKHOLM,
    UPPSALA,
    created,
    distributed,
    document_of,
    history_of,
    published,
    saved_as,
    versions_page,
    with_clinics,
)
from tests.storage.minutes import minute, start_logs_at_start


def sequences_of(page: Page[Event]) -> list[int]:
    return [event.sequence for event in page.items]


async def walk(
    read: Callable[[Paging], Awaitable[Page[Event]]], limit: int, *, backward: bool = False
) -> list[list[int]]:
    """Read all pages of a list by cursor."""
    pages: list[list[int]] = []
    paging = Paging(limit=limit, backward=backward)
    while True:
        page = await read(paging)
        pages.append(sequences_of(page))
        if not (page.has_previous if backward else page.has_next):
            return pages
        paging = (
            replace(paging, before=page.cursors[0])
            if backward
            else replace(paging, after=page.cursors[-1])
        )


# ------------------------------------------------------------- pages


async def test_a_log_is_read_newest_first_page_by_page(store: Store) -> None:
    await saved_as(store, await created(store), *map(str, range(6)))

    assert await walk(lambda paging: store.history.events(STOCKHOLM, EventFilter(), paging), 3) == [
        [7, 6, 5],
        [4, 3, 2],
        [1],
    ]
    assert await walk(
        lambda paging: store.history.events(STOCKHOLM, EventFilter(), paging), 3, backward=True
    ) == [[3, 2, 1], [6, 5, 4], [7]]
    assert await walk(lambda paging: store.history.events(STOCKHOLM, EventFilter(), paging), 7) == [
        [7, 6, 5, 4, 3, 2, 1]
    ]


async def test_pages_stay_in_place_while_events_are_written(store: Store) -> None:
    document = await saved_as(store, await created(store), *map(str, range(5)))
    first = await store.history.events(STOCKHOLM, EventFilter(), Paging(limit=3))
    await saved_as(store, document, "Ny", "Nyare")

    older = await store.history.events(
        STOCKHOLM, EventFilter(), Paging(limit=3, after=first.cursors[-1])
    )
    newer = await store.history.events(
        STOCKHOLM, EventFilter(), Paging(limit=3, backward=True, before=first.cursors[0])
    )

    assert (sequences_of(first), sequences_of(older), sequences_of(newer)) == (
        [6, 5, 4],
        [3, 2, 1],
        [8, 7],
    )
    assert (first.has_previous, first.has_next) == (False, True)
    assert (older.has_previous, older.has_next) == (True, False)
    assert (newer.has_previous, newer.has_next) == (False, True)


async def test_a_page_between_two_cursors_holds_what_is_between_them(store: Store) -> None:
    await saved_as(store, await created(store), *map(str, range(6)))
    whole = await store.history.events(STOCKHOLM, EventFilter(), Paging())

    page = await store.history.events(
        STOCKHOLM, EventFilter(), Paging(after=whole.cursors[0], before=whole.cursors[-1])
    )

    assert sequences_of(page) == [6, 5, 4, 3, 2]


async def test_an_empty_log_is_an_empty_page(store: Store) -> None:
    page = await store.history.events(STOCKHOLM, EventFilter(), Paging())

    assert page == Page([], [], has_next=False, has_previous=False)
    assert await store.history.latest_sequence(STOCKHOLM) == 0
    assert await store.history.latest_sequence("SE_NONE") == 0


async def test_logs_are_read_separately_and_a_cursor_of_another_log_is_refused(
    store: Store,
) -> None:
    await created(store, principal=STOCKHOLM)
    await created(store, principal=UPPSALA)
    page = await store.history.events(UPPSALA, EventFilter(), Paging())
    assert [(event.principal, event.sequence) for event in page.items] == [(UPPSALA, 1)]

    for paging in (Paging(after=page.cursors[0]), Paging(before=page.cursors[0])):
        with pytest.raises(InvalidInput) as refused:
            await store.history.events(STOCKHOLM, EventFilter(), paging)
        assert [(problem.code, problem.path) for problem in refused.value.problems] == [
            ("INVALID_CURSOR", ("after",) if paging.after else ("before",))
        ]


async def test_a_cursor_names_log_event_and_clinic(store: Store) -> None:
    await created(store)
    (event,) = (await store.history.events(STOCKHOLM, EventFilter(), Paging())).items

    assert read_cursor(event_cursor(event), STOCKHOLM) == (1, None)
    assert read_cursor(event_cursor(event, BJORKEN), STOCKHOLM) == (1, BJORKEN)


# ------------------------------------------------------------- filters


async def test_events_are_filtered_by_action_document_actor_clinic_and_time(
    store: Store, database: Database, timed: Callable[[float], Store]
) -> None:
    await start_logs_at_start(database, STOCKHOLM)
    await with_clinics(timed(1), BJORKEN, LINDEN)  # 1
    first = await published(timed(2))  # 2, 3
    second = await created(timed(3), act=BY_BO)  # 4
    await saved_as(timed(4), first, "Två", act=BY_BO)  # 5
    await distributed(timed(5), first, BJORKEN)  # 6
    await saved_as(timed(6), second, "Två", publish=True)  # 7

    expected: dict[EventFilter, list[int]] = {
        EventFilter(): [7, 6, 5, 4, 3, 2, 1],
        EventFilter(actions=(Action.PUBLISHED,)): [7, 3],
        EventFilter(actions=(Action.CREATED, Action.EDITED)): [5, 4, 2],
        EventFilter(actions=()): [],
        EventFilter(document=first.id): [6, 5, 3, 2],
        EventFilter(document="ct_none"): [],
        EventFilter(actor="SE2321000016-bb"): [5, 4],
        EventFilter(clinic=BJORKEN.lower()): [6, 1],
        EventFilter(clinic=LINDEN): [1],
        EventFilter(since=minute(3)): [7, 6, 5, 4],
        EventFilter(until=minute(3)): [3, 2, 1],
        EventFilter(since=minute(2), until=minute(4)): [4, 3, 2],
        EventFilter(since=minute(4), until=minute(4)): [],
        EventFilter(document=first.id, actor="SE2321000016-AA", since=minute(2.5)): [6],
    }
    found = {
        event_filter: sequences_of(await store.history.events(STOCKHOLM, event_filter, Paging()))
        for event_filter in expected
    }
    assert found == expected
    assert {
        event_filter: await store.history.count_events(STOCKHOLM, event_filter)
        for event_filter in expected
    } == {event_filter: len(found[event_filter]) for event_filter in expected}
    events = (await store.history.events(STOCKHOLM, EventFilter(), Paging())).items
    assert {
        event_filter: [event.sequence for event in events if event_filter.matches(event)]
        for event_filter in expected
    } == expected


async def test_filtered_pages_have_no_gap_and_no_overlap(store: Store) -> None:
    first, second = await created(store), await created(store)
    for number in range(5):
        first = await saved_as(store, first, f"Första {number}")
        second = await saved_as(store, second, f"Andra {number}")

    pages = await walk(
        lambda paging: store.history.events(STOCKHOLM, EventFilter(document=second.id), paging), 2
    )
    upwards = await walk(
        lambda paging: store.history.events(STOCKHOLM, EventFilter(document=second.id), paging),
        2,
        backward=True,
    )

    assert pages == [[12, 10], [8, 6], [4, 2]]
    assert upwards == [[4, 2], [8, 6], [12, 10]]


async def test_user_text_in_a_filter_is_only_ever_a_value(store: Store) -> None:
    await created(store)

    for text in ("$gt", '{"$ne": null}', "", ".*"):
        assert (
            sequences_of(
                await store.history.events(STOCKHOLM, EventFilter(document=text), Paging())
            )
            == []
        )
        assert (
            sequences_of(await store.history.events(STOCKHOLM, EventFilter(actor=text), Paging()))
            == []
        )


# ------------------------------------------------------------- documents and versions


async def test_the_history_of_a_document_is_read_with_and_without_drafts(store: Store) -> None:
    await with_clinics(store, BJORKEN)  # 1
    document = await published(store)  # 2, 3
    document = await saved_as(store, document, "Två")  # 4
    await created(store)  # 5
    await distributed(store, document, BJORKEN)  # 6
    document = await saved_as(store, document, "Tre", publish=True)  # 7
    await store.documents.deactivate(document, expected_version=3, act=BY_ANNA)  # 8

    assert await walk(
        lambda paging: history_of(store, document, paging, notices_only=False), 4
    ) == [[8, 7, 6, 4], [3, 2]]
    assert await walk(lambda paging: history_of(store, document, paging, notices_only=True), 3) == [
        [8, 7, 6],
        [3],
    ]
    assert (await store.documents.get_many([document.id]))[document.id].notice_count == 4


async def test_versions_are_read_newest_first_page_by_page(store: Store) -> None:
    document = await saved_as(store, await created(store), *map(str, range(4)))

    first = await versions_page(store, document, Paging(limit=2))
    second = await versions_page(store, document, Paging(limit=2, after=first.cursors[-1]))
    third = await versions_page(store, document, Paging(limit=2, after=second.cursors[-1]))
    back = await versions_page(
        store, document, Paging(limit=2, backward=True, before=third.cursors[0])
    )

    assert [
        [version.number for version in page.items] for page in (first, second, third, back)
    ] == [[5, 4], [3, 2], [1], [3, 2]]
    assert [page.has_next for page in (first, second, third)] == [True, True, False]


async def partly_released(store: Store) -> Document:
    """Create versions 1 to 7, of which 2, 4 and 5 were published.

    Version 4 was published before version 2, and twice.
    """
    document = await saved_as(store, await created(store), *map(str, range(2, 8)))
    for number in (4, 2, 4, 5):
        document = document_of(
            await store.documents.publish(document, version=number, expected_version=7, act=BY_ANNA)
        )
    return document


async def test_released_versions_are_those_once_in_force_and_each_appears_once(
    store: Store,
) -> None:
    document = await partly_released(store)

    first = await versions_page(store, document, Paging(limit=2), released_only=True)
    second = await versions_page(
        store, document, Paging(limit=2, after=first.cursors[-1]), released_only=True
    )
    back = await versions_page(
        store,
        document,
        Paging(limit=1, backward=True, before=second.cursors[0]),
        released_only=True,
    )

    assert [[version.number for version in page.items] for page in (first, second, back)] == [
        [5, 4],
        [2],
        [4],
    ]
    assert (first.has_next, second.has_next, back.has_previous) == (True, False, True)
    assert document.release_count == 3


async def test_released_versions_and_the_released_version_before_each_are_found(
    store: Store,
) -> None:
    document, other = await partly_released(store), await published(store)
    keys = [(document.id, number) for number in range(1, 9)] + [(other.id, 1), ("ct_none", 1)]

    assert await store.version_history.released(keys) == {
        (document.id, 2),
        (document.id, 4),
        (document.id, 5),
        (other.id, 1),
    }
    assert await store.version_history.released([]) == frozenset()
    assert await store.version_history.released_before(keys) == {
        (document.id, number): before
        for number, before in ((3, 2), (4, 2), (5, 4), (6, 5), (7, 5), (8, 5))
    }
    assert await store.version_history.released_before([(document.id, 7)]) == {(document.id, 7): 5}


async def test_existing_events_are_read_by_key(store: Store) -> None:
    await created(store)
    await created(store, principal=UPPSALA)

    found = await store.history.get_events(
        [(STOCKHOLM, 1), (STOCKHOLM, 2), (UPPSALA, 1), (STOCKHOLM, 1)]
    )

    assert set(found) == {(STOCKHOLM, 1), (UPPSALA, 1)}
