"""A server's memory stays flat, however many connections come and are cut, and however long a
reader reads nothing.
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
from tests.test_server import Running, serving, token

PROTOCOL = websockets.Subprotocol("graphql-transport-ws")
NOTIFICATIONS = (
    f'subscription {{ clinicNotifications(clinics: ["{BJORKEN}"]) {{ cursor toVersion changes {{'
    " after } clinic { hsaId } } }"
)
BATCH = 100
MEGABYTE = 1024 * 1024


def resident(server: Running) -> float:
    """Of the server process, in MB."""
    return psutil.Process(server.process.pid).memory_info().rss / MEGABYTE


async def subscribed(
    url: str, bearer: str, query: str, *, small: bool = False
) -> websockets.ClientConnection:
    """A socket with one subscription, that has its place."""
    options = {}
    if small:
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
    told = [json.loads(await ws.recv()) for _ in range(2)]
    assert [one["type"] for one in told] == ["connection_ack", "pong"], told
    return ws


def open_to_clinic(server: Running, bearer: str) -> str:
    """A published case type that the clinic has."""
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
    to = (
        f'mutation {{ caseTypeDistribute(input: {{ caseType: "{case_type}", to: {{ hsaIds:'
        f' ["{BJORKEN}"] }} }}) {{ errors {{ code }} }} }}'
    )
    server.ask(to, bearer)
    return case_type


def publish(server: Running, bearer: str, case_type: str, expected: int, text: str) -> None:
    update = """mutation($id: ID!, $expected: Int!, $text: Markdown!) { caseTypeUpdate(
        input: { id: $id, expectedVersion: $expected, content: { introduction: $text }, publish: true }) { errors { code } } }"""
    assert server.ask(update, bearer, id=case_type, expected=expected, text=text) == {
        "caseTypeUpdate": {"errors": []}
    }


async def test_a_peer_that_reads_nothing_is_cut_off(tmp_path: Path) -> None:
    with serving(tmp_path / "data", "--sample", "none", CASETYPES_PING_SECONDS="1") as server:
        bearer = token(server.data)
        case_type = open_to_clinic(server, bearer)
        never = await subscribed(
            server.status["url"].replace("http", "ws", 1) + "/graphql",
            bearer,
            NOTIFICATIONS,
            small=True,
        )
        port = never.transport.get_extra_info("sockname")[1]
        never.transport.pause_reading()
        for version in range(1, 61):
            publish(server, bearer, case_type, version, f"{version} {'x' * 90_000}")

        deadline = asyncio.get_running_loop().time() + 30
        while any(
            one.raddr and one.raddr.port == port
            for one in psutil.Process(server.process.pid).net_connections("tcp")
        ):
            assert asyncio.get_running_loop().time() < deadline
            await asyncio.sleep(0.1)
        listed = server.ask(
            f'{{ activeSubscriptions(principal: "{STOCKHOLM}") {{ totalCount }} }}', bearer
        )
        never.transport.abort()

    assert listed["activeSubscriptions"]["totalCount"] in {0, 1}  # the list is up to a second old


@pytest.mark.soak
@pytest.mark.timeout(900)
async def test_ten_thousand_connections_that_are_cut_leave_nothing(tmp_path: Path) -> None:
    limits = {
        "CASETYPES_CONNECTIONS_PER_USER": "1000",
        "CASETYPES_USER_COST_PER_SECOND": "0",
    }  # of what one user does in a second here
    with serving(tmp_path / "data", "--sample", "none", **limits) as server:
        bearer = token(server.data)
        case_type = open_to_clinic(server, bearer)
        url = server.status["url"].replace("http", "ws", 1) + "/graphql"
        memory = []
        for number in range(10_000 // BATCH):
            sockets = await asyncio.gather(
                *(subscribed(url, bearer, NOTIFICATIONS) for _ in range(BATCH))
            )
            if number % 10 == 0:
                publish(server, bearer, case_type, number // 10 + 1, f"Text {number}.")
            for one in sockets:
                one.transport.abort()
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
    once_warm, at_the_end = memory[4_000 // BATCH], memory[-1]
    assert at_the_end - once_warm < 8, memory


@pytest.mark.soak
@pytest.mark.timeout(600)
async def test_a_reader_that_never_reads_costs_no_memory(tmp_path: Path) -> None:
    with serving(tmp_path / "data", "--sample", "none") as server:
        bearer = token(server.data)
        case_type = open_to_clinic(server, bearer)
        url = server.status["url"].replace("http", "ws", 1) + "/graphql"
        never = [await subscribed(url, bearer, NOTIFICATIONS, small=True) for _ in range(5)]
        for one in never:
            one.transport.pause_reading()
        memory = []
        for version in range(1, 301):
            publish(server, bearer, case_type, version, f"{version} {'x' * 60_000}")
            memory.append(resident(server))
        for one in never:
            with contextlib.suppress(OSError):
                one.transport.abort()

    assert memory[-1] - memory[100] < 12, memory[::20]
