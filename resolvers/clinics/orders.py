"""The order of case types on clinics' pages: who may set it, and where."""

from collections.abc import Sequence
from dataclasses import dataclass

from resolvers.access import decisions
from resolvers.access.decisions import Permission
from resolvers.clinics import clinics, principals
from resolvers.clinics.selectors import require_group
from resolvers.context import Context
from store.documents.scopes import Visibility
from store.errors import InvalidInput, Problem
from store.mongo.transactions import IdempotencyKey
from store.records import OrderedList, Saved

MAX_ORDERED = 1_000


@dataclass(frozen=True, slots=True)
class Target:
    """Whose pages are ordered: exactly one."""

    clinic: str | None = None
    group: str | None = None
    principal: str | None = None


@dataclass(frozen=True, slots=True)
class _Place:
    principal: str
    target: str
    clinic: str | None = None
    group: str | None = None


async def save(
    context: Context,
    on: Target,
    which: OrderedList,
    order: Sequence[str],
    *,
    note: str | None,
    key: IdempotencyKey | None,
) -> Saved:
    """Set the order of case types on one clinic's pages, those of a group's clinics, or all of a
    principal's.

    Raises:
        NotFound: There is no such clinic, group, principal or case type.
        NotPermitted: The viewer may not order there.
        InvalidInput: A case type stands twice, or is none of that principal's.
    """
    place = await _place(context, on)
    held = decisions.require_at(
        context.rights, Permission.ORDER, place.principal, place.clinic, ("on",)
    )
    if len(order) > MAX_ORDERED:
        raise InvalidInput.at(("order",), "TOO_MANY", f"Högst {MAX_ORDERED} ärendetyper.")
    problems = []
    found = await context.loaders.documents.load_many(list(order))
    for index, document in enumerate(found):
        unknown = (
            document is None
            or document.kind != "CASE_TYPE"
            or context.rights.visibility(document) is Visibility.NOTHING
        )
        if unknown or document is None or document.principal != place.principal:
            problems.append(
                Problem(
                    "UNKNOWN_CASE_TYPE",
                    "Ärendetypen finns inte hos huvudmannen.",
                    ("order", str(index)),
                )
            )
        elif order[index] in order[:index]:
            problems.append(
                Problem(
                    "DUPLICATE_VALUE",
                    "Ärendetypen står redan tidigare i ordningen.",
                    ("order", str(index)),
                )
            )
    if problems:
        raise InvalidInput(problems)
    return await context.store.orders.save(
        place.principal,
        place.target,
        which,
        order,
        clinic=place.clinic,
        group=place.group,
        act=context.act(held, note),
        key=key,
    )


async def _place(context: Context, on: Target) -> _Place:
    if on.clinic is not None:
        clinic = await clinics.require(context, on.clinic, ("on", "clinic"))
        return _Place(clinic.principal, clinic.id, clinic=clinic.key)
    if on.group is not None:
        group = await require_group(context, on.group, ("on", "group"))
        return _Place(group.principal, group.id, group=group.id)
    principal = principals.require(context, on.principal or "", ("on", "principal"))
    return _Place(principal.key, principal.id)
