"""The measured servers as separate processes, with their CPU time and memory.

They are started in sessions of their own, so that Ctrl-C reaches only the measuring process, and
are ended by pid.
"""

import json
import os
import resource
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx2
import psutil

_CASETYPES = str(Path(sys.executable).with_name("casetypes"))
_READY_SECONDS = 60
_STOP_SECONDS = 40
_ROOT = Path(__file__).parent.parent
_UNLIMITED = dict.fromkeys(
    (
        "CASETYPES_USER_COST_PER_SECOND",
        "CASETYPES_PRINCIPAL_COST_PER_SECOND",
        "CASETYPES_USER_OPERATIONS",
    ),
    "0",
)
"""No limits: the one user of a measurement stands for many."""


class Server:
    """A running server."""

    def __init__(self, pid: int, port: int) -> None:
        self.pid = pid
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self._process = psutil.Process(pid)

    def cpu_seconds(self) -> float:
        """Return user and system time of all threads since the start, to the nanosecond.

        psutil's figures have steps of 10 ms.

        Source: Linux, `clock_getcpuclockid`: the clock of a process's processor time is `~pid << 3
        | 2`.
        """
        return time.clock_gettime(~self.pid << 3 | 2)

    def memory(self) -> int:
        """Return the resident set, in bytes."""
        size: int = self._process.memory_info().rss
        return size


@contextmanager
def registry(data: Path) -> Iterator[Server]:
    """Run `casetypes serve` with the embedded MongoDB.

    The data folder contains the key of the development issuer.
    """
    port = _free_port()
    try:
        with _running(
            [_CASETYPES, "serve", "--data", str(data), "--port", str(port), "--sample", "none"],
            data,
            port,
            "/health/ready",
        ) as server:
            yield server
    finally:
        _end_mongod(data)


@contextmanager
def module(name: str, folder: Path, *arguments: str) -> Iterator[Server]:
    """Run a module of this package that serves a port and answers GET /.

    The module's arguments are the port and `arguments`.
    """
    port = _free_port()
    with _running([sys.executable, "-m", name, str(port), *arguments], folder, port, "/") as server:
        yield server


def allow_many_sockets() -> None:
    """Raise the limit of open files of this process and its children to the hard limit."""
    _, hard_limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard_limit, hard_limit))


@contextmanager
def _running(command: Sequence[str], folder: Path, port: int, ready: str) -> Iterator[Server]:
    folder.mkdir(parents=True, exist_ok=True)
    output = folder / "output.log"
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("CASETYPES_")
    } | _UNLIMITED
    with output.open("a") as log:
        process = subprocess.Popen(  # noqa: S603
            command,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=environment,
            cwd=_ROOT,
            start_new_session=True,
        )
    try:
        _wait_until_ready(process, f"http://127.0.0.1:{port}{ready}", output)
        yield Server(process.pid, port)
    finally:
        process.terminate()
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until_ready(process: subprocess.Popen[bytes], url: str, output: Path) -> None:
    deadline = time.monotonic() + _READY_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if httpx2.get(url).status_code == 200:
                return
        except httpx2.HTTPError:
            pass
        time.sleep(0.05)
    raise RuntimeError(f"The server did not become ready:\n{output.read_text(encoding='utf-8')}")


def _end_mongod(data: Path) -> None:
    """End the embedded MongoDB of a server that had to be killed; others end it themselves."""
    try:
        left = psutil.Process(json.loads((data / "mongod.json").read_text(encoding="utf-8"))["pid"])
    except (OSError, ValueError, KeyError, TypeError, psutil.NoSuchProcess):
        return
    left.terminate()
    left.wait(_STOP_SECONDS)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
