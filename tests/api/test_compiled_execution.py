"""Compiled execution returns exactly the results of graphql-core.

Compared are the data with the order of its keys, and the errors with their paths, their locations
and the nulls that they cause.
"""

import gc
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from execution.operations import Operations
from resolvers.kinds.case_types import CASE_TYPE_TEMPLATE
from store.records import Role
from tests.api.both_executors import GRAPHQL, READ, WHO, both, compare
from tests.api.operations_at_random import Known, operations
from tests.callers import BJORKEN, LINDEN, STOCKHOLM, UPPSALA
from tests.kinds import SAMPLES
from tests.life import made, written
from tests.world import CONTENT, World

# Where an error nulls fields that still wait, graphql-core drops them without starting them.
pytestmark = pytest.mark.filterwarnings(
    "ignore::pytest.PytestUnraisableExceptionWarning",
    "ignore:coroutine .* was never awaited:RuntimeWarning",
)
# Without shrinking, which takes minutes: the first operation that differs is clear enough.
PHASES = (Phase.explicit, Phase.reuse, Phase.generate)
HSA_IDS = [STOCKHOLM, UPPSALA, BJORKEN, LINDEN, "SE2321000016-0", ""]


@dataclass(frozen=True, slots=True)
class Prepared:
    """A registry, and the ids that random operations use."""

    world: World
    known: Known


async def fill(world: World) -> Known:
    """Write documents of every kind, with versions, assignments and an adaptation.

    Some stored contents are broken, so that errors occur deep inside of selections.

    Returns:
        Ids of what was written, and some that do not exist.
    """
    await world.distribute(world.case_type, BJORKEN, LINDEN)
    await world.edit(world.case_type, 1, publish=True, introduction="Ny text")
    await world.edit(
        world.case_type,
        2,
        name="Utkast",
        links=[{"key": "a", "label": "A", "url": "https://example.org"}],
    )
    for sample in SAMPLES.values():
        await made(world.region, sample, publish=True)
        await made(world.region, sample)
    template = await made(world.region, SAMPLES["caseTypeTemplate"], publish=True)
    derived = await world.region.done(
        "caseTypeCreate",
        "caseType { id }",
        owner=STOCKHOLM,
        content={"name": "A", "internalName": "A"},
        fromTemplate={"id": template},
    )
    await written(world.region, SAMPLES["caseTypeTemplate"], template, 1, "Ändrat", publish=True)
    notice = await made(world.other_region, SAMPLES["notice"], UPPSALA, publish=True)
    local = await world.clinic_admin.done(
        "caseTypeCreate", "caseType { id }", owner=BJORKEN, content=CONTENT
    )
    broken = await world.draft()
    heads = world.api.store.database["documents"]
    await heads.update_one(
        {"_id": broken},
        {"$set": {"content.questions.1.label": None, "content.terms.0.mustAccept": "maybe"}},
    )
    await world.api.store.database["clinics"].delete_one({"_id": LINDEN})
    rows = await world.api.store.database.find("assignments", {})
    events = [f"ev_{STOCKHOLM}.{number}" for number in range(1, 9)]
    documents = [
        row["_id"]
        for row in await world.api.store.database.find("documents", {}, projection={"_id": 1})
    ]
    frequent = [
        world.case_type,
        world.template,
        broken,
        local["caseType"]["id"],
        derived["caseType"]["id"],
        template,
        notice,
    ]
    ids = [
        *frequent,
        *documents,
        f"{world.case_type}.1",
        f"{world.case_type}.2",
        f"{template}.1",
        "ct_0",
        "",
    ]
    return Known(
        [
            *ids,
            f"pr_{STOCKHOLM}",
            f"cl_{BJORKEN}",
            *events,
            f"{events[-1]}.{BJORKEN}",
            *(row["_id"] for row in rows),
        ],
        HSA_IDS,
    )


@pytest.fixture
async def registry(world: World) -> AsyncIterator[Prepared]:
    """A filled registry with its ids."""
    yield Prepared(world, await fill(world))
    gc.collect()  # so that coroutines that graphql-core dropped are finalized here


@pytest.fixture
def prepared(registry: Prepared) -> World:
    """A filled registry."""
    return registry.world


