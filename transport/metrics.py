"""The page of metrics for Prometheus, and the metrics of the process itself."""

import asyncio

import psutil
from prometheus_client import (
    CONTENT_TYPE_PLAIN_0_0_4,
    CollectorRegistry,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector
from starlette.responses import PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

from resolvers.access.loopback import is_loopback
from resolvers.live.metrics import Metrics
from store.registry import Store

_INTERVAL_SECONDS = 5


async def observe_process(store: Store, metrics: Metrics) -> None:
    """Update the metrics of the process every five seconds."""
    process = psutil.Process()
    while True:
        metrics.memory.set(process.memory_info().rss)
        metrics.cpu.set(sum(process.cpu_times()[:2]))
        metrics.restarts.set(store.feed.restarts)
        await asyncio.sleep(_INTERVAL_SECONDS)


class MetricsPage:
    """The metrics of this process, or of all workers together.

    Args:
        registry: The metrics of this process.
        open_to: Who may read the page: `all`, `loopback` (this machine) or `none`.
        merged: Whether the metrics of all workers are merged.
    """

    def __init__(self, registry: CollectorRegistry, *, open_to: str, merged: bool) -> None:
        self._registry = registry
        self._open_to = open_to
        self._merged = merged
        if not merged:
            ProcessCollector(registry=registry)
            PlatformCollector(registry=registry)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with the metrics; with 404 if the client may not read them."""
        client = scope.get("client")
        if self._open_to == "none" or (
            self._open_to == "loopback" and not (client and is_loopback(str(client[0])))
        ):
            await PlainTextResponse("Not Found", 404)(scope, receive, send)
            return
        registry = self._registry
        if self._merged:
            registry = CollectorRegistry()
            MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        await Response(generate_latest(registry), media_type=CONTENT_TYPE_PLAIN_0_0_4)(
            scope, receive, send
        )
