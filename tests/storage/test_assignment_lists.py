"""Lists of assignments: by document, by event, lagging ones, and central ones."""

import pytest

from resolvers.kinds.case_types import CASE_TYPE
from store.clinics.assignments import AssignmentFilter
from store.clinics.selectors import ClinicSelector
from store.mongo.connection import Database
from store.paging import Paging
from store.records import (
    Owner,
    OwnerKind,
)
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
    published,
    with_clinics,
)

FOREIGN = "SE2321000024-1B01"


async def test_the_clinics_that_had_a_document_at_an_event_are_found(store: Store) -> None:
    await with_clinics(store, BJORKEN, LINDEN, EKEN)  # 1
    document = await published(store)  # 2, 3
    await distributed(store, document, BJORKEN)  # 4
    await distributed(store, document, LINDEN)  # 5
    await store.documents.archive(document, expected_version=1, act=BY_ANNA)  # 6
    await store.documents.restore(
        document, version=1, expected_version=1, publish=True, act=BY_ANNA
    )  # 7
    among = {BJORKEN, LINDEN, EKEN}

    holders = [
        await store.assignments.clinics_with(document.id, sequence, among)
        for sequence in range(3, 9)
    ]

    both = [BJORKEN, LINDEN]
    assert holders == [[], [BJORKEN], both, both, both, both]
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

    assert [[assignment.clinic for assignment in page.items] for page in (first, second, last)] == [
        clinics[:3],
        clinics[3:6],
        clinics[4:],
    ]


@pytest.mark.parametrize("max_merged", [200, 0], ids=["merged", "from one list"])
async def test_lagging_assignments_are_paged_in_order_by_either_way_of_reading(
    store: Store, database: Database, monkeypatch: pytest.MonkeyPatch, max_merged: int
) -> None:
    monkeypatch.setattr("store.clinics.assignments._MAX_MERGED", max_merged)
    clinics = [f"SE2321000016-{number:03}" for number in range(9)]
    await with_clinics(store, *clinics)
    documents = [await published(store) for _ in range(3)]
    for document in documents:
        await distributed(store, document, *clinics)
    # The clinics have acknowledged various versions.
    for number, clinic in enumerate(clinics):
        await database["assignments"].update_many(
            {"clinic": clinic}, {"$set": {"acknowledged_version": (None, 1, 2)[number % 3]}}
        )
    lagging = AssignmentFilter(
        principal=STOCKHOLM,
        behind={document.id: 1 + (number == 2) for number, document in enumerate(documents)},
    )
    expected = sorted(
        (clinic, document.id)
        for number, clinic in enumerate(clinics)
        for position, document in enumerate(documents)
        if (None, 1, 2)[number % 3] != 1 + (position == 2)
    )

    found, after = [], None
    while True:
        page = await store.assignments.page(lagging, Paging(limit=4, after=after))
        found += [(assignment.clinic, assignment.document) for assignment in page.items]
        if not page.has_next:
            break
        after = page.cursors[-1]
    last = await store.assignments.page(lagging, Paging(limit=4, backward=True))

    assert found == expected
    assert [(assignment.clinic, assignment.document) for assignment in last.items] == expected[-4:]
    assert await store.assignments.count(lagging) == len(expected) == 18
    assert (
        await store.assignments.page(AssignmentFilter(principal=STOCKHOLM, behind={}), Paging())
    ).items == []


async def test_lagging_assignments_are_found_among_any_number_of_documents(
    store: Store,
) -> None:
    await with_clinics(store, BJORKEN)
    document = await published(store)
    await distributed(store, document, BJORKEN)
    behind = {f"ct_{number}": 1 for number in range(2_500)} | {document.id: 1}
    lagging = AssignmentFilter(principal=STOCKHOLM, behind=behind)

    page = await store.assignments.page(lagging, Paging(limit=4))

    assert [(assignment.clinic, assignment.document) for assignment in page.items] == [
        (BJORKEN, document.id)
    ]
    assert await store.assignments.count(lagging) == 1


async def test_central_documents_exclude_local_documents(store: Store) -> None:
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
    assert {assignment.document for assignment in await store.assignments.held([LINDEN])} == {
        everywhere.id,
        followed.id,
        document_of(own).id,
    }

    assert sorted(await store.assignments.central_documents(STOCKHOLM)) == sorted(
        [everywhere.id, followed.id]
    )
    assert await store.assignments.central_documents(UPPSALA) == [elsewhere.id]
