"""Events of the principals' logs: reading, paging and subscribing, with access checks."""

from resolvers.access import decisions
from resolvers.access.permissions import Permission
from resolvers.clinics import principals
from resolvers.context import Context
from resolvers.documents import documents
from resolvers.live.subscription_source import SubscriptionSource
from store.errors import NotPermitted
from store.log.cursors import Position, read_cursor
from store.log.event_filters import EventFilter
from store.paging import Page, Paging
from store.records import Audience, Event, key_of


async def get(context: Context, principal: str, sequence: int) -> Event | None:
    """One event of a log, by the principal's key and the sequence number.

    Returns:
        None where there is no such event, where the viewer may not read it, or where it is about a
        document that the viewer does not see.
    """
    event = await context.loaders.events.load((principal, sequence))
    if event is None:
        return None
    owner = None
    if event.document is not None:
        document = await documents.get(context, event.document)
        if document is None:
            return None
        owner = decisions.clinic_of(document)
    return event if _may_read(context, event, owner) else None


def _may_read(context: Context, event: Event, owner: str | None) -> bool:
    """Whether the viewer may read one event, apart from its document.

    Clinics that an event notifies may read it. Everyone with `READ_LOG` or `READ_DRAFTS` at the
    principal, or at the clinic `owner` that owns the document, may read it too.
    """
    notified = event.audience in {Audience.ASSIGNED, Audience.PRINCIPAL} or (
        event.audience is Audience.NAMED
        and any(context.rights.reads_clinic(clinic, event.principal) for clinic in event.clinics)
    )
    return notified or any(
        context.rights.holder(permission, event.principal, owner) is not None
        for permission in (Permission.READ_LOG, Permission.READ_DRAFTS)
    )


async def page(context: Context, principal: str, which: EventFilter, paging: Paging) -> Page[Event]:
    """A page of a principal's log, newest first.

    Raises:
        NotPermitted: The viewer may not read this log, or may not filter by the actor.
    """
    decisions.require_at(context.rights, Permission.READ_LOG, principal, None, ("principal",))
    refuse_persons(context, principal, which)
    return await context.store.history.events(principal, which, paging)


async def count(context: Context, principal: str, which: EventFilter) -> int:
    """The number of events in a principal's log that match.

    Raises:
        NotPermitted: The viewer may not read this log, or may not filter by the actor.
    """
    decisions.require_at(context.rights, Permission.READ_LOG, principal, None, ("principal",))
    refuse_persons(context, principal, which)
    return await context.store.history.count_events(principal, which)


async def subscribe(
    context: Context, principal: str, which: EventFilter, after: str | None
) -> SubscriptionSource:
    """The source of a subscription to the events of a principal's log.

    Args:
        context: Of the subscriber.
        principal: The principal's HSA-id.
        which: Only events that match are delivered.
        after: The cursor to start after; None starts at the current end of the log.

    Raises:
        NotFound: There is no such principal.
        NotPermitted: The viewer may not read this log, or may not filter by the actor.
        InvalidInput: The cursor is malformed, or is of another log.
    """
    found = principals.require(context, principal)
    decisions.require_at(context.rights, Permission.READ_LOG, found.key, None, ("principal",))
    refuse_persons(context, found.key, which)
    sequence = (
        await context.store.history.latest_sequence(found.key)
        if after is None
        else read_cursor(after, found.key).sequence
    )
    return SubscriptionSource(found.key, Position(sequence), which=which)


def refuse_persons(
    context: Context,
    principal: str,
    which: EventFilter,
    path: tuple[str, ...] = ("filter", "actor"),
) -> None:
    """Refuse a filter by person from viewers who may not see persons.

    Such a filter would reveal who did what.

    Raises:
        NotPermitted: The filter names a person, and the viewer may not see persons.
    """
    if (
        which.actor is not None
        and key_of(which.actor) not in context.principals
        and not context.rights.sees_persons(principal)
    ):
        raise NotPermitted("Du har inte behörighet att se vem som har gjort vad.", path)
