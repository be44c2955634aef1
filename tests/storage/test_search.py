"""Search: found is exactly what a plain reading of the texts finds, in one order, page by page; and
old documents are found too.
"""

import asyncio
import unicodedata
from collections.abc import Sequence

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from resolvers.kinds.case_types import CASE_TYPE, CASE_TYPE_TEMPLATE
from resolvers.kinds.registrations import KINDS
from store.content.search_tokens import MAX_WORDS, WordQuery, words_in
from store.content.text_fields import content_texts
from store.documents.documents import Edit
from store.documents.scopes import Scope, Visibility
from store.mongo.connection import Row
from store.paging import Paging
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

WHOLE = Scope(principals=frozenset({STOCKHOLM}))
RELEASED = Scope(released_in=frozenset({STOCKHOLM}))


async def found(store: Store, text: str, scope: Scope = WHOLE, limit: int = 100) -> list[str]:
    """The ids found, page by page; the total tells the same."""
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


async def named(
    store: Store,
    name: str,
    introduction: str = "",
    *,
    publish: bool = True,
    principal: str = STOCKHOLM,
) -> Document:
    made = await store.documents.create(
        CASE_TYPE,
        principal=principal,
        owner=Owner(OwnerKind.PRINCIPAL, principal),
        content=content(introduction, name=name, internalName=name),
        derived_from=None,
        act=BY_ANNA,
    )
    head = document_of(made)
    return (
        document_of(await store.documents.publish(head, version=1, expected_version=1, act=BY_ANNA))
        if publish
        else head
    )


# ------------------------------------------------------------------ words

SAME_WORDS = [
    ("mottagning", "mottagningarna"),
    ("MOTTAGNING", "mottagning"),
    ("Återbud", unicodedata.normalize("NFD", "återbud")),
    (unicodedata.normalize("NFD", "Förnya"), "förnya"),
    ("förnya", "för\u00adnya"),
    ("idé", "ide"),
    ("Kliniken", "klinikerna"),
]
OTHER_WORDS = [
    ("hår", "har"),
    ("ål", "al"),
    ("tjanst", "tjänst"),
    ("1177", "11 77"),
    ("bild", "bil"),
]


@pytest.mark.parametrize(("sought", "text"), SAME_WORDS)
async def test_a_word_is_found_in_any_of_its_forms(store: Store, sought: str, text: str) -> None:
    document = await published(store, f"Vi har {text} här.")

    assert await found(store, f"{sought} vi") == [document.id]


@pytest.mark.parametrize(("sought", "text"), OTHER_WORDS)
async def test_another_word_is_not_found(store: Store, sought: str, text: str) -> None:
    await published(store, f"Vi ser {text} här.")

    assert await found(store, f"{sought} vi") == []


async def test_the_last_word_may_be_only_begun_and_no_other(store: Store) -> None:
    document = await published(store, "Hälsodeklaration inför besöket.")

    assert await found(store, "hälsod") == [document.id]
    assert await found(store, "besöket hälsod") == [document.id]
    assert await found(store, "hälsod besöket") == []


async def test_hyphens_part_words(store: Store) -> None:
    document = await published(store, "Av- och omboka i e-tjänsten.")

    assert await found(store, "e-tjänst") == [document.id]
    assert await found(store, "omboka av") == [document.id]


async def test_every_word_must_stand_in_the_document(store: Store) -> None:
    document = await published(store, "Beställ tid.")
    await published(store, "Beställ recept.")

    assert await found(store, "beställ tid") == [document.id]


async def test_texts_that_a_kind_marks_are_found_and_keys_codes_and_enum_values_are_not(
    store: Store,
) -> None:
    whole = content(
        "Ingress",
        questions=[
            {"key": "nyckelord", "label": "Frågetext", "help": "Hjälptext", "kind": "SHORT_TEXT"}
        ],
        links=[{"key": "k", "label": "Länktext", "url": "https://adressen.se/"}],
        standardReplies=[{"key": "k", "label": "Svarsnamn", "text": "Svarstext"}],
        terms=[{"key": "k", "heading": "Rubriken", "text": "Villkorstext"}],
        rationale="Motivet",
    )
    saved = await store.documents.create(
        CASE_TYPE,
        principal=STOCKHOLM,
        owner=Owner(OwnerKind.PRINCIPAL, STOCKHOLM),
        content=whole,
        derived_from=None,
        act=BY_ANNA,
    )

    for word in (
        "ingress",
        "frågetext",
        "hjälptext",
        "länktext",
        "svarsnamn",
        "svarstext",
        "rubriken",
        "villkorstext",
        "motivet",
    ):
        assert await found(store, word) == [document_of(saved).id], word
    for word in ("nyckelord", "adressen", "SHORT_TEXT", "short", "questions"):
        assert await found(store, word) == [], word


