"""The coverage of reports: clinics and documents that the viewer may read, and periods."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from resolvers.clinics import principals
from resolvers.clinics.selectors import ClinicCriteria, clinic_filter
from resolvers.context import Context
from store.clinics.assignments import AssignmentFilter
from store.clinics.filters import ClinicFilter, ClinicScope
from store.errors import InvalidInput
from store.paging import Key, Page, Paging, decode, encode
from store.records import Principal
from store.reports.authoring import ReportScope

T = TypeVar("T")

MAX_PERIOD = timedelta(days=1_830)


@dataclass(frozen=True, slots=True)
class Coverage:
    """The clinics that a report covers.

    Attributes:
        principal: Only clinics of this principal; None for all principals.
        clinics: Only these clinics (sorted keys); None for all.
        reach: The clinics that the viewer may read; None for all.
    """

    principal: Principal | None
    clinics: Sequence[str] | None
    reach: ClinicScope | None

    def assignments(self, context: Context) -> AssignmentFilter:
        """The assignments of these clinics; central ones only for viewers who read all clinics."""
        within = self.reach or ClinicScope(frozenset(context.principals), frozenset())
        principal = self.principal.key if self.principal else None
        return AssignmentFilter(
            within=within,
            principal=principal,
            clinics=self.clinics,
            central_only=self.reach is None,
        )

    def of_clinics(self) -> ClinicFilter:
        """The filter for the clinics themselves."""
        return ClinicFilter(
            within=self.reach,
            principal=self.principal.key if self.principal else None,
            keys=self.clinics,
        )

    def documents(self, context: Context, *, of_clinics: bool) -> ReportScope:
        """The documents there that the viewer sees; with `of_clinics`, only of these clinics."""
        principals = [self.principal.key] if self.principal else sorted(context.principals)
        return ReportScope(principals, self.clinics if of_clinics else None, context.rights.scope)


async def coverage(
    context: Context, principal: str | None, clinics: ClinicCriteria | None
) -> Coverage:
    """Resolve the coverage of a report.

    Raises:
        NotFound: There is no such principal, or no such group or clinic in the filter.
    """
    found = principals.require(context, principal) if principal is not None else None
    chosen = Coverage(found, None, context.rights.clinics())
    if clinics is None:
        return chosen
    which = await clinic_filter(context, clinics, ("clinics",))
    keys = await context.store.clinics.keys(
        ClinicFilter(principal=found.key if found else None, also=(which,))
    )
    return Coverage(found, keys, chosen.reach)


def require_period(context: Context, since: datetime, until: datetime | None) -> datetime:
    """Refuse a period that ends before it starts, or is longer than 1,830 days.

    Returns:
        The end of the period; the current time if `until` is None.

    Raises:
        InvalidInput: The period is invalid.
    """
    end = until or context.store.now()
    if not since < end:
        message = (
            "Perioden måste sluta efter att den har börjat."
            if until
            else "Perioden slutar nu, och kan inte börja senare."
        )
        raise InvalidInput.at(("to" if until else "from",), "OUT_OF_RANGE", message)
    if end - since > MAX_PERIOD:
        raise InvalidInput.at(("from",), "OUT_OF_RANGE", "Perioden får vara högst fem år.")
    return end


def sorted_page(
    rows: Iterable[T], key: Callable[[T], Key], shape: tuple[type, ...], paging: Paging
) -> Page[T]:
    """A forward page of rows in memory, sorted by a unique key that the cursors contain.

    Args:
        rows: All rows of the list.
        key: Returns the key of a row: strings, integers and times.
        shape: The types of the key.
        paging: The page.

    Raises:
        InvalidInput: The cursor does not belong to this list.
    """
    after = decode(paging.after, shape, "after") if paging.after is not None else None
    ordered = sorted(((key(row), row) for row in rows), key=lambda pair: pair[0])
    start = 0 if after is None else sum(row_key <= after for row_key, _ in ordered)
    page = ordered[start : start + paging.limit]
    return Page(
        [row for _, row in page],
        [encode(row_key) for row_key, _ in page],
        start + paging.limit < len(ordered),
        start > 0,
    )
