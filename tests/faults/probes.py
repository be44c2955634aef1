"""Sends a trivial request to each server all the time.

The slowest response shows for how long the event loop of a server was blocked.
"""

import json
import threading
import time
from collections.abc import Sequence
from http.client import HTTPConnection, HTTPException
from types import TracebackType
from typing import Self

from tests.faults.servers import Server

_PAUSE_SECONDS = 0.05
_ANSWER_SECONDS = 30
_BODY = json.dumps({"query": "{ __typename }"})


class Probe:
    """Sends requests from a thread for each server.

    Threads keep delays of the tests' own event loop out of the measurement.

    Attributes:
        responses: The number of responses.
        slowest_ms: The longest response time.
    """

    def __init__(self, servers: Sequence[Server], token: str) -> None:
        self.responses = 0
        self.slowest_ms = 0.0
        self._headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
        self._stop = threading.Event()
        self._wrong: list[str] = []
        self._threads = [
            threading.Thread(target=self._send_requests, args=(server,)) for server in servers
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()
        assert self._wrong == []

    def _send_requests(self, server: Server) -> None:
        connection = HTTPConnection(server.root.removeprefix("http://"), timeout=_ANSWER_SECONDS)
        while not self._stop.wait(_PAUSE_SECONDS):
            stops = server.stops
            started_at = time.monotonic()
            try:
                connection.request("POST", "/graphql", _BODY, self._headers)
                response = connection.getresponse().read().decode()
            except (OSError, HTTPException):  # the server was killed, or is not up again yet
                connection.close()
                continue
            took_ms = (time.monotonic() - started_at) * 1_000
            if server.stops == stops and not server.is_stopped:
                self.responses += 1
                self.slowest_ms = max(self.slowest_ms, took_ms)
                if json.loads(response)["data"] != {"__typename": "Query"}:
                    self._wrong.append(response)
        connection.close()
