"""Policies of principals for their clinics: who may read and change them."""

from collections.abc import Mapping
from typing import Any

from resolvers.access import decisions
from resolvers.access.permissions import Permission
from resolvers.access.viewer import ACR_LEVELS
from resolvers.clinics import principals
from resolvers.context import Context
from store.errors import InvalidInput
from store.idempotency import IdempotencyKey
from store.records import Principal, PrincipalPolicies, Saved


async def get(context: Context, principal: Principal) -> PrincipalPolicies | None:
    """A principal's policies; None for a viewer without a role there."""
    return (
        await context.store.policies.of(principal.key)
        if context.rights.belongs_to(principal.key)
        else None
    )


async def save(
    context: Context,
    principal: str,
    changes: Mapping[str, Any],
    *,
    note: str | None,
    key: IdempotencyKey | None,
) -> Saved:
    """Change a principal's policies.

    Args:
        context: The caller's.
        principal: HSA-id.
        changes: New values by name of the policy; the other policies do not change.
        note: Why.
        key: Makes a retry safe.

    Raises:
        NotFound: There is no such principal.
        NotPermitted: The viewer may not change its policies.
        InvalidInput: The level of assurance is unknown.
    """
    found = principals.require(context, principal)
    held = decisions.require_at(
        context.rights, Permission.SET_POLICIES, found.key, None, ("principal",)
    )
    if changes.get("lowest_acr", ACR_LEVELS[0]) not in ACR_LEVELS:
        raise InvalidInput.at(
            ("lowestAcr",), "UNKNOWN_VALUE", f"Välj något av {', '.join(ACR_LEVELS)}."
        )
    return await context.store.policies.save(
        found.key, changes, act=context.act(held, note), key=key
    )
