"""What a caller is told when MongoDB fails at a known moment (its own fail points), and that
repeating a call under its key does it once.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from pymongo import AsyncMongoClient

from resolvers.kinds.registrations import KINDS
from resolvers.reference.principals import reference_principals
from store.mongo.connection import Database, connect
from store.mongo.indexes import create_indexes
from store.records import Role
from store.registry import Store
from tests.callers import BJORKEN, STOCKHOLM, Api, Caller, Json, operation
from tests.faults.cluster import HERE, ReplicaSet, replica_set
from tests.serving import serving

CREATE = operation("caseTypeCreate", "event { sequence action }")
AWAY: Json = {"closeConnection": True}
DONE_BUT_NOT_SAID: Json = {
    "writeConcernError": {"code": 91, "errmsg": "fails as it is asked to"}
}  # ShutdownInProgress


@pytest.fixture(scope="module")
async def members(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ReplicaSet]:
    """A MongoDB that fails as it is asked to."""
    async with replica_set(
        tmp_path_factory.mktemp("failing"), [HERE], ["--setParameter", "enableTestCommands=1"]
    ) as members:
        yield members


@pytest.fixture(scope="module")
async def failing(members: ReplicaSet) -> AsyncIterator[Database]:
    """A database there."""
    client = connect(members.uri)
    database = Database(client, "failing")
    await create_indexes(database)
    yield database
    await client.close()


@pytest.fixture
async def api(members: ReplicaSet, failing: Database, tmp_path: Path) -> AsyncIterator[Api]:
    """The running app over it."""
    store = Store(failing, KINDS)
    await store.principals.ensure(reference_principals())
    async with serving(tmp_path, members.uri, store, development=True) as api:
        yield api
    await store.log.close()


@asynccontextmanager
async def fails(
    database: Database, how: Json, *commands: str, on: str = "", times: int | None = None
) -> AsyncIterator[None]:
    """Let MongoDB fail at commands of the registry, on one collection or any."""
    admin: AsyncMongoClient[Any] = AsyncMongoClient(
        [f"{host}:{port}" for host, port in database.client.nodes], directConnection=True
    )
    data = (
        how
        | {"failCommands": list(commands), "appName": "casetypes"}
        | ({"namespace": f"{database.name}.{on}"} if on else {})
    )
    await admin.admin.command(
        {
            "configureFailPoint": "failCommand",
            "mode": {"times": times} if times else "alwaysOn",
            "data": data,
        }
    )
    try:
        yield
    finally:
        await admin.admin.command({"configureFailPoint": "failCommand", "mode": "off"})
        await admin.close()


def asked(key: str) -> Json:
    return {
        "owner": STOCKHOLM,
        "content": {"name": "Ny", "internalName": key},
        "idempotencyKey": key,
    }


async def codes(caller: Caller, key: str) -> list[str]:
    answer = (await caller.post(CREATE, input=asked(key))).json()
    assert answer["data"] is None
    return [error["extensions"]["code"] for error in answer["errors"]]


async def written(caller: Caller) -> int:
    answer = await caller.ask(
        f'{{ principal(hsaId: "{STOCKHOLM}") {{ events {{ totalCount }} }} }}'
    )
    count: int = answer["principal"]["events"]["totalCount"]
    return count


@pytest.fixture
def caller(api: Api) -> Caller:
    return api.caller(Role.REGIONAL_ADMINISTRATOR, STOCKHOLM)


async def test_a_commit_that_was_done_but_not_confirmed_is_unknown_and_repeated_it_is_found_done(
    failing: Database, caller: Caller
) -> None:
    before = await written(caller)
    async with fails(failing, DONE_BUT_NOT_SAID, "commitTransaction"):
        told = await codes(caller, "gjord")
    after = await written(caller)

    again = await caller.ask(CREATE, input=asked("gjord"))

    assert told == ["OUTCOME_UNKNOWN"]
    assert after == before + 1
    assert again == {
        "caseTypeCreate": {"event": {"sequence": after, "action": "CREATED"}, "errors": []}
    }
    assert await written(caller) == after


async def test_a_commit_that_never_came_is_unknown_and_repeated_it_is_done_once(
    failing: Database, caller: Caller
) -> None:
    before = await written(caller)
    async with fails(failing, AWAY, "commitTransaction"):
        told = await codes(caller, "ogjord")

    # What was begun still holds the log's counter; it is ended for the one who waits for it.
    first = await caller.ask(CREATE, input=asked("ogjord"))
    second = await caller.ask(CREATE, input=asked("ogjord"))

    assert told == ["OUTCOME_UNKNOWN"]
    assert (
        first
        == second
        == {
            "caseTypeCreate": {"event": {"sequence": before + 1, "action": "CREATED"}, "errors": []}
        }
    )
    assert await written(caller) == before + 1


async def test_a_change_stream_that_hangs_delays_events_and_stops_none(
    failing: Database, api: Api, caller: Caller
) -> None:
    hangs: Json = {"blockConnection": True, "blockTimeMS": 14_000}
    async with caller.socket() as socket:
        await socket.subscribe(
            f'subscription {{ events(principal: "{STOCKHOLM}") {{ sequence }} }}'
        )
        await socket.started()
        async with fails(failing, hangs, "getMore"):
            await caller.ask(
                CREATE, input=asked("väcker")
            )  # answers what is under way; the next one hangs
            first = (await socket.next())["events"]["sequence"]
            await caller.ask(CREATE, input=asked("hänger"))
            assert (await socket.next(timeout=10))["events"]["sequence"] == first + 1


async def test_a_large_group_is_tried_again_where_its_first_heads_are_refused_for_a_moment(
    failing: Database, caller: Caller
) -> None:
    """A third of the heads is written while the rest is made: that it failed may come out in the
    middle of another change.
    """
    before = await written(caller)
    keys = [f"många {number}" for number in range(30)]
    held_up: Json = {
        "errorCode": 112,
        "errorLabels": ["TransientTransactionError"],
    }  # WriteConflict
    async with fails(failing, held_up, "update", on="documents", times=2):
        answers = await asyncio.gather(*(caller.ask(CREATE, input=asked(key)) for key in keys))
    again = await asyncio.gather(*(caller.ask(CREATE, input=asked(key)) for key in keys))

    sequences = [answer["caseTypeCreate"]["event"]["sequence"] for answer in answers]
    assert sorted(sequences) == list(range(before + 1, before + 31))
    assert again == answers
    assert await written(caller) == before + 30


async def test_a_commit_that_fails_for_a_moment_is_answered_as_if_nothing_had_been(
    failing: Database, caller: Caller
) -> None:
    before = await written(caller)
    for number, how in enumerate((AWAY, DONE_BUT_NOT_SAID)):
        async with fails(failing, how, "commitTransaction", times=2):
            answer = await caller.ask(CREATE, input=asked(f"strax {number}"))
        assert answer["caseTypeCreate"]["errors"] == []

    assert await written(caller) == before + 2


async def test_a_write_that_mongodb_could_not_be_asked_for_is_unavailable_and_nothing_is_written(
    failing: Database, caller: Caller
) -> None:
    before = await written(caller)
    async with fails(failing, AWAY, "findAndModify"):
        told = await codes(caller, "avbruten")

    assert told == ["UNAVAILABLE"]
    assert await written(caller) == before
    assert (await caller.ask(CREATE, input=asked("avbruten")))["caseTypeCreate"]["event"][
        "sequence"
    ] == before + 1


async def test_a_full_disk_is_unavailable_and_nothing_is_written(
    failing: Database, caller: Caller
) -> None:
    before = await written(caller)
    async with fails(failing, {"errorCode": 14031}, "insert", on="events"):  # OutOfDiskSpace
        told = await codes(caller, "full")

    assert told == ["UNAVAILABLE"]
    assert await written(caller) == before


async def test_a_read_is_unavailable_while_mongodb_is_gone(
    members: ReplicaSet, caller: Caller
) -> None:
    [member] = members.members
    await written(caller)
    await member.end()
    answer = (await caller.post("{ caseTypes { totalCount } }")).json()
    member.start()
    await members.primary()

    assert [error["extensions"]["code"] for error in answer["errors"]] == ["UNAVAILABLE"]
    assert await written(caller) >= 0


async def test_a_stream_is_unavailable_while_mongodb_can_not_say_who_asks(
    failing: Database, api: Api
) -> None:
    clinic = api.caller(Role.CLINIC_STAFF, BJORKEN)
    headers = {"authorization": f"Bearer {clinic.token}", "accept": "text/event-stream"}
    async with fails(failing, AWAY, "find", "aggregate"):
        answer = await clinic.client.post(
            api.url, json={"query": "{ viewer { roles } }"}, headers=headers
        )

    assert (answer.status_code, answer.json()["errors"][0]["extensions"]["code"]) == (
        503,
        "UNAVAILABLE",
    )


async def test_what_was_written_is_told_as_written_though_the_writers_name_could_not_be_noted(
    failing: Database, caller: Caller
) -> None:
    async with fails(failing, AWAY, "update", on="people"):
        answer = await caller.ask(CREATE, input=asked("namn"))

    assert answer["caseTypeCreate"]["errors"] == []
