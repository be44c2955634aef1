"""An export from the asking to its rows: whose logs, from where to where, how many, and that it is
written in the log.

An export is a picture of the registry just after one event of each log it is made of: the last one
when it began. Those numbers are its cursor.
With it one goes on (`after`), and fetches the rest of what was cut off (`upTo`, `resume`).
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, Generic, Protocol, TypeVar

from resolvers.context import Context
from resolvers.exports.columns import Column
from resolvers.exports.parameters import Given, Parameter, told
from store.errors import InvalidInput, NotPermitted
from store.log.cursors import Position, position_cursor
from store.mongo.paging import decode
from store.records import key_of
from store.transfer.export_queries import Stretch

R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)
_APART = "~"
_AGAIN = timedelta(hours=1)


class Source(Protocol[R_co]):
    """Where the rows of an export come from; made for one viewer and what was asked."""

    async def count(self, stretch: Stretch) -> int:
        """How many rows a log gives."""

    def rows(self, stretch: Stretch, start: Any) -> AsyncIterator[Sequence[R_co]]:
        """The rows that a log gives, in batches; after `start`, where one is given."""

    async def find(self, row_id: str) -> tuple[str, Any] | None:
        """Whose log a row is of, and where it stands in the order; None where there is none such."""


@dataclass(frozen=True, slots=True)
class Export(Generic[R]):
    """What can be exported.

    Attributes:
        name: As in its address.
        meaning: In one sentence.
        order: What its rows are ordered by, within each log.
        columns: In order.
        parameters: By name.
        logs: The keys of the principals whose logs the viewer may ask.
        source: For one viewer and what was asked.
        of_log: Whether its rows are acts: then exports are among them.
        hangs_on: What else than acts changes its rows, as of a moment; part of its tag.
    """

    name: str
    meaning: str
    order: str
    columns: tuple[Column[R], ...]
    parameters: Mapping[str, Parameter]
    logs: Callable[[Context], frozenset[str]]
    source: Callable[[Context, Given], Awaitable[Source[R]]]
    of_log: bool = False
    hangs_on: Callable[[Context, frozenset[str]], Awaitable[str]] | None = None

    def shown(self, given: Given) -> tuple[Column[R], ...]:
        """The columns, those on request only where they were asked for."""
        return tuple(
            column for column in self.columns if not column.on_request or given.get(column.name)
        )


@dataclass(frozen=True, slots=True)
class Begun(Generic[R]):
    """An export that was allowed, before its first row.

    `cursor` is where it stands, `tag` is the same for the same answer.
    """

    export: Export[R]
    columns: tuple[Column[R], ...]
    given: Given
    cursor: str
    tag: str
    at: datetime
    resumed: bool
    _context: Context
    _source: Source[R]
    _stretches: Sequence[Stretch]
    _start: tuple[str, Any] | None

    async def count(self) -> int:
        """How many rows it has; with `resume` too, of the whole."""
        return sum([await self._source.count(stretch) for stretch in self._stretches])

    def refuse_unfit(self, total: int, *, resumable: bool, most_rows: int | None) -> None:
        """Refuse what the format can't do.

        Args:
            total: How many rows there are.
            resumable: Whether a file in it can be continued.
            most_rows: How many rows it takes; None for any number.

        Raises:
            InvalidInput: It can't be continued, or takes fewer rows.
        """
        if self.resumed and not resumable:
            raise InvalidInput.at(
                ("resume",), "NOT_WITH_PARAMETER", "Filer i detta format går inte att fortsätta på."
            )
        if most_rows is not None and total > most_rows:
            message = (
                f"{total} rader får inte plats: högst {most_rows}. Begränsa urvalet, eller hämta"
                " csv eller parquet."
            )
            raise InvalidInput.at((), "TOO_MANY_ROWS", message)

    async def rows(self) -> AsyncIterator[Sequence[Sequence[Any]]]:
        """The cells of the rows, in batches of some hundred at most."""
        values = [column.value for column in self.columns]
        for stretch in self._stretches:
            start = self._start[1] if self._start and self._start[0] == stretch.principal else None
            if self._start is None or stretch.principal >= self._start[0]:
                async for batch in self._source.rows(stretch, start):
                    yield [[value(row) for value in values] for row in batch]

    async def log(self, file: str) -> None:
        """Write in the log that rows leave: in those of the principals that the viewer holds a role
        at, as far as they are exported.

        Whoever follows a log with `after` is written down once an hour.

        Args:
            file: The name and format.
        """
        what = f"{file}?{told(self.export.parameters, self.given)}".rstrip("?")
        context = self._context
        held = {one.principal: one for one in reversed(context.rights.held)}
        concerned = {stretch.principal for stretch in self._stretches} & held.keys() or held.keys()
        for principal in sorted(concerned):
            act = context.act(held[principal], None)
            following = "after" in self.given
            if following and await context.store.exports.recorded_since(
                principal, act.actor, what, context.store.now() - _AGAIN
            ):
                continue
            await context.store.exports.record(principal, what, act=act)
        await context.remember_person()


async def begin(context: Context, export: Export[R], given: Given) -> Begun[R]:
    """Decide what an export is made of.

    Raises:
        NotPermitted: The viewer holds no role here, or may not read what is asked for.
        NotFound: What a parameter names does not exist, or the viewer may not know of it.
        InvalidInput: A cursor can't be read, or parameters don't go together.
    """
    logs = _logs(context, export, given)
    _refuse_together(given)
    latest = dict.fromkeys(logs, 0) | dict(await context.store.history.latest_sequences(logs))
    acts = await context.store.extracts.last_acts(latest)
    upto, seen = await _horizon(context, export, given, latest, acts)
    since = await _positions(context, given["after"], latest, "after") if "after" in given else None
    if since is not None:
        # What only tells of exports is nothing new: else each answer would be news to the next
        # call.
        upto = {key: max(since.get(key, 0), sequence) for key, sequence in upto.items()}
    stretches = [
        Stretch(
            key, upto[key], max(seen[key], upto[key]), None if since is None else since.get(key, 0)
        )
        for key in sorted(logs)
        if upto[key] > (0 if since is None else since.get(key, 0))
    ]
    now = context.store.now()
    source = await export.source(context, given)
    start = await _start(source, given, logs)
    return Begun(
        export=export,
        columns=export.shown(given),
        given=given,
        cursor=_cursor(upto),
        tag=await _tag(context, export, given, (upto, seen, acts), logs),
        at=min(given.get("asOf", now), now),
        resumed=start is not None,
        _context=context,
        _source=source,
        _stretches=stretches,
        _start=start,
    )


def _logs(context: Context, export: Export[Any], given: Given) -> frozenset[str]:
    logs = export.logs(context) if context.rights.held else frozenset()
    if "principal" in given:
        logs &= {key_of(given["principal"])}
    if not logs:
        raise NotPermitted(
            "Du har inte behörighet att exportera detta.",
            ("principal",) if "principal" in given else (),
        )
    return logs


def _refuse_together(given: Given) -> None:
    for name, others in (("resume", ("after",)), ("asOf", ("after", "upTo"))):
        for other in others:
            if name in given and other in given:
                raise InvalidInput.at(
                    (name,), "NOT_WITH_PARAMETER", f"{name} kan inte anges tillsammans med {other}."
                )
    if "resume" in given and not ("upTo" in given or "asOf" in given):
        raise InvalidInput.at(
            ("resume",), "NOT_WITH_PARAMETER", "Ange också upTo: markören i det svar som bröts."
        )


async def _horizon(
    context: Context,
    export: Export[Any],
    given: Given,
    latest: Mapping[str, int],
    acts: Mapping[str, int],
) -> tuple[dict[str, int], dict[str, int]]:
    """For each log the event that the picture is taken after, and the last one that is told of.

    `acts` are the last that are no exports.
    """
    if "upTo" in given:
        upto = dict.fromkeys(latest, 0) | dict(
            await _positions(context, given["upTo"], latest, "upTo")
        )
        return upto, upto
    seen = dict(latest if export.of_log and "after" not in given else acts)
    if "asOf" in given:
        return {
            key: min(await context.store.history.sequence_at(key, given["asOf"]), seen[key])
            for key in sorted(latest)
        }, seen
    return seen, seen


async def _positions(
    context: Context, cursor: str, latest: Mapping[str, int], argument: str
) -> Mapping[str, int]:
    """How far each log was read; a log that is not named from its beginning.

    Raises:
        InvalidInput: It can't be read, is of a log that the viewer does not ask, or lies beyond its
            end.
    """
    found: dict[str, int] = {}
    for part in cursor.split(_APART):
        key, sequence = decode(part.partition(".")[0], (str, int), argument)
        if key not in latest or sequence < 0:
            raise InvalidInput.at((argument,), "INVALID_CURSOR", "Markören hör till en annan logg.")
        if sequence > latest[key] and not await context.store.history.is_written(key, sequence):
            raise InvalidInput.at(
                (argument,), "INVALID_CURSOR", "Markören ligger efter loggens slut."
            )
        found[key] = sequence
    return found


def _cursor(upto: Mapping[str, int]) -> str:
    begun = [key for key in sorted(upto) if upto[key]] or sorted(upto)[:1]
    return _APART.join(position_cursor(key, Position(upto[key])) for key in begun)


async def _start(source: Source[Any], given: Given, logs: frozenset[str]) -> tuple[str, Any] | None:
    if "resume" not in given:
        return None
    found = await source.find(given["resume"])
    if found is None or found[0] not in logs:
        raise InvalidInput.at(
            ("resume",), "INVALID_CURSOR", "Det finns ingen sådan rad i exporten."
        )
    return found


async def _tag(
    context: Context,
    export: Export[Any],
    given: Given,
    places: Sequence[Mapping[str, int]],
    logs: frozenset[str],
) -> str:
    """The same for the same answer.

    A picture of the past changes too: with rights, and in what is told as it is now.
    """
    beside = await export.hangs_on(context, logs) if export.hangs_on else ""
    held = sorted((str(one.role), one.principal, one.clinic or "") for one in context.rights.held)
    columns = [column.name for column in export.shown(given)]
    parts = (
        export.name,
        sorted((name, str(value)) for name, value in given.items()),
        held,
        [sorted(place.items()) for place in places],
        beside,
        columns,
    )
    return sha256(repr(parts).encode()).hexdigest()[:32]


def own_logs(context: Context) -> frozenset[str]:
    """The principals whose clinics the viewer reads, some or all."""
    if context.rights.clinics() is None:
        return frozenset(context.principals)
    return frozenset(one.principal for one in context.rights.held)
