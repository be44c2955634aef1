"""The command line, as people use it: real server processes, started, asked, killed and started
again.
"""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

import httpx2
import psutil
import pytest
import websockets

from server import _announce
from settings import Settings
from tests.callers import BJORKEN, STOCKHOLM

CASETYPES = str(Path(sys.executable).with_name("casetypes"))
READY_SECONDS = 40


class Running:
    """A server process of its own, and what it says of itself."""

    def __init__(self, process: subprocess.Popen[str], data: Path, output: Path) -> None:
        self.process = process
        self.data = data
        self.output = output

    @property
    def status(self) -> dict[str, Any]:
        """What `casetypes status` prints."""
        printed = run("status", "--data", str(self.data))
        assert printed.returncode == 0, printed.stderr
        status: dict[str, Any] = json.loads(printed.stdout)
        return status

    @cached_property
    def url(self) -> str:
        """Where it is reached."""
        return str(self.status["url"])

    def ask(self, query: str, token: str, **variables: Any) -> Any:
        """The data of an operation."""
        answer = httpx2.post(
            f"{self.url}/graphql",
            json={"query": query, "variables": variables},
            headers={"authorization": f"Bearer {token}"},
            timeout=30,
        ).json()
        assert "errors" not in answer, answer
        return answer["data"]

    def mongod(self) -> psutil.Process:
        """Its embedded MongoDB."""
        return psutil.Process(json.loads((self.data / "mongod.json").read_text())["pid"])


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: PLW1510 - callers look at the return code
        [CASETYPES, *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        env=clean_environment() | environment,
    )


def clean_environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("CASETYPES_")}


def token(
    data: Path,
    role: str = "REGIONAL_ADMINISTRATOR",
    unit: str = STOCKHOLM,
    employee: str = "SE2321000016-anna",
) -> str:
    printed = run(
        "token",
        "--data",
        str(data),
        "--role",
        role,
        "--unit",
        unit,
        "--employee",
        employee,
        "--name",
        "Anna Andersson",
    )
    assert printed.returncode == 0, printed.stderr
    return printed.stdout.splitlines()[-1]


@contextmanager
def serving(data: Path, *arguments: str, **environment: str) -> Iterator[Running]:
    """A server until the end of the block; whatever it left running is ended by its own pid."""
    output = data.parent / f"{data.name}.log"
    with output.open("a") as log:
        process = subprocess.Popen(
            [CASETYPES, "serve", "--data", str(data), "--port", "0", *arguments],
            stdout=log,
            stderr=subprocess.STDOUT,
            text=True,
            env=clean_environment() | environment,
        )
    running = Running(process, data, output)
    try:
        wait_until_ready(running)
        yield running
    finally:
        process.terminate()
        process.wait(30)
        record = data / "mongod.json"
        if record.exists() and (pid := json.loads(record.read_text()).get("pid")):
            left = psutil.Process(pid)
            left.kill()
            left.wait(10)


def wait_until_ready(running: Running) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        assert running.process.poll() is None, running.output.read_text()
        try:
            whereabouts = json.loads((running.data / "server.json").read_text())
            if (
                whereabouts["pid"] == running.process.pid
                and httpx2.get(f"{whereabouts['url']}/health/ready").status_code == 200
            ):
                return
        except (OSError, ValueError, httpx2.HTTPError):
            time.sleep(0.05)
    raise AssertionError(running.output.read_text())


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


def test_a_killed_server_leaves_everything_acknowledged_for_the_next(tmp_path: Path) -> None:
    data = tmp_path / "data"
    create = """mutation { caseTypeCreate(input: { owner: "SE2321000016", content: { name: "Kvar", internalName: "Kvar" } }) {
        caseType { id } version { hash } } }"""

    with serving(data, "--sample", "none") as server:
        made = server.ask(create, token(data))["caseTypeCreate"]
        mongod = server.mongod()
        server.process.send_signal(signal.SIGKILL)
        server.process.wait(10)
        assert mongod.is_running()
        with serving(data, "--sample", "none") as again:
            reused = again.mongod()
            found = again.ask(
                "query($id: ID!) { caseType(id: $id) { name version { hash } } }",
                token(data),
                id=made["caseType"]["id"],
            )

    assert reused.pid == mongod.pid
    assert found["caseType"] == {"name": "Kvar", "version": {"hash": made["version"]["hash"]}}
    assert not mongod.is_running()


