"""Search by words: their forms, text fields, hostile texts and bounds."""

import unicodedata

import pytest

from resolvers.kinds.case_types import CASE_TYPE
from store.content.search_tokens import MAX_WORDS, WordQuery, words_in
from store.records import Owner, OwnerKind
from store.registry import Store
from tests.storage.building import (
    BY_ANNA,
    STOCKHOLM,
    content,
    document_of,
    published,
)
from tests.storage.searching import RELEASED, WHOLE, search

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


@pytest.mark.parametrize(("query", "text"), SAME_WORDS)
async def test_a_word_is_found_in_any_of_its_forms(store: Store, query: str, text: str) -> None:
    document = await published(store, f"Vi har {text} här.")

    assert await search(store, f"{query} vi") == [document.id]


@pytest.mark.parametrize(("query", "text"), OTHER_WORDS)
async def test_another_word_is_not_found(store: Store, query: str, text: str) -> None:
    await published(store, f"Vi ser {text} här.")

    assert await search(store, f"{query} vi") == []


async def test_only_the_last_word_may_be_incomplete(store: Store) -> None:
    document = await published(store, "Hälsodeklaration inför besöket.")

    assert await search(store, "hälsod") == [document.id]
    assert await search(store, "besöket hälsod") == [document.id]
    assert await search(store, "hälsod besöket") == []


async def test_hyphens_separate_words(store: Store) -> None:
    document = await published(store, "Av- och omboka i e-tjänsten.")

    assert await search(store, "e-tjänst") == [document.id]
    assert await search(store, "omboka av") == [document.id]


async def test_every_word_must_occur_in_the_document(store: Store) -> None:
    document = await published(store, "Beställ tid.")
    await published(store, "Beställ recept.")

    assert await search(store, "beställ tid") == [document.id]


async def test_text_fields_are_searched_and_keys_codes_and_enum_values_are_not(
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
        assert await search(store, word) == [document_of(saved).id], word
    for word in ("nyckelord", "adressen", "SHORT_TEXT", "short", "questions"):
        assert await search(store, word) == [], word


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
            assert await search(store, text, scope) == [kallelse.id]
        elif words:
            assert await search(store, text, scope) == []
        else:
            assert WordQuery.of(text).words == []


async def test_stored_words_are_bounded_in_length_and_number(store: Store) -> None:
    many = " ".join(f"ord{number}" for number in range(MAX_WORDS + 100))
    document = await published(store, "a" * 60_000)
    other = await published(store, many)

    assert await search(store, "a" * 200) == [document.id]
    assert await search(store, f"ord{MAX_WORDS - 100}") == [other.id]
    [row] = await store.database.find("documents", {"_id": other.id})
    assert len(row["tokens"]) <= 4 * MAX_WORDS
