"""The memory of a server stays flat.

Neither many aborted connections nor clients that do not read make it grow.
"""

import asyncio
import contextlib
import json
import socket
from pathlib import Path

import psutil
import pytest
import websockets

from tests.callers import BJORKEN, STOCKHOLM
from tests.server_process import ServerProcess, serving, token

PROTOCOL = websockets.Subprotocol("graphql-transport-ws")
NOTIFICATIONS = (
    f'subscription {{ clinicNotifications(clinics: ["{BJORKEN}"]) {{ cursor toVersion changes {{'
    " after } clinic { hsaId } } }"
)
BATCH = 100
MEGABYTE = 1024 * 1024


def resident(server: ServerProcess) -> float:
    """The resident memory of the server process in MB."""
    return psutil.Process(server.process.pid).memory_info().rss / MEGABYTE


async def subscribed(
    url: str, bearer: str, query: str, *, small_buffer: bool = False
) -> websockets.ClientConnection:
    """A websocket with an active subscription, with a small receive buffer if so requested."""
    options = {}
    if small_buffer:
        raw = socket.socket()
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        host, port = url.removeprefix("ws://").partition("/")[0].split(":")
        raw.connect((host, int(port)))
        options = {"sock": raw}
    ws = await websockets.connect(
        url,
        subprotocols=[PROTOCOL],
        max_queue=1,
        ping_interval=None,
        open_timeout=30,
        **options,  # type: ignore[arg-type]
    )
    await ws.send(
        json.dumps({"type": "connection_init", "payload": {"authorization": f"Bearer {bearer}"}})
    )
    await ws.send(json.dumps({"id": "1", "type": "subscribe", "payload": {"query": query}}))
    await ws.send('{"type": "ping"}')
    messages = [json.loads(await ws.recv()) for _ in range(2)]
    assert [message["type"] for message in messages] == ["connection_ack", "pong"], messages
    return ws


def distributed_case_type(server: ServerProcess, bearer: str) -> str:
    """Create a case type, publish it and distribute it to the clinic. Returns its id."""
    csv = f"hsaId;name\\n{BJORKEN};Björken"
    server.ask(
        f'mutation {{ clinicsImport(input: {{ principal: "{STOCKHOLM}", csv: "{csv}" }}) {{ errors'
        " { code } } }",
        bearer,
    )
    create = (
        f'mutation {{ caseTypeCreate(input: {{ owner: "{STOCKHOLM}", content: {{ name: "A",'
        ' internalName: "A" } }) { caseType { id } } }'
    )
    case_type: str = server.ask(create, bearer)["caseTypeCreate"]["caseType"]["id"]
    server.ask(
        f'mutation {{ documentPublish(input: {{ id: "{case_type}", version: 1, expectedVersion: 1'
        " }) { errors { code } } }",
        bearer,
    )
    distribute = (
        f'mutation {{ caseTypeDistribute(input: {{ caseType: "{case_type}", to: {{ hsaIds:'
        f' ["{BJORKEN}"] }} }}) {{ errors {{ code }} }} }}'
    )
    server.ask(distribute, bearer)
    return case_type


def publish(server: ServerProcess, bearer: str, case_type: str, expected: int, text: str) -> None:
    update = """mutation($id: ID!, $expected: Int!, $text: Markdown!) { caseTypeUpdate(input: {
        id: $id, expectedVersion: $expected, content: { introduction: $text }, publish: true
        }) { errors { code } } }"""
    assert server.ask(update, bearer, id=case_type, expected=expected, text=text) == {
        "caseTypeUpdate": {"errors": []}
    }


async def test_a_client_that_does_not_read_is_disconnected(tmp_path: Path) -> None:
    with serving(tmp_path / "data", "--sample", "none", CASETYPES_PING_SECONDS="1") as server:
        bearer = token(server.data)
        case_type = distributed_case_type(server, bearer)
        stalled = await subscribed(
            server.status["url"].replace("http", "ws", 1) + "/graphql",
            bearer,
            NOTIFICATIONS,
            small_buffer=True,
        )
        port = stalled.transport.get_extra_info("sockname")[1]
        stalled.transport.pause_reading()
        for version in range(1, 61):
            publish(server, bearer, case_type, version, f"{version} {'x' * 90_000}")

        deadline = asyncio.get_running_loop().time() + 30
        while any(
            connection.raddr and connection.raddr.port == port
            for connection in psutil.Process(server.process.pid).net_connections("tcp")
        ):
            assert asyncio.get_running_loop().time() < deadline
            await asyncio.sleep(0.1)
        listed = server.ask(
            f'{{ activeSubscriptions(principal: "{STOCKHOLM}") {{ totalCount }} }}', bearer
        )
        stalled.transport.abort()

    # The list can be up to a second old.
    assert listed["activeSubscriptions"]["totalCount"] in {0, 1}


@pytest.mark.soak
@pytest.mark.timeout(900)
async def test_ten_thousand_aborted_connections_leave_no_memory_behind(tmp_path: Path) -> None:
    # The test opens more connections per second than one user may.
    limits = {"CASETYPES_CONNECTIONS_PER_USER": "1000", "CASETYPES_USER_COST_PER_SECOND": "0"}
    with serving(tmp_path / "data", "--sample", "none", **limits) as server:
        bearer = token(server.data)
        case_type = distributed_case_type(server, bearer)
        url = server.status["url"].replace("http", "ws", 1) + "/graphql"
        memory = []
        for number in range(10_000 // BATCH):
            sockets = await asyncio.gather(
                *(subscribed(url, bearer, NOTIFICATIONS) for _ in range(BATCH))
            )
            if number % 10 == 0:
                publish(server, bearer, case_type, number // 10 + 1, f"Text {number}.")
            for ws in sockets:
                ws.transport.abort()
            memory.append(resident(server))
        listed = server.ask(
            f'{{ activeSubscriptions(principal: "{STOCKHOLM}") {{ totalCount }} }}', bearer
        )
        for _ in range(200):
            if listed["activeSubscriptions"]["totalCount"] == 0:
                break
            await asyncio.sleep(0.05)
            listed = server.ask(
                f'{{ activeSubscriptions(principal: "{STOCKHOLM}") {{ totalCount }} }}', bearer
            )

    assert listed["activeSubscriptions"]["totalCount"] == 0
    warmed_up, final = memory[4_000 // BATCH], memory[-1]
    assert final - warmed_up < 8, memory


@pytest.mark.soak
@pytest.mark.timeout(600)
async def test_clients_that_do_not_read_use_no_memory(tmp_path: Path) -> None:
    with serving(tmp_path / "data", "--sample", "none") as server:
        bearer = token(server.data)
        case_type = distributed_case_type(server, bearer)
        url = server.status["url"].replace("http", "ws", 1) + "/graphql"
        stalled = [
            await subscribed(url, bearer, NOTIFICATIONS, small_buffer=True) for _ in range(5)
        ]
        for ws in stalled:
            ws.transport.pause_reading()
        memory = []
        for version in range(1, 301):
            publish(server, bearer, case_type, version, f"{version} {'x' * 60_000}")
            memory.append(resident(server))
        for ws in stalled:
            with contextlib.suppress(OSError):
                ws.transport.abort()

    assert memory[-1] - memory[100] < 12, memory[::20]
