"""A region with 8,000 clinics that all have its case types, compared with one of 80 clinics.

Run with `-s` to see the figures.
"""

import time
from collections.abc import AsyncIterator, Mapping
from datetime import datetime, timedelta
from statistics import median

import pytest

from store.clinics.assignments import AssignmentFilter, AssignmentOrder
from store.clinics.filters import ClinicFilter
from store.clinics.selectors import ClinicSelector, resolve_clinics
from store.clinics.version_adoption import AdoptionQuery
from store.paging import Paging
from store.records import AssignmentOrigin, OrderedList
from store.reports.acknowledgement_times import Delays, measure
from tests.storage.building import STOCKHOLM
from tests.storage.region import (
    CASE_TYPES,
    FEW,
    MANY,
    NAMES,
    PAGE,
    REGIONS,
    WITHIN,
    Read,
    Region,
    assignments,
    clinics,
    in_group,
    print_figures,
    timed,
)

pytestmark = pytest.mark.soak


@pytest.fixture(scope="module")
async def large(mongodb_uri: str) -> AsyncIterator[Region]:
    region = await Region.of(MANY, mongodb_uri)
    yield region
    await region.close()


@pytest.fixture(scope="module")
async def small(mongodb_uri: str) -> AsyncIterator[Region]:
    region = await Region.of(FEW, mongodb_uri)
    yield region
    await region.close()


READS_OF_ANY_REGION: dict[str, tuple[int, Read]] = {
    "assignments": (51, assignments),
    "assignments from the end": (
        51,
        lambda region: assignments(region, Paging(limit=50, backward=True)),
    ),
    "assignments at a moment": (60, lambda region: assignments(region, sequence=region.sequence)),
    "assignments by time": (
        51,
        lambda region: region.store.assignments.page(
            REGIONS, PAGE, None, AssignmentOrder.SINCE_DESC
        ),
    ),
    "assignments of a case type": (
        51,
        lambda region: assignments(region, document=region.case_type.id),
    ),
    "assignments at a clinic": (
        CASE_TYPES,
        lambda region: assignments(region, clinics=[region.clinic.key]),
    ),
    "assignments that were distributed": (
        51,
        lambda region: assignments(region, origin=AssignmentOrigin.DISTRIBUTED),
    ),
    "clinics": (51, clinics),
    "a start page": (
        2 * CASE_TYPES + 1,
        lambda region: region.store.start_pages.of(region.clinic, OrderedList.START_PAGE),
    ),
    "a start page at a moment": (
        2 * CASE_TYPES + 2,
        lambda region: region.store.start_pages.of(
            region.clinic, OrderedList.START_PAGE, region.case_type.updated_at
        ),
    ),
}
"""Reads whose result does not depend on the number of clinics.

The number is how many documents MongoDB may examine.
"""


