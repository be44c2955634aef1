"""Review of templates: which ones need a review, and why.

The list can be sorted by counts, so the data of all candidates is read at once. Their descendants
are read level by level. Contents are read only to compute the drift, once for each version.
"""

from calendar import monthrange
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from resolvers.context import Context
from resolvers.kinds.case_types import CASE_TYPE_TEMPLATE
from resolvers.templates import usage
from resolvers.templates.usage import Uses
from store.documents.listing import DocumentFilter
from store.errors import InvalidInput
from store.paging import Page, Paging, cut, decode, encode
from store.records import Document, OwnerKind, key_of
from store.templates.drift import DriftKey
from store.templates.lineage import Candidate, Descendant

MAX_REVIEWED = 2_000
MAX_COMPARED = 100
_MAX_MONTHS = 1_200


class ReviewReason(StrEnum):
    """Why a template needs a review."""

    UNUSED = "UNUSED"
    DRIFTED = "DRIFTED"
    UNTOUCHED = "UNTOUCHED"
    BEHIND = "BEHIND"
    NOT_TAKEN_OVER = "NOT_TAKEN_OVER"


class ReviewOrder(StrEnum):
    """The order of the list, then by name."""

    NAME_ASC = "NAME_ASC"
    UPDATED_ASC = "UPDATED_ASC"
    DRIFT_DESC = "DRIFT_DESC"
    USES_ASC = "USES_ASC"
    BEHIND_DESC = "BEHIND_DESC"


@dataclass(frozen=True, slots=True)
class TemplateReviewCriteria:
    """Which templates to list.

    Attributes:
        owner: The HSA-id of their owner; None for all.
        levels: The levels of their owners; None for all.
        reasons: Any of these reasons; None for any reason.
        untouched_months: After how many months without a change a template is `UNTOUCHED`.
        drift_at_least: From which average drift, in percent, a template is `DRIFTED`.
    """

    owner: str | None = None
    levels: Sequence[str] | None = None
    reasons: Sequence[ReviewReason] | None = None
    untouched_months: int = 12
    drift_at_least: int = 50


@dataclass(frozen=True, slots=True)
class TemplateDrift:
    """The drift of the documents made directly from a template.

    Attributes:
        compared: The number of documents compared.
        average: The average drift, in percent.
        most: The highest drift, in percent.
    """

    compared: int
    average: int
    most: int


@dataclass(frozen=True, slots=True)
class Reviewed:
    """A template of the list; the list is sorted by `key`."""

    template: str
    uses: Uses
    drift: TemplateDrift
    reasons: Sequence[ReviewReason]
    key: tuple[int, str, str]


async def review(
    context: Context, criteria: TemplateReviewCriteria, order: ReviewOrder
) -> list[Reviewed]:
    """The templates that need a review, sorted.

    The candidates are the templates of the viewer's own principals and clinics; for national roles,
    all templates that they see.

    Raises:
        InvalidInput: A bound is out of range, or there are over 2,000 candidates.
    """
    _check(criteria)
    candidates = await _candidates(context, criteria)
    found = await context.store.lineage.descendants(template.id for template in candidates)
    used = {template.id: usage.uses(context, found[template.id]) for template in candidates}
    drifts = await drift_of(context, used)
    before = months_before(context.store.now(), criteria.untouched_months)
    reviewed = []
    for template in candidates:
        uses, drift = used[template.id], drifts[template.id]
        reasons = _reasons(template, uses, drift, criteria, before)
        if reasons and (criteria.reasons is None or set(reasons) & set(criteria.reasons)):
            value = _SORT_VALUES[order](template, uses, drift)
            key = (value, swedish(template.name), template.id)
            reviewed.append(Reviewed(template.id, uses, drift, reasons, key))
    return sorted(reviewed, key=lambda entry: entry.key)


async def page(
    context: Context, reviewed: Sequence[Reviewed], paging: Paging
) -> Page[tuple[Reviewed, Document]]:
    """A page of the list, with the templates themselves."""
    entries = list(reviewed)
    if paging.after is not None:
        after = decode(paging.after, (int, str, str), "after")
        entries = [entry for entry in entries if entry.key > after]
    entries = entries[: paging.limit + 1]
    loaded = await context.loaders.documents.load_many([entry.template for entry in entries])
    rows = [
        (entry, document)
        for entry, document in zip(entries, loaded, strict=True)
        if document is not None
    ]
    return cut(rows, [encode(entry.key) for entry, _ in rows], paging)


