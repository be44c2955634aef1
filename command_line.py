"""The command line, except `serve`: tokens, status, backup, restore, verify, import, schema."""

import asyncio
import json
import os
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from application import open_store, prepare
from resolvers.access import development_issuer
from resolvers.exports import import_
from resolvers.log import checkpoints as checkpoint_keys
from resolvers.log.checkpoints import CheckpointKey
from schema.registry import schema
from settings import Settings
from store.mongo import embedded_server
from store.mongo.connection import MongoError
from store.mongo.mongod_errors import MongodError
from store.records import Role
from store.registry import Store
from store.transfer import verification
from store.transfer.backup import BackupError, back_up
from store.transfer.backup import restore as restore_backup
from store.transfer.replay import ReplayRefused

RUNNING = "server.json"
"""In the data folder: where the server that runs on it can be reached."""

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
            "Folder of the embedded MongoDB, the development issuer's key and the address of the"
            " running server."
        ),
    ),
]


def fail(message: str) -> NoReturn:
    """Print a message to standard error, and exit with 1."""
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
        fail(str(error))
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
    """Replay exported logs into a registry that does not have them.

    Each principal needs a pair of files: one of versions, one of events.
    """

    async def work(store: Store) -> None:
        await prepare(store)
        for log in [await import_.replay(store, *pair) for pair in import_.pairs(versions, events)]:
            typer.echo(
                f"{log.principal}: {log.events} events, {log.versions} versions; {log.documents}"
                " documents, all hash chains intact."
            )

    _with_store(data, work)


@command.command()
def status(data: DataOption = Path("data")) -> None:
    """Print where the server of a data folder is reached, as JSON."""
    if not (whereabouts := running_server(data)):
        fail(f"No server runs on the data folder {data}.")
    typer.echo(json.dumps(whereabouts, indent=2))


def running_server(data: Path) -> dict[str, Any]:
    """The addresses that the server of a data folder wrote there; empty if none runs."""
    try:
        whereabouts: dict[str, Any] = json.loads((data / RUNNING).read_text(encoding="utf-8"))
        os.kill(whereabouts["pid"], 0)
    except (OSError, ValueError, KeyError):
        return {}
    return whereabouts


@command.command()
def backup(
    target: Annotated[Path, typer.Argument(help="The file to write; it must not exist.")],
    data: DataOption = Path("data"),
) -> None:
    """Write a snapshot of the whole registry to one file, and verify it.

    Servers may continue to write meanwhile.
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
    """Verify a backup, and write it into an empty data folder or database.

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
        Path | None, typer.Option(help="Checkpoints that were kept elsewhere, one per line.")
    ] = None,
) -> None:
    """Verify a backup without a database: every version's hash, every log, every checkpoint.

    Exits with 1 if anything is wrong.
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
        fail(str(error))
    counts = (
        f"{report.documents:,} documents, {report.versions:,} versions, {report.events:,} events,"
        f" {report.checkpoints:,} checkpoints"
    )
    if not report.intact:
        fail("\n".join([f"NOT intact: {counts}", *report.problems]))
    typer.echo(f"Intact: {counts}{'' if key else ' (signatures were not checked: no --key)'}")


@command.command()
def checkpoints(
    data: DataOption = Path("data"),
    *,
    public_key: Annotated[
        bool, typer.Option("--public-key", help="Print the public key instead.")
    ] = False,
) -> None:
    """Sign the current length and digest of each log, and print all checkpoints, one per line.

    Keep the output outside of the registry.
    """
    if public_key:
        typer.echo(json.dumps(Settings(data=data).signing_key().public()))
        return

    async def work(store: Store) -> None:
        await checkpoint_keys.take(store, Settings(data=data).signing_key())
        typer.echo("\n".join(checkpoint.statement for checkpoint in await store.checkpoints.all()))

    _with_store(data, work)


def _with_store(data: Path, work: Callable[[Store], Awaitable[None]]) -> None:
    """Open the store of a data folder, and run `work` on it.

    The MongoDB is that of the settings, else that of the server that runs on the folder, else an
    embedded one that is started for the duration.
    """
    settings = Settings(data=data.absolute())

    async def on(uri: str) -> None:
        store = open_store(uri, settings, patient=True)
        try:
            await work(store)
        finally:
            await store.database.client.close()

    async def go() -> None:
        if (
            uri := settings.mongodb_uri or running_server(settings.data).get("mongodbUri")
        ) is not None:
            await on(uri)
            return
        embedded = await embedded_server.start(
            settings.data, binary=settings.mongod, cache_gb=settings.mongod_cache_gb
        )
        try:
            await on(embedded.uri)
        finally:
            await embedded.stop()

    try:
        asyncio.run(go())
    except (MongodError, BackupError, ReplayRefused, MongoError, ValueError) as error:
        fail(str(error))


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
        fail(f"{check} is not the schema of the code. Run: make sdl")
