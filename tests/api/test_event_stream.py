"""Server-Sent Events: each POST runs one operation and returns one stream.

A stream can be resumed with `Last-Event-ID`. Comments keep it alive. It ends when its
token expires.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from store.records import Role
from store.registry import Store
from tests.callers import BJORKEN, STOCKHOLM, UPPSALA_CLINIC, Api, Caller, Json
from tests.serving import serving
from tests.world import World

NOTIFICATIONS = (
    "subscription($clinics: [HsaId!]!, $after: Cursor) { clinicNotifications(clinics: $clinics,"
    " after: $after) { cursor toVersion } }"
)
VIEWER = "{ viewer { roles } }"


class Stream:
    """Reads a stream: messages between blank lines."""

    def __init__(self, response: httpx2.Response) -> None:
        self.response = response
        self.lines = response.aiter_lines()

    async def message(self) -> dict[str, str]:
        """The fields of the next message; a comment has none."""
        fields: dict[str, str] = {}
        async with asyncio.timeout(10):
            async for line in self.lines:
                if not line:
                    return fields
                name, _, value = line.partition(": ")
                if name != ":":
                    fields[name] = value
        return {"event": "END"}

    async def next(self) -> tuple[str, Json]:
        """Id and data of the next result; comments are skipped."""
        while not (message := await self.message()):
            pass
        assert message["event"] == "next", message
        return message.get("id", ""), json.loads(message["data"])

    async def rest(self) -> list[str]:
        """The remaining events, up to the end of the stream."""
        found = []
        while (message := await self.message()) != {"event": "END"}:
            found += [message["event"]] if message else []
        return found


@asynccontextmanager
async def stream(
    caller: Caller,
    query: str,
    last_event_id: str | None = None,
    accept: str = "text/event-stream",
    **variables: Any,
) -> AsyncIterator[Stream]:
    """Send an operation and read its stream."""
    headers = {"accept": accept, "authorization": f"Bearer {caller.token}"} | (
        {"last-event-id": last_event_id} if last_event_id else {}
    )
    async with caller.client.stream(
        "POST", caller.api.url, json={"query": query, "variables": variables}, headers=headers
    ) as response:
        yield Stream(response)


async def test_replay_continues_live_with_the_cursor_as_id(world: World) -> None:
    distributed = await world.distribute(world.case_type, BJORKEN)
    await world.edit(world.case_type, 1, publish=True, introduction="Två.")

    async with stream(
        world.staff, NOTIFICATIONS, clinics=[BJORKEN], after=distributed["event"]["cursor"]
    ) as events:
        replayed = await events.next()
        await world.edit(world.case_type, 2, publish=True, introduction="Tre.")
        live = await events.next()
        headers = events.response.headers

    assert events.response.status_code == 200
    assert headers["content-type"] == "text/event-stream; charset=utf-8"
    assert headers["cache-control"] == "no-store"
    for number, (identifier, answer) in enumerate((replayed, live), 2):
        assert answer["data"]["clinicNotifications"] == {"cursor": identifier, "toVersion": number}


async def test_lines_end_with_lf_and_the_stream_starts_at_once(world: World) -> None:
    await world.distribute(world.case_type, BJORKEN)
    async with stream(world.staff, NOTIFICATIONS, clinics=[BJORKEN]) as events:
        first = await anext(events.response.aiter_raw())

    assert first == b":\n\n"


async def test_the_last_event_id_takes_precedence_over_the_variables(world: World) -> None:
    start = (await world.distribute(world.case_type, BJORKEN))["event"]["cursor"]
    for version in range(1, 4):
        await world.edit(world.case_type, version, publish=True, introduction=f"Text {version}.")
    async with stream(world.staff, NOTIFICATIONS, clinics=[BJORKEN], after=start) as events:
        first, _ = await events.next()

    async with stream(
        world.staff, NOTIFICATIONS, last_event_id=first, clinics=[BJORKEN], after=start
    ) as events:
        assert [
            (await events.next())[1]["data"]["clinicNotifications"]["toVersion"] for _ in range(2)
        ] == [3, 4]


@pytest.mark.parametrize(
    ("variables", "last_event_id", "code"),
    [
        ({"clinics": [UPPSALA_CLINIC]}, None, "NOT_FOUND"),
        ({"clinics": [BJORKEN], "after": "skräp"}, None, "INVALID_CURSOR"),
        ({"clinics": [BJORKEN]}, "skrap", "INVALID_CURSOR"),
    ],
)
async def test_a_refusal_is_a_result_and_completes_the_stream(
    world: World, variables: Json, last_event_id: str | None, code: str
) -> None:
    async with stream(world.staff, NOTIFICATIONS, last_event_id, **variables) as events:
        _, answer = await events.next()
        rest = await events.rest()

    assert [error["extensions"]["code"] for error in answer["errors"]] == [code]
    assert rest == ["complete"]


async def test_without_a_token_the_stream_contains_the_error(world: World) -> None:
    async with stream(world.api.nobody(), VIEWER) as events:
        _, answer = await events.next()

    assert [error["extensions"]["code"] for error in answer["errors"]] == ["UNAUTHENTICATED"]


async def test_a_query_returns_its_result_and_completes_the_stream(world: World) -> None:
    async with stream(world.region, VIEWER) as events:
        cost = {"cost": {"requested": 12, "limit": 20_000}}
        assert await events.next() == (
            "",
            {"data": {"viewer": {"roles": ["REGIONAL_ADMINISTRATOR"]}}, "extensions": cost},
        )
        assert await events.rest() == ["complete"]


@pytest.mark.parametrize(
    ("accept", "is_stream"),
    [
        ("text/event-stream", True),
        ("text/event-stream, application/json", True),
        ("application/json, text/event-stream", False),
        ("application/graphql-response+json, text/event-stream", False),
        ("application/json;q=0.5, text/event-stream;q=0.9", True),
        ("text/event-stream;q=0, application/json", False),
        ("text/event-stream;q=x, application/json", False),
        ("*/*", False),
    ],
)
async def test_clients_that_prefer_json_get_a_response_in_json(
    world: World, accept: str, is_stream: bool
) -> None:
    async with stream(world.region, VIEWER, accept=accept) as events:
        await events.response.aread()

    wanted = (
        "text/event-stream"
        if is_stream
        else accept.partition(",")[0]
        if accept.startswith("application/")
        else "application/json"
    )
    assert events.response.headers["content-type"].startswith(wanted)


async def test_a_body_that_is_not_an_operation_is_refused_with_status_400(world: World) -> None:
    headers = {
        "accept": "text/event-stream",
        "authorization": f"Bearer {world.region.token}",
        "content-type": "application/json",
    }
    bodies = {
        b"": "BAD_REQUEST",
        b"{": "BAD_REQUEST",
        b"[]": "BAD_REQUEST",
        b'{"query": 1}': "BAD_REQUEST",
        b'{"query": "{ viewer {"}': "GRAPHQL_PARSE_FAILED",
        b'{"query": "{ nothing }"}': "GRAPHQL_VALIDATION_FAILED",
        b'{"query": "query A { viewer { roles } } query B { viewer { roles } }"}': "BAD_REQUEST",
    }

    answers = {
        body: await world.region.client.post(world.api.url, content=body, headers=headers)
        for body in bodies
    }

    assert {answer.status_code for answer in answers.values()} == {400}
    assert {
        body: answer.json()["errors"][0]["extensions"]["code"] for body, answer in answers.items()
    } == bodies


async def test_a_client_that_disconnects_leaves_no_follower(world: World) -> None:
    await world.distribute(world.case_type, BJORKEN)
    async with stream(world.staff, NOTIFICATIONS, clinics=[BJORKEN]) as events:
        await events.message()
        await world.edit(world.case_type, 1, publish=True, introduction="Två.")
        await events.next()

    for _ in range(500):
        if not world.api.live.hub.followers and not world.api.live.streams:
            break
        await world.region.ask(VIEWER)
    assert (world.api.live.hub.followers, world.api.live.streams) == ({}, set())


# ------------------------------------------------------------- limits and time


@pytest.fixture
async def strict(mongodb_uri: str, store: Store, tmp_path: Path) -> AsyncIterator[Api]:
    """The application with low limits and short heartbeat intervals."""
    async with serving(
        tmp_path,
        mongodb_uri,
        store,
        development=True,
        connections_per_user=1,
        heartbeat_seconds=0.05,
    ) as api:
        yield api


LOG = f'subscription {{ events(principal: "{STOCKHOLM}") {{ sequence }} }}'


async def test_a_quiet_stream_is_kept_alive_by_comments(strict: Api) -> None:
    async with stream(strict.caller(Role.REGIONAL_ADMINISTRATOR, STOCKHOLM), LOG) as events:
        assert [await events.message() for _ in range(4)] == [{}] * 4


async def test_the_streams_of_a_user_are_limited(strict: Api) -> None:
    caller = strict.caller(Role.REGIONAL_ADMINISTRATOR, STOCKHOLM)
    async with stream(caller, LOG) as events:
        await events.message()
        async with stream(caller, LOG) as refused:
            await refused.response.aread()

    assert refused.response.status_code == 429
    assert refused.response.json()["errors"][0]["extensions"]["code"] == "TOO_MANY_CONNECTIONS"


async def test_a_stream_ends_without_complete_when_its_token_expires(world: World) -> None:
    token = world.api.token(Role.CLINIC_STAFF, BJORKEN, valid_for=2)
    started = time.time()

    async with stream(
        Caller(world.api, world.staff.client, token), NOTIFICATIONS, clinics=[BJORKEN]
    ) as events:
        rest = await events.rest()

    assert rest == []
    assert time.time() - started < 2 + 5
    assert world.api.live.hub.followers == {}


async def test_the_cursor_of_a_notification_resumes_the_log_too(world: World) -> None:
    await world.distribute(world.case_type, BJORKEN)
    inbox = await world.staff.ask(
        f'{{ clinic(hsaId: "{BJORKEN}") {{ notifications {{ edges {{ cursor }} }} }} }}'
    )
    [edge] = inbox["clinic"]["notifications"]["edges"]

    async with stream(world.region, LOG, last_event_id=edge["cursor"]) as events:
        await events.message()
        saved = await world.edit(world.case_type, 1, introduction="Två.")
        _, answer = await events.next()

    assert answer["data"]["events"]["sequence"] == saved["event"]["sequence"]
