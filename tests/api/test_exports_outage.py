"""Exports while MongoDB is away: refused with a code before the first byte; after it cut off, so
that no client takes a part for the whole.
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


class Away:
    """A MongoDB that can be taken away and be back, with what it holds."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._running: embedded_server.Mongod | None = None

    async def back(self) -> str:
        """There it is; its address, always the same."""
        if self._running is None:
            self._running = await embedded_server.start(self._folder, cache_gb=0.25)
        return self._running.uri

    async def gone(self) -> None:
        """There it is no more."""
        if self._running is not None:
            await self._running.stop()
        self._running = None


@asynccontextmanager
async def a_world_of_its_own(folder: Path) -> AsyncIterator[tuple[World, Away]]:
    """A world whose MongoDB can be taken away."""
    mongodb = Away(folder / "mongodb")
    uri = await mongodb.back()
    client = connect(uri)
    store = Store(Database(client, "outage"), KINDS)
    try:
        await create_indexes(store.database)
        await store.principals.ensure(reference_principals())
        async with serving(folder, uri, store, development=True) as api:
            try:
                yield await World.build(api), mongodb
            finally:
                await mongodb.back()
    finally:
        await store.log.close()
        await client.close()
        await mongodb.gone()


async def test_an_export_is_refused_by_a_code_while_mongodb_is_away_and_answers_once_it_is_back(
    tmp_path: Path,
) -> None:
    async with a_world_of_its_own(tmp_path) as (world, mongodb):
        await world.distribute(world.case_type)
        before = [await exported(caller, "assignments") for caller in (world.reporter, world.staff)]

        await mongodb.gone()
        refused, told = await asyncio.gather(
            asyncio.gather(
                *(refusal(caller, "assignments.csv") for caller in (world.reporter, world.staff))
            ),
            fetched(world.staff, "versions.xlsx"),
        )
        await mongodb.back()
        after = [await exported(caller, "assignments") for caller in (world.reporter, world.staff)]

    assert refused == [(503, "UNAVAILABLE", []), (503, "UNAVAILABLE", [])]
    assert told.headers["retry-after"] == "30"
    assert after == before
    assert [len(rows) for rows in before] == [2, 1]


async def test_an_export_that_mongodb_leaves_is_cut_off_so_that_the_client_notices(
    tmp_path: Path,
) -> None:
    async with a_world_of_its_own(tmp_path) as (world, mongodb):
        await with_many_rows(world)

        async with slowly_read(world, "assignments.ndjson") as (head, reader):
            async with asyncio.timeout(60):
                begun = await reader.readuntil(b"\n{")  # the rows are on their way
            await mongodb.gone()
            async with asyncio.timeout(60):
                rest = begun + await reader.read(-1)
        await mongodb.back()
        whole = await exported(world.region, "assignments")

    assert f"x-total-rows: {MANY_ROWS}\r\n".encode() in head
    assert 0 < rest.count(b"\n{") < MANY_ROWS
    assert not rest.endswith(WHOLE)
    assert len(whole) == MANY_ROWS
