"""Live delivery: in order, exactly once, from any position; slow clients delay nobody."""

import asyncio
from contextlib import AsyncExitStack
from dataclasses import replace
from itertools import islice
from random import Random

import pytest

from resolvers.context import Context
from resolvers.live.subscription_source import SubscriptionSource
from resolvers.live.watched_rights import Viewpoint
from store.errors import NotPermitted
from store.log.cursors import Position
from store.log.event_filters import EventFilter
from store.paging import Paging
from store.records import Action, Clinic, Event, Role
from store.registry import Store
from tests.rules.listening import (
    Heard,
    PlainPayloads,
    Reader,
    following,
    is_live,
    join,
    new_hub,
    until,
    viewer,
)
from tests.storage.building import (
    BJORKEN,
    BY_ANNA,
    EKEN,
    LINDEN,
    STOCKHOLM,
    UPPSALA,
    distributed,
    document_of,
    published,
    saved_as,
    with_clinics,
    write,
)


async def sequence_of(store: Store, action: Action) -> int:
    """The number of the newest event of a kind."""
    return (
        (await store.history.events(STOCKHOLM, EventFilter(actions=[action]), Paging(limit=1)))
        .items[0]
        .sequence
    )


async def test_clinics_are_told_of_what_concerns_them_in_order(store: Store) -> None:
    await with_clinics(store, BJORKEN, LINDEN, EKEN)  # 1
    document, other = await published(store), await published(store)  # 2 to 5
    await distributed(store, document, LINDEN, BJORKEN)  # 6
    await distributed(store, other, EKEN)  # 7

    async with following(store, [LINDEN, BJORKEN], Position(0)) as feed:
        assert await feed.take(2) == [(6, BJORKEN), (6, LINDEN)]
        document = await saved_as(store, document, "Utkast")  # 8, tells nobody
        await saved_as(store, other, "Två", publish=True)  # 9, tells Eken
        document = await saved_as(store, document, "Tre", publish=True)  # 10
        await store.documents.archive(document, expected_version=3, act=BY_ANNA)  # 11
        assert await feed.take(4) == [(10, BJORKEN), (10, LINDEN), (11, BJORKEN), (11, LINDEN)]


async def test_the_live_feed_and_the_replay_tell_the_same(store: Store) -> None:
    await with_clinics(store, BJORKEN, LINDEN, EKEN)
    async with following(store, [BJORKEN, EKEN], Position(0)) as live:
        reading = asyncio.create_task(live.take(11))
        document = await published(store)
        await distributed(store, document, BJORKEN, LINDEN)
        document = await saved_as(store, document, "Två", publish=True)
        await distributed(store, document, EKEN)
        document = await saved_as(store, document, "Tre", publish=True)
        await store.documents.archive(document, expected_version=3, act=BY_ANNA)
        restored = await store.documents.restore(
            document, version=1, expected_version=3, publish=True, act=BY_ANNA
        )
        await saved_as(store, document_of(restored), "Fem", publish=True)
        lived = await reading

    async with following(store, [BJORKEN, EKEN], Position(0)) as replay:
        replayed = await replay.take(11)

    between = (
        await store.notifications.after(STOCKHOLM, [BJORKEN, EKEN], Position(0), 100, limit=100)
    ).events
    assert lived == replayed
    assert lived == list(
        islice(((event.sequence, clinic) for event, clinics in between for clinic in clinics), 11)
    )
    assert lived == [
        (4, BJORKEN),
        (5, BJORKEN),
        (6, EKEN),
        *[(number, clinic) for number in (7, 8, 9, 10) for clinic in (BJORKEN, EKEN)],
    ]


@pytest.mark.parametrize("clinic", [BJORKEN, EKEN, LINDEN])
async def test_a_cursor_between_two_clinics_of_one_event_goes_on_with_the_next_clinic(
    store: Store, clinic: str
) -> None:
    await with_clinics(store, BJORKEN, LINDEN, EKEN)  # 1
    document = await published(store)  # 2, 3
    await distributed(store, document, BJORKEN, LINDEN, EKEN)  # 4
    await saved_as(store, document, "Två", publish=True)  # 5
    every = [(number, name) for number in (4, 5) for name in (BJORKEN, LINDEN, EKEN)]
    after = every.index((4, clinic)) + 1

    async with following(store, [EKEN, LINDEN, BJORKEN], Position(4, clinic)) as feed:
        assert await feed.take(6 - after) == every[after:]


