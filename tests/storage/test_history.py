"""Reading the past: newest first, page by page, filtered, and what was so at a moment."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from resolvers.kinds.registrations import KINDS
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
    in_force_at,
    published,
    saved_as,
    versions_page,
    with_clinics,
)

START = datetime(2026, 1, 1, 12, tzinfo=UTC)


def minute(number: float) -> datetime:
    return START + timedelta(minutes=number)


@pytest.fixture
def timed(database: Database, store: Store) -> Callable[[float], Store]:
    """The store at a minute after START."""
    return lambda number: Store(database, KINDS, clock=lambda: minute(number))


async def begun(database: Database, *principals: str) -> None:
    """Logs that begin at START, though they were made now."""
    await database["logs"].update_many({"_id": {"$in": list(principals)}}, {"$set": {"at": START}})


def sequences_of(page: Page[Event]) -> list[int]:
    return [event.sequence for event in page.items]


async def walk(
    read: Callable[[Paging], Awaitable[Page[Event]]], limit: int, *, backward: bool = False
) -> list[list[int]]:
    """All pages of a list, one after the other, by cursor."""
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


async def test_a_page_between_two_cursors(store: Store) -> None:
    await saved_as(store, await created(store), *map(str, range(6)))
    every = await store.history.events(STOCKHOLM, EventFilter(), Paging())

    page = await store.history.events(
        STOCKHOLM, EventFilter(), Paging(after=every.cursors[0], before=every.cursors[-1])
    )

    assert sequences_of(page) == [6, 5, 4, 3, 2]


async def test_an_empty_log_is_an_empty_page(store: Store) -> None:
    page = await store.history.events(STOCKHOLM, EventFilter(), Paging())

    assert page == Page([], [], has_next=False, has_previous=False)
    assert await store.history.latest_sequence(STOCKHOLM) == 0
    assert await store.history.latest_sequence("SE_NONE") == 0


async def test_logs_are_read_apart_and_a_cursor_of_another_log_is_refused(store: Store) -> None:
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
    await begun(database, STOCKHOLM)
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
        which: sequences_of(await store.history.events(STOCKHOLM, which, Paging()))
        for which in expected
    }
    assert found == expected
    assert {which: await store.history.count_events(STOCKHOLM, which) for which in expected} == {
        which: len(found[which]) for which in expected
    }
    events = (await store.history.events(STOCKHOLM, EventFilter(), Paging())).items
    assert {
        which: [event.sequence for event in events if which.matches(event)] for which in expected
    } == expected


async def test_filtered_pages_meet_without_gap_or_overlap(store: Store) -> None:
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


# ------------------------------------------------------------- a document's past


async def test_what_was_done_with_a_document_with_and_without_drafts(store: Store) -> None:
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


async def released_pair(store: Store) -> Document:
    """Versions 1 to 7, of which 2, 4 and 5 were ever in force; 4 before 2, and 4 twice."""
    document = await saved_as(store, await created(store), *map(str, range(2, 8)))
    for number in (4, 2, 4, 5):
        document = document_of(
            await store.documents.publish(document, version=number, expected_version=7, act=BY_ANNA)
        )
    return document


async def test_only_versions_that_were_ever_in_force_are_released_each_once(store: Store) -> None:
    document = await released_pair(store)

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


async def test_which_versions_were_released_and_which_one_before_each(store: Store) -> None:
    document, other = await released_pair(store), await published(store)
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


async def test_events_by_key_those_that_exist(store: Store) -> None:
    await created(store)
    await created(store, principal=UPPSALA)

    found = await store.history.get_events(
        [(STOCKHOLM, 1), (STOCKHOLM, 2), (UPPSALA, 1), (STOCKHOLM, 1)]
    )

    assert set(found) == {(STOCKHOLM, 1), (UPPSALA, 1)}


# ------------------------------------------------------------- moments


async def test_the_sequence_and_the_version_in_force_at_any_moment(
    store: Store, database: Database, timed: Callable[[float], Store]
) -> None:
    await begun(database, STOCKHOLM)
    document = await created(timed(1))
    document = document_of(
        await timed(2).documents.publish(document, version=1, expected_version=1, act=BY_ANNA)
    )
    document = await saved_as(timed(3), document, "Två")
    document = document_of(
        await timed(4).documents.publish(document, version=2, expected_version=2, act=BY_ANNA)
    )
    document = document_of(
        await timed(5).documents.deactivate(document, expected_version=2, act=BY_ANNA)
    )
    document = document_of(
        await timed(6).documents.publish(document, version=1, expected_version=2, act=BY_ANNA)
    )

    moments = [0, 0.999, 1, 1.5, 2, 3, 3.999, 4, 5, 6, 99]
    sequences = [await store.history.sequence_at(STOCKHOLM, minute(moment)) for moment in moments]
    in_force = [await in_force_at(store, document, minute(moment)) for moment in moments]

    assert sequences == [0, 0, 1, 1, 2, 3, 3, 4, 5, 6, 6]
    assert in_force == [None, None, None, None, 1, 1, 1, 2, 2, 1, 1]


async def test_a_moment_that_several_events_share_is_after_the_last_of_them(
    store: Store, database: Database, timed: Callable[[float], Store]
) -> None:
    await begun(database, STOCKHOLM)
    frozen = timed(1)
    document = await saved_as(frozen, await published(frozen), "Två", "Tre", publish=True)

    assert await store.history.sequence_at(STOCKHOLM, minute(1)) == 4
    assert await in_force_at(store, document, minute(1)) == 3
    assert await store.history.sequence_at(STOCKHOLM, minute(1) - timedelta(milliseconds=1)) == 0


async def test_a_moment_has_one_answer_though_the_clock_was_set_back(
    store: Store, database: Database, timed: Callable[[float], Store]
) -> None:
    await begun(database, STOCKHOLM)
    document = await published(timed(10))
    document = await saved_as(timed(5), document, "Två", publish=True)
    document = await saved_as(timed(11), document, "Tre", publish=True)

    assert [
        await in_force_at(store, document, minute(moment)) for moment in (5, 9.999, 10, 10.999, 11)
    ] == [None, None, 2, 2, 3]


async def test_other_documents_and_logs_do_not_disturb_what_was_in_force(
    store: Store, database: Database, timed: Callable[[float], Store]
) -> None:
    await begun(database, STOCKHOLM, UPPSALA)
    document = await published(timed(1))
    await published(timed(2))
    await published(timed(3), principal=UPPSALA)

    assert await in_force_at(store, document, minute(9)) == 1
    assert await store.history.sequence_at(STOCKHOLM, minute(9)) == 4
    assert await store.history.sequence_at(UPPSALA, minute(2.5)) == 0
