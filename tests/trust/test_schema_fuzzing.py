"""Schemathesis generates operations from the schema: none fails, every error code is documented."""

import asyncio
import os
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from graphql import introspection_from_schema
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis.core.result import Ok
from schemathesis.graphql import nodes

from schema.registry import schema
from tests.callers import BJORKEN, INERA, STOCKHOLM
from tests.trust.responses import assert_safe_response
from tests.world import World

RANDOM = "ignore:Do not use the `random` module:hypothesis.errors.HypothesisDeprecationWarning"
"""Schemathesis draws some defaults with `random`, which Hypothesis seeds."""
HOSTILE = [
    "",
    "\x00",
    "$where",
    "__proto__",
    "a.b",
    "{{clinic.name}}",
    "å" * 300,
    "-1",
    "' OR 1=1 --",
    "\u202e",
    "9" * 400,
]
TEXTS = st.sampled_from(HOSTILE) | st.text(
    alphabet=st.characters(exclude_categories=["Cs"]), max_size=40
)
TIMES = (
    st.datetimes(timezones=st.just(None)).map(
        lambda time: f"{time.isoformat(timespec='milliseconds')}Z"
    )
    | TEXTS
)

schemathesis.graphql.scalar(
    "HsaId", (st.sampled_from([STOCKHOLM, BJORKEN, INERA]) | TEXTS).map(nodes.String)
)
schemathesis.graphql.scalar("Cursor", TEXTS.map(nodes.String))
schemathesis.graphql.scalar("Markdown", TEXTS.map(nodes.String))
schemathesis.graphql.scalar("DateTime", TIMES.map(nodes.String))
schemathesis.graphql.scalar("JSON", TEXTS.map(nodes.String))


def operations() -> Iterator[Any]:
    """The root fields of queries and mutations, as Schemathesis loads them."""
    loaded = schemathesis.graphql.from_dict(dict(introspection_from_schema(schema.graphql)))
    for found in loaded.get_all_operations():
        assert isinstance(found, Ok)
        operation = found.ok()
        if not operation.label.startswith("Subscription."):
            yield operation


OPERATIONS = {operation.label: operation for operation in operations()}


async def assert_safe_operations(world: World, label: str, examples: int) -> None:
    """Send a number of operations of one root field, as a regional administrator and as staff."""
    documents: list[str] = []

    @seed(int(os.environ.get("CASETYPES_FUZZ_SEED", "1177")))
    @settings(
        max_examples=examples,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(OPERATIONS[label].as_strategy())
    def draw(case: Any) -> None:
        documents.append(case.body)

    await asyncio.to_thread(draw)
    assert documents
    for document in documents:
        for caller in (world.region, world.staff):
            assert_safe_response(await caller.post(document), document)


@pytest.mark.filterwarnings(RANDOM)
async def test_two_operations_of_each_root_field_do_not_fail(world: World) -> None:
    for label in OPERATIONS:
        await assert_safe_operations(world, label, 2)


@pytest.mark.soak
@pytest.mark.filterwarnings(RANDOM)
@pytest.mark.timeout(600)
@pytest.mark.parametrize("label", sorted(OPERATIONS))
async def test_many_operations_of_each_root_field_do_not_fail(world: World, label: str) -> None:
    await assert_safe_operations(world, label, 150)
