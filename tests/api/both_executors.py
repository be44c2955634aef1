"""Runs an operation with compiled execution and with graphql-core, and compares the results.

Compared are the data with the order of its keys, and the errors with their paths, their locations
and the nulls that they cause.
"""

from collections.abc import Awaitable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import orjson
from graphql import GraphQLSchema
from graphql.execution import ExecutionResult, Executor
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from execution.compiled.executor import CompiledExecutor
from execution.complexity_limits import Bounds
from execution.operations import Operation, Operations
from resolvers.access.rights import rights_of
from resolvers.access.viewer import LOA3, Grant, Viewer
from resolvers.context import Context
from resolvers.loaders import Loaders
from schema.registry import schema
from store.records import Role
from store.registry import Store
from tests.api.operations_at_random import Written
from tests.callers import BJORKEN, STOCKHOLM
from tests.world import World

GRAPHQL: GraphQLSchema = schema.graphql
READ = Operations(
    GRAPHQL, Bounds(depth=100, fields=100_000, aliases=10_000, directives=10_000, cost=10**9)
)

Result = tuple[bytes, list[bytes]]
"""Data and errors, as JSON."""


async def context_of(
    store: Store, role: Role = Role.REGIONAL_ADMINISTRATOR, unit: str = STOCKHOLM
) -> Context:
    """The context of a request."""
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


async def result_of(pending: Any) -> Result:
    """Data with the order of its keys; errors sorted, since their order depends on timing."""
    result = await pending if isinstance(pending, Awaitable) else pending
    assert isinstance(result, ExecutionResult)
    return orjson.dumps(result.data), sorted(
        orjson.dumps(error.formatted) for error in result.errors or ()
    )


async def both(
    store: Store, operation: Operation, variables: dict[str, Any], role: Role, unit: str
) -> list[Result]:
    """Results of compiled execution, with a new plan and with a cached one, and of graphql-core.

    All at the same time of a fixed clock, since some fields return the time.
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


def data_and_errors(answer: Result) -> tuple[bytes, dict[tuple[Any, ...], bytes | None]]:
    """Data, and the error at each null; None if the error is from below the null.

    Of several errors below a null, graphql-core reports the one that occurs first. Which one that
    is depends on the timing of MongoDB, and varies between runs of graphql-core alone.
    """
    data, errors = answer
    found: dict[tuple[Any, ...], bytes | None] = {}
    for error in errors:
        path = tuple(orjson.loads(error).get("path", ()))
        null_path, value = [], orjson.loads(data)
        for key in path:
            if value is None:
                break
            null_path.append(key)
            value = value[key]
        found[tuple(null_path)] = error if tuple(null_path) == path else found.get(tuple(null_path))
    return data, found


def contradicting_errors(result: Result, reference: Result) -> list[bytes]:
    """Errors that differ from the reference error of the same field."""
    errors = {orjson.dumps(orjson.loads(error).get("path")): error for error in reference[1]}
    return [
        error
        for error in result[1]
        if errors.get(orjson.dumps(orjson.loads(error).get("path")), error) != error
    ]


WHO = [
    (Role.REGIONAL_ADMINISTRATOR, STOCKHOLM),
    (Role.CLINIC_STAFF, BJORKEN),
    (Role.REVIEWER, STOCKHOLM),
]


async def compare(world: World, written: Written, who: tuple[Role, str]) -> None:
    """Compare compiled execution with graphql-core."""
    compiled, again, reference = await both(
        world.api.store, READ.read(written.text), written.variables, *who
    )
    assert data_and_errors(compiled) == data_and_errors(reference), written
    assert data_and_errors(again) == data_and_errors(reference), written
    assert not contradicting_errors(compiled, reference), written
