"""The composition root: `casetypes serve` and the console script.

`serve` prepares what a server needs: an embedded MongoDB unless a URI is given, indexes, reference
and sample data. Then it runs the workers, each of which builds its application from the same
settings. Only this module and those beside it (`settings`, `application`, `command_line`) read
settings or the environment.
"""

import asyncio
import json
import os
import platform
import re
import shutil
import signal
import socket
import sys
from importlib import metadata
from pathlib import Path
from typing import Annotated, Literal

import typer
import uvicorn

from application import open_store, operation_executor, prepare, sign_in_of
from command_line import RUNNING, DataOption, command, fail
from resolvers.access import development_issuer
from resolvers.sample.loading import load_sample
from settings import Settings
from store.mongo import embedded_server
from store.mongo.mongod_errors import MongodError
from store.mongo.replica_set import require_replica_set
from store.records import Role
from store.transfer.backup import BackupError

_MAX_FRAME = 1024 * 1024
_STOP_SECONDS = 10
# The health check also covers the start of a worker: uvicorn's default of five seconds is too short
# on a busy machine, where it would start workers again and again.
_WORKER_SECONDS = 30
_WORKERS_METRICS = "PROMETHEUS_MULTIPROC_DIR"
"""The folder where workers write their counts; the name is the library's."""


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
    # uvicorn raises the signal again when it has stopped. Exiting then lets `finally` stop the
    # embedded MongoDB.
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
        sign_in_of(settings)
        operation_executor(settings)
        if settings.embedded:
            embedded = asyncio.run(
                embedded_server.start(
                    settings.data, binary=settings.mongod, cache_gb=settings.mongod_cache_gb
                )
            )
            settings = settings.model_copy(update={"mongodb_uri": embedded.uri})
        version = asyncio.run(_bootstrap(settings))
        _announce(settings, version)
        try:
            _run(settings)
        finally:
            (settings.data / RUNNING).unlink(missing_ok=True)
    except (MongodError, BackupError, ValueError) as error:
        fail(str(error))
    finally:
        if embedded is not None:
            asyncio.run(embedded.stop())


async def _bootstrap(settings: Settings) -> str:
    """Prepare the database once, before the workers start, and return the version of MongoDB."""
    store = open_store(str(settings.mongodb_uri), settings)
    try:
        version = await require_replica_set(store.database.client)
        await prepare(store)
        if settings.sample == "demo":
            await load_sample(store)
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
        "application:worker_application",
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
    """Print the addresses, and note them for `casetypes status`."""
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
    running = settings.data / RUNNING
    running.touch(mode=0o600)  # the URI may contain a password
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
            token = development_issuer.token(
                settings.data, role=role, unit=unit, employee=employee, name=name
            )
            lines += [f"  {whom}:", f"  {token}"]
    typer.echo("\n".join(lines))


def _free_port(host: str) -> int:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.bind((host, 0))
        port: int = probe.getsockname()[1]
        return port


def _refuse_taken_port(settings: Settings) -> None:
    """Exit before MongoDB is started if the port is taken."""
    try:
        with socket.socket(socket.AF_INET6 if ":" in settings.host else socket.AF_INET) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((settings.host, settings.port))
    except OSError as error:
        fail(
            f"Cannot listen on {settings.host}:{settings.port}: {error.strerror}. Choose another"
            " with --port."
        )


def main() -> None:
    """Run the console script."""
    # Commands are listed in order of registration, which the imports decide: `serve` comes first.
    command.registered_commands.sort(key=lambda registered: registered.callback is not serve)
    command()
