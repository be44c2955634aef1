"""The composition root: settings, the ASGI application, the command line.

`serve` prepares what a server needs (an embedded MongoDB unless a URI is given, indexes, reference
and sample data) and then runs the workers;
each worker builds its application from the same settings. Nothing below this module reads settings
or the environment.
"""

import asyncio
import gc
import json
import os
import platform
import re
import shutil
import signal
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from importlib import metadata
from pathlib import Path
from typing import Annotated, Any, Literal, NoReturn

import structlog
import typer
import uvicorn
from prometheus_client import CollectorRegistry
from starlette.applications import Starlette
from starlette.routing import Route

from execution.complexity import Bounds
from execution.executor import ExecutionLimits, OperationExecutor
from execution.operations import Operations
from execution.rate_limits import Rate, RateLimiter
from execution.sessions import ConnectionLimiter, Sessions
from execution.subscriptions.start import Limits, Live
from execution.trusted_documents import TrustedDocuments
from resolvers import reference
from resolvers import sample as sample_data
from resolvers.access import development_issuer
from resolvers.access.issuers import IssuerKeys
from resolvers.access.sign_in import SignIn
from resolvers.exports import import_
from resolvers.kinds import KINDS
from resolvers.live.hub import Hub
from resolvers.live.metrics import Metrics
from resolvers.live.subscription_registry import SubscriptionRegistry
from resolvers.log import checkpoints as checkpoint_keys
from resolvers.log.checkpoints import CheckpointKey
from resolvers.settings import Settings
from schema.registry import RegistrySchema, schema
from store.kinds.kinds import Kinds
from store.mongo import embedded_server as embedded_mongod
from store.mongo.connection import Database, MongoError, connect
from store.mongo.embedded_server import MongodError
from store.mongo.tasks import end
from store.records import Role
from store.registry import Store
from store.transfer import verification
from store.transfer.backup import BackupError, back_up, is_half_restored
from store.transfer.backup import restore as restore_backup
from store.transfer.replay import ReplayRefused
from transport.application import Application, on_signal
from transport.exports.endpoint import ExportEndpoint
from transport.health import Health
from transport.http import GraphQLEndpoint, HttpLimits
from transport.http_protocol import HEADER_SECONDS
from transport.metrics import MetricsPage, observe_process

_RUNNING = "server.json"
_MAX_FRAME = 1024 * 1024
_STOP_SECONDS = 10
_WORKER_SECONDS = 30  # to start in, too: uvicorn's five are too few on a busy machine, and it would start them again and again
_WORKERS_METRICS = (  # named by the library: the folder where workers leave their counts
    "PROMETHEUS_MULTIPROC_DIR"
)


# ------------------------------------------------------------------ the application


def create_app(
    settings: Settings, schema: RegistrySchema = schema, kinds: Kinds = KINDS
) -> Application:
    """The ASGI application over the MongoDB that the settings name, for these kinds of document."""
    if settings.mongodb_uri is None:
        raise ValueError("The settings name no MongoDB.")
    store = _open(settings.mongodb_uri, settings, kinds)
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
        _answers(settings, schema),
        hub,
        Sessions(store, _sign_in(settings)),
        ConnectionLimiter(settings.connections_per_user),
        metrics,
        limits,
    )
    key = settings.signing_key()

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[dict[str, Any]]:
        await _prepare(store)
        store.feed.start()
        hub.start()
        background = [
            asyncio.create_task(observe_process(store, metrics)),
            asyncio.create_task(
                checkpoint_keys.keep_taking(store, key, settings.checkpoint_seconds)
            ),
        ]
        try:
            # Before the server waits for requests to end: a stream does not end by itself.
            with on_signal(lambda: asyncio.ensure_future(live.end_streams())):
                yield {HEADER_SECONDS: settings.header_seconds}
        finally:
            await end(*background)
            await live.stop()
            await store.feed.stop()
            await store.log.close()
            await store.database.client.close()

    health = Health(store.database.ready)
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


def _answers(settings: Settings, schema: RegistrySchema = schema) -> OperationExecutor:
    """Who answers operations, within the limits that the settings name.

    Raises:
        ValueError: The operations that are to be trusted can't be.
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
    """Let Python's cyclic collector run as seldom as a server needs it.

    Each open socket is some hundred objects that live long, and each save some hundred that don't:
    by its defaults it would look through them every
    few requests.
    """
    gc.set_threshold(10_000, 10, 10)


def application() -> Application:
    """A worker's application, by the settings that `serve` left in the environment."""
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
    gc.freeze()  # schema and modules stay for good: a full collection need not look through them, and is short
    return app


