"""The checks that all kinds share: personal identity numbers, addresses, rich text, blank texts."""

import string
import time
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum import luhn

from resolvers.kinds.checks import is_blank
from resolvers.kinds.personal_numbers import has_personal_number
from resolvers.kinds.rich_text import check_rich_text
from resolvers.kinds.urls import IMAGE_SCHEMES, check_url

# ------------------------------------------------------------------ personal identity numbers


@pytest.mark.parametrize(
    "text",
    [
        "8803200016",
        "880320-0016",
        "880320+0016",
        "880320 0016",
        "880320 - 0016",
        "880320\u00a00016",
        "880320\u20130016",
        "880320\u20110016",
        "880320\u22120016",
        "880320\u200b-0016",
        "\u200b8803\u00ad200016",
        "198803200016",
        "19880320-0016",
        "19880320 0016",
        "20000229-0005",
        "000229-0005",  # 29 February exists in 2000, not in 1900
        "121212-1212",
        "890102-3286",
        "701063-2391",  # samordningsnummer: day 3 plus 60
        "19701063-2391",
        "7010632391",
        "Patienten 880320-0016, som ringde",
        "a880320-0016b",
        "(880320-0016)",
        "1234 880320-0016",
        "SE880320-0016",
        "https://example.se/?id=8803200016",
        "\uff18\uff18\uff10\uff13\uff12\uff10-\uff10\uff10\uff11\uff16",
        "Tel: 0001010008",
    ],
)
def test_a_personal_number_is_found(text: str) -> None:
    assert has_personal_number(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "SE2321000016-1A2B",
        "SE162321000016-1A2B",
        "232100-0016",
        "2321000016",
        "162321000016",
        "556036-0793",
        "08-123 456 78",
        "0771-11 77 00",
        "010-103 10 08",
        "+46 10 103 10 08",
        "tel:0001010008",
        "880320-0018",  # wrong check digit
        "881320-0015",  # month 13
        "880230-0013",  # 30 February
        "19000229-0005",  # 1900 was no leap year
        "880300-0010",  # day 0
        "17880320-0016",  # 1788
        "18803200016",  # eleven digits
        "88032000161",
        "8803200016123",
        "1880320-0016",
        "880320-00161",
        "880320--0016",
        "880320\n0016",
        "1988-03-20",
        "ÅÅÅÅMMDD-NNNN",
        "123 45 67 890",
    ],
)
def test_other_numbers_are_not_personal_numbers(text: str) -> None:
    assert not has_personal_number(text)


@st.composite
def personal_numbers(draw: st.DrawFn) -> str:
    birth_date = draw(st.dates(date(1800, 1, 1), date(2099, 12, 31)))
    day = birth_date.day + draw(st.sampled_from([0, 60]))
    digits = f"{birth_date.year:04}{birth_date.month:02}{day:02}{draw(st.integers(0, 999)):03}"
    return digits + luhn.calc_check_digit(digits[2:])


@st.composite
def written_numbers(draw: st.DrawFn) -> tuple[str, str]:
    """A number in a common notation, and the number with another check digit."""
    number = draw(personal_numbers())[draw(st.sampled_from([0, 2])) :]
    separator = draw(st.sampled_from(["", "-", "+", " ", "\u2013"]))
    other = (int(number[-1]) + draw(st.integers(1, 9))) % 10
    head = f"{number[:-4]}{separator}{number[-4:-1]}"
    return head + number[-1], f"{head}{other}"


# No digits next to the number, no tel: before it, and no invisible character that hides them.
surroundings = st.text(
    st.characters(exclude_categories=["Nd", "Cs", "Cf"], exclude_characters="+-:" + "\u2013"),
    max_size=40,
)


@given(surroundings, written_numbers(), surroundings)
def test_a_personal_number_in_any_text_is_found(
    before: str, number: tuple[str, str], after: str
) -> None:
    right, wrong = number

    assert has_personal_number(before + right + after)
    assert not has_personal_number(before + wrong + after)


@given(personal_numbers(), st.text(string.digits, min_size=1, max_size=20))
def test_a_personal_number_in_a_longer_run_of_digits_is_not_one(number: str, more: str) -> None:
    assert not has_personal_number(number + more)
    assert not has_personal_number("9" * 3 + number)


# ------------------------------------------------------------------ addresses


