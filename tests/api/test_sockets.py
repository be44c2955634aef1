"""The protocol graphql-transport-ws: replies, close codes and limits, message by message."""

import asyncio
import json
import struct
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import websockets

from store.records import Role
from store.registry import Store
from tests.callers import BJORKEN, STOCKHOLM, Api, Caller, Json
from tests.serving import serving
from tests.world import World

PROTOCOL = "graphql-transport-ws"
VIEWER = "{ viewer { roles } }"
NOTIFICATIONS = (
    "subscription($clinics: [HsaId!]!, $after: Cursor) { clinicNotifications(clinics: $clinics,"
    " after: $after) { cursor toVersion } }"
)


@asynccontextmanager
async def bare(api: Api, *protocols: str) -> AsyncIterator[websockets.ClientConnection]:
    """A socket without any message."""
    async with websockets.connect(
        api.url.replace("http", "ws", 1),
        subprotocols=[websockets.Subprotocol(one) for one in protocols] or None,
    ) as ws:
        yield ws


async def closed(ws: websockets.ClientConnection) -> tuple[int | None, str | None]:
    """Close code and reason; earlier messages are ignored."""
    async with asyncio.timeout(10):
        await ws.wait_closed()
    return ws.close_code, ws.close_reason


async def said(ws: websockets.ClientConnection, *messages: Any) -> tuple[int | None, str | None]:
    """Close code and reason after sending messages."""
    for message in messages:
        await ws.send(message if isinstance(message, (str, bytes)) else json.dumps(message))
    return await closed(ws)


def init(caller: Caller) -> Json:
    return {"type": "connection_init", "payload": {"authorization": f"Bearer {caller.token}"}}


def subscribe(payload: Any, id: Any = "1") -> Json:
    return {"type": "subscribe", "id": id, "payload": payload}


BAD = "a payload must have a query, and may have an operationname and variables"
WRONG: list[tuple[Any, int, str]] = [
    ("no JSON", 4400, "messages must be valid json"),
    (b"\x00\x01", 4400, "messages must be text"),
    ("[]", 4400, "messages must be objects with a type"),
    ("null", 4400, "messages must be objects with a type"),
    ("7", 4400, "messages must be objects with a type"),
    ("{}", 4400, "messages must be objects with a type"),
    ('{"type": 7}', 4400, "messages must be objects with a type"),
    ('{"type": ["ping"]}', 4400, "messages must be objects with a type"),
    ('{"type": "start"}', 4400, "unknown message type"),
    ('{"type": "connection_init", "payload": "Bearer x"}', 4400, "invalid connection init payload"),
    (subscribe({"query": VIEWER}), 4401, "unauthorized"),
]
WRONG_ONCE_OPEN: list[tuple[Any, int, str]] = [
    ({"type": "connection_init"}, 4429, "too many initialisation requests"),
    (
        {"type": "subscribe", "payload": {"query": VIEWER}},
        4400,
        "messages of operations must have an id",
    ),
    (subscribe({"query": VIEWER}, id=1), 4400, "messages of operations must have an id"),
    (subscribe({"query": VIEWER}, id=""), 4400, "messages of operations must have an id"),
    ({"type": "complete"}, 4400, "messages of operations must have an id"),
    (subscribe(None), 4400, BAD),
    (subscribe([]), 4400, BAD),
    (subscribe({}), 4400, BAD),
    (subscribe({"query": 7}), 4400, BAD),
    (subscribe({"query": VIEWER, "variables": []}), 4400, BAD),
    (subscribe({"query": VIEWER, "operationName": 7}), 4400, BAD),
]


@pytest.mark.parametrize(("message", "code", "reason"), WRONG)
async def test_what_is_none_of_the_protocols_messages_closes_the_socket(
    api: Api, message: Any, code: int, reason: str
) -> None:
    async with bare(api, PROTOCOL) as ws:
        found = await said(ws, message)

    assert (found[0], (found[1] or "").lower()) == (code, reason)


async def test_what_is_wrong_once_the_socket_is_open_closes_it(api: Api) -> None:
    caller = api.caller(Role.REGIONAL_ADMINISTRATOR, STOCKHOLM)

    found = []
    for message, _, _ in WRONG_ONCE_OPEN:
        async with bare(api, PROTOCOL) as ws:
            code, reason = await said(ws, init(caller), message)
            found.append((message, code, (reason or "").lower()))

    assert found == WRONG_ONCE_OPEN


async def test_only_this_protocol_is_spoken(api: Api) -> None:
    for protocols in [(), ("graphql-ws",)]:
        async with bare(api, *protocols) as ws:
            assert await closed(ws) == (4406, "Subprotocol not acceptable")
    async with bare(api, "graphql-ws", PROTOCOL) as ws:
        assert ws.subprotocol == PROTOCOL


async def test_pings_are_answered_with_what_they_carry_also_before_anything_else(api: Api) -> None:
    async with bare(api, PROTOCOL) as ws:
        await ws.send('{"type": "ping", "payload": {"at": 1}}')
        await ws.send('{"type": "pong"}')
        await ws.send('{"type": "ping"}')

        assert [json.loads(await ws.recv()) for _ in range(2)] == [
            {"type": "pong", "payload": {"at": 1}},
            {"type": "pong"},
        ]


