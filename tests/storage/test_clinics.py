"""Clinics: an import writes all rows or none and counts the changes; filters cover each field."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from resolvers.kinds.registrations import KINDS
from store.clinics.clinics import ClinicRow
from store.clinics.filters import ClinicFilter, ClinicScope
from store.errors import RowsRefused
from store.idempotency import IdempotencyKey
from store.mongo.connection import Database
from store.paging import Paging
from store.records import Action, Audience, Clinic, ClinicStatus, Saved
from store.registry import Store
from tests.storage.building import (
    BJORKEN,
    BY_ANNA,
    BY_BO,
    EKEN,
    LINDEN,
    STOCKHOLM,
    UPPSALA,
    everything,
    sequences,
    with_clinics,
)

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


async def imported(
    store: Store,
    *rows: tuple[str, dict[str, Any]],
    principal: str = STOCKHOLM,
    dry_run: bool = False,
    act: Any = BY_ANNA,
) -> Saved:
    return await store.clinics.import_rows(
        principal,
        [ClinicRow(number, hsa_id, values) for number, (hsa_id, values) in enumerate(rows, 2)],
        dry_run=dry_run,
        act=act,
    )


async def clinic_of(store: Store, key: str) -> Clinic:
    return (await store.clinics.get_many([key]))[key]


# ------------------------------------------------------------- import


async def test_an_import_is_one_event_that_lists_its_clinics(store: Store) -> None:
    saved = await imported(
        store,
        (LINDEN.lower(), {"name": "Linden"}),
        (BJORKEN, {"name": "Björken", "business_classifications": ("1502", "1504")}),
    )

    assert saved.event is not None
    assert (saved.event.action, saved.event.sequence, saved.event.audience) == (
        Action.IMPORTED,
        1,
        Audience.NONE,
    )
    assert (saved.event.clinics, saved.event.counts) == (
        (BJORKEN, LINDEN),
        {"created": 2, "updated": 0, "unchanged": 0},
    )
    assert await clinic_of(store, BJORKEN) == Clinic(
        key=BJORKEN,
        hsa_id=BJORKEN,
        name="Björken",
        principal=STOCKHOLM,
        business_classifications=["1502", "1504"],
        business_types=[],
        care_types=[],
        management=[],
        financing_organizations=[],
    )
    assert (await clinic_of(store, LINDEN)).hsa_id == LINDEN.lower()


async def test_only_changes_are_written_and_omitted_columns_do_not_change(store: Store) -> None:
    await imported(
        store,
        (BJORKEN, {"name": "Björken", "location": "Täby"}),
        (LINDEN, {"name": "Linden"}),
        (EKEN, {"name": "Eken"}),
    )

    saved = await imported(
        store,
        (BJORKEN.lower(), {"name": "Nya Björken"}),
        (LINDEN, {"name": "Linden"}),
        ("SE2321000016-1A09", {"name": "Asken"}),
    )

    assert saved.event is not None
    assert saved.counts == {"created": 1, "updated": 1, "unchanged": 1}
    assert saved.event.clinics == (BJORKEN, "SE2321000016-1A09")
    bjorken = await clinic_of(store, BJORKEN)
    assert (bjorken.name, bjorken.location, bjorken.hsa_id) == ("Nya Björken", "Täby", BJORKEN)
    assert set(await store.clinics.get_many([BJORKEN, LINDEN, EKEN])) == {BJORKEN, LINDEN, EKEN}


async def test_an_import_that_changes_nothing_writes_nothing(
    store: Store, database: Database
) -> None:
    rows = (
        (
            BJORKEN,
            {
                "name": "Björken",
                "care_types": ("01",),
                "end_date": NOON,
                "status": ClinicStatus.ACTIVE,
            },
        ),
        (LINDEN, {"name": "Linden", "care_types": ()}),
    )
    await imported(store, *rows)
    before = await everything(database)

    saved = await imported(store, *rows, act=BY_BO)

    assert (saved.event, saved.counts) == (None, {"created": 0, "updated": 0, "unchanged": 2})
    assert await everything(database) == before


async def test_a_dry_run_counts_and_writes_nothing(store: Store, database: Database) -> None:
    await imported(store, (BJORKEN, {"name": "Björken"}))
    before = await everything(database)

    saved = await imported(
        store, (BJORKEN, {"name": "Ny"}), (LINDEN, {"name": "Linden"}), dry_run=True
    )

    assert (saved.event, saved.counts) == (None, {"created": 1, "updated": 1, "unchanged": 0})
    assert await everything(database) == before


async def test_a_dry_run_does_not_use_up_the_idempotency_key(store: Store) -> None:
    key = IdempotencyKey("anna:1", "importera")
    rows = [ClinicRow(2, BJORKEN, {"name": "Björken"})]
    await store.clinics.import_rows(STOCKHOLM, rows, dry_run=True, act=BY_ANNA, key=key)

    first = await store.clinics.import_rows(STOCKHOLM, rows, dry_run=False, act=BY_ANNA, key=key)
    again = await store.clinics.import_rows(STOCKHOLM, rows, dry_run=False, act=BY_ANNA, key=key)

    assert first.counts == again.counts == {"created": 1, "updated": 0, "unchanged": 0}
    assert await sequences(store.database) == [1]


async def test_rows_of_another_principals_clinics_refuse_the_whole_import(
    store: Store, database: Database
) -> None:
    await with_clinics(store, LINDEN, EKEN, principal=UPPSALA)
    before = await everything(database)

    with pytest.raises(RowsRefused) as refused:
        await imported(
            store, (BJORKEN, {"name": "B"}), (LINDEN.lower(), {"name": "L"}), (EKEN, {"name": "E"})
        )

    assert [(row.row, row.value, row.code, row.path) for row in refused.value.rows] == [
        (3, LINDEN.lower(), "OUTSIDE_PRINCIPAL", ("csv", "hsaId")),
        (4, EKEN, "OUTSIDE_PRINCIPAL", ("csv", "hsaId")),
    ]
    assert await everything(database) == before


# ------------------------------------------------------------- status


STATUSES = [
    (ClinicStatus.ACTIVE, None, ClinicStatus.ACTIVE),
    (ClinicStatus.ACTIVE, timedelta(milliseconds=1), ClinicStatus.ACTIVE),
    (ClinicStatus.ACTIVE, timedelta(0), ClinicStatus.ENDED),
    (ClinicStatus.ACTIVE, -timedelta(days=1), ClinicStatus.ENDED),
    (ClinicStatus.NOT_ACTIVATED, timedelta(days=1), ClinicStatus.NOT_ACTIVATED),
    (ClinicStatus.NOT_ACTIVATED, -timedelta(days=1), ClinicStatus.ENDED),
    (ClinicStatus.ENDED, None, ClinicStatus.ENDED),
    (ClinicStatus.ENDED, timedelta(days=1), ClinicStatus.ENDED),
    (ClinicStatus.ARCHIVED, None, ClinicStatus.ARCHIVED),
    (ClinicStatus.ARCHIVED, -timedelta(days=1), ClinicStatus.ARCHIVED),
]


async def test_a_clinic_has_the_same_status_in_itself_and_in_a_filter(
    database: Database, store: Store
) -> None:
    noon = Store(database, KINDS, clock=lambda: NOON)
    keys = [f"SE2321000016-{number:02}" for number in range(len(STATUSES))]
    rows = [
        (
            key,
            {
                "name": key,
                "status": status,
                "end_date": None if ends_in is None else NOON + ends_in,
            },
        )
        for key, (status, ends_in, _) in zip(keys, STATUSES, strict=True)
    ]
    await imported(store, *rows)

    clinics = await store.clinics.get_many(keys)
    by_status = {
        status_filter: (
            await noon.clinics.page(ClinicFilter(statuses=(status_filter,)), Paging())
        ).items
        for status_filter in ClinicStatus
    }

    expected = {key: now for key, (*_, now) in zip(keys, STATUSES, strict=True)}
    assert {key: clinic.status_at(NOON) for key, clinic in clinics.items()} == expected
    assert {
        clinic.key: status_filter for status_filter, found in by_status.items() for clinic in found
    } == expected
    assert sum(map(len, by_status.values())) == len(expected)


# ------------------------------------------------------------- lists


async def test_clinics_are_found_by_each_field_and_counted(store: Store) -> None:
    await imported(
        store,
        (
            BJORKEN,
            {
                "name": "B",
                "business_classifications": ("1502", "1504"),
                "care_types": ("01",),
                "county_code": "01",
            },
        ),
        (
            LINDEN,
            {
                "name": "L",
                "business_classifications": ("1502",),
                "business_types": ("02",),
                "municipality_code": "0180",
            },
        ),
        (EKEN, {"name": "E", "management": ("Region",), "status": ClinicStatus.ARCHIVED}),
    )
    foreign = "SE2321000024-1B01"
    await imported(
        store,
        (foreign, {"name": "F", "business_classifications": ("1502",), "county_code": "03"}),
        principal=UPPSALA,
    )

    expected: list[tuple[ClinicFilter, list[str]]] = [
        (ClinicFilter(), [BJORKEN, LINDEN, EKEN, foreign]),
        (ClinicFilter(principal=STOCKHOLM), [BJORKEN, LINDEN, EKEN]),
        (ClinicFilter(business_classifications=("1504", "1112")), [BJORKEN]),
        (ClinicFilter(business_classifications=("1502",)), [BJORKEN, LINDEN, foreign]),
        (ClinicFilter(business_classifications=()), []),
        (ClinicFilter(business_types=("02",)), [LINDEN]),
        (ClinicFilter(care_types=("01",)), [BJORKEN]),
        (ClinicFilter(management=("Region",)), [EKEN]),
        (ClinicFilter(county_codes=("01", "03")), [BJORKEN, foreign]),
        (ClinicFilter(municipality_codes=("0180",)), [LINDEN]),
        (ClinicFilter(statuses=(ClinicStatus.ARCHIVED,)), [EKEN]),
        (
            ClinicFilter(
                statuses=(ClinicStatus.ACTIVE, ClinicStatus.ARCHIVED), principal=STOCKHOLM
            ),
            [BJORKEN, LINDEN, EKEN],
        ),
        (ClinicFilter(statuses=()), []),
        (
            ClinicFilter(within=ClinicScope(frozenset({UPPSALA}), frozenset({LINDEN}))),
            [LINDEN, foreign],
        ),
        (ClinicFilter(within=ClinicScope(frozenset(), frozenset()), principal=STOCKHOLM), []),
        (
            ClinicFilter(
                within=ClinicScope(frozenset(), frozenset({BJORKEN})),
                business_classifications=("1502",),
            ),
            [BJORKEN],
        ),
    ]
    for clinic_filter, keys in expected:
        page = await store.clinics.page(clinic_filter, Paging())
        assert [clinic.key for clinic in page.items] == keys, clinic_filter
        assert await store.clinics.count(clinic_filter) == len(keys)


async def test_clinics_are_paged_by_key(store: Store) -> None:
    keys = [f"SE2321000016-{number:03}" for number in range(7)]
    await with_clinics(store, *reversed(keys))

    first = await store.clinics.page(ClinicFilter(principal=STOCKHOLM), Paging(limit=3))
    second = await store.clinics.page(
        ClinicFilter(principal=STOCKHOLM), Paging(limit=3, after=first.cursors[-1])
    )
    back = await store.clinics.page(
        ClinicFilter(principal=STOCKHOLM), Paging(limit=2, backward=True, before=second.cursors[0])
    )

    assert [[clinic.key for clinic in page.items] for page in (first, second, back)] == [
        keys[:3],
        keys[3:6],
        keys[1:3],
    ]
