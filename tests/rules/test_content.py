"""The content of case types and their templates: what is kept, and each rule's code and place."""

import copy
import json
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Annotated, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field

from resolvers.kinds.case_types import CASE_TYPE, CASE_TYPE_TEMPLATE, CaseTypeContent
from resolvers.kinds.content_model import ContentModel
from resolvers.kinds.registrations import KINDS
from resolvers.kinds.texts import Key
from resolvers.kinds.validation import CODES, MAX_PROBLEMS, validate
from store.errors import InvalidInput, Problem
from store.kinds.kinds import Kind
from tests.kinds import SAMPLES

NUMBER = "880320-0016"

FULL: Mapping[str, Any] = MappingProxyType(
    {
        "name": "Förnya recept",
        "internalName": "Förnya recept 2026",
        "rationale": "Beslut i forum <2022>.\nSe protokollet.",
        "introduction": "Här kan du **förnya** [recept](https://www.1177.se).\n\n- Ett\n- Två",
        "questions": [
            {
                "key": "typ",
                "label": "Vilket slag?",
                "help": None,
                "kind": "SINGLE_CHOICE",
                "required": True,
            }
            | {
                "options": [{"key": "a", "label": "Tablett"}, {"key": "b", "label": "Annat"}],
                "shownIf": None,
            },
            {
                "key": "vad",
                "label": "Vad?",
                "help": "Skriv < 3 rader",
                "kind": "LONG_TEXT",
                "required": False,
            }
            | {"options": [], "shownIf": {"question": "typ", "equals": "b"}},
        ],
        "links": [
            {"key": "1177", "label": "1177", "url": "https://www.1177.se/", "openPage": True}
        ],
        "submittable": True,
        "standardReplies": [{"key": "ok", "label": "Klart", "text": "Hej!\nReceptet är förnyat."}],
        "terms": [
            {"key": "villkor", "heading": "Villkor", "text": "*Läs* detta.", "mustAccept": True}
        ],
        "restrictions": {
            "countyCodes": ["01", "03"],
            "municipalityCodes": ["0180"],
            "gender": "WOMAN",
            "ageFrom": 18,
            "ageTo": 150,
        }
        | {"listedOnly": True, "referralRequired": True, "proxyAllowed": False},
        "responseTime": {"amount": 2, "unit": "WORKING_DAYS"},
        "onContactCard": True,
        "language": "sv-SE",
    }
)

DEFAULTS: Mapping[str, Any] = MappingProxyType(
    {
        "name": "A",
        "internalName": "B",
        "rationale": None,
        "introduction": "",
        "questions": [],
        "links": [],
        "submittable": True,
        "standardReplies": [],
        "terms": [],
        "restrictions": {
            "countyCodes": [],
            "municipalityCodes": [],
            "gender": None,
            "ageFrom": None,
            "ageTo": None,
        }
        | {"listedOnly": False, "referralRequired": False, "proxyAllowed": True},
        "responseTime": None,
        "onContactCard": False,
        "language": "sv",
    }
)


def question(key: str = "q", kind: str = "SHORT_TEXT", **more: Any) -> dict[str, Any]:
    return {"key": key, "label": "Fråga", "kind": kind, **more}


def options(*keys: str) -> list[dict[str, Any]]:
    return [{"key": key, "label": "Svar"} for key in keys]


def shown_if(name: str, equals: str) -> dict[str, Any]:
    return {"question": name, "equals": equals}


def link(**more: Any) -> dict[str, Any]:
    return {"key": "l", "label": "Länk", "url": "https://www.1177.se", **more}


def reply(**more: Any) -> dict[str, Any]:
    return {"key": "r", "label": "Svar", "text": "Hej", **more}


def section(**more: Any) -> dict[str, Any]:
    return {"key": "t", "heading": "Villkor", "text": "Läs", **more}