async def test_clinics_far_behind_are_told_by_index_without_gap(store: Store) -> None:
    await with_clinics(store, BJORKEN, LINDEN)
    document, other = await published(store), await published(store)
    await distributed(store, document, BJORKEN)
    await distributed(store, other, LINDEN)
    await asyncio.gather(
        write(store, 512), saved_as(store, document, *map(str, range(130)), publish=True)
    )
    expected = [
        event.sequence
        for event in await store.history.after(STOCKHOLM, 0, limit=0)
        if (
            event.document == document.id and event.action in {Action.PUBLISHED, Action.DISTRIBUTED}
        )
        and event.sequence > 5
    ]

    async with following(store, [BJORKEN, LINDEN], Position(0)) as feed:
        found = await feed.take(132)
        await distributed(store, other, BJORKEN)
        live = await feed.take(1)

    assert [sequence for sequence, clinic in found if clinic == BJORKEN] == expected
    assert [sequence for sequence, clinic in found if clinic == LINDEN] == [7]
    assert live[0][1] == BJORKEN


# ------------------------------------------------------------- readers of every speed


async def test_a_reader_that_takes_nothing_holds_up_nobody_and_then_gets_everything_once(
    store: Store,
) -> None:
    await with_clinics(store, BJORKEN)
    document = await published(store)
    await distributed(store, document, BJORKEN)  # 4
    hub = new_hub(store)
    stopped, other = (
        await join(hub, store, [BJORKEN], Position(3)),
        await join(hub, store, [BJORKEN], Position(3)),
    )
    assert await stopped.take(1) == await other.take(1) == [(4, BJORKEN)]

    stopped.pause()
    for number in range(20):
        document = await saved_as(store, document, str(number), publish=True)  # 5 to 24
    assert await other.take(20) == [(number, BJORKEN) for number in range(5, 25)]
    assert len(stopped.heard) == 1
    stopped.resume()

    assert await stopped.take(20) == [(number, BJORKEN) for number in range(5, 25)]
    document = await saved_as(store, document, "live", publish=True)
    assert await stopped.take(1) == await other.take(1) == [(25, BJORKEN)]
    await hub.stop()


async def test_a_reader_that_stops_between_two_clinics_of_one_event_goes_on_with_the_second(
    store: Store,
) -> None:
    await with_clinics(store, BJORKEN, LINDEN)
    document = await published(store)
    hub = new_hub(store)
    reader = await join(hub, store, [BJORKEN, LINDEN], Position(3))
    await until(lambda: is_live(reader))

    reader.pause()
    await distributed(store, document, BJORKEN, LINDEN)  # 4
    await saved_as(store, document, "Två", publish=True)  # 5
    await until(lambda: not is_live(reader))
    reader.resume()

    assert await reader.take(4) == [(4, BJORKEN), (4, LINDEN), (5, BJORKEN), (5, LINDEN)]
    await hub.stop()


@pytest.mark.parametrize("seed", range(3))
async def test_readers_that_come_stop_and_go_on_at_random_hear_everything_once_and_in_order(
    store: Store, seed: int
) -> None:
    random = Random(seed)  # noqa: S311 - keeps no secret
    await with_clinics(store, BJORKEN, LINDEN)
    document = await published(store)
    await distributed(store, document, BJORKEN, LINDEN)  # 4
    hub = new_hub(store)

    async def one_reader() -> list[Heard]:
        await asyncio.sleep(random.random() / 5)
        reader = await join(
            hub,
            store,
            random.choice([[BJORKEN], [BJORKEN, LINDEN], None]),
            Position(random.randint(0, 3)),
        )
        for _ in range(random.randint(0, 6)):
            await asyncio.sleep(random.random() / 20)
            reader.pause()
            await asyncio.sleep(random.random() / 20)
            reader.resume()
        await until(lambda: bool(reader.heard) and reader.heard[-1][0] == 64)
        return reader.heard

    readers = [asyncio.create_task(one_reader()) for _ in range(30)]
    for number in range(60):
        document = await saved_as(store, document, str(number), publish=True)  # 5 to 64

    for task in readers:
        heard = await task
        clinics = sorted({clinic for _, clinic in heard}, key=str)
        first = heard[0][0]
        assert heard == [(number, clinic) for number in range(first, 65) for clinic in clinics]
        assert first <= 4
    await hub.stop()


async def test_a_cursor_from_a_server_that_is_ahead_is_not_told_again(store: Store) -> None:
    async with following(store, None, Position(2)) as reader:
        await until(lambda: is_live(reader))
        await write(store, 4)

        assert await reader.take(2) == [(3, None), (4, None)]


async def test_the_last_one_to_leave_closes_the_channel_and_no_task_is_left(store: Store) -> None:
    hub = new_hub(store)
    readers = [await join(hub, store, None, Position(0)) for _ in range(3)]
    await write(store, 1)
    for reader in readers:
        assert await reader.take(1) == [(1, None)]
        assert reader.follower is not None
        reader.follower.close()

    await until(
        lambda: (
            not any(
                task.get_name().startswith(("follower", "channel")) for task in asyncio.all_tasks()
            )
        )
    )
    assert store.feed._tails == {}
    assert hub.followers == {}
    await hub.stop()


# ------------------------------------------------------------- rights over time


