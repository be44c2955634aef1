"""A primary that has just taken over has all that a majority has, and for a moment does not know
it: nobody may be shown or told less for that.

MongoDB's own fail point makes the moment as long as is needed to look at it.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from bson import ObjectId
from pymongo import AsyncMongoClient

from resolvers.kinds.registrations import KINDS
from resolvers.reference.principals import reference_principals
from store.mongo.connection import Database, connect
from store.mongo.indexes import create_indexes
from store.registry import Store
from tests.callers import BJORKEN, STOCKHOLM, Api, Caller, Json
from tests.exporting import fetched
from tests.faults.cluster import HERE, ReplicaSet, replica_set
from tests.serving import serving
from tests.world import World

LOOKED_AT_SECONDS = 1.0
EVENTS = (
    f'subscription($after: Cursor) {{ events(principal: "{STOCKHOLM}", after: $after) {{ sequence'
    " } }"
)
NOTIFICATIONS = (
    f'subscription($after: Cursor) {{ clinicNotifications(clinics: ["{BJORKEN}"], after: $after) {{'
    " toVersion } }"
)


@pytest.fixture(scope="module")
async def members(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ReplicaSet]:
    """Three of them, two of which can be kept from learning what a majority has."""
    async with replica_set(
        tmp_path_factory.mktemp("takeover"), [HERE] * 3, ["--setParameter", "enableTestCommands=1"]
    ) as members:
        yield members


@pytest.fixture
async def database(members: ReplicaSet, tmp_path: Path) -> AsyncIterator[Database]:
    """One for each test, seen as one process sees it."""
    async with process(members, tmp_path.name) as database:
        await create_indexes(database)
        yield database


@pytest.fixture
async def world(members: ReplicaSet, database: Database, tmp_path: Path) -> AsyncIterator[World]:
    """The usual one."""
    async with server(members, database, tmp_path) as api:
        yield await World.build(api)


@asynccontextmanager
async def process(members: ReplicaSet, name: str) -> AsyncIterator[Database]:
    client = connect(members.uri)
    try:
        yield Database(client, name)
    finally:
        await client.close()


@asynccontextmanager
async def server(members: ReplicaSet, database: Database, folder: Path) -> AsyncIterator[Api]:
    store = Store(database, KINDS)
    await store.principals.ensure(reference_principals())
    async with serving(folder, members.uri, store, development=True) as api:
        yield api
    await store.log.close()


@asynccontextmanager
async def unaware(members: ReplicaSet) -> AsyncIterator[Callable[[], Awaitable[None]]]:
    """Keep the secondaries from learning what a majority has, until the end of the block; what is
    yielded makes one of them the primary.
    """
    before = await members.primary()
    async with AsyncMongoClient[Json](
        members.uri, readConcernLevel="majority", w="majority"
    ) as client:
        marks = client["aside"]["marks"]
        await marks.insert_one(
            {}
        )  # what it has of a collection that it does not know yet, MongoDB does not tell at all
        await learn(members, but=before)

        async def take_over() -> None:
            mark = {"_id": ObjectId()}
            await marks.insert_one(mark)
            while await members.primary() is before:
                await before.ask(
                    {"replSetStepDown": 3, "secondaryCatchUpPeriodSecs": 2, "force": True}
                )
            assert await marks.find_one(mark) is None  # though a majority has it

        try:
            yield take_over
        finally:
            await learn(members)
            while not await (await members.primary()).ask(
                {"appendOplogNote": 1, "data": {"for": "the majority to move on"}}
            ):
                pass


async def learn(members: ReplicaSet, but: object = None) -> None:
    for member in members.members:
        mode = "off" if but is None or member is but else "alwaysOn"
        while not await member.ask({"configureFailPoint": "disableSnapshotting", "mode": mode}):
            pass  # it has half a second for an answer, which may not be enough on a busy machine


async def test_no_read_shows_less_than_one_before_it(
    members: ReplicaSet, database: Database
) -> None:
    reads: dict[str, Callable[[], Awaitable[Any]]] = {
        "find": lambda: database.find("events", {}),
        "find_one": lambda: database.find_one("events", {"_id": "new"}),
        "aggregate": lambda: database.aggregate("events", [{"$match": {"_id": "new"}}]),
        "distinct": lambda: database.distinct("events", "_id", {}),
        "count": lambda: database.count("events", {}),
        "newest": lambda: database.find_newest("events", "new"),
    }
    new = {"_id": "new", "principal": "p", "sequence": 1}
    async with unaware(members) as take_over:
        await database["events"].insert_one(new)
        assert await database.find("events", {}) == [new]
        await take_over()
        reading = {name: asyncio.ensure_future(read()) for name, read in reads.items()}
        await asyncio.wait(reading.values(), timeout=LOOKED_AT_SECONDS)

    found = {name: await one for name, one in reading.items()}
    assert found == {
        "find": [new],
        "find_one": new,
        "aggregate": [new],
        "distinct": ["new"],
        "count": 1,
        "newest": new,
    }


async def test_what_was_written_here_is_seen_here(
    members: ReplicaSet, world: World, database: Database
) -> None:
    async with unaware(members) as take_over:
        await world.edit(world.case_type, 1, publish=True, introduction="Ny text.")
        await take_over()
        asking = asyncio.ensure_future(
            world.region.ask(
                "query($id: ID!) { caseType(id: $id) { latestVersion } }", id=world.case_type
            )
        )
        await asyncio.wait([asking], timeout=LOOKED_AT_SECONDS)
    assert await asking == {"caseType": {"latestVersion": 2}}


async def test_who_catches_up_misses_nothing(
    members: ReplicaSet, world: World, database: Database
) -> None:
    begun = (await world.distribute(world.case_type, BJORKEN))["event"]
    async with (
        world.region.socket() as log,
        world.staff.socket() as inbox,
        world.region.socket() as watched,
    ):
        await watched.subscribe(EVENTS, after=begun["cursor"])
        async with unaware(members) as take_over:
            for version in (2, 3, 4):
                await world.edit(
                    world.case_type, version - 1, publish=True, introduction=f"Text {version}."
                )
                await watched.next()  # the server has met it
            await take_over()
            await log.subscribe(EVENTS, after=begun["cursor"])
            await inbox.subscribe(NOTIFICATIONS, after=begun["cursor"])
            telling = [asyncio.ensure_future(one.next()) for one in (log, inbox)]
            await asyncio.wait(telling, timeout=LOOKED_AT_SECONDS)
        told = [await one for one in telling]
        logged = [told[0], await log.next(), await log.next()]
        noticed = [told[1], await inbox.next(), await inbox.next()]
    assert [one["events"]["sequence"] for one in logged] == [
        begun["sequence"] + number for number in (1, 2, 3)
    ]
    assert [one["clinicNotifications"]["toVersion"] for one in noticed] == [2, 3, 4]


async def test_whom_an_event_concerns_is_read_as_it_is_since_that_event(
    members: ReplicaSet, world: World, database: Database
) -> None:
    async with process(members, database.name) as other:
        store = Store(other, KINDS)
        store.feed.start()
        try:
            async with aclosing(
                store.feed.follow(STOCKHOLM, await store.history.latest_sequence(STOCKHOLM))
            ) as events:
                following = asyncio.ensure_future(anext(events))
                async with unaware(members) as take_over:
                    await world.distribute(world.case_type, BJORKEN)
                    await following
                    await world.edit(world.case_type, 1, publish=True, introduction="Ny text.")
                    edited = await anext(events)
                    await take_over()
                    asking = asyncio.ensure_future(store.notifications.concerned(edited, {BJORKEN}))
                    await asyncio.wait([asking], timeout=LOOKED_AT_SECONDS)
                assert await asking == [BJORKEN]
        finally:
            await store.feed.stop()


async def test_a_cursor_of_another_server_is_taken(
    members: ReplicaSet, world: World, database: Database, tmp_path: Path
) -> None:
    async with process(members, database.name) as other, server(members, other, tmp_path) as api:
        region = Caller(api, world.region.client, world.region.token)
        async with region.socket() as socket:
            async with unaware(members) as take_over:
                written = (
                    await world.edit(world.case_type, 1, publish=True, introduction="Ny text.")
                )["event"]
                await take_over()
                await socket.subscribe(EVENTS, after=written["cursor"])
                following = asyncio.ensure_future(socket.started())
                exporting = asyncio.ensure_future(
                    fetched(region, "events.ndjson", after=written["cursor"])
                )
                await asyncio.wait([following, exporting], timeout=LOOKED_AT_SECONDS)
            await following  # and was not told that there is no such cursor
            assert (await exporting).status_code == 200
            later = (
                await world.edit(world.case_type, 2, publish=True, introduction="Nyare text.")
            )["event"]
            assert (await socket.next())["events"]["sequence"] == later["sequence"]


async def test_an_acknowledgement_at_another_server_is_of_what_was_told(
    members: ReplicaSet, world: World, database: Database, tmp_path: Path
) -> None:
    await world.distribute(world.case_type, BJORKEN)
    async with process(members, database.name) as other, server(members, other, tmp_path) as api:
        staff = Caller(api, world.staff.client, world.staff.token)
        async with unaware(members) as take_over:
            written = (await world.edit(world.case_type, 1, publish=True, introduction="Ny text."))[
                "event"
            ]
            await take_over()
            acknowledging = asyncio.ensure_future(
                staff.done(
                    "notificationsAcknowledge", "upTo", clinic=BJORKEN, upTo=written["cursor"]
                )
            )
            await asyncio.wait([acknowledging], timeout=LOOKED_AT_SECONDS)
        await acknowledging
    [row] = await database.find("assignments", {"clinic": BJORKEN})
    assert row["acknowledged_version"] == 2
