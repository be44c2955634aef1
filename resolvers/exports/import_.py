"""Imports exports of versions, and of events with their detail, into an empty registry."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from store.content.times import parse_time
from store.records import (
    Action,
    Actor,
    Audience,
    Derivation,
    DocumentState,
    Event,
    Origin,
    Owner,
    OwnerKind,
    Role,
    Version,
    key_of,
)
from store.registry import Store
from store.transfer.replay import ReplayRefused

_BATCH = 200
_BATCH_BYTES = 8_000_000
_TIME_FIELDS = ("since", "until", "start_date", "end_date")


@dataclass(frozen=True, slots=True)
class ImportSummary:
    """How much of one principal was replayed.

    Attributes:
        principal: Its key.
        events: The number of events.
        versions: The number of versions.
        documents: The number of documents. The hash chain of each was verified.
    """

    principal: str
    events: int
    versions: int
    documents: int


async def replay(store: Store, versions: Path, events: Path) -> ImportSummary:
    """Replay one principal's log.

    Args:
        store: Of a registry that has nothing of this principal.
        versions: An export of all its versions as NDJSON.
        events: An export of all its events as NDJSON, with `detail=true`.

    Raises:
        ReplayRefused: The files are not the whole log of one principal, or the registry already has
            something of this principal.
    """
    first = next(_rows(events), None)
    if first is None:
        raise ReplayRefused(f"{events} has no rows.")
    principal = key_of(_required(first[0], "principal", events))
    log = store.replay(principal)
    await log.require_empty()
    version_count = event_count = 0
    for rows in _batches(versions):
        await log.add_versions([_version(row, versions) for row in rows])
        version_count += len(rows)
    for rows in _batches(events):
        await log.add_events(
            [(_event(row, events), _detail(_required(row, "detail", events))) for row in rows]
        )
        event_count += len(rows)
    return ImportSummary(principal, event_count, version_count, await log.finish())


def _rows(path: Path) -> Iterator[tuple[dict[str, Any], int]]:
    """Read the rows of a file, each with the length of its line in bytes."""
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            try:
                row = orjson.loads(line)
            except orjson.JSONDecodeError:
                raise ReplayRefused(f"{path}, line {number}: this is not JSON.") from None
            if not isinstance(row, dict):
                raise ReplayRefused(f"{path}, line {number}: this is not a JSON object.")
            yield row, len(line)


def _batches(path: Path) -> Iterator[list[dict[str, Any]]]:
    batch: list[dict[str, Any]] = []
    batch_bytes = 0
    for row, size in _rows(path):
        batch.append(row)
        batch_bytes += size
        if len(batch) >= _BATCH or batch_bytes >= _BATCH_BYTES:
            yield batch
            batch, batch_bytes = [], 0
    if batch:
        yield batch


def _required(row: Mapping[str, Any], column: str, path: Path) -> Any:
    if row.get(column) is None:
        hint = (
            " Export it with detail=true, in a role that reads drafts, persons and roles."
            if column in ("detail", "actorPerson")
            else ""
        )
        raise ReplayRefused(f"{path}: the column {column} is missing or empty.{hint}")
    return row[column]


def _actor(row: Mapping[str, Any], prefix: str) -> Actor:
    return Actor(
        Role(row[f"{prefix}Role"]),
        row[f"{prefix}Unit"],
        row[f"{prefix}Person"],
        row[f"{prefix}System"],
    )


def _version(row: Mapping[str, Any], path: Path) -> tuple[Version, Owner, str | None]:
    template = row["template"]
    version = Version(
        document=_required(row, "document", path),
        kind=row["kind"],
        principal=key_of(row["principal"]),
        number=row["number"],
        content=_required(row, "content", path),
        schema_version=row["schemaVersion"],
        author=_actor(row, "author"),
        created_at=parse_time(row["createdAt"]),
        note=row["note"],
        derived_from=None if template is None else Derivation(template, row["templateVersion"]),
        restored_from=row["restoredFrom"],
        hash=row["hash"],
        previous_hash=row["previousHash"],
        sequence=row["sequence"],
        origin=(
            None
            if row["originDocument"] is None
            else Origin(
                row["originDocument"],
                row["originVersion"],
                row["originHash"],
                row["originPrincipal"],
            )
        ),
    )
    return version, Owner(OwnerKind(row["ownerKind"]), row["owner"]), row["subject"]


def _event(row: Mapping[str, Any], path: Path) -> Event:
    return Event(
        principal=key_of(row["principal"]),
        sequence=_required(row, "sequence", path),
        action=Action(row["action"]),
        at=parse_time(row["at"]),
        actor=_actor(row, "actor"),
        note=row["note"],
        request_id=row["requestId"],
        document=row["document"],
        kind=row["kind"],
        version=row["version"],
        restored_from=row["restoredFrom"],
        published_before=row["publishedBefore"],
        published_after=row["publishedAfter"],
        state=None if row["state"] is None else DocumentState(row["state"]),
        audience=Audience(row["audience"]),
        resident_visible=row["residentVisible"],
        clinics=tuple(row["clinics"]),
        counts=row["counts"],
        group=row["group"],
        person=row["person"],
        export=row["export"],
        batch=row["batch"],
    )


def _detail(detail: Mapping[str, Any]) -> Mapping[str, Any]:
    began = {name: [_with_times(row) for row in rows] for name, rows in detail["began"].items()}
    return {"released": detail["released"], "upto": detail["upto"], "began": began}


def _with_times(value: Any) -> Any:
    """Convert the times in a stored row from text."""
    if isinstance(value, dict):
        return {
            name: parse_time(field)
            if name in _TIME_FIELDS and isinstance(field, str)
            else _with_times(field)
            for name, field in value.items()
        }
    return value


def pairs(versions: Iterable[Path], events: Iterable[Path]) -> list[tuple[Path, Path]]:
    """Pair files of versions with files of events, in order: one pair for each principal.

    Raises:
        ReplayRefused: The numbers of files differ.
    """
    first, second = list(versions), list(events)
    if len(first) != len(second):
        raise ReplayRefused(
            "Give as many files of versions as of events: a pair for each principal."
        )
    return list(zip(first, second, strict=True))