def examples(count: int) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Run a test with many random operations on one registry: they only read."""
    checks = [
        HealthCheck.function_scoped_fixture,
        HealthCheck.too_slow,
        HealthCheck.filter_too_much,
        HealthCheck.data_too_large,
    ]
    chosen = settings(
        max_examples=count,
        deadline=None,
        suppress_health_check=checks,
        print_blob=True,
        phases=PHASES,
    )
    drawn = given(data=st.data(), who=st.sampled_from(WHO))
    return lambda test: chosen(drawn(test))


@examples(60)
async def test_random_operations_return_what_graphql_core_returns(
    registry: Prepared, data: st.DataObject, who: tuple[Role, str]
) -> None:
    written = data.draw(operations(GRAPHQL, registry.known))
    await compare(registry.world, written, who)


@pytest.mark.soak
@pytest.mark.timeout(3600)
@examples(5_000)
async def test_thousands_of_random_operations_return_what_graphql_core_returns(
    registry: Prepared, data: st.DataObject, who: tuple[Role, str]
) -> None:
    written = data.draw(operations(GRAPHQL, registry.known))
    await compare(registry.world, written, who)


CONTENT_FIELDS = """{ name questions { key label kind required options { key } shownIf { equals } }
  terms { key mustAccept }
  restrictions { gender countyCodes } responseTime { amount unit } }"""
OPERATIONS = {
    "faults inside a plain selection": (
        f"{{ caseTypes {{ edges {{ cursor node {{ id content {CONTENT_FIELDS} }} }} }} }}"
    ),
    "faults that null a whole list": (
        "{ caseTypes { edges { node { state content { terms { mustAccept } } } } totalCount } }"
    ),
    "faults beside fields that wait": (
        """{ assignments { edges { node { id origin
        clinic { name } caseType { name owner { __typename } } by { role name } } } } }"""
    ),
    "fragments on interfaces": (
        """{ node(id: $id) { __typename id ...on Document { name state ...D }
        ... on CaseType { scope n: name } } }
        fragment D on Document { latestVersion owner {
        ... on Principal { name kind } ... on Clinic { name hsaId } } }"""
    ),
    "the same field twice": (
        "{ caseTypes { edges { node { content { name } } } edges { node { content { language name }"
        " id } cursor } } }"
    ),
    "skipped and included": (
        "{ caseTypes @skip(if: $no) { totalCount edges @include(if: $yes) { node { name @skip(if:"
        " $yes) id } } } }"
    ),
    "introspection beside data": (
        '{ __typename __type(name: "CaseType") { name kind } caseTypes { __typename pageInfo {'
        " hasNextPage } } }"
    ),
    "refused arguments": (
        "{ a: caseTypes(first: 0) { totalCount } b: caseTypes(first: 1) { edges { node {"
        " version(number: 1) { number } } } } }"
    ),
    "the time of the response": "{ templateExport(id: $template) { file versions } }",
    "sync at the root": (
        "{ viewer { roles actor { role unit system name unitName employeeHsaId } principal { name"
        " kind } } }"
    ),
}


@pytest.mark.parametrize("name", OPERATIONS)
async def test_chosen_operations_return_what_graphql_core_returns(
    prepared: World, name: str
) -> None:
    text = OPERATIONS[name]
    declared = {
        "$id": "$id: ID!",
        "$template": "$template: ID!",
        "$no": "$no: Boolean!",
        "$yes": "$yes: Boolean!",
    }
    declarations = ", ".join(kind for name, kind in declared.items() if name in text)
    operation = READ.read(f"query({declarations}) {text}" if declarations else text)
    assert operation.errors == ()
    [template, *_] = await prepared.api.store.database.find(
        "documents", {"principal": STOCKHOLM, "kind": CASE_TYPE_TEMPLATE.name}
    )

    for yes in (True, False):
        values = {"id": prepared.case_type, "template": template["_id"], "no": not yes, "yes": yes}
        variables = {name: value for name, value in values.items() if f"${name}" in text}
        for role, unit in WHO:
            compiled, again, reference = await both(
                prepared.api.store, operation, variables, role, unit
            )
            assert compiled == reference
            assert again == reference


async def test_an_error_inside_a_content_has_its_path_and_nulls_the_right_parent(
    prepared: World,
) -> None:
    operation = READ.read("{ caseTypes { edges { node { content { questions { label } } } } } }")

    [(data, errors), *_] = await both(prepared.api.store, operation, {}, *WHO[0])

    assert data == b"null"
    [error] = map(orjson.loads, errors)
    assert error["message"] == "Cannot return null for non-nullable field Question.label."
    assert error["path"][-3:] == ["questions", 1, "label"]
    assert error["locations"] == [{"line": 1, "column": 52}]


@pytest.mark.parametrize(
    "text",
    [
        "{ viewer @skip(if: $maybe) { roles } }",
        "{ viewer { roles @skip(if: $maybe) } }",
        "{ caseTypes { totalCount pageInfo { hasNextPage @include(if: $maybe) } } }",
        (
            "{ node(id: $id) { id ... on CaseType { content { name questions { key @skip(if:"
            " $maybe) } } } } caseTypes { totalCount } }"
        ),
        (
            "{ caseTypes { edges { node { id content { responseTime { unit @include(if: $maybe) }"
            " terms { key } } } } } }"
        ),
        '{ none: caseType(id: "ct_0") { content { name @skip(if: $maybe) } } }',
    ],
)
async def test_a_condition_that_is_null_is_an_error_where_graphql_core_reports_one(
    prepared: World, text: str
) -> None:
    declared = "$maybe: Boolean = true, $id: ID!" if "$id" in text else "$maybe: Boolean = true"
    operation = READ.read(f"query({declared}) {text}")
    assert operation.errors == ()

    for maybe in ({"maybe": None}, {}, {"maybe": False}):
        variables = {**maybe, **({"id": prepared.case_type} if "$id" in text else {})}
        compiled, again, reference = await both(prepared.api.store, operation, variables, *WHO[0])
        assert compiled == reference
        assert again == reference


async def test_a_number_outside_32_bits_is_an_error_as_in_graphql_core(prepared: World) -> None:
    heads = prepared.api.store.database["documents"]
    operation = READ.read(
        "query($id: ID!) { caseType(id: $id) { content { responseTime { amount } } } }"
    )

    for amount, faults in ((2**31 - 1, 0), (2**31, 1), (-(2**31), 0), (-(2**31) - 1, 1)):
        await heads.update_one(
            {"_id": prepared.case_type}, {"$set": {"published_content.responseTime.amount": amount}}
        )
        compiled, again, reference = await both(
            prepared.api.store, operation, {"id": prepared.case_type}, *WHO[0]
        )
        assert (len(reference[1]), str(amount).encode() in reference[0]) == (faults, not faults)
        assert compiled == again == reference


async def test_plans_are_cached_by_skipped_fields_up_to_a_limit(prepared: World) -> None:
    names = [f"v{number}" for number in range(6)]
    fields = " ".join(f"a{name}: totalCount @include(if: ${name})" for name in names)
    operation = READ.read(
        f"query({', '.join(f'${name}: Boolean!' for name in names)}) {{ caseTypes {{ {fields} }} }}"
    )

    for number in range(64):
        variables = {name: bool(number >> place & 1) for place, name in enumerate(names)}
        await both(prepared.api.store, operation, variables, *WHO[0])

    assert operation.choosing == tuple(names)
    assert len(operation.plans) == 16


async def test_the_plans_of_all_operations_share_one_budget(prepared: World) -> None:
    operations = Operations(GRAPHQL, plan_fields=400)
    read = [
        operations.read(
            f"query Q{number} {{ caseTypes {{ edges {{ node {{ id content {CONTENT_FIELDS} }} }}"
            " } }"
        )
        for number in range(12)
    ]
    equal, cached_fields = [], []

    for operation in (*read, *read):
        [compiled, _, reference] = await both(prepared.api.store, operation, {}, *WHO[1])
        equal.append(compiled == reference)
        plans = [plan for query in read for plan in query.plans.values()]
        cached_fields.append(
            sum(
                len(collected.grouped_field_set)
                for plan in plans
                for _, collected in plan._subfields.values()
            )
        )

    assert equal == [True] * 24
    assert 200 < max(cached_fields) <= 400
    assert cached_fields[-1] > 0
