"""Time limits of operations, cancelled queries, and limits on concurrent operations."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from inspect import signature
from pathlib import Path

import pytest

from store.mongo.connection import Database
from store.records import Role
from store.registry import Store
from tests.callers import BJORKEN, LINDEN, STOCKHOLM, Api, operation
from tests.exporting import fetched
from tests.serving import serving
from tests.trust.raw_http import request_head

VIEWER = "{ viewer { roles } }"
QUERY = f'{{ clinic(hsaId: "{BJORKEN}") {{ name }} }}'
SECONDS = 30
READS = signature(Database).parameters["reads"].default


@asynccontextmanager
async def no_reads(api: Api) -> AsyncIterator[asyncio.Semaphore]:
    """Block all reads of the application. Yields the semaphore that they wait for."""
    slots: asyncio.Semaphore = api.live.hub._store.database._reads
    for _ in range(READS):  # Waits for the reads that are in progress.
        await slots.acquire()
    yield slots
    for _ in range(READS):
        slots.release()


def waiting(slots: asyncio.Semaphore) -> int:
    """How many reads are waiting."""
    return len([waiter for waiter in slots._waiters or () if not waiter.done()])


async def until(condition: Callable[[], bool]) -> None:
    """Wait for a condition, with a timeout."""
    async with asyncio.timeout(SECONDS):
        while not condition():  # noqa: ASYNC110 - nothing signals it
            await asyncio.sleep(0.01)


@pytest.fixture
async def hasty(mongodb_uri: str, store: Store, tmp_path: Path) -> AsyncIterator[Api]:
    """The application with a short timeout."""
    async with serving(tmp_path, mongodb_uri, store, development=True, deadline_seconds=0.5) as api:
        # Fills the shared caches, so that later queries do not read for them.
        await api.caller(Role.REGIONAL_ADMINISTRATOR, STOCKHOLM).ask(VIEWER)
        yield api


async def test_a_query_is_cancelled_at_its_deadline_and_leaves_no_waiting_read(
    hasty: Api,
) -> None:
    caller = hasty.caller(Role.REGIONAL_ADMINISTRATOR, STOCKHOLM)
    async with no_reads(hasty) as slots:
        over_http = await caller.post(QUERY)
        async with caller.socket() as socket:
            await socket.subscribe(QUERY)
            over_socket = await socket.message()
        still_waiting = waiting(slots)

    assert over_http.json()["errors"][0]["extensions"]["code"] == "DEADLINE_EXCEEDED"
    assert (over_socket["type"], over_socket["payload"][0]["extensions"]["code"]) == (
        "error",
        "DEADLINE_EXCEEDED",
    )
    assert still_waiting == 0


async def test_the_deadline_and_the_limit_on_concurrent_operations_apply_to_conditional_requests(
    mongodb_uri: str, store: Store, tmp_path: Path
) -> None:
    query = json.dumps({"query": '{ caseType(id: "ct_0") { name } }'})
    async with serving(
        tmp_path, mongodb_uri, store, development=True, user_operations=2, deadline_seconds=0.5
    ) as api:
        caller = api.caller(Role.REGIONAL_ADMINISTRATOR, STOCKHOLM)
        headers = {
            "authorization": f"Bearer {caller.token}",
            "content-type": "application/json",
            "if-none-match": '""',
        }
        await caller.ask(VIEWER)
        async with no_reads(api) as slots:
            requests = [
                asyncio.create_task(caller.client.post(api.url, content=query, headers=headers))
                for _ in range(5)
            ]
            await until(lambda: waiting(slots) > 0)
            await api.nobody().refused(VIEWER)  # Gives the server time to start the others.
            in_progress = waiting(slots)
            async with asyncio.timeout(SECONDS):
                responses = await asyncio.gather(*requests)

    assert in_progress == 2
    assert {response.json()["errors"][0]["extensions"]["code"] for response in responses} == {
        "DEADLINE_EXCEEDED"
    }


async def test_the_deadline_applies_to_reports_but_not_to_exports(hasty: Api) -> None:
    caller = hasty.caller(Role.REGIONAL_ADMINISTRATOR, STOCKHOLM)
    await caller.done(
        "clinicsImport",
        "created",
        principal=STOCKHOLM,
        csv="hsaId,name\n" + f"{BJORKEN},Björken\n{LINDEN},Linden\n",
    )
    await fetched(caller, "clinics.csv")  # Fills the shared caches.
    async with no_reads(hasty) as slots:
        export = asyncio.create_task(fetched(caller, "clinics.ndjson"))
        await until(lambda: waiting(slots) > 0)
        report = (await caller.post("{ reports { caseTypesPerClinic { totalCount } } }")).json()
        still_waiting = waiting(slots)
    response = await export

    assert report["errors"][0]["extensions"]["code"] == "DEADLINE_EXCEEDED"
    assert still_waiting == 1
    assert (response.status_code, len(response.text.splitlines())) == (200, 2)


async def test_a_query_is_cancelled_when_its_client_disconnects(api: Api) -> None:
    caller = api.caller(Role.REGIONAL_ADMINISTRATOR, STOCKHOLM)
    await caller.ask(VIEWER)
    body = json.dumps({"query": QUERY}).encode()
    host, port = api.root.removeprefix("http://").split(":")
    async with no_reads(api) as slots:
        for accept in ("application/json", "text/event-stream"):
            _, writer = await asyncio.open_connection(host, int(port))
            head = request_head(caller, f"content-length: {len(body)}", f"accept: {accept}")
            writer.write(head + b"\r\n" + body)
            await until(lambda: waiting(slots) == 1)

            writer.transport.abort()

            await until(lambda: waiting(slots) == 0)
        async with caller.socket() as socket:
            await socket.subscribe(QUERY)
            await until(lambda: waiting(slots) == 1)
        await until(lambda: waiting(slots) == 0)


async def test_a_write_that_times_out_has_an_unknown_outcome_and_its_retry_writes_only_once(
    hasty: Api,
) -> None:
    caller = hasty.caller(Role.REGIONAL_ADMINISTRATOR, STOCKHOLM)
    content = {"name": "Ny", "internalName": "Ny"}
    save = operation("caseTypeCreate", "event { sequence }")
    arguments = {"owner": STOCKHOLM, "content": content, "idempotencyKey": "once"}
    admin = hasty.store.database.client["admin"]

    await admin.command("fsync", lock=True)
    try:
        unknown = (await caller.post(save, input=arguments)).json()
    finally:
        await admin.command("fsyncUnlock")
    async with asyncio.timeout(SECONDS):
        while "errors" in (retried := (await caller.post(save, input=arguments)).json()):
            assert retried["errors"][0]["extensions"]["code"] == "OUTCOME_UNKNOWN"
    log = await caller.ask(f'{{ principal(hsaId: "{STOCKHOLM}") {{ events {{ totalCount }} }} }}')

    assert unknown["errors"][0]["extensions"]["code"] == "OUTCOME_UNKNOWN"
    assert retried["data"]["caseTypeCreate"] == {"event": {"sequence": 1}, "errors": []}
    assert log["principal"]["events"]["totalCount"] == 1


async def test_operations_over_the_limit_of_a_user_wait_and_those_of_other_users_do_not(
    mongodb_uri: str, store: Store, tmp_path: Path
) -> None:
    async with serving(tmp_path, mongodb_uri, store, development=True, user_operations=2) as api:
        busy, other = (
            api.caller(Role.REGIONAL_ADMINISTRATOR, STOCKHOLM, employee=f"{STOCKHOLM}-{name}")
            for name in "AB"
        )
        await asyncio.gather(busy.ask(VIEWER), other.ask(VIEWER))
        async with no_reads(api) as slots:
            queries = [
                asyncio.create_task(caller.ask(QUERY)) for caller in (busy, busy, busy, busy, other)
            ]
            await until(lambda: waiting(slots) == 3)
            await api.nobody().refused(VIEWER)  # Gives the server time to start the others.
            in_progress = waiting(slots)
        results = await asyncio.gather(*queries)

    assert in_progress == 3
    assert results == [{"clinic": None}] * 5
