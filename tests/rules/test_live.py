"""The live end of the logs: clinics are told in order, once, from any position, live or from the log; slow readers hold up nobody."""

import asyncio
from itertools import islice

import pytest

from store.history import Position
from store.records import Action
from store.registry import Store
from tests.rules.listening import following
from tests.storage.building import BJORKEN, BY_ANNA, EKEN, LINDEN, STOCKHOLM, distributed, document_of, published, saved_as, with_clinics, write


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
        restored = await store.documents.restore(document, version=1, expected_version=3, publish=True, act=BY_ANNA)
        await saved_as(store, document_of(restored), "Fem", publish=True)
        lived = await reading

    async with following(store, [BJORKEN, EKEN], Position(0)) as replay:
        replayed = await replay.take(11)

    between = (await store.notifications.after(STOCKHOLM, [BJORKEN, EKEN], Position(0), 100, limit=100)).told
    assert lived == replayed
    assert lived == list(islice(((event.sequence, clinic) for event, clinics in between for clinic in clinics), 11))
    assert lived == [
        (4, BJORKEN),
        (5, BJORKEN),
        (6, EKEN),
        *[(number, clinic) for number in (7, 8, 9, 10) for clinic in (BJORKEN, EKEN)],
    ]


@pytest.mark.parametrize("clinic", [BJORKEN, EKEN, LINDEN])
async def test_a_cursor_between_two_clinics_of_one_event_goes_on_with_the_next_clinic(store: Store, clinic: str) -> None:
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
    await asyncio.gather(write(store, 512), saved_as(store, document, *map(str, range(130)), publish=True))
    expected = [
        event.sequence
        for event in await store.history.after(STOCKHOLM, 0, limit=0)
        if (event.document == document.id and event.action in {Action.PUBLISHED, Action.DISTRIBUTED}) and event.sequence > 5
    ]

    async with following(store, [BJORKEN, LINDEN], Position(0)) as feed:
        found = await feed.take(132)
        await distributed(store, other, BJORKEN)
        live = await feed.take(1)

    assert [sequence for sequence, clinic in found if clinic == BJORKEN] == expected
    assert [sequence for sequence, clinic in found if clinic == LINDEN] == [7]
    assert live[0][1] == BJORKEN
