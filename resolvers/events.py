"""The logs: who may read and follow them."""

from collections.abc import AsyncGenerator

from resolvers import access
from resolvers.access import Permission
from resolvers.clinics import require_principal
from resolvers.context import Context
from store.history import EventFilter, read_cursor
from store.paging import Page, Paging
from store.records import Audience, Event


def may_read(context: Context, event: Event, owner: str | None) -> bool:
    """Whether one event may be read: by who reads the log, or, told to clinics, by who sees its document (checked by the caller)."""
    return event.audience is not Audience.NONE or context.rights.holder(Permission.READ_LOG, event.principal, owner) is not None


async def page(context: Context, principal: str, which: EventFilter, paging: Paging) -> Page[Event]:
    """A page of a principal's log, newest first.

    Raises:
        NotPermitted: The viewer may not read this log.
    """
    access.require_at(context.rights, Permission.READ_LOG, principal, None, ("principal",))
    return await context.store.history.events(principal, which, paging)


async def follow(context: Context, principal: str, which: EventFilter, after: str | None) -> AsyncGenerator[Event, None]:
    """Every act in a principal's log after a cursor, or from now on without one, for ever.

    Raises:
        NotFound: There is no such principal.
        NotPermitted: The viewer may not read this log.
        InvalidInput: The cursor can't be read, or is of another log.
    """
    found = require_principal(context, principal)
    access.require_at(context.rights, Permission.READ_LOG, found.key, None, ("principal",))
    if after is None:
        position = await context.store.history.latest_sequence(found.key)
    else:
        position, _ = read_cursor(after, found.key)
    async for event in context.store.feed.follow(found.key, position):
        if which.matches(event):
            yield event