async def test_queries_and_mutations_are_answered_and_completed(world: World) -> None:
    mutation = (
        'mutation { caseTypeCreate(input: { owner: "SE2321000016", content: { name: "Ny",'
        ' internalName: "Ny" } }) { caseType { name } } }'
    )
    async with world.region.socket() as socket:
        await socket.subscribe(VIEWER, id="a")
        query = [await socket.message() for _ in range(2)]
        await socket.subscribe(mutation, id="b")
        written = [await socket.message() for _ in range(2)]
        await socket.subscribe(VIEWER, id="a")  # an id is free again once its operation is complete
        again = await socket.message()

    cost = {"cost": {"requested": 12, "limit": 20_000}}
    assert query == [
        {
            "id": "a",
            "type": "next",
            "payload": {
                "data": {"viewer": {"roles": ["REGIONAL_ADMINISTRATOR"]}},
                "extensions": cost,
            },
        },
        {"id": "a", "type": "complete"},
    ]
    assert {"data": written[0]["payload"]["data"]} == {
        "data": {"caseTypeCreate": {"caseType": {"name": "Ny"}}}
    }
    assert again == query[0]


async def test_a_bad_operation_is_an_error_for_its_id_and_leaves_the_socket_open(
    world: World,
) -> None:
    wrong = {
        "{ viewer {": "GRAPHQL_PARSE_FAILED",
        "{ nothing }": "GRAPHQL_VALIDATION_FAILED",
        "subscription { nothing }": "GRAPHQL_VALIDATION_FAILED",
        'subscription { clinicNotifications(clinics: ["x"]) { cursor } events(principal: "x") { cursor } }': (
            "GRAPHQL_VALIDATION_FAILED"
        ),
        "subscription($clinics: [HsaId!]!) { clinicNotifications(clinics: $clinics) { cursor } }": (
            "GRAPHQL_VALIDATION_FAILED"
        ),
        "query A { viewer { roles } } query B { viewer { roles } }": "BAD_REQUEST",
        'subscription($no: Boolean = true) { clinicNotifications(clinics: ["x"]) @skip(if: $no) { cursor } }': (
            "GRAPHQL_VALIDATION_FAILED"
        ),
    }
    async with world.staff.socket() as socket:
        found = {}
        for number, query in enumerate(wrong):
            await socket.subscribe(query, id=str(number))
            message = await socket.message()
            assert (message["id"], message["type"]) == (str(number), "error"), message
            found[query] = message["payload"][0]["extensions"]["code"]
        await socket.subscribe(VIEWER, id="last")

        assert found == wrong
        assert (await socket.message())["type"] == "next"


async def test_an_id_in_use_closes_the_socket(world: World) -> None:
    async with world.staff.socket() as socket:
        await socket.subscribe(NOTIFICATIONS, clinics=[BJORKEN])
        await socket.subscribe(NOTIFICATIONS, clinics=[BJORKEN])

        assert await closed(socket.ws) == (4409, "Subscriber for 1 already exists")
    assert world.api.live.hub.followers == {}


async def test_a_completed_subscription_is_told_nothing_more_and_its_id_is_free(
    world: World,
) -> None:
    handed_out = await world.distribute(world.case_type, BJORKEN)
    async with world.staff.socket() as socket:
        await socket.subscribe(
            NOTIFICATIONS, clinics=[BJORKEN], after=handed_out["event"]["cursor"]
        )
        await world.edit(world.case_type, 1, publish=True, introduction="Två.")
        assert (await socket.next())["clinicNotifications"]["toVersion"] == 2

        await socket.ws.send('{"id": "1", "type": "complete"}')
        await socket.started()
        assert world.api.live.hub.followers == {}
        await world.edit(world.case_type, 2, publish=True, introduction="Tre.")
        await socket.subscribe(
            NOTIFICATIONS, clinics=[BJORKEN], after=handed_out["event"]["cursor"]
        )

        assert [(await socket.next())["clinicNotifications"]["toVersion"] for _ in range(2)] == [
            2,
            3,
        ]


async def test_a_subscription_has_its_place_when_a_ping_after_it_is_answered(world: World) -> None:
    await world.distribute(world.case_type, BJORKEN)
    async with world.staff.socket() as socket:
        await socket.subscribe(NOTIFICATIONS, clinics=[BJORKEN])
        await socket.started()
        await world.edit(world.case_type, 1, publish=True, introduction="Två.")

        assert (await socket.next())["clinicNotifications"]["toVersion"] == 2


# ------------------------------------------------------------- limits


@pytest.fixture
async def strict(mongodb_uri: str, store: Store, tmp_path: Path) -> AsyncIterator[Api]:
    """The application with low limits."""
    limits: dict[str, Any] = {
        "connections_per_user": 2,
        "subscriptions_per_socket": 3,
        "socket_init_seconds": 0.3,
    }
    async with serving(tmp_path, mongodb_uri, store, development=True, **limits) as api:
        yield api


