"""Versions of documents, as far as the viewer sees them."""

from dataclasses import replace
from datetime import datetime

from resolvers.context import Context
from store.content.hashing import Verification
from store.documents.scopes import Visibility
from store.log.event_filters import HistoryQuery
from store.paging import EMPTY, Page, Paging
from store.records import Document, Version


async def get(context: Context, document: Document, number: int | None) -> Version | None:
    """A version by number; None where there is none or the viewer may not see it.

    Without a number: the newest version, or for callers who cannot see drafts the highest version
    ever published.
    """
    all_visible = context.rights.visibility(document) is Visibility.ALL
    if number is None:
        number = document.latest if all_visible else document.highest_released
    if not all_visible and not await context.loaders.released.load((document.id, number)):
        return None
    return await context.loaders.versions.load((document.id, number))


async def get_at(context: Context, document: Document, time: datetime) -> Version | None:
    """The version that was published at a moment; None where there was none."""
    number = await context.loaders.published_at.load((document.principal, document.id, time))
    return None if number is None else await context.loaders.versions.load((document.id, number))


async def page(context: Context, document: Document, paging: Paging) -> Page[Version]:
    """A page of versions, newest first.

    Callers who cannot see drafts get only the versions that were ever published.
    """
    limited = context.rights.visibility(document) is not Visibility.ALL
    return (
        await context.loaders.version_pages.load(HistoryQuery.of(document, paging, limited=limited))
        or EMPTY
    )


async def verify(context: Context, document: Document) -> Verification:
    """Recompute the hash chain over all versions.

    For callers who cannot see drafts, the number of versions counts the published ones only.
    """
    verification = await context.store.documents.verify(document)
    if context.rights.visibility(document) is Visibility.ALL:
        return verification
    return replace(verification, versions=document.release_count)
