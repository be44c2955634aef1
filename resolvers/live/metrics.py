"""Prometheus metrics of live delivery.

Each application has one registry. With several workers, the server merges their metrics.
"""

from datetime import datetime

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from store.records import Event

_LAG_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class Metrics:
    """The metrics of one process."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.followers = Gauge(
            "casetypes_feed_subscribers",
            "Open subscriptions.",
            registry=registry,
            multiprocess_mode="livesum",
        )
        self.connections = Gauge(
            "casetypes_feed_connections",
            "Open connections.",
            ["transport"],
            registry=registry,
            multiprocess_mode="livesum",
        )
        self.events = Counter(
            "casetypes_feed_events",
            "Events of subscribed logs that were delivered.",
            registry=registry,
        )
        self.deliveries = Counter(
            "casetypes_feed_deliveries", "Payloads that were sent live.", registry=registry
        )
        self.lag = Histogram(
            "casetypes_feed_delivery_lag_seconds",
            "From the time of an event to its delivery to the last live subscriber.",
            buckets=_LAG_SECONDS,
            registry=registry,
        )
        self.replays = Counter(
            "casetypes_feed_replays",
            "Subscriptions that started behind the end of the log.",
            registry=registry,
        )
        self.slow = Counter(
            "casetypes_feed_slow_readers",
            "Times that a subscriber could not take more and fell behind.",
            registry=registry,
        )
        self.refused = Counter(
            "casetypes_feed_refusals",
            "Connections and subscriptions that a limit refused.",
            ["code"],
            registry=registry,
        )
        self.restarts = Gauge(
            "casetypes_change_stream_restarts",
            "Change streams that failed and were restarted.",
            registry=registry,
            multiprocess_mode="livesum",
        )
        self.memory = Gauge(
            "casetypes_worker_resident_memory_bytes",
            "Resident memory of the process.",
            registry=registry,
            multiprocess_mode="liveall",
        )
        self.cpu = Gauge(
            "casetypes_worker_cpu_seconds",
            "CPU time of the process.",
            registry=registry,
            multiprocess_mode="liveall",
        )

    def subscribed(self, *, replay: bool) -> None:
        """Count a subscription that starts; `replay` if it starts behind the end of the log."""
        self.followers.inc()
        if replay:
            self.replays.inc()

    def unsubscribed(self) -> None:
        """Count a subscription that ends."""
        self.followers.dec()

    def delivered(self, event: Event, deliveries: int, now: datetime) -> None:
        """Count one event that was delivered to all live subscribers."""
        self.events.inc()
        self.deliveries.inc(deliveries)
        if deliveries:
            self.lag.observe(max(0.0, (now - event.at).total_seconds()))
