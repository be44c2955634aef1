"""Real server processes on one database, each killed and started again on its own port."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2

_CASETYPES = str(Path(sys.executable).with_name("casetypes"))
_READY_SECONDS = 60
_POLL_SECONDS = 0.05


class Server:
    """One server: its address and its data folder outlive its process."""

    def __init__(self, data: Path, uri: str) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = probe.getsockname()[1]
        self.root = f"http://127.0.0.1:{self._port}"
        self.url = f"{self.root}/graphql"
        self.output = data.with_suffix(".log")
        self._data = data
        self._uri = uri
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def ended(self) -> bool:
        """Whether its process is gone, though nobody killed it."""
        return self._process is not None and self._process.poll() is not None

    def start(self) -> None:
        """Begin; `ready` waits."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith("CASETYPES_")}
        environment |= {"CASETYPES_MONGODB_URI": self._uri, "CASETYPES_DEVELOPMENT": "1"}
        with self.output.open("ab") as printed:
            self._process = subprocess.Popen(
                [_CASETYPES, "serve", "--data", str(self._data), "--port", str(self._port), "--sample", "none"],
                stdin=subprocess.DEVNULL,
                stdout=printed,
                stderr=subprocess.STDOUT,
                env=environment,
            )

    async def ready(self) -> None:
        """Wait until it answers."""
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

    async def kill(self) -> None:
        """End it without a word."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            await asyncio.to_thread(self._process.wait, 30)
            self._process = None


@asynccontextmanager
async def servers(folder: Path, uri: str, count: int = 2) -> AsyncIterator[list[Server]]:
    """So many servers with one data folder's key until the end of the block."""
    (folder / "data").mkdir()
    running = [Server(folder / "data", uri)]
    for number in range(1, count):
        data = folder / f"data{number}"
        data.symlink_to(folder / "data")  # the development issuer's key must be the same
        running.append(Server(data, uri))
    try:
        for server in running:
            server.start()
        await asyncio.gather(*(server.ready() for server in running))
        yield running
    finally:
        await asyncio.gather(*(server.kill() for server in running))
