"""Distribution: all or nothing, refused rows with reasons, thousands of clinics within seconds."""

import time
from datetime import UTC, datetime

import pytest

from store.clinics.assignments import AssignmentFilter
from store.clinics.clinics import ClinicRow
from store.clinics.selectors import ClinicSelector
from store.errors import RowProblem, RowsRefused, WrongState
from store.mongo.connection import Database
from store.paging import Paging
from store.records import (
    Action,
    AssignmentOrigin,
    Audience,
    ClinicStatus,
    RefusalReason,
    RefusedRow,
    Saved,
)
from store.registry import Store
from tests.storage.building import (
    ANNA,
    BJORKEN,
    BY_ANNA,
    EKEN,
    LINDEN,
    STOCKHOLM,
    UPPSALA,
    created,
    distributed,
    document_of,
    everything,
    published,
    saved_as,
    with_clinics,
)

NOT_ACTIVATED, ARCHIVED, ENDED, ENDING = (f"SE2321000016-1B0{number}" for number in range(1, 5))


FOREIGN = "SE2321000024-1B01"


UNKNOWN = "SE2321000016-9Z99"


async def import_clinics_in_every_state(store: Store) -> None:
    """Import clinics in every state, and one of another region."""
    await with_clinics(store, BJORKEN, LINDEN)
    await with_clinics(store, FOREIGN, principal=UPPSALA)
    rows = [
        ClinicRow(2, NOT_ACTIVATED, {"name": "A", "status": ClinicStatus.NOT_ACTIVATED}),
        ClinicRow(3, ARCHIVED, {"name": "B", "status": ClinicStatus.ARCHIVED}),
        ClinicRow(4, ENDED, {"name": "C", "end_date": datetime(2020, 1, 1, tzinfo=UTC)}),
        ClinicRow(5, ENDING, {"name": "D", "end_date": datetime(2999, 1, 1, tzinfo=UTC)}),
    ]
    await store.clinics.import_rows(STOCKHOLM, rows, dry_run=False, act=BY_ANNA)


SELECTION = [
    BJORKEN,
    UNKNOWN,
    "inget-id",
    NOT_ACTIVATED,
    ARCHIVED,
    ENDED,
    ENDING,
    FOREIGN,
    BJORKEN.lower(),
    LINDEN.lower(),
    UNKNOWN,
]


REFUSED = [
    (2, UNKNOWN, RefusalReason.UNKNOWN),
    (3, "inget-id", RefusalReason.MALFORMED),
    (4, NOT_ACTIVATED, RefusalReason.NOT_ACTIVATED),
    (5, ARCHIVED, RefusalReason.ARCHIVED),
    (6, ENDED, RefusalReason.ENDED),
    (8, FOREIGN, RefusalReason.OUTSIDE_PRINCIPAL),
    (9, BJORKEN.lower(), RefusalReason.DUPLICATE),
    (11, UNKNOWN, RefusalReason.DUPLICATE),
]


async def test_a_distribution_is_one_event_that_lists_its_clinics(store: Store) -> None:
    await with_clinics(store, BJORKEN, LINDEN)
    document = await published(store)

    saved = await store.distribution.distribute(
        document,
        ClinicSelector.of_ids([LINDEN.lower(), BJORKEN]),
        start_page_order=2,
        contact_card_order=5,
        skip_refused=False,
        act=BY_ANNA,
    )

    assert saved.event is not None
    assert (saved.counts, saved.skipped) == ({"clinics": 2, "replaced": 0}, ())
    assert (saved.event.action, saved.event.sequence, saved.event.audience) == (
        Action.DISTRIBUTED,
        4,
        Audience.NAMED,
    )
    assert (saved.event.clinics, saved.event.version, saved.event.resident_visible) == (
        (BJORKEN, LINDEN),
        1,
        True,
    )
    page = await store.assignments.page(AssignmentFilter(document=document.id), Paging())
    assert [
        (
            assignment.clinic,
            assignment.from_sequence,
            assignment.until_sequence,
            assignment.start_page_order,
            assignment.contact_card_order,
        )
        for assignment in page.items
    ] == [
        (BJORKEN, 4, None, 2, 5),
        (LINDEN, 4, None, 2, 5),
    ]
    assert {(assignment.origin, assignment.by, assignment.since) for assignment in page.items} == {
        (AssignmentOrigin.DISTRIBUTED, ANNA, saved.event.at)
    }
    assert (document_of(saved).event_count, document_of(saved).notice_count) == (3, 2)


