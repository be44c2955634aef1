"""The history of a document: the acts on it, as far as the viewer sees them."""

from resolvers.context import Context
from store.documents.scopes import Visibility
from store.log.event_filters import HistoryQuery
from store.paging import EMPTY, Page, Paging
from store.records import Document, Event


async def page(context: Context, document: Document, paging: Paging) -> Page[Event]:
    """A page of acts, newest first.

    Callers who cannot see drafts get only the acts that clinics are notified of.
    """
    return await context.loaders.histories.load(_visible_acts(context, document, paging)) or EMPTY


async def count(context: Context, document: Document) -> int:
    """The number of acts that the viewer sees."""
    acts = _visible_acts(context, document, Paging())
    if acts.clinics is not None:
        return await context.store.history.count_of_document(acts)
    return document.notice_count if acts.limited else document.event_count


def _visible_acts(context: Context, document: Document, paging: Paging) -> HistoryQuery:
    """The query for the acts that the viewer sees.

    Callers who cannot see drafts do not see acts on drafts. If they read only single clinics of
    the principal, they see acts at named clinics only for those clinics.
    """
    reach = context.rights.clinics()
    limited = context.rights.visibility(document) is not Visibility.ALL
    single_clinics = limited and reach is not None and document.principal not in reach.principals
    return HistoryQuery.of(
        document,
        paging,
        limited=limited,
        clinics=reach.clinics if single_clinics and reach is not None else None,
    )
