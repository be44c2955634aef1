"""The way back: exports of versions and of events with their detail, as NDJSON, replayed into an
empty registry.
"""

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
from store.transfer.replay import Replay, ReplayRefused

_BATCH = 200
_BATCH_BYTES = 8_000_000
_TIMES = ("since", "until", "start_date", "end_date")


@dataclass(frozen=True, slots=True)
class Returned:
    """What was replayed of one principal."""

    principal: str
    events: int
    versions: int
    documents: int


async def replay(store: Store, versions: Path, events: Path) -> Returned:
    """Replay one principal's log.

    Args:
        store: Of a registry that has nothing of it.
        versions: An export of its versions as NDJSON, all of them.
        events: An export of its events as NDJSON, with `detail=true`, all of them.

    Raises:
        ReplayRefused: The files are no whole log of one principal, or the registry has something of
            it already.
    """
    first = next(_rows(events), None)
    if first is None:
        raise ReplayRefused(f"{events} has no rows.")
    principal = key_of(_taken(first[0], "principal", events))
    log = Replay(store.database, store.kinds, principal)
    await log.require_empty()
    read = [0, 0]
    for rows in _batches(versions):
        await log.add_versions([_version(row, versions) for row in rows])
        read[0] += len(rows)
    for rows in _batches(events):
        await log.add_events(
            [(_event(row, events), _detail(_taken(row, "detail", events))) for row in rows]
        )
        read[1] += len(rows)
    return Returned(principal, read[1], read[0], await log.finish())


def _rows(path: Path) -> Iterator[tuple[dict[str, Any], int]]:
    """The rows of a file, each with the size of its line."""
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            try:
                row = orjson.loads(line)
            except orjson.JSONDecodeError:
                raise ReplayRefused(f"{path}, line {number}: no JSON.") from None
            if not isinstance(row, dict):
                raise ReplayRefused(f"{path}, line {number}: no JSON object.")
            yield row, len(line)


def _batches(path: Path) -> Iterator[list[dict[str, Any]]]:
    batch: list[dict[str, Any]] = []
    held = 0
    for row, size in _rows(path):
        batch.append(row)
        held += size
        if len(batch) >= _BATCH or held >= _BATCH_BYTES:
            yield batch
            batch, held = [], 0
    if batch:
        yield batch


def _taken(row: Mapping[str, Any], column: str, path: Path) -> Any:
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
        document=_taken(row, "document", path),
        kind=row["kind"],
        principal=key_of(row["principal"]),
        number=row["number"],
        content=_taken(row, "content", path),
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
        sequence=_taken(row, "sequence", path),
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
    """A stored row with its times as times again."""
    if isinstance(value, dict):
        return {
            name: parse_time(one) if name in _TIMES and isinstance(one, str) else _with_times(one)
            for name, one in value.items()
        }
    return value


def pairs(versions: Iterable[Path], events: Iterable[Path]) -> list[tuple[Path, Path]]:
    """Files of versions and of events, each pair of one principal, in the order given.

    Raises:
        ReplayRefused: There are more of one than of the other.
    """
    first, second = list(versions), list(events)
    if len(first) != len(second):
        raise ReplayRefused(
            "Give as many files of versions as of events: a pair for each principal."
        )
    return list(zip(first, second, strict=True))
