"""Sets the order of case types on clinics' pages, where the viewer may."""

from collections.abc import Sequence
from dataclasses import dataclass

from resolvers.access import decisions
from resolvers.access.permissions import Permission
from resolvers.clinics import clinics, principals
from resolvers.clinics.selectors import require_group
from resolvers.context import Context
from store.documents.scopes import Visibility
from store.errors import InvalidInput, Problem
from store.idempotency import IdempotencyKey
from store.records import OrderedList, Saved

MAX_ORDERED = 1_000


@dataclass(frozen=True, slots=True)
class OrderTarget:
    """The pages that an order is for, as the caller names them: exactly one.

    Attributes:
        clinic: HSA-id.
        group: Id.
        principal: HSA-id.
    """

    clinic: str | None = None
    group: str | None = None
    principal: str | None = None


@dataclass(frozen=True, slots=True)
class _ResolvedTarget:
    """Keys of the records behind a target, and the id under which the order is stored."""

    principal: str
    id: str
    clinic: str | None = None
    group: str | None = None


async def save(
    context: Context,
    target: OrderTarget,
    which: OrderedList,
    order: Sequence[str],
    *,
    note: str | None,
    key: IdempotencyKey | None,
) -> Saved:
    """Set the order of case types for a clinic, for the clinics of a group, or for a principal.

    Args:
        context: The caller's.
        target: The pages to order.
        which: Start page or contact card.
        order: Ids of case types, from the top, at most 1,000; empty to remove the order.
        note: Why.
        key: Makes a retry safe.

    Raises:
        NotFound: There is no such clinic, group or principal.
        NotPermitted: The viewer may not order there.
        InvalidInput: Too many case types; one is a duplicate, or does not belong to the principal.
    """
    resolved = await _resolve(context, target)
    held = decisions.require_at(
        context.rights, Permission.ORDER, resolved.principal, resolved.clinic, ("on",)
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
        if unknown or document is None or document.principal != resolved.principal:
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
        resolved.principal,
        resolved.id,
        which,
        order,
        clinic=resolved.clinic,
        group=resolved.group,
        act=context.act(held, note),
        key=key,
    )


async def _resolve(context: Context, target: OrderTarget) -> _ResolvedTarget:
    if target.clinic is not None:
        clinic = await clinics.require(context, target.clinic, ("on", "clinic"))
        return _ResolvedTarget(clinic.principal, clinic.id, clinic=clinic.key)
    if target.group is not None:
        group = await require_group(context, target.group, ("on", "group"))
        return _ResolvedTarget(group.principal, group.id, group=group.id)
    principal = principals.require(context, target.principal or "", ("on", "principal"))
    return _ResolvedTarget(principal.key, principal.id)
