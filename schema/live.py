"""Executing operations; a subscription's up to where its events come from, which the hub then tells."""

import asyncio
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

from graphql import ExecutionResult, GraphQLError
from graphql.execution import create_source_event_stream

from resolvers.context import Context
from resolvers.live.followers import Follower, Outlet
from resolvers.live.hub import Hub
from resolvers.live.metrics import Metrics
from schema.errors import report
from schema.events import Source
from schema.open_execution import OpenExecutor, nature_of
from schema.operations import Operation
from schema.registry import RegistrySchema
from schema.sessions import Seats, Sessions
from schema.trusted import TrustedDocuments, digest_of
from schema.wordings import Wordings
from store.history import Position, read_cursor


@dataclass(frozen=True, slots=True)
class Limits:
    """What one connection may ask for.

    Attributes:
        operations: Open on one socket at once.
        init_seconds: From the handshake to `connection_init`.
        heartbeat_seconds: Between two comments on a stream of Server-Sent Events on which nothing happens.
    """

    operations: int = 100
    init_seconds: float = 5
    heartbeat_seconds: float = 15


@dataclass(frozen=True, slots=True)
class Request:
    """One operation as a client sent it: its text, the SHA-256 of that, or both."""

    query: str | None
    variables: Mapping[str, Any]
    operation_name: str | None = None
    last_event_id: str | None = None
    digest: str | None = None


def request_of(asked: Any, last_event_id: str | None = None) -> Request | None:
    """An operation as it came in JSON; None where it is none."""
    if not isinstance(asked, dict):
        return None
    query, name, variables = asked.get("query"), asked.get("operationName"), asked.get("variables")
    try:
        digest = digest_of(asked.get("extensions"))
    except ValueError:
        return None
    if not isinstance(query, str | None) or not isinstance(name, str | None) or not isinstance(variables, dict | None):
        return None
    return None if query is None and digest is None else Request(query, variables or {}, name, last_event_id, digest)


class Stream(Protocol):
    """A stream that is to be ended when the server stops."""

    async def finish(self, *, complete: bool) -> None:
        """End it."""


class Live:
    """What requests and long-lived connections are answered from."""

    def __init__(
        self, schema: RegistrySchema, trusted: TrustedDocuments, hub: Hub, sessions: Sessions, seats: Seats, metrics: Metrics, limits: Limits
    ) -> None:
        self.streams: set[Stream] = set()
        self.hub = hub
        self.sessions = sessions
        self.seats = seats
        self.metrics = metrics
        self.limits = limits
        self.graphql = schema.graphql
        self._trusted = trusted
        self._wordings = Wordings(schema.graphql)

    def operation_of(self, request: Request) -> Operation:
        """What a request asks to be executed, valid; or why there is none, in its errors."""
        return self._trusted.find(request.query, request.digest)

    async def follow(
        self, context: Context, operation: Operation, request: Request, outlet: Outlet, *, changes: int
    ) -> Follower | list[GraphQLError]:
        """Begin a subscription.

        Args:
            context: Of who follows.
            operation: A valid document whose operation is a subscription.
            request: As it was sent.
            outlet: Where it is told.
            changes: See `Hub.follow`.

        Returns:
            The follower; or why there is none, coded.
        """
        executor = OpenExecutor.of(self.graphql, operation, request.operation_name, request.variables, context)
        if not isinstance(executor, OpenExecutor):
            return _reported(executor, context)
        source = create_source_event_stream(executor)
        source = await source if executor.is_awaitable(source) else source
        if isinstance(source, ExecutionResult):
            return _reported(source.errors or [], context)
        assert isinstance(source, Source)  # noqa: S101 - what every subscription of this schema answers
        following = source.following
        if request.last_event_id is not None:
            position = read_cursor(request.last_event_id, following.principal, "Last-Event-ID")
            following = replace(following, position=position if following.clinics is not None else Position(position.sequence))
        wording = self._wordings.join(context, operation, request.operation_name, request.variables, nature_of(executor))
        return await self.hub.follow(context, following, wording, outlet, changes=changes)

    async def execute(self, context: Context, operation: Operation, request: Request) -> ExecutionResult:
        """Answer a query or mutation of a valid document that `refusal` lets pass; with coded errors."""
        executor = OpenExecutor.of(self.graphql, operation, request.operation_name, request.variables, context)
        if not isinstance(executor, OpenExecutor):
            return ExecutionResult(None, _reported(executor, context))
        pending = executor.execute_operation()
        result = await pending if isinstance(pending, Awaitable) else pending
        assert isinstance(result, ExecutionResult)  # noqa: S101 - nothing is delivered in parts
        report(result.errors or (), context.request_id)
        return result

    async def end_streams(self) -> None:
        """End all streams, whose clients are to connect again."""
        await asyncio.gather(*(stream.finish(complete=False) for stream in list(self.streams)), return_exceptions=True)

    async def stop(self) -> None:
        """End all subscriptions and streams. Websockets are told by the server that runs the application."""
        await self.hub.stop()
        await self.end_streams()


def _reported(errors: list[GraphQLError], context: Context) -> list[GraphQLError]:
    report(errors, context.request_id)
    return errors
