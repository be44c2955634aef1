"""The times that clinics take to acknowledge published versions."""

import asyncio
from array import array
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from statistics import median

from resolvers.access.permissions import Permission
from resolvers.clinics.selectors import require_group
from resolvers.context import Context
from resolvers.reports.coverage import Coverage, require_period
from store.clinics.filters import ClinicScope
from store.errors import InvalidInput, NotPermitted
from store.records import ClinicGroup
from store.reports.acknowledgement_times import (
    ClinicAcknowledgements,
    Delays,
    HeldInterval,
    PublicationEvent,
    measure,
)

MAX_PUBLICATIONS = 200
MAX_GROUPS = 20
_HOUR_IN_MS = 3_600_000
BOUNDS_IN_HOURS = (1, 24, 72, 168, 336, 720)
"""The upper bounds of the histogram: one hour; one, three, seven, fourteen and thirty days."""


@dataclass(frozen=True, slots=True)
class AcknowledgementData:
    """The publications of a period, with their recipients and acknowledgements.

    Attributes:
        publications: The publications.
        intervals: The clinics that were notified, by document.
        acknowledgements: Of each clinic, by principal and clinic.
    """

    publications: Sequence[PublicationEvent]
    intervals: Mapping[str, Sequence[HeldInterval]]
    acknowledgements: Mapping[str, Mapping[str, ClinicAcknowledgements]]


@dataclass(frozen=True, slots=True)
class DelaySummary:
    """The times from publications to their acknowledgements, in seconds.

    Attributes:
        acknowledged: The number of acknowledgements.
        pending: The number of missing acknowledgements.
        median: The median time; None without acknowledgements.
        p90: The 90th percentile; None without acknowledgements.
        histogram: The acknowledgements by `BOUNDS_IN_HOURS`; the last count is above the highest.
    """

    acknowledged: int
    pending: int
    median: float | None
    p90: float | None
    histogram: Sequence[int]


async def read(
    context: Context, what: Coverage, since: datetime, until: datetime | None, case_type: str | None
) -> AcknowledgementData:
    """Read the publications of central case types in a period, and their acknowledgements.

    Only clinics whose inboxes the viewer may read are included.

    Raises:
        NotPermitted: The viewer may read no inbox there.
        InvalidInput: The period is invalid, or has over 200 publications.
    """
    end = require_period(context, since, until)
    reach, principals = _inboxes(context, what)
    times = context.store.reports.acknowledgement_times
    data = AcknowledgementData([], {}, {})
    for principal in principals:
        documents = await context.store.reports.authoring.published_ids(
            "CASE_TYPE", principal, case_type
        )
        limit = MAX_PUBLICATIONS + 1 - len(data.publications)
        publications = await times.publications(principal, since, end, documents, limit)
        if len(publications) == limit:
            raise InvalidInput.at(
                ("from",),
                "TOO_MANY",
                f"Högst {MAX_PUBLICATIONS} publiceringar åt gången: ange en kortare period.",
            )
        if publications:
            intervals = await times.held_intervals(publications, reach, what.clinics)
            clinics = {
                clinic for parts in intervals.values() for part in parts for clinic in part.clinics
            }
            acknowledged = await times.acknowledgements(clinics, publications[0].sequence)
            data = AcknowledgementData(
                [*data.publications, *publications],
                {**data.intervals, **intervals},
                {**data.acknowledgements, principal: acknowledged},
            )
    return data


def _inboxes(context: Context, what: Coverage) -> tuple[ClinicScope, Sequence[str]]:
    """The clinics whose inboxes the viewer may read through its own roles, and their principals.

    National roles give no access to the inboxes of other principals' clinics.
    """
    roles = [
        role
        for role in context.rights.held
        if Permission.READ_INBOX in role.permissions
        and (what.principal is None or role.principal == what.principal.key)
    ]
    if not roles:
        raise NotPermitted(
            "Du har inte behörighet att läsa mottagningarnas aviseringar.", ("principal",)
        )
    reach = ClinicScope(
        principals=frozenset(role.principal for role in roles if role.clinic is None),
        clinics=frozenset(role.clinic for role in roles if role.clinic is not None),
    )
    return reach, sorted({role.principal for role in roles})


async def by_case_type(data: AcknowledgementData) -> Mapping[str, DelaySummary]:
    """The summary of each published case type, in the order of their ids."""
    delays: dict[str, Delays] = {}
    for publication in data.publications:
        measure(
            delays.setdefault(publication.document, Delays()),
            publication,
            data.intervals.get(publication.document, ()),
            data.acknowledgements[publication.principal],
        )
        # A publication can concern thousands of clinics: yield to the event loop.
        await asyncio.sleep(0)
    return {document: summary([delays[document]]) for document in sorted(delays)}


async def overall(data: AcknowledgementData, clinics: frozenset[str] | None = None) -> DelaySummary:
    """The summary over all case types, for `clinics` (keys) only; None for all clinics."""
    delays = Delays()
    for publication in data.publications:
        measure(
            delays,
            publication,
            data.intervals.get(publication.document, ()),
            data.acknowledgements[publication.principal],
            clinics,
        )
        await asyncio.sleep(0)
    return summary([delays])


async def by_group(
    context: Context, data: AcknowledgementData, groups: Sequence[str]
) -> Sequence[tuple[ClinicGroup, DelaySummary]]:
    """The summary of each group, by its current members, in the order of the argument.

    Raises:
        NotFound: One of the groups does not exist, or the viewer may not know of it.
        InvalidInput: There are no groups, or over 20.
    """
    if not 1 <= len(groups) <= MAX_GROUPS:
        raise InvalidInput.at(("groups",), "OUT_OF_RANGE", f"Ange 1 till {MAX_GROUPS} grupper.")
    known = [
        await require_group(context, group, ("groups", str(index)))
        for index, group in enumerate(groups)
    ]
    members = [
        frozenset(await context.store.clinics.keys(context.store.groups.filter_of(group)))
        for group in known
    ]
    return [
        (group, await overall(data, clinics)) for group, clinics in zip(known, members, strict=True)
    ]


def summary(parts: Iterable[Delays]) -> DelaySummary:
    """Summarise delays.

    The median is the mean of the middle two for an even number. The 90th percentile is by nearest
    rank.
    """
    taken, pending = array("q"), 0
    for part in parts:
        taken.extend(part.taken)
        pending += part.pending
    ordered = sorted(taken)
    ranks = [
        0,
        *(bisect_right(ordered, hours * _HOUR_IN_MS) for hours in BOUNDS_IN_HOURS),
        len(ordered),
    ]
    return DelaySummary(
        acknowledged=len(ordered),
        pending=pending,
        median=median(ordered) / 1_000 if ordered else None,
        p90=ordered[-(-9 * len(ordered) // 10) - 1] / 1_000 if ordered else None,
        histogram=[high - low for low, high in pairwise(ranks)],
    )
