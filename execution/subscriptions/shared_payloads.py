"""Telling many of one event at the cost of one: an operation is executed once for all who sent it
and may see the same, and its text is shared.

What depends on the clinic is filled in (`execution.subscriptions.payload_templates`), or executed for each clinic where
that can't be. What depends on the viewer's
rights is shared only with those for whom all that was asked of the rights is answered the same
(`resolvers.live.watched_rights`). Nothing depends on the
viewer itself: it is executed as nobody.
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
    Answers,
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
from schema.log.events import Event, Notification
from store import records
from store.notifications.notifications import ClinicEvent
from store.records import Action, Actor, Role

_NOBODY = Viewer(
    subject="",
    employee_hsa_id=None,
    name=None,
    grants=(),
    expires_at=datetime.max.replace(tzinfo=UTC),
)
_NO_EVENT = records.Event(
    "", 0, Action.PUBLISHED, _NOBODY.expires_at, Actor(Role.REPORTER, None, None)
)
_NO_ANSWERS: Answers = {}
_KEPT_EVENTS = 64
_KEPT_ASKED = 256

Key = int | tuple[int, str]
"""An event's sequence number; with a clinic's key, where the text is made for that clinic alone."""


@dataclass(frozen=True, slots=True)
class _Text:
    """A text of one event, for all to whom the rights that were asked say the same."""

    recorded: RecordedAnswers
    text: PayloadTemplate


class SharedPayload:
    """The texts of one subscription operation, for all who sent it with the same values of the
    variables that matter.

    Args:
        schema: The GraphQL schema.
        context: Of the first who sent it.
        operation: What was sent, valid.
        name: Of the operation meant.
        variables: As they were first sent; those that matter were the same for all.
        nature: What the text depends on.
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
        self._nature = dependencies
        self._alone_live = dependencies.by_clinic
        self._alone_later = dependencies.by_clinic or dependencies.by_acknowledgement
        self.users = 0
        self.forget: Callable[[], object] = lambda: None
        self._texts: OrderedDict[Key, list[_Text]] = OrderedDict()
        self._making: dict[Key, asyncio.Future[None]] = {}
        self._asked: dict[Hashable, RecordedAnswers] = {}
        self._answers: dict[str, tuple[records.Clinic, Answers]] = {}

    def text(
        self,
        event: records.Event,
        clinic: records.Clinic | None,
        viewpoint: Viewpoint,
        *,
        live: bool,
    ) -> bytes | None:
        """What someone is told of an event; None where that is not made yet."""
        for one in self._texts.get(self._key(event, clinic, live=live), ()):
            if viewpoint.agrees_with(one.recorded):
                answers = _NO_ANSWERS if one.text.take is None else self._answers_of(clinic)
                return None if answers is None else one.text.filled(answers)
        return None

    async def make(
        self,
        event: records.Event,
        clinic: records.Clinic | None,
        viewpoint: Viewpoint,
        *,
        live: bool,
    ) -> bytes:
        """The same, made now.

        Raises:
            Exception: What says that MongoDB can't be asked just now.
        """
        key = self._key(event, clinic, live=live)
        if not live and self._nature.by_acknowledgement:
            self._texts.pop(key, None)  # it may have been acknowledged since
        if (under_way := self._making.get(key)) is not None:
            await asyncio.wait([under_way])
        while (made := self.text(event, clinic, viewpoint, live=live)) is None:
            self._making[key] = done = asyncio.get_running_loop().create_future()
            try:
                await self._make(key, event, clinic, viewpoint)
            finally:
                done.set_result(None)
                if self._making.get(key) is done:
                    del self._making[key]
        return made

    async def prepare(self, clinic: records.Clinic) -> None:
        """Have the clinic's answers at hand."""
        if self._alone_live or self._answers_of(clinic) is not None:
            return
        executor = self._executor(NO_RIGHTS)  # nothing that is asked depends on rights
        notification = Notification.of(ClinicEvent(clinic.key, _NO_EVENT), clinic)
        answers = {
            name: question.put(executor, notification)
            for name, question in self._nature.questions.items()
        }
        known = {
            name: await answer if executor.is_awaitable(answer) else answer
            for name, answer in answers.items()
        }
        self._answers[clinic.key] = (
            clinic,
            {
                None: clinic.key.encode(),
                **{name: orjson.dumps(answer) for name, answer in known.items()},
            },
        )

    def left(self) -> None:
        """One who used it has gone."""
        self.users -= 1
        if not self.users:
            self.forget()

    async def _make(
        self, key: Key, event: records.Event, clinic: records.Clinic | None, viewpoint: Viewpoint
    ) -> None:
        if not any(viewpoint.agrees_with(one.recorded) for one in self._texts.get(key, ())):
            watched = WatchedRights(viewpoint.rights)
            executor = self._executor(watched)
            executor.leaves_placeholders = for_all = clinic is not None and isinstance(key, int)
            payload = _payload(event, clinic, for_all=for_all)
            pending = execute_subscription_event(executor.build_per_event_executor(payload))
            result = await pending if isinstance(pending, Awaitable) else pending
            if (outage := outage_in(result)) is not None:
                raise outage
            text = orjson.dumps(answer_of(result, self._context.request_id))
            self._keep(key, _Text(self._canonical(watched.recorded), PayloadTemplate.of(text)))
        if clinic is not None and isinstance(key, int):
            await self.prepare(clinic)

    def _canonical(self, asked: RecordedAnswers) -> RecordedAnswers:
        """The same questions with the same answers as one object, so that who agreed once is known
        to agree again.
        """
        if len(self._asked) > _KEPT_ASKED:
            self._asked.clear()
        return self._asked.setdefault(asked.signature(), asked)

    def _answers_of(self, clinic: records.Clinic | None) -> Answers | None:
        """What belongs at a clinic's places; None where that is not known, or was so before the
        clinic changed.
        """
        known = self._answers.get(clinic.key) if clinic is not None else None
        return (
            known[1] if known is not None and (known[0] is clinic or known[0] == clinic) else None
        )

    def _keep(self, key: Key, text: _Text) -> None:
        self._texts.setdefault(key, []).append(text)
        while len(self._texts) > _KEPT_EVENTS:
            self._texts.popitem(last=False)

    def _key(self, event: records.Event, clinic: records.Clinic | None, *, live: bool) -> Key:
        if clinic is not None and (self._alone_live if live else self._alone_later):
            return event.sequence, clinic.key
        return event.sequence

    def _executor(self, rights: Rights) -> TemplateExecutor:
        context = replace(
            self._context, viewer=_NOBODY, rights=rights, loaders=Loaders(self._context.store)
        )
        executor = TemplateExecutor.of(
            self._schema, self._operation, self._name, self._variables, context
        )
        if not isinstance(executor, TemplateExecutor):
            raise executor[0]
        return executor


def _payload(
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
    """The shared wordings of one process, each as long as somebody uses it."""

    def __init__(self, schema: GraphQLSchema) -> None:
        self._schema = schema
        self._shared: dict[Hashable, SharedPayload] = {}

    def join(
        self,
        context: Context,
        operation: Operation,
        name: str | None,
        variables: Mapping[str, Any],
        dependencies: Dependencies,
    ) -> SharedPayload:
        """The wording for an operation; until `left` is called on it as often as it was joined."""
        matters = {key: value for key, value in variables.items() if key in dependencies.variables}
        key = (operation.text, name, orjson.dumps(matters, option=orjson.OPT_SORT_KEYS))
        if (shared := self._shared.get(key)) is None:
            shared = SharedPayload(self._schema, context, operation, name, variables, dependencies)
            shared.forget = lambda: self._shared.pop(key, None)
            self._shared[key] = shared
        shared.users += 1
        return shared
