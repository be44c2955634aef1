"""The cost of a document is computed before validation, in one pass; cost rates are limited.

Fragments that double or form a cycle take no longer to measure than other fragments.
"""

import sys
import time
from types import FrameType
from typing import Any

import pytest
from graphql import (
    GraphQLInterfaceType,
    GraphQLObjectType,
    get_named_type,
    get_nullable_type,
    is_leaf_type,
    is_list_type,
    parse,
)
from hypothesis import given
from hypothesis import strategies as st

from execution.complexity import ComplexityMeter
from execution.complexity_limits import Bounds, FragmentCycle, TooComplex
from execution.complexity_weights import SIZES, WORK
from execution.operations import Operations
from execution.rate_limits import Rate, RateLimiter
from schema.registry import schema
from tests.test_pages import operations
from tests.trust.corpus import doubling

SCHEMA = schema.graphql
FIELDS = {
    f"{kind.name}.{name}": found
    for kind in SCHEMA.type_map.values()
    if isinstance(kind, (GraphQLObjectType, GraphQLInterfaceType))
    for name, found in kind.fields.items()
}
PAGE = "caseTypes(first: {}) {{ edges {{ node {{ id }} }} }}"


def cost(document: str, **variables: Any) -> int:
    """The cost of the only operation, without the cost of the request."""
    [measure] = ComplexityMeter(SCHEMA, Bounds()).measure(parse(document)).values()
    return measure.cost.with_variables({**measure.defaults, **variables})


@pytest.mark.parametrize(
    ("document", "variables", "expected"),
    [
        ("{ __typename }", {}, 1),
        ("{ viewer { roles actor { name } } }", {}, 4),
        ("{ caseTypes { totalCount } }", {}, 2),
        ("{ caseTypes { edges { node { id } } } }", {}, 2 + 50 * 2),
        ("{ caseTypes(first: 7) { edges { node { id } } } }", {}, 2 + 7 * 2),
        ("{ caseTypes(last: 7) { edges { node { id } } } }", {}, 2 + 7 * 2),
        ("{ caseTypes(first: 9999999999999) { edges { node { id } } } }", {}, 2 + 100 * 2),
        ("query($n: Int) { caseTypes(first: $n) { edges { node { id } } } }", {}, 2 + 50 * 2),
        ("query($n: Int = 3) { caseTypes(first: $n) { edges { node { id } } } }", {}, 2 + 3 * 2),
        (
            "query($n: Int = 3) { caseTypes(first: $n) { edges { node { id } } } }",
            {"n": 4},
            2 + 4 * 2,
        ),
        (
            "query($n: Int) { caseTypes(first: $n) { edges { node { id } } } }",
            {"n": "x"},
            2 + 50 * 2,
        ),
        ("query($n: Int) { caseTypes(first: $n) { edges { node { id } } } }", {"n": -5}, 2 + 1 * 2),
        (
            "query($n: Int) { caseTypes(first: $n) { edges { node { id } } } }",
            {"n": 100.0},
            2 + 100 * 2,
        ),
        (
            "query($n: Int) { caseTypes(first: $n) { edges { node { id } } } }",
            {"n": 1e300},
            2 + 100 * 2,
        ),
        (
            "query($n: Int) { caseTypes(first: $n, last: 100) { edges { node { id } } } }",
            {},
            2 + 100 * 2,
        ),
        (
            "query($n: Int) { caseTypes(last: $n, first: null) { edges { node { id } } } }",
            {"n": 7},
            2 + 7 * 2,
        ),
        (
            (
                "{ caseTypes(first: 2) { edges { node { history(first: 3) { edges { node { at } } }"
                " } } } }"
            ),
            {},
            2 + 2 * (3 + 3 * 2),
        ),
        ('{ nodes(ids: ["a", "b"]) { id } }', {}, 1 + 2),
        ("query($i: [ID!]!) { nodes(ids: $i) { id } }", {"i": ["a", "b", "c"]}, 1 + 3),
        ('{ caseType(id: "x") { content { questions { key } } } }', {}, 3 + 10),
        (
            (
                "{ ...F } fragment F on Query { caseTypes(first: 5) { ...G } } fragment G on"
                " CaseTypeConnection { edges { cursor } }"
            ),
            {},
            2 + 5,
        ),
        (
            '{ search(text: "x") { edges { hits { segments { text } } } } }',
            {},
            100 + 2 + 50 * (1 + 5 * (1 + 5)),
        ),
        ('{ caseType(id: "x") { blame { path } } }', {}, 2 + 100 + 50),
        ('{ node(id: "x") { ...F } } fragment F on Document { blame { path } }', {}, 2 + 100 + 50),
        (
            "{ reports { caseTypesPerClinic(first: 3) { edges { node { own } } } } }",
            {},
            3 + 500 + 3 * 2,
        ),
        (
            "{ reports { a: clinicsBehind { totalCount } b: clinicsBehind { totalCount } } }",
            {},
            1 + 2 * (2 + 500),
        ),
        (
            "{ templateReview(first: 2) { edges { node { usage { byLevel { level } } } } } }",
            {},
            1_000 + 2 + 2 * (3 + 3),
        ),
        (
            "{ caseTypeTemplates(first: 2) { edges { node { comparison { version } } } } }",
            {},
            2 + 2 * (1 + 1_000 + 2),
        ),
        (
            'mutation { documentArchive(input: { id: "x", expectedVersion: 1 }) { event { id } } }',
            {},
            50 + 3,
        ),
    ],
)
def test_the_cost_of_a_field_is_multiplied_by_the_sizes_of_the_lists_around_it(
    document: str, variables: dict[str, Any], expected: int
) -> None:
    assert cost(document, **variables) == expected


