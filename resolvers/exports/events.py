"""The export `events`: a principal's log, every event of it."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from resolvers.access import decisions
from resolvers.access.permissions import Permission
from resolvers.context import Context
from resolvers.exports import parameters
from resolvers.exports.columns import Column, ColumnType, RowContext, actor_columns
from resolvers.exports.export import Export, ResumePoint
from resolvers.exports.parameters import ParameterValues
from resolvers.log.events import refuse_persons
from store.documents.scopes import Visibility
from store.log.cursors import event_cursor
from store.log.event_filters import EventFilter
from store.records import Event, key_of
from store.transfer.event_details import Detail
from store.transfer.log_ranges import LogRange

_DETAIL_PERMISSIONS = (
    Permission.READ_LOG,
    Permission.READ_DRAFTS,
    Permission.SEE_PERSONS,
    Permission.READ_ROLES,
)
_MAX_DIGITS = 15
"""MongoDB stores integers of at most 64 bits."""


@dataclass(frozen=True, slots=True)
class EventRow:
    """An event.

    Attributes:
        record: The event.
        known: Whether the viewer may know of the document that it is about.
        detail: The rows that it opened; None unless they were requested.
        context: Of the export.
    """

    record: Event
    known: bool
    detail: Detail | None
    context: RowContext


class EventSource:
    """Reads events for one viewer."""

    def __init__(self, context: Context, which: EventFilter, *, detail: bool) -> None:
        self._context = context
        self._which = which
        self._detail = detail

    async def count(self, log_range: LogRange) -> int:
        """See `RowSource`."""
        return await self._context.store.export_queries.count_events(log_range, self._which)

    async def rows(
        self, log_range: LogRange, after: int | None
    ) -> AsyncIterator[Sequence[EventRow]]:
        """See `RowSource`. The oldest event first."""
        row_context = RowContext(self._context)
        async for batch in self._context.store.export_queries.events(log_range, self._which, after):
            known = await self._known([event for event, _ in batch])
            if not self._detail:
                yield [
                    EventRow(event, event.document in known, None, row_context)
                    for event, _ in batch
                ]
                continue
            # One event at a time: a distribution may have opened a row for every clinic.
            for event, released in batch:
                details = await self._context.store.event_details.of(
                    [(event, released)], log_range.last
                )
                yield [
                    EventRow(event, event.document in known, details[event.sequence], row_context)
                ]

    async def find(self, row_id: str) -> ResumePoint[int] | None:
        """See `RowSource`."""
        principal, _, number = row_id.removeprefix("ev_").rpartition(".")
        if (
            not row_id.startswith("ev_")
            or not (number.isascii() and number.isdigit())
            or len(number) > _MAX_DIGITS
        ):
            return None
        return ResumePoint(principal, int(number))

    async def _known(self, events: Sequence[Event]) -> frozenset[str]:
        heads = await self._context.store.export_queries.heads(
            event.document for event in events if event.document
        )
        return frozenset(
            document
            for document, head in heads.items()
            if self._context.rights.visibility(head) is not Visibility.NOTHING
        )


def readable_logs(context: Context) -> frozenset[str]:
    """The keys of the principals whose logs the viewer reads."""
    return frozenset(
        held.principal
        for held in context.rights.held
        if Permission.READ_LOG in held.permissions and held.clinic is None
    )


async def _source(context: Context, values: ParameterValues) -> EventSource:
    logs = readable_logs(context)
    if "principal" in values:
        logs &= {key_of(values["principal"])}
    which = EventFilter(
        values.get("action"),
        values.get("document"),
        values.get("clinic"),
        values.get("actor"),
        values.get("since"),
        values.get("until"),
    )
    detail = bool(values.get("detail"))
    for principal in sorted(logs):
        refuse_persons(context, principal, which, ("actor",))
        for permission in _DETAIL_PERMISSIONS if detail else ():
            decisions.require_at(context.rights, permission, principal, None, ("detail",))
    return EventSource(context, which, detail=detail)


T = ColumnType


def _if_known(value: Callable[[Event], Any]) -> Callable[[EventRow], Any]:
    return lambda row: value(row.record) if row.known else None


COLUMNS: tuple[Column[EventRow], ...] = (
    Column("id", T.TEXT, "The id of the event.", "Event.id", lambda row: row.record.id),
    Column(
        "principal",
        T.TEXT,
        "The principal of the log.",
        "Event.principal.hsaId",
        lambda row: row.context.hsa_id(row.record.principal),
        "HSA-id",
    ),
    Column(
        "sequence",
        T.INTEGER,
        "The number of the event in the log: 1, 2, 3 … without gaps.",
        "Event.sequence",
        lambda row: row.record.sequence,
        "number",
    ),
    Column(
        "cursor",
        T.TEXT,
        "The position of the event: pass it as `after`, or to a subscription to the log.",
        "Event.cursor",
        lambda row: event_cursor(row.record),
    ),
    Column(
        "at",
        T.TIME,
        "The time of the event; never before that of the previous event.",
        "Event.at",
        lambda row: row.record.at,
        "UTC",
    ),
    Column(
        "action",
        T.TEXT,
        "The action.",
        "Event.action",
        lambda row: str(row.record.action),
        "Action",
    ),
    *actor_columns(
        "actor",
        "did it",
        "Event.actor",
        lambda row: row.record.actor,
        lambda row: row.context.person(row.record.actor, row.record.principal),
    ),
    Column(
        "note",
        T.TEXT,
        "The note that the actor left.",
        "Event.note",
        lambda row: row.record.note,
    ),
    Column(
        "document",
        T.TEXT,
        "The id of the document; empty if the viewer may not know of it.",
        "Event.document.id",
        _if_known(lambda event: event.document),
    ),
    Column(
        "kind",
        T.TEXT,
        "The kind of the document.",
        "Event.document.__typename",
        _if_known(lambda event: event.kind),
        "kind of document",
    ),
    Column(
        "version",
        T.INTEGER,
        "The version that the event made or published.",
        "Event.version",
        lambda row: row.record.version,
        "number",
    ),
    Column(
        "restoredFrom",
        T.INTEGER,
        "The version whose content was restored.",
        "Version.restoredFrom",
        _if_known(lambda event: event.restored_from),
        "number",
    ),
    Column(
        "publishedBefore",
        T.INTEGER,
        "The version that was published before.",
        "Notification.fromVersion",
        _if_known(lambda event: event.published_before),
        "number",
    ),
    Column(
        "publishedAfter",
        T.INTEGER,
        "The version that has been published since.",
        "Notification.toVersion",
        _if_known(lambda event: event.published_after),
        "number",
    ),
    Column(
        "state",
        T.TEXT,
        "The state of the document after the event.",
        "–",
        _if_known(lambda event: None if event.state is None else str(event.state)),
        "DocumentState",
    ),
    Column(
        "audience",
        T.TEXT,
        "Which clinics were notified: none (`NONE`), all that had the document (`ASSIGNED`), those"
        " that the event names (`NAMED`), or all of the principal (`PRINCIPAL`).",
        "–",
        lambda row: str(row.record.audience),
        "Audience",
    ),
    Column(
        "residentVisible",
        T.BOOLEAN,
        "Whether the change is visible to residents.",
        "Notification.residentVisible",
        lambda row: row.record.resident_visible,
    ),
    Column(
        "clinics",
        T.TEXTS,
        "The clinics that the event names; HSA-ids in upper case.",
        "Event.clinics",
        lambda row: list(row.record.clinics),
        "HSA-id",
    ),
    Column(
        "counts",
        T.JSON,
        "Numbers that the event recorded, such as how many clinics.",
        "–",
        lambda row: dict(row.record.counts),
        "number",
    ),
    Column(
        "group",
        T.TEXT,
        "The id of the group by which the clinics were selected, or that was changed.",
        "Event.group.id",
        lambda row: row.record.group,
    ),
    Column(
        "person",
        T.TEXT,
        "The person that the event is about; empty for viewers who may not see persons.",
        "Event.person",
        lambda row: row.record.person if row.context.sees_persons(row.record.principal) else None,
        "HSA-id",
    ),
    Column(
        "batch",
        T.TEXT,
        "An id that the events of one change to several documents share.",
        "Event.batch",
        lambda row: row.record.batch,
    ),
    Column(
        "export",
        T.TEXT,
        "What was exported: name, format and parameters.",
        "Event.export",
        lambda row: row.record.export,
    ),
    Column(
        "requestId",
        T.TEXT,
        "The id of the request that wrote the event, as in the server's log.",
        "Event.requestId",
        lambda row: row.record.request_id,
    ),
    Column(
        "detail",
        T.JSON,
        "The stored rows that the event opened, beside documents and versions, and the event that"
        " the log was read up to. For `casetypes import`.",
        "–",
        lambda row: row.detail,
        on_request=True,
    ),
)

PARAMETERS: Mapping[str, parameters.Parameter] = parameters.RANGE_PARAMETERS | {
    "action": parameters.ACTIONS,
    "document": parameters.DOCUMENT,
    "clinic": parameters.NAMES_CLINIC,
    "actor": parameters.ACTOR,
    "since": parameters.SINCE,
    "until": parameters.UNTIL,
    "detail": parameters.DETAIL,
}

EVENTS: Export[EventRow] = Export(
    name="events",
    meaning="The log: every event, with actor and time.",
    order="number in the log",
    columns=COLUMNS,
    parameters=PARAMETERS,
    logs=readable_logs,
    source=_source,
    of_log=True,
)
