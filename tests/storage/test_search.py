"""Search: visibility, order, pages, and documents stored without words.

A plain reading of the texts is the model.
"""

import asyncio
from collections.abc import Sequence

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from resolvers.kinds.case_types import CASE_TYPE, CASE_TYPE_TEMPLATE
from resolvers.kinds.registrations import KINDS
from store.content.search_tokens import words_in
from store.content.text_fields import content_texts
from store.documents.documents import Edit
from store.documents.scopes import Scope, Visibility
from store.mongo.connection import Row
from store.records import Content, Document, Owner, OwnerKind
from store.registry import Store
from tests.storage.building import (
    BY_ANNA,
    STOCKHOLM,
    UPPSALA,
    content,
    created,
    document_of,
    head_of,
    published,
    saved_as,
)
from tests.storage.searching import RELEASED, WHOLE, create_named, search


async def test_a_draft_is_found_only_in_a_scope_that_sees_drafts(store: Store) -> None:
    document = await saved_as(store, await published(store, "Gammal"), "Nyskriven")
    unpublished = await created(store, "Nyskriven")

    assert await search(store, "nyskriven") == sorted([document.id, unpublished.id])
    assert await search(store, "gammal") == [document.id]
    assert await search(store, "nyskriven", RELEASED) == []
    assert await search(store, "gammal", RELEASED) == [document.id]


async def test_a_published_version_replaces_the_previous_one_in_the_search(store: Store) -> None:
    document = await saved_as(store, await published(store, "Gammal"), "Nyskriven", publish=True)

    for scope in (WHOLE, RELEASED):
        assert await search(store, "nyskriven", scope) == [document.id]
        assert await search(store, "gammal", scope) == []
    back = await store.documents.publish(document, version=1, expected_version=2, act=BY_ANNA)

    assert await search(store, "gammal", RELEASED) == [document_of(back).id]
    assert await search(store, "nyskriven", RELEASED) == []
    assert await search(store, "nyskriven") == [document.id]


async def test_archived_documents_are_excluded_until_they_are_restored(store: Store) -> None:
    document = await published(store, "Vilande")
    await store.documents.archive(document, expected_version=1, act=BY_ANNA)
    assert await search(store, "vilande") == []

    await store.documents.restore(
        document, version=1, expected_version=1, publish=False, act=BY_ANNA
    )

    assert await search(store, "vilande") == [document.id]


async def test_matches_in_names_come_first_and_pages_follow_one_order(store: Store) -> None:
    texts_only = [
        await create_named(store, f"Ärende {number}", "Ett recept.") for number in range(4)
    ]
    names = [await create_named(store, f"Recept {number}") for number in range(5)]
    expected = [
        *sorted(document.id for document in names),
        *sorted(document.id for document in texts_only),
    ]

    for limit in (1, 2, 4, 5, 9, 100):
        assert await search(store, "recept", limit=limit) == expected


async def test_another_principals_documents_are_not_found(store: Store) -> None:
    await create_named(store, "Recept", principal=UPPSALA)

    assert await search(store, "recept") == []
    assert await search(store, "recept", Scope(released_central=True)) != []


VOCABULARY = [
    "tid",
    "tider",
    "tidbok",
    "Recept",
    "recepten",
    "åka",
    "aka",
    "e-tjänst",
    "tjänst",
    "1177",
    "ö",
    "Ö-vik",
    "bokning",
    "bokningar",
]


phrases = st.lists(st.sampled_from(VOCABULARY), min_size=1, max_size=4).map(" ".join)


contents = st.builds(
    lambda name, intro, replies: content(
        intro,
        name=name,
        internalName="X",
        standardReplies=[
            {"key": f"k{i}", "label": text, "text": text} for i, text in enumerate(replies)
        ],
    ),
    phrases,
    phrases,
    st.lists(phrases, max_size=2),
)


def replace_with(replacement: Content) -> Edit:
    return lambda _: replacement


