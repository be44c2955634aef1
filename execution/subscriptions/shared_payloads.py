"""Shared payloads: an event is executed once for all subscribers of one operation.

The part of a payload that depends on the clinic is inserted afterwards
(`execution.subscriptions.payload_templates`), or, where that is not possible, the event is executed
for each clinic. A payload that depends on the viewer's rights is shared only between viewers whose
rights give the same answers (`resolvers.live.watched_rights`). No payload depends on the viewer in
any other way: each is executed with an anonymous viewer.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import orjson
from graphql import GraphQLSchema
from graphql.execution import execute_subscription_event

from execution.operations import Operation
from execution.subscriptions.payload_templates import (
    ANY_CLINIC,
    ClinicValues,
    Dependencies,
    PayloadTemplate,
    TemplateExecutor,
)
from resolvers.access.rights import NO_RIGHTS, Rights
from resolvers.access.viewer import Viewer
from resolvers.context import Context
from resolvers.live.watched_rights import RecordedAnswers, Viewpoint, WatchedRights
from resolvers.loaders import Loaders
from schema.errors import answer_of, outage_in
from schema.log.events import Event
from schema.log.notifications import Notification
from store import records
from store.notifications.notifications import ClinicEvent
from store.records import Action, Actor, Role

_ANONYMOUS = Viewer(
    subject="",
    employee_hsa_id=None,
    name=None,
    grants=(),
    expires_at=datetime.max.replace(tzinfo=UTC),
)
_NO_EVENT = records.Event(
    "", 0, Action.PUBLISHED, _ANONYMOUS.expires_at, Actor(Role.REPORTER, None, None)
)
_NO_VALUES: ClinicValues = {}
_MAX_EVENTS = 64
_MAX_RECORDED = 256

PayloadKey = int | tuple[int, str]
"""An event's sequence number; with a clinic's key where the payload is for that clinic only."""


@dataclass(frozen=True, slots=True)
class _SharedTemplate:
    """A template of one event, for all viewers whose rights agree with the recorded answers."""

    recorded: RecordedAnswers
    template: PayloadTemplate


class OperationPayloads:
    """The payloads of one subscription operation.

    They are shared by all who sent it with the same values of the variables that it depends on. The
    templates of the last 64 events are kept. Implements `resolvers.live.followers.PayloadRenderer`.

    Args:
        schema: The GraphQL schema.
        context: Of the first subscriber; its request id goes into errors.
        operation: The document, valid.
        name: Name of the operation in the document.
        variables: Of the first subscriber.
        dependencies: What the payloads depend on.
    """

    def __init__(
        self,
        schema: GraphQLSchema,
        context: Context,
        operation: Operation,
        name: str | None,
        variables: Mapping[str, Any],
        dependencies: Dependencies,
    ) -> None:
        self._schema = schema
        self._context = context
        self._operation = operation
        self._name = name
        self._variables = dict(variables)
        self._dependencies = dependencies
        self._per_clinic_live = dependencies.per_clinic
        self._per_clinic_replay = dependencies.per_clinic or dependencies.acknowledgement
        self.users = 0
        self.forget: Callable[[], object] = lambda: None
        self._templates: OrderedDict[PayloadKey, list[_SharedTemplate]] = OrderedDict()
        self._in_progress: dict[PayloadKey, asyncio.Future[None]] = {}
        self._recorded: dict[Hashable, RecordedAnswers] = {}
        self._clinic_values: dict[str, tuple[records.Clinic, ClinicValues]] = {}

    def cached(
        self,
        event: records.Event,
        clinic: records.Clinic | None,
        viewpoint: Viewpoint,
        *,
        live: bool,
    ) -> bytes | None:
        """The payload of an event, if it can be rendered without I/O; else None."""
        for shared in self._templates.get(self._key(event, clinic, live=live), ()):
            if viewpoint.agrees_with(shared.recorded):
                template = shared.template
                values = _NO_VALUES if template.select is None else self._values_of(clinic)
                return None if values is None else template.render(values)
        return None

    async def render(
        self,
        event: records.Event,
        clinic: records.Clinic | None,
        viewpoint: Viewpoint,
        *,
        live: bool,
    ) -> bytes:
        """The payload of an event; executes it if needed.

        Concurrent calls for the same payload execute it once.

        Raises:
            Exception: MongoDB is unavailable (`store.outages.is_outage`).
        """
        key = self._key(event, clinic, live=live)
        if not live and self._dependencies.acknowledgement:
            self._templates.pop(key, None)  # it may have been acknowledged since
        if (in_progress := self._in_progress.get(key)) is not None:
            await asyncio.wait([in_progress])
        while (payload := self.cached(event, clinic, viewpoint, live=live)) is None:
            self._in_progress[key] = done = asyncio.get_running_loop().create_future()
            try:
                await self._execute(key, event, clinic, viewpoint)
            finally:
                done.set_result(None)
                if self._in_progress.get(key) is done:
                    del self._in_progress[key]
        return payload

    async def prepare(self, clinic: records.Clinic) -> None:
        """Cache the values of a clinic's placeholders."""
        if self._per_clinic_live or self._values_of(clinic) is not None:
            return
        executor = self._executor(NO_RIGHTS)  # plain attributes of a clinic need no rights
        notification = Notification.of(ClinicEvent(clinic.key, _NO_EVENT), clinic)
        values: dict[str | None, bytes] = {None: clinic.key.encode()}
        for name, field in self._dependencies.clinic_fields.items():
            value = field.resolve(executor, notification)
            values[name] = orjson.dumps(await value if executor.is_awaitable(value) else value)
        self._clinic_values[clinic.key] = (clinic, values)

    def release(self) -> None:
        """End one subscriber's use. The payloads are dropped after the last one."""
        self.users -= 1
        if not self.users:
            self.forget()

    async def _execute(
        self,
        key: PayloadKey,
        event: records.Event,
        clinic: records.Clinic | None,
        viewpoint: Viewpoint,
    ) -> None:
        if not any(
            viewpoint.agrees_with(shared.recorded) for shared in self._templates.get(key, ())
        ):
            watched = WatchedRights(viewpoint.rights)
            executor = self._executor(watched)
            for_all = clinic is not None and isinstance(key, int)
            executor.leaves_placeholders = for_all
            root_value = _root_value(event, clinic, for_all=for_all)
            pending = execute_subscription_event(executor.build_per_event_executor(root_value))
            result = await pending if isinstance(pending, Awaitable) else pending
            if (outage := outage_in(result)) is not None:
                raise outage
            text = orjson.dumps(answer_of(result, self._context.request_id))
            recorded = self._canonical(watched.recorded)
            self._keep(key, _SharedTemplate(recorded, PayloadTemplate.of(text)))
        if clinic is not None and isinstance(key, int):
            await self.prepare(clinic)

    def _canonical(self, recorded: RecordedAnswers) -> RecordedAnswers:
        """One object for equal answers, so that `Viewpoint.agrees_with` compares identities."""
        if len(self._recorded) > _MAX_RECORDED:
            self._recorded.clear()
        return self._recorded.setdefault(recorded.signature(), recorded)

    def _values_of(self, clinic: records.Clinic | None) -> ClinicValues | None:
        """The cached values of a clinic's placeholders; None if the clinic has changed since."""
        cached = self._clinic_values.get(clinic.key) if clinic is not None else None
        if cached is None:
            return None
        cached_clinic, values = cached
        return values if cached_clinic is clinic or cached_clinic == clinic else None

    def _keep(self, key: PayloadKey, template: _SharedTemplate) -> None:
        self._templates.setdefault(key, []).append(template)
        while len(self._templates) > _MAX_EVENTS:
            self._templates.popitem(last=False)

    def _key(
        self, event: records.Event, clinic: records.Clinic | None, *, live: bool
    ) -> PayloadKey:
        if clinic is not None and (self._per_clinic_live if live else self._per_clinic_replay):
            return event.sequence, clinic.key
        return event.sequence

    def _executor(self, rights: Rights) -> TemplateExecutor:
        context = replace(
            self._context, viewer=_ANONYMOUS, rights=rights, loaders=Loaders(self._context.store)
        )
        executor = TemplateExecutor.of(
            self._schema, self._operation, self._name, self._variables, context
        )
        if not isinstance(executor, TemplateExecutor):
            raise executor[0]
        return executor


def _root_value(
    event: records.Event, clinic: records.Clinic | None, *, for_all: bool
) -> Event | Notification:
    if clinic is None:
        return Event.of(event)
    return (
        Notification.of(ClinicEvent(ANY_CLINIC, event))
        if for_all
        else Notification.of(ClinicEvent(clinic.key, event), clinic)
    )


class SharedPayloads:
    """The payloads of all subscription operations in use in one process."""

    def __init__(self, schema: GraphQLSchema) -> None:
        self._schema = schema
        self._shared: dict[Hashable, OperationPayloads] = {}

    def join(
        self,
        context: Context,
        operation: Operation,
        name: str | None,
        variables: Mapping[str, Any],
        dependencies: Dependencies,
    ) -> OperationPayloads:
        """The payloads for an operation. The caller must call `release` once when it is done."""
        relevant = {key: value for key, value in variables.items() if key in dependencies.variables}
        key = (operation.text, name, orjson.dumps(relevant, option=orjson.OPT_SORT_KEYS))
        if (shared := self._shared.get(key)) is None:
            shared = OperationPayloads(
                self._schema, context, operation, name, variables, dependencies
            )
            shared.forget = lambda: self._shared.pop(key, None)
            self._shared[key] = shared
        shared.users += 1
        return shared
