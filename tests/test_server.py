"""Server processes: started, queried, stopped, killed and started again."""

import json
import signal
import time
from contextlib import AsyncExitStack
from pathlib import Path

import httpx2
import pytest
import websockets

from tests.callers import BJORKEN, STOCKHOLM
from tests.server_process import serving, token


def test_a_fresh_folder_becomes_a_working_server_with_sample_data(tmp_path: Path) -> None:
    data = tmp_path / "data"
    early = token(data)

    with serving(data) as server:
        status = server.status
        live = httpx2.get(f"{status['url']}/health/live")
        clinics = server.ask(
            "{ clinics { totalCount } caseTypes { totalCount } caseTypeTemplates { totalCount } }",
            early,
        )
        mine = server.ask(
            f'{{ clinic(hsaId: "{BJORKEN}") {{ name notifications {{ totalCount }} }} }}',
            token(data, "CLINIC_STAFF", BJORKEN, "SE2321000016-bo"),
        )
        mongod = server.mongod()
        page = httpx2.get(f"{status['url']}/graphql", headers={"accept": "text/html"})

    assert set(status) == {"url", "mongodbUri", "database", "versions", "pid"}
    assert status["mongodbUri"].startswith("mongodb://127.0.0.1:")
    assert (live.status_code, live.json()) == (200, {"status": "live"})
    assert clinics["clinics"]["totalCount"] > 80
    assert clinics["caseTypes"]["totalCount"] > 10
    assert clinics["caseTypeTemplates"]["totalCount"] > 10
    assert mine["clinic"]["name"] == "Vårdcentralen Björken"
    assert mine["clinic"]["notifications"]["totalCount"] > 0
    assert "graphiql" in page.text.lower()
    assert not mongod.is_running()
    assert not (data / "server.json").exists()


def test_acknowledged_writes_survive_a_killed_server(tmp_path: Path) -> None:
    data = tmp_path / "data"
    create = """mutation { caseTypeCreate(input: {
        owner: "SE2321000016", content: { name: "Kvar", internalName: "Kvar" } }) {
        caseType { id } version { hash } } }"""

    with serving(data, "--sample", "none") as server:
        created = server.ask(create, token(data))["caseTypeCreate"]
        mongod = server.mongod()
        server.process.send_signal(signal.SIGKILL)
        server.process.wait(10)
        assert mongod.is_running()
        with serving(data, "--sample", "none") as restarted:
            reused = restarted.mongod()
            found = restarted.ask(
                "query($id: ID!) { caseType(id: $id) { name version { hash } } }",
                token(data),
                id=created["caseType"]["id"],
            )

    assert reused.pid == mongod.pid
    assert found["caseType"] == {"name": "Kvar", "version": {"hash": created["version"]["hash"]}}
    assert not mongod.is_running()


def test_several_workers_serve_one_registry(tmp_path: Path) -> None:
    data = tmp_path / "data"

    with serving(data, "--sample", "none", "--workers", "2") as server:
        answers = [server.ask("{ viewer { roles } }", token(data)) for _ in range(4)]

    assert answers == [{"viewer": {"roles": ["REGIONAL_ADMINISTRATOR"]}}] * 4


async def test_a_stopping_server_closes_its_connections_and_ends_in_time(
    tmp_path: Path,
) -> None:
    data = tmp_path / "data"
    log = f'subscription {{ events(principal: "{STOCKHOLM}") {{ sequence }} }}'

    with serving(data, "--sample", "none") as server:
        url, bearer = f"{server.status['url']}/graphql", f"Bearer {token(data)}"
        headers = {"authorization": bearer, "accept": "text/event-stream"}
        socket_url = url.replace("http", "ws", 1)
        async with (
            websockets.connect(
                socket_url, subprotocols=[websockets.Subprotocol("graphql-transport-ws")]
            ) as ws,
            httpx2.AsyncClient(timeout=20) as client,
            client.stream("POST", url, json={"query": log}, headers=headers) as stream,
        ):
            await ws.send(
                json.dumps({"type": "connection_init", "payload": {"authorization": bearer}})
            )
            await ws.send(json.dumps({"id": "1", "type": "subscribe", "payload": {"query": log}}))
            await ws.send('{"type": "ping"}')
            assert [json.loads(await ws.recv())["type"] for _ in range(2)] == [
                "connection_ack",
                "pong",
            ]
            stopped_at = time.monotonic()
            server.process.terminate()
            text = (await stream.aread()).decode()
            await ws.wait_closed()
        server.process.wait(10)

    assert ws.close_code == 1012
    assert "event: complete" not in text
    assert time.monotonic() - stopped_at < 10
    assert server.process.returncode == 0
    assert "Cancel" not in server.output.read_text()


def test_a_server_stops_in_order_when_mongodb_is_gone(tmp_path: Path) -> None:
    with serving(tmp_path / "data", "--sample", "none") as server:
        mongod = server.mongod()
        mongod.kill()
        server.process.terminate()
        server.process.wait(60)

    assert server.process.returncode == 0
    assert "Traceback" not in server.output.read_text()


def metrics(url: str) -> dict[str, float]:
    """The metrics that Prometheus would read, summed over their labels."""
    found: dict[str, float] = {}
    for line in httpx2.get(f"{url}/metrics").text.splitlines():
        if not line.startswith("#"):
            name, _, value = line.rpartition(" ")
            name = name.partition("{")[0]
            found[name] = found.get(name, 0) + float(value)
    return found


@pytest.mark.parametrize("workers", ["1", "2"])
async def test_metrics_are_those_of_all_workers_together(tmp_path: Path, workers: str) -> None:
    data = tmp_path / "data"
    log = f'subscription {{ events(principal: "{STOCKHOLM}") {{ sequence }} }}'
    create = (
        f'mutation {{ caseTypeCreate(input: {{ owner: "{STOCKHOLM}", content: {{ name: "A",'
        ' internalName: "A" } }) { errors { code } } }'
    )

    with serving(data, "--sample", "none", "--workers", workers) as server:
        url, bearer = server.status["url"], token(data)
        headers = {"authorization": f"Bearer {bearer}", "accept": "text/event-stream"}
        async with httpx2.AsyncClient(timeout=20) as client, AsyncExitStack() as stack:
            streams = [
                await stack.enter_async_context(
                    client.stream("POST", f"{url}/graphql", json={"query": log}, headers=headers)
                )
                for _ in range(8)
            ]
            texts = [stream.aiter_text() for stream in streams]
            for text in texts:
                await anext(text)
            deadline = time.monotonic() + 10
            while metrics(url)["casetypes_feed_subscribers"] != 8:
                assert time.monotonic() < deadline
            server.ask(create, bearer)
            for text in texts:
                assert "data:" in await anext(text)
            deadline = time.monotonic() + 10
            while (found := metrics(url))["casetypes_feed_deliveries_total"] != 8:
                assert time.monotonic() < deadline

    assert found["casetypes_feed_connections"] == 8
    # Each process that has subscribers counts the event.
    assert found["casetypes_feed_events_total"] in {1, 2}
    lags = found["casetypes_feed_delivery_lag_seconds_count"]
    assert lags == found["casetypes_feed_events_total"]
    assert found["casetypes_worker_resident_memory_bytes"] > 0