def outcome(
    content: Any, kind: Kind = CASE_TYPE
) -> tuple[dict[str, Any] | None, Sequence[Problem]]:
    """What was kept, or the problems. Any other exception comes through."""
    try:
        return validate(kind, content), ()
    except InvalidInput as error:
        return None, error.problems


def found(content: Any, kind: Kind = CASE_TYPE) -> list[tuple[str, str]]:
    """Codes with dotted paths, sorted; none for content that is accepted."""
    _, problems = outcome(content, kind)
    assert all(problem.path[0] == "content" and problem.message for problem in problems)
    return sorted((problem.code, ".".join(problem.path[1:])) for problem in problems)


# ------------------------------------------------------------------ what is kept


@pytest.mark.parametrize("kind", [CASE_TYPE, CASE_TYPE_TEMPLATE])
def test_full_content_is_kept_as_given(kind: Kind) -> None:
    kept = validate(kind, FULL)

    assert json.dumps(kept) == json.dumps(dict(FULL))
    assert validate(kind, kept) == kept


def test_what_is_left_out_or_null_gets_its_default() -> None:
    bare = {"name": "A", "internalName": "B"}
    nulls = {name: bare.get(name) for name in DEFAULTS}

    assert json.dumps(validate(CASE_TYPE, bare)) == json.dumps(dict(DEFAULTS))
    assert validate(CASE_TYPE, nulls) == DEFAULTS
    assert validate(
        CASE_TYPE, bare | {"questions": [question(), question("p", required=None, options=None)]}
    )["questions"][1] == {
        "key": "p",
        "label": "Fråga",
        "help": None,
        "kind": "SHORT_TEXT",
        "required": False,
        "options": [],
        "shownIf": None,
    }


def test_texts_are_not_trimmed_or_normalised() -> None:
    texts = {
        "name": " A ",
        "internalName": "a\u030a",
        "rationale": "a\r\n\tb ",
        "introduction": "\n\nHej \n",
    }

    assert {name: validate(CASE_TYPE, texts)[name] for name in texts} == texts


def test_the_input_is_not_changed() -> None:
    content = copy.deepcopy(dict(FULL))

    validate(CASE_TYPE, content)

    assert content == FULL


def test_problems_stand_under_the_given_path() -> None:
    with pytest.raises(InvalidInput) as caught:
        validate(
            CASE_TYPE,
            {"name": "A", "internalName": "B", "links": [link(url="x")]},
            ("input", "content"),
        )

    assert [problem.path for problem in caught.value.problems] == [
        ("input", "content", "links", "0", "url")
    ]


# ------------------------------------------------------------------ every rule

