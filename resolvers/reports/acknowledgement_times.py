"""How long clinics take to acknowledge what is put in force."""

import asyncio
from array import array
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from statistics import median

from resolvers.access.permissions import Permission
from resolvers.clinics.selections import group_of
from resolvers.context import Context
from resolvers.reports.coverage import Coverage, require_period
from store.clinics.filters import Reach
from store.errors import InvalidInput, NotPermitted
from store.records import ClinicGroup
from store.reports.acknowledgement_times import Delays, Publication, Read, Told, measure

MAX_PUBLICATIONS = 200
MAX_GROUPS = 20
_HOUR = 3_600_000
BOUNDS_IN_HOURS = (1, 24, 72, 168, 336, 720)
"""The upper bounds of a histogram's bars: an hour, one day, three, seven, fourteen and thirty days.
"""


@dataclass(frozen=True, slots=True)
class Measured:
    """The publications of a period, who was told of each, and what they have acknowledged."""

    publications: Sequence[Publication]
    told: Mapping[str, Sequence[Told]]
    read: Mapping[str, Mapping[str, Read]]


@dataclass(frozen=True, slots=True)
class Summary:
    """Seconds from a publication to its acknowledgement.

    The histogram counts by `BOUNDS_IN_HOURS`, the last above the highest.
    """

    acknowledged: int
    pending: int
    median: float | None
    p90: float | None
    histogram: Sequence[int]


async def measured(
    context: Context, what: Coverage, since: datetime, until: datetime | None, case_type: str | None
) -> Measured:
    """What the clinics whose inboxes the viewer reads were told of in a period: central case types
    that were put in force.

    Raises:
        NotPermitted: The viewer reads no inbox there.
        InvalidInput: The period is none; or there are too many publications in it.
    """
    end = require_period(context, since, until)
    reach, principals = _inboxes(context, what)
    readings = context.store.reports.readings
    found = Measured([], {}, {})
    for principal in principals:
        documents = await context.store.reports.texts.central("CASE_TYPE", principal, case_type)
        most = MAX_PUBLICATIONS + 1 - len(found.publications)
        publications = await readings.publications(principal, since, end, documents, most)
        if len(publications) == most:
            raise InvalidInput.at(
                ("from",),
                "TOO_MANY",
                f"Högst {MAX_PUBLICATIONS} publiceringar åt gången: ange en kortare period.",
            )
        if publications:
            told = await readings.told(publications, reach, what.clinics)
            clinics = {
                clinic for parts in told.values() for part in parts for clinic in part.clinics
            }
            read = await readings.read(clinics, publications[0].sequence)
            found = Measured(
                [*found.publications, *publications],
                {**found.told, **told},
                {**found.read, principal: read},
            )
    return found


def _inboxes(context: Context, what: Coverage) -> tuple[Reach, Sequence[str]]:
    """The clinics whose inboxes the viewer reads, not all of those that the national management
    reads; and their principals.
    """
    held = [one for one in context.rights.held if Permission.READ_INBOX in one.permissions]
    here = [one for one in held if what.principal is None or one.principal == what.principal.key]
    if not here:
        raise NotPermitted(
            "Du har inte behörighet att läsa mottagningarnas aviseringar.", ("principal",)
        )
    reach = Reach(
        principals=frozenset(one.principal for one in here if one.clinic is None),
        clinics=frozenset(one.clinic for one in here if one.clinic is not None),
    )
    return reach, sorted({one.principal for one in here})


async def by_case_type(found: Measured) -> Mapping[str, Summary]:
    """By case type that was published, in the order of their ids."""
    delays: dict[str, Delays] = {}
    for one in found.publications:
        measure(
            delays.setdefault(one.document, Delays()),
            one,
            found.told.get(one.document, ()),
            found.read[one.principal],
        )
        await asyncio.sleep(
            0
        )  # one publication may concern thousands of clinics: others are served in between
    return {document: summary([delays[document]]) for document in sorted(delays)}


async def in_all(found: Measured, among: frozenset[str] | None = None) -> Summary:
    """Of all case types together; of some clinics only, where they are named."""
    delays = Delays()
    for one in found.publications:
        measure(delays, one, found.told.get(one.document, ()), found.read[one.principal], among)
        await asyncio.sleep(0)
    return summary([delays])


async def by_group(
    context: Context, found: Measured, groups: Sequence[str]
) -> Sequence[tuple[ClinicGroup, Summary]]:
    """Of the clinics that are in each group now, in the order asked for.

    Raises:
        NotFound: One of the groups does not exist, or the viewer may not know of it.
        InvalidInput: Too many, or none.
    """
    if not 1 <= len(groups) <= MAX_GROUPS:
        raise InvalidInput.at(("groups",), "OUT_OF_RANGE", f"Ange 1 till {MAX_GROUPS} grupper.")
    known = [
        await group_of(context, group, ("groups", str(index))) for index, group in enumerate(groups)
    ]
    members = [
        frozenset(await context.store.clinics.keys(context.store.groups.filter_of(group)))
        for group in known
    ]
    return [
        (group, await in_all(found, among)) for group, among in zip(known, members, strict=True)
    ]


def summary(parts: Iterable[Delays]) -> Summary:
    """The figures of some delays: the median (the mean of the middle two of an even number), and
    the 90th percentile by nearest rank.
    """
    taken, pending = array("q"), 0
    for part in parts:
        taken.extend(part.taken)
        pending += part.pending
    ordered = sorted(taken)
    places = [0, *(bisect_right(ordered, hours * _HOUR) for hours in BOUNDS_IN_HOURS), len(ordered)]
    return Summary(
        acknowledged=len(ordered),
        pending=pending,
        median=median(ordered) / 1_000 if ordered else None,
        p90=ordered[-(-9 * len(ordered) // 10) - 1] / 1_000 if ordered else None,
        histogram=[high - low for low, high in pairwise(places)],
    )
