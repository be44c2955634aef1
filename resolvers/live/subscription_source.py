"""The source of a subscription: its resolver returns one, and the hub delivers from it."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from store.log.cursors import Position
from store.log.event_filters import EventFilter
from store.records import Clinic, Event


@dataclass(frozen=True, slots=True)
class SubscriptionSource:
    """The log, the start position and the selection of one subscription.

    With clinics it delivers their notifications; without, the events of the log.

    Attributes:
        principal: Key of the principal whose log it is.
        position: Delivery starts after this position.
        clinics: The clinics, all of that principal; None for the events of the log.
        which: Which events are delivered. Only used without clinics.
        resident_visible_only: Whether only events that residents can see are delivered. Only used
            with clinics.
    """

    principal: str
    position: Position
    clinics: Sequence[Clinic] | None = None
    which: EventFilter = field(default_factory=EventFilter)
    resident_visible_only: bool = False

    def selects(self, event: Event) -> bool:
        """Whether the filter lets an event through. Which clinics it concerns is not checked."""
        return (
            self.which.matches(event)
            if self.clinics is None
            else event.resident_visible or not self.resident_visible_only
        )