PROBLEMS: list[tuple[dict[str, Any], list[tuple[str, str]]]] = [
    # mandatory, and of the right type
    ({"name": None}, [("MISSING", "name")]),
    ({"internalName": None}, [("MISSING", "internalName")]),
    ({"links": [{"key": "l"}]}, [("MISSING", "links.0.label"), ("MISSING", "links.0.url")]),
    ({"responseTime": {"amount": 1}}, [("MISSING", "responseTime.unit")]),
    ({"standardReplies": [reply(text=None)]}, [("MISSING", "standardReplies.0.text")]),
    ({"name": "Hos {{clinic.mayor}}"}, [("UNKNOWN_PLACEHOLDER", "name")]),
    ({"internal_name": "B"}, [("UNKNOWN_FIELD", "internal_name")]),
    ({"standardReplies": [reply(local=True)]}, [("UNKNOWN_FIELD", "standardReplies.0.local")]),
    ({"terms": [section(local=None)]}, [("UNKNOWN_FIELD", "terms.0.local")]),
    ({"name": 1}, [("WRONG_TYPE", "name")]),
    ({"submittable": "true"}, [("WRONG_TYPE", "submittable")]),
    ({"submittable": 1}, [("WRONG_TYPE", "submittable")]),
    ({"questions": {}}, [("WRONG_TYPE", "questions")]),
    ({"questions": [None]}, [("WRONG_TYPE", "questions.0")]),
    ({"restrictions": []}, [("WRONG_TYPE", "restrictions")]),
    ({"restrictions": {"ageFrom": True}}, [("WRONG_TYPE", "restrictions.ageFrom")]),
    ({"restrictions": {"ageFrom": "18"}}, [("WRONG_TYPE", "restrictions.ageFrom")]),
    ({"responseTime": {"amount": 1.5, "unit": "HOURS"}}, [("WRONG_TYPE", "responseTime.amount")]),
    ({"questions": [question(kind="TEXT")]}, [("UNKNOWN_VALUE", "questions.0.kind")]),
    ({"questions": [question(kind="yes_no")]}, [("UNKNOWN_VALUE", "questions.0.kind")]),
    ({"restrictions": {"gender": "1"}}, [("UNKNOWN_VALUE", "restrictions.gender")]),
    ({"responseTime": {"amount": 1, "unit": "DAYS"}}, [("UNKNOWN_VALUE", "responseTime.unit")]),
    # blank
    ({"name": ""}, [("BLANK", "name")]),
    ({"name": " \u00a0"}, [("BLANK", "name")]),
    ({"internalName": "\u200b"}, [("BLANK", "internalName")]),
    ({"questions": [question(label=" ")]}, [("BLANK", "questions.0.label")]),
    (
        {"questions": [question(kind="SINGLE_CHOICE", options=[{"key": "a", "label": ""}])]},
        [("BLANK", "questions.0.options.0.label")],
    ),
    ({"links": [link(label="")]}, [("BLANK", "links.0.label")]),
    (
        {"standardReplies": [reply(label="", text=" ")]},
        [("BLANK", "standardReplies.0.label"), ("BLANK", "standardReplies.0.text")],
    ),
    (
        {"terms": [section(heading="", text="\n")]},
        [("BLANK", "terms.0.heading"), ("BLANK", "terms.0.text")],
    ),
    # one line
    ({"name": "A\nB"}, [("LINE_BREAK", "name")]),
    ({"internalName": "A\tB"}, [("LINE_BREAK", "internalName")]),
    ({"questions": [question(label="A\r\nB")]}, [("LINE_BREAK", "questions.0.label")]),
    ({"terms": [section(heading="A\u2028B")]}, [("LINE_BREAK", "terms.0.heading")]),
    # too much
    ({"name": "a" * 201}, [("TOO_LONG", "name")]),
    ({"internalName": "a" * 201}, [("TOO_LONG", "internalName")]),
    ({"rationale": "a" * 10_001}, [("TOO_LONG", "rationale")]),
    ({"introduction": "a" * 100_001}, [("TOO_LONG", "introduction")]),
    ({"language": "sv" + "-aaaaaaaa" * 4}, [("TOO_LONG", "language")]),
    (
        {"questions": [question(label="a" * 501, help="a" * 2001)]},
        [("TOO_LONG", "questions.0.help"), ("TOO_LONG", "questions.0.label")],
    ),
    ({"links": [link(url="https://www.1177.se/" + "a" * 1981)]}, [("TOO_LONG", "links.0.url")]),
    ({"standardReplies": [reply(text="a" * 10_001)]}, [("TOO_LONG", "standardReplies.0.text")]),
    ({"terms": [section(text="a" * 100_001)]}, [("TOO_LONG", "terms.0.text")]),
    ({"questions": [question(f"q{n}") for n in range(201)]}, [("TOO_MANY", "questions")]),
    (
        {"questions": [question(kind="SINGLE_CHOICE", options=options(*map(str, range(101))))]},
        [("TOO_MANY", "questions.0.options")],
    ),
    ({"links": [link(key=f"l{n}") for n in range(101)]}, [("TOO_MANY", "links")]),
    (
        {"standardReplies": [reply(key=f"r{n}") for n in range(201)]},
        [("TOO_MANY", "standardReplies")],
    ),
    ({"terms": [section(key=f"t{n}") for n in range(101)]}, [("TOO_MANY", "terms")]),
    (
        {"restrictions": {"countyCodes": [f"{n % 100:02}" for n in range(101)]}},
        [("TOO_MANY", "restrictions.countyCodes")],
    ),
    (
        {"restrictions": {"municipalityCodes": [f"{n:04}" for n in range(501)]}},
        [("TOO_MANY", "restrictions.municipalityCodes")],
    ),
    # keys
    ({"questions": [question("")]}, [("INVALID_KEY", "questions.0.key")]),
    ({"questions": [question("a b")]}, [("INVALID_KEY", "questions.0.key")]),
    ({"questions": [question("a\n")]}, [("INVALID_KEY", "questions.0.key")]),
    ({"questions": [question("a.b")]}, [("INVALID_KEY", "questions.0.key")]),
    ({"links": [link(key="$" * 3)]}, [("INVALID_KEY", "links.0.key")]),
    ({"standardReplies": [reply(key="a" * 65)]}, [("INVALID_KEY", "standardReplies.0.key")]),
    (
        {"questions": [question("a"), question("b"), question("a")]},
        [("DUPLICATE_KEY", "questions.2.key")],
    ),
    (
        {"questions": [question("p"), question(kind="MULTIPLE_CHOICE", options=options("a", "a"))]},
        [("DUPLICATE_KEY", "questions.1.options.1.key")],
    ),
    ({"links": [link(), link()]}, [("DUPLICATE_KEY", "links.1.key")]),
    (
        {"standardReplies": [reply(), reply(), reply()]},
        [("DUPLICATE_KEY", "standardReplies.1.key"), ("DUPLICATE_KEY", "standardReplies.2.key")],
    ),
    ({"terms": [section(), section()]}, [("DUPLICATE_KEY", "terms.1.key")]),
    # options
    ({"questions": [question(kind="SINGLE_CHOICE")]}, [("OPTIONS_MISSING", "questions.0.options")]),
    (
        {"questions": [question(kind="MULTIPLE_CHOICE", options=[])]},
        [("OPTIONS_MISSING", "questions.0.options")],
    ),
    *[
        (
            {"questions": [question(kind=kind, options=options("a"))]},
            [("OPTIONS_NOT_ALLOWED", "questions.0.options")],
        )
        for kind in ("SHORT_TEXT", "LONG_TEXT", "DATE", "NUMBER", "YES_NO", "ATTACHMENT")
    ],
    # conditions
    (
        {"questions": [question(shownIf=shown_if("x", "a"))]},
        [("CONDITION_UNKNOWN_QUESTION", "questions.0.shownIf.question")],
    ),
    (
        {"questions": [question("q", shownIf=shown_if("q", "a"))]},
        [("CONDITION_NOT_EARLIER", "questions.0.shownIf.question")],
    ),
    (
        {"questions": [question("p", shownIf=shown_if("q", "a")), question("q")]},
        [("CONDITION_NOT_EARLIER", "questions.0.shownIf.question")],
    ),
    (
        {
            "questions": [
                question("p", "SINGLE_CHOICE", options=options("a")),
                question("q", shownIf=shown_if("p", "b")),
            ]
        },
        [("CONDITION_UNKNOWN_ANSWER", "questions.1.shownIf.equals")],
    ),
    (
        {
            "questions": [
                question("p", "MULTIPLE_CHOICE", options=options("a")),
                question("q", shownIf=shown_if("p", "A")),
            ]
        },
        [("CONDITION_UNKNOWN_ANSWER", "questions.1.shownIf.equals")],
    ),
    (
        {"questions": [question("p", "YES_NO"), question("q", shownIf=shown_if("p", "kanske"))]},
        [("CONDITION_UNKNOWN_ANSWER", "questions.1.shownIf.equals")],
    ),
    (
        {"questions": [question("p", "YES_NO"), question("q", shownIf=shown_if("p", " "))]},
        [("BLANK", "questions.1.shownIf.equals")],
    ),
    (
        {"questions": [question("p"), question("q", shownIf=shown_if("p", ""))]},
        [("BLANK", "questions.1.shownIf.equals")],
    ),
    (
        {"questions": [question("p"), question("q", shownIf={"question": "p"})]},
        [("MISSING", "questions.1.shownIf.equals")],
    ),
    # no Send button
    (
        {"submittable": False, "questions": [question("p"), question(required=True)]},
        [("REQUIRED_NOT_SUBMITTABLE", "questions.1.required")],
    ),
    # addresses; all others are in test_texts
    ({"links": [link(url="javascript:alert(1)")]}, [("URL_SCHEME", "links.0.url")]),
    ({"links": [link(url="https://")]}, [("URL_HOST", "links.0.url")]),
    ({"links": [link(url="https://a@b.se")]}, [("URL_USERINFO", "links.0.url")]),
    ({"links": [link(url="https://a b.se")]}, [("URL_INVALID", "links.0.url")]),
    # rich text; all others are in test_texts
    ({"introduction": "<b>"}, [("RAW_HTML", "introduction")]),
    ({"introduction": "[x](javascript:alert(1))"}, [("URL_SCHEME", "introduction")]),
    ({"terms": [section(text="`x`")]}, [("MARKDOWN_NOT_ALLOWED", "terms.0.text")]),
    ({"terms": [section(text="![](https://a.se/b)")]}, [("IMAGE_ALT_MISSING", "terms.0.text")]),
    ({"terms": [section(text="[](https://a.se/b)")]}, [("LINK_TEXT_MISSING", "terms.0.text")]),
    # language, restrictions, response time
    *[
        ({"language": tag}, [("INVALID_LANGUAGE", "language")])
        for tag in ("", "s", "svenska", "sv_SE", "sv-", "sv\n")
    ],
    (
        {"restrictions": {"countyCodes": ["01", "1"]}},
        [("INVALID_CODE", "restrictions.countyCodes.1")],
    ),
    (
        {"restrictions": {"countyCodes": ["\u0660\u0661"]}},
        [("INVALID_CODE", "restrictions.countyCodes.0")],
    ),
    (
        {"restrictions": {"municipalityCodes": ["018"]}},
        [("INVALID_CODE", "restrictions.municipalityCodes.0")],
    ),
    (
        {"restrictions": {"countyCodes": ["01", "01"]}},
        [("DUPLICATE_VALUE", "restrictions.countyCodes")],
    ),
    ({"restrictions": {"ageFrom": -1}}, [("OUT_OF_RANGE", "restrictions.ageFrom")]),
    ({"restrictions": {"ageTo": 151}}, [("OUT_OF_RANGE", "restrictions.ageTo")]),
    ({"restrictions": {"ageTo": 10**400}}, [("OUT_OF_RANGE", "restrictions.ageTo")]),
    ({"restrictions": {"ageFrom": 13, "ageTo": 12}}, [("AGE_ORDER", "restrictions.ageTo")]),
    ({"responseTime": {"amount": 0, "unit": "HOURS"}}, [("OUT_OF_RANGE", "responseTime.amount")]),
    (
        {"responseTime": {"amount": 10_001, "unit": "HOURS"}},
        [("OUT_OF_RANGE", "responseTime.amount")],
    ),
    # characters
    ({"rationale": "a\x00b"}, [("INVALID_CHARACTER", "rationale")]),
    ({"name": "a\x1b[0m"}, [("INVALID_CHARACTER", "name")]),
    ({"name": "a\x85"}, [("INVALID_CHARACTER", "name")]),
    ({"name": "a\ud800"}, [("INVALID_CHARACTER", "name")]),
    ({"introduction": "\udfff"}, [("INVALID_CHARACTER", "introduction")]),
    ({"standardReplies": [reply(text="a\x7f")]}, [("INVALID_CHARACTER", "standardReplies.0.text")]),
    # personal identity numbers, anywhere
    *[
        ({name: f"a {NUMBER}"}, [("PERSONAL_NUMBER", name)])
        for name in ("name", "internalName", "rationale", "introduction")
    ],
    ({"introduction": "880320\\-0016"}, [("PERSONAL_NUMBER", "introduction")]),
    ({"questions": [question(NUMBER)]}, [("PERSONAL_NUMBER", "questions.0.key")]),
    (
        {"questions": [question(label=NUMBER, help=NUMBER)]},
        [("PERSONAL_NUMBER", "questions.0.help"), ("PERSONAL_NUMBER", "questions.0.label")],
    ),
    (
        {"questions": [question(kind="SINGLE_CHOICE", options=[{"key": "a", "label": NUMBER}])]},
        [("PERSONAL_NUMBER", "questions.0.options.0.label")],
    ),
    (
        {"questions": [question("p"), question("q", shownIf=shown_if("p", NUMBER))]},
        [("PERSONAL_NUMBER", "questions.1.shownIf.equals")],
    ),
    ({"links": [link(url=f"https://a.se/?p={NUMBER}")]}, [("PERSONAL_NUMBER", "links.0.url")]),
    ({"links": [link(url="https://a.se/?p=880320%2D0016")]}, [("PERSONAL_NUMBER", "links.0.url")]),
    (
        {"standardReplies": [reply(label=NUMBER, text=NUMBER)]},
        [
            ("PERSONAL_NUMBER", "standardReplies.0.label"),
            ("PERSONAL_NUMBER", "standardReplies.0.text"),
        ],
    ),
    (
        {"terms": [section(heading=NUMBER, text=NUMBER)]},
        [("PERSONAL_NUMBER", "terms.0.heading"), ("PERSONAL_NUMBER", "terms.0.text")],
    ),
    # several at once: of single fields, and of fields together
    (
        {
            "name": "",
            "questions": [
                question("a b", "SINGLE_CHOICE"),
                question("q", shownIf=shown_if("x", NUMBER)),
            ],
            "restrictions": {"ageFrom": 9, "ageTo": -1},
        },
        [
            ("AGE_ORDER", "restrictions.ageTo"),
            ("BLANK", "name"),
            ("CONDITION_UNKNOWN_QUESTION", "questions.1.shownIf.question"),
            ("INVALID_KEY", "questions.0.key"),
            ("OPTIONS_MISSING", "questions.0.options"),
            ("OUT_OF_RANGE", "restrictions.ageTo"),
            ("PERSONAL_NUMBER", "questions.1.shownIf.equals"),
        ],
    ),
    ({"name": 1, "rationale": NUMBER}, [("PERSONAL_NUMBER", "rationale"), ("WRONG_TYPE", "name")]),
]


