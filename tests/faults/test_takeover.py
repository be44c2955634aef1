"""Reads and feeds just after an election.

A new primary has everything that a majority has, but for a moment it does not know the new majority
commit point. No caller may get an older state because of that. MongoDB's own fail point prolongs
that moment, so that it can be tested.
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
from tests.faults.cluster import HERE, Member, ReplicaSet, replica_set
from tests.serving import serving
from tests.world import World

OBSERVED_SECONDS = 1.0
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
    """Three members. Two of them can be kept from learning the majority commit point."""
    async with replica_set(
        tmp_path_factory.mktemp("takeover"), [HERE] * 3, ["--setParameter", "enableTestCommands=1"]
    ) as members:
        yield members


@pytest.fixture
async def database(members: ReplicaSet, tmp_path: Path) -> AsyncIterator[Database]:
    """A database for each test, with the connection of one process."""
    async with process(members, tmp_path.name) as database:
        await create_indexes(database)
        yield database


@pytest.fixture
async def world(members: ReplicaSet, database: Database, tmp_path: Path) -> AsyncIterator[World]:
    """The usual world, on that database."""
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
    """Keep the secondaries from learning the majority commit point until the end of the block.

    Yields a function that makes one of them the primary.
    """
    before = await members.primary()
    async with AsyncMongoClient[Json](
        members.uri, readConcernLevel="majority", w="majority"
    ) as client:
        marks = client["aside"]["marks"]
        # MongoDB does not answer majority reads of a collection that it does not know yet.
        await marks.insert_one({})
        await keep_unaware(members, but=before)

        async def take_over() -> None:
            mark = {"_id": ObjectId()}
            await marks.insert_one(mark)
            while await members.primary() is before:
                await before.ask(
                    {"replSetStepDown": 3, "secondaryCatchUpPeriodSecs": 2, "force": True}
                )
            assert await marks.find_one(mark) is None  # not visible, although a majority has it

        try:
            yield take_over
        finally:
            await make_aware(members)
            while not await (await members.primary()).ask(
                {"appendOplogNote": 1, "data": {"for": "the majority to move on"}}
            ):
                pass


async def keep_unaware(members: ReplicaSet, but: object) -> None:
    """Keep all members except one from learning the majority commit point."""
    for member in members.members:
        await disable_snapshots(member, "off" if member is but else "alwaysOn")


async def make_aware(members: ReplicaSet) -> None:
    """Let all members learn the majority commit point."""
    for member in members.members:
        await disable_snapshots(member, "off")


async def disable_snapshots(member: Member, mode: str) -> None:
    """Set the mode of the fail point on a member."""
    while not await member.ask({"configureFailPoint": "disableSnapshotting", "mode": mode}):
        pass  # A busy machine may not answer within the half second that a command may take.


async def test_no_read_returns_an_older_state_than_an_earlier_read(
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
        await asyncio.wait(reading.values(), timeout=OBSERVED_SECONDS)

    found = {name: await read for name, read in reading.items()}
    assert found == {
        "find": [new],
        "find_one": new,
        "aggregate": [new],
        "distinct": ["new"],
        "count": 1,
        "newest": new,
    }


async def test_a_caller_reads_its_own_write(
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
        await asyncio.wait([asking], timeout=OBSERVED_SECONDS)
    assert await asking == {"caseType": {"latestVersion": 2}}


async def test_subscribers_that_catch_up_miss_no_event(
    members: ReplicaSet, world: World, database: Database
) -> None:
    first_event = (await world.distribute(world.case_type, BJORKEN))["event"]
    async with (
        world.region.socket() as log,
        world.staff.socket() as inbox,
        world.region.socket() as watched,
    ):
        await watched.subscribe(EVENTS, after=first_event["cursor"])
        async with unaware(members) as take_over:
            for version in (2, 3, 4):
                await world.edit(
                    world.case_type, version - 1, publish=True, introduction=f"Text {version}."
                )
                await watched.next()  # The server has read the event from its feed.
            await take_over()
            await log.subscribe(EVENTS, after=first_event["cursor"])
            await inbox.subscribe(NOTIFICATIONS, after=first_event["cursor"])
            first_of_log, first_of_inbox = (
                asyncio.ensure_future(socket.next()) for socket in (log, inbox)
            )
            await asyncio.wait([first_of_log, first_of_inbox], timeout=OBSERVED_SECONDS)
        logged = [await first_of_log, await log.next(), await log.next()]
        notified = [await first_of_inbox, await inbox.next(), await inbox.next()]
    assert [message["events"]["sequence"] for message in logged] == [
        first_event["sequence"] + number for number in (1, 2, 3)
    ]
    assert [message["clinicNotifications"]["toVersion"] for message in notified] == [2, 3, 4]


async def test_the_clinics_of_an_event_are_read_from_the_state_at_that_event_or_later(
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
                    await asyncio.wait([asking], timeout=OBSERVED_SECONDS)
                assert await asking == [BJORKEN]
        finally:
            await store.feed.stop()


async def test_a_cursor_of_another_server_is_accepted(
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
                await asyncio.wait([following, exporting], timeout=OBSERVED_SECONDS)
            await following  # without an error that the cursor is unknown
            assert (await exporting).status_code == 200
            later = (
                await world.edit(world.case_type, 2, publish=True, introduction="Nyare text.")
            )["event"]
            assert (await socket.next())["events"]["sequence"] == later["sequence"]


async def test_an_acknowledgement_at_another_server_includes_the_latest_notification(
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
            await asyncio.wait([acknowledging], timeout=OBSERVED_SECONDS)
        await acknowledging
    [row] = await database.find("assignments", {"clinic": BJORKEN})
    assert row["acknowledged_version"] == 2
