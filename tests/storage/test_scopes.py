"""Visibility in a scope: for every scope, the decision in Python and the MongoDB filter agree."""

import asyncio
from itertools import combinations, product
from typing import Any

from resolvers.kinds.case_types import CASE_TYPE, CASE_TYPE_TEMPLATE
from store.documents.listing import DocumentFilter, Order
from store.documents.scopes import Scope, Visibility
from store.kinds.kinds import Kind
from store.paging import Paging
from store.records import Document, DocumentState, Owner, OwnerKind
from store.registry import Store
from tests.storage.building import (
    BJORKEN,
    BY_ANNA,
    LINDEN,
    STOCKHOLM,
    UPPSALA,
    content,
    document_of,
)

UPPSALA_CLINIC = "SE2321000024-1B01"
OWNERS = [
    (STOCKHOLM, Owner(OwnerKind.PRINCIPAL, STOCKHOLM)),
    (STOCKHOLM, Owner(OwnerKind.CLINIC, BJORKEN)),
    (STOCKHOLM, Owner(OwnerKind.CLINIC, LINDEN)),
    (UPPSALA, Owner(OwnerKind.PRINCIPAL, UPPSALA)),
    (UPPSALA, Owner(OwnerKind.CLINIC, UPPSALA_CLINIC)),
]
KINDS = [CASE_TYPE, CASE_TYPE_TEMPLATE]
TEMPLATES = frozenset({"CASE_TYPE_TEMPLATE"})

PARTS: list[dict[str, Any]] = [
    {"principals": frozenset({STOCKHOLM})},
    {"clinics": frozenset({BJORKEN, UPPSALA_CLINIC})},
    {"clinics_in": frozenset({UPPSALA})},
    {"released_in": frozenset({UPPSALA})},
    {"released_of": frozenset({STOCKHOLM, LINDEN})},
    {"released_templates_of": frozenset({STOCKHOLM, UPPSALA_CLINIC}), "template_kinds": TEMPLATES},
    {"released_central": True},
    {"released_kinds": TEMPLATES},
]


async def create_one_of_each(store: Store) -> list[Document]:
    """Create a document of each owner and kind in each of four stages.

    A draft, one in force, one with a draft on top, and an archived one.
    """

    async def create(principal: str, owner: Owner, kind: Kind, stage: int) -> Document:
        saved = await store.documents.create(
            kind,
            principal=principal,
            owner=owner,
            content=content(),
            derived_from=None,
            act=BY_ANNA,
        )
        document = document_of(saved)
        if stage > 0:
            document = document_of(
                await store.documents.publish(document, version=1, expected_version=1, act=BY_ANNA)
            )
        if stage == 2:
            edited = await store.documents.update(
                document,
                edit=lambda now: {**now, "name": "Nytt"},
                expected_version=1,
                publish=False,
                act=BY_ANNA,
            )
            document = document_of(edited)
        if stage == 3:
            document = document_of(
                await store.documents.archive(document, expected_version=1, act=BY_ANNA)
            )
        return document

    return await asyncio.gather(
        *(create(*owner, kind, stage) for owner, kind, stage in product(OWNERS, KINDS, range(4)))
    )


async def test_the_filter_and_the_decision_agree_for_every_scope(store: Store) -> None:
    documents = await create_one_of_each(store)
    scopes = [Scope()] + [
        Scope(**{name: value for part in parts for name, value in part.items()})
        for n in (1, 2)
        for parts in combinations(PARTS, n)
    ]

    for scope in scopes:
        found = {row["_id"] for row in await store.database.find("documents", scope.where())}
        assert found == {
            document.id
            for document in documents
            if scope.visibility(document) is not Visibility.NOTHING
        }, scope


async def test_the_filter_by_kind_and_the_decision_agree_for_every_scope(
    store: Store,
) -> None:
    documents = await create_one_of_each(store)
    scopes = [
        Scope(**{name: value for part in parts for name, value in part.items()})
        for n in (1, 2)
        for parts in combinations(PARTS, n)
    ]

    for scope, kind in product(scopes, KINDS):
        document_filter = DocumentFilter(kind=kind.name, states=tuple(DocumentState))
        found = {
            row["_id"]
            for row in await store.database.find("documents", document_filter.where(scope))
        }
        assert found == {
            document.id
            for document in documents
            if document.kind == kind.name and scope.visibility(document) is not Visibility.NOTHING
        }, scope


async def test_each_part_of_a_scope_makes_its_documents_visible(store: Store) -> None:
    documents = await create_one_of_each(store)
    seen = [
        {
            visibility: sum(
                Scope(**part).visibility(document) is visibility for document in documents
            )
            for visibility in (Visibility.ALL, Visibility.RELEASED)
        }
        for part in PARTS
    ]

    # 5 owners, 2 kinds, 4 stages of which 3 are published
    assert [(counts[Visibility.ALL], counts[Visibility.RELEASED]) for counts in seen] == [
        (24, 0),
        (16, 0),
        (8, 0),
        (0, 12),
        (0, 12),
        (0, 6),
        (0, 12),
        (0, 6),
    ]


async def test_an_empty_scope_sees_nothing(store: Store) -> None:
    documents = await create_one_of_each(store)

    assert await store.database.find("documents", Scope().where()) == []
    assert {Scope().visibility(document) for document in documents} == {Visibility.NOTHING}


async def test_full_visibility_prevails_over_released_versions(store: Store) -> None:
    documents = await create_one_of_each(store)
    scope = Scope(principals=frozenset({STOCKHOLM}), released_in=frozenset({STOCKHOLM, UPPSALA}))

    assert {
        scope.visibility(document) for document in documents if document.principal == STOCKHOLM
    } == {Visibility.ALL}
    assert {
        scope.visibility(document)
        for document in documents
        if document.principal == UPPSALA and document.published
    } == {Visibility.RELEASED}


async def test_a_list_holds_visible_documents_and_archived_ones_only_on_request(
    store: Store,
) -> None:
    documents = await create_one_of_each(store)
    scope = Scope(released_of=frozenset({STOCKHOLM}), clinics=frozenset({BJORKEN}))

    async def listed(**which: Any) -> set[str]:
        page = await store.listing.page(
            DocumentFilter(kind="CASE_TYPE", **which), scope, Order.NAME_ASC, Paging(limit=100)
        )
        assert await store.listing.count(DocumentFilter(kind="CASE_TYPE", **which), scope) == len(
            page.items
        )
        return {document.id for document in page.items}

    seen = [
        document
        for document in documents
        if document.kind == "CASE_TYPE" and scope.visibility(document) is not Visibility.NOTHING
    ]
    assert len(seen) == 7
    assert await listed() == {
        document.id for document in seen if document.state is not DocumentState.ARCHIVED
    }
    assert await listed(states=(DocumentState.ARCHIVED,)) == {
        document.id for document in seen if document.state is DocumentState.ARCHIVED
    }
    assert await listed(owner=BJORKEN.lower()) == {
        document.id
        for document in seen
        if document.owner.key == BJORKEN and document.state != "ARCHIVED"
    }
    assert await listed(owner_kind=OwnerKind.PRINCIPAL) == {
        document.id
        for document in seen
        if document.owner.key == STOCKHOLM and document.state != "ARCHIVED"
    }
