"""Open subscriptions: a principal's administrators can list and end them."""

from resolvers.access import decisions
from resolvers.access.permissions import Permission
from resolvers.clinics import principals
from resolvers.context import Context
from store.errors import NotFound
from store.idempotency import IdempotencyKey
from store.paging import Page, Paging
from store.records import ActiveSubscription, Saved


async def get(context: Context, subscription_id: str) -> ActiveSubscription | None:
    """An open subscription that the viewer may see; else None."""
    subscription = await context.store.active_subscriptions.get(subscription_id)
    if subscription is None:
        return None
    held = context.rights.holder(Permission.MANAGE_SUBSCRIPTIONS, subscription.principal)
    return None if held is None else subscription


async def page(context: Context, principal: str, paging: Paging) -> Page[ActiveSubscription]:
    """A page of the open subscriptions to a principal's log and its clinics.

    Raises:
        NotFound: There is no such principal.
        NotPermitted: The viewer does not administer it.
    """
    return await context.store.active_subscriptions.page(require(context, principal), paging)


async def count(context: Context, principal: str) -> int:
    """Return how many subscriptions are open on a principal's log and its clinics.

    Raises:
        NotFound: There is no such principal.
        NotPermitted: The viewer does not administer it.
    """
    return await context.store.active_subscriptions.count(require(context, principal))


def require(context: Context, principal: str) -> str:
    """Return the principal's key if the viewer may manage subscriptions there.

    Raises:
        NotFound: There is no such principal.
        NotPermitted: The viewer does not administer it.
    """
    key = principals.require(context, principal).key
    decisions.require_at(context.rights, Permission.MANAGE_SUBSCRIPTIONS, key, None, ("principal",))
    return key


async def behind(context: Context, subscription: ActiveSubscription) -> int:
    """The number of events in the log that the subscription has not been sent yet."""
    if subscription.sequence is None:
        return 0
    return max(
        0,
        await context.store.history.latest_sequence(subscription.principal) - subscription.sequence,
    )


async def end(
    context: Context, subscription_id: str, *, note: str | None, key: IdempotencyKey | None
) -> Saved:
    """End a subscription. Its subscriber is notified and keeps its rights.

    Raises:
        NotFound: There is no such open subscription, or the viewer may not know of it.
    """
    subscription = await get(context, subscription_id)
    if subscription is None:
        raise NotFound("Prenumerationen finns inte, eller har redan upphört.", ("id",))
    held = decisions.require_at(
        context.rights, Permission.MANAGE_SUBSCRIPTIONS, subscription.principal, None, ("id",)
    )
    return await context.store.active_subscriptions.end(
        subscription, act=context.act(held, note), key=key
    )
