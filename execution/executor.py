"""Answering one operation, whatever it came over: whether it may be asked, its execution within its
time, and what the log tells of it.
"""

import asyncio
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field, replace
from inspect import isawaitable
from math import ceil
from random import uniform
from time import perf_counter
from typing import Any

import structlog
from graphql import ExecutionResult, GraphQLError, OperationType

from execution.compiled.executor import CompiledExecutor
from execution.complexity import Measure
from execution.etags import etag_of
from execution.if_none_match import IfNoneMatch
from execution.operations import Operation, Operations
from execution.rate_limits import ConcurrencyLimiter, RateLimiter
from execution.request import Request, body_too_large
from execution.trusted_documents import TrustedDocuments
from resolvers.access.permissions import Permission
from resolvers.context import Context
from schema.errors import TopLevelError, codes_of, formatted, report

_log = structlog.get_logger(__name__)
_OF_A_REQUEST = 10
_REFUSED_LATE_SECONDS = (0.15, 0.35)


@dataclass(frozen=True, slots=True)
class ExecutionLimits:
    """What one operation may take.

    Attributes:
        seconds: Until its execution is ended.
        at_once: Operations of one user that are executed at the same time; 0 lifts the limit.
        logged: Whether the log tells of each operation.
    """

    seconds: float = 8
    at_once: int = 4
    logged: bool = True


@dataclass(slots=True)
class OperationResult:
    """What an operation came to.

    Attributes:
        data: Of its execution.
        errors: Of its execution, coded.
        refused: Why it was not executed, coded; then it has no data.
        extensions: What is told beside.
        retry_after: Seconds after which it may be asked again, where it was asked too often.
        unanswerable: It is of a kind that can't be answered this way.
        tag: Its entity tag, where it was asked for and can have one.
        unchanged: What the client has under that tag is this answer, which was not made again.
    """

    data: Any = None
    errors: Sequence[GraphQLError] = ()
    refused: Sequence[GraphQLError] = ()
    extensions: dict[str, Any] = field(default_factory=dict)
    retry_after: int = 0
    unanswerable: bool = False
    tag: str | None = None
    unchanged: bool = False

    def as_dict(self) -> dict[str, Any]:
        """As JSON."""
        told: dict[str, Any] = (
            {"errors": formatted(self.refused)} if self.refused else {"data": self.data}
        )
        if self.errors:
            told["errors"] = formatted(self.errors)
        if self.extensions:
            told["extensions"] = self.extensions
        return told


class Refusal(Exception):
    """An operation is not executed; the answer says why."""

    def __init__(self, answer: OperationResult) -> None:
        super().__init__()
        self.answer = answer


@dataclass(frozen=True, slots=True)
class Admitted:
    """An operation that may be executed.

    Attributes:
        operation: The document.
        measure: Of the operation that is meant.
        cost: In values.
        extensions: What is told of the cost.
    """

    operation: Operation
    measure: Measure
    cost: int
    extensions: dict[str, Any]

    @property
    def follows(self) -> bool:
        """Whether it is a subscription."""
        return self.measure.kind == OperationType.SUBSCRIPTION.value