@pytest.mark.parametrize(("change", "problems"), PROBLEMS)
def test_each_problem_has_its_code_and_place(
    change: dict[str, Any], problems: list[tuple[str, str]]
) -> None:
    assert found({"name": "A", "internalName": "B", **change}) == problems


ACCEPTED: list[dict[str, Any]] = [
    {
        "name": "a" * 200,
        "internalName": "a" * 200,
        "rationale": "a" * 10_000,
        "introduction": "a" * 100_000,
    },
    {"rationale": "", "introduction": " "},
    {
        "name": "<b>",
        "rationale": "`x` <script>",
        "questions": [question(label="a < b", help="<i>\n\tok")],
    },
    {
        "questions": [question("å-Ä_9"), question("a" * 64)],
        "links": [link(key="q")],
        "terms": [section(key="q")],
    },
    {
        "questions": [
            question(kind="SINGLE_CHOICE", options=options("a")),
            question("p", "MULTIPLE_CHOICE", options=options("a")),
        ]
    },
    {
        "questions": [
            question("p", "MULTIPLE_CHOICE", options=options("a", "b")),
            question("q", shownIf=shown_if("p", "b")),
        ]
    },
    *[
        {"questions": [question("p", "YES_NO"), question("q", shownIf=shown_if("p", a))]}
        for a in ("yes", "no", "ja", "nej", "true", "false", "Ja")
    ],
    {"questions": [question("p", "NUMBER"), question("q", shownIf=shown_if("p", "3"))]},
    {
        "submittable": False,
        "questions": [question()],
        "links": [link(), link(key="m", openPage=True, url="tel:+46771117700")],
    },
    *[{"language": tag} for tag in ("sv", "EN", "en-GB", "sr-Latn-RS", "fit")],
    {"restrictions": {"ageFrom": 0, "ageTo": 0}, "responseTime": {"amount": 1, "unit": "HOURS"}},
    {"restrictions": {"ageFrom": 150}, "responseTime": {"amount": 10_000, "unit": "HOURS"}},
    {
        "rationale": (
            "SE2321000016-1A2B, 232100-0016, 08-123 456 78, 0771-11 77 00, 12345678801234567890"
        )
    },
]


