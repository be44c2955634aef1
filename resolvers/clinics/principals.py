"""Principals: every signed-in caller may read all of them."""

from resolvers.context import Context
from store.errors import NotFound
from store.paging import Page, Paging
from store.records import Principal, key_of


def get(context: Context, hsa_id: str) -> Principal | None:
    """A principal by HSA-id, in upper or lower case; None where there is none."""
    return context.principals.get(key_of(hsa_id))


def require(context: Context, hsa_id: str, path: tuple[str, ...] = ("principal",)) -> Principal:
    """A principal by HSA-id, in upper or lower case.

    Args:
        context: The caller's.
        hsa_id: As the caller wrote it.
        path: Of the argument in the caller's input, for the error.

    Raises:
        NotFound: There is none.
    """
    principal = get(context, hsa_id)
    if principal is None:
        raise NotFound("Det finns ingen huvudman med detta HSA-id.", path)
    return principal


async def page(context: Context, paging: Paging) -> Page[Principal]:
    """A page of all principals, by HSA-id."""
    return await context.store.principals.page(paging)


async def count(context: Context) -> int:
    """The number of principals."""
    return len(context.principals)