@pytest.mark.parametrize(
    "url",
    [
        "https://www.1177.se",
        "https://www.1177.se/sok/?q=a&b=c#d",
        "HTTPS://www.1177.se:8443/",
        "http://intranät.region.se/sida_1/%C3%A5",
        "https://[2001:db8::1]/",
        "https://e-tjanster.1177.se./mvk/",
        "mailto:mottagningen@region.se?subject=Fr%C3%A5ga",
        "tel:+46771117700",
        "tel:0101031008",
    ],
)
def test_an_address_is_accepted(url: str) -> None:
    assert list(check_url(url)) == []


BAD_URLS = [
    ("", ["URL_SCHEME"]),
    ("www.1177.se", ["URL_SCHEME"]),
    ("/sida", ["URL_SCHEME"]),
    ("//www.1177.se", ["URL_SCHEME"]),
    ("#del", ["URL_SCHEME"]),
    ("javascript:alert(1)", ["URL_SCHEME"]),
    ("JavaScript:alert(1)", ["URL_SCHEME"]),
    ("data:text/html,x", ["URL_SCHEME"]),
    ("vbscript:x", ["URL_SCHEME"]),
    ("ftp://example.se/", ["URL_SCHEME"]),
    ("java\tscript:alert(1)", ["URL_INVALID"]),
    (" https://www.1177.se", ["URL_INVALID"]),
    ("https://www.1177.se/a b", ["URL_INVALID"]),
    ("https://www.1177.se/\n", ["URL_INVALID"]),
    ("https://www.1177.se/\x00", ["URL_INVALID"]),
    ("https://www.1177.se/\u202egpj", ["URL_INVALID"]),
    ("https:\\\\www.1177.se", ["URL_INVALID"]),
    ("https://www.1177.se/<script>", ["URL_INVALID"]),
    ("https://www.1177.se/{{clinic.name}}", ["URL_INVALID"]),  # addresses have no placeholders
    ("https://{{clinic.host}}/", ["URL_INVALID"]),
    ("https://www.1177.se:port/", ["URL_INVALID"]),
    ("https://www.1177.se:99999/", ["URL_INVALID"]),
    ("https://[2001:db8::1/", ["URL_INVALID"]),
    ("mailto:", ["URL_INVALID"]),
    ("tel:?x", ["URL_INVALID"]),
    ("https://", ["URL_HOST"]),
    ("https:///sida", ["URL_HOST"]),
    ("https:www.1177.se", ["URL_HOST"]),
    ("https://:443/", ["URL_HOST"]),
    ("https://a..se/", ["URL_HOST"]),
    ("https://1177.se@example.se/", ["URL_USERINFO"]),
    ("https://a:b@example.se/", ["URL_USERINFO"]),
    ("https://a@/", ["URL_USERINFO", "URL_HOST"]),
    ("https://www.1177.se/?id=880320%2D0016", ["PERSONAL_NUMBER"]),
]


@pytest.mark.parametrize(("url", "codes"), BAD_URLS)
def test_an_address_is_refused(url: str, codes: list[str]) -> None:
    assert [fault.code for fault in check_url(url)] == codes


def test_an_image_must_have_a_web_address() -> None:
    assert list(check_url("https://www.1177.se/bild.png", IMAGE_SCHEMES)) == []
    assert [fault.code for fault in check_url("mailto:a@b.se", IMAGE_SCHEMES)] == ["URL_SCHEME"]


# ------------------------------------------------------------------ rich text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Hej.\n\nHär **kan** du *beställa* tid.  \nNy rad.\\\nNy rad.",
        "# Rubrik\n\nText\n\nRubrik\n---\n",
        "- ett\n- två\n  1. tre\n  2. fyra\n",
        "- 1\n  - 2\n    - 3\n      - 4\n        - 5\n",
        (
            "[1177](https://www.1177.se) eller [ring](tel:0771117700) eller <mejla@region.se> eller"
            " <https://www.1177.se>"
        ),
        "[1177][ref]\n\n[ref]: https://www.1177.se 'Titel'",
        "![En karta](https://www.1177.se/karta.png)",
        "[![En karta](https://www.1177.se/karta.png)](https://www.1177.se)",
        "a < b och 5 > 3, a<b, <3, 1 <2> 3",
        "\\<b> &lt;script&gt; \\`x\\`",
        "Pris: 100 * 2 * 3, snake_case_namn, a | b",
        "~~inte struket~~",
        "Välkommen till {{clinic.name}}",
        "1177. Ring oss",
    ],
)
def test_rich_text_in_the_subset_is_accepted(text: str) -> None:
    assert list(check_rich_text(text)) == []


