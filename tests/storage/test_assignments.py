"""Assignments: distributed all or nothing, refused rows with reasons, thousands within seconds."""

import time
from datetime import UTC, datetime

import pytest

from resolvers.kinds.case_types import CASE_TYPE
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
    Owner,
    OwnerKind,
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
    content,
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


async def all_sorts(store: Store) -> None:
    """Clinics in every state, and one of another region."""
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


async def test_distribution_is_one_act_that_lists_its_clinics(store: Store) -> None:
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
            one.clinic,
            one.from_sequence,
            one.until_sequence,
            one.start_page_order,
            one.contact_card_order,
        )
        for one in page.items
    ] == [
        (BJORKEN, 4, None, 2, 5),
        (LINDEN, 4, None, 2, 5),
    ]
    assert {(one.origin, one.by, one.since) for one in page.items} == {
        (AssignmentOrigin.DISTRIBUTED, ANNA, saved.event.at)
    }
    assert (document_of(saved).event_count, document_of(saved).notice_count) == (3, 2)


async def test_every_refused_row_is_reported_with_its_reason_and_nothing_is_written(
    store: Store, database: Database
) -> None:
    await all_sorts(store)
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
    await all_sorts(store)
    document = await published(store)

    saved = await store.distribution.distribute(
        document, ClinicSelector.of_ids(SELECTION), skip_refused=True, act=BY_ANNA
    )

    assert saved.event is not None
    assert saved.event.clinics == tuple(sorted([BJORKEN, ENDING, LINDEN]))
    assert saved.skipped == tuple(RefusedRow(*row) for row in REFUSED)
    assert saved.counts["clinics"] == 3


