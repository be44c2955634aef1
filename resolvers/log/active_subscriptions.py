"""Who follows what now: seen and ended by a principal's administrators."""

from resolvers.access import decisions
from resolvers.access.permissions import Permission
from resolvers.clinics.clinics import require_principal
from resolvers.context import Context
from store.errors import NotFound
from store.mongo.paging import Page, Paging
from store.mongo.transactions import IdempotencyKey
from store.records import ActiveSubscription, Saved


async def get(context: Context, subscription_id: str) -> ActiveSubscription | None:
    """One that is open and that the viewer may see; else None."""
    found = await context.store.active_subscriptions.get(subscription_id)
    return (
        found
        if found is not None
        and context.rights.holder(Permission.MANAGE_SUBSCRIPTIONS, found.principal) is not None
        else None
    )


async def page(context: Context, principal: str, paging: Paging) -> Page[ActiveSubscription]:
    """A page of those that are open on a principal's log and its clinics.

    Raises:
        NotFound: There is no such principal.
        NotPermitted: The viewer does not administer it.
    """
    return await context.store.active_subscriptions.page(require(context, principal), paging)


def require(context: Context, principal: str) -> str:
    """The principal's key, for who may see what is followed there.

    Raises:
        NotFound: There is no such principal.
        NotPermitted: The viewer does not administer it.
    """
    key = require_principal(context, principal).key
    decisions.require_at(context.rights, Permission.MANAGE_SUBSCRIPTIONS, key, None, ("principal",))
    return key


async def behind(context: Context, subscription: ActiveSubscription) -> int:
    """How many events of the log it was not told of yet."""
    if subscription.sequence is None:
        return 0
    return max(
        0,
        await context.store.history.latest_sequence(subscription.principal) - subscription.sequence,
    )


async def end(
    context: Context, subscription_id: str, *, note: str | None, key: IdempotencyKey | None
) -> Saved:
    """End one. Its reader is told; its rights stay as they are.

    Raises:
        NotFound: There is none that is open, or the viewer may not know of it.
    """
    found = await get(context, subscription_id)
    if found is None:
        raise NotFound("Prenumerationen finns inte, eller har redan upphört.", ("id",))
    held = decisions.require_at(
        context.rights, Permission.MANAGE_SUBSCRIPTIONS, found.principal, None, ("id",)
    )
    return await context.store.active_subscriptions.end(found, act=context.act(held, note), key=key)
