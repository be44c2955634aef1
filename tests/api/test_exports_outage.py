"""Exports while MongoDB is unavailable.

Before the first byte, an export is refused with a code. After it, the response is cut off, so that
no client mistakes a part for the whole file.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from resolvers.kinds.registrations import KINDS
from resolvers.reference.principals import reference_principals
from store.mongo import embedded_server
from store.mongo.connection import Database, connect
from store.mongo.indexes import create_indexes
from store.registry import Store
from tests.exporting import (
    MANY_ROWS,
    WHOLE,
    exported,
    fetched,
    refusal,
    slowly_read,
    with_many_rows,
)
from tests.serving import serving
from tests.world import World


class StoppableMongod:
    """A MongoDB server that can be stopped and started again with its data."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._running: embedded_server.Mongod | None = None

    async def start(self) -> str:
        """Start the server if it is stopped, and return its address, which does not change."""
        if self._running is None:
            self._running = await embedded_server.start(self._folder, cache_gb=0.25)
        return self._running.uri

    async def stop(self) -> None:
        """Stop the server."""
        if self._running is not None:
            await self._running.stop()
        self._running = None


@asynccontextmanager
async def world_with_own_mongodb(folder: Path) -> AsyncIterator[tuple[World, StoppableMongod]]:
    """A world with a MongoDB server that can be stopped."""
    mongodb = StoppableMongod(folder / "mongodb")
    uri = await mongodb.start()
    client = connect(uri)
    store = Store(Database(client, "outage"), KINDS)
    try:
        await create_indexes(store.database)
        await store.principals.ensure(reference_principals())
        async with serving(folder, uri, store, development=True) as api:
            try:
                yield await World.build(api), mongodb
            finally:
                await mongodb.start()
    finally:
        await store.log.close()
        await client.close()
        await mongodb.stop()


async def test_an_export_is_refused_while_mongodb_is_stopped_and_works_after_its_restart(
    tmp_path: Path,
) -> None:
    async with world_with_own_mongodb(tmp_path) as (world, mongodb):
        await world.distribute(world.case_type)
        before = [await exported(caller, "assignments") for caller in (world.reporter, world.staff)]

        await mongodb.stop()
        refused, unavailable = await asyncio.gather(
            asyncio.gather(
                *(refusal(caller, "assignments.csv") for caller in (world.reporter, world.staff))
            ),
            fetched(world.staff, "versions.xlsx"),
        )
        await mongodb.start()
        after = [await exported(caller, "assignments") for caller in (world.reporter, world.staff)]

    assert refused == [(503, "UNAVAILABLE", []), (503, "UNAVAILABLE", [])]
    assert unavailable.headers["retry-after"] == "30"
    assert after == before
    assert [len(rows) for rows in before] == [2, 1]


async def test_a_response_is_cut_off_if_mongodb_stops_during_an_export(
    tmp_path: Path,
) -> None:
    async with world_with_own_mongodb(tmp_path) as (world, mongodb):
        await with_many_rows(world)

        async with slowly_read(world, "assignments.ndjson") as (head, reader):
            async with asyncio.timeout(60):
                first = await reader.readuntil(b"\n{")  # the first rows have been sent
            await mongodb.stop()
            async with asyncio.timeout(60):
                rest = first + await reader.read(-1)
        await mongodb.start()
        whole = await exported(world.region, "assignments")

    assert f"x-total-rows: {MANY_ROWS}\r\n".encode() in head
    assert 0 < rest.count(b"\n{") < MANY_ROWS
    assert not rest.endswith(WHOLE)
    assert len(whole) == MANY_ROWS
