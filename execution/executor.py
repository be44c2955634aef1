"""Runs one operation for any transport: admission, execution within a timeout, and logging."""

import asyncio
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from inspect import isawaitable
from random import uniform
from time import perf_counter

import structlog
from graphql import ExecutionResult, OperationType

from execution.admission import Admission, Admitted
from execution.compiled.executor import CompiledExecutor
from execution.etags import etag_of
from execution.if_none_match import IfNoneMatch
from execution.operations import Operation, Operations
from execution.rate_limits import ConcurrencyLimiter, RateLimiter
from execution.request import Request
from execution.results import OperationResult, Refusal
from execution.trusted_documents import TrustedDocuments
from resolvers.context import Context
from schema.errors import TopLevelError, codes_of, report

_log = structlog.get_logger(__name__)
_RATE_LIMITED_DELAY_SECONDS = (0.15, 0.35)


@dataclass(frozen=True, slots=True)
class ExecutionLimits:
    """The limits on the execution of operations.

    Attributes:
        seconds: Timeout of one query or mutation.
        at_once: Operations of one user that are executed at the same time; 0 means no limit.
        logged: Whether each operation is logged.
    """

    seconds: float = 8
    at_once: int = 4
    logged: bool = True


class OperationExecutor:
    """Runs the operations of one process."""

    def __init__(
        self,
        operations: Operations,
        trusted: TrustedDocuments,
        rates: RateLimiter,
        limits: ExecutionLimits,
    ) -> None:
        self.operations = operations
        self.trusted = trusted
        self._admission = Admission(operations, trusted, rates)
        self._limits = limits
        self._concurrency = ConcurrencyLimiter(limits.at_once)

    def turn(self, context: Context) -> AbstractAsyncContextManager[None]:
        """Wait for one of the viewer's concurrent executions; hold it until the block ends."""
        return self._concurrency.turn(context.viewer.subject)

    def charge(self, context: Context, cost: int) -> None:
        """Charge a cost to the rate limits of the viewer and of the viewer's principal.

        Raises:
            Refusal: A limit is reached; nothing was charged.
        """
        self._admission.charge(context, cost)

    async def admit(self, context: Context, request: Request, transport: str) -> Admitted:
        """Decide whether an operation is executed, and log a refusal.

        Raises:
            Refusal: See `Admission.admit`.
        """
        started_at = perf_counter()
        try:
            return self._admission.admit(context, request)
        except Refusal as refusal:
            self.log_operation(
                context, None, transport, started_at, codes_of(refusal.result.refused)
            )
            if refusal.result.retry_after:
                # Slows down clients that ignore the wait; random, so that they do not return
                # together.
                await asyncio.sleep(uniform(*_RATE_LIMITED_DELAY_SECONDS))  # noqa: S311 - needs no secure randomness
            raise

    async def execute(
        self,
        context: Context,
        request: Request,
        admitted: Admitted,
        transport: str,
        condition: IfNoneMatch | None = None,
    ) -> OperationResult:
        """Execute a query or mutation within the timeout, and log it.

        Args:
            context: Of the viewer.
            request: The request.
            admitted: The operation.
            transport: The transport's name, for the log.
            condition: See `answer`.
        """
        started_at = perf_counter()
        try:
            result = await self._execute(context, request, admitted, condition)
        except asyncio.CancelledError:
            self.log_operation(context, admitted, transport, started_at, ["cancelled"])
            raise
        codes = ["unchanged"] if result.unchanged else codes_of(result.refused or result.errors)
        self.log_operation(context, admitted, transport, started_at, codes)
        return result

    async def answer(
        self, context: Context, request: Request, transport: str, condition: IfNoneMatch | None
    ) -> OperationResult:
        """Admit and execute a query or mutation; a refusal is a result, too.

        Args:
            context: Of the viewer.
            request: The request.
            transport: The transport's name, for the log.
            condition: The header If-None-Match. If it names the response's tag, the operation is
                not executed. None without the header; then the result has no tag.
        """
        try:
            admitted = await self.admit(context, request, transport)
        except Refusal as refusal:
            return refusal.result
        return await self.execute(context, request, admitted, transport, condition)

    def log_operation(
        self,
        context: Context,
        admitted: Admitted | None,
        transport: str,
        started_at: float,
        codes: list[str],
    ) -> None:
        """Log an operation: the viewer, its name and cost, the duration and the error codes.

        Nothing of its text, variables or data is logged.
        """
        if not self._limits.logged:
            return
        measured = {**admitted.measure.log_fields, "cost": admitted.cost} if admitted else {}
        _log.info(
            "answered" if admitted else "refused",
            request_id=context.request_id,
            viewer=context.viewer.subject,
            transport=transport,
            duration_ms=round((perf_counter() - started_at) * 1000, 2),
            codes=codes,
            **measured,
        )

    async def _execute(
        self, context: Context, request: Request, admitted: Admitted, condition: IfNoneMatch | None
    ) -> OperationResult:
        if admitted.follows:
            error = TopLevelError(
                "BAD_REQUEST",
                "Subscriptions need a websocket, or a response of type text/event-stream.",
            )
            return OperationResult(
                refused=[error], extensions=admitted.extensions, unanswerable=True
            )
        try:
            async with asyncio.timeout(self._limits.seconds), self.turn(context):
                if condition is None:
                    return await self._result(context, request, admitted)
                return await self._unless_known(context, request, admitted, condition)
        except TimeoutError:
            return OperationResult(
                refused=[_timeout_error(admitted, self._limits.seconds)],
                extensions=admitted.extensions,
            )

    async def _unless_known(
        self, context: Context, request: Request, admitted: Admitted, condition: IfNoneMatch
    ) -> OperationResult:
        """The result with its tag; or, if the client has that tag, an unchanged result.

        The tag is computed again after the execution. If it differs, something was written in the
        meantime, which may or may not be in the result; then the result has no tag.
        `If-None-Match: *` matches any result with a tag, which only the execution shows.
        """
        tag = await self._tag(context, request, admitted)
        if tag is not None and condition.names(tag):
            return OperationResult(tag=tag, unchanged=True)
        result = await self._result(context, request, admitted)
        if (
            tag is None
            or result.refused
            or result.errors
            or tag != await self._tag(context, request, admitted)
        ):
            return result
        if condition.any:
            return OperationResult(tag=tag, unchanged=True)
        return replace(result, tag=tag)

    async def _tag(self, context: Context, request: Request, admitted: Admitted) -> str | None:
        return await etag_of(
            self.operations.schema, context, admitted.operation, request, admitted.extensions
        )

    async def _result(
        self, context: Context, request: Request, admitted: Admitted
    ) -> OperationResult:
        execution = await self._run(context, request, admitted.operation)
        if execution.errors:
            report(execution.errors, context.request_id)
            # Without a path, the variables were refused and nothing was executed.
            if execution.data is None and execution.errors[0].path is None:
                return OperationResult(refused=execution.errors, extensions=admitted.extensions)
        return OperationResult(
            data=execution.data, errors=execution.errors or (), extensions=admitted.extensions
        )

    async def _run(
        self, context: Context, request: Request, operation: Operation
    ) -> ExecutionResult:
        executor = CompiledExecutor.of(
            self.operations.schema, operation, request.operation_name, request.variables, context
        )
        if not isinstance(executor, CompiledExecutor):
            return ExecutionResult(None, executor)
        pending = executor.execute_operation()
        result = await pending if isawaitable(pending) else pending
        assert isinstance(result, ExecutionResult)  # noqa: S101 - there is no incremental delivery
        return result


def _timeout_error(admitted: Admitted, seconds: float) -> TopLevelError:
    if admitted.measure.kind == OperationType.MUTATION.value:
        message = (
            f"This took more than {seconds:g} seconds. It may have been written, or may still be:"
            " repeat it with the same idempotency key."
        )
        return TopLevelError("OUTCOME_UNKNOWN", message)
    return TopLevelError(
        "DEADLINE_EXCEEDED", f"This took more than {seconds:g} seconds and was cancelled."
    )