def test_weights_name_existing_fields_only() -> None:
    lists = {
        name
        for name, found in FIELDS.items()
        if is_list_type(get_nullable_type(found.type))
        and not is_leaf_type(get_named_type(found.type))
    }

    assert sorted(SIZES.keys() - lists) == []
    assert sorted(WORK.keys() - FIELDS.keys()) == []


def test_documented_operations_cost_at_most_half_of_the_limit() -> None:
    costs = {text: cost(text) for _, text in operations()}

    assert len(costs) > 50
    assert {text: found for text, found in costs.items() if found > Bounds().cost // 2} == {}


@pytest.mark.parametrize(
    ("document", "limit"),
    [
        ("{ viewer { actor { name } } }", "depth"),
        (
            (
                "{ ...F } fragment F on Query { viewer { ...G } } fragment G on Viewer { actor {"
                " name } }"
            ),
            "depth",
        ),
        ("{ viewer { roles roles roles roles roles } }", "fields"),
        ("{ ...F ...F } fragment F on Query { a: __typename }", "aliases"),
        ("{ __typename @skip(if: false) @include(if: true) @skip(if: false) }", "directives"),
        ("query A { __typename } query B { __typename } query C { __typename }", "operations"),
    ],
)
def test_each_limit_also_counts_the_fields_of_fragments(document: str, limit: str) -> None:
    bounds = Bounds(depth=2, fields=5, aliases=1, directives=2, operations=2)

    with pytest.raises(TooComplex) as refused:
        ComplexityMeter(SCHEMA, bounds).measure(parse(document))

    assert (refused.value.extensions or {})["limit"] == limit


def test_fragment_cycles_have_an_error_of_their_own() -> None:
    for document in (
        "{ ...F } fragment F on Query { ...F }",
        "{ ...F } fragment F on Query { ...G } fragment G on Query { ...F }",
    ):
        with pytest.raises(FragmentCycle):
            ComplexityMeter(SCHEMA, Bounds()).measure(parse(document))


def test_the_time_to_measure_doubling_fragments_grows_with_their_number_only() -> None:
    def seconds(levels: int) -> float:
        document, meter = parse(doubling(levels)), ComplexityMeter(SCHEMA, Bounds())
        started_at = time.process_time()
        with pytest.raises(TooComplex):
            meter.measure(document)
        return time.process_time() - started_at

    few = min(seconds(15) for _ in range(9))
    many = min(seconds(90) for _ in range(9))

    assert many < few * 100  # 2 ** 75 times as many fields


def test_fragments_with_many_page_sizes_are_refused_early() -> None:
    """Each fragment is measured once for each page size that it is used in."""
    pages = " ".join(f"caseTypes(first:$v{number}){{...F}}" for number in range(400))
    fields = f"{{ {pages} }} fragment F on CaseTypeConnection {{ {'totalCount ' * 4_000} }}"
    spreads = f"{{ {pages} }} fragment F on CaseTypeConnection {{ {'...G ' * 2_000} }}"
    steps = 0

    def count(frame: FrameType, event: str, _: Any) -> None:
        nonlocal steps
        steps += event == "call" and frame.f_code.co_name in {"_field", "_spread"}

    for document in (fields, spreads):
        parsed = parse(document)
        sys.setprofile(count)
        try:
            with pytest.raises(TooComplex):
                ComplexityMeter(SCHEMA, Bounds()).measure(parsed)
        finally:
            sys.setprofile(None)

    assert steps < 50_000


def test_repeated_fields_are_limited_before_validation_compares_them() -> None:
    operation = Operations(SCHEMA).read("{" + "viewer{roles}" * 300 + "}")

    [error] = operation.errors
    assert (error.extensions or {})["limit"] == "repeated fields"


@given(
    st.recursive(
        st.just("roles"),
        lambda inner: st.lists(inner, min_size=1, max_size=3).map(
            lambda many: f"viewer {{ {' '.join(many)} }}"
        ),
    )
)
def test_every_document_that_parses_can_be_measured(selection: str) -> None:
    operation = Operations(SCHEMA).read(f"{{ {selection} }}")

    assert operation.document is not None or operation.errors


# ------------------------------------------------------------- rate limits


class Clock:
    """A clock that the test sets."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_bucket_refills_up_to_its_capacity() -> None:
    clock = Clock()
    limiter = RateLimiter(Rate(10, 100), Rate(0, 0), clock)

    assert limiter.charge("a", "p", 100) == 0
    assert limiter.charge("a", "p", 10) == 1.0
    assert limiter.charge("b", "p", 100) == 0
    clock.now = 1
    assert limiter.charge("a", "p", 10) == 0
    clock.now = 1_000
    assert limiter.charge("a", "p", 100) == 0
    assert limiter.charge("a", "p", 10) == 1.0
    clock.now = 2_000
    assert limiter.charge("a", "p", 5_000) == 0  # a cost above the capacity takes a full bucket


def test_users_of_a_principal_share_its_bucket_and_a_refusal_charges_neither() -> None:
    clock = Clock()
    limiter = RateLimiter(Rate(1, 100), Rate(1, 150), clock)

    assert limiter.charge("a", "p", 100) == 0
    assert limiter.charge("b", "p", 100) == 50
    assert limiter.charge("b", "q", 100) == 0
    assert limiter.charge("c", "p", 50) == 0
