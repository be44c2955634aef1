"""Opens an export: checks rights and parameters, and fixes the range of each log to read.

A file shows the registry just after one event of each log that it is read from; by default, the
last one when the export was opened. Those sequence numbers are its cursor. With a cursor a client
reads what changed since (`after`), or the rest of a file that was cut off (`upTo`, `resume`).
"""

from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, Generic, TypeVar

from resolvers.context import Context
from resolvers.exports.columns import Cells, Column
from resolvers.exports.export import Export, ResumePoint, RowSource
from resolvers.exports.parameters import ParameterValues, describe_values, parse_values
from resolvers.exports.positions import format_cursor, parse_cursor
from store.errors import InvalidInput, NotPermitted
from store.records import key_of
from store.transfer.log_ranges import LogRange

R = TypeVar("R")
_LOG_INTERVAL = timedelta(hours=1)
"""A client that polls with `after` is written to the log once in this time."""


@dataclass(frozen=True, slots=True)
class TargetFile:
    """The file that an export is written to.

    Attributes:
        name: The export and the format, such as `assignments.csv`.
        resumable: Whether a file in this format can be continued.
        max_rows: The most rows that the format takes; None for no limit.
    """

    name: str
    resumable: bool
    max_rows: int | None


@dataclass(frozen=True, slots=True)
class ExportMetadata:
    """The properties of a file that are known before its first row.

    Attributes:
        name: The name of the export.
        columns: In order.
        cursor: The position in the logs that the file shows.
        tag: Equal for equal files, without quotes.
        at: The time that the file shows.
        resumed: Whether it continues another file, and so has no header of its own.
    """

    name: str
    columns: Sequence[Column[Any]]
    cursor: str
    tag: str
    at: datetime
    resumed: bool = False


@dataclass(frozen=True, slots=True)
class OpenExport(Generic[R]):
    """An export that the viewer may read, with the ranges of the logs that it is read from."""

    metadata: ExportMetadata
    _context: Context
    _export: Export[R]
    _values: ParameterValues
    _file: TargetFile
    _source: RowSource[R, Any]
    _ranges: Sequence[LogRange]
    _resume_point: ResumePoint[Any] | None

    async def count(self) -> int:
        """Count the rows of the file; of one that is resumed, the rows of the whole.

        Raises:
            InvalidInput: The format does not take so many.
        """
        total = sum([await self._source.count(log_range) for log_range in self._ranges])
        if self._file.max_rows is not None and total > self._file.max_rows:
            message = (
                f"{total} rader får inte plats: högst {self._file.max_rows}. Begränsa urvalet,"
                " eller hämta csv eller parquet."
            )
            raise InvalidInput.at((), "TOO_MANY_ROWS", message)
        return total

    async def batches(self, total: int) -> AsyncGenerator[Sequence[Cells], None]:
        """Read the rows in batches of some hundred at most.

        The export is written to the log before the first row is read.

        Args:
            total: What `count` returned.
        """
        if not total:
            return
        await self._write_to_log()
        values = [column.value for column in self._export.requested_columns(self._values)]
        resume_point = self._resume_point
        for log_range in self._ranges:
            after = None
            if resume_point is not None:
                if log_range.principal < resume_point.principal:
                    continue
                if log_range.principal == resume_point.principal:
                    after = resume_point.key
            async for batch in self._source.rows(log_range, after):
                yield [[value(row) for value in values] for row in batch]

    async def _write_to_log(self) -> None:
        """Write an `EXPORTED` event to the logs of principals.

        These are the exported principals at which the viewer has a role; if there are none, all
        principals at which the viewer has a role.
        """
        parameters = describe_values(self._export.parameters, self._values)
        export = f"{self._file.name}?{parameters}".rstrip("?")
        context = self._context
        held = {role.principal: role for role in reversed(context.rights.held)}
        exported = {log_range.principal for log_range in self._ranges} & held.keys()
        for principal in sorted(exported or held.keys()):
            act = context.act(held[principal], None)
            if "after" in self._values and await context.store.exports.recorded_since(
                principal, act.actor, export, context.store.now() - _LOG_INTERVAL
            ):
                continue
            await context.store.exports.record(principal, export, act=act)
        await context.remember_person()


