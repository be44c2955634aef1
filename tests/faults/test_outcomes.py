"""The responses to a caller when MongoDB fails at a known moment, by its own fail points.

A call that is repeated with the same idempotency key is executed once.
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
DISCONNECTED: Json = {"closeConnection": True}
DONE_BUT_NOT_CONFIRMED: Json = {
    "writeConcernError": {"code": 91, "errmsg": "fails as configured"}  # ShutdownInProgress
}


@pytest.fixture(scope="module")
async def members(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ReplicaSet]:
    """A MongoDB whose fail points can be configured."""
    async with replica_set(
        tmp_path_factory.mktemp("failing"), [HERE], ["--setParameter", "enableTestCommands=1"]
    ) as members:
        yield members


@pytest.fixture(scope="module")
async def failing(members: ReplicaSet) -> AsyncIterator[Database]:
    """A database on that MongoDB."""
    client = connect(members.uri)
    database = Database(client, "failing")
    await create_indexes(database)
    yield database
    await client.close()


@pytest.fixture
async def api(members: ReplicaSet, failing: Database, tmp_path: Path) -> AsyncIterator[Api]:
    """The running application on that database."""
    store = Store(failing, KINDS)
    await store.principals.ensure(reference_principals())
    async with serving(tmp_path, members.uri, store, development=True) as api:
        yield api
    await store.log.close()


@asynccontextmanager
async def fails(
    database: Database, how: Json, *commands: str, on: str = "", times: int | None = None
) -> AsyncIterator[None]:
    """Let MongoDB fail at commands of the registry, on one collection or on any.

    Args:
        database: The database of the registry.
        how: The fields of the fail point that say how a command fails.
        commands: The commands that fail.
        on: The collection. An empty name means any.
        times: How often the commands fail. None means until the end of the block.
    """
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


def input_of(key: str) -> Json:
    return {
        "owner": STOCKHOLM,
        "content": {"name": "Ny", "internalName": key},
        "idempotencyKey": key,
    }


async def error_codes(caller: Caller, key: str) -> list[str]:
    answer = (await caller.post(CREATE, input=input_of(key))).json()
    assert answer["data"] is None
    return [error["extensions"]["code"] for error in answer["errors"]]


async def event_count(caller: Caller) -> int:
    answer = await caller.ask(
        f'{{ principal(hsaId: "{STOCKHOLM}") {{ events {{ totalCount }} }} }}'
    )
    count: int = answer["principal"]["events"]["totalCount"]
    return count


@pytest.fixture
def caller(api: Api) -> Caller:
    return api.caller(Role.REGIONAL_ADMINISTRATOR, STOCKHOLM)


async def test_an_unconfirmed_commit_has_an_unknown_outcome_and_its_retry_finds_it_done(
    failing: Database, caller: Caller
) -> None:
    before = await event_count(caller)
    async with fails(failing, DONE_BUT_NOT_CONFIRMED, "commitTransaction"):
        codes = await error_codes(caller, "gjord")
    after = await event_count(caller)

    retried = await caller.ask(CREATE, input=input_of("gjord"))

    assert codes == ["OUTCOME_UNKNOWN"]
    assert after == before + 1
    assert retried == {
        "caseTypeCreate": {"event": {"sequence": after, "action": "CREATED"}, "errors": []}
    }
    assert await event_count(caller) == after


async def test_a_commit_that_never_arrived_has_an_unknown_outcome_and_its_retry_writes_once(
    failing: Database, caller: Caller
) -> None:
    before = await event_count(caller)
    async with fails(failing, DISCONNECTED, "commitTransaction"):
        codes = await error_codes(caller, "ogjord")

    # The open transaction still locks the log's counter. The server aborts it for the retry.
    first = await caller.ask(CREATE, input=input_of("ogjord"))
    second = await caller.ask(CREATE, input=input_of("ogjord"))

    assert codes == ["OUTCOME_UNKNOWN"]
    assert (
        first
        == second
        == {
            "caseTypeCreate": {"event": {"sequence": before + 1, "action": "CREATED"}, "errors": []}
        }
    )
    assert await event_count(caller) == before + 1


async def test_a_hanging_change_stream_delays_events_but_loses_none(
    failing: Database, api: Api, caller: Caller
) -> None:
    hangs: Json = {"blockConnection": True, "blockTimeMS": 14_000}
    async with caller.socket() as socket:
        await socket.subscribe(
            f'subscription {{ events(principal: "{STOCKHOLM}") {{ sequence }} }}'
        )
        await socket.started()
        async with fails(failing, hangs, "getMore"):
            # Ends the `getMore` that is in progress. The next one hangs.
            await caller.ask(CREATE, input=input_of("väcker"))
            first = (await socket.next())["events"]["sequence"]
            await caller.ask(CREATE, input=input_of("hänger"))
            assert (await socket.next(timeout=10))["events"]["sequence"] == first + 1


async def test_a_large_group_is_retried_when_its_first_heads_fail_temporarily(
    failing: Database, caller: Caller
) -> None:
    """The first third of the heads is written while the rest is created.

    Its failure can therefore surface in the middle of another change.
    """
    before = await event_count(caller)
    keys = [f"många {number}" for number in range(30)]
    conflict: Json = {
        "errorCode": 112,  # WriteConflict
        "errorLabels": ["TransientTransactionError"],
    }
    async with fails(failing, conflict, "update", on="documents", times=2):
        answers = await asyncio.gather(*(caller.ask(CREATE, input=input_of(key)) for key in keys))
    retried = await asyncio.gather(*(caller.ask(CREATE, input=input_of(key)) for key in keys))

    sequences = [answer["caseTypeCreate"]["event"]["sequence"] for answer in answers]
    assert sorted(sequences) == list(range(before + 1, before + 31))
    assert retried == answers
    assert await event_count(caller) == before + 30


async def test_a_commit_that_fails_temporarily_is_retried_and_answered_without_errors(
    failing: Database, caller: Caller
) -> None:
    before = await event_count(caller)
    for number, how in enumerate((DISCONNECTED, DONE_BUT_NOT_CONFIRMED)):
        async with fails(failing, how, "commitTransaction", times=2):
            answer = await caller.ask(CREATE, input=input_of(f"strax {number}"))
        assert answer["caseTypeCreate"]["errors"] == []

    assert await event_count(caller) == before + 2


async def test_a_write_that_did_not_reach_mongodb_is_unavailable_and_nothing_is_written(
    failing: Database, caller: Caller
) -> None:
    before = await event_count(caller)
    async with fails(failing, DISCONNECTED, "findAndModify"):
        codes = await error_codes(caller, "avbruten")

    assert codes == ["UNAVAILABLE"]
    assert await event_count(caller) == before
    assert (await caller.ask(CREATE, input=input_of("avbruten")))["caseTypeCreate"]["event"][
        "sequence"
    ] == before + 1


async def test_a_full_disk_is_unavailable_and_nothing_is_written(
    failing: Database, caller: Caller
) -> None:
    before = await event_count(caller)
    async with fails(failing, {"errorCode": 14031}, "insert", on="events"):  # OutOfDiskSpace
        codes = await error_codes(caller, "full")

    assert codes == ["UNAVAILABLE"]
    assert await event_count(caller) == before


async def test_a_read_is_unavailable_while_mongodb_is_gone(
    members: ReplicaSet, caller: Caller
) -> None:
    [member] = members.members
    await event_count(caller)
    await member.end()
    answer = (await caller.post("{ caseTypes { totalCount } }")).json()
    member.start()
    await members.primary()

    assert [error["extensions"]["code"] for error in answer["errors"]] == ["UNAVAILABLE"]
    assert await event_count(caller) >= 0


async def test_a_stream_is_unavailable_while_the_caller_cannot_be_read_from_mongodb(
    failing: Database, api: Api
) -> None:
    clinic = api.caller(Role.CLINIC_STAFF, BJORKEN)
    headers = {"authorization": f"Bearer {clinic.token}", "accept": "text/event-stream"}
    async with fails(failing, DISCONNECTED, "find", "aggregate"):
        answer = await clinic.client.post(
            api.url, json={"query": "{ viewer { roles } }"}, headers=headers
        )

    assert (answer.status_code, answer.json()["errors"][0]["extensions"]["code"]) == (
        503,
        "UNAVAILABLE",
    )


async def test_a_write_succeeds_even_if_the_writers_name_cannot_be_stored(
    failing: Database, caller: Caller
) -> None:
    async with fails(failing, DISCONNECTED, "update", on="people"):
        answer = await caller.ask(CREATE, input=input_of("namn"))

    assert answer["caseTypeCreate"]["errors"] == []