def test_several_workers_serve_one_registry(tmp_path: Path) -> None:
    data = tmp_path / "data"

    with serving(data, "--sample", "none", "--workers", "2") as server:
        answers = [server.ask("{ viewer { roles } }", token(data)) for _ in range(4)]

    assert answers == [{"viewer": {"roles": ["REGIONAL_ADMINISTRATOR"]}}] * 4


async def test_when_it_is_asked_to_stop_clients_are_told_and_it_ends_in_time(
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
            begun = time.monotonic()
            server.process.terminate()
            text = (await stream.aread()).decode()
            await ws.wait_closed()
        server.process.wait(10)

    assert ws.close_code == 1012
    assert "event: complete" not in text
    assert time.monotonic() - begun < 10
    assert server.process.returncode == 0
    assert "Cancel" not in server.output.read_text()


def test_it_stops_in_order_while_mongodb_is_away(tmp_path: Path) -> None:
    with serving(tmp_path / "data", "--sample", "none") as server:
        mongod = server.mongod()
        mongod.kill()
        server.process.terminate()
        server.process.wait(60)

    assert server.process.returncode == 0
    assert "Traceback" not in server.output.read_text()


def metrics(url: str) -> dict[str, float]:
    """What Prometheus would read, the sum over labels."""
    found: dict[str, float] = {}
    for line in httpx2.get(f"{url}/metrics").text.splitlines():
        if not line.startswith("#"):
            name, _, value = line.rpartition(" ")
            name = name.partition("{")[0]
            found[name] = found.get(name, 0) + float(value)
    return found


@pytest.mark.parametrize("workers", ["1", "2"])
async def test_metrics_tell_of_all_workers_together(tmp_path: Path, workers: str) -> None:
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
            while (told := metrics(url))["casetypes_feed_deliveries_total"] != 8:
                assert time.monotonic() < deadline

    assert told["casetypes_feed_connections"] == 8
    assert told["casetypes_feed_events_total"] in {1, 2}  # by each process that has subscribers
    assert told["casetypes_feed_delivery_lag_seconds_count"] == told["casetypes_feed_events_total"]
    assert told["casetypes_worker_resident_memory_bytes"] > 0


def test_the_password_of_mongodb_is_neither_printed_nor_left_where_others_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    uri = "mongodb://casetypes:heml%40igt@db1.example,db2.example/?replicaSet=rs"
    (tmp_path / "server.json").touch(mode=0o644)

    _announce(
        Settings(data=tmp_path, mongodb_uri=uri, oidc_issuer="https://issuer.example"), "8.0.0"
    )

    assert (
        "MongoDB   8.0.0, mongodb://db1.example,db2.example/?replicaSet=rs\n"
        in capsys.readouterr().out
    )
    assert json.loads((tmp_path / "server.json").read_text())["mongodbUri"] == uri
    assert (tmp_path / "server.json").stat().st_mode & 0o777 == 0o600


def test_a_taken_port_is_told_before_anything_starts(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])

        refused = run("serve", "--data", str(tmp_path / "data"), "--port", port)

    assert refused.returncode == 1
    assert f"Cannot listen on 127.0.0.1:{port}" in refused.stderr
    assert not (tmp_path / "data" / "mongod.json").exists()


def test_a_data_folder_is_for_one_server(tmp_path: Path) -> None:
    data = tmp_path / "data"

    with serving(data, "--sample", "none"):
        refused = run("serve", "--data", str(data), "--port", "0")

        assert refused.returncode == 1
        assert str(data) in refused.stderr
        assert len(refused.stderr.splitlines()) < 5


