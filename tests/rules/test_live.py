"""Live delivery: in order, exactly once, from any position.

Slow clients delay no other client.
"""

import asyncio
from itertools import islice
from random import Random

import pytest

from resolvers.context import Context
from resolvers.live.subscription_source import SubscriptionSource
from resolvers.live.watched_rights import Viewpoint
from store.log.cursors import Position
from store.records import Action, Clinic, Event
from store.registry import Store
from tests.rules.listening import (
    Delivery,
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
    distributed,
    document_of,
    published,
    saved_as,
    with_clinics,
    write_events,
)


async def test_clinics_receive_the_events_that_concern_them_in_order(store: Store) -> None:
    await with_clinics(store, BJORKEN, LINDEN, EKEN)  # 1
    document, other = await published(store), await published(store)  # 2 to 5
    await distributed(store, document, LINDEN, BJORKEN)  # 6
    await distributed(store, other, EKEN)  # 7

    async with following(store, [LINDEN, BJORKEN], Position(0)) as feed:
        assert await feed.take(2) == [(6, BJORKEN), (6, LINDEN)]
        document = await saved_as(store, document, "Utkast")  # 8, notifies no clinic
        await saved_as(store, other, "Två", publish=True)  # 9, notifies Eken
        document = await saved_as(store, document, "Tre", publish=True)  # 10
        await store.documents.archive(document, expected_version=3, act=BY_ANNA)  # 11
        assert await feed.take(4) == [(10, BJORKEN), (10, LINDEN), (11, BJORKEN), (11, LINDEN)]


async def test_live_delivery_and_replay_agree(store: Store) -> None:
    await with_clinics(store, BJORKEN, LINDEN, EKEN)
    async with following(store, [BJORKEN, EKEN], Position(0)) as live:
        taking = asyncio.create_task(live.take(11))
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
        received_live = await taking

    async with following(store, [BJORKEN, EKEN], Position(0)) as replay:
        replayed = await replay.take(11)

    events = (
        await store.notifications.after(STOCKHOLM, [BJORKEN, EKEN], Position(0), 100, limit=100)
    ).events
    assert received_live == replayed
    assert received_live == list(
        islice(((event.sequence, clinic) for event, clinics in events for clinic in clinics), 11)
    )
    assert received_live == [
        (4, BJORKEN),
        (5, BJORKEN),
        (6, EKEN),
        *[(number, clinic) for number in (7, 8, 9, 10) for clinic in (BJORKEN, EKEN)],
    ]


@pytest.mark.parametrize("clinic", [BJORKEN, EKEN, LINDEN])
async def test_a_cursor_between_two_clinics_of_an_event_continues_with_the_next_clinic(
    store: Store, clinic: str
) -> None:
    await with_clinics(store, BJORKEN, LINDEN, EKEN)  # 1
    document = await published(store)  # 2, 3
    await distributed(store, document, BJORKEN, LINDEN, EKEN)  # 4
    await saved_as(store, document, "Två", publish=True)  # 5
    deliveries = [(number, name) for number in (4, 5) for name in (BJORKEN, LINDEN, EKEN)]
    after = deliveries.index((4, clinic)) + 1

    async with following(store, [EKEN, LINDEN, BJORKEN], Position(4, clinic)) as feed:
        assert await feed.take(6 - after) == deliveries[after:]


async def test_clinics_far_behind_catch_up_by_index_without_a_gap(store: Store) -> None:
    await with_clinics(store, BJORKEN, LINDEN)
    document, other = await published(store), await published(store)
    await distributed(store, document, BJORKEN)
    await distributed(store, other, LINDEN)
    await asyncio.gather(
        write_events(store, 512), saved_as(store, document, *map(str, range(130)), publish=True)
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


async def test_a_paused_reader_delays_no_other_and_then_gets_every_event_once(
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
    assert len(stopped.received) == 1
    stopped.resume()

    assert await stopped.take(20) == [(number, BJORKEN) for number in range(5, 25)]
    document = await saved_as(store, document, "live", publish=True)
    assert await stopped.take(1) == await other.take(1) == [(25, BJORKEN)]
    await hub.stop()


async def test_a_reader_paused_between_two_clinics_of_an_event_continues_with_the_second(
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
async def test_readers_that_join_and_pause_at_random_get_every_event_once_in_order(
    store: Store, seed: int
) -> None:
    random = Random(seed)  # noqa: S311 - keeps no secret
    await with_clinics(store, BJORKEN, LINDEN)
    document = await published(store)
    await distributed(store, document, BJORKEN, LINDEN)  # 4
    hub = new_hub(store)

    async def read() -> list[Delivery]:
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
        await until(lambda: bool(reader.received) and reader.received[-1][0] == 64)
        return reader.received

    readers = [asyncio.create_task(read()) for _ in range(30)]
    for number in range(60):
        document = await saved_as(store, document, str(number), publish=True)  # 5 to 64

    for task in readers:
        received = await task
        clinics = sorted({clinic for _, clinic in received}, key=str)
        first = received[0][0]
        assert received == [(number, clinic) for number in range(first, 65) for clinic in clinics]
        assert first <= 4
    await hub.stop()


async def test_events_up_to_a_cursor_of_a_server_that_is_ahead_are_not_repeated(
    store: Store,
) -> None:
    async with following(store, None, Position(2)) as reader:
        await until(lambda: is_live(reader))
        await write_events(store, 4)

        assert await reader.take(2) == [(3, None), (4, None)]


async def test_the_last_reader_to_leave_closes_the_channel_and_no_task_remains(
    store: Store,
) -> None:
    hub = new_hub(store)
    readers = [await join(hub, store, None, Position(0)) for _ in range(3)]
    await write_events(store, 1)
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


class SlowPayloads(PlainPayloads):
    """Payloads of one clinic that are rendered separately for each subscriber, and slowly."""

    def __init__(self) -> None:
        self._rendered: set[tuple[int, str, int]] = set()

    def cached(
        self, event: Event, clinic: Clinic | None, viewpoint: Viewpoint, *, live: bool
    ) -> bytes | None:
        assert clinic is not None
        is_cached = (
            clinic.key != BJORKEN or (event.sequence, clinic.key, id(viewpoint)) in self._rendered
        )
        return super().cached(event, clinic, viewpoint, live=live) if is_cached else None

    async def render(
        self, event: Event, clinic: Clinic | None, viewpoint: Viewpoint, *, live: bool
    ) -> bytes:
        assert clinic is not None
        for _ in range(5):
            await asyncio.sleep(0)
        self._rendered.add((event.sequence, clinic.key, id(viewpoint)))
        return str(event.sequence).encode()


async def test_readers_with_payloads_of_their_own_miss_nothing(
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
