"""Beginning a subscription: its operation is executed up to where its events come from, which the
hub then tells.
"""

import asyncio
from dataclasses import dataclass, replace
from time import perf_counter
from typing import Protocol

from graphql import ExecutionResult as GraphQLExecutionResult
from graphql import GraphQLError
from graphql.execution import create_source_event_stream

from execution.executor import Admitted, OperationExecutor
from execution.operations import Operation
from execution.request import Request
from execution.sessions import ConnectionLimiter, Sessions
from execution.subscriptions.payload_templates import TemplateExecutor, dependencies_of
from execution.subscriptions.shared_payloads import SharedPayloads
from resolvers.context import Context
from resolvers.live.followers import Follower, Sink
from resolvers.live.hub import Hub
from resolvers.live.metrics import Metrics
from schema.errors import codes_of, report
from schema.log.events import Source
from store.log.cursors import Position, read_cursor


@dataclass(frozen=True, slots=True)
class Limits:
    """What one connection may ask for.

    Attributes:
        operations: Open on one socket at once.
        init_seconds: From the handshake to `connection_init`.
        heartbeat_seconds: Between two comments on a stream of Server-Sent Events on which nothing
            happens.
        origins: Of pages that may open websockets, in lower case, beside the server's own; `*` is
            all.
    """

    operations: int = 100
    init_seconds: float = 5
    heartbeat_seconds: float = 15
    origins: frozenset[str] = frozenset()


class Stream(Protocol):
    """A stream that is to be ended when the server stops."""

    async def finish(self, *, complete: bool) -> None:
        """End it."""


class Live:
    """What long-lived connections are answered from."""

    def __init__(
        self,
        executor: OperationExecutor,
        hub: Hub,
        sessions: Sessions,
        seats: ConnectionLimiter,
        metrics: Metrics,
        limits: Limits,
    ) -> None:
        self.streams: set[Stream] = set()
        self.hub = hub
        self.sessions = sessions
        self.seats = seats
        self.metrics = metrics
        self.limits = limits
        self.executor = executor
        self._schema = executor.operations.schema
        self._shared_payloads = SharedPayloads(self._schema)

    async def follow(
        self,
        context: Context,
        admitted: Admitted,
        request: Request,
        outlet: Sink,
        *,
        changes: int,
        transport: str,
    ) -> Follower | list[GraphQLError]:
        """Begin a subscription.

        Args:
            context: Of who follows.
            admitted: A subscription.
            request: As it was sent.
            outlet: Where it is told.
            changes: See `Hub.follow`.
            transport: What it came over.

        Returns:
            The follower; or why there is none, coded.
        """
        begun = perf_counter()
        started = await self._started(context, admitted.operation, request, outlet, changes)
        self.executor.note(
            context,
            admitted,
            transport,
            begun,
            [] if isinstance(started, Follower) else codes_of(started),
        )
        return started

    async def _started(
        self, context: Context, operation: Operation, request: Request, outlet: Sink, changes: int
    ) -> Follower | list[GraphQLError]:
        executor = TemplateExecutor.of(
            self._schema, operation, request.operation_name, request.variables, context
        )
        if not isinstance(executor, TemplateExecutor):
            return _reported(executor, context)
        source = create_source_event_stream(executor)
        source = await source if executor.is_awaitable(source) else source
        if isinstance(source, GraphQLExecutionResult):
            return _reported(source.errors or [], context)
        assert isinstance(source, Source)  # noqa: S101 - every subscription of this schema returns one
        following = source.following
        if request.last_event_id is not None:
            position = read_cursor(request.last_event_id, following.principal, "Last-Event-ID")
            following = replace(
                following,
                position=position if following.clinics is not None else Position(position.sequence),
            )
        await self.hub.require_written(following)
        payloads = self._shared_payloads.join(
            context, operation, request.operation_name, request.variables, dependencies_of(executor)
        )
        return await self.hub.follow(context, following, payloads, outlet, changes=changes)

    async def end_streams(self) -> None:
        """End all streams, whose clients are to connect again."""
        await asyncio.gather(
            *(stream.finish(complete=False) for stream in list(self.streams)),
            return_exceptions=True,
        )

    async def stop(self) -> None:
        """End all subscriptions and streams.

        Websockets are told by the server that runs the application.
        """
        await self.hub.stop()
        await self.end_streams()


def _reported(errors: list[GraphQLError], context: Context) -> list[GraphQLError]:
    report(errors, context.request_id)
    return errors
