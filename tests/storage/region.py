"""A region whose clinics all have its case types, and reads of it."""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from statistics import median
from uuid import uuid4

from pymongo import AsyncMongoClient

from resolvers.kinds.registrations import KINDS
from resolvers.reference.principals import reference_principals
from store.clinics.assignments import AssignmentFilter
from store.clinics.clinics import ClinicRow
from store.clinics.filters import ClinicFilter, ClinicScope
from store.clinics.selectors import ClinicSelector
from store.mongo.connection import Database, Row
from store.mongo.indexes import create_indexes
from store.paging import Paging
from store.records import Clinic, ClinicRule, Document
from store.registry import Store
from tests.storage.building import BY_ANNA, STOCKHOLM, published
from tests.storage.watching import Cost, Watch, costs, watched

MANY, FEW = 8_000, 80


CASE_TYPES = 30


NAMES = ("Björken", "Linden", "Eken", "Almen", "Asken", "Tallen", "Granen", "Häggen")


KINDS_OF_CARE = ("1502", "1504", "1112", "1324")


WITHIN = ClinicScope(frozenset({STOCKHOLM}), frozenset())


PAGE = Paging(limit=50)


REGIONS = AssignmentFilter(within=WITHIN, principal=STOCKHOLM)


def clinic_row(number: int) -> ClinicRow:
    """A clinic; each name is that of an eighth of the clinics, each kind of care of a quarter."""
    name = f"Vårdcentralen {NAMES[number % len(NAMES)]} {number}"
    values = {
        "name": name,
        "business_classifications": [KINDS_OF_CARE[number % len(KINDS_OF_CARE)]],
    }
    return ClinicRow(number, f"{STOCKHOLM}-{number:04X}", values)


@dataclass(frozen=True)
class Region:
    """A region whose clinics have all its case types, and the seconds of each distribution."""

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
            started_at = time.perf_counter()
            saved = await store.distribution.distribute(
                case_type, ClinicSelector(filter=ClinicFilter()), act=BY_ANNA
            )
            seconds.append(time.perf_counter() - started_at)
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

    async def close(self) -> None:
        await self.store.log.close()
        await self.client.drop_database(self.store.database.name)
        await self.client.close()


Read = Callable[[Region], Awaitable[object]]


def assignments(
    region: Region, paging: Paging = PAGE, sequence: int | None = None, **filters: object
) -> Awaitable[object]:
    """A page of the region's list."""
    assignment_filter = AssignmentFilter(within=WITHIN, principal=STOCKHOLM, **filters)  # type: ignore[arg-type]
    return region.store.assignments.page(assignment_filter, paging, sequence)


def clinics(region: Region, **filters: object) -> Awaitable[object]:
    """A page of the region's clinics."""
    return region.store.clinics.page(ClinicFilter(within=WITHIN, **filters), PAGE)  # type: ignore[arg-type]


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


async def timed(read: Read, *regions: Region) -> list[float]:
    """The median seconds of a read in each region.

    The regions alternate, so that all run under the same load.
    """
    seconds: list[list[float]] = [[] for _ in regions]
    for _ in range(15):
        for times, region in zip(seconds, regions, strict=True):
            started_at = time.perf_counter()
            await read(region)
            times.append(time.perf_counter() - started_at)
    return [median(times) for times in seconds]


def print_figures(measured: str, *seconds: float) -> None:
    milliseconds = " / ".join(f"{second * 1000:.1f}" for second in seconds)
    print(f"\n{measured}: {milliseconds} ms", end=" ")  # noqa: T201 - for `pytest -s`