def _check(criteria: TemplateReviewCriteria) -> None:
    bounds = (
        ("untouchedMonths", criteria.untouched_months, 1, _MAX_MONTHS),
        ("driftAtLeast", criteria.drift_at_least, 1, 100),
    )
    for name, value, lowest, highest in bounds:
        if not lowest <= value <= highest:
            raise InvalidInput.at(
                ("filter", name), "OUT_OF_RANGE", f"Ange ett tal från {lowest} till {highest}."
            )


async def _candidates(context: Context, criteria: TemplateReviewCriteria) -> list[Candidate]:
    owner_kind = None
    if criteria.levels is not None and set(criteria.levels) == {"LOCAL"}:
        owner_kind = OwnerKind.CLINIC
    elif criteria.levels is not None and "LOCAL" not in criteria.levels:
        owner_kind = OwnerKind.PRINCIPAL
    which = DocumentFilter(
        CASE_TYPE_TEMPLATE.name,
        owner=criteria.owner and key_of(criteria.owner),
        owner_kind=owner_kind,
    )
    found = await context.store.lineage.candidates(
        which, context.rights.scope, context.rights.clinics(), limit=MAX_REVIEWED + 1
    )
    if len(found) > MAX_REVIEWED:
        raise InvalidInput.at(
            ("filter",),
            "TOO_MANY",
            f"Högst {MAX_REVIEWED} mallar gås igenom åt gången. Välj ägare eller nivå.",
        )
    return [
        template
        for template in found
        if criteria.levels is None
        or usage.level_of(context, template.principal, template.owner) in criteria.levels
    ]


async def drift_of(context: Context, used: Mapping[str, Uses]) -> Mapping[str, TemplateDrift]:
    """The drift of templates, from the 100 documents of each that changed last."""
    direct = {template: _compared(uses.counted) for template, uses in used.items()}
    known = await context.store.drifts.of(key for keys in direct.values() for key in keys)
    found = {}
    for template, keys in direct.items():
        shares = [known[key] for key in keys if key in known]
        average = round(sum(shares) / len(shares)) if shares else 0
        found[template] = TemplateDrift(len(shares), average, max(shares, default=0))
    return found


def _compared(counted: Sequence[Descendant]) -> list[DriftKey]:
    """The versions to compare: documents made directly from the template.

    The published version is compared, or the newest where none is published.
    """
    direct = sorted(
        (descendant for descendant in counted if descendant.depth == 1),
        key=lambda descendant: (descendant.updated_at, descendant.id),
        reverse=True,
    )
    return [
        (descendant.id, descendant.published or descendant.latest, descendant.hash)
        for descendant in direct[:MAX_COMPARED]
    ]


def _reasons(
    template: Candidate,
    uses: Uses,
    drift: TemplateDrift,
    criteria: TemplateReviewCriteria,
    before: datetime,
) -> list[ReviewReason]:
    holds = {
        ReviewReason.UNUSED: uses.unused,
        ReviewReason.DRIFTED: drift.average >= criteria.drift_at_least,
        ReviewReason.UNTOUCHED: template.changed_at < before,
        ReviewReason.BEHIND: template.behind,
        ReviewReason.NOT_TAKEN_OVER: uses.behind > 0,
    }
    return [reason for reason, applies in holds.items() if applies]


_SORT_VALUES: Mapping[ReviewOrder, Callable[[Candidate, Uses, TemplateDrift], int]] = {
    ReviewOrder.NAME_ASC: lambda _template, _uses, _drift: 0,
    ReviewOrder.UPDATED_ASC: lambda template, _uses, _drift: round(
        template.changed_at.timestamp() * 1000
    ),
    ReviewOrder.DRIFT_DESC: lambda _template, _uses, drift: -drift.average,
    ReviewOrder.USES_ASC: lambda _template, uses, _drift: len(uses.counted),
    ReviewOrder.BEHIND_DESC: lambda _template, uses, _drift: -uses.behind,
}


def months_before(time: datetime, months: int) -> datetime:
    """The time a number of calendar months earlier, at that time of day.

    If that month has no such day, the last day of the month is used.
    """
    year, month = divmod(time.year * 12 + time.month - 1 - months, 12)
    return time.replace(
        year=year, month=month + 1, day=min(time.day, monthrange(year, month + 1)[1])
    )


def swedish(name: str) -> str:
    """The sort key of a name in Swedish order: å, ä and ö last, case-insensitive.

    Only for lists that are sorted in memory.
    """
    return name.lower().translate(_SORTED_LAST)


_SORTED_LAST = str.maketrans("åäö", "{|}")
