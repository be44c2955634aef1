"""The details of events: the rows that an event opened, beside documents and versions.

Such a row holds for an interval of the log, and is exported with the event that opened it. From the
details, the events and the versions, `store.transfer.replay` rebuilds a log in an empty registry.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from store.mongo.connection import Database, Row
from store.records import Action, Event, key_of

Detail = Mapping[str, Any]
"""`released`: the number of the version that the event published for the first time, or None.
`upto`: the sequence number of the event after which the rows were read.
`began`: the rows that the event opened, by collection.
"""

INTERVAL_COLLECTIONS = (
    "assignments",
    "clinic_states",
    "groups",
    "orders",
    "policies",
    "role_grants",
    "standing",
)
"""The collections whose rows are opened by an event."""

_ASSIGNS = frozenset(
    {
        Action.PUBLISHED,
        Action.ACTIVATED,
        Action.DEACTIVATED,
        Action.RESTORED,
        Action.DISTRIBUTED,
        Action.FOLLOWED,
    }
)


class EventDetails:
    """Reads the details of one registry's events."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of(
        self, events: Sequence[tuple[Event, int | None]], up_to: int
    ) -> Mapping[int, Detail]:
        """Read the details of some events of one log.

        Args:
            events: Each with the number of the version that it published for the first time.
            up_to: The sequence number of the event after which the rows are read. A row that was
                closed later is still open.

        Returns:
            Details by the sequence number of the event.
        """
        if not events:
            return {}
        details: dict[int, dict[str, Any]] = {
            event.sequence: {"released": released, "upto": up_to, "began": defaultdict(list)}
            for event, released in events
        }
        for collection, where in _queries([event for event, _ in events]):
            for row in await self._database.find(collection, where, sort=[("_id", 1)]):
                details[row["from_sequence"]]["began"][collection].append(_as_of(row, up_to))
        return details


def _queries(events: Sequence[Event]) -> list[tuple[str, Row]]:
    """Build a filter for each collection in which the events may have opened rows.

    Every filter is served by an index.
    """
    opened = {"from_sequence": {"$in": [event.sequence for event in events]}}
    in_principal = {"principal": events[0].principal, **opened}
    assigned = sorted(
        {event.document for event in events if event.action in _ASSIGNS and event.document}
    )
    imported = sorted(
        {clinic for event in events if event.action is Action.IMPORTED for clinic in event.clinics}
    )
    targets = sorted(
        {
            target
            for event in events
            if event.action is Action.REORDERED
            for target in _order_targets(event)
        }
    )
    actions = {event.action for event in events}
    queries: list[tuple[str, Row, bool]] = [
        ("assignments", {"document": {"$in": assigned}, **opened}, bool(assigned)),
        ("clinic_states", {"clinic": {"$in": imported}, **opened}, bool(imported)),
        ("orders", {"target": {"$in": targets}, **opened}, bool(targets)),
        ("groups", in_principal, Action.GROUPED in actions),
        ("policies", in_principal, Action.POLICIES_CHANGED in actions),
        ("role_grants", in_principal, Action.ROLE_GRANTED in actions),
        ("standing", in_principal, Action.DISTRIBUTED in actions),
    ]
    return [(collection, where) for collection, where, needed in queries if needed]


def _order_targets(event: Event) -> list[str]:
    """The ids of the clinics, groups or principals whose order the event may have set."""
    if event.group is not None:
        return [event.group]
    return [f"cl_{key_of(clinic)}" for clinic in event.clinics] or [f"pr_{event.principal}"]


def _as_of(row: Row, up_to: int) -> Row:
    if row["until_sequence"] is None or row["until_sequence"] <= up_to:
        return row
    return row | {"open": True, "until_sequence": None, "until": None}
