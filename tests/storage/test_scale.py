"""A whole region: 8,000 clinics that all have its case types, beside the same with 80 clinics.

Run with `-s` to see the figures.
"""

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median
from uuid import uuid4

import pytest
from pymongo import AsyncMongoClient

from resolvers.kinds.registrations import KINDS
from resolvers.reference.principals import reference_principals
from store.clinics.assignments import AssignmentFilter, AssignmentOrder
from store.clinics.clinics import ClinicRow
from store.clinics.filters import ClinicFilter, ClinicScope
from store.clinics.selectors import ClinicSelector, resolve_clinics
from store.clinics.version_adoption import AdoptionQuery
from store.mongo.connection import Database, Row
from store.mongo.indexes import create_indexes
from store.paging import Paging
from store.records import AssignmentOrigin, Clinic, ClinicRule, Document, OrderedList
from store.registry import Store
from store.reports.acknowledgement_times import Delays, measure
from tests.storage.building import BY_ANNA, STOCKHOLM, published
from tests.storage.watching import Cost, Watch, costs, watched

pytestmark = pytest.mark.soak

MANY, FEW = 8_000, 80
CASE_TYPES = 30
NAMES = ("Björken", "Linden", "Eken", "Almen", "Asken", "Tallen", "Granen", "Häggen")
KINDS_OF_CARE = ("1502", "1504", "1112", "1324")
WITHIN = ClinicScope(frozenset({STOCKHOLM}), frozenset())
PAGE = Paging(limit=50)
REGIONS = AssignmentFilter(within=WITHIN, principal=STOCKHOLM)


def clinic_row(number: int) -> ClinicRow:
    """An eighth of the clinics has each name, a quarter does each kind of care."""
    name = f"Vårdcentralen {NAMES[number % len(NAMES)]} {number}"
    values = {
        "name": name,
        "business_classifications": [KINDS_OF_CARE[number % len(KINDS_OF_CARE)]],
    }
    return ClinicRow(number, f"{STOCKHOLM}-{number:04X}", values)