@pytest.mark.parametrize("change", ACCEPTED)
def test_what_keeps_the_rules_is_accepted(change: dict[str, Any]) -> None:
    assert found({"name": "A", "internalName": "B", **change}) == []


@pytest.mark.parametrize("content", [None, 1, "text", [], [["name", "A"]]])
def test_content_that_is_no_object_is_refused(content: Any) -> None:
    assert found(content) == [("WRONG_TYPE", "")]


# ------------------------------------------------------------------ codes and messages


def test_messages_do_not_repeat_the_text() -> None:
    with pytest.raises(InvalidInput) as caught:
        validate(
            CASE_TYPE,
            {
                "name": NUMBER,
                "internalName": "B",
                "links": [link(url=f"x:{NUMBER}")],
                "language": NUMBER,
            },
        )

    assert len(caught.value.problems) == 5
    assert NUMBER not in str(caught.value)


def test_a_body_of_nonsense_gets_a_bounded_answer() -> None:
    with pytest.raises(InvalidInput) as caught:
        validate(CASE_TYPE, {"x" * 1000: 1, **{str(n): n for n in range(1000)}})

    assert len(caught.value.problems) == MAX_PROBLEMS
    assert max(len(step) for problem in caught.value.problems for step in problem.path) == 100


def test_every_code_is_explained_and_arises() -> None:
    arising = {code for _, problems in PROBLEMS for code, _ in problems}

    arising |= {code for sample in SAMPLES.values() for code in sample.broken} & set(CODES)
    assert arising == set(CODES) - {"INVALID_VALUE", "TOO_LARGE"}
    assert list(CODES) == sorted(CODES)


