"""Asks each server for next to nothing, all the time: how long the slowest answer took tells how
long its event loop stood still.
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
    """Asks from threads of its own, one for each server, so that the tests' own event loop is not
    measured.

    Attributes:
        asked: How many answers there were.
        slowest_ms: The longest that one took.
    """

    def __init__(self, servers: Sequence[Server], token: str) -> None:
        self.asked = 0
        self.slowest_ms = 0.0
        self._headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
        self._enough = threading.Event()
        self._wrong: list[str] = []
        self._threads = [threading.Thread(target=self._ask, args=(server,)) for server in servers]

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
        self._enough.set()
        for thread in self._threads:
            thread.join()
        assert self._wrong == []

    def _ask(self, server: Server) -> None:
        connection = HTTPConnection(server.root.removeprefix("http://"), timeout=_ANSWER_SECONDS)
        while not self._enough.wait(_PAUSE_SECONDS):
            stops = server.stops
            begun = time.monotonic()
            try:
                connection.request("POST", "/graphql", _BODY, self._headers)
                answer = connection.getresponse().read().decode()
            except (OSError, HTTPException):  # killed, or not there again yet
                connection.close()
                continue
            took_ms = (time.monotonic() - begun) * 1_000
            if server.stops == stops and not server.is_stopped:
                self.asked += 1
                self.slowest_ms = max(self.slowest_ms, took_ms)
                if json.loads(answer)["data"] != {"__typename": "Query"}:
                    self._wrong.append(answer)
        connection.close()
