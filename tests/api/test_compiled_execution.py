"""Compiled execution returns exactly what graphql-core returns.

Compared are the data with the order of its keys, and the errors with their paths, their locations
and the nulls that they cause.
"""

import gc
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from graphql import GraphQLSchema
from graphql.execution import ExecutionResult, Executor
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from execution.compiled.executor import CompiledExecutor
from execution.complexity_limits import Bounds
from execution.operations import Operation, Operations
from resolvers.access.rights import rights_of
from resolvers.access.viewer import LOA3, Grant, Viewer
from resolvers.context import Context
from resolvers.kinds.case_types import CASE_TYPE_TEMPLATE
from resolvers.loaders import Loaders
from schema.registry import schema
from store.records import Role
from store.registry import Store
from tests.api.operations_at_random import Known, Written, operations
from tests.callers import BJORKEN, LINDEN, STOCKHOLM, UPPSALA
from tests.kinds import SAMPLES
from tests.life import made, written
from tests.world import CONTENT, World

GRAPHQL: GraphQLSchema = schema.graphql
READ = Operations(
    GRAPHQL, Bounds(depth=100, fields=100_000, aliases=10_000, directives=10_000, cost=10**9)
)
# Where an error nulls fields that still wait, graphql-core drops them without starting them.
pytestmark = pytest.mark.filterwarnings(
    "ignore::pytest.PytestUnraisableExceptionWarning",
    "ignore:coroutine .* was never awaited:RuntimeWarning",
)
# Without shrinking, which takes minutes: the first operation that differs is clear enough.
PHASES = (Phase.explicit, Phase.reuse, Phase.generate)
HSA_IDS = [STOCKHOLM, UPPSALA, BJORKEN, LINDEN, "SE2321000016-0", ""]


async def context_of(
    store: Store, role: Role = Role.REGIONAL_ADMINISTRATOR, unit: str = STOCKHOLM
) -> Context:
    """A context as for a request."""
    viewer = Viewer(
        "anna",
        "SE2321000016-anna",
        "Anna",
        (Grant(role, unit, True),),
        datetime(2099, 1, 1, tzinfo=UTC),
        acr=LOA3,
    )
    return Context(
        store,
        viewer,
        await rights_of(viewer, store),
        await store.principals.known(),
        "request",
        Loaders(store),
    )


async def result_of(pending: Any) -> tuple[bytes, list[bytes]]:
    """Data with the order of its keys; and errors, sorted, since their order depends on timing."""
    result = await pending if isinstance(pending, Awaitable) else pending
    assert isinstance(result, ExecutionResult)
    return orjson.dumps(result.data), sorted(
        orjson.dumps(error.formatted) for error in result.errors or ()
    )