def test_a_later_kind_needs_only_its_model() -> None:
    class Item(ContentModel):
        key: Key = Field(title="Nyckel")
        size: Annotated[float, Field(gt=0, le=9)] = Field(title="Storlek")
        even: int = Field(default=0, multiple_of=2, title="Jämnt")

    class Shelf(ContentModel):
        short_name: str = Field(title="Namn", min_length=1, max_length=3)
        items: list[Item] = Field(title="Saker")

    shelf = Kind(name="SHELF", prefix="sh", model=Shelf)

    assert validate(shelf, {"shortName": "abc", "items": [{"key": "a", "size": 1.0}]}) == {
        "shortName": "abc",
        "items": [{"key": "a", "size": 1.0, "even": 0}],
    }
    assert found(
        {"shortName": "", "items": [{"key": "a", "size": 0}, {"key": "a", "size": 10, "even": 1}]},
        shelf,
    ) == [
        ("BLANK", "shortName"),
        ("INVALID_VALUE", "items.1.even"),
        ("OUT_OF_RANGE", "items.0.size"),
        ("OUT_OF_RANGE", "items.1.size"),
    ]
    assert found(
        {"shortName": "abcd", "items": [{"key": "a", "size": 1}, {"key": "a", "size": 1}]}, shelf
    ) == [("TOO_LONG", "shortName")]