BAD_RICH_TEXTS = [
    ("Hej <b>du</b>", ["RAW_HTML"]),
    ("<script>alert(1)</script>", ["RAW_HTML"]),
    ("text <!-- kommentar -->", ["RAW_HTML"]),
    ("<XX-kliniken>", ["RAW_HTML"]),
    ("- - <div>", ["RAW_HTML"]),
    ("![<b>karta](https://www.1177.se/k.png)", ["RAW_HTML"]),
    ("`kod`", ["MARKDOWN_NOT_ALLOWED"]),
    ("```\nkod\n```", ["MARKDOWN_NOT_ALLOWED"]),
    ("    kod", ["MARKDOWN_NOT_ALLOWED"]),
    ("> citat", ["MARKDOWN_NOT_ALLOWED"]),
    ("a\n\n***\n\nb", ["MARKDOWN_NOT_ALLOWED"]),
    ("| a | b |\n|---|---|\n| 1 | 2 |", ["MARKDOWN_NOT_ALLOWED"]),
    ("- 1\n  - 2\n    - 3\n      - 4\n        - 5\n          - 6\n", ["MARKDOWN_NOT_ALLOWED"]),
    (
        "\n".join("  " * depth + "- a" for depth in range(200)) + "\n\n" + " " * 400 + "<b>",
        ["MARKDOWN_NOT_ALLOWED"],
    ),
    ("[x](javascript:alert(1))", ["URL_SCHEME"]),
    ("[x](JAVASCRIPT&colon;alert(1))", ["URL_SCHEME"]),
    ("<javascript:alert(1)>", ["URL_SCHEME"]),
    ("[x](/sida)", ["URL_SCHEME"]),
    ("[x]()", ["URL_SCHEME"]),
    ("[x](<https://a b>)", ["URL_INVALID"]),
    ("[x](https://a@b.se)", ["URL_USERINFO"]),
    ("[x][r]\n\n[r]: data:text/html,x", ["URL_SCHEME"]),
    ("Oanvänd\n\n[r]: javascript:alert(1)", ["URL_SCHEME"]),
    ("![karta](data:image/png;base64,AA)", ["URL_SCHEME"]),
    ("![karta](mailto:a@b.se)", ["URL_SCHEME"]),
    ("![](https://www.1177.se/k.png)", ["IMAGE_ALT_MISSING"]),
    ("![&nbsp;](https://www.1177.se/k.png)", ["IMAGE_ALT_MISSING"]),
    ("[](https://www.1177.se)", ["LINK_TEXT_MISSING"]),
    ("[&#8203;](https://www.1177.se)", ["LINK_TEXT_MISSING"]),
    ("880320\\-0016", ["PERSONAL_NUMBER"]),
    ("8803**20**&#45;0016", ["PERSONAL_NUMBER"]),
]


@pytest.mark.parametrize(("text", "codes"), BAD_RICH_TEXTS)
def test_rich_text_outside_the_subset_is_refused(text: str, codes: list[str]) -> None:
    assert list(dict.fromkeys(fault.code for fault in check_rich_text(text))) == codes


@given(st.text(alphabet="[]()!<>`*_#-+|:\\&; \n\tab1/", max_size=200))
def test_any_rich_text_gets_a_result(text: str) -> None:
    assert all(fault.code and fault.message for fault in check_rich_text(text))


@pytest.mark.parametrize(
    "text",
    [
        "![" * 2000 + "a" + "](x)" * 2000,
        "[" * 10000,
        "> " * 10000,
        "<" * 10000,
        "*a" * 5000,
        "`" * 10000,
    ],
)
def test_hostile_rich_text_gets_a_result_within_seconds(text: str) -> None:
    started_at = time.process_time()

    list(check_rich_text(text))

    assert time.process_time() - started_at < 5


# ------------------------------------------------------------------ blank texts


@pytest.mark.parametrize(
    "text",
    ["", " ", "\t\n", "\u00a0\u2003", "\u200b\u200d\ufeff", "\u2028", "\u3164", "\u2800", "\u0301"],
)
def test_a_blank_text_is_recognised(text: str) -> None:
    assert is_blank(text)


@pytest.mark.parametrize("text", ["a", ".", "\u200ba", "0", "å", "a\u030a"])
def test_a_text_that_is_not_blank_is_recognised(text: str) -> None:
    assert not is_blank(text)
