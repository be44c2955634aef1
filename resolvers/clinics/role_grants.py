"""Roles granted in the registry's own table, and persons with protected identity.

The table is for persons whose tokens have no roles.
"""

from resolvers.access import decisions, permissions
from resolvers.access.permissions import Permission
from resolvers.clinics import principals
from resolvers.context import Context
from store.clinics.hsa_ids import is_hsa_id
from store.errors import InvalidInput, NotFound
from store.idempotency import IdempotencyKey
from store.paging import Page, Paging
from store.records import Role, RoleGrant, Saved, key_of


def may_list(context: Context, principal: str) -> bool:
    """Whether the viewer may see the grants at a principal: administrators and reviewers may."""
    return any(
        context.rights.holder(permission, principal) is not None
        for permission in (Permission.MANAGE_ROLES, Permission.READ_ROLES)
    )


async def get(context: Context, grant_id: str) -> RoleGrant | None:
    """A grant, current or ended, that the viewer may see; else None."""
    found = (await context.store.role_grants.get_many([grant_id])).get(grant_id)
    return found if found is not None and may_list(context, found.principal) else None


async def granted(context: Context, saved: Saved) -> RoleGrant | None:
    """The grant that `grant` or `revoke` has just written or found; None without one."""
    if saved.target is None:
        return None
    return (await context.store.role_grants.get_many([saved.target])).get(saved.target)


async def page(context: Context, principal: str, paging: Paging) -> Page[RoleGrant]:
    """A page of the current grants at a principal and its clinics; empty if not visible."""
    if not may_list(context, principal):
        return Page((), (), has_next=False, has_previous=False)
    return await context.store.role_grants.page(principal, paging)


async def count(context: Context, principal: str) -> int:
    """The number of current grants at a principal and its clinics; 0 if not visible."""
    return await context.store.role_grants.count(principal) if may_list(context, principal) else 0


async def grant(
    context: Context,
    unit: str,
    role: Role,
    employee: str,
    *,
    note: str | None,
    key: IdempotencyKey | None,
) -> Saved:
    """Grant a person a role at a principal or a clinic.

    Args:
        context: The caller's.
        unit: HSA-id of the principal or clinic.
        role: The role.
        employee: HSA-id of the person.
        note: Why.
        key: Makes a retry safe.

    Returns:
        `target` is the grant's id. No event where the person holds the role already.

    Raises:
        NotFound: There is no such unit.
        NotPermitted: The viewer may not grant roles there.
        InvalidInput: The role cannot be held there, or is for machines; or the employee's HSA-id is
            malformed.
    """
    principal, clinic = await _unit(context, unit)
    held = decisions.require_at(
        context.rights, Permission.MANAGE_ROLES, principal, clinic, ("unit",)
    )
    if not permissions.can_be_held(
        role, context.principals[principal].kind, at_clinic=clinic is not None
    ):
        raise InvalidInput.at(("role",), "ROLE_NOT_THERE", "Rollen kan inte ges vid denna enhet.")
    if not is_hsa_id(employee, context.store.extra_hsa_prefixes):
        raise InvalidInput.at(("employee",), "MALFORMED", "Detta är inget HSA-id.")
    return await context.store.role_grants.grant(
        principal, clinic or principal, role, key_of(employee), act=context.act(held, note), key=key
    )


async def revoke(
    context: Context, grant_id: str, *, note: str | None, key: IdempotencyKey | None
) -> Saved:
    """End a grant.

    Raises:
        NotFound: There is none, or the viewer may not know of it.
        NotPermitted: The viewer may not revoke it.
    """
    found = await get(context, grant_id)
    if found is None:
        raise NotFound("Behörigheten finns inte.", ("id",))
    held = decisions.require_at(
        context.rights, Permission.MANAGE_ROLES, found.principal, None, ("id",)
    )
    return await context.store.role_grants.revoke(found, act=context.act(held, note), key=key)


async def protect(
    context: Context,
    principal: str,
    employee: str,
    *,
    protected: bool,
    note: str | None,
    key: IdempotencyKey | None,
) -> Saved:
    """Protect a person's identity for a principal, or end the protection.

    The name of a protected person is erased and not stored again while any principal protects it.

    Raises:
        NotFound: There is no such principal.
        NotPermitted: The viewer may not do this there.
        InvalidInput: The employee's HSA-id is malformed.
    """
    found = principals.require(context, principal)
    held = decisions.require_at(
        context.rights, Permission.MANAGE_ROLES, found.key, None, ("principal",)
    )
    if not is_hsa_id(employee, context.store.extra_hsa_prefixes):
        raise InvalidInput.at(("employee",), "MALFORMED", "Detta är inget HSA-id.")
    return await context.store.people.protect(
        found.key, key_of(employee), protected=protected, act=context.act(held, note), key=key
    )


async def _unit(context: Context, unit: str) -> tuple[str, str | None]:
    """Keys of the principal and the clinic of a unit; no clinic where it is a principal."""
    key = key_of(unit)
    if key in context.principals:
        return key, None
    clinic = await context.loaders.clinics.load(key)
    if clinic is None or not context.rights.sees_clinic(clinic):
        raise NotFound("Det finns ingen huvudman eller mottagning med detta HSA-id.", ("unit",))
    return clinic.principal, clinic.key
