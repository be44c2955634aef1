"""The sample data: loaded once, within the rules, with case types in every state."""

import json

from resolvers.kinds.registrations import KINDS
from resolvers.kinds.validation import validate
from resolvers.sample.loading import load_sample
from store.clinics.filters import ClinicFilter
from store.clinics.local_adaptations import adaptation_id
from store.documents.listing import DocumentFilter, Order
from store.documents.scopes import Scope
from store.paging import Paging
from store.records import AssignmentOrigin, Document, DocumentState, OwnerKind
from store.registry import Store

BJORKEN = "SE2321000016-1A01"


async def test_the_sample_is_loaded_once_and_not_into_a_registry_in_use(store: Store) -> None:
    loaded = await load_sample(store)
    events = await store.database.count("events", {})

    again = await load_sample(store)

    assert (loaded, again) == (True, False)
    assert await store.database.count("events", {}) == events


async def test_the_sample_has_case_types_in_every_state_within_the_rules(store: Store) -> None:
    await load_sample(store)

    case_types, templates = await _all(store, "CASE_TYPE"), await _all(store, "CASE_TYPE_TEMPLATE")
    at_bjorken = {
        assignment.document: assignment
        for assignment in await store.assignments.of_clinics([BJORKEN])
    }
    [renewal] = [
        document
        for document in case_types
        if document.id in at_bjorken and document.name == "Förnya recept"
    ]

    assert await store.clinics.count(ClinicFilter()) == 296
    assert (len(case_types), len(templates)) == (39, 18)
    assert {document.state for document in case_types} == {
        DocumentState.DRAFT,
        DocumentState.ACTIVE,
        DocumentState.INACTIVE,
    }
    assert [
        document.name
        for document in case_types
        if document.published not in (None, document.latest)
    ] == ["Skicka meddelande"]
    assert [document.name for document in case_types if not document.content["submittable"]] == [
        "Avgifter och regler"
    ]
    assert (renewal.published, at_bjorken[renewal.id].start_page_order) == (4, 1)
    [adaptation] = (await store.documents.get_many([adaptation_id(renewal.id, BJORKEN)])).values()
    assert (adaptation.kind, adaptation.published) == ("LOCAL_ADAPTATION", 1)
    assert {assignment.origin for assignment in at_bjorken.values()} == set(AssignmentOrigin)
    for document in (*case_types, *templates):
        assert validate(KINDS[document.kind], document.content) == document.content
        assert "1177 Vårdguiden" not in json.dumps(document.content, ensure_ascii=False)


async def test_the_sample_has_each_kind_in_several_states_within_the_rules(store: Store) -> None:
    await load_sample(store)

    other_kinds = {
        name: await _all(store, name)
        for name in sorted(kind.name for kind in KINDS)
        if name not in {"CASE_TYPE", "CASE_TYPE_TEMPLATE"}
    }

    assert {name: len(of_kind) for name, of_kind in other_kinds.items()} == {
        "GUIDANCE": 2,
        "LOCAL_ADAPTATION": 1,
        "NOTICE": 3,
        "RESIDENT_CASE": 2,
        "RESIDENT_CASE_TEMPLATE": 4,
        "STANDARD_REPLY_COLLECTION": 2,
        "TERMS_TEXT": 3,
    }
    documents = [
        document
        for name, of_kind in other_kinds.items()
        for document in of_kind
        if name != "LOCAL_ADAPTATION"
    ]
    assert {document.state for document in documents} == {DocumentState.DRAFT, DocumentState.ACTIVE}
    assert [
        document.internal_name
        for document in documents
        if document.published not in (None, document.latest)
    ] == ["Tidbokning – sjuksköterska, Björken"]
    assert {document.owner.kind for document in documents} == set(OwnerKind)
    for document in documents:
        assert validate(KINDS[document.kind], document.content) == document.content
        assert (await store.documents.verify(document)).intact


async def _all(store: Store, kind: str) -> list[Document]:
    everyone = Scope(principals=frozenset(await store.principals.known()))
    page = await store.listing.page(
        DocumentFilter(kind), everyone, Order.NAME_ASC, Paging(limit=100)
    )
    assert not page.has_next
    return list(page.items)
