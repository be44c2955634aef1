"""The log: every act, by whoever may read it."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from resolvers.access import decisions
from resolvers.access.permissions import Permission
from resolvers.context import Context
from resolvers.exports import parameters
from resolvers.exports.columns import Column, ColumnType, Seen, actor_columns
from resolvers.exports.export import Export
from resolvers.exports.parameters import Given
from resolvers.log.events import refuse_persons
from store.documents.scopes import Visibility
from store.log.cursors import event_cursor
from store.log.event_filters import EventFilter
from store.records import Event, key_of
from store.transfer.event_details import Detail
from store.transfer.export_queries import Stretch

_EVERYTHING = (
    Permission.READ_LOG,
    Permission.READ_DRAFTS,
    Permission.SEE_PERSONS,
    Permission.READ_ROLES,
)
_MAX_DIGITS = 15  # MongoDB has no numbers beyond 64 bits


@dataclass(frozen=True, slots=True)
class Row:
    """An act; `known` tells whether the viewer may know of its document."""

    record: Event
    known: bool
    detail: Detail | None
    seen: Seen


class Events:
    """The acts that one viewer asks for."""

    def __init__(self, context: Context, which: EventFilter, *, detail: bool) -> None:
        self._context = context
        self._which = which
        self._detail = detail

    async def count(self, stretch: Stretch) -> int:
        """How many there are."""
        return await self._context.store.extracts.count_events(stretch, self._which)

    async def rows(self, stretch: Stretch, start: Any) -> AsyncIterator[Sequence[Row]]:
        """The oldest first."""
        seen = Seen(self._context)
        async for batch in self._context.store.extracts.events(stretch, self._which, start):
            known = await self._known([event for event, _ in batch])
            if not self._detail:
                yield [Row(event, event.document in known, None, seen) for event, _ in batch]
                continue
            for (
                event,
                released,
            ) in batch:  # one at a time: a distribution's has a row for every clinic
                details = await self._context.store.details.of([(event, released)], stretch.upto)
                yield [Row(event, event.document in known, details[event.sequence], seen)]

    async def find(self, row_id: str) -> tuple[str, int] | None:
        """An act by id."""
        principal, _, number = row_id.removeprefix("ev_").rpartition(".")
        if (
            not row_id.startswith("ev_")
            or not (number.isascii() and number.isdigit())
            or len(number) > _MAX_DIGITS
        ):
            return None
        return principal, int(number)

    async def _known(self, events: Sequence[Event]) -> frozenset[str]:
        heads = await self._context.store.extracts.heads(
            event.document for event in events if event.document
        )
        return frozenset(
            one
            for one, head in heads.items()
            if self._context.rights.visibility(head) is not Visibility.NOTHING
        )


def readable_logs(context: Context) -> frozenset[str]:
    """The principals whose logs the viewer reads."""
    return frozenset(
        held.principal
        for held in context.rights.held
        if Permission.READ_LOG in held.permissions and held.clinic is None
    )


async def _source(context: Context, given: Given) -> Events:
    logs = readable_logs(context) & (
        {key_of(given["principal"])} if "principal" in given else readable_logs(context)
    )
    which = EventFilter(
        given.get("action"),
        given.get("document"),
        given.get("clinic"),
        given.get("actor"),
        given.get("since"),
        given.get("until"),
    )
    detail = bool(given.get("detail"))
    for principal in sorted(logs):
        refuse_persons(context, principal, which, ("actor",))
        for permission in _EVERYTHING if detail else ():
            decisions.require_at(context.rights, permission, principal, None, ("detail",))
    return Events(context, which, detail=detail)


T = ColumnType


def _if_known(value: Any) -> Any:
    return lambda row: value(row.record) if row.known else None


COLUMNS: tuple[Column[Row], ...] = (
    Column("id", T.TEXT, "Of the act.", "Event.id", lambda row: row.record.id),
    Column(
        "principal",
        T.TEXT,
        "Whose log it stands in.",
        "Event.principal.hsaId",
        lambda row: row.seen.hsa_id(row.record.principal),
        "HSA-id",
    ),
    Column(
        "sequence",
        T.INTEGER,
        "Its number in the log: 1, 2, 3 … without a gap.",
        "Event.sequence",
        lambda row: row.record.sequence,
        "number",
    ),
    Column(
        "cursor",
        T.TEXT,
        "Its position: go on from here with `after`, or follow the log from here.",
        "Event.cursor",
        lambda row: event_cursor(row.record),
    ),
    Column(
        "at",
        T.TIME,
        "When; never before the act before it.",
        "Event.at",
        lambda row: row.record.at,
        "UTC",
    ),
    Column(
        "action",
        T.TEXT,
        "What was done.",
        "Event.action",
        lambda row: str(row.record.action),
        "Action",
    ),
    *actor_columns(
        "actor",
        "it was done",
        "Event.actor",
        lambda row: row.record.actor,
        lambda row: row.seen.person(row.record.actor, row.record.principal),
    ),
    Column(
        "note",
        T.TEXT,
        "Why, in the words of who did it.",
        "Event.note",
        lambda row: row.record.note,
    ),
    Column(
        "document",
        T.TEXT,
        "What it was done to, by id; empty where the viewer may not know of it.",
        "Event.document.id",
        _if_known(lambda one: one.document),
    ),
    Column(
        "kind",
        T.TEXT,
        "What kind of document that is.",
        "Event.document.__typename",
        _if_known(lambda one: one.kind),
        "kind of document",
    ),
    Column(
        "version",
        T.INTEGER,
        "The version that the act made or put in force.",
        "Event.version",
        lambda row: row.record.version,
        "number",
    ),
    Column(
        "restoredFrom",
        T.INTEGER,
        "The version whose content was written again.",
        "Version.restoredFrom",
        _if_known(lambda one: one.restored_from),
        "number",
    ),
    Column(
        "publishedBefore",
        T.INTEGER,
        "The version in force before.",
        "Notification.fromVersion",
        _if_known(lambda one: one.published_before),
        "number",
    ),
    Column(
        "publishedAfter",
        T.INTEGER,
        "The version in force since.",
        "Notification.toVersion",
        _if_known(lambda one: one.published_after),
        "number",
    ),
    Column(
        "state",
        T.TEXT,
        "The document's state after it.",
        "–",
        _if_known(lambda one: None if one.state is None else str(one.state)),
        "DocumentState",
    ),
    Column(
        "audience",
        T.TEXT,
        "Who was told: nobody, all clinics that had the document (`ASSIGNED`), those named"
        " (`NAMED`), or all of the principal (`PRINCIPAL`).",
        "–",
        lambda row: str(row.record.audience),
        "Audience",
    ),
    Column(
        "residentVisible",
        T.BOOLEAN,
        "Whether residents notice.",
        "Notification.residentVisible",
        lambda row: row.record.resident_visible,
    ),
    Column(
        "clinics",
        T.TEXTS,
        "The clinics that it names; HSA-ids in upper case.",
        "Event.clinics",
        lambda row: list(row.record.clinics),
        "HSA-id",
    ),
    Column(
        "counts",
        T.JSON,
        "What it counted, such as clinics.",
        "–",
        lambda row: dict(row.record.counts),
        "number",
    ),
    Column(
        "group",
        T.TEXT,
        "The group that the clinics were chosen by, or that was changed, by id.",
        "Event.group.id",
        lambda row: row.record.group,
    ),
    Column(
        "person",
        T.TEXT,
        "The person that it is about; empty for those who may not see persons.",
        "Event.person",
        lambda row: (
            row.record.person
            if row.seen.context.rights.sees_persons(row.record.principal)
            else None
        ),
        "HSA-id",
    ),
    Column(
        "batch",
        T.TEXT,
        "Shared by the acts of one change of several documents.",
        "Event.batch",
        lambda row: row.record.batch,
    ),
    Column("export", T.TEXT, "What was exported.", "Event.export", lambda row: row.record.export),
    Column(
        "requestId",
        T.TEXT,
        "The request that it was written in, as in the server's log.",
        "Event.requestId",
        lambda row: row.record.request_id,
    ),
    Column(
        "detail",
        T.JSON,
        "What the act made so beside documents and versions: the rows that began with it, as they"
        " are stored; and the act that the whole log was read up to. For `casetypes import`.",
        "–",
        lambda row: row.detail,
        on_request=True,
    ),
)

PARAMETERS: Mapping[str, parameters.Parameter] = parameters.PLACES | {
    "action": parameters.ACTIONS,
    "document": parameters.DOCUMENT,
    "clinic": parameters.NAMES_CLINIC,
    "actor": parameters.ACTOR,
    "since": parameters.SINCE,
    "until": parameters.UNTIL,
    "detail": parameters.DETAIL,
}

EVENTS: Export[Row] = Export(
    name="events",
    meaning="The log: every act, with who did it and when.",
    order="number in the log",
    columns=COLUMNS,
    parameters=PARAMETERS,
    logs=readable_logs,
    source=_source,
    of_log=True,
)