async def test_a_role_that_is_taken_away_ends_what_is_followed_in_it_before_the_next_event_is_told(
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
        who=replace(viewer(employee="SE2321000016-xx"), grants=()),
    )
    other = await join(hub, store, [BJORKEN], Position(3))
    assert await reader.take(1) == await other.take(1) == [(4, BJORKEN)]

    held = (await store.role_grants.get_many([str(grant.target)]))[str(grant.target)]
    await asyncio.gather(
        store.role_grants.revoke(held, act=BY_ANNA), saved_as(store, document, "Två", publish=True)
    )

    assert await other.take(1) == [(await sequence_of(store, Action.PUBLISHED), BJORKEN)]
    assert isinstance(reader.ended, NotPermitted)
    assert len(reader.heard) == 1 + (
        await sequence_of(store, Action.PUBLISHED) < await sequence_of(store, Action.ROLE_REVOKED)
    )
    await hub.stop()


async def test_a_role_taken_away_at_one_of_two_clinics_narrows_what_is_followed(
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
        who=replace(viewer(employee="SE2321000016-XX"), grants=()),
    )
    assert await reader.take(2) == [(4, BJORKEN), (4, LINDEN)]

    held = await store.role_grants.get_many([str(grants[0].target)])
    await store.role_grants.revoke(held[str(grants[0].target)], act=BY_ANNA)  # 7
    await saved_as(store, document, "Två", publish=True)  # 8

    assert await reader.take(1) == [(8, LINDEN)]
    assert reader.ended is None
    await hub.stop()


async def test_a_role_taken_away_while_the_subscription_begins_is_noticed(store: Store) -> None:
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

    held = (await store.role_grants.get_many([str(grant.target)]))[str(grant.target)]
    await store.role_grants.revoke(held, act=BY_ANNA)
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


async def test_a_clinic_that_was_moved_outside_the_registry_leaves_the_subscription_when_it_is_imported(
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


async def test_a_clinic_that_is_taken_away_while_it_is_looked_up_stays_away(store: Store) -> None:
    await with_clinics(store, BJORKEN, LINDEN)
    hub = new_hub(store)
    reader = await join(hub, store, [BJORKEN, LINDEN], Position(1))
    await until(lambda: is_live(reader))
    follower, channel = reader.follower, hub._channels[STOCKHOLM]
    assert follower is not None

    async with AsyncExitStack() as reads:  # all permits: nothing is read before they are given back
        while not store.database._reads.locked():
            await reads.enter_async_context(store.database._reads)
        renewing = asyncio.create_task(hub._renew_clinics(channel, [follower], [BJORKEN, LINDEN]))
        await asyncio.sleep(0)
        hub._remove_clinics(follower, [BJORKEN])
    await renewing

    assert list(follower.clinics or ()) == [LINDEN]
    await hub.stop()


class SlowPayloads(PlainPayloads):
    """Payloads of one clinic that are rendered separately for each subscriber, and slowly."""

    def __init__(self) -> None:
        self._made: set[tuple[int, str, int]] = set()

    def cached(
        self, event: Event, clinic: Clinic | None, viewpoint: Viewpoint, *, live: bool
    ) -> bytes | None:
        assert clinic is not None
        known = clinic.key != BJORKEN or (event.sequence, clinic.key, id(viewpoint)) in self._made
        return super().cached(event, clinic, viewpoint, live=live) if known else None

    async def render(
        self, event: Event, clinic: Clinic | None, viewpoint: Viewpoint, *, live: bool
    ) -> bytes:
        assert clinic is not None
        for _ in range(5):
            await asyncio.sleep(0)
        self._made.add((event.sequence, clinic.key, id(viewpoint)))
        return str(event.sequence).encode()


async def test_readers_whose_texts_differ_from_all_others_miss_nothing_while_they_are_served_by_themselves(
    store: Store,
) -> None:
    await with_clinics(store, BJORKEN, LINDEN)
    document = await published(store)
    await distributed(store, document, BJORKEN, LINDEN)  # 4
    hub = new_hub(store)
    readers = []
    for payloads in [SlowPayloads()] * 15 + [SlowPayloads()] * 15:
        changes = hub.changes
        context = await Context.of(store, viewer(), "request")
        clinics = list((await store.clinics.get_many([BJORKEN, LINDEN])).values())
        reader = Reader()
        reader.follower = await hub.subscribe(
            context,
            SubscriptionSource(STOCKHOLM, Position(4), clinics),
            payloads,
            reader,
            changes=changes,
        )
        readers.append(reader)
    await until(lambda: all(is_live(reader) for reader in readers))

    for number in range(5):
        document = await saved_as(store, document, str(number), publish=True)  # 5 to 9

    for reader in readers:
        assert await reader.take(10) == [
            (number, clinic) for number in range(5, 10) for clinic in (BJORKEN, LINDEN)
        ]
    await hub.stop()