HOSTILE = [
    '"',
    "-kallelse",
    "$kallelse",
    ".*",
    "^s",
    "[a-z]",
    "(kallelse",
    "kallelse)",
    "\\",
    "!kallelse",
    "@kallelse",
    "=kallelse",
    "{$ne: 1}",
    "kal.else",
    "kallelse|tid",
]


@pytest.mark.parametrize("text", HOSTILE)
async def test_no_text_acts_as_an_operator_or_pattern(store: Store, text: str) -> None:
    kallelse, _ = await published(store, "kallelse"), await published(store, "tid")
    words = {word.word.folded for word in words_in(text)}

    for scope in (WHOLE, RELEASED):
        if words == {"kallelse"}:
            assert await found(store, text, scope) == [kallelse.id]
        elif words:
            assert await found(store, text, scope) == []
        else:
            assert WordQuery.of(text).words == []


async def test_a_very_long_word_and_very_many_words_are_kept_within_bounds(store: Store) -> None:
    many = " ".join(f"ord{number}" for number in range(MAX_WORDS + 100))
    document = await published(store, "a" * 60_000)
    other = await published(store, many)

    assert await found(store, "a" * 200) == [document.id]
    assert await found(store, f"ord{MAX_WORDS - 100}") == [other.id]
    [row] = await store.database.find("documents", {"_id": other.id})
    assert len(row["tokens"]) <= 4 * MAX_WORDS


# ------------------------------------------------------------------ what is seen, and in which order


async def test_a_draft_is_found_only_where_drafts_are_seen(store: Store) -> None:
    document = await saved_as(store, await published(store, "Gammal"), "Nyskriven")
    unpublished = await created(store, "Nyskriven")

    assert await found(store, "nyskriven") == sorted([document.id, unpublished.id])
    assert await found(store, "gammal") == [document.id]
    assert await found(store, "nyskriven", RELEASED) == []
    assert await found(store, "gammal", RELEASED) == [document.id]


async def test_what_is_put_in_force_takes_the_place_of_what_was(store: Store) -> None:
    document = await saved_as(store, await published(store, "Gammal"), "Nyskriven", publish=True)

    for scope in (WHOLE, RELEASED):
        assert await found(store, "nyskriven", scope) == [document.id]
        assert await found(store, "gammal", scope) == []
    back = await store.documents.publish(document, version=1, expected_version=2, act=BY_ANNA)

    assert await found(store, "gammal", RELEASED) == [document_of(back).id]
    assert await found(store, "nyskriven", RELEASED) == []
    assert await found(store, "nyskriven") == [document.id]


async def test_archived_documents_are_left_out_until_they_are_restored(store: Store) -> None:
    document = await published(store, "Vilande")
    await store.documents.archive(document, expected_version=1, act=BY_ANNA)
    assert await found(store, "vilande") == []

    await store.documents.restore(
        document, version=1, expected_version=1, publish=False, act=BY_ANNA
    )

    assert await found(store, "vilande") == [document.id]


async def test_names_come_first_and_pages_follow_one_order(store: Store) -> None:
    texts_only = [await named(store, f"Ärende {number}", "Ett recept.") for number in range(4)]
    names = [await named(store, f"Recept {number}") for number in range(5)]
    wanted = [
        *sorted(document.id for document in names),
        *sorted(document.id for document in texts_only),
    ]

    for limit in (1, 2, 4, 5, 9, 100):
        assert await found(store, "recept", limit=limit) == wanted


async def test_another_principals_documents_are_not_found(store: Store) -> None:
    await named(store, "Recept", principal=UPPSALA)

    assert await found(store, "recept") == []
    assert await found(store, "recept", Scope(released_central=True)) != []


# ------------------------------------------------------------------ against a plain reading

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


def always(wanted: Content) -> Edit:
    return lambda _: wanted


