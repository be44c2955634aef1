"""Reports on clinics: their case types, the versions they have, and lagging clinics."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from resolvers.context import Context
from resolvers.reports.coverage import Coverage, sorted_page
from store.clinics.version_adoption import Adoption, VersionCount
from store.paging import Page, Paging
from store.records import AssignmentOrigin
from store.reports.holdings import Holding, PublishedVersion

_NEVER_ASSIGNED: Mapping[AssignmentOrigin, int] = {}


class ClinicCountOrder(StrEnum):
    """By clinic, or by the number of case types."""

    CLINIC_ASC = "CLINIC_ASC"
    MOST_FIRST = "MOST_FIRST"
    FEWEST_FIRST = "FEWEST_FIRST"


class BehindOrder(StrEnum):
    """By clinic, by the number of case types it is behind in, or by how long it is behind."""

    CLINIC_ASC = "CLINIC_ASC"
    MOST_FIRST = "MOST_FIRST"
    LONGEST_FIRST = "LONGEST_FIRST"


@dataclass(frozen=True, slots=True)
class ClinicCount:
    """The number of case types of a clinic (key), by the origin of the assignment."""

    clinic: str
    by_origin: Mapping[AssignmentOrigin, int]

    @property
    def case_types(self) -> int:
        """The number over all origins."""
        return sum(self.by_origin.values())


@dataclass(frozen=True, slots=True)
class CaseTypeCount:
    """The clinics that have a central case type, and their adoption of the published version.

    Attributes:
        document: The case type.
        version: The published version, if any.
        by_origin: The number of clinics by the origin of the assignment.
        adoption: The number of clinics by the version that they have acknowledged.
    """

    document: str
    version: int | None
    by_origin: Mapping[AssignmentOrigin, int]
    adoption: Adoption


@dataclass(frozen=True, slots=True)
class Behind:
    """The number of central case types that a clinic (key) is behind in.

    `since` is the earliest time at which it fell behind in any of them.
    """

    clinic: str
    case_types: int
    since: datetime


async def per_clinic(
    context: Context,
    what: Coverage,
    as_of: datetime | None,
    order: ClinicCountOrder,
    paging: Paging,
) -> Page[ClinicCount]:
    """A page of clinics with the number of case types that each has, or had at a moment.

    Clinics without case types are included.
    """
    which = what.assignments(context)
    if order is ClinicCountOrder.CLINIC_ASC:
        page = await context.store.clinics.page(what.of_clinics(), paging)
        keys = [clinic.key for clinic in page.items]
        counts = (
            await context.store.reports.holdings.by_clinic(replace(which, clinics=keys), as_of)
            if keys
            else {}
        )
        return Page(
            [ClinicCount(key, counts.get(key, _NEVER_ASSIGNED)) for key in keys],
            page.cursors,
            page.has_next,
            page.has_previous,
        )
    keys = await context.store.clinics.keys(what.of_clinics())
    counts = await context.store.reports.holdings.by_clinic(which, as_of)
    sign = -1 if order is ClinicCountOrder.MOST_FIRST else 1
    rows = [ClinicCount(key, counts.get(key, _NEVER_ASSIGNED)) for key in keys]
    return sorted_page(rows, lambda row: (sign * row.case_types, row.clinic), (int, str), paging)


async def count_clinics(context: Context, what: Coverage) -> int:
    """The number of clinics that a report covers."""
    return await context.store.clinics.count(what.of_clinics())


async def per_case_type(
    context: Context, what: Coverage, as_of: datetime | None
) -> Sequence[CaseTypeCount]:
    """The central case types that any clinic has, or had at a moment."""
    holdings = await context.store.reports.holdings.of(
        replace(what.assignments(context), central_only=True), as_of
    )
    published = await context.store.reports.holdings.in_force(holdings, as_of)
    by_document: dict[str, list[Holding]] = defaultdict(list)
    for holding in holdings:
        by_document[holding.document].append(holding)
    return [
        _counted(document, found, published[document]) for document, found in by_document.items()
    ]


def _counted(
    document: str, holdings: Sequence[Holding], published: PublishedVersion
) -> CaseTypeCount:
    by_origin: dict[AssignmentOrigin, int] = defaultdict(int)
    by_version: dict[int | None, int] = defaultdict(int)
    for holding in holdings:
        by_origin[holding.origin] += len(holding.clinics)
        by_version[holding.acknowledged] += len(holding.clinics)
    unseen = by_version.pop(None, 0)
    counts = [
        VersionCount(
            version,
            by_version[version],
            None if version == published.version else published.replaced.get(version),
        )
        for version in sorted(version for version in by_version if version is not None)
    ]
    return CaseTypeCount(document, published.version, by_origin, Adoption(counts, unseen))


def page_of_case_types(rows: Sequence[CaseTypeCount], paging: Paging) -> Page[CaseTypeCount]:
    """A page of case types, by the number of clinics, highest first."""
    return sorted_page(
        rows, lambda row: (-sum(row.by_origin.values()), row.document), (int, str), paging
    )


async def behind(context: Context, what: Coverage, as_of: datetime | None) -> Sequence[Behind]:
    """The lagging clinics, now or at a moment.

    A clinic lags if it has not acknowledged the published version of a central case type that it
    has. It lags since another version than the one it acknowledged was published; if it
    acknowledged none, since the case type was assigned.
    """
    holdings = await context.store.reports.holdings.of(
        replace(what.assignments(context), central_only=True), as_of
    )
    published = await context.store.reports.holdings.in_force(holdings, as_of)
    lagging = [
        holding
        for holding in holdings
        if holding.acknowledged != published[holding.document].version
    ]
    arrived = await context.store.reports.holdings.arrival_times(
        holding for holding in lagging if holding.acknowledged is None
    )
    counts: dict[str, int] = defaultdict(int)
    since: dict[str, datetime] = {}
    for holding in lagging:
        if holding.acknowledged is None:
            start = arrived[holding.principal, holding.arrival]
        else:
            start = published[holding.document].replaced[holding.acknowledged]
        for clinic in holding.clinics:
            counts[clinic] += 1
            if clinic not in since or start < since[clinic]:
                since[clinic] = start
    return [Behind(clinic, count, since[clinic]) for clinic, count in counts.items()]


def page_of_behind(rows: Sequence[Behind], order: BehindOrder, paging: Paging) -> Page[Behind]:
    """A page of lagging clinics."""
    if order is BehindOrder.CLINIC_ASC:
        return sorted_page(rows, lambda row: (row.clinic,), (str,), paging)
    if order is BehindOrder.MOST_FIRST:
        return sorted_page(rows, lambda row: (-row.case_types, row.clinic), (int, str), paging)
    return sorted_page(rows, lambda row: (row.since, row.clinic), (datetime, str), paging)