def _open(uri: str, settings: Settings, kinds: Kinds = KINDS, *, patient: bool = False) -> Store:
    """The store; a patient one waits as long as MongoDB takes for what it has been told to do."""
    database = Database(
        connect(uri, patient=patient),
        settings.database,
        seconds=None if patient else settings.mongodb_seconds,
    )
    return Store.over(database, kinds, extra_hsa_prefixes=settings.extra_hsa_prefixes)


async def _prepare(store: Store) -> None:
    """Indexes, the words that documents are found by, and reference data, as far as they are
    missing.

    Raises:
        BackupError: A restore into the database was broken off.
    """
    if await is_half_restored(store.database):
        raise BackupError(
            "A restore into this database was broken off. Run it again: casetypes restore."
        )
    await store.database.create_indexes()
    await store.search.fill_in()
    await store.principals.ensure(reference.principals())


def _sign_in(settings: Settings) -> SignIn:
    """Who verifies tokens: the OpenID Connect issuer, else the development issuer where that is
    allowed.
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


# ------------------------------------------------------------------ the command line

command = typer.Typer(
    help="The 1177 case type registry.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
DataOption = Annotated[
    Path,
    typer.Option(
        envvar="CASETYPES_DATA",
        help=(
            "Folder of the embedded MongoDB, the development issuer's key and the server's"
            " whereabouts."
        ),
    ),
]


@command.command()
def serve(
    host: Annotated[
        str, typer.Option(envvar="CASETYPES_HOST", help="Address to listen on.")
    ] = "127.0.0.1",
    port: Annotated[
        int,
        typer.Option(
            envvar="CASETYPES_PORT", min=0, max=65535, help="Port to listen on; 0 takes a free one."
        ),
    ] = 8000,
    data: DataOption = Path("data"),
    sample: Annotated[
        Literal["demo", "none"],
        typer.Option(envvar="CASETYPES_SAMPLE", help="What an empty registry starts with."),
    ] = "demo",
    workers: Annotated[
        int, typer.Option(envvar="CASETYPES_WORKERS", min=1, max=64, help="Server processes.")
    ] = 1,
) -> None:
    """Run the server, with an embedded MongoDB unless CASETYPES_MONGODB_URI names one."""
    # Whatever ends the server, the embedded MongoDB is stopped after it: uvicorn raises the signal
    # again when it is done.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    settings = Settings(
        host=host,
        port=port or _free_port(host),
        data=data.absolute(),
        sample=sample,
        workers=workers,
    )
    settings = settings.model_copy(update={"embedded": settings.mongodb_uri is None})
    _refuse_taken_port(settings)
    embedded = None
    try:
        _sign_in(settings)
        _answers(settings)
        if settings.embedded:
            embedded = asyncio.run(
                embedded_mongod.start(
                    settings.data, binary=settings.mongod, cache_gb=settings.mongod_cache_gb
                )
            )
            settings = settings.model_copy(update={"mongodb_uri": embedded.uri})
        version = asyncio.run(_bootstrap(settings))
        _announce(settings, version)
        try:
            _run(settings)
        finally:
            (settings.data / _RUNNING).unlink(missing_ok=True)
    except (MongodError, BackupError, ValueError) as error:
        _fail(str(error))
    finally:
        if embedded is not None:
            asyncio.run(embedded.stop())


async def _bootstrap(settings: Settings) -> str:
    """Prepare the database once, before the workers start; the version of MongoDB."""
    store = _open(str(settings.mongodb_uri), settings)
    try:
        version = await embedded_mongod.require_replica_set(store.database.client)
        await _prepare(store)
        if settings.sample == "demo":
            await sample_data.load(store)
        return version
    finally:
        await store.log.close()
        await store.database.client.close()


def _run(settings: Settings) -> None:
    if settings.workers > 1:
        shutil.rmtree(settings.data / "metrics", ignore_errors=True)
        (settings.data / "metrics").mkdir(parents=True)
        os.environ[_WORKERS_METRICS] = str(settings.data / "metrics")
    values = settings.model_dump(mode="json", exclude_none=True)
    os.environ.update(
        {
            f"CASETYPES_{name.upper()}": value if isinstance(value, str) else json.dumps(value)
            for name, value in values.items()
        }
    )
    uvicorn.run(
        "server:application",
        factory=True,
        host=settings.host,
        port=settings.port,
        workers=settings.workers,
        loop="uvloop",
        http="transport.http_protocol:RequestProtocol",
        ws="transport.websocket_protocol:FrameProtocol",
        ws_max_size=_MAX_FRAME,
        ws_per_message_deflate=False,
        ws_ping_interval=settings.ping_seconds,
        ws_ping_timeout=settings.ping_seconds,
        server_header=False,
        access_log=False,
        log_level="warning",
        timeout_graceful_shutdown=_STOP_SECONDS,
        timeout_worker_healthcheck=_WORKER_SECONDS,
    )


def _announce(settings: Settings, mongodb_version: str) -> None:
    """Tell people and `casetypes status` where the server is."""
    settings.data.mkdir(parents=True, exist_ok=True)
    whereabouts = {
        "url": settings.url,
        "mongodbUri": settings.mongodb_uri,
        "database": settings.database,
        "versions": {
            "casetypes": metadata.version("casetypes"),
            "mongodb": mongodb_version,
            "python": platform.python_version(),
        },
        "pid": os.getpid(),
    }
    running = settings.data / _RUNNING
    running.touch(mode=0o600)  # it may name a password
    running.chmod(0o600)
    running.write_text(json.dumps(whereabouts), encoding="utf-8")
    where = re.sub("//[^/]*@", "//", str(settings.mongodb_uri))
    lines = [
        f"GraphQL   {settings.url}/graphql",
        f"Health    {settings.url}/health/ready",
        f"MongoDB   {mongodb_version}, {where}",
    ]
    if settings.local_issuer:
        tokens = {
            "a regional administrator": (
                Role.REGIONAL_ADMINISTRATOR,
                "SE2321000016",
                "SE2321000016-anna",
                "Anna Andersson",
            ),
            "a clinic": (Role.CLINIC_STAFF, "SE2321000016-1A01", "SE2321000016-bo", "Bo Berg"),
        }
        lines.append(
            "DEVELOPMENT: this server accepts tokens that it signs itself. Try one of these, valid"
            " for 12 hours:"
        )
        for whom, (role, unit, employee, name) in tokens.items():
            lines += [
                f"  {whom}:",
                (
                    f"  {development_issuer.token(settings.data, role=role, unit=unit, employee=employee, name=name)}"
                ),
            ]
    typer.echo("\n".join(lines))


def _free_port(host: str) -> int:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.bind((host, 0))
        port: int = probe.getsockname()[1]
        return port


def _refuse_taken_port(settings: Settings) -> None:
    """Say so before MongoDB is started, not after."""
    try:
        with socket.socket(socket.AF_INET6 if ":" in settings.host else socket.AF_INET) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((settings.host, settings.port))
    except OSError as error:
        _fail(
            f"Can't listen on {settings.host}:{settings.port}: {error.strerror}. Choose another"
            " with --port."
        )


def _fail(message: str) -> NoReturn:
    typer.echo(message, err=True)
    raise typer.Exit(1)


@command.command()
def token(
    role: Annotated[Role, typer.Option(help="What the holder is signed in as.")],
    unit: Annotated[
        str, typer.Option(help="HSA-id of the principal or clinic that the role is held for.")
    ],
    employee: Annotated[
        str, typer.Option(help="HSA-id of the person; not used for a REPORTER, a machine.")
    ] = "",
    name: Annotated[str, typer.Option(help="The person's name.")] = "",
    valid_for: Annotated[int, typer.Option(min=1, help="Seconds until it expires.")] = 12 * 3600,
    data: DataOption = Path("data"),
) -> None:
    """Print one token of the development issuer, alone on the last line."""
    try:
        signed = development_issuer.token(
            data,
            role=role,
            unit=unit,
            employee=employee,
            name=name,
            valid_for=timedelta(seconds=valid_for),
        )
    except (ValueError, OSError) as error:
        _fail(str(error))
    typer.echo(signed)


@command.command(name="import")
def import_history(
    versions: Annotated[
        list[Path],
        typer.Option(exists=True, dir_okay=False, help="An export of versions as NDJSON, whole."),
    ],
    events: Annotated[
        list[Path],
        typer.Option(
            exists=True,
            dir_okay=False,
            help="An export of events as NDJSON with detail=true, whole.",
        ),
    ],
    data: DataOption = Path("data"),
) -> None:
    """Replay exported logs into a registry that has nothing of them: a pair of files for each
    principal.
    """

    async def work(store: Store) -> None:
        await _prepare(store)
        for one in [await import_.replay(store, *pair) for pair in import_.pairs(versions, events)]:
            typer.echo(
                f"{one.principal}: {one.events} events, {one.versions} versions; {one.documents}"
                " documents, all chains of hashes intact."
            )

    _with_store(data, work)


@command.command()
def status(data: DataOption = Path("data")) -> None:
    """Print where the server of a data folder is reached, as JSON."""
    if not (whereabouts := _whereabouts(data)):
        _fail(f"No server runs on the data folder {data}.")
    typer.echo(json.dumps(whereabouts, indent=2))


def _whereabouts(data: Path) -> dict[str, Any]:
    """What the server that runs on a data folder left of itself; empty if none runs."""
    try:
        whereabouts: dict[str, Any] = json.loads((data / _RUNNING).read_text(encoding="utf-8"))
        os.kill(whereabouts["pid"], 0)
    except (OSError, ValueError, KeyError):
        return {}
    return whereabouts


@command.command()
def backup(
    target: Annotated[Path, typer.Argument(help="The file to write; it must not exist.")],
    data: DataOption = Path("data"),
) -> None:
    """Write the whole registry to one file, as it is at this moment, and check it.

    Servers may go on writing.
    """

    async def work(store: Store) -> None:
        await checkpoint_keys.take(store, Settings(data=data).signing_key())
        manifest = await back_up(store.database, target)
        typer.echo(f"{target}: {sum(manifest.rows.values()):,} rows as of {manifest.made_at}")

    _with_store(data, work)
    verify(target, key=Settings(data=data).checkpoint_key or data / checkpoint_keys.KEY_FILE)


@command.command()
def restore(
    source: Annotated[Path, typer.Argument(help="A backup.")], data: DataOption = Path("data")
) -> None:
    """Write a backup into an empty data folder or database, after checking it.

    No server may run there.
    """
    verify(source)

    async def work(store: Store) -> None:
        manifest = await restore_backup(store.database, source)
        typer.echo(
            f"{sum(manifest.rows.values()):,} rows as of {manifest.made_at} are in the database"
            f" {store.database.name}."
        )

    _with_store(data, work)


@command.command()
def verify(
    source: Annotated[Path, typer.Argument(help="A backup.")],
    key: Annotated[
        Path | None,
        typer.Option(
            help="The key that checkpoints are signed with, or its public half, as a JSON Web Key."
        ),
    ] = None,
    checkpoints: Annotated[
        Path | None, typer.Option(help="Checkpoints that were kept elsewhere, one to a line.")
    ] = None,
) -> None:
    """Check a backup without a database: every version's hash, every log, every checkpoint.

    Ends with 1 if anything is wrong.
    """
    try:
        signed = None if key is None else CheckpointKey.of(key).signed
        elsewhere = (
            []
            if checkpoints is None
            else checkpoint_keys.read_all(checkpoints.read_text(encoding="ascii").splitlines())
        )
        report = verification.check(source, signed, elsewhere)
    except (BackupError, ValueError, OSError) as error:
        _fail(str(error))
    counts = (
        f"{report.documents:,} documents, {report.versions:,} versions, {report.events:,} events,"
        f" {report.checkpoints:,} checkpoints"
    )
    if not report.intact:
        _fail("\n".join([f"NOT intact: {counts}", *report.problems]))
    typer.echo(f"Intact: {counts}{'' if key else ' (signatures were not checked: no --key)'}")


@command.command()
def checkpoints(
    data: DataOption = Path("data"),
    *,
    public_key: Annotated[
        bool, typer.Option("--public-key", help="Print the public key instead.")
    ] = False,
) -> None:
    """Sign how far each log goes now, and print all checkpoints, one to a line: to be kept
    elsewhere.
    """
    if public_key:
        typer.echo(json.dumps(Settings(data=data).signing_key().public()))
        return

    async def work(store: Store) -> None:
        await checkpoint_keys.take(store, Settings(data=data).signing_key())
        typer.echo("\n".join(one.statement for one in await store.checkpoints.all()))

    _with_store(data, work)


def _with_store(data: Path, work: Callable[[Store], Awaitable[None]]) -> None:
    """Work on the store of a data folder: on the MongoDB of the settings, of the server that runs
    there, or on one started for it.
    """
    settings = Settings(data=data.absolute())

    async def on(uri: str) -> None:
        store = _open(uri, settings, patient=True)
        try:
            await work(store)
        finally:
            await store.database.client.close()

    async def go() -> None:
        if (
            uri := settings.mongodb_uri or _whereabouts(settings.data).get("mongodbUri")
        ) is not None:
            await on(uri)
            return
        embedded = await embedded_mongod.start(
            settings.data, binary=settings.mongod, cache_gb=settings.mongod_cache_gb
        )
        try:
            await on(embedded.uri)
        finally:
            await embedded.stop()

    try:
        asyncio.run(go())
    except (MongodError, BackupError, ReplayRefused, MongoError, ValueError) as error:
        _fail(str(error))


@command.command()
def sdl(
    check: Annotated[
        Path | None, typer.Option(help="Compare with this file instead of printing.")
    ] = None,
) -> None:
    """Print the GraphQL schema."""
    text = schema.as_str() + "\n"
    if check is None:
        typer.echo(text, nl=False)
    elif not check.exists() or check.read_text(encoding="utf-8") != text:
        _fail(f"{check} is not the schema of the code. Run: make sdl")


def main() -> None:
    """The console script."""
    command()
