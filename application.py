"""The application: the ASGI app, the store and the sign-in, built from the settings.

Every worker process builds its own application from the same settings. The command line uses the
same functions to open and prepare the store.
"""

import asyncio
import gc
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import structlog
from prometheus_client import CollectorRegistry
from starlette.applications import Starlette
from starlette.routing import Route

from execution.complexity_limits import Bounds
from execution.executor import ExecutionLimits, OperationExecutor
from execution.operations import Operations
from execution.rate_limits import Rate, RateLimiter
from execution.sessions import ConnectionLimiter, Sessions
from execution.subscriptions.start import Limits, Live
from execution.trusted_documents import TrustedDocuments
from resolvers.access import development_issuer
from resolvers.access.issuers import IssuerKeys
from resolvers.access.sign_in import SignIn
from resolvers.kinds.registrations import KINDS
from resolvers.live.hub import Hub
from resolvers.live.metrics import Metrics
from resolvers.live.subscription_registry import SubscriptionRegistry
from resolvers.log import checkpoints
from resolvers.reference.principals import reference_principals
from schema.registry import RegistrySchema, schema
from settings import Settings
from store.kinds.kinds import Kinds
from store.mongo.connection import Database, connect
from store.mongo.indexes import create_indexes, is_ready
from store.registry import Store
from store.tasks import cancel
from store.transfer.backup import BackupError, is_half_restored
from transport.application import Application, on_signal
from transport.exports.endpoint import ExportEndpoint
from transport.health import Health
from transport.http import GraphQLEndpoint, HttpLimits
from transport.http_protocol import HEADER_SECONDS
from transport.metrics import MetricsPage, observe_process


def create_app(
    settings: Settings, schema: RegistrySchema = schema, kinds: Kinds = KINDS
) -> Application:
    """Build the ASGI application for these kinds of document.

    Raises:
        ValueError: The settings name no MongoDB, or nobody could sign in.
    """
    if settings.mongodb_uri is None:
        raise ValueError("The settings name no MongoDB.")
    store = open_store(settings.mongodb_uri, settings, kinds)
    registry = CollectorRegistry()
    metrics = Metrics(registry)
    limits = Limits(
        operations=settings.subscriptions_per_socket,
        init_seconds=settings.socket_init_seconds,
        heartbeat_seconds=settings.heartbeat_seconds,
        origins=frozenset(origin.lower() for origin in settings.origins),
    )
    hub = Hub(store, metrics, SubscriptionRegistry(store))
    live = Live(
        operation_executor(settings, schema),
        hub,
        Sessions(store, sign_in_of(settings)),
        ConnectionLimiter(settings.connections_per_user),
        metrics,
        limits,
    )
    key = settings.signing_key()

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[dict[str, Any]]:
        await prepare(store)
        store.feed.start()
        hub.start()
        background = [
            asyncio.create_task(observe_process(store, metrics)),
            asyncio.create_task(checkpoints.keep_taking(store, key, settings.checkpoint_seconds)),
        ]
        try:
            # A stream does not end by itself, and a server that stops waits for open requests.
            with on_signal(lambda: asyncio.ensure_future(live.end_streams())):
                yield {HEADER_SECONDS: settings.header_seconds}
        finally:
            await cancel(*background)
            await live.stop()
            await store.feed.stop()
            await store.log.close()
            await store.database.client.close()

    health = Health(lambda: is_ready(store.database))
    app = Application(
        routes=[
            Route("/exports/{file}", ExportEndpoint(live, at_once=settings.exports_at_once)),
            Route(
                "/metrics",
                MetricsPage(registry, open_to=settings.metrics, merged=settings.workers > 1),
            ),
            Route("/health/live", health.live),
            Route("/health/ready", health.ready),
        ],
        lifespan=lifespan,
    )
    app.live = live
    http = HttpLimits(
        body_bytes=settings.body_bytes,
        import_bytes=settings.import_bytes,
        body_seconds=settings.body_seconds,
    )
    app.graphql = GraphQLEndpoint(live, http, development=settings.local_issuer)
    return app


def operation_executor(settings: Settings, schema: RegistrySchema = schema) -> OperationExecutor:
    """Build the executor of operations, with the limits that the settings name.

    Raises:
        ValueError: The trusted documents cannot be read, or are not valid operations.
    """
    bounds = Bounds(
        depth=settings.query_depth,
        fields=settings.query_fields,
        aliases=settings.query_aliases,
        directives=settings.query_directives,
        operations=settings.query_operations,
        cost=settings.query_cost,
    )
    rates = RateLimiter(
        user=Rate(settings.user_cost_per_second, settings.user_cost_burst),
        principal=Rate(settings.principal_cost_per_second, settings.principal_cost_burst),
    )
    limits = ExecutionLimits(
        seconds=settings.deadline_seconds,
        at_once=settings.user_operations,
        logged=settings.log_operations,
    )
    operations = Operations(schema.graphql, bounds)
    return OperationExecutor(
        operations,
        TrustedDocuments(operations, settings.trusted_documents, only=settings.trusted_only),
        rates,
        limits,
    )


def tune_garbage_collector() -> None:
    """Raise the thresholds of Python's cyclic garbage collector.

    Each open socket consists of some hundred long-lived objects, and each save creates some hundred
    short-lived ones. With the default thresholds the collector would run every few requests.
    """
    gc.set_threshold(10_000, 10, 10)


def worker_application() -> Application:
    """Build the application of a worker from the settings that `serve` put in the environment."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    tune_garbage_collector()
    app = create_app(Settings())
    gc.collect()
    # Schema and modules stay in memory: a full collection skips frozen objects, so it is short.
    gc.freeze()
    return app


def open_store(
    uri: str, settings: Settings, kinds: Kinds = KINDS, *, patient: bool = False
) -> Store:
    """Open the store.

    Args:
        uri: The MongoDB to connect to.
        settings: Of which the database, the time limit and the extra HSA prefixes are used.
        kinds: The kinds of document.
        patient: Wait as long as MongoDB needs, without a time limit: for backup and restore.
    """
    database = Database(
        connect(uri, patient=patient),
        settings.database,
        seconds=None if patient else settings.mongodb_seconds,
    )
    return Store(database, kinds, extra_hsa_prefixes=settings.extra_hsa_prefixes)


async def prepare(store: Store) -> None:
    """Create indexes, search tokens and reference data where they are missing.

    Raises:
        BackupError: A restore into the database was interrupted.
    """
    if await is_half_restored(store.database):
        raise BackupError(
            "A restore into this database was interrupted. Run it again: casetypes restore."
        )
    await create_indexes(store.database)
    await store.search.fill_in()
    await store.principals.ensure(reference_principals())


def sign_in_of(settings: Settings) -> SignIn:
    """Build the sign-in: with the OpenID Connect issuer, else with the development issuer.

    Raises:
        ValueError: The settings name no issuer, and the development issuer is not permitted.
    """
    if settings.oidc_issuer is not None:
        keys = IssuerKeys(settings.oidc_issuer)
        return SignIn(
            keys,
            issuer=settings.oidc_issuer,
            audience=settings.oidc_audience,
            acr=settings.oidc_acr,
            roles=settings.role_codes,
        )
    if settings.local_issuer:
        return development_issuer.sign_in(settings.data)
    raise ValueError(
        "Nobody could sign in: set CASETYPES_OIDC_ISSUER (or, on a loopback address only,"
        " CASETYPES_DEVELOPMENT=1)."
    )