READS_BY_MATCHES: dict[str, tuple[int, Read]] = {
    "clinics by a word that all have": (51, lambda region: clinics(region, text="vård")),
    "clinics by a word that an eighth has": (
        51 * len(NAMES),
        lambda region: clinics(region, text="björken"),
    ),
    "clinics by a word that few have": (111, lambda region: clinics(region, text="77")),
    "clinics by two words": (111, lambda region: clinics(region, text="vårdcentralen 77")),
    "clinics by what they do": (
        51,
        lambda region: clinics(region, business_classifications=["1502"]),
    ),
    "clinics alike": (MANY // 4, lambda region: clinics(region, similar_to=region.clinic)),
    "assignments at the clinics of a list": (53, lambda region: in_group(region, "Lista")),
    "assignments at the clinics of a rule": (
        MANY // 4 + 53,
        lambda region: in_group(region, "Regel"),
    ),
}
"""Reads that depend on how many clinics match; the number is the same limit."""


async def test_a_distribution_to_8000_clinics_takes_five_seconds_at_most(
    large: Region, small: Region
) -> None:
    print_figures(
        f"one distribution to {MANY} / {FEW} clinics", median(large.seconds), median(small.seconds)
    )

    assert median(large.seconds) <= 5


@pytest.mark.parametrize("read_name", READS_OF_ANY_REGION)
async def test_a_page_is_read_by_index_and_as_fast_for_8000_clinics_as_for_80(
    large: Region, small: Region, read_name: str
) -> None:
    max_documents, read = READS_OF_ANY_REGION[read_name]

    among_many, among_few = await timed(read, large, small)
    query_costs = await large.cost(read)

    print_figures(read_name, among_many, among_few)
    assert query_costs
    assert not any({"COLLSCAN", "SORT"} & cost.stages for cost in query_costs), query_costs
    assert sum(cost.documents for cost in query_costs) <= max_documents, query_costs
    assert among_many < 0.1
    assert among_many <= 3 * among_few


@pytest.mark.parametrize("read_name", READS_BY_MATCHES)
async def test_a_read_that_matches_some_of_8000_clinics_uses_an_index(
    large: Region, read_name: str
) -> None:
    max_documents, read = READS_BY_MATCHES[read_name]

    [seconds] = await timed(read, large)
    query_costs = await large.cost(read)

    print_figures(read_name, seconds)
    assert query_costs
    assert not any("COLLSCAN" in cost.stages for cost in query_costs), query_costs
    assert sum(cost.documents for cost in query_costs) <= max_documents, query_costs
    assert seconds < 0.1


async def test_the_check_before_a_distribution_to_all_clinics_takes_under_a_second(
    large: Region,
) -> None:
    store = large.store
    seconds = []
    for _ in range(5):
        started_at = time.perf_counter()
        resolved = await resolve_clinics(
            store.database, ClinicSelector(filter=ClinicFilter()), STOCKHOLM, store.now()
        )
        holders = await store.assignments.holders(large.case_type.id, resolved.clinics)
        await store.listing.owned_by("CASE_TYPE", resolved.clinics)
        seconds.append(time.perf_counter() - started_at)

    assert len(resolved.clinics) == len(holders) == MANY
    assert median(seconds) < 1


async def test_the_adoption_of_a_version_by_8000_clinics_is_counted_in_50_ms(
    large: Region,
) -> None:
    async def read(region: Region) -> object:
        return await region.store.adoptions.of([AdoptionQuery(region.case_type.id, 1, None)])

    [seconds] = await timed(read, large)
    [adoption] = (
        await large.store.adoptions.of([AdoptionQuery(large.case_type.id, 1, None)])
    ).values()
    query_costs = await large.cost(read)

    print_figures("adoption", seconds)
    assert (adoption.unseen, adoption.by_version) == (MANY, [])
    assert sum(cost.documents for cost in query_costs) == 0, "answered by the index alone"
    assert seconds < 0.05


async def versions_in_force(region: Region) -> Mapping[str, int]:
    """The case types that clinics have from the principal, with the versions in force."""
    return await region.store.documents.in_force(
        STOCKHOLM, await region.store.assignments.central_documents(STOCKHOLM)
    )


async def test_a_page_of_lagging_clinics_among_8000_takes_under_100_ms(large: Region) -> None:
    in_force = await versions_in_force(large)

    [seconds] = await timed(lambda region: assignments(region, behind=in_force), large)

    print_figures("assignments that lag", seconds)
    assert len(in_force) == CASE_TYPES
    assert seconds < 0.1


async def let_one_clinic_lag(region: Region) -> Mapping[str, int]:
    """Let all clinics but the last acknowledge, and return the versions in force."""
    await region.store.database["assignments"].update_many(
        {"clinic": {"$ne": region.last}}, {"$set": {"acknowledged_version": 1}}
    )
    return await versions_in_force(region)


async def test_few_lagging_clinics_among_8000_are_found_without_reading_the_others(
    large: Region,
) -> None:
    in_force = await let_one_clinic_lag(large)
    lagging = AssignmentFilter(within=WITHIN, principal=STOCKHOLM, behind=in_force)

    page = await large.store.assignments.page(lagging, PAGE)
    [listing] = await timed(lambda region: region.store.assignments.page(lagging, PAGE), large)
    [counting] = await timed(lambda region: region.store.assignments.count(lagging), large)
    query_costs = await large.cost(lambda region: region.store.assignments.count(lagging))

    print_figures("the few that lag, listed and counted", listing, counting)
    assert {assignment.clinic for assignment in page.items} == {large.last}
    assert len(page.items) == await large.store.assignments.count(lagging) == CASE_TYPES
    assert sum(cost.documents for cost in query_costs) == CASE_TYPES
    assert listing < 0.1
    assert counting < 0.1


async def test_reports_on_8000_clinics_with_30_case_types_take_two_seconds_at_most(
    large: Region,
) -> None:
    in_force = await let_one_clinic_lag(large)
    holdings = large.store.reports.holdings
    central = AssignmentFilter(within=WITHIN, principal=STOCKHOLM, central_only=True)
    now = large.store.now()

    async def lagging(moment: datetime | None) -> None:
        holdings_by_document = await holdings.of(central, moment)
        await holdings.in_force(holdings_by_document, moment)

    async def times(region: Region) -> None:
        acknowledgement_times = region.store.reports.acknowledgement_times
        published_then = await acknowledgement_times.publications(
            STOCKHOLM, now - timedelta(days=1), now + timedelta(days=1), sorted(in_force), 201
        )
        intervals = await acknowledgement_times.held_intervals(published_then, WITHIN, None)
        delays = Delays()
        for publication in published_then:
            measure(delays, publication, intervals[publication.document], {})

    reads: dict[str, Read] = {
        "case types per clinic": lambda _: holdings.by_clinic(central, None),
        "case types per clinic, then": lambda _: holdings.by_clinic(central, now),
        "clinics per case type and who lags": lambda _: lagging(None),
        "clinics per case type and who lags, then": lambda _: lagging(now),
        "from publication to acknowledgement": times,
        "edits per month": lambda region: region.store.reports.authoring.edits(
            [STOCKHOLM], now - timedelta(days=365), now
        ),
    }
    for report, read in reads.items():
        [seconds] = await timed(read, large)
        print_figures(report, seconds)
        assert seconds <= 2, report

    edits = await large.cost(reads["edits per month"])
    assert sum(cost.documents for cost in edits) == 0, "answered by the index alone"
    by_clinic = await holdings.by_clinic(central, None)
    assert (len(by_clinic), {sum(counts.values()) for counts in by_clinic.values()}) == (
        MANY,
        {CASE_TYPES},
    )
