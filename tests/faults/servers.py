"""Real server processes on one database. A test can kill each and restart it on its port."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from types import MappingProxyType

import httpx2

from tests.faults.cluster import HERE, Place, free_ports

_NO_RATE_LIMITS = dict.fromkeys(
    ("CASETYPES_USER_COST_PER_SECOND", "CASETYPES_PRINCIPAL_COST_PER_SECOND"), "0"
)
"""The few writers and the probe send more requests than people do."""
_CASETYPES = str(Path(sys.executable).with_name("casetypes"))
_READY_SECONDS = 60
_POLL_SECONDS = 0.05


class Server:
    """A server. It keeps its address and data folder when its process is restarted.

    Attributes:
        stops: How often the process was stopped or continued.
        is_stopped: Whether the process is stopped now, so that it cannot answer.
        environment: More environment variables, for the next start.
    """

    def __init__(self, data: Path, uri: str, place: Place) -> None:
        [self.port] = free_ports(1)
        self.root = f"http://{place.host}:{self.port}"
        self.place = place
        self.stops = 0
        self.is_stopped = False
        self.environment: dict[str, str] = {}
        self.url = f"{self.root}/graphql"
        self.output = data.with_suffix(".log")
        self._data = data
        self._uri = uri
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def ended(self) -> bool:
        """Whether the process has ended although the test did not kill it."""
        return self._process is not None and self._process.poll() is not None

    def start(self) -> None:
        """Start the process. `ready` waits for it."""
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith("CASETYPES_")
        }
        environment |= {
            "CASETYPES_MONGODB_URI": self._uri,
            "CASETYPES_DEVELOPMENT": "1",
            **_NO_RATE_LIMITS,
        } | self.environment
        with self.output.open("ab") as printed:
            self._process = subprocess.Popen(
                [
                    *self.place.prefix,
                    _CASETYPES,
                    "serve",
                    "--data",
                    str(self._data),
                    "--port",
                    str(self.port),
                    "--sample",
                    "none",
                ],
                stdin=subprocess.DEVNULL,
                stdout=printed,
                stderr=subprocess.STDOUT,
                env=environment,
            )

    async def ready(self) -> None:
        """Wait until the server answers."""
        deadline = time.monotonic() + _READY_SECONDS
        async with httpx2.AsyncClient(timeout=5) as client:
            while time.monotonic() < deadline and not self.ended:
                try:
                    if (await client.get(f"{self.root}/health/ready")).status_code == 200:
                        return
                except httpx2.HTTPError:
                    pass
                await asyncio.sleep(_POLL_SECONDS)
        raise AssertionError(f"{self.root} does not answer:\n{self.output.read_text()[-2_000:]}")

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """Stop the process until the end of the block. Its connections stay open, unanswered."""
        assert self._process is not None
        self.is_stopped = True
        self.stops += 1
        self._process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)
            self.is_stopped = False
            self.stops += 1

    async def kill(self) -> None:
        """Kill the process, without a shutdown."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            await asyncio.to_thread(self._process.wait, 30)
            self._process = None


@asynccontextmanager
async def servers(
    folder: Path,
    uri: str,
    places: Sequence[Place],
    environment: Mapping[str, str] = MappingProxyType({}),
) -> AsyncIterator[list[Server]]:
    """A server at each place, all with the same key, until the end of the block.

    `environment` has more environment variables for the first server.
    """
    (folder / "data").mkdir()
    running = []
    for number, place in enumerate(places):
        data = folder / f"data{number}"
        data.symlink_to(folder / "data")  # all servers need the same development issuer's key
        running.append(Server(data, uri, place))
    running[0].environment |= environment
    relays = [_relay(server) for server in running if server.place != HERE]
    try:
        for server in running:
            server.start()
        await asyncio.gather(*(server.ready() for server in running))
        yield running
    finally:
        await asyncio.gather(*(server.kill() for server in running))
        for relay in relays:
            relay.kill()
            relay.wait()


def _relay(server: Server) -> subprocess.Popen[bytes]:
    """Start a relay that makes a server reachable from other places.

    Servers accept tokens of the development issuer on loopback only, and each place has its own
    loopback.
    """
    command = [
        *server.place.prefix,
        sys.executable,
        "-m",
        "tests.faults.relay",
        server.place.host,
        str(server.port),
    ]
    return subprocess.Popen(command, stdin=subprocess.DEVNULL)