@pytest.mark.parametrize(
    "arguments",
    [("serve", "--port", "0"), ("token", "--role", "REPORTER", "--unit", STOCKHOLM)],
    ids=["serve", "token"],
)
def test_a_data_folder_that_can_not_be_made_is_told(
    tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    data = tmp_path / "file" / "data"
    data.parent.touch()

    refused = run(*arguments, "--data", str(data))

    assert (refused.returncode, refused.stdout) == (1, "")
    assert (
        refused.stderr
        == f"The data folder {data} cannot be written: Not a directory. Choose another with"
        " --data.\n"
    )


def test_a_server_on_another_address_without_an_issuer_is_refused(tmp_path: Path) -> None:
    refused = run("serve", "--data", str(tmp_path / "data"), "--port", "0", "--host", "0.0.0.0")  # noqa: S104 - what is tested

    assert refused.returncode == 1
    assert "CASETYPES_OIDC_ISSUER" in refused.stderr


def test_tokens_of_the_development_issuer_need_the_embedded_database_or_a_choice(
    mongodb_uri: str, tmp_path: Path
) -> None:
    refused = run(
        "serve",
        "--data",
        str(tmp_path / "data"),
        "--port",
        "0",
        CASETYPES_MONGODB_URI=mongodb_uri,
        CASETYPES_DATABASE="test_serve",
    )

    assert refused.returncode == 1
    assert "CASETYPES_DEVELOPMENT=1" in refused.stderr


@pytest.mark.parametrize("command", ["serve", "token", "status", "sdl"])
def test_every_command_explains_itself(command: str) -> None:
    assert run(command, "--help").returncode == 0


def test_status_without_a_server_says_so(tmp_path: Path) -> None:
    refused = run("status", "--data", str(tmp_path))

    assert refused.returncode == 1
    assert refused.stderr.startswith("No server runs on the data folder")


# ------------------------------------------------------------------ backup and restore

HISTORY = (
    "{ caseTypes(first: 100) { totalCount edges { node { id verify { intact } history(first: 50) {"
    " edges { node { sequence at } } } } } } }"
)


def test_a_registry_that_was_destroyed_comes_back_from_a_backup_of_the_running_server(
    tmp_path: Path,
) -> None:
    data, kept = tmp_path / "data", tmp_path / "kept.zip"
    with serving(data) as server:
        before = server.ask(HISTORY, token(data))
        made = run("backup", str(kept), "--data", str(data))
        statements = run("checkpoints", "--data", str(data)).stdout
    (tmp_path / "public.json").write_text(
        run("checkpoints", "--public-key", "--data", str(data)).stdout
    )
    (tmp_path / "checkpoints.txt").write_text(statements)
    shutil.rmtree(data)

    verified = run(
        "verify",
        str(kept),
        "--key",
        str(tmp_path / "public.json"),
        "--checkpoints",
        str(tmp_path / "checkpoints.txt"),
    )
    restored = run("restore", str(kept), "--data", str(data))
    again = run("restore", str(kept), "--data", str(data))
    with serving(data) as server:
        after = server.ask(HISTORY, token(data))

    assert (made.returncode, verified.returncode, restored.returncode, again.returncode) == (
        0,
        0,
        0,
        1,
    ), (made, verified, restored)
    assert verified.stdout.startswith("Intact: ")
    assert "is not empty" in again.stderr
    assert after == before
    assert all(edge["node"]["verify"]["intact"] for edge in after["caseTypes"]["edges"])


def test_a_damaged_backup_is_neither_verified_nor_restored(tmp_path: Path) -> None:
    (tmp_path / "damaged.zip").write_bytes(b"PK not a backup")

    verified = run("verify", str(tmp_path / "damaged.zip"))
    restored = run("restore", str(tmp_path / "damaged.zip"), "--data", str(tmp_path / "data"))

    assert (verified.returncode, restored.returncode) == (1, 1)
    assert "is not a complete backup" in verified.stderr
    assert not (tmp_path / "data").exists()