# ------------------------------------------------------------------ anything at all

names = st.sampled_from(
    [
        *CASE_TYPE.fields,
        "key",
        "label",
        "url",
        "text",
        "heading",
        "kind",
        "options",
        "shownIf",
        "question",
        "equals",
        "amount",
        "unit",
    ]
)
leaves = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(), max_size=20)
    | st.sampled_from(["SINGLE_CHOICE", "YES_NO", "HOURS", "a", "https://a.se", NUMBER, "\ud800"])
)
anything = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(names | st.text(st.characters(), max_size=5), inner, max_size=6)
    ),
    max_leaves=30,
)


@given(anything)
def test_any_json_is_accepted_or_refused_with_problems(content: Any) -> None:
    for candidate in (
        content,
        {"name": "A", "internalName": "B", "questions": [content], "terms": content},
    ):
        kept, problems = outcome(candidate)

        assert (kept is None) == bool(problems)
        assert {problem.code for problem in problems} <= set(CODES)
        assert json.dumps([problem.path for problem in problems], ensure_ascii=False).encode()
        assert kept is None or validate(CASE_TYPE, kept) == kept


@given(st.dictionaries(names, leaves))
def test_what_is_accepted_is_kept_and_stays_the_same(change: dict[str, Any]) -> None:
    kept, _ = outcome({**DEFAULTS, **change})
    if kept is None:
        return

    assert list(kept) == list(DEFAULTS)
    assert validate(CASE_TYPE, kept) == kept
    assert {name: kept[name] for name, value in change.items() if value is not None} == {
        n: v for n, v in change.items() if v is not None
    }