class OperationExecutor:
    """OperationExecutor the operations of one process."""

    def __init__(
        self,
        operations: Operations,
        trusted: TrustedDocuments,
        rates: RateLimiter,
        limits: ExecutionLimits,
    ) -> None:
        self.operations = operations
        self.trusted = trusted
        self._rates = rates
        self._limits = limits
        self._turns = ConcurrencyLimiter(limits.at_once)

    def turn(self, context: Context) -> AbstractAsyncContextManager[None]:
        """One of the turns that the viewer has at the same time, until the end of the block."""
        return self._turns.turn(context.viewer.subject)

    async def admit(self, context: Context, request: Request, transport: str) -> Admitted:
        """Decide whether an operation is executed.

        Raises:
            Refusal: It is not valid, asks for too much or too often, or for what the viewer may
                not.
        """
        begun = perf_counter()
        try:
            return self._admitted(context, request)
        except Refusal as refusal:
            self.log_operation(context, None, transport, begun, codes_of(refusal.answer.refused))
            if (
                refusal.answer.retry_after
            ):  # who comes back at once, whatever is said, is slowed down by that
                await asyncio.sleep(uniform(*_REFUSED_LATE_SECONDS))  # noqa: S311 - so that many do not come back together
            raise

    async def execute(
        self,
        context: Context,
        request: Request,
        admitted: Admitted,
        transport: str,
        condition: IfNoneMatch | None = None,
    ) -> OperationResult:
        """Execute a query or mutation, within its time; unless the client has the answer (see
        `answer`).
        """
        begun = perf_counter()
        try:
            answer = await self._executed(context, request, admitted, condition)
        except asyncio.CancelledError:
            self.log_operation(context, admitted, transport, begun, ["cancelled"])
            raise
        self.log_operation(
            context,
            admitted,
            transport,
            begun,
            ["unchanged"] if answer.unchanged else codes_of(answer.refused or answer.errors),
        )
        return answer

    async def answer(
        self, context: Context, request: Request, transport: str, condition: IfNoneMatch | None
    ) -> OperationResult:
        """Admit and execute, unless the client has the answer.

        Args:
            context: Of who asks.
            request: What is asked.
            transport: What it came over.
            condition: The header If-None-Match; None without one, and then the answer has no tag.
        """
        try:
            admitted = await self.admit(context, request, transport)
        except Refusal as refusal:
            return refusal.answer
        return await self.execute(context, request, admitted, transport, condition)

    def charge(self, context: Context, cost: int, extensions: dict[str, Any] | None = None) -> None:
        """Take what something costs from the rates of its user and principal.

        Raises:
            Refusal: It is not there yet.
        """
        held = context.rights.held
        wait = self._rates.charge(context.viewer.subject, held[0].principal if held else None, cost)
        if wait > 0:
            seconds = ceil(wait)
            error = TopLevelError(
                "RATE_LIMITED",
                f"This user, or all of its principal, asks too much. Try again in {seconds} s.",
                {"retryAfter": seconds},
            )
            raise Refusal(
                OperationResult(refused=[error], extensions=extensions or {}, retry_after=seconds)
            )

    def log_operation(
        self,
        context: Context,
        admitted: Admitted | None,
        transport: str,
        begun: float,
        codes: list[str],
    ) -> None:
        """Tell the log of an operation: by whom, which, at what cost.

        Nothing of what it asked or answered.
        """
        if self._limits.logged:
            told = {**admitted.measure.log_fields, "cost": admitted.cost} if admitted else {}
            _log.info(
                "answered" if admitted else "refused",
                request_id=context.request_id,
                viewer=context.viewer.subject,
                transport=transport,
                duration_ms=round((perf_counter() - begun) * 1000, 2),
                codes=codes,
                **told,
            )

    def _admitted(self, context: Context, request: Request) -> Admitted:
        operation = self._found(context, request)
        if operation.errors:
            report(operation.errors, context.request_id)
            raise Refusal(OperationResult(refused=operation.errors))
        if request.longer_than is not None and not self.operations.takes_much(operation):
            raise Refusal(OperationResult(refused=[body_too_large(request.longer_than)]))
        measure = self._meant(operation, request.operation_name)
        cost = _OF_A_REQUEST + measure.cost.with_variables(
            {**measure.defaults, **request.variables} if measure.defaults else request.variables
        )
        most = self.operations.bounds.cost
        extensions = {"cost": {"requested": cost, "limit": most}}
        if cost > most:
            why = (
                f"This may come to {cost} values; one operation may come to {most}. Ask for smaller"
                " pages, or for fewer fields."
            )
            raise Refusal(
                OperationResult(
                    refused=[
                        TopLevelError("QUERY_TOO_COMPLEX", why, {"limit": "cost", "most": most})
                    ],
                    extensions=extensions,
                )
            )
        if measure.introspects and not any(
            Permission.INTROSPECT in held.permissions for held in context.rights.held
        ):
            error = TopLevelError(
                "INTROSPECTION_NOT_PERMITTED",
                "The schema is not told in this role: read schema.graphql.",
            )
            raise Refusal(OperationResult(refused=[error], extensions=extensions))
        self.charge(context, cost, extensions)
        return Admitted(operation, measure, cost, extensions)

    def _found(self, context: Context, request: Request) -> Operation:
        if (operation := self.trusted.known(request.query, request.digest)) is None:
            self.charge(
                context, len(request.query or "")
            )  # a character takes as long to read as a value to answer
            operation = self.trusted.find(request.query, request.digest)
        return operation

    def _meant(self, operation: Operation, name: str | None) -> Measure:
        if name is None and len(operation.measures) == 1:
            return next(iter(operation.measures.values()))
        if name is None:
            why = (
                "Say which operation is meant with `operationName`: there are several."
                if operation.measures
                else "There is no operation."
            )
            raise Refusal(OperationResult(refused=[TopLevelError("BAD_REQUEST", why)]))
        if (measure := operation.measures.get(name)) is None:
            raise Refusal(
                OperationResult(
                    refused=[
                        TopLevelError(
                            "BAD_REQUEST", "There is no operation of the name in `operationName`."
                        )
                    ]
                )
            )
        return measure

    async def _executed(
        self, context: Context, request: Request, admitted: Admitted, condition: IfNoneMatch | None
    ) -> OperationResult:
        if admitted.follows:
            error = TopLevelError(
                "BAD_REQUEST",
                "Subscriptions are answered over a websocket, or as text/event-stream.",
            )
            return OperationResult(
                refused=[error], extensions=admitted.extensions, unanswerable=True
            )
        try:
            async with asyncio.timeout(self._limits.seconds), self.turn(context):
                if condition is None:
                    return self._told(
                        context,
                        admitted,
                        await self._execution(context, request, admitted.operation),
                    )
                return await self._unless_known(context, request, admitted, condition)
        except TimeoutError:
            return OperationResult(
                refused=[_overdue(admitted, self._limits.seconds)], extensions=admitted.extensions
            )

    async def _unless_known(
        self, context: Context, request: Request, admitted: Admitted, condition: IfNoneMatch
    ) -> OperationResult:
        """Answer with an entity tag, or that the client has this answer already.

        `If-None-Match: *` matches any answer that has a tag. Whether there is one shows only when
        the operation has been executed. If something is written meanwhile, the answer may contain
        it or not, so it has no tag.
        """
        tag = await self._tag(context, request, admitted)
        if tag is not None and condition.names(tag):
            return OperationResult(tag=tag, unchanged=True)
        answer = self._told(
            context, admitted, await self._execution(context, request, admitted.operation)
        )
        if (
            tag is None
            or answer.refused
            or answer.errors
            or tag != await self._tag(context, request, admitted)
        ):
            return answer
        if condition.any:
            return OperationResult(tag=tag, unchanged=True)
        return replace(answer, tag=tag)

    async def _tag(self, context: Context, request: Request, admitted: Admitted) -> str | None:
        return await etag_of(
            self.operations.schema, context, admitted.operation, request, admitted.extensions
        )

    def _told(
        self, context: Context, admitted: Admitted, result: ExecutionResult
    ) -> OperationResult:
        if result.errors:
            report(result.errors, context.request_id)
            if (
                result.data is None and result.errors[0].path is None
            ):  # its variables were refused: nothing was executed
                return OperationResult(refused=result.errors, extensions=admitted.extensions)
        return OperationResult(
            data=result.data, errors=result.errors or (), extensions=admitted.extensions
        )

    async def _execution(
        self, context: Context, request: Request, operation: Operation
    ) -> ExecutionResult:
        executor = CompiledExecutor.of(
            self.operations.schema, operation, request.operation_name, request.variables, context
        )
        if not isinstance(executor, CompiledExecutor):
            return ExecutionResult(None, executor)
        pending = executor.execute_operation()
        result = await pending if isawaitable(pending) else pending
        assert isinstance(result, ExecutionResult)  # noqa: S101 - nothing is delivered in parts
        return result


def _overdue(admitted: Admitted, seconds: float) -> TopLevelError:
    if admitted.measure.kind == OperationType.MUTATION.value:
        why = (
            f"This took more than {seconds:g} seconds. It may have been written, or may be yet:"
            " repeat it with the same idempotency key."
        )
        return TopLevelError("OUTCOME_UNKNOWN", why)
    return TopLevelError(
        "DEADLINE_EXCEEDED", f"This took more than {seconds:g} seconds, and was ended."
    )
