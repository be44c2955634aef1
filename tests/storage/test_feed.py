"""The live feed: every event after a position, in order, exactly once.

This holds for slow readers and busy writers too.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import TypeVar

import pytest

from resolvers.kinds.registrations import KINDS
from store.mongo.connection import Database, connect
from store.mongo.transactions import Transaction
from store.records import Act, Action, Event, Saved
from store.registry import Store
from tests.storage.building import (
    ANNA,
    STOCKHOLM,
    UPPSALA,
    noted,
    published,
    write_events,
)

T = TypeVar("T")

TAIL = 512
SECONDS = 20


async def take(feed: AsyncGenerator[T, None], count: int) -> list[T]:
    """Wait for the next items of a feed."""
    async with asyncio.timeout(SECONDS):
        return [await anext(feed) for _ in range(count)]


async def sequences(feed: AsyncGenerator[Event, None], count: int) -> list[int]:
    return [event.sequence for event in await take(feed, count)]


@asynccontextmanager
async def waiting(feed: AsyncGenerator[T, None]) -> AsyncIterator["asyncio.Task[T]"]:
    """A reader that waits for the next item, which must not be there yet."""
    task = asyncio.ensure_future(anext(feed))
    finished, _ = await asyncio.wait([task], timeout=0.1)
    assert not finished
    yield task
    async with asyncio.timeout(SECONDS):
        await task


# ------------------------------------------------------------- one log


@pytest.mark.parametrize("after", [0, 3, 6])
async def test_events_after_a_cursor_are_replayed_and_then_delivered_live(
    store: Store, after: int
) -> None:
    await write_events(store, 6)

    async with aclosing(store.feed.follow(STOCKHOLM, after)) as feed:
        assert await sequences(feed, 6 - after) == list(range(after + 1, 7))
        async with waiting(feed) as live:
            await write_events(store, 3)
        assert live.result().sequence == 7
        assert await sequences(feed, 2) == [8, 9]


async def test_a_feed_delivers_whole_events(store: Store) -> None:
    async with aclosing(store.feed.follow(STOCKHOLM, 0)) as feed:
        document = await published(store)

        events = await take(feed, 2)

    assert events == list(
        (await store.history.get_events([(STOCKHOLM, 1), (STOCKHOLM, 2)])).values()
    )
    assert [(event.action, event.document, event.version) for event in events] == [
        (Action.CREATED, document.id, 1),
        (Action.PUBLISHED, document.id, 1),
    ]


async def test_a_position_in_the_future_waits_until_the_log_has_passed_it(store: Store) -> None:
    await write_events(store, 2)

    async with aclosing(store.feed.follow(STOCKHOLM, 4)) as feed, waiting(feed) as live:
        await write_events(store, 3)

    assert live.result().sequence == 5


async def test_readers_that_join_during_writes_miss_nothing(store: Store) -> None:
    writers = [asyncio.create_task(_write_in_turn(store, 60)) for _ in range(4)]
    readers = []
    for _ in range(6):
        latest = await store.history.latest_sequence(STOCKHOLM)
        readers += [
            (after, asyncio.create_task(_sequences_after(store, after, 240 - after)))
            for after in (0, latest // 2, latest)
        ]
    await asyncio.gather(*writers)

    for after, reader in readers:
        assert await reader == list(range(after + 1, 241))


async def _write_in_turn(store: Store, events: int) -> None:
    for number in range(events):
        await store.log.submit(STOCKHOLM, noted(str(number)))


async def _sequences_after(store: Store, after: int, count: int) -> list[int]:
    async with aclosing(store.feed.follow(STOCKHOLM, after)) as feed:
        return await sequences(feed, count)


async def test_events_of_another_server_are_delivered_too(store: Store, mongodb_uri: str) -> None:
    client = connect(mongodb_uri)
    other = Store(Database(client, store.database.name), KINDS)

    async with aclosing(store.feed.follow(STOCKHOLM, 0)) as feed:
        async with waiting(feed) as first:
            await asyncio.gather(write_events(other, 100), write_events(store, 100))
        assert [first.result().sequence, *await sequences(feed, 199)] == list(range(1, 201))

    await other.log.close()
    await client.close()


async def test_a_slow_reader_beyond_the_tail_is_served_from_the_log(store: Store) -> None:
    async with (
        aclosing(store.feed.follow(STOCKHOLM, 0)) as slow,
        aclosing(store.feed.follow(STOCKHOLM, 0)) as fast,
    ):
        await write_events(store, 1)
        assert await sequences(slow, 1) == await sequences(fast, 1) == [1]
        await write_events(store, 2 * TAIL)
        assert await sequences(fast, 2 * TAIL) == list(
            range(2, 2 * TAIL + 2)
        )  # the tail has moved past the slow reader

        assert len(store.feed._tails[STOCKHOLM].events) == TAIL
        assert await sequences(slow, 2 * TAIL) == list(range(2, 2 * TAIL + 2))


async def test_memory_for_a_reader_that_never_reads_is_bounded(store: Store) -> None:
    async with (
        aclosing(store.feed.follow(STOCKHOLM, 0)) as stopped,
        aclosing(store.feed.follow(STOCKHOLM, 0)) as reading,
    ):
        await write_events(store, 1)
        await take(stopped, 1)
        for _ in range(3):
            await write_events(store, TAIL)
        await take(reading, 3 * TAIL + 1)

        assert len(store.feed._tails[STOCKHOLM].events) == TAIL


async def test_two_subscribers_of_two_logs_each_get_the_events_of_their_log(store: Store) -> None:
    async with (
        aclosing(store.feed.follow(STOCKHOLM, 0)) as stockholm,
        aclosing(store.feed.follow(UPPSALA, 0)) as uppsala,
    ):
        await asyncio.gather(write_events(store, 5, STOCKHOLM), write_events(store, 3, UPPSALA))

        assert [(event.principal, event.sequence) for event in await take(stockholm, 5)] == [
            (STOCKHOLM, number) for number in range(1, 6)
        ]
        assert [(event.principal, event.sequence) for event in await take(uppsala, 3)] == [
            (UPPSALA, number) for number in range(1, 4)
        ]


async def test_many_subscribers_share_one_reading_of_the_log(
    store: Store,
) -> None:
    feeds = [store.feed.follow(STOCKHOLM, 0) for _ in range(50)]
    readers = [asyncio.create_task(sequences(feed, 20)) for feed in feeds]
    await _write_in_turn(store, 20)

    assert await asyncio.gather(*readers) == [list(range(1, 21))] * 50
    assert list(store.feed._tails) == [STOCKHOLM]
    assert store.feed._tails[STOCKHOLM].readers == 50
    for feed in feeds:
        await feed.aclose()


# ------------------------------------------------------------- clean-up


def tasks() -> set["asyncio.Task[object]"]:
    """All running tasks, without those of the driver's own calls."""
    return {
        task
        for task in asyncio.all_tasks()
        if not any("pymongo" in frame.f_code.co_filename for frame in task.get_stack(limit=1))
    }


