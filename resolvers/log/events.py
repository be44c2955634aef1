"""The logs: who may read and follow them."""

from resolvers.access import decisions
from resolvers.access.permissions import Permission
from resolvers.clinics import principals
from resolvers.context import Context
from resolvers.live.followers import Following
from store.errors import NotPermitted
from store.log.cursors import Position, read_cursor
from store.log.event_filters import EventFilter
from store.mongo.paging import Page, Paging
from store.records import Audience, Event, key_of


def may_read(context: Context, event: Event, owner: str | None) -> bool:
    """Whether one event may be read, as in its document's history: by who reads the log, or drafts;
    told to clinics, by who reads one of those.

    Whether the document is seen the caller checks.
    """
    told = event.audience in {Audience.ASSIGNED, Audience.PRINCIPAL} or (
        event.audience is Audience.NAMED
        and any(context.rights.reads_clinic(clinic, event.principal) for clinic in event.clinics)
    )
    whole = (Permission.READ_LOG, Permission.READ_DRAFTS)
    return told or any(
        context.rights.holder(permission, event.principal, owner) is not None
        for permission in whole
    )


async def page(context: Context, principal: str, which: EventFilter, paging: Paging) -> Page[Event]:
    """A page of a principal's log, newest first.

    Raises:
        NotPermitted: The viewer may not read this log.
    """
    decisions.require_at(context.rights, Permission.READ_LOG, principal, None, ("principal",))
    refuse_persons(context, principal, which)
    return await context.store.history.events(principal, which, paging)


async def count(context: Context, principal: str, which: EventFilter) -> int:
    """The number of events in a principal's log that match.

    Raises:
        NotPermitted: The viewer may not read this log.
    """
    decisions.require_at(context.rights, Permission.READ_LOG, principal, None, ("principal",))
    refuse_persons(context, principal, which)
    return await context.store.history.count_events(principal, which)


async def follow(
    context: Context, principal: str, which: EventFilter, after: str | None
) -> Following:
    """What to follow: every act in a principal's log that matches, after a cursor, or from now on
    without one.

    Raises:
        NotFound: There is no such principal.
        NotPermitted: The viewer may not read this log.
        InvalidInput: The cursor can't be read, or is of another log.
    """
    found = principals.require(context, principal)
    decisions.require_at(context.rights, Permission.READ_LOG, found.key, None, ("principal",))
    refuse_persons(context, found.key, which)
    sequence = (
        await context.store.history.latest_sequence(found.key)
        if after is None
        else read_cursor(after, found.key).sequence
    )
    return Following(found.key, Position(sequence), which=which)


def refuse_persons(
    context: Context,
    principal: str,
    which: EventFilter,
    path: tuple[str, ...] = ("filter", "actor"),
) -> None:
    """Who may not see persons can't look for what one did, which would tell as much.

    Raises:
        NotPermitted: That is looked for.
    """
    if (
        which.actor is not None
        and key_of(which.actor) not in context.principals
        and not context.rights.sees_persons(principal)
    ):
        raise NotPermitted("Du har inte behörighet att se vem som har gjort vad.", path)
