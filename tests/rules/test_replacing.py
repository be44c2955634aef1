"""Finding and replacing in a text.

Every character is literal, accents stay with their letters, and addresses and placeholders do not
change.
"""

import re
import unicodedata

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from resolvers.documents.find_and_replace import Replacement, moves_links
from resolvers.pages.placeholders import known_placeholders
from store.kinds.kinds import Field

PLAIN, RICH = Field(title="Text", text=True), Field(title="Text", text=True, rich=True)
METACHARACTERS = r".^$*+?{}[]\|()-#&~ "
texts = st.text(
    st.sampled_from(f"ab1å_Å é{METACHARACTERS}")
    | st.characters(exclude_categories=["Cs", "Cc", "Mn", "Me", "Mc"]),
    max_size=30,
)


def replaced(
    text: str,
    find: str,
    replace: str,
    field: Field = PLAIN,
    *,
    whole: bool = False,
    case: bool = True,
) -> tuple[str, int]:
    return Replacement(find, replace, whole_words=whole, case_sensitive=case).apply(text, field)


@given(text=texts, find=texts, replace=texts)
def test_plain_text_is_replaced_literally(text: str, find: str, replace: str) -> None:
    text, find = unicodedata.normalize("NFC", text), unicodedata.normalize("NFC", find)
    assume(
        find and "://" not in text and ":" not in text and "www" not in text and "{{" not in text
    )

    assert replaced(text, find, replace) == (text.replace(find, replace), text.count(find))


@given(text=texts, find=texts, replace=texts)
def test_a_text_without_a_match_is_unchanged(text: str, find: str, replace: str) -> None:
    assume(find)
    after, count = replaced(text, find, replace)

    assert count or after is text
    if unicodedata.normalize("NFC", find) not in unicodedata.normalize("NFC", text):
        assert (after, count) == (text, 0)


@given(text=texts, word=st.text("ab1å_", min_size=1, max_size=3))
def test_whole_words_have_no_letter_digit_or_underscore_beside_them(text: str, word: str) -> None:
    text = unicodedata.normalize("NFC", f"{text}{word} {text}")
    assume(":" not in text and "www" not in text and "{{" not in text)
    marker = "\ue000"  # a private-use character: not in any text, not a letter
    assume(marker not in text)

    after, count = replaced(text, word, marker, whole=True)

    assert after.replace(marker, word) == text
    for match in re.finditer(marker, after):
        neighbours = (
            after[max(match.start() - 1, 0) : match.start()] + after[match.end() : match.end() + 1]
        )
        assert not re.search(r"\w", neighbours)
    assert count == len([part for part in re.findall(r"\w+", text) if part == word])


@given(text=texts, find=texts, replace=texts)
def test_composed_and_decomposed_texts_have_equal_results(
    text: str, find: str, replace: str
) -> None:
    assume(find and ":" not in text and "www" not in text)
    outcomes = {
        (unicodedata.normalize("NFC", after), count)
        for form in ("NFC", "NFD")
        for other in ("NFC", "NFD")
        for after, count in [
            replaced(unicodedata.normalize(form, text), unicodedata.normalize(other, find), replace)
        ]
    }

    assert len(outcomes) == 1


def test_a_letter_is_never_separated_from_its_accent() -> None:
    assert replaced(unicodedata.normalize("NFD", "å a"), "a", "b") == (
        unicodedata.normalize("NFD", "å b"),
        1,
    )


@pytest.mark.parametrize("find", ["1177 Vårdguiden", "1177 vårdguiden", "1177 VÅRDGUIDEN"])
def test_case_is_ignored_unless_the_request_is_case_sensitive(find: str) -> None:
    assert replaced("På 1177 Vårdguiden.", find, "1177", case=False) == ("På 1177.", 1)
    assert replaced("På 1177 Vårdguiden.", find, "1177")[1] == (find == "1177 Vårdguiden")


@pytest.mark.parametrize("replace", [r"\1", r"\g<0>", "$1", "$&", "\\", "{0}", "%s"])
def test_a_replacement_is_literal_text(replace: str) -> None:
    assert replaced("ett ord", "ord", replace) == (f"ett {replace}", 1)


ADDRESSES = [
    ("[1177](https://www.1177.se/1177)", RICH, "[1178](https://www.1177.se/1177)", 1),
    ("[1177](<https://www.1177.se/a b>)", RICH, "[1178](<https://www.1177.se/a b>)", 1),
    (
        "![1177](https://www.1177.se/a_(1177).png)",
        RICH,
        "![1178](https://www.1177.se/a_(1177).png)",
        1,
    ),
    (
        "1177 [så][1177]\n\n[1177]: https://www.1177.se",
        RICH,
        "1178 [så][1177]\n\n[1177]: https://www.1177.se",
        1,
    ),
    ("<https://1177.se>, 1177", RICH, "<https://1177.se>, 1178", 1),
    ("Se https://www.1177.se och 1177.", PLAIN, "Se https://www.1177.se och 1178.", 1),
    ("www.1177.se", PLAIN, "www.1177.se", 0),
    ("mailto:1177@1177.se 1177", PLAIN, "mailto:1177@1177.se 1178", 1),
    ("tel:1177", PLAIN, "tel:1177", 0),
]


@pytest.mark.parametrize(("text", "field", "expected", "count"), ADDRESSES)
def test_addresses_are_not_changed(text: str, field: Field, expected: str, count: int) -> None:
    after, replaced_count = replaced(text, "1177", "1178", field)

    assert (after, replaced_count) == (expected, count)
    assert not moves_links(text, after)


def test_adding_or_removing_a_link_is_detected() -> None:
    assert moves_links("Se [här](https://a.se)", "Se här")
    assert moves_links("Se (https://a.se)", "Se [x](https://a.se)")
    assert not moves_links("Se [här](https://a.se)", "Se [där](https://a.se)")


@pytest.mark.parametrize(
    ("find", "expected"),
    [
        ("clinic", "{{clinic.name}} X"),
        ("name}}", "{{clinic.name}} clinic"),
        ("{{clinic.name}}", "X clinic"),
    ],
)
def test_a_placeholder_is_replaced_as_a_whole_or_not_at_all(find: str, expected: str) -> None:
    assert replaced("{{clinic.name}} clinic", find, "X")[0] == expected


@pytest.mark.parametrize(
    "text",
    [
        "{{" + " " * 90_000 + "x",
        "[1177](a://x) " * 7_000,
        "a" * 100_000,
        "](" * 50_000,
        "[a]:" * 25_000,
        "][" * 50_000,
    ],
)
def test_hostile_texts_are_replaced_in_a_short_time(text: str) -> None:
    """Patterns that backtrack took minutes for each of these texts."""
    assert replaced(text, "1177", "1178", RICH, whole=True, case=False) == (
        text.replace("[1177]", "[1178]"),
        text.count("[1177]"),
    )
    assert list(known_placeholders(text)) == []
