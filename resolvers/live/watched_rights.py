"""Rights that record each question and its answer, so that viewers can share one payload.

Everything that a payload depends on in the viewer's rights passes through `WatchedRights`. So
another viewer may share the payload if, and only if, the rights of that viewer give the same
answers to the recorded questions.
"""

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from resolvers.access.permissions import Permission
from resolvers.access.rights import HeldRole, Rights
from store.clinics.filters import ClinicScope
from store.documents.scopes import Scope, ScopedDocument, Visibility
from store.records import Clinic

T = TypeVar("T")
RightsQuestion = Callable[[Rights], Any]


@dataclass(frozen=True, slots=True, eq=False)
class RecordedAnswers:
    """Questions to one viewer's rights, with the answers.

    Attributes:
        answers: For each question, by a key that names it and its arguments: the question as a
            function of any rights, and the answer.
    """

    answers: dict[Hashable, tuple[RightsQuestion, Any]] = field(default_factory=dict)

    def signature(self) -> Hashable:
        """A value that is equal for equal questions with equal answers."""
        return frozenset((key, answer) for key, (_, answer) in self.answers.items())

    def same_for(self, rights: Rights) -> bool:
        """Whether other rights give the same answer to every question."""
        return all(question(rights) == answer for question, answer in self.answers.values())


class Viewpoint:
    """The current rights of a subscriber, and the recorded answers that they last agreed with."""

    __slots__ = ("_agreed", "rights")

    def __init__(self, rights: Rights) -> None:
        self.rights = rights
        self._agreed: RecordedAnswers | None = None

    def agrees_with(self, recorded: RecordedAnswers) -> bool:
        """Whether the subscriber's rights give all the recorded answers."""
        if self._agreed is recorded:
            return True
        if not recorded.same_for(self.rights):
            return False
        self._agreed = recorded
        return True


class WatchedRights:
    """Answers as other rights do, and records each question with its answer.

    Attributes:
        recorded: All questions so far, with their answers.
    """

    __slots__ = ("_rights", "recorded")

    def __init__(self, rights: Rights) -> None:
        self._rights = rights
        self.recorded = RecordedAnswers()

    def _answer(self, key: Hashable, question: Callable[[Rights], T]) -> T:
        answers = self.recorded.answers
        if key not in answers:
            answers[key] = (question, question(self._rights))
        answer: T = answers[key][1]
        return answer

    @property
    def held(self) -> tuple[HeldRole, ...]:
        """See `Rights`. Payloads that read it are shared only if the roles are equal."""
        return self._answer("held", lambda rights: rights.held)

    @property
    def scope(self) -> Scope:
        """See `Rights`. Payloads that read it are shared only if the scopes are equal."""
        return self._answer("scope", lambda rights: rights.scope)

    def visibility(self, document: ScopedDocument) -> Visibility:
        """See `Rights`."""
        # The key has all that a scope looks at. The content is not among it, and is not hashable.
        key = (
            "visibility",
            document.principal,
            document.owner,
            document.kind,
            document.published is None,
        )
        return self._answer(key, lambda rights: rights.visibility(document))

    def holder(
        self, permission: Permission, principal: str, clinic: str | None = None
    ) -> HeldRole | None:
        """See `Rights`."""
        return self._answer(
            ("holder", permission, principal, clinic),
            lambda rights: rights.holder(permission, principal, clinic),
        )

    def sees_clinic(self, clinic: Clinic) -> bool:
        """See `Rights`."""
        return self._answer(
            ("sees_clinic", clinic.key, clinic.principal), lambda rights: rights.sees_clinic(clinic)
        )

    def reads_clinic(self, clinic: str, principal: str) -> bool:
        """See `Rights`."""
        return self._answer(
            ("reads_clinic", clinic, principal),
            lambda rights: rights.reads_clinic(clinic, principal),
        )

    def sees_persons(self, principal: str) -> bool:
        """See `Rights`."""
        return self._answer(
            ("sees_persons", principal), lambda rights: rights.sees_persons(principal)
        )

    def belongs_to(self, principal: str) -> bool:
        """See `Rights`."""
        return self._answer(("belongs_to", principal), lambda rights: rights.belongs_to(principal))

    def knows_groups(self, principal: str) -> bool:
        """See `Rights`."""
        return self._answer(
            ("knows_groups", principal), lambda rights: rights.knows_groups(principal)
        )

    def clinics(self) -> ClinicScope | None:
        """See `Rights`."""
        return self._answer("clinics", lambda rights: rights.clinics())
