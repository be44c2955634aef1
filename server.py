"""The composition root: settings, the ASGI application, the command line.

`serve` prepares what a server needs (an embedded MongoDB unless a URI is given, indexes, reference and sample data) and then runs the workers;
each worker builds its application from the same settings. Nothing below this module reads settings or the environment.
"""

import asyncio
import gc
import json
import os
import platform
import shutil
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from importlib import metadata
from ipaddress import ip_address
from pathlib import Path
from struct import pack
from types import FrameType
from typing import Annotated, Any, Literal, NoReturn

import structlog
import typer
import uvicorn
from prometheus_client import CollectorRegistry
from pydantic_settings import BaseSettings, SettingsConfigDict
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from resolvers import development as development_issuer
from resolvers import reference
from resolvers import sample as sample_data
from resolvers.issuers import IssuerKeys
from resolvers.kinds import KINDS
from resolvers.live.hub import Hub
from resolvers.live.metrics import Metrics
from resolvers.live.roster import Roster
from resolvers.sign_in import SignIn
from resolvers.viewers import ACR_LEVELS, AcrLevel
from schema.http import RegistryGraphQL
from schema.live import Limits, Live
from schema.metrics import MetricsPage, observe_process
from schema.registry import schema
from schema.sessions import Seats, Sessions
from schema.sockets import WRITE_NOW, GraphQLSocket
from schema.trusted import TrustedDocuments
from store import mongod as embedded_mongod
from store.database import Database, connect
from store.mongod import MongodError
from store.records import Role
from store.registry import Store

_RUNNING = "server.json"
_MAX_FRAME = 1024 * 1024
_STOP_SECONDS = 10
_WORKERS_METRICS = "PROMETHEUS_MULTIPROC_DIR"  # named by the library: the folder where workers leave their counts

# RFC 6455, section 5.2: the whole of a text message in one frame, unmasked, with its length.
_TEXT = 0x81
_IN_TWO_BYTES = 126
_IN_EIGHT_BYTES = 127


class Settings(BaseSettings):
    """Everything that can be set: by `CASETYPES_*` in the environment, some of it by the command line."""

    model_config = SettingsConfigDict(env_prefix="CASETYPES_", frozen=True)

    host: str = "127.0.0.1"
    port: int = 8000
    data: Path = Path("data")
    sample: Literal["demo", "none"] = "demo"
    workers: int = 1
    mongodb_uri: str | None = None
    database: str = "casetypes"
    embedded: bool = False
    mongod: Path | None = None
    mongod_cache_gb: float = 0.5
    development: bool = False
    oidc_issuer: str | None = None
    oidc_audience: str = development_issuer.AUDIENCE
    oidc_acr: tuple[AcrLevel, ...] = ACR_LEVELS
    role_codes: dict[str, Role] = {role.value: role for role in Role}
    extra_hsa_prefixes: tuple[str, ...] = ()
    connections_per_user: int = 50
    subscriptions_per_socket: int = 100
    socket_init_seconds: float = 5
    heartbeat_seconds: float = 15
    ping_seconds: float = 20
    metrics: Literal["loopback", "all", "none"] = "loopback"
    trusted_documents: Path | None = None
    trusted_only: bool = False

    @property
    def url(self) -> str:
        """Where the server is reached."""
        return f"http://{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"

    @property
    def local_issuer(self) -> bool:
        """Whether the development issuer's tokens are accepted: only on loopback, with the embedded database or by explicit choice."""
        return _is_loopback(self.host) and self.oidc_issuer is None and (self.embedded or self.development)


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


# ------------------------------------------------------------------ the application


