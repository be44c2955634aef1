"""The rules for content: each problem has a code and a path."""

from typing import Any

import pytest

from resolvers.kinds.case_types import CASE_TYPE
from resolvers.kinds.validation import CODES, MAX_PROBLEMS, validate
from store.errors import InvalidInput
from tests.kinds import SAMPLES
from tests.rules.content_problems import PROBLEMS
from tests.rules.contents import (
    FULL,
    NUMBER,
    link,
    options,
    problems_of,
    question,
    section,
    shown_if,
)


@pytest.mark.parametrize(("change", "problems"), PROBLEMS)
def test_each_problem_has_its_code_and_path(
    change: dict[str, Any], problems: list[tuple[str, str]]
) -> None:
    assert problems_of({"name": "A", "internalName": "B", **change}) == problems


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
def test_content_within_the_rules_is_accepted(change: dict[str, Any]) -> None:
    assert problems_of({"name": "A", "internalName": "B", **change}) == []


@pytest.mark.parametrize("content", [None, 1, "text", [], [["name", "A"]]])
def test_content_that_is_not_an_object_is_refused(content: Any) -> None:
    assert problems_of(content) == [("WRONG_TYPE", "")]


def test_messages_do_not_contain_the_text() -> None:
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


def test_invalid_content_gets_a_bounded_number_of_problems() -> None:
    with pytest.raises(InvalidInput) as caught:
        validate(CASE_TYPE, {"x" * 1000: 1, **{str(n): n for n in range(1000)}})

    assert len(caught.value.problems) == MAX_PROBLEMS
    assert max(len(step) for problem in caught.value.problems for step in problem.path) == 100


def test_every_code_is_explained_and_occurs() -> None:
    arising = {code for _, problems in PROBLEMS for code, _ in problems}

    arising |= {code for sample in SAMPLES.values() for code in sample.broken} & set(CODES)
    assert arising == set(CODES) - {"INVALID_VALUE", "TOO_LARGE"}
    assert list(CODES) == sorted(CODES)


def test_deep_nesting_is_refused() -> None:
    deep: Any = NUMBER
    for _ in range(3000):
        deep = [deep]

    assert [code for code, _ in problems_of({"name": "A", "internalName": "B", "extra": deep})] == [
        "PERSONAL_NUMBER",
        "UNKNOWN_FIELD",
    ]


def test_content_that_is_too_large_is_refused_before_it_is_validated() -> None:
    long_section = {"heading": "Villkor", "text": "x" * 100_000}

    with pytest.raises(InvalidInput) as refusal:
        validate(
            CASE_TYPE,
            {**FULL, "terms": [{"key": f"t{number}", **long_section} for number in range(30)]},
        )

    assert [(problem.code, problem.path) for problem in refusal.value.problems] == [
        ("TOO_LARGE", ("content",))
    ]