async def test_every_refused_row_is_reported_with_its_reason_and_nothing_is_written(
    store: Store, database: Database
) -> None:
    await import_clinics_in_every_state(store)
    document = await published(store)
    before = await everything(database)

    with pytest.raises(RowsRefused) as refused:
        await distributed(store, document, *SELECTION)

    assert [(problem.row, problem.value, problem.code) for problem in refused.value.rows] == [
        (row, value, str(reason)) for row, value, reason in REFUSED
    ]
    assert [problem.path for problem in refused.value.rows] == [
        ("to", "hsaIds", str(row - 1)) for row, *_ in REFUSED
    ]
    assert all(
        isinstance(problem, RowProblem) and problem.message.endswith(".")
        for problem in refused.value.rows
    )
    assert await everything(database) == before


async def test_refused_rows_can_be_skipped(store: Store) -> None:
    await import_clinics_in_every_state(store)
    document = await published(store)

    saved = await store.distribution.distribute(
        document, ClinicSelector.of_ids(SELECTION), skip_refused=True, act=BY_ANNA
    )

    assert saved.event is not None
    assert saved.event.clinics == tuple(sorted([BJORKEN, ENDING, LINDEN]))
    assert saved.skipped == tuple(RefusedRow(*row) for row in REFUSED)
    assert saved.counts["clinics"] == 3


async def test_clinics_that_have_the_case_type_are_not_assigned_it_again(
    store: Store, database: Database
) -> None:
    await with_clinics(store, BJORKEN, LINDEN, EKEN)
    document = await published(store)
    await distributed(store, document, BJORKEN)

    more = await distributed(store, document, BJORKEN, LINDEN)
    before = await everything(database)
    again = await distributed(store, document, LINDEN, BJORKEN)

    assert more.event is not None
    assert (more.event.clinics, more.counts["clinics"]) == ((LINDEN,), 1)
    assert (again.event, again.counts["clinics"]) == (None, 0)
    assert await everything(database) == before


async def test_only_published_case_types_that_are_not_archived_are_distributed(
    store: Store, database: Database
) -> None:
    await with_clinics(store, BJORKEN)
    draft = await created(store)
    archived = document_of(
        await store.documents.archive(await published(store), expected_version=1, act=BY_ANNA)
    )
    before = await everything(database)

    for document in (draft, archived):
        with pytest.raises(WrongState) as refused:
            await distributed(store, document, BJORKEN)
        assert refused.value.state is document.state

    assert await everything(database) == before


async def test_a_deactivated_case_type_is_distributed_but_not_shown_to_residents(
    store: Store,
) -> None:
    await with_clinics(store, BJORKEN)
    document = document_of(
        await store.documents.deactivate(await published(store), expected_version=1, act=BY_ANNA)
    )

    saved = await distributed(store, document, BJORKEN)

    assert saved.event is not None
    assert (saved.event.resident_visible, saved.counts["clinics"]) == (False, 1)


async def test_the_published_version_is_distributed(store: Store) -> None:
    await with_clinics(store, BJORKEN)
    document = await saved_as(store, await published(store), "Två")

    saved = await distributed(store, document, BJORKEN)

    assert saved.event is not None
    assert (saved.event.version, saved.event.published_before, saved.event.published_after) == (
        1,
        1,
        1,
    )


async def test_one_distribution_to_five_thousand_clinics_takes_seconds(
    store: Store, database: Database
) -> None:
    clinics = [f"SE2321000016-{number:05}" for number in range(5_000)]
    await with_clinics(store, *clinics)
    document = await published(store)

    started_at = time.perf_counter()
    saved: Saved = await distributed(store, document, *clinics)
    seconds = time.perf_counter() - started_at

    assert saved.counts["clinics"] == 5_000
    assert saved.event is not None
    assert (saved.event.sequence, len(saved.event.clinics)) == (4, 5_000)
    assert (
        await database.count(
            "assignments", {"document": document.id, "open": True, "from_sequence": 4}
        )
        == 5_000
    )
    assert seconds < 10
