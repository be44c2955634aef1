"""Runs the product's commands and a server process, and calls the server over HTTP.

This module imports no module of the product, because those may move.
"""

import io
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stdout, suppress
from importlib import metadata
from pathlib import Path
from typing import Any
from unittest.mock import patch

import httpx2
import psutil

Json = dict[str, Any]
Callers = Mapping[str, Mapping[str, str]]
"""By name, the options of `casetypes token` for each."""
ROOT = Path(__file__).parents[2]
COMMAND = str(Path(sys.executable).with_name("casetypes"))
SETTINGS = {
    "CASETYPES_SAMPLE": "none",
    "CASETYPES_MONGOD_CACHE_GB": "0.25",
    "CASETYPES_DEADLINE_SECONDS": "60",
    "CASETYPES_QUERY_COST": "10000000",
    "CASETYPES_USER_COST_PER_SECOND": "0",
    "CASETYPES_PRINCIPAL_COST_PER_SECOND": "0",
}
"""No sample data, a small cache, and no cost limits: the tests run many large queries."""

_READY_SECONDS = 90
_COMMAND_SECONDS = 120


class Server:
    """A running server. Callers are named by the keys of `tokens`."""

    def __init__(self, url: str, tokens: Mapping[str, str]) -> None:
        self.url = url
        self._tokens = tokens
        self._client = httpx2.Client(timeout=60)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def headers(self, caller: str) -> dict[str, str]:
        """The headers with a caller's token."""
        return {"authorization": f"Bearer {self._tokens[caller]}"}

    def ask(self, caller: str, query: str, variables: Json) -> Json:
        """The data of an operation. Top-level errors fail."""
        body = {"query": query, "variables": variables}
        headers = self.headers(caller)
        answer = self._client.post(f"{self.url}/graphql", json=body, headers=headers).json()
        assert "errors" not in answer, (caller, variables, answer["errors"], query)
        data: Json = answer["data"]
        return data

    def export(self, caller: str, file: str, **parameters: str) -> httpx2.Response:
        """An export. A refusal fails."""
        address = f"{self.url}/exports/{file}"
        answer = self._client.get(address, params=parameters, headers=self.headers(caller))
        assert answer.status_code == 200, answer.text
        return answer

    @contextmanager
    def follow(self, caller: str, query: str, variables: Json) -> Iterator[Iterator[Json]]:
        """The results of a subscription, over Server-Sent Events."""
        body = {"query": query, "variables": variables}
        headers = self.headers(caller) | {"accept": "text/event-stream"}
        url = f"{self.url}/graphql"
        with self._client.stream("POST", url, json=body, headers=headers) as answer:
            assert answer.status_code == 200, answer.read()
            yield _results(answer.iter_lines())


def _results(lines: Iterator[str]) -> Iterator[Json]:
    for line in lines:
        name, _, value = line.partition(": ")
        if name == "data" and value:
            result = json.loads(value)
            assert "errors" not in result, result
            yield result["data"]


def environment(**settings: str) -> dict[str, str]:
    """The environment of a command: the code of this checkout, and only these settings."""
    inherited = {name: it for name, it in os.environ.items() if not name.startswith("CASETYPES_")}
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    return inherited | {"PYTHONPATH": os.pathsep.join(paths)} | SETTINGS | settings


def run(*arguments: str, **settings: str) -> str:
    """Run a command, which must exit with 0. Returns its output."""
    done = subprocess.run(
        [COMMAND, *arguments],
        capture_output=True,
        text=True,
        timeout=_COMMAND_SECONDS,
        env=environment(**settings),
        check=False,
    )
    assert done.returncode == 0, (arguments, done.stdout, done.stderr)
    return done.stdout


def token(data: Path, options: Mapping[str, str]) -> str:
    """Run `casetypes token` in this process, because a new one takes seconds to start."""
    named = [argument for name, value in options.items() for argument in (f"--{name}", value)]
    [command] = metadata.entry_points(group="console_scripts", name="casetypes")
    arguments = [COMMAND, "token", "--data", str(data), *named]
    with (
        redirect_stdout(io.StringIO()) as printed,
        patch.object(sys, "argv", arguments),
        suppress(SystemExit),
    ):
        command.load()()
    [*_, signed] = printed.getvalue().splitlines()
    return signed


@contextmanager
def serving(data: Path, callers: Callers, **settings: str) -> Iterator[Server]:
    """A server process on a data folder. It must stop in order."""
    tokens = {name: token(data, options) for name, options in callers.items()}
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    log = data.with_name(f"{data.name}.log")
    with log.open("a", encoding="utf-8") as output:
        process = subprocess.Popen(
            [COMMAND, "serve", "--data", str(data), "--port", port],
            stdout=output,
            stderr=subprocess.STDOUT,
            env=environment(**settings),
        )
    server = Server(f"http://127.0.0.1:{port}", tokens)
    try:
        _wait_until_ready(process, server.url, log)
        yield server
    finally:
        server.close()
        _end(process)
    assert process.returncode == 0, log.read_text(encoding="utf-8")


def _wait_until_ready(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    for _ in range(_READY_SECONDS * 20):
        with suppress(subprocess.TimeoutExpired):
            process.wait(0.05)
            break
        with suppress(httpx2.HTTPError):
            if httpx2.get(f"{url}/health/ready").status_code == 200:
                return
    raise AssertionError(log.read_text(encoding="utf-8"))


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a server, and each process that it left running, by their ids."""
    children = []
    with suppress(psutil.NoSuchProcess):
        children = psutil.Process(process.pid).children(recursive=True)
    process.terminate()
    try:
        process.wait(60)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(10)
    for child in children:
        with suppress(psutil.NoSuchProcess):
            child.kill()
            child.wait(10)