async def both(
    store: Store, operation: Operation, variables: dict[str, Any], role: Role, unit: str
) -> list[tuple[bytes, list[bytes]]]:
    """Results of compiled execution, with a new plan and with a cached one, and of graphql-core.

    All at the same time of the clock, since some fields return it.
    """
    moment = store.now()
    store = replace(store, clock=lambda: moment)
    answers = []
    for _ in range(2):
        compiled = CompiledExecutor.of(
            GRAPHQL, operation, None, variables, await context_of(store, role, unit)
        )
        answers.append(
            await result_of(
                compiled.execute_operation()
                if isinstance(compiled, CompiledExecutor)
                else ExecutionResult(None, compiled)
            )
        )
    assert operation.document is not None
    reference = StrawberryGraphQLCoreExecutionContext.build(
        GRAPHQL,
        operation.document,
        context_value=await context_of(store, role, unit),
        raw_variable_values=variables,
    )
    answers.append(
        await result_of(
            reference.execute_operation()
            if isinstance(reference, Executor)
            else ExecutionResult(None, reference)
        )
    )
    return answers


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
    taken = await world.region.done(
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
    often = [
        world.case_type,
        world.template,
        broken,
        local["caseType"]["id"],
        taken["caseType"]["id"],
        template,
        notice,
    ]
    found = [
        *often,
        *documents,
        f"{world.case_type}.1",
        f"{world.case_type}.2",
        f"{template}.1",
        "ct_0",
        "",
    ]
    return Known(
        [
            *found,
            f"pr_{STOCKHOLM}",
            f"cl_{BJORKEN}",
            *events,
            f"{events[-1]}.{BJORKEN}",
            *(row["_id"] for row in rows),
        ],
        HSA_IDS,
    )


def settled(answer: tuple[bytes, list[bytes]]) -> tuple[bytes, dict[tuple[Any, ...], bytes | None]]:
    """Data, and the error at each null; None if the error is from below the null.

    Of several errors below a null, graphql-core reports the one that occurs first. Which one that
    is depends on the timing of MongoDB, and varies between runs of graphql-core alone.
    """
    data, errors = answer
    found: dict[tuple[Any, ...], bytes | None] = {}
    for error in errors:
        path = tuple(orjson.loads(error).get("path", ()))
        place, value = [], orjson.loads(data)
        for key in path:
            if value is None:
                break
            place.append(key)
            value = value[key]
        found[tuple(place)] = error if tuple(place) == path else found.get(tuple(place))
    return data, found


def contradictions(one: tuple[bytes, list[bytes]], other: tuple[bytes, list[bytes]]) -> list[bytes]:
    """Errors that are not equal for the same field."""
    errors = {orjson.dumps(orjson.loads(error).get("path")): error for error in other[1]}
    return [
        error
        for error in one[1]
        if errors.get(orjson.dumps(orjson.loads(error).get("path")), error) != error
    ]


WHO = [
    (Role.REGIONAL_ADMINISTRATOR, STOCKHOLM),
    (Role.CLINIC_STAFF, BJORKEN),
    (Role.REVIEWER, STOCKHOLM),
]


async def compared(world: World, written: Written, who: tuple[Role, str]) -> None:
    """Compare compiled execution with graphql-core."""
    compiled, again, reference = await both(
        world.api.store, READ.read(written.text), written.variables, *who
    )
    assert settled(compiled) == settled(reference), written
    assert settled(again) == settled(reference), written
    assert not contradictions(compiled, reference), written


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
async def test_random_operations_are_answered_as_by_graphql_core(
    registry: Prepared, data: st.DataObject, who: tuple[Role, str]
) -> None:
    written = data.draw(operations(GRAPHQL, registry.known))
    await compared(registry.world, written, who)


@pytest.mark.soak
@pytest.mark.timeout(3600)
@examples(5_000)
async def test_thousands_of_random_operations_are_answered_as_by_graphql_core(
    registry: Prepared, data: st.DataObject, who: tuple[Role, str]
) -> None:
    written = data.draw(operations(GRAPHQL, registry.known))
    await compared(registry.world, written, who)


CONTENT_FIELDS = """{ name questions { key label kind required options { key } shownIf { equals } } terms { key mustAccept }
  restrictions { gender countyCodes } responseTime { amount unit } }"""
OPERATIONS = {
    "faults inside a plain selection": (
        f"{{ caseTypes {{ edges {{ cursor node {{ id content {CONTENT_FIELDS} }} }} }} }}"
    ),
    "faults that null a whole list": (
        "{ caseTypes { edges { node { state content { terms { mustAccept } } } } totalCount } }"
    ),
    "faults beside what waits": (
        """{ assignments { edges { node { id origin
        clinic { name } caseType { name owner { __typename } } by { role name } } } } }"""
    ),
    "fragments on interfaces": (
        """{ node(id: $id) { __typename id ...on Document { name state ...D } ... on CaseType { scope n: name } } }
        fragment D on Document { latestVersion owner { ... on Principal { name kind } ... on Clinic { name hsaId } } }"""
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
    "when it was answered": "{ templateExport(id: $template) { file versions } }",
    "sync at the root": (
        "{ viewer { roles actor { role unit system name unitName employeeHsaId } principal { name"
        " kind } } }"
    ),
}


@pytest.mark.parametrize("what", OPERATIONS)
async def test_chosen_operations_are_answered_as_by_graphql_core(
    prepared: World, what: str
) -> None:
    text = OPERATIONS[what]
    declared = {
        "$id": "$id: ID!",
        "$template": "$template: ID!",
        "$no": "$no: Boolean!",
        "$yes": "$yes: Boolean!",
    }
    given = ", ".join(kind for name, kind in declared.items() if name in text)
    operation = READ.read(f"query({given}) {text}" if given else text)
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
async def test_a_condition_that_is_null_is_refused_where_graphql_core_refuses_it(
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


async def test_a_number_that_does_not_fit_is_refused_as_by_graphql_core(prepared: World) -> None:
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
    told, held = [], []

    for operation in (*read, *read):
        [compiled, _, reference] = await both(prepared.api.store, operation, {}, *WHO[1])
        told.append(compiled == reference)
        plans = [plan for one in read for plan in one.plans.values()]
        held.append(
            sum(
                len(collected.grouped_field_set)
                for plan in plans
                for _, collected in plan._subfields.values()
            )
        )

    assert told == [True] * 24
    assert 200 < max(held) <= 400
    assert held[-1] > 0