async def test_closing_releases_all_resources(store: Store) -> None:
    await write_events(store, 1)
    before = tasks()
    feeds = [store.feed.follow(STOCKHOLM, 0) for _ in range(3)]
    for feed in feeds:
        await take(feed, 1)
    assert store.feed._tails[STOCKHOLM].readers == 3

    for feed in feeds:
        await feed.aclose()

    assert store.feed._tails == {}
    assert tasks() <= before


async def test_a_reader_that_is_cancelled_while_it_waits_releases_its_tail(store: Store) -> None:
    await write_events(store, 1)
    feed = store.feed.follow(STOCKHOLM, 0)
    await take(feed, 1)
    reader = asyncio.create_task(take(feed, 1))
    await asyncio.sleep(0)  # the reader starts to wait

    reader.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reader

    assert store.feed._tails == {}


async def test_a_reader_that_rejoins_after_the_last_reader_left_misses_nothing(
    store: Store,
) -> None:
    assert await _read_while_writing(store, 0, 2) == [1, 2]
    await write_events(store, 2)

    assert await _read_while_writing(store, 2, 4) == [3, 4, 5, 6]


async def _read_while_writing(store: Store, after: int, count: int) -> list[int]:
    reading = asyncio.create_task(_sequences_after(store, after, count))
    await write_events(store, 2)
    return await reading


async def test_a_feed_continues_after_its_change_stream_was_lost(store: Store) -> None:
    async with aclosing(store.feed.follow(STOCKHOLM, 0)) as feed:
        await write_events(store, 1)
        assert await sequences(feed, 1) == [1]
        client = store.database.client
        operations = await client.admin.command(
            "aggregate", 1, pipeline=[{"$currentOp": {"idleCursors": True}}], cursor={}
        )
        streams = [
            operation["cursor"]["cursorId"]
            for operation in operations["cursor"]["firstBatch"]
            if operation.get("ns") == f"{store.database.name}.events" and "cursor" in operation
        ]
        assert streams  # including feeds that have just been stopped

        await client[store.database.name].command("killCursors", "events", cursors=streams)
        await write_events(store, 5)

        assert await sequences(feed, 5) == [2, 3, 4, 5, 6]


async def test_a_stopped_feed_leaves_no_task(database: Database) -> None:
    before = tasks()
    store = Store(database, KINDS)
    store.feed.start()
    assert sorted(task.get_name() for task in tasks() - before) == ["feed", "log polling"]

    await store.feed.stop()

    assert tasks() <= before


@pytest.mark.parametrize(
    "unreadable", [{"action": "OF_A_NEWER_SERVER"}, {"actor": None}, {"audience": {}}]
)
async def test_an_unreadable_event_does_not_end_the_feeds_of_other_logs(
    store: Store, database: Database, unreadable: dict[str, object]
) -> None:
    async def change(transaction: Transaction) -> Saved:
        return Saved(event=transaction.record(Act(ANNA), Action.IMPORTED))

    async with asyncio.timeout(20):
        feed = store.feed.follow(STOCKHOLM, 0)
        other = store.feed.follow("SE2321000024", 0)
        await store.log.submit(STOCKHOLM, change)
        await store.log.submit("SE2321000024", change)
        assert (await anext(feed)).sequence == (await anext(other)).sequence == 1
        row = await database.find_one("events", {"principal": STOCKHOLM})
        assert row is not None

        await database["events"].insert_one(
            row | {"_id": f"ev_{STOCKHOLM}.2", "sequence": 2} | unreadable
        )
        await store.log.submit("SE2321000024", change)

        assert (await anext(other)).sequence == 2
    await feed.aclose()
    await other.aclose()