def matches(query: str, *searched: Content) -> bool:
    """Whether each word of a query occurs in one of the contents' texts.

    Stems are compared. The last word also matches the start of a word.
    """
    words = [
        occurrence.word
        for searched_content in searched
        for text in content_texts(searched_content, CASE_TYPE.fields)
        for occurrence in words_in(text.text)
    ]
    typed_words = [occurrence.word for occurrence in words_in(query)]
    query_words = [
        *(word for word in typed_words[:-1] if word != typed_words[-1]),
        *typed_words[-1:],
    ]  # a word that is typed twice counts once, as the last word
    return all(
        any(
            word.stem == query_word.stem
            or (position == len(query_words) and word.folded.startswith(query_word.folded))
            for word in words
        )
        for position, query_word in enumerate(query_words, 1)
    )


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    drawn=st.lists(
        st.tuples(contents, st.none() | contents, st.booleans()), min_size=1, max_size=6
    ),
    queries=st.lists(
        st.one_of(phrases, phrases.map(lambda query: query[:-1] or query)), min_size=1, max_size=4
    ),
    limit=st.integers(1, 5),
)
async def test_search_finds_the_documents_that_a_plain_reading_finds(
    store: Store,
    drawn: Sequence[tuple[Content, Content | None, bool]],
    queries: Sequence[str],
    limit: int,
) -> None:
    await store.database["documents"].delete_many({})
    for first, second, publish in drawn:
        saved = await store.documents.create(
            CASE_TYPE,
            principal=STOCKHOLM,
            owner=Owner(OwnerKind.PRINCIPAL, STOCKHOLM),
            content=first,
            derived_from=None,
            act=BY_ANNA,
        )
        head = document_of(saved)
        if publish:
            head = document_of(
                await store.documents.publish(head, version=1, expected_version=1, act=BY_ANNA)
            )
        if second is not None:
            await store.documents.update(
                head, edit=replace_with(second), expected_version=1, publish=False, act=BY_ANNA
            )
    documents = [
        await head_of_row(store, row) for row in await store.database.find("documents", {})
    ]

    for query in queries:
        for scope in (WHOLE, RELEASED):
            expected = set()
            for document in documents:
                released = [document.content_in_force] if document.published else []
                seen = {
                    Visibility.NOTHING: [],
                    Visibility.RELEASED: released,
                    Visibility.ALL: [*released, document.content],
                }[scope.visibility(document)]
                if seen and matches(query, *seen):
                    expected.add(document.id)
            assert set(await search(store, query, scope, limit)) == expected, query


async def head_of_row(store: Store, row: Row) -> Document:
    return (await store.documents.get_many([row["_id"]]))[row["_id"]]


async def test_common_words_are_found_like_rare_ones(store: Store) -> None:
    """A word in more than some hundred documents is not looked up: documents are read in order."""
    documents = await asyncio.gather(
        *(
            create_named(store, f"Ärende {number}", f"Gemensam text, grupp{number % 7}.")
            for number in range(300)
        )
    )
    await asyncio.gather(
        *(
            create_named(store, f"Ärende {number}", "Gemensam text.", principal=UPPSALA)
            for number in range(20)
        )
    )
    group = sorted(document.id for number, document in enumerate(documents) if number % 7 == 3)

    assert await search(store, "gemensam") == sorted(document.id for document in documents)
    assert await search(store, "gemensam", limit=7) == sorted(document.id for document in documents)
    assert await search(store, "gemensam grupp3") == group
    assert await search(store, "grupp3 gem", limit=10) == group
    assert await search(store, "ärende", limit=50) == sorted(document.id for document in documents)


async def test_documents_stored_without_words_are_found_after_a_start(
    store: Store,
) -> None:
    old = await saved_as(store, await published(store, "Gammal"), "Nyskriven")
    template = await store.documents.create(
        CASE_TYPE_TEMPLATE,
        principal=STOCKHOLM,
        owner=Owner(OwnerKind.PRINCIPAL, STOCKHOLM),
        content=content("Gammal mall"),
        derived_from=None,
        act=BY_ANNA,
    )
    rows = {row["_id"]: row for row in await store.database.find("documents", {})}
    await store.database["documents"].update_many({}, {"$unset": {"tokens": ""}})
    assert await search(store, "gammal") == []

    # An act that changes no content leaves the document to be filled in.
    await store.documents.deactivate(old, expected_version=2, act=BY_ANNA)
    filled_in = await asyncio.gather(store.search.fill_in(), store.search.fill_in())

    assert sum(filled_in) == 2
    assert await store.search.fill_in() == 0
    assert {row["_id"]: row["tokens"] for row in await store.database.find("documents", {})} == {
        key: row["tokens"] for key, row in rows.items()
    }
    assert await search(store, "gammal", Scope(principals=frozenset({STOCKHOLM}))) == sorted(
        [old.id, document_of(template).id]
    )


async def test_a_save_adds_the_words_to_a_document_without_them(store: Store) -> None:
    document = await published(store, "Gammal")
    await store.database["documents"].update_many({}, {"$unset": {"tokens": ""}})

    await saved_as(store, await head_of(store, document), "Nyskriven")

    assert await search(store, "nyskriven") == [document.id]
    assert await search(store, "gammal") == [document.id]


async def test_heads_are_read_without_their_words(store: Store) -> None:
    document = await published(store, "Gammal")

    assert (await head_of(store, document)).tokens is None
    assert KINDS["CASE_TYPE"] is CASE_TYPE