def test_deep_nesting_is_refused() -> None:
    deep: Any = NUMBER
    for _ in range(3000):
        deep = [deep]

    assert [code for code, _ in found({"name": "A", "internalName": "B", "extra": deep})] == [
        "PERSONAL_NUMBER",
        "UNKNOWN_FIELD",
    ]


# ------------------------------------------------------------------ the kinds


def test_kinds_are_found_by_name_and_id() -> None:
    assert KINDS["CASE_TYPE"] is CASE_TYPE
    assert KINDS["CASE_TYPE_TEMPLATE"] is CASE_TYPE_TEMPLATE
    assert KINDS.of_id("ct_1") is CASE_TYPE
    assert KINDS.of_id("tpl_1") is CASE_TYPE_TEMPLATE


def test_staff_fields_are_not_seen_by_residents() -> None:
    fields = CASE_TYPE.fields

    assert [name for name, field in fields.items() if not field.resident_visible] == [
        "internalName",
        "rationale",
        "standardReplies",
    ]
    assert [name for name, field in fields.items() if field.keyed] == [
        "questions",
        "links",
        "standardReplies",
        "terms",
    ]
    assert [name for name, field in fields.items() if field.text] == [
        "name",
        "internalName",
        "rationale",
        "introduction",
    ]


def test_every_field_has_a_swedish_title() -> None:
    def titles(model: type[ContentModel]) -> list[str | None]:
        return [info.title for info in model.model_fields.values()]

    assert titles(CaseTypeContent) == [
        "Namn",
        "Internt namn",
        "Motivering",
        "Introduktion",
        "Frågor",
        "Länkar",
        "Kan skickas in",
        "Standardsvar",
        "Villkor",
        "Begränsningar",
        "Svarstid",
        "På kontaktkort",
        "Språk",
    ]
    nested = [field.fields for field in CASE_TYPE.fields.values() if field.fields]
    assert all(name != field.title for fields in nested for name, field in fields.items())


def test_what_can_not_fit_is_refused_before_it_is_read() -> None:
    section = {"heading": "Villkor", "text": "x" * 100_000}

    with pytest.raises(InvalidInput) as refusal:
        validate(
            CASE_TYPE, {**FULL, "terms": [{"key": f"t{number}", **section} for number in range(30)]}
        )

    assert [(problem.code, problem.path) for problem in refusal.value.problems] == [
        ("TOO_LARGE", ("content",))
    ]