async def test_a_socket_that_does_not_begin_is_closed(strict: Api) -> None:
    async with bare(strict, PROTOCOL) as ws:
        assert await closed(ws) == (4408, "Connection initialisation timeout")


async def test_a_user_has_so_many_connections_and_others_have_theirs(strict: Api) -> None:
    one, other = (
        strict.caller(Role.REGIONAL_ADMINISTRATOR, STOCKHOLM, employee=f"{STOCKHOLM}-{name}")
        for name in "AB"
    )
    async with AsyncExitStack() as stack:
        for caller in (one, one, other):
            await stack.enter_async_context(caller.socket())
        async with bare(strict, PROTOCOL) as ws:
            assert await said(ws, init(one)) == (4429, "Too many connections of one user")
    async with one.socket() as again:
        await again.subscribe(VIEWER)
        assert (await again.message())["type"] == "next"


async def test_a_socket_has_so_many_operations(strict: Api) -> None:
    query = f'subscription {{ events(principal: "{STOCKHOLM}") {{ sequence }} }}'
    async with strict.caller(Role.REGIONAL_ADMINISTRATOR, STOCKHOLM).socket() as socket:
        for number in range(4):
            await socket.subscribe(query, id=str(number))
        message = await socket.message()
        await socket.ws.send('{"id": "0", "type": "complete"}')
        await socket.subscribe(query, id="5")
        await socket.started()

    assert (message["id"], message["payload"][0]["extensions"]["code"]) == (
        "3",
        "TOO_MANY_SUBSCRIPTIONS",
    )


async def test_a_message_over_a_mebibyte_closes_the_socket(world: World) -> None:
    async with world.staff.socket() as socket:
        await socket.subscribe(f"# {'x' * 1024 * 1024}\n{VIEWER}")

        assert (await closed(socket.ws))[0] == 1009


# ------------------------------------------------------------- frames


@pytest.mark.parametrize("size", [126, 65_536])
async def test_a_notification_arrives_whole_whatever_its_length_takes_in_the_frame(
    world: World, size: int
) -> None:
    handed_out = await world.distribute(world.case_type, BJORKEN)
    query = (
        f'subscription($after: Cursor) {{ clinicNotifications(clinics: ["{BJORKEN}"], after:'
        " $after) { changes { after } } }"
    )
    rest = len(
        '{"id":"1","type":"next","payload":{"data":{"clinicNotifications":{"changes":[{"after":""}]}}}}'
    )
    texts = ["x" * (size - rest + more) for more in range(-2, 3)]
    async with world.staff.socket() as socket:
        await socket.subscribe(query, after=handed_out["event"]["cursor"])
        await socket.started()
        for version, text in enumerate(texts, 1):
            await world.edit(world.case_type, version, publish=True, introduction=text)

        messages = [await socket.ws.recv() for _ in texts]

    assert [len(message) for message in messages] == [size + more for more in range(-2, 3)]
    assert [
        json.loads(message)["payload"]["data"]["clinicNotifications"]["changes"][0]["after"]
        for message in messages
    ] == texts


async def test_a_socket_that_is_reset_in_the_middle_of_a_flood_leaves_nothing(world: World) -> None:
    handed_out = await world.distribute(world.case_type, BJORKEN)
    async with world.staff.socket() as socket:
        raw = socket.ws.transport.get_extra_info("socket")
        raw.setsockopt(1, 13, struct.pack("ii", 1, 0))  # SO_LINGER: the close is a reset
        for number in range(50):
            await socket.subscribe(
                NOTIFICATIONS,
                id=str(number),
                clinics=[BJORKEN],
                after=handed_out["event"]["cursor"],
            )
        socket.ws.transport.abort()

    await world.edit(world.case_type, 1, publish=True, introduction="Två.")
    for _ in range(500):
        if not world.api.live.hub.followers:
            break
        await world.region.ask(VIEWER)
    assert world.api.live.hub.followers == {}


async def test_one_users_flood_does_not_hold_up_what_another_is_told(world: World) -> None:
    await world.distribute(world.case_type, BJORKEN)
    flooding = asyncio.Event()

    async def flood(number: int) -> int:
        sent = 0
        async with world.region.socket() as socket:
            while not flooding.is_set():
                await socket.subscribe(
                    NOTIFICATIONS, id=f"{number}-{sent}", clinics=["SE2321000016-9Z99"]
                )
                sent += 1
                if sent % 50 == 0:
                    await socket.message()
        return sent

    async with world.staff.socket() as socket:
        await socket.subscribe(NOTIFICATIONS, clinics=[BJORKEN])
        await socket.started()
        floods = [asyncio.create_task(flood(number)) for number in range(3)]
        lags = []
        for version in range(1, 6):
            await world.edit(
                world.case_type, version, publish=True, introduction=f"Text {version}."
            )
            begun = asyncio.get_running_loop().time()
            assert (await socket.next())["clinicNotifications"]["toVersion"] == version + 1
            lags.append(asyncio.get_running_loop().time() - begun)
        flooding.set()
        sent = await asyncio.gather(*floods)

    assert min(sent) > 50
    assert max(lags) < 2
