"""Sequence numbers and times of a log only increase."""

import asyncio
from datetime import UTC, timedelta
from itertools import pairwise

import pytest

from store.errors import NotFound
from store.log.log import Log, utc_now
from store.mongo.connection import Database
from store.registry import Store
from tests.storage.building import (
    STOCKHOLM,
    created,
    head_of,
    noted,
)
from tests.storage.log_changes import failing


async def test_a_reader_that_sees_a_number_sees_all_earlier_ones(
    store: Store, second_server: Store
) -> None:
    async def write(server: Store) -> None:
        for number in range(40):
            await server.log.submit(STOCKHOLM, noted(str(number)))

    writers = asyncio.gather(write(store), write(second_server), write(second_server))
    readings = []
    while not writers.done():
        readings.append(
            [event.sequence for event in await store.history.after(STOCKHOLM, 0, limit=1_000)]
        )
    await writers

    assert len(readings) > 10
    assert all(numbers == list(range(1, len(numbers) + 1)) for numbers in readings)
    assert await store.history.latest_sequence(STOCKHOLM) == 120


async def test_a_clock_that_is_set_back_does_not_decrease_times(
    database: Database, store: Store
) -> None:
    start = utc_now() + timedelta(days=1)
    times = [
        start,
        start - timedelta(hours=1),
        start - timedelta(days=400),
        start + timedelta(milliseconds=1),
        start,
    ]
    log = Log(database, clock=iter(times).__next__)

    at = [
        saved.event.at for _ in times if (saved := await log.submit(STOCKHOLM, noted("tid"))).event
    ]

    later = start + timedelta(milliseconds=1)
    assert at == [start, start, start, later, later]
    stored = [event.at for event in await store.history.after(STOCKHOLM, 0, limit=10)]
    assert stored == at


async def test_a_refused_change_does_not_advance_the_time_of_the_log(
    database: Database, store: Store
) -> None:
    ahead = Log(database, clock=lambda: utc_now() + timedelta(days=1))
    with pytest.raises(NotFound):
        await ahead.submit(STOCKHOLM, failing(NotFound("Nej.")))

    saved = await store.log.submit(STOCKHOLM, noted("nu"))

    assert saved.event is not None
    assert saved.event.at <= utc_now()


async def test_times_are_utc_to_the_millisecond_and_read_back_unchanged(store: Store) -> None:
    before = utc_now()
    document = await created(store)
    after = utc_now()

    assert before <= document.created_at <= after
    assert document.created_at.tzinfo is UTC
    assert document.created_at.microsecond % 1000 == 0
    assert (await head_of(store, document)).created_at == document.created_at


async def test_times_within_a_log_never_decrease_under_load(store: Store) -> None:
    await asyncio.gather(*(created(store, str(number)) for number in range(100)))

    events = await store.history.after(STOCKHOLM, 0, limit=200)
    assert all(before.at <= after.at for before, after in pairwise(events))
