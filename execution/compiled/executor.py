"""Executing operations: graphql-core, with what is plain answered by compiled code
(`execution.compiled.plans`).

Whatever compiled code can't answer, graphql-core executes as if there were none: so errors, their
paths and what they null are its own. Plain
selections do nothing but read records in hand, so that it harms nothing to begin them twice.
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

from execution.compiled.plans import CompiledField, Details, Plan
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
        """An executor for a valid operation, or why it can't be executed with these variables."""
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
                executor, operation.choosing, partial(operation.room.take, operation.plans)
            )
        executor.plan = plan
        return executor

    @cached_property
    def _info(self) -> Info:
        """What plain methods are handed: they ask for the context only."""
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
        """As graphql-core does, with the fields that the plan knows."""
        return super().execute_collected_root_fields(
            root_type, root_value, self.plan.root.grouped_field_set, serially, new_defer_usages
        )

    def collect_subfields(
        self, return_type: GraphQLObjectType, field_details_list: Details
    ) -> CollectedFields:
        """As graphql-core does, once for all requests."""
        return self.plan.collect(return_type, field_details_list)

    def execute_fields(
        self,
        parent_type: GraphQLObjectType,
        source_value: Any,
        path: Path | None,
        grouped_field_set: GroupedFieldSet,
        position_context: Any,
    ) -> AwaitableOrValue[dict[str, Any]]:
        """As graphql-core does, but for what is plain."""
        plan = self.plan.of(parent_type, grouped_field_set)
        if plan.whole is not None:
            try:
                return cast("dict[str, Any]", plan.whole(source_value, self._info))
            except Exception:  # noqa: BLE001 - whatever it is, graphql-core tells what and where
                return super().execute_fields(
                    parent_type, source_value, path, grouped_field_set, position_context
                )
        results: dict[str, Any] = {}
        waiting: list[str] = []
        try:
            for name, fast, details in plan.fields:
                result = _tried(fast, source_value, self._info)
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
        return self._awaited(results, waiting) if waiting else results

    @staticmethod
    async def _awaited(results: dict[str, Any], waiting: list[str]) -> dict[str, Any]:
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


def _tried(fast: CompiledField | None, source: Any, info: Info) -> Any:
    """What compiled code answers; Undefined where it can't."""
    if fast is None:
        return Undefined
    try:
        return fast(source, info)
    except Exception:  # noqa: BLE001 - as above
        return Undefined
