"""Searches that read all pages, and documents to find."""

from resolvers.kinds.case_types import CASE_TYPE
from store.content.search_tokens import WordQuery
from store.documents.scopes import Scope
from store.paging import Paging
from store.records import Document, Owner, OwnerKind
from store.registry import Store
from tests.storage.building import (
    BY_ANNA,
    STOCKHOLM,
    content,
    document_of,
)

WHOLE = Scope(principals=frozenset({STOCKHOLM}))


RELEASED = Scope(released_in=frozenset({STOCKHOLM}))


async def search(store: Store, text: str, scope: Scope = WHOLE, limit: int = 100) -> list[str]:
    """The ids found, page by page; the total count agrees."""
    ids: list[str] = []
    after: str | None = None
    while True:
        page = await store.search.page(WordQuery.of(text), scope, Paging(limit=limit, after=after))
        ids += [document.id for document in page.items]
        assert page.has_previous is (after is not None)
        if not page.has_next:
            break
        after = page.cursors[-1]
    assert len(ids) == len(set(ids)) == await store.search.count(WordQuery.of(text), scope)
    return ids


async def create_named(
    store: Store,
    name: str,
    introduction: str = "",
    *,
    publish: bool = True,
    principal: str = STOCKHOLM,
) -> Document:
    saved = await store.documents.create(
        CASE_TYPE,
        principal=principal,
        owner=Owner(OwnerKind.PRINCIPAL, principal),
        content=content(introduction, name=name, internalName=name),
        derived_from=None,
        act=BY_ANNA,
    )
    head = document_of(saved)
    return (
        document_of(await store.documents.publish(head, version=1, expected_version=1, act=BY_ANNA))
        if publish
        else head
    )
