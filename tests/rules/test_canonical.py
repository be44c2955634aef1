"""Canonical JSON: the bytes of the reference library, for every value that a row can hold."""

import string
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
import rfc8785
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import BaseModel

from resolvers.kinds.registrations import KINDS
from store.content.canonical_json import canonical

MAX_INTEGER = 2**53 - 1
texts = st.text(st.characters(exclude_categories=["Cs"]))
names = st.text(string.printable, max_size=8) | st.text(
    st.characters(max_codepoint=0x7F), max_size=8
)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-MAX_INTEGER, MAX_INTEGER) | texts,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(names, inner, max_size=5),
    max_leaves=30,
)


@given(values)
@example("".join(map(chr, range(0x80))) + "\u2028\u2029\ufeff\uffff\U0001f44c")
@example({"b": 1, "B": 2, "aa": 3, "a": 4, "": 5, "a\x00": 6, "\x7f": 7})
def test_canonical_json_equals_that_of_the_reference_library(value: Any) -> None:
    assert canonical(value) == rfc8785.dumps(value)


@pytest.mark.parametrize(
    "value",
    [
        MAX_INTEGER + 1,
        -MAX_INTEGER - 1,
        "\ud800",
        {"\udfff": 1},
        {1: "a"},
        b"a",
        {"a"},
        datetime(2026, 1, 1, tzinfo=UTC),
        object,
    ],
    ids=repr,
)
def test_a_value_without_canonical_json_is_refused(value: Any) -> None:
    with pytest.raises(TypeError):
        canonical([value])


def test_very_deep_nesting_is_refused() -> None:
    value: list[Any] = []
    for _ in range(100_000):
        value = [value]
    with pytest.raises(TypeError):
        canonical(value)


def schemas(value: Any) -> Iterator[Mapping[str, Any]]:
    """Every object within a JSON schema."""
    if isinstance(value, dict):
        yield value
    for inner in (
        value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    ):
        yield from schemas(inner)


@pytest.mark.parametrize("model", [kind.model for kind in KINDS], ids=lambda model: model.__name__)
def test_no_content_has_fractions_or_names_outside_ascii(model: type[BaseModel]) -> None:
    objects = list(schemas(model.model_json_schema(by_alias=True)))
    assert not [schema for schema in objects if schema.get("type") == "number"]
    assert not [
        schema for schema in objects if schema.get("additionalProperties") not in (None, False)
    ]
    properties = [
        name
        for schema in objects
        if isinstance(schema.get("properties"), dict)
        for name in schema["properties"]
    ]
    assert properties
    assert all(name.isascii() for name in properties)
