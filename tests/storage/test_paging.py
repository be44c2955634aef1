"""Keyset pages: each row once, in Swedish order, in both directions and any size.

Cursors of other lists are refused.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymongo.asynchronous.collection import AsyncCollection

from resolvers.kinds.case_types import CASE_TYPE
from resolvers.kinds.registrations import KINDS
from store.documents.listing import DocumentFilter, Order
from store.documents.scopes import Scope
from store.errors import InvalidInput
from store.mongo.connection import Database, Row
from store.mongo.keyset_queries import find_page
from store.paging import DEFAULT_FIRST, MAX_FIRST, Page, Paging, decode, encode
from store.records import Document, Owner, OwnerKind
from store.registry import Store
from tests.storage.building import BY_ANNA, STOCKHOLM, content, created, saved_as

EVERYTHING = Scope(principals=frozenset({STOCKHOLM}))
CASE_TYPES = DocumentFilter(kind="CASE_TYPE")
SORTED = [
    "Abortrådgivning",
    "abortrådgivning 2",
    "Förnya recept",
    "Förnya recept",
    "Tandvård",
    "Zon",
    "Åka",
    "ägg",
    "Över",
    "Övrigt",
]


async def create_named(store: Store, *names: str) -> list[Document]:
    async def create(name: str) -> Document:
        owner = Owner(OwnerKind.PRINCIPAL, STOCKHOLM)
        saved = await store.documents.create(
            CASE_TYPE,
            principal=STOCKHOLM,
            owner=owner,
            content=content(name=name, internalName=f"i {name}"),
            derived_from=None,
            act=BY_ANNA,
        )
        assert saved.document is not None
        return saved.document

    return await asyncio.gather(*map(create, names))


def next_page(page: Page[Any], paging: Paging) -> Paging | None:
    """The paging that continues in the same direction, or None at the end."""
    if paging.backward:
        return replace(paging, before=page.cursors[0]) if page.has_previous else None
    return replace(paging, after=page.cursors[-1]) if page.has_next else None


# ------------------------------------------------------------- lists of documents


async def test_documents_are_listed_by_name_in_swedish_order(store: Store) -> None:
    await create_named(store, *reversed(SORTED))

    forwards = await store.listing.page(CASE_TYPES, EVERYTHING, Order.NAME_ASC, Paging())
    backwards = await store.listing.page(CASE_TYPES, EVERYTHING, Order.NAME_DESC, Paging())

    assert [document.name for document in forwards.items] == SORTED
    assert [document.name for document in backwards.items] == SORTED[::-1]


@pytest.mark.parametrize("order", list(Order))
async def test_pages_of_any_size_hold_every_document_once_in_order(
    store: Store, order: Order
) -> None:
    for names in (SORTED[:5], SORTED[5:]):  # two moments, so that several documents share a time
        await create_named(store, *names)
    whole = [
        document.id
        for document in (
            await store.listing.page(CASE_TYPES, EVERYTHING, order, Paging(limit=100))
        ).items
    ]
    assert len(set(whole)) == len(SORTED)

    for limit in (1, 3, 5, 9, 10):
        for backward in (False, True):
            pages = []
            paging: Paging | None = Paging(limit=limit, backward=backward)
            while paging:
                page = await store.listing.page(CASE_TYPES, EVERYTHING, order, paging)
                pages.append([document.id for document in page.items])
                paging = next_page(page, paging)
            found = [
                document for page in (reversed(pages) if backward else pages) for document in page
            ]
            assert found == whole
            assert [len(page) for page in pages[:-1]] == [limit] * (len(pages) - 1)


async def test_a_page_continues_after_its_last_document_was_archived(
    store: Store,
) -> None:
    await create_named(store, "A", "B", "C", "D")
    first = await store.listing.page(CASE_TYPES, EVERYTHING, Order.NAME_ASC, Paging(limit=2))
    await store.documents.archive(first.items[-1], expected_version=1, act=BY_ANNA)

    second = await store.listing.page(
        CASE_TYPES, EVERYTHING, Order.NAME_ASC, Paging(limit=2, after=first.cursors[-1])
    )

    assert [document.name for document in second.items] == ["C", "D"]


async def test_text_is_searched_literally_in_both_names(store: Store) -> None:
    await create_named(store, *SORTED)
    expected = {
        "recept": 2,
        "RECEPT": 2,
        "över": 1,
        "ÖV": 2,
        "i zon": 1,
        ".*": 0,
        "(": 0,
        "$": 0,
        "i ": 10,
        "": 10,
    }

    pages = {
        text: await store.listing.page(
            replace(CASE_TYPES, text=text), EVERYTHING, Order.NAME_ASC, Paging()
        )
        for text in expected
    }

    assert {text: len(page.items) for text, page in pages.items()} == expected
    assert {
        text: await store.listing.count(replace(CASE_TYPES, text=text), EVERYTHING)
        for text in expected
    } == expected


async def test_documents_are_found_by_the_time_of_their_last_change(
    store: Store, database: Database
) -> None:
    start = datetime(2100, 1, 1, tzinfo=UTC)
    minutes = iter(range(10))
    timed = Store(database, KINDS, clock=lambda: start + timedelta(minutes=next(minutes)))
    first, second, third = await created(timed), await created(timed), await created(timed)
    await saved_as(timed, first, "Två")

    page = await store.listing.page(
        replace(CASE_TYPES, changed_since=start + timedelta(minutes=2)),
        EVERYTHING,
        Order.UPDATED_DESC,
        Paging(),
    )
    whole = await store.listing.page(CASE_TYPES, EVERYTHING, Order.UPDATED_ASC, Paging())

    assert [document.id for document in page.items] == [first.id, third.id]
    assert [document.id for document in whole.items] == [second.id, third.id, first.id]


# ------------------------------------------------------------- arguments and cursors


def test_a_page_has_50_items_by_default_and_100_at_most() -> None:
    assert (Paging.of().limit, DEFAULT_FIRST) == (50, 50)
    assert (Paging.of(first=MAX_FIRST).limit, MAX_FIRST) == (100, 100)
    assert Paging.of(last=7, before="x") == Paging(limit=7, backward=True, before="x")


@pytest.mark.parametrize(
    ("arguments", "code", "path"),
    [
        ({"first": 0}, "OUT_OF_RANGE", "first"),
        ({"first": -1}, "OUT_OF_RANGE", "first"),
        ({"first": 101}, "OUT_OF_RANGE", "first"),
        ({"last": 0}, "OUT_OF_RANGE", "last"),
        ({"last": 101}, "OUT_OF_RANGE", "last"),
        ({"first": 1, "last": 1}, "FIRST_AND_LAST", "last"),
    ],
)
def test_sizes_out_of_range_are_refused(arguments: dict[str, int], code: str, path: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        Paging.of(**arguments)  # type: ignore[arg-type]

    assert [(problem.code, problem.path) for problem in refused.value.problems] == [(code, (path,))]


TIMES = st.datetimes(
    min_value=datetime(2005, 1, 1),  # noqa: DTZ001 - hypothesis adds the zone
    max_value=datetime(2400, 1, 1),  # noqa: DTZ001 - hypothesis adds the zone
    timezones=st.just(UTC),
).map(lambda time: time.replace(microsecond=time.microsecond // 1000 * 1000))


@given(
    text=st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=300),
    number=st.integers(-(2**53), 2**53),
    time=TIMES,
)
def test_a_cursor_is_decoded_to_the_values_encoded_in_it(
    text: str, number: int, time: datetime
) -> None:
    assert decode(encode((text, number, time)), (str, int, datetime), "after") == (
        text,
        number,
        time,
    )


@given(st.text(max_size=80) | st.binary(max_size=60).map(lambda raw: raw.hex()))
def test_any_other_text_is_refused_as_a_cursor(cursor: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        decode(cursor, (str, int), "after")

    assert [(problem.code, problem.path) for problem in refused.value.problems] == [
        ("INVALID_CURSOR", ("after",))
    ]


@pytest.mark.parametrize(
    ("key", "types"),
    [
        (("a",), (str, str)),
        (("a", "b", "c"), (str, str)),
        ((1,), (str,)),
        (("1",), (int,)),
        ((True,), (int,)),
        ((1.5,), (int,)),
        ((None,), (str,)),
        ((2**53 + 1,), (int,)),
        ((10**18,), (datetime,)),
        (("2026-01-01",), (datetime,)),
        (({"$gt": ""},), (str,)),
        ((["a"],), (str,)),
    ],
)
def test_a_cursor_with_values_of_other_types_is_refused(
    key: tuple[Any, ...], types: tuple[type, ...]
) -> None:
    with pytest.raises(InvalidInput):
        decode(encode(key), types, "before")


async def test_a_cursor_of_a_list_in_another_order_is_refused(store: Store) -> None:
    await create_named(store, "A", "B")
    page = await store.listing.page(CASE_TYPES, EVERYTHING, Order.UPDATED_ASC, Paging(limit=1))

    with pytest.raises(InvalidInput) as refused:
        await store.listing.page(
            CASE_TYPES, EVERYTHING, Order.NAME_ASC, Paging(before=page.cursors[0])
        )

    assert refused.value.path == ("before",)


@pytest.fixture
async def rows(database: Database) -> AsyncIterator[AsyncCollection[Row]]:
    """A collection that is not part of the registry; it is dropped after the test."""
    yield database["rows"]
    await database["rows"].drop()


async def test_nested_keys_and_ties_are_paged_by_all_keys(
    database: Database, rows: AsyncCollection[Row]
) -> None:
    await rows.insert_many(
        [{"_id": f"{number:02}", "a": {"b": number // 3}} for number in range(10)]
    )

    async def find(paging: Paging) -> Page[str]:
        keys: dict[str, type] = {"a.b": int, "_id": str}
        return await find_page(
            database, "rows", {}, paging, keys=keys, convert=lambda row: row["_id"], descending=True
        )

    page = await find(Paging(limit=4))
    rest = await find(Paging(limit=100, after=page.cursors[-1]))
    before = await find(Paging(limit=2, backward=True, before=rest.cursors[0]))

    assert (page.items, rest.items, before.items) == (
        ["09", "08", "07", "06"],
        ["05", "04", "03", "02", "01", "00"],
        ["07", "06"],
    )


@pytest.mark.parametrize("year", [2024, 2026, 2030, 2038, 2039, 2100])
def test_times_in_cursors_are_exact_to_the_millisecond(year: int) -> None:
    times = [
        datetime(year, 4, 8, 20, 23, 46, tzinfo=UTC) + timedelta(milliseconds=number)
        for number in range(1_000)
    ]

    assert [decode(encode((time,)), (datetime,), "after") for time in times] == [
        (time,) for time in times
    ]