async def test_clinics_that_have_it_already_do_not_get_it_again(
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


async def test_clinics_that_had_a_document_at_an_event(store: Store) -> None:
    await with_clinics(store, BJORKEN, LINDEN, EKEN)  # 1
    document = await published(store)  # 2, 3
    await distributed(store, document, BJORKEN)  # 4
    await distributed(store, document, LINDEN)  # 5
    await store.documents.archive(document, expected_version=1, act=BY_ANNA)  # 6
    await store.documents.restore(
        document, version=1, expected_version=1, publish=True, act=BY_ANNA
    )  # 7
    among = {BJORKEN, LINDEN, EKEN}

    had = [
        await store.assignments.clinics_with(document.id, sequence, among)
        for sequence in range(3, 9)
    ]

    both = [BJORKEN, LINDEN]
    assert had == [[], [BJORKEN], both, both, both, both]
    assert await store.assignments.clinics_with(document.id, 5, {LINDEN}) == [LINDEN]
    assert await store.assignments.clinics_with("ct_none", 5, among) == []


async def test_the_clinics_of_a_document_are_paged_by_key(store: Store) -> None:
    clinics = [f"SE2321000016-{number:03}" for number in range(7)]
    await with_clinics(store, *clinics)
    document, other = await published(store), await published(store)
    await distributed(store, document, *reversed(clinics))
    await distributed(store, other, clinics[0])

    first = await store.assignments.page(AssignmentFilter(document=document.id), Paging(limit=3))
    second = await store.assignments.page(
        AssignmentFilter(document=document.id), Paging(limit=3, after=first.cursors[-1])
    )
    last = await store.assignments.page(
        AssignmentFilter(document=document.id), Paging(limit=3, backward=True)
    )

    assert [[one.clinic for one in page.items] for page in (first, second, last)] == [
        clinics[:3],
        clinics[3:6],
        clinics[4:],
    ]


async def test_five_thousand_clinics_in_one_act_within_seconds(
    store: Store, database: Database
) -> None:
    clinics = [f"SE2321000016-{number:05}" for number in range(5_000)]
    await with_clinics(store, *clinics)
    document = await published(store)

    begun = time.perf_counter()
    saved: Saved = await distributed(store, document, *clinics)
    seconds = time.perf_counter() - begun

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


@pytest.mark.parametrize("merged", [200, 0], ids=["merged", "from one list"])
async def test_lagging_assignments_are_paged_in_order_however_they_are_read(
    store: Store, database: Database, monkeypatch: pytest.MonkeyPatch, merged: int
) -> None:
    monkeypatch.setattr("store.clinics.assignments._MAX_MERGED", merged)
    clinics = [f"SE2321000016-{number:03}" for number in range(9)]
    await with_clinics(store, *clinics)
    documents = [await published(store) for _ in range(3)]
    for document in documents:
        await distributed(store, document, *clinics)
    for number, clinic in enumerate(
        clinics
    ):  # as if they had acknowledged versions that came and went
        await database["assignments"].update_many(
            {"clinic": clinic}, {"$set": {"acknowledged_version": (None, 1, 2)[number % 3]}}
        )
    which = AssignmentFilter(
        principal=STOCKHOLM,
        behind={document.id: 1 + (number == 2) for number, document in enumerate(documents)},
    )
    expected = sorted(
        (clinic, document.id)
        for number, clinic in enumerate(clinics)
        for place, document in enumerate(documents)
        if (None, 1, 2)[number % 3] != 1 + (place == 2)
    )

    found, after = [], None
    while True:
        page = await store.assignments.page(which, Paging(limit=4, after=after))
        found += [(one.clinic, one.document) for one in page.items]
        if not page.has_next:
            break
        after = page.cursors[-1]
    last = await store.assignments.page(which, Paging(limit=4, backward=True))

    assert found == expected
    assert [(one.clinic, one.document) for one in last.items] == expected[-4:]
    assert await store.assignments.count(which) == len(expected) == 18
    assert (
        await store.assignments.page(AssignmentFilter(principal=STOCKHOLM, behind={}), Paging())
    ).items == []


async def test_lagging_assignments_are_found_however_many_documents_a_principal_has(
    store: Store,
) -> None:
    await with_clinics(store, BJORKEN)
    document = await published(store)
    await distributed(store, document, BJORKEN)
    behind = {f"ct_{number}": 1 for number in range(2_500)} | {document.id: 1}
    which = AssignmentFilter(principal=STOCKHOLM, behind=behind)

    page = await store.assignments.page(which, Paging(limit=4))

    assert [(one.clinic, one.document) for one in page.items] == [(BJORKEN, document.id)]
    assert await store.assignments.count(which) == 1


async def test_central_documents_leave_out_local_ones(store: Store) -> None:
    await with_clinics(store, BJORKEN, LINDEN)
    await with_clinics(store, FOREIGN, principal=UPPSALA)
    everywhere, followed, withdrawn, _nowhere = [
        await published(store, introduction) for introduction in ("Ett", "Två", "Tre", "Fyra")
    ]
    elsewhere = await published(store, principal=UPPSALA)
    await distributed(store, everywhere, BJORKEN, LINDEN)
    await distributed(store, withdrawn, BJORKEN)
    await store.distribution.withdraw(withdrawn, ClinicSelector.of_ids([BJORKEN]), act=BY_ANNA)
    await distributed(store, elsewhere, FOREIGN)
    [linden] = (await store.clinics.get_many([LINDEN])).values()
    await store.distribution.follow(followed, linden, act=BY_ANNA)
    own = await store.documents.create(
        CASE_TYPE,
        principal=STOCKHOLM,
        owner=Owner(OwnerKind.CLINIC, LINDEN),
        content=content("Eget"),
        derived_from=None,
        act=BY_ANNA,
    )
    await store.documents.publish(document_of(own), version=1, expected_version=1, act=BY_ANNA)
    assert {one.document for one in await store.assignments.held([LINDEN])} == {
        everywhere.id,
        followed.id,
        document_of(own).id,
    }

    assert sorted(await store.assignments.central_documents(STOCKHOLM)) == sorted(
        [everywhere.id, followed.id]
    )
    assert await store.assignments.central_documents(UPPSALA) == [elsewhere.id]
