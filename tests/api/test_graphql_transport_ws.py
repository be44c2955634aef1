"""The protocol graphql-transport-ws: replies, close codes and frames, message by message."""

import json
from typing import Any

import pytest

from store.records import Role
from tests.api.raw_sockets import (
    NOTIFICATIONS,
    PROTOCOL,
    VIEWER,
    init,
    open_socket,
    send_and_wait_for_close,
    wait_for_close,
)
from tests.callers import BJORKEN, STOCKHOLM, Api, Json
from tests.world import World


def subscribe(payload: Any, id: Any = "1") -> Json:
    return {"type": "subscribe", "id": id, "payload": payload}


BAD = "a payload must have a query, and may have an operationname and variables"
WRONG_MESSAGES: list[tuple[Any, int, str]] = [
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


@pytest.mark.parametrize(("message", "code", "reason"), WRONG_MESSAGES)
async def test_a_message_outside_the_protocol_closes_the_socket(
    api: Api, message: Any, code: int, reason: str
) -> None:
    async with open_socket(api, PROTOCOL) as ws:
        found = await send_and_wait_for_close(ws, message)

    assert (found[0], (found[1] or "").lower()) == (code, reason)


async def test_an_invalid_message_after_the_handshake_closes_the_socket(api: Api) -> None:
    caller = api.caller(Role.REGIONAL_ADMINISTRATOR, STOCKHOLM)

    found = []
    for message, _, _ in WRONG_ONCE_OPEN:
        async with open_socket(api, PROTOCOL) as ws:
            code, reason = await send_and_wait_for_close(ws, init(caller), message)
            found.append((message, code, (reason or "").lower()))

    assert found == WRONG_ONCE_OPEN


async def test_only_graphql_transport_ws_is_accepted(api: Api) -> None:
    for protocols in [(), ("graphql-ws",)]:
        async with open_socket(api, *protocols) as ws:
            assert await wait_for_close(ws) == (4406, "Subprotocol not acceptable")
    async with open_socket(api, "graphql-ws", PROTOCOL) as ws:
        assert ws.subprotocol == PROTOCOL


async def test_pings_return_their_payload_even_before_the_handshake(api: Api) -> None:
    async with open_socket(api, PROTOCOL) as ws:
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
        await socket.subscribe(VIEWER, id="a")  # a completed operation frees its id
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


async def test_an_invalid_operation_is_an_error_for_its_id_and_keeps_the_socket_open(
    world: World,
) -> None:
    wrong = {
        "{ viewer {": "GRAPHQL_PARSE_FAILED",
        "{ nothing }": "GRAPHQL_VALIDATION_FAILED",
        "subscription { nothing }": "GRAPHQL_VALIDATION_FAILED",
        """subscription {
            clinicNotifications(clinics: ["x"]) { cursor } events(principal: "x") { cursor }
        }""": "GRAPHQL_VALIDATION_FAILED",
        "subscription($clinics: [HsaId!]!) { clinicNotifications(clinics: $clinics) { cursor } }": (
            "GRAPHQL_VALIDATION_FAILED"
        ),
        "query A { viewer { roles } } query B { viewer { roles } }": "BAD_REQUEST",
        """subscription($no: Boolean = true) {
            clinicNotifications(clinics: ["x"]) @skip(if: $no) { cursor }
        }""": "GRAPHQL_VALIDATION_FAILED",
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

        assert await wait_for_close(socket.ws) == (4409, "Subscriber for 1 already exists")
    assert world.api.live.hub.followers == {}


async def test_a_completed_subscription_receives_nothing_more_and_frees_its_id(
    world: World,
) -> None:
    distribution = await world.distribute(world.case_type, BJORKEN)
    async with world.staff.socket() as socket:
        await socket.subscribe(
            NOTIFICATIONS, clinics=[BJORKEN], after=distribution["event"]["cursor"]
        )
        await world.edit(world.case_type, 1, publish=True, introduction="Två.")
        assert (await socket.next())["clinicNotifications"]["toVersion"] == 2

        await socket.ws.send('{"id": "1", "type": "complete"}')
        await socket.started()
        assert world.api.live.hub.followers == {}
        await world.edit(world.case_type, 2, publish=True, introduction="Tre.")
        await socket.subscribe(
            NOTIFICATIONS, clinics=[BJORKEN], after=distribution["event"]["cursor"]
        )

        assert [(await socket.next())["clinicNotifications"]["toVersion"] for _ in range(2)] == [
            2,
            3,
        ]


async def test_a_subscription_is_registered_before_a_later_ping_is_answered(world: World) -> None:
    await world.distribute(world.case_type, BJORKEN)
    async with world.staff.socket() as socket:
        await socket.subscribe(NOTIFICATIONS, clinics=[BJORKEN])
        await socket.started()
        await world.edit(world.case_type, 1, publish=True, introduction="Två.")

        assert (await socket.next())["clinicNotifications"]["toVersion"] == 2


@pytest.mark.parametrize("size", [126, 65_536])
async def test_a_notification_arrives_whole_at_each_size_of_the_frame_length(
    world: World, size: int
) -> None:
    distribution = await world.distribute(world.case_type, BJORKEN)
    query = (
        f'subscription($after: Cursor) {{ clinicNotifications(clinics: ["{BJORKEN}"], after:'
        " $after) { changes { after } } }"
    )
    overhead = len(
        '{"id":"1","type":"next","payload":{"data":{"clinicNotifications":'
        '{"changes":[{"after":""}]}}}}'
    )
    texts = ["x" * (size - overhead + extra) for extra in range(-2, 3)]
    async with world.staff.socket() as socket:
        await socket.subscribe(query, after=distribution["event"]["cursor"])
        await socket.started()
        for version, text in enumerate(texts, 1):
            await world.edit(world.case_type, version, publish=True, introduction=text)

        messages = [await socket.ws.recv() for _ in texts]

    assert [len(message) for message in messages] == [size + extra for extra in range(-2, 3)]
    assert [
        json.loads(message)["payload"]["data"]["clinicNotifications"]["changes"][0]["after"]
        for message in messages
    ] == texts