class Application(Starlette):
    """The ASGI application."""

    live: Live

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer; websockets past what is made for requests, which would cost each message and each open socket."""
        if scope["type"] == "websocket" and scope["path"] == "/graphql":
            await GraphQLSocket(self.live, scope, receive, send).run()
        else:
            await super().__call__(scope, receive, send)


def create_app(settings: Settings) -> Application:
    """The ASGI application over the MongoDB that the settings name."""
    if settings.mongodb_uri is None:
        raise ValueError("The settings name no MongoDB.")
    store = _open(settings.mongodb_uri, settings)
    registry = CollectorRegistry()
    metrics = Metrics(registry)
    limits = Limits(
        operations=settings.subscriptions_per_socket, init_seconds=settings.socket_init_seconds, heartbeat_seconds=settings.heartbeat_seconds
    )
    hub = Hub(store, metrics, Roster(store))
    live = Live(schema, _trusted(settings), hub, Sessions(store, _sign_in(settings)), Seats(settings.connections_per_user), metrics, limits)
    graphql = RegistryGraphQL(live, development=settings.local_issuer)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        await _prepare(store)
        store.feed.start()
        hub.start()
        observing = asyncio.create_task(observe_process(store, metrics))
        try:
            # Before the server waits for requests to end: a stream does not end by itself.
            with _on_signal(lambda: asyncio.ensure_future(live.end_streams())):
                yield
        finally:
            observing.cancel()
            await live.stop()
            await store.feed.stop()
            await store.log.close()
            await store.database.client.close()

    async def alive(_: Request) -> Response:
        return JSONResponse({"status": "live"})

    async def ready(_: Request) -> Response:
        ok = await store.database.ready()
        return JSONResponse({"status": "ready" if ok else "unavailable"}, status_code=200 if ok else 503)

    app = Application(
        routes=[
            Route("/graphql", graphql, methods=["GET", "POST"]),
            Route("/metrics", MetricsPage(registry, open_to=settings.metrics, merged=settings.workers > 1)),
            Route("/health/live", alive),
            Route("/health/ready", ready),
        ],
        lifespan=lifespan,
    )
    app.live = live
    return app


@contextmanager
def _on_signal(act: Callable[[], object]) -> Iterator[None]:
    """Also do this when the process is asked to stop, whatever else does so."""
    loop = asyncio.get_running_loop()
    handlers = {number: handler for number in (signal.SIGTERM, signal.SIGINT) if callable(handler := signal.getsignal(number))}

    def handle(number: int, frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(act)
        handlers[signal.Signals(number)](number, frame)

    for number in handlers:
        signal.signal(number, handle)
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


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
    # Each open socket is some hundred objects that live long: the collector's defaults would look through all of them every few requests.
    gc.set_threshold(10_000, 10, 10)
    return create_app(Settings())


def _open(uri: str, settings: Settings) -> Store:
    return Store.over(Database(connect(uri), settings.database), KINDS, extra_hsa_prefixes=settings.extra_hsa_prefixes)


async def _prepare(store: Store) -> None:
    """Indexes and reference data, as far as they are missing."""
    await store.database.create_indexes()
    await store.principals.ensure(reference.principals())


def _trusted(settings: Settings) -> TrustedDocuments:
    """The operations that are known beforehand."""
    return TrustedDocuments(schema.operations, settings.trusted_documents, only=settings.trusted_only)


def _sign_in(settings: Settings) -> SignIn:
    """Who verifies tokens: the OpenID Connect issuer, else the development issuer where that is allowed."""
    if settings.oidc_issuer is not None:
        keys = IssuerKeys(settings.oidc_issuer)
        return SignIn(keys, issuer=settings.oidc_issuer, audience=settings.oidc_audience, acr=settings.oidc_acr, roles=settings.role_codes)
    if settings.local_issuer:
        return development_issuer.sign_in(settings.data)
    raise ValueError("Nobody could sign in: set CASETYPES_OIDC_ISSUER (or, on a loopback address only, CASETYPES_DEVELOPMENT=1).")


class FrameProtocol(WebSocketsSansIOProtocol):
    """uvicorn's websocket protocol, with the extension that writes without waiting (`schema.sockets.WRITE_NOW`)."""

    async def run_asgi(self) -> None:
        """Run the application."""
        extensions: dict[str, Any] = self.scope["extensions"]
        extensions[WRITE_NOW] = self.write_now
        await super().run_asgi()

    def write_now(self, head: bytes, body: bytes, tail: bytes) -> bool:
        """Write a text message, unless the reader can't take more or the socket is being closed."""
        if not self.writable.is_set() or self.close_sent or self.disconnected or self.transport.is_closing():
            return False
        size = len(head) + len(body) + len(tail)
        # How long it is takes one, three or nine bytes.
        if size < _IN_TWO_BYTES:
            start = pack("!BB", _TEXT, size)
        elif size < 1 << 16:
            start = pack("!BBH", _TEXT, _IN_TWO_BYTES, size)
        else:
            start = pack("!BBQ", _TEXT, _IN_EIGHT_BYTES, size)
        self.transport.write(b"".join((start, head, body, tail)))
        return True


# ------------------------------------------------------------------ the command line

