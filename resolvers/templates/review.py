"""Which templates need a review, and why: not used, drifted far, not touched for long, behind, or
not taken over.

Read for all templates that are looked through at once, since the list can be in the order of what
is counted. What was made from them is read
level by level, their contents only to tell the drift, and that only once for each version.
"""

from calendar import monthrange
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from resolvers.context import Context
from resolvers.kinds import CASE_TYPE_TEMPLATE
from resolvers.templates import usage
from resolvers.templates.usage import Uses
from store.documents.listing import DocumentFilter
from store.errors import InvalidInput
from store.mongo.paging import Page, Paging, cut, decode, encode
from store.records import Document, OwnerKind, key_of
from store.templates.drift import Compared
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
    """The order of the list; equal ones by name."""

    NAME_ASC = "NAME_ASC"
    UPDATED_ASC = "UPDATED_ASC"
    DRIFT_DESC = "DRIFT_DESC"
    USES_ASC = "USES_ASC"
    BEHIND_DESC = "BEHIND_DESC"


@dataclass(frozen=True, slots=True)
class Wish:
    """Which templates need a review; `reasons` is None for any."""

    owner: str | None = None
    levels: Sequence[str] | None = None
    reasons: Sequence[ReviewReason] | None = None
    untouched_months: int = 12
    drift_at_least: int = 50


@dataclass(frozen=True, slots=True)
class TemplateDrift:
    """How far what was made from a template itself is from it, in per cent: on the average, and at
    most. `compared` documents were looked at.
    """

    compared: int
    average: int
    most: int


@dataclass(frozen=True, slots=True)
class Reviewed:
    """One template of the list; its key sorts it."""

    template: str
    uses: Uses
    drift: TemplateDrift
    reasons: Sequence[ReviewReason]
    key: tuple[int, str, str]


async def review(context: Context, wish: Wish, order: ReviewOrder) -> list[Reviewed]:
    """The templates that need a review, among those of the viewer's own principals and clinics; for
    the national management among all that it sees.

    Raises:
        InvalidInput: A bound is out of range, or there are too many templates to look through.
    """
    _check(wish)
    candidates = await _candidates(context, wish)
    found = await context.store.lineage.descendants(one.id for one in candidates)
    used = {one.id: usage.uses(context, found[one.id]) for one in candidates}
    drifts = await drift_of(context, used)
    before = months_before(context.store.now(), wish.untouched_months)
    reviewed = []
    for one in candidates:
        reasons = _reasons(one, used[one.id], drifts[one.id], wish, before)
        if reasons and (wish.reasons is None or set(reasons) & set(wish.reasons)):
            key = (_VALUES[order](one, used[one.id], drifts[one.id]), swedish(one.name), one.id)
            reviewed.append(Reviewed(one.id, used[one.id], drifts[one.id], reasons, key))
    return sorted(reviewed, key=lambda one: one.key)


async def page(
    context: Context, reviewed: Sequence[Reviewed], paging: Paging
) -> Page[tuple[Reviewed, Document]]:
    """A page of the list, with the templates themselves."""
    some = list(reviewed)
    if paging.after is not None:
        after = decode(paging.after, (int, str, str), "after")
        some = [one for one in some if one.key > after]
    some = some[: paging.limit + 1]
    loaded = await context.loaders.documents.load_many([one.template for one in some])
    both = [
        (one, document) for one, document in zip(some, loaded, strict=True) if document is not None
    ]
    return cut(both, [encode(one.key) for one, _ in both], paging)


def _check(wish: Wish) -> None:
    bounds = (
        ("untouchedMonths", wish.untouched_months, 1, _MAX_MONTHS),
        ("driftAtLeast", wish.drift_at_least, 1, 100),
    )
    for name, value, lowest, highest in bounds:
        if not lowest <= value <= highest:
            raise InvalidInput.at(
                ("filter", name), "OUT_OF_RANGE", f"Ange ett tal från {lowest} till {highest}."
            )


async def _candidates(context: Context, wish: Wish) -> list[Candidate]:
    owner_kind = None
    if wish.levels is not None and set(wish.levels) == {"LOCAL"}:
        owner_kind = OwnerKind.CLINIC
    elif wish.levels is not None and "LOCAL" not in wish.levels:
        owner_kind = OwnerKind.PRINCIPAL
    which = DocumentFilter(
        CASE_TYPE_TEMPLATE.name, owner=wish.owner and key_of(wish.owner), owner_kind=owner_kind
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
        one
        for one in found
        if wish.levels is None or usage.level_of(context, one.principal, one.owner) in wish.levels
    ]


async def drift_of(context: Context, used: Mapping[str, Uses]) -> Mapping[str, TemplateDrift]:
    """The drift of templates, from the hundred documents of each that changed last."""
    direct = {template: _compared(uses.counted) for template, uses in used.items()}
    known = await context.store.drifts.of(key for keys in direct.values() for key in keys)
    found = {}
    for template, keys in direct.items():
        shares = [known[key] for key in keys if key in known]
        average = round(sum(shares) / len(shares)) if shares else 0
        found[template] = TemplateDrift(len(shares), average, max(shares, default=0))
    return found


def _compared(counted: Sequence[Descendant]) -> list[Compared]:
    """What was made from the template itself, in force where anything is."""
    direct = sorted(
        (one for one in counted if one.depth == 1),
        key=lambda one: (one.updated_at, one.id),
        reverse=True,
    )
    return [(one.id, one.published or one.latest, one.hash) for one in direct[:MAX_COMPARED]]


def _reasons(
    one: Candidate, used: Uses, drift: TemplateDrift, wish: Wish, before: datetime
) -> list[ReviewReason]:
    holds = {
        ReviewReason.UNUSED: used.unused,
        ReviewReason.DRIFTED: drift.average >= wish.drift_at_least,
        ReviewReason.UNTOUCHED: one.changed_at < before,
        ReviewReason.BEHIND: one.behind,
        ReviewReason.NOT_TAKEN_OVER: used.behind > 0,
    }
    return [reason for reason, so in holds.items() if so]


_VALUES: Mapping[ReviewOrder, Callable[[Candidate, Uses, TemplateDrift], int]] = {
    ReviewOrder.NAME_ASC: lambda _one, _used, _drift: 0,
    ReviewOrder.UPDATED_ASC: lambda one, _used, _drift: round(one.changed_at.timestamp() * 1000),
    ReviewOrder.DRIFT_DESC: lambda _one, _used, drift: -drift.average,
    ReviewOrder.USES_ASC: lambda _one, used, _drift: len(used.counted),
    ReviewOrder.BEHIND_DESC: lambda _one, used, _drift: -used.behind,
}


def months_before(time: datetime, months: int) -> datetime:
    """The same time of day, so many calendar months earlier; on the month's last day where it has
    no such day.
    """
    year, month = divmod(time.year * 12 + time.month - 1 - months, 12)
    return time.replace(
        year=year, month=month + 1, day=min(time.day, monthrange(year, month + 1)[1])
    )


def swedish(name: str) -> str:
    """A name as Swedes sort it, as far as lists in hand need it: å, ä and ö last, case does not
    matter.
    """
    return name.lower().translate(_LAST)


_LAST = str.maketrans("åäö", "{|}")
