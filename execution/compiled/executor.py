"""Executes operations: graphql-core, with compiled code for plain selections.

Where compiled code raises, graphql-core executes the selection as if there were no compiled code
(`execution.compiled.plans`). So errors, their paths and the nulls that they cause are those of
graphql-core. A plain selection only reads records in memory, so it is safe to execute it twice.
"""

from collections.abc import Hashable, Mapping
from functools import cached_property, partial
from types import SimpleNamespace
from typing import Any, Self, cast

from graphql import GraphQLError, GraphQLObjectType, GraphQLSchema
from graphql.execution import Executor
from graphql.execution.collect_fields import CollectedFields, GroupedFieldSet
from graphql.pyutils import AwaitableOrValue, Path, Undefined, gather_with_cancel
from strawberry.execution.is_awaitable import optimized_is_awaitable

from execution.compiled.completion import CompiledField
from execution.compiled.plans import Details, Plan
from execution.operations import Operation
from resolvers.context import Context
from schema.errors import MAX_ERRORS, Info


class CompiledExecutor(Executor[Any]):
    """Executes one operation for one request."""

    plan: Plan

    @classmethod
    def of(
        cls,
        schema: GraphQLSchema,
        operation: Operation,
        name: str | None,
        variables: Mapping[str, Any],
        context: Context,
    ) -> Self | list[GraphQLError]:
        """An executor for a valid operation; or errors, if the variables do not fit it."""
        assert operation.document is not None  # noqa: S101 - valid operations have one
        executor = cls.build(
            schema,
            operation.document,
            context_value=context,
            raw_variable_values=dict(variables),
            operation_name=name,
            is_awaitable=cast("Any", optimized_is_awaitable),
            max_coercion_errors=MAX_ERRORS,
            hide_suggestions=True,
        )
        if not isinstance(executor, cls):
            return cast("list[GraphQLError]", executor)
        values = executor.variable_values.coerced
        key: Hashable = (name, *(values.get(variable) for variable in operation.choosing))
        plan = operation.plans.get(key)
        if plan is None:
            plan = operation.plans[key] = Plan(
                executor, operation.choosing, partial(operation.plan_budget.add, operation.plans)
            )
        executor.plan = plan
        return executor

    @cached_property
    def _info(self) -> Info:
        """The `info` argument of plain methods. They only use its context."""
        return Info(
            _raw_info=cast("Any", SimpleNamespace(context=self.context_value)),
            _field=cast("Any", None),
        )

    def execute_collected_root_fields(
        self,
        root_type: GraphQLObjectType,
        root_value: Any,
        grouped_field_set: GroupedFieldSet,  # noqa: ARG002 - collected for this request only
        serially: bool,
        new_defer_usages: Any,
    ) -> AwaitableOrValue[dict[str, Any]]:
        """Execute the root fields as graphql-core does, but those that the plan has collected."""
        return super().execute_collected_root_fields(
            root_type, root_value, self.plan.root.grouped_field_set, serially, new_defer_usages
        )

    def collect_subfields(
        self, return_type: GraphQLObjectType, field_details_list: Details
    ) -> CollectedFields:
        """Collect subfields as graphql-core does, but once for all requests."""
        return self.plan.collect(return_type, field_details_list)

    def execute_fields(
        self,
        parent_type: GraphQLObjectType,
        source_value: Any,
        path: Path | None,
        grouped_field_set: GroupedFieldSet,
        position_context: Any,
    ) -> AwaitableOrValue[dict[str, Any]]:
        """Execute fields as graphql-core does, but plain ones by compiled code."""
        plan = self.plan.of(parent_type, grouped_field_set)
        if plan.whole is not None:
            try:
                return cast("dict[str, Any]", plan.whole(source_value, self._info))
            except Exception:  # noqa: BLE001 - graphql-core executes it again, and reports the error
                return super().execute_fields(
                    parent_type, source_value, path, grouped_field_set, position_context
                )
        results: dict[str, Any] = {}
        waiting: list[str] = []
        try:
            for name, compiled, details in plan.fields:
                result = _attempt(compiled, source_value, self._info)
                if result is Undefined:
                    result = self.execute_field(
                        parent_type,
                        source_value,
                        details,
                        Path(path, name, parent_type.name),
                        position_context,
                    )
                    if self.is_awaitable(result):
                        waiting.append(name)
                results[name] = result
        except Exception:
            if waiting:
                self.settle_in_background([results[name] for name in waiting])
            raise
        return self._await_results(results, waiting) if waiting else results

    @staticmethod
    async def _await_results(results: dict[str, Any], waiting: list[str]) -> dict[str, Any]:
        if len(waiting) == 1:
            results[waiting[0]] = await results[waiting[0]]
        else:
            results.update(
                zip(
                    waiting,
                    await gather_with_cancel(*(results[name] for name in waiting)),
                    strict=True,
                )
            )
        return results


def _attempt(compiled: CompiledField | None, source: Any, info: Info) -> Any:
    """The result of compiled code; Undefined if there is none or it raises."""
    if compiled is None:
        return Undefined
    try:
        return compiled(source, info)
    except Exception:  # noqa: BLE001 - as above
        return Undefined