@dataclass(frozen=True)
class Region:
    """A region whose clinics have all its case types, and how long it took to hand out each."""

    store: Store
    client: AsyncMongoClient[Row]
    watch: Watch
    clinic: Clinic
    case_type: Document
    sequence: int
    seconds: list[float]
    last: str

    @classmethod
    async def of(cls, clinics: int, uri: str) -> "Region":
        client, watch = watched(uri)
        store = Store(Database(client, f"test_{uuid4().hex[:12]}"), KINDS)
        await create_indexes(store.database)
        await store.principals.ensure(reference_principals())
        rows = [clinic_row(number) for number in range(1, clinics + 1)]
        await store.clinics.import_rows(STOCKHOLM, rows, dry_run=False, act=BY_ANNA)
        listed = ClinicSelector.of_ids([row.hsa_id for row in rows[: clinics // 4]])
        await store.groups.save(
            STOCKHOLM, None, name="Lista", members=listed, rule=None, act=BY_ANNA
        )
        rule = ClinicRule(business_classifications=["1502"])
        await store.groups.save(STOCKHOLM, None, name="Regel", members=None, rule=rule, act=BY_ANNA)
        seconds = []
        for _ in range(CASE_TYPES):
            case_type = await published(store)
            begun = time.perf_counter()
            saved = await store.distribution.distribute(
                case_type, ClinicSelector(filter=ClinicFilter()), act=BY_ANNA
            )
            seconds.append(time.perf_counter() - begun)
            assert saved.counts == {"clinics": clinics, "replaced": 0}
        assert saved.event is not None
        [clinic] = (await store.clinics.get_many([rows[clinics // 2].hsa_id])).values()
        return cls(
            store,
            client,
            watch,
            clinic,
            case_type,
            saved.event.sequence - 1,
            seconds,
            rows[-1].hsa_id,
        )

    async def cost(self, read: "Read") -> list[Cost]:
        """What the queries of one read examine."""
        with self.watch.commands() as commands:
            await read(self)
        return await costs(self.client, self.store.database.name, commands)

    async def gone(self) -> None:
        await self.store.log.close()
        await self.client.drop_database(self.store.database.name)
        await self.client.close()


Read = Callable[[Region], Awaitable[object]]


@pytest.fixture(scope="module")
async def large(mongodb_uri: str) -> AsyncIterator[Region]:
    region = await Region.of(MANY, mongodb_uri)
    yield region
    await region.gone()


@pytest.fixture(scope="module")
async def small(mongodb_uri: str) -> AsyncIterator[Region]:
    region = await Region.of(FEW, mongodb_uri)
    yield region
    await region.gone()


def assignments(
    region: Region, paging: Paging = PAGE, sequence: int | None = None, **which: object
) -> Awaitable[object]:
    """A page of the region's list."""
    which_rows = AssignmentFilter(within=WITHIN, principal=STOCKHOLM, **which)  # type: ignore[arg-type]
    return region.store.assignments.page(which_rows, paging, sequence)


def clinics(region: Region, **which: object) -> Awaitable[object]:
    """A page of the region's clinics."""
    return region.store.clinics.page(ClinicFilter(within=WITHIN, **which), PAGE)  # type: ignore[arg-type]


async def in_group(region: Region, name: str) -> object:
    """A page of the assignments at a group's clinics."""
    [group] = [
        group
        for group in (await region.store.groups.page(STOCKHOLM, PAGE)).items
        if group.name == name
    ]
    return await assignments(
        region, clinics=await region.store.clinics.keys(region.store.groups.filter_of(group))
    )


SAME_FOR_ALL: dict[str, tuple[int, Read]] = {
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
"""What has the same answer among 80 clinics as among 8,000, with how many rows MongoDB may look at
for it.
"""

BY_WHAT_MATCHES: dict[str, tuple[int, Read]] = {
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
"""What depends on how many clinics match; likewise."""


async def timed(read: Read, *regions: Region) -> list[float]:
    """The median seconds of a read in each region, side by side, so that all meet the same weather."""
    seconds: list[list[float]] = [[] for _ in regions]
    for _ in range(15):
        for times, region in zip(seconds, regions, strict=True):
            begun = time.perf_counter()
            await read(region)
            times.append(time.perf_counter() - begun)
    return [median(times) for times in seconds]


def tell(what: str, *seconds: float) -> None:
    print(f"\n{what}: {' / '.join(f'{one * 1000:.1f}' for one in seconds)} ms", end=" ")  # noqa: T201 - for `pytest -s`


async def test_a_case_type_is_handed_to_8000_clinics_within_five_seconds(
    large: Region, small: Region
) -> None:
    tell(
        f"one distribution to {MANY} / {FEW} clinics", median(large.seconds), median(small.seconds)
    )

    assert median(large.seconds) <= 5


@pytest.mark.parametrize("what", SAME_FOR_ALL)
async def test_a_page_is_answered_by_index_and_as_fast_for_8000_clinics_as_for_80(
    large: Region, small: Region, what: str
) -> None:
    most, read = SAME_FOR_ALL[what]

    among_many, among_few = await timed(read, large, small)
    found = await large.cost(read)

    tell(what, among_many, among_few)
    assert found
    assert not any({"COLLSCAN", "SORT"} & cost.stages for cost in found), found
    assert sum(cost.documents for cost in found) <= most, found
    assert among_many < 0.1
    assert among_many <= 3 * among_few


@pytest.mark.parametrize("what", BY_WHAT_MATCHES)
async def test_what_some_of_8000_clinics_match_is_found_by_index(large: Region, what: str) -> None:
    most, read = BY_WHAT_MATCHES[what]

    [seconds] = await timed(read, large)
    found = await large.cost(read)

    tell(what, seconds)
    assert found
    assert not any("COLLSCAN" in cost.stages for cost in found), found
    assert sum(cost.documents for cost in found) <= most, found
    assert seconds < 0.1


async def test_the_check_before_a_distribution_to_all_clinics_takes_under_a_second(
    large: Region,
) -> None:
    store = large.store
    seconds = []
    for _ in range(5):
        begun = time.perf_counter()
        resolved = await resolve_clinics(
            store.database, ClinicSelector(filter=ClinicFilter()), STOCKHOLM, store.now()
        )
        holders = await store.assignments.holders(large.case_type.id, resolved.clinics)
        await store.listing.owned_by("CASE_TYPE", resolved.clinics)
        seconds.append(time.perf_counter() - begun)

    assert len(resolved.clinics) == len(holders) == MANY
    assert median(seconds) < 1


async def test_how_far_8000_clinics_have_taken_a_version_is_counted_in_a_twentieth_of_a_second(
    large: Region,
) -> None:
    async def read(region: Region) -> object:
        return await region.store.adoptions.of([AdoptionQuery(region.case_type.id, 1, None)])

    [seconds] = await timed(read, large)
    [found] = (
        await large.store.adoptions.of([AdoptionQuery(large.case_type.id, 1, None)])
    ).values()
    costs_of_it = await large.cost(read)

    tell("adoption", seconds)
    assert (found.unseen, found.by_version) == (MANY, [])
    assert sum(cost.documents for cost in costs_of_it) == 0, "answered by the index alone"
    assert seconds < 0.05


async def handed_out(region: Region) -> Mapping[str, int]:
    """What clinics have of the principal, with the versions in force."""
    return await region.store.documents.in_force(
        STOCKHOLM, await region.store.assignments.central_documents(STOCKHOLM)
    )


async def test_who_of_8000_clinics_lags_is_a_page_like_others(large: Region) -> None:
    in_force = await handed_out(large)

    [seconds] = await timed(lambda region: assignments(region, behind=in_force), large)

    tell("assignments that lag", seconds)
    assert len(in_force) == CASE_TYPES
    assert seconds < 0.1


async def few_lag(region: Region) -> Mapping[str, int]:
    """All but the last clinic have acknowledged what they have; the versions in force."""
    await region.store.database["assignments"].update_many(
        {"clinic": {"$ne": region.last}}, {"$set": {"acknowledged_version": 1}}
    )
    return await handed_out(region)


async def test_the_few_that_lag_among_8000_clinics_are_found_and_counted_without_reading_the_others(
    large: Region,
) -> None:
    in_force = await few_lag(large)
    which = AssignmentFilter(within=WITHIN, principal=STOCKHOLM, behind=in_force)

    page = await large.store.assignments.page(which, PAGE)
    [listing] = await timed(lambda region: region.store.assignments.page(which, PAGE), large)
    [counting] = await timed(lambda region: region.store.assignments.count(which), large)
    counted = await large.cost(lambda region: region.store.assignments.count(which))

    tell("the few that lag, listed and counted", listing, counting)
    assert {one.clinic for one in page.items} == {large.last}
    assert len(page.items) == await large.store.assignments.count(which) == CASE_TYPES
    assert sum(cost.documents for cost in counted) == CASE_TYPES
    assert listing < 0.1
    assert counting < 0.1


async def test_reports_on_8000_clinics_with_30_case_types_take_two_seconds_at_most(
    large: Region,
) -> None:
    in_force = await few_lag(large)
    holdings = large.store.reports.holdings
    central = AssignmentFilter(within=WITHIN, principal=STOCKHOLM, central_only=True)
    now = large.store.now()

    async def lagging(moment: datetime | None) -> None:
        found = await holdings.of(central, moment)
        await holdings.in_force(found, moment)

    async def times(region: Region) -> None:
        acknowledgement_times = region.store.reports.acknowledgement_times
        put = await acknowledgement_times.publications(
            STOCKHOLM, now - timedelta(days=1), now + timedelta(days=1), sorted(in_force), 201
        )
        intervals = await acknowledgement_times.held_intervals(put, WITHIN, None)
        delays = Delays()
        for one in put:
            measure(delays, one, intervals[one.document], {})

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
    for what, read in reads.items():
        [seconds] = await timed(read, large)
        tell(what, seconds)
        assert seconds <= 2, what

    edits = await large.cost(reads["edits per month"])
    assert sum(cost.documents for cost in edits) == 0, "answered by the index alone"
    by_clinic = await holdings.by_clinic(central, None)
    assert (len(by_clinic), {sum(counts.values()) for counts in by_clinic.values()}) == (
        MANY,
        {CASE_TYPES},
    )
