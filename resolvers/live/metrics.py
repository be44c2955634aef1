"""What is counted of the live feed, for Prometheus.

One registry for each application; with several workers the counts are merged (server).
"""

from datetime import datetime

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from store.records import Event

_LAG_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class Metrics:
    """The counts of one process."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.followers = Gauge(
            "casetypes_feed_subscribers",
            "Subscriptions that are open.",
            registry=registry,
            multiprocess_mode="livesum",
        )
        self.connections = Gauge(
            "casetypes_feed_connections",
            "Connections that are open.",
            ["transport"],
            registry=registry,
            multiprocess_mode="livesum",
        )
        self.events = Counter(
            "casetypes_feed_events", "Events of followed logs that were told.", registry=registry
        )
        self.deliveries = Counter(
            "casetypes_feed_deliveries", "Notifications and events sent live.", registry=registry
        )
        self.lag = Histogram(
            "casetypes_feed_delivery_lag_seconds",
            "From the time of an event until its last live subscriber was told.",
            buckets=_LAG_SECONDS,
            registry=registry,
        )
        self.replays = Counter(
            "casetypes_feed_replays",
            "Subscriptions that began behind the log's end.",
            registry=registry,
        )
        self.slow = Counter(
            "casetypes_feed_slow_readers",
            "Times that a subscriber could not take more and fell behind.",
            registry=registry,
        )
        self.refused = Counter(
            "casetypes_feed_refusals",
            "Connections and subscriptions refused by a limit.",
            ["code"],
            registry=registry,
        )
        self.restarts = Gauge(
            "casetypes_change_stream_restarts",
            "Change streams that broke and were begun again.",
            registry=registry,
            multiprocess_mode="livesum",
        )
        self.memory = Gauge(
            "casetypes_worker_resident_memory_bytes",
            "Memory of the process.",
            registry=registry,
            multiprocess_mode="liveall",
        )
        self.cpu = Gauge(
            "casetypes_worker_cpu_seconds",
            "Processor time that the process has used.",
            registry=registry,
            multiprocess_mode="liveall",
        )

    def began(self, *, replay: bool) -> None:
        """Count a subscription, and whether it begins behind the log's end."""
        self.followers.inc()
        if replay:
            self.replays.inc()

    def ended(self) -> None:
        """Count the end of one."""
        self.followers.dec()

    def told(self, event: Event, deliveries: int, now: datetime) -> None:
        """Count one event, told to all who are live."""
        self.events.inc()
        self.deliveries.inc(deliveries)
        if deliveries:
            self.lag.observe(max(0.0, (now - event.at).total_seconds()))
