"""Starts subscriptions: the root field's resolver says what to deliver, and the hub delivers it."""

import asyncio
from dataclasses import dataclass, replace
from time import perf_counter
from typing import Protocol

from graphql import GraphQLError, located_error
from graphql.execution.values import get_argument_values

from execution.admission import Admitted
from execution.executor import OperationExecutor
from execution.operations import Operation
from execution.request import Request
from execution.sessions import ConnectionLimiter, Sessions
from execution.subscriptions.payload_templates import TemplateExecutor, dependencies_of
from execution.subscriptions.shared_payloads import SharedPayloads
from resolvers.context import Context
from resolvers.live.followers import Follower, Sink
from resolvers.live.hub import Hub
from resolvers.live.metrics import Metrics
from resolvers.live.subscription_source import SubscriptionSource
from schema.errors import codes_of, report
from store.log.cursors import Position, read_cursor


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of one long-lived connection.

    Attributes:
        operations: Operations open on one websocket at the same time.
        init_seconds: From the websocket's handshake to `connection_init`.
        heartbeat_seconds: Between two comments on an idle stream of Server-Sent Events.
        origins: Origins of pages that may open websockets, in lower case, in addition to the
            server's own; `*` allows all.
    """

    operations: int = 100
    init_seconds: float = 5
    heartbeat_seconds: float = 15
    origins: frozenset[str] = frozenset()


class Stream(Protocol):
    """A long response that must be ended when the server stops."""

    async def finish(self, *, complete: bool) -> None:
        """End the response."""


class Live:
    """What all transports share: how operations run, how subscriptions start, and open streams.

    Attributes:
        streams: Open streams; `end_streams` ends them.
    """

    def __init__(
        self,
        executor: OperationExecutor,
        hub: Hub,
        sessions: Sessions,
        connections: ConnectionLimiter,
        metrics: Metrics,
        limits: Limits,
    ) -> None:
        self.streams: set[Stream] = set()
        self.hub = hub
        self.sessions = sessions
        self.connections = connections
        self.metrics = metrics
        self.limits = limits
        self.executor = executor
        self._schema = executor.operations.schema
        self._shared_payloads = SharedPayloads(self._schema)

    async def subscribe(
        self,
        context: Context,
        admitted: Admitted,
        request: Request,
        sink: Sink,
        *,
        changes: int,
        transport: str,
    ) -> Follower | list[GraphQLError]:
        """Start a subscription.

        Args:
            context: Of the subscriber.
            admitted: A subscription operation.
            request: The request as it was sent.
            sink: Where payloads are sent.
            changes: See `Hub.subscribe`.
            transport: The transport's name, for the log.

        Returns:
            The follower; or, where the subscription is refused, errors with codes.
        """
        started_at = perf_counter()
        started = await self._start(context, admitted.operation, request, sink, changes)
        self.executor.log_operation(
            context,
            admitted,
            transport,
            started_at,
            [] if isinstance(started, Follower) else codes_of(started),
        )
        return started

    async def _start(
        self, context: Context, operation: Operation, request: Request, sink: Sink, changes: int
    ) -> Follower | list[GraphQLError]:
        executor = TemplateExecutor.of(
            self._schema, operation, request.operation_name, request.variables, context
        )
        if not isinstance(executor, TemplateExecutor):
            return _reported(executor, context)
        try:
            source = await resolve_source(executor)
        except GraphQLError as error:
            return _reported([error], context)
        if request.last_event_id is not None:
            position = read_cursor(request.last_event_id, source.principal, "Last-Event-ID")
            source = replace(
                source,
                position=position if source.clinics is not None else Position(position.sequence),
            )
        await self.hub.require_written(source)
        payloads = self._shared_payloads.join(
            context, operation, request.operation_name, request.variables, dependencies_of(executor)
        )
        return await self.hub.subscribe(context, source, payloads, sink, changes=changes)

    async def end_streams(self) -> None:
        """End all streams, so that their clients reconnect."""
        await asyncio.gather(
            *(stream.finish(complete=False) for stream in list(self.streams)),
            return_exceptions=True,
        )

    async def stop(self) -> None:
        """End all subscriptions and streams.

        The server that runs the application closes the websockets.
        """
        await self.hub.stop()
        await self.end_streams()


async def resolve_source(executor: TemplateExecutor) -> SubscriptionSource:
    """Call the resolver of the subscription's root field.

    graphql-core's `create_source_event_stream` does the same, but accepts only async iterables. A
    pull-based stream per subscriber would lose the hub's sharing and backpressure.

    Raises:
        GraphQLError: The resolver or the coercion of its arguments raised; with path and location.

    Source: GraphQL specification, "Source Stream", ResolveFieldEventStream.
    """
    root = executor.root_field()
    resolver = root.definition.subscribe
    assert resolver is not None  # noqa: S101 - Strawberry sets it for every subscription
    try:
        arguments = get_argument_values(
            root.definition,
            root.nodes[0],
            executor.variable_values,
            root.details[0].fragment_variable_values,
            executor.hide_suggestions,
        )
        info = executor.build_resolve_info(root.definition, root.nodes, root.parent, root.path)
        source = await resolver(executor.root_value, info, **arguments)
    except Exception as error:
        raise located_error(error, root.nodes, root.path.as_list()) from error
    assert isinstance(source, SubscriptionSource)  # noqa: S101 - every subscription returns one
    return source


def _reported(errors: list[GraphQLError], context: Context) -> list[GraphQLError]:
    report(errors, context.request_id)
    return errors