async def open_export(
    context: Context, export: Export[R], query: Iterable[tuple[str, str]], file: TargetFile
) -> OpenExport[R]:
    """Check a requested export, and fix the ranges of the logs that its rows are read from.

    Args:
        context: The request's.
        export: Which export.
        query: The parameters of its address, as they were sent.
        file: The file to write.

    Raises:
        NotPermitted: The viewer has no role here, or may not read what the parameters select.
        NotFound: What a parameter names does not exist, or the viewer may not know of it.
        InvalidInput: A parameter or a cursor cannot be read, parameters exclude each other, or a
            file in this format cannot be resumed.
    """
    values = parse_values(export.parameters, query)
    logs = _logs(context, export, values)
    _refuse_combinations(values, file)
    latest = dict.fromkeys(logs, 0) | dict(await context.store.history.latest_sequences(logs))
    changes = await context.store.export_queries.last_changes(latest)
    last, newest = await _range_ends(context, export, values, latest, changes)
    after = None
    if "after" in values:
        after = await parse_cursor(context, values["after"], latest, "after")
        # Events that record exports do not count: each poll would be a change for the next one.
        last = {key: max(after.get(key, 0), sequence) for key, sequence in last.items()}
    ranges = [
        LogRange(
            key,
            last=last[key],
            newest=max(newest[key], last[key]),
            after=None if after is None else after.get(key, 0),
        )
        for key in sorted(logs)
        if last[key] > (0 if after is None else after.get(key, 0))
    ]
    now = context.store.now()
    source = await export.source(context, values)
    resume_point = await _resume_point(source, values, logs)
    metadata = ExportMetadata(
        name=export.name,
        columns=export.requested_columns(values),
        cursor=format_cursor(last),
        tag=await _tag(context, export, values, (last, newest, changes), logs),
        at=min(values.get("asOf", now), now),
        resumed=resume_point is not None,
    )
    return OpenExport(metadata, context, export, values, file, source, ranges, resume_point)


def _logs(context: Context, export: Export[Any], values: ParameterValues) -> frozenset[str]:
    logs = export.logs(context) if context.rights.held else frozenset()
    if "principal" in values:
        logs &= {key_of(values["principal"])}
    if not logs:
        raise NotPermitted(
            "Du har inte behörighet att exportera detta.",
            ("principal",) if "principal" in values else (),
        )
    return logs


def _refuse_combinations(values: ParameterValues, file: TargetFile) -> None:
    for name, others in (("resume", ("after",)), ("asOf", ("after", "upTo"))):
        for other in others:
            if name in values and other in values:
                raise InvalidInput.at(
                    (name,), "NOT_WITH_PARAMETER", f"{name} kan inte anges tillsammans med {other}."
                )
    if "resume" in values and not ("upTo" in values or "asOf" in values):
        raise InvalidInput.at(
            ("resume",), "NOT_WITH_PARAMETER", "Ange också upTo: markören i det svar som bröts."
        )
    if "resume" in values and not file.resumable:
        raise InvalidInput.at(
            ("resume",), "NOT_WITH_PARAMETER", "Filer i detta format går inte att fortsätta på."
        )


async def _range_ends(
    context: Context,
    export: Export[Any],
    values: ParameterValues,
    latest: Mapping[str, int],
    changes: Mapping[str, int],
) -> tuple[dict[str, int], dict[str, int]]:
    """Find for each log the last event of the range, and the newest event that is exported.

    `changes` are the last events that are no exports.
    """
    if "upTo" in values:
        last = dict.fromkeys(latest, 0) | dict(
            await parse_cursor(context, values["upTo"], latest, "upTo")
        )
        return last, last
    newest = dict(latest if export.of_log and "after" not in values else changes)
    if "asOf" in values:
        return {
            key: min(await context.store.history.sequence_at(key, values["asOf"]), newest[key])
            for key in sorted(latest)
        }, newest
    return newest, newest


async def _resume_point(
    source: RowSource[Any, Any], values: ParameterValues, logs: frozenset[str]
) -> ResumePoint[Any] | None:
    if "resume" not in values:
        return None
    found = await source.find(values["resume"])
    if found is None or found.principal not in logs:
        raise InvalidInput.at(
            ("resume",), "INVALID_CURSOR", "Det finns ingen sådan rad i exporten."
        )
    return found


async def _tag(
    context: Context,
    export: Export[Any],
    values: ParameterValues,
    positions: Sequence[Mapping[str, int]],
    logs: frozenset[str],
) -> str:
    """Make the entity tag: equal for equal files.

    A file of the past changes too: with the viewer's rights, and in columns that show the present.
    """
    other_state = await export.depends_on(context, logs) if export.depends_on else ""
    held = sorted(
        (str(role.role), role.principal, role.clinic or "") for role in context.rights.held
    )
    parts = (
        export.name,
        sorted((name, str(value)) for name, value in values.items()),
        held,
        [sorted(position.items()) for position in positions],
        other_state,
        [column.name for column in export.requested_columns(values)],
    )
    return sha256(repr(parts).encode()).hexdigest()[:32]
