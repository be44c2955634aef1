"""Runs the product's commands, and a server process of its own on a data folder."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

import httpx2
import psutil

from tests.callers import STOCKHOLM

CASETYPES = str(Path(sys.executable).with_name("casetypes"))
READY_SECONDS = 40


class ServerProcess:
    """A server process, its data folder and its output."""

    def __init__(self, process: subprocess.Popen[str], data: Path, output: Path) -> None:
        self.process = process
        self.data = data
        self.output = output

    @property
    def status(self) -> dict[str, Any]:
        """The output of `casetypes status`."""
        printed = run("status", "--data", str(self.data))
        assert printed.returncode == 0, printed.stderr
        status: dict[str, Any] = json.loads(printed.stdout)
        return status

    @cached_property
    def url(self) -> str:
        """The address of the server."""
        return str(self.status["url"])

    def ask(self, query: str, token: str, **variables: Any) -> Any:
        """Send an operation that must have no top-level errors. Returns its data."""
        response = httpx2.post(
            f"{self.url}/graphql",
            json={"query": query, "variables": variables},
            headers={"authorization": f"Bearer {token}"},
            timeout=30,
        ).json()
        assert "errors" not in response, response
        return response["data"]

    def mongod(self) -> psutil.Process:
        """The process of the embedded MongoDB."""
        return psutil.Process(json.loads((self.data / "mongod.json").read_text())["pid"])


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a `casetypes` command, whatever its exit code is."""
    return subprocess.run(  # noqa: PLW1510 - callers check the exit code
        [CASETYPES, *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        env=clean_environment() | environment,
    )


def clean_environment() -> dict[str, str]:
    """The environment variables without the settings of the product."""
    return {name: value for name, value in os.environ.items() if not name.startswith("CASETYPES_")}


def token(
    data: Path,
    role: str = "REGIONAL_ADMINISTRATOR",
    unit: str = STOCKHOLM,
    employee: str = "SE2321000016-anna",
) -> str:
    """A token of the development issuer, from `casetypes token`."""
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
def serving(data: Path, *arguments: str, **environment: str) -> Iterator[ServerProcess]:
    """A server that runs until the end of the block.

    If it leaves its MongoDB running, that is killed by its process id.
    """
    output = data.parent / f"{data.name}.log"
    with output.open("a") as log:
        process = subprocess.Popen(
            [CASETYPES, "serve", "--data", str(data), "--port", "0", *arguments],
            stdout=log,
            stderr=subprocess.STDOUT,
            text=True,
            env=clean_environment() | environment,
        )
    server = ServerProcess(process, data, output)
    try:
        wait_until_ready(server)
        yield server
    finally:
        process.terminate()
        process.wait(30)
        record = data / "mongod.json"
        if record.exists() and (pid := json.loads(record.read_text()).get("pid")):
            mongod = psutil.Process(pid)
            mongod.kill()
            mongod.wait(10)


def wait_until_ready(server: ServerProcess) -> None:
    """Wait until the server is ready. Fails if it ends before that."""
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        assert server.process.poll() is None, server.output.read_text()
        try:
            address = json.loads((server.data / "server.json").read_text())
            if (
                address["pid"] == server.process.pid
                and httpx2.get(f"{address['url']}/health/ready").status_code == 200
            ):
                return
        except (OSError, ValueError, httpx2.HTTPError):
            time.sleep(0.05)
    raise AssertionError(server.output.read_text())
