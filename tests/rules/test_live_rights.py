"""Live delivery follows changes of rights: revoked roles, and clinics that change principal."""

import asyncio
from contextlib import AsyncExitStack
from dataclasses import replace

from resolvers.context import Context
from resolvers.live.subscription_source import SubscriptionSource
from store.errors import NotPermitted
from store.log.cursors import Position
from store.log.event_filters import EventFilter
from store.paging import Paging
from store.records import Action, Role
from store.registry import Store
from tests.rules.listening import (
    PlainPayloads,
    Reader,
    is_live,
    join,
    new_hub,
    until,
    viewer,
)
from tests.storage.building import (
    BJORKEN,
    BY_ANNA,
    LINDEN,
    STOCKHOLM,
    UPPSALA,
    distributed,
    published,
    saved_as,
    with_clinics,
)


async def sequence_of(store: Store, action: Action) -> int:
    """The sequence number of the newest event with an action."""
    return (
        (await store.history.events(STOCKHOLM, EventFilter(actions=[action]), Paging(limit=1)))
        .items[0]
        .sequence
    )


async def test_revoking_a_role_ends_its_subscriptions_before_the_next_event(
    store: Store,
) -> None:
    await with_clinics(store, BJORKEN)
    document = await published(store)
    await distributed(store, document, BJORKEN)
    grant = await store.role_grants.grant(
        STOCKHOLM, BJORKEN, Role.CLINIC_STAFF, "SE2321000016-XX", act=BY_ANNA
    )  # 5
    hub = new_hub(store)
    reader = await join(
        hub,
        store,
        [BJORKEN],
        Position(3),
        subscriber=replace(viewer(employee="SE2321000016-xx"), grants=()),
    )
    other = await join(hub, store, [BJORKEN], Position(3))
    assert await reader.take(1) == await other.take(1) == [(4, BJORKEN)]

    role_grants = (await store.role_grants.get_many([str(grant.target)]))[str(grant.target)]
    await asyncio.gather(
        store.role_grants.revoke(role_grants, act=BY_ANNA),
        saved_as(store, document, "Två", publish=True),
    )

    assert await other.take(1) == [(await sequence_of(store, Action.PUBLISHED), BJORKEN)]
    assert isinstance(reader.ended, NotPermitted)
    assert len(reader.received) == 1 + (
        await sequence_of(store, Action.PUBLISHED) < await sequence_of(store, Action.ROLE_REVOKED)
    )
    await hub.stop()


async def test_revoking_a_role_at_one_of_two_clinics_removes_that_clinic(
    store: Store,
) -> None:
    await with_clinics(store, BJORKEN, LINDEN)
    document = await published(store)
    await distributed(store, document, BJORKEN, LINDEN)  # 4
    grants = [
        await store.role_grants.grant(
            STOCKHOLM, unit, Role.CLINIC_STAFF, "SE2321000016-XX", act=BY_ANNA
        )
        for unit in (BJORKEN, LINDEN)
    ]
    hub = new_hub(store)
    reader = await join(
        hub,
        store,
        [BJORKEN, LINDEN],
        Position(3),
        subscriber=replace(viewer(employee="SE2321000016-XX"), grants=()),
    )
    assert await reader.take(2) == [(4, BJORKEN), (4, LINDEN)]

    role_grants = await store.role_grants.get_many([str(grants[0].target)])
    await store.role_grants.revoke(role_grants[str(grants[0].target)], act=BY_ANNA)  # 7
    await saved_as(store, document, "Två", publish=True)  # 8

    assert await reader.take(1) == [(8, LINDEN)]
    assert reader.ended is None
    await hub.stop()


async def test_revoking_a_role_during_subscribing_is_noticed(store: Store) -> None:
    await with_clinics(store, BJORKEN)
    grant = await store.role_grants.grant(
        STOCKHOLM, BJORKEN, Role.CLINIC_STAFF, "SE2321000016-XX", act=BY_ANNA
    )
    hub = new_hub(store)
    changes = hub.changes
    context = await Context.of(
        store, replace(viewer(employee="SE2321000016-XX"), grants=()), "request"
    )
    clinics = list((await store.clinics.get_many([BJORKEN])).values())

    role_grants = (await store.role_grants.get_many([str(grant.target)]))[str(grant.target)]
    await store.role_grants.revoke(role_grants, act=BY_ANNA)
    reader = Reader()
    follower = await hub.subscribe(
        context,
        SubscriptionSource(STOCKHOLM, Position(0), clinics),
        PlainPayloads(),
        reader,
        changes=changes,
    )

    assert follower.ended
    assert isinstance(reader.ended, NotPermitted)
    await hub.stop()


async def test_an_import_removes_a_clinic_of_another_principal_from_the_subscription(
    store: Store,
) -> None:
    await with_clinics(store, BJORKEN, LINDEN)  # 1
    hub = new_hub(store)
    reader = await join(hub, store, [BJORKEN, LINDEN], Position(1))
    await until(lambda: is_live(reader))

    await store.database["clinics"].update_one({"_id": BJORKEN}, {"$set": {"principal": UPPSALA}})
    event = (await store.history.get_events([(STOCKHOLM, 1)]))[STOCKHOLM, 1]
    channel = hub._channels[STOCKHOLM]
    await hub._recheck(channel, event)

    assert reader.follower is not None
    assert list(reader.follower.clinics or ()) == [LINDEN]
    await hub.stop()


async def test_a_clinic_removed_during_its_lookup_stays_removed(store: Store) -> None:
    await with_clinics(store, BJORKEN, LINDEN)
    hub = new_hub(store)
    reader = await join(hub, store, [BJORKEN, LINDEN], Position(1))
    await until(lambda: is_live(reader))
    follower, channel = reader.follower, hub._channels[STOCKHOLM]
    assert follower is not None

    async with AsyncExitStack() as reads:  # takes all permits: no read starts before they are free
        while not store.database._reads.locked():
            await reads.enter_async_context(store.database._reads)
        renewing = asyncio.create_task(hub._renew_clinics(channel, [follower], [BJORKEN, LINDEN]))
        await asyncio.sleep(0)
        hub._remove_clinics(follower, [BJORKEN])
    await renewing

    assert list(follower.clinics or ()) == [LINDEN]
    await hub.stop()
