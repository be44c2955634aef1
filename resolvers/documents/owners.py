"""Owners: the principals and clinics that documents belong to."""

from resolvers.context import Context
from store.errors import NotFound
from store.records import Owner, OwnerKind, key_of


async def owner_of(context: Context, hsa_id: str) -> tuple[str, Owner]:
    """Resolve the HSA-id of an owner.

    Returns:
        The key of the principal whose log records the acts, and the owner: that principal or one
        of its clinics.

    Raises:
        NotFound: There is no such principal or clinic, or the viewer may not know of the clinic.
    """
    key = key_of(hsa_id)
    if key in context.principals:
        return key, Owner(OwnerKind.PRINCIPAL, key)
    clinic = await context.loaders.clinics.load(key)
    if clinic is None or not context.rights.sees_clinic(clinic):
        raise NotFound("Det finns ingen huvudman eller mottagning med detta HSA-id.", ("owner",))
    return clinic.principal, Owner(OwnerKind.CLINIC, key)
