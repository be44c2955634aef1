"""The content of case types and templates: what is stored, and the models of kinds."""

import copy
import json
from typing import Annotated, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field

from resolvers.kinds.case_types import CASE_TYPE, CASE_TYPE_TEMPLATE, CaseTypeContent
from resolvers.kinds.content_model import ContentModel
from resolvers.kinds.registrations import KINDS
from resolvers.kinds.texts import Key
from resolvers.kinds.validation import CODES, validate
from store.errors import InvalidInput
from store.kinds.kinds import Kind
from tests.rules.contents import (
    DEFAULTS,
    FULL,
    NUMBER,
    link,
    problems_of,
    question,
    validated,
)


@pytest.mark.parametrize("kind", [CASE_TYPE, CASE_TYPE_TEMPLATE])
def test_full_content_is_stored_unchanged(kind: Kind) -> None:
    kept = validate(kind, FULL)

    assert json.dumps(kept) == json.dumps(dict(FULL))
    assert validate(kind, kept) == kept


def test_an_omitted_or_null_field_gets_its_default() -> None:
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


def test_problems_have_paths_below_the_path_of_the_content() -> None:
    with pytest.raises(InvalidInput) as caught:
        validate(
            CASE_TYPE,
            {"name": "A", "internalName": "B", "links": [link(url="x")]},
            ("input", "content"),
        )

    assert [problem.path for problem in caught.value.problems] == [
        ("input", "content", "links", "0", "url")
    ]


def test_a_new_kind_needs_only_its_model() -> None:
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
    assert problems_of(
        {"shortName": "", "items": [{"key": "a", "size": 0}, {"key": "a", "size": 10, "even": 1}]},
        shelf,
    ) == [
        ("BLANK", "shortName"),
        ("INVALID_VALUE", "items.1.even"),
        ("OUT_OF_RANGE", "items.0.size"),
        ("OUT_OF_RANGE", "items.1.size"),
    ]
    assert problems_of(
        {"shortName": "abcd", "items": [{"key": "a", "size": 1}, {"key": "a", "size": 1}]}, shelf
    ) == [("TOO_LONG", "shortName")]


field_names = st.sampled_from(
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


json_leaves = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(), max_size=20)
    | st.sampled_from(["SINGLE_CHOICE", "YES_NO", "HOURS", "a", "https://a.se", NUMBER, "\ud800"])
)


json_values = st.recursive(
    json_leaves,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(field_names | st.text(st.characters(), max_size=5), inner, max_size=6)
    ),
    max_leaves=30,
)


@given(json_values)
def test_any_json_is_accepted_or_refused_with_problems(content: Any) -> None:
    for candidate in (
        content,
        {"name": "A", "internalName": "B", "questions": [content], "terms": content},
    ):
        kept, problems = validated(candidate)

        assert (kept is None) == bool(problems)
        assert {problem.code for problem in problems} <= set(CODES)
        assert json.dumps([problem.path for problem in problems], ensure_ascii=False).encode()
        assert kept is None or validate(CASE_TYPE, kept) == kept


@given(st.dictionaries(field_names, json_leaves))
def test_accepted_content_is_stored_and_validates_to_itself(change: dict[str, Any]) -> None:
    kept, _ = validated({**DEFAULTS, **change})
    if kept is None:
        return

    assert list(kept) == list(DEFAULTS)
    assert validate(CASE_TYPE, kept) == kept
    assert {name: kept[name] for name, value in change.items() if value is not None} == {
        n: v for n, v in change.items() if v is not None
    }


def test_kinds_are_found_by_name_and_id() -> None:
    assert KINDS["CASE_TYPE"] is CASE_TYPE
    assert KINDS["CASE_TYPE_TEMPLATE"] is CASE_TYPE_TEMPLATE
    assert KINDS.of_id("ct_1") is CASE_TYPE
    assert KINDS.of_id("tpl_1") is CASE_TYPE_TEMPLATE


def test_fields_for_staff_are_not_visible_to_residents() -> None:
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