command = typer.Typer(help="The 1177 case type registry.", no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
DataOption = Annotated[
    Path,
    typer.Option(envvar="CASETYPES_DATA", help="Folder of the embedded MongoDB, the development issuer's key and the server's whereabouts."),
]


@command.command()
def serve(
    host: Annotated[str, typer.Option(envvar="CASETYPES_HOST", help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(envvar="CASETYPES_PORT", min=0, max=65535, help="Port to listen on; 0 takes a free one.")] = 8000,
    data: DataOption = Path("data"),
    sample: Annotated[Literal["demo", "none"], typer.Option(envvar="CASETYPES_SAMPLE", help="What an empty registry starts with.")] = "demo",
    workers: Annotated[int, typer.Option(envvar="CASETYPES_WORKERS", min=1, max=64, help="Server processes.")] = 1,
) -> None:
    """Run the server, with an embedded MongoDB unless CASETYPES_MONGODB_URI names one."""
    # Whatever ends the server, the embedded MongoDB is stopped after it: uvicorn raises the signal again when it is done.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    settings = Settings(host=host, port=port or _free_port(host), data=data.absolute(), sample=sample, workers=workers)
    settings = settings.model_copy(update={"embedded": settings.mongodb_uri is None})
    _refuse_taken_port(settings)
    embedded = None
    try:
        _sign_in(settings)
        _trusted(settings)
        if settings.embedded:
            embedded = asyncio.run(embedded_mongod.start(settings.data, binary=settings.mongod, cache_gb=settings.mongod_cache_gb))
            settings = settings.model_copy(update={"mongodb_uri": embedded.uri})
        version = asyncio.run(_bootstrap(settings))
        _announce(settings, version)
        try:
            _run(settings)
        finally:
            (settings.data / _RUNNING).unlink(missing_ok=True)
    except (MongodError, ValueError) as error:
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
    os.environ.update({f"CASETYPES_{name.upper()}": value if isinstance(value, str) else json.dumps(value) for name, value in values.items()})
    uvicorn.run(
        "server:application",
        factory=True,
        host=settings.host,
        port=settings.port,
        workers=settings.workers,
        loop="uvloop",
        http="httptools",
        ws="server:FrameProtocol",
        ws_max_size=_MAX_FRAME,
        ws_per_message_deflate=False,
        ws_ping_interval=settings.ping_seconds,
        ws_ping_timeout=settings.ping_seconds,
        server_header=False,
        access_log=False,
        log_level="warning",
        timeout_graceful_shutdown=_STOP_SECONDS,
    )


def _announce(settings: Settings, mongodb_version: str) -> None:
    """Tell people and `casetypes status` where the server is."""
    settings.data.mkdir(parents=True, exist_ok=True)
    whereabouts = {
        "url": settings.url,
        "mongodbUri": settings.mongodb_uri,
        "database": settings.database,
        "versions": {"casetypes": metadata.version("casetypes"), "mongodb": mongodb_version, "python": platform.python_version()},
        "pid": os.getpid(),
    }
    (settings.data / _RUNNING).write_text(json.dumps(whereabouts), encoding="utf-8")
    lines = [f"GraphQL   {settings.url}/graphql", f"Health    {settings.url}/health/ready", f"MongoDB   {mongodb_version}, {settings.mongodb_uri}"]
    if settings.local_issuer:
        tokens = {
            "a regional administrator": (Role.REGIONAL_ADMINISTRATOR, "SE2321000016", "SE2321000016-anna", "Anna Andersson"),
            "a clinic": (Role.CLINIC_STAFF, "SE2321000016-1A01", "SE2321000016-bo", "Bo Berg"),
        }
        lines.append("DEVELOPMENT: this server accepts tokens that it signs itself. Try one of these, valid for 12 hours:")
        for whom, (role, unit, employee, name) in tokens.items():
            lines += [f"  {whom}:", f"  {development_issuer.token(settings.data, role=role, unit=unit, employee=employee, name=name)}"]
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
        _fail(f"Can't listen on {settings.host}:{settings.port}: {error.strerror}. Choose another with --port.")


def _fail(message: str) -> NoReturn:
    typer.echo(message, err=True)
    raise typer.Exit(1)


@command.command()
def token(
    role: Annotated[Role, typer.Option(help="What the holder is signed in as.")],
    unit: Annotated[str, typer.Option(help="HSA-id of the principal or clinic that the role is held for.")],
    employee: Annotated[str, typer.Option(help="HSA-id of the person; not used for a REPORTER, a machine.")] = "",
    name: Annotated[str, typer.Option(help="The person's name.")] = "",
    valid_for: Annotated[int, typer.Option(min=1, help="Seconds until it expires.")] = 12 * 3600,
    data: DataOption = Path("data"),
) -> None:
    """Print one token of the development issuer, alone on the last line."""
    try:
        signed = development_issuer.token(data, role=role, unit=unit, employee=employee, name=name, valid_for=timedelta(seconds=valid_for))
    except (ValueError, OSError) as error:
        _fail(str(error))
    typer.echo(signed)


@command.command()
def status(data: DataOption = Path("data")) -> None:
    """Print where the server of a data folder is reached, as JSON."""
    try:
        whereabouts: dict[str, Any] = json.loads((data / _RUNNING).read_text(encoding="utf-8"))
        os.kill(whereabouts["pid"], 0)
    except (OSError, ValueError, KeyError):
        _fail(f"No server runs on the data folder {data}.")
    typer.echo(json.dumps(whereabouts, indent=2))


@command.command()
def sdl(check: Annotated[Path | None, typer.Option(help="Compare with this file instead of printing.")] = None) -> None:
    """Print the GraphQL schema."""
    text = schema.as_str() + "\n"
    if check is None:
        typer.echo(text, nl=False)
    elif not check.exists() or check.read_text(encoding="utf-8") != text:
        _fail(f"{check} is not the schema of the code. Run: make sdl")


def main() -> None:
    """The console script."""
    command()
