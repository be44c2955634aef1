"""What acts made so, beside documents and versions: the rows that hold for a stretch of the log,
told with the act that they began with.

With these, the acts and the versions, a log can be replayed into an empty registry (`replay`).
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from store.mongo.connection import Database, Row
from store.records import Action, Event, key_of

Detail = Mapping[str, Any]

HELD = ("assignments", "clinic_states", "groups", "orders", "policies", "role_grants", "standing")
"""The collections whose rows begin with an act."""

_GIVES = frozenset(
    {
        Action.PUBLISHED,
        Action.ACTIVATED,
        Action.DEACTIVATED,
        Action.RESTORED,
        Action.DISTRIBUTED,
        Action.FOLLOWED,
    }
)


class Details:
    """The details of one registry's acts, read only."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of(self, acts: Sequence[tuple[Event, int | None]], upto: int) -> Mapping[int, Detail]:
        """By sequence number the details of some acts of one log, each with the version that it put
        in force for the first time.

        Rows are as they were just after the event `upto`, which each detail names: what ended later
        still holds.
        """
        if not acts:
            return {}
        details: dict[int, dict[str, Any]] = {
            event.sequence: {"released": released, "upto": upto, "began": defaultdict(list)}
            for event, released in acts
        }
        for collection, where in self._asked([event for event, _ in acts]):
            for row in await self._database.find(collection, where, sort=[("_id", 1)]):
                details[row["from_sequence"]]["began"][collection].append(_then(row, upto))
        return details

    def _asked(self, events: Sequence[Event]) -> list[tuple[str, Row]]:
        """Which rows to read: only where acts may have begun some, and by an index."""
        begun = {"from_sequence": {"$in": [event.sequence for event in events]}}
        principal = events[0].principal
        here = {"principal": principal, **begun}
        gives = sorted(
            {event.document for event in events if event.action in _GIVES and event.document}
        )
        imported = sorted(
            {
                clinic
                for event in events
                if event.action is Action.IMPORTED
                for clinic in event.clinics
            }
        )
        targets = sorted(
            {
                target
                for event in events
                if event.action is Action.REORDERED
                for target in _targets(event)
            }
        )
        actions = {event.action for event in events}
        wanted: list[tuple[str, Row, bool]] = [
            ("assignments", {"document": {"$in": gives}, **begun}, bool(gives)),
            ("clinic_states", {"clinic": {"$in": imported}, **begun}, bool(imported)),
            ("orders", {"target": {"$in": targets}, **begun}, bool(targets)),
            ("groups", here, Action.GROUPED in actions),
            ("policies", here, Action.POLICIES_CHANGED in actions),
            ("role_grants", here, Action.ROLE_GRANTED in actions),
            ("standing", here, Action.DISTRIBUTED in actions),
        ]
        return [(collection, where) for collection, where, needed in wanted if needed]


def _targets(event: Event) -> list[str]:
    """What an order may be for, by id."""
    if event.group is not None:
        return [event.group]
    return [f"cl_{key_of(clinic)}" for clinic in event.clinics] or [f"pr_{event.principal}"]


def _then(row: Row, upto: int) -> Row:
    if row["until_sequence"] is None or row["until_sequence"] <= upto:
        return row
    return row | {"open": True, "until_sequence": None, "until": None}