def read(sought: str, *contents: Content) -> bool:
    """Whether every word stands in one of the contents' texts: stems alike, or the last one the
    beginning of a word.
    """
    words = [
        found.word
        for one in contents
        for text in content_texts(one, CASE_TYPE.fields)
        for found in words_in(text.text)
    ]
    typed = [found.word for found in words_in(sought)]
    wanted = [
        *(word for word in typed[:-1] if word != typed[-1]),
        *typed[-1:],
    ]  # what is typed twice is sought once, as the last
    return all(
        any(
            word.stem == one.stem or (place == len(wanted) and word.folded.startswith(one.folded))
            for word in words
        )
        for place, one in enumerate(wanted, 1)
    )


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    made=st.lists(st.tuples(contents, st.none() | contents, st.booleans()), min_size=1, max_size=6),
    asked=st.lists(
        st.one_of(phrases, phrases.map(lambda text: text[:-1] or text)), min_size=1, max_size=4
    ),
    limit=st.integers(1, 5),
)
async def test_search_finds_what_a_plain_reading_finds(
    store: Store,
    made: Sequence[tuple[Content, Content | None, bool]],
    asked: Sequence[str],
    limit: int,
) -> None:
    await store.database["documents"].delete_many({})
    for first, second, publish in made:
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
                head, edit=always(second), expected_version=1, publish=False, act=BY_ANNA
            )
    documents = [
        await head_of_row(store, row) for row in await store.database.find("documents", {})
    ]

    for text in asked:
        for scope in (WHOLE, RELEASED):
            wanted = set()
            for document in documents:
                released = [document.content_in_force] if document.published else []
                seen = {
                    Visibility.NOTHING: [],
                    Visibility.RELEASED: released,
                    Visibility.ALL: [*released, document.content],
                }[scope.visibility(document)]
                if seen and read(text, *seen):
                    wanted.add(document.id)
            assert set(await found(store, text, scope, limit)) == wanted, text


async def head_of_row(store: Store, row: Row) -> Document:
    return (await store.documents.get_many([row["_id"]]))[row["_id"]]


async def test_common_words_are_found_as_rare_ones_are(store: Store) -> None:
    """Beyond some hundred documents a word is no longer looked up: the documents are read in order."""
    made = await asyncio.gather(
        *(
            named(store, f"Ärende {number}", f"Gemensam text, grupp{number % 7}.")
            for number in range(300)
        )
    )
    await asyncio.gather(
        *(
            named(store, f"Ärende {number}", "Gemensam text.", principal=UPPSALA)
            for number in range(20)
        )
    )
    group = sorted(document.id for number, document in enumerate(made) if number % 7 == 3)

    assert await found(store, "gemensam") == sorted(document.id for document in made)
    assert await found(store, "gemensam", limit=7) == sorted(document.id for document in made)
    assert await found(store, "gemensam grupp3") == group
    assert await found(store, "grupp3 gem", limit=10) == group
    assert await found(store, "ärende", limit=50) == sorted(document.id for document in made)


# ------------------------------------------------------------------ documents from before


async def test_documents_from_before_there_was_a_search_are_found_after_a_start(
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
    kept = {row["_id"]: row for row in await store.database.find("documents", {})}
    await store.database["documents"].update_many({}, {"$unset": {"tokens": ""}})
    assert await found(store, "gammal") == []

    # An act that moves no content leaves them as they are, to be filled in.
    await store.documents.deactivate(old, expected_version=2, act=BY_ANNA)
    done = await asyncio.gather(store.search.fill_in(), store.search.fill_in())

    assert sum(done) == 2
    assert await store.search.fill_in() == 0
    assert {row["_id"]: row["tokens"] for row in await store.database.find("documents", {})} == {
        key: row["tokens"] for key, row in kept.items()
    }
    assert await found(store, "gammal", Scope(principals=frozenset({STOCKHOLM}))) == sorted(
        [old.id, document_of(template).id]
    )


async def test_a_save_gives_an_old_document_its_words(store: Store) -> None:
    document = await published(store, "Gammal")
    await store.database["documents"].update_many({}, {"$unset": {"tokens": ""}})

    await saved_as(store, await head_of(store, document), "Nyskriven")

    assert await found(store, "nyskriven") == [document.id]
    assert await found(store, "gammal") == [document.id]


async def test_reading_heads_does_not_read_their_words(store: Store) -> None:
    document = await published(store, "Gammal")

    assert (await head_of(store, document)).tokens is None
    assert KINDS["CASE_TYPE"] is CASE_TYPE
