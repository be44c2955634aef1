"""Rights that remember what was asked of them, so that one answer can serve everybody to whom the
same is allowed.

Sound by construction: whatever an answer rests on was asked here. Someone else may share it if, and
only if, all that was asked is answered the
same for that one.
"""

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from resolvers.access.permissions import Permission
from resolvers.access.rights import HeldRole, Rights
from store.clinics.filters import ClinicScope
from store.documents.scopes import Scope, ScopedDocument, Visibility
from store.documents.scopes import Scope, Visibility
from store.records import Clinic

T = TypeVar("T")
Question = Callable[[Rights], Any]


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """Questions to someone's rights, and how they were answered."""

    answers: dict[Hashable, tuple[Question, Any]] = field(default_factory=dict)

    def signature(self) -> Hashable:
        """Equal for equal questions with equal answers."""
        return frozenset((key, answer) for key, (_, answer) in self.answers.items())

    def same_for(self, rights: Rights) -> bool:
        """Whether all is answered the same for someone else."""
        return all(question(rights) == answer for question, answer in self.answers.values())


class Viewpoint:
    """Someone's rights as they are now, and the answers that were last found to be the same for
    them.
    """

    __slots__ = ("_agreed", "rights")

    def __init__(self, rights: Rights) -> None:
        self.rights = rights
        self._agreed: Asked | None = None

    def shares(self, asked: Asked) -> bool:
        """Whether all that was asked is answered the same for this one."""
        if self._agreed is asked:
            return True
        if not asked.same_for(self.rights):
            return False
        self._agreed = asked
        return True


class WatchedRights(Rights):
    """The rights of one who shares what comes of them.

    Everything that is read of them is noted in `asked`.
    """

    def __init__(self, rights: Rights) -> None:
        self._put("_rights", rights)
        self._put("asked", Asked())

    asked: Asked
    _rights: Rights

    def _put(self, name: str, value: object) -> None:
        object.__setattr__(self, name, value)  # the dataclass above is frozen

    def _answer(self, key: Hashable, question: Callable[[Rights], T]) -> T:
        if key not in self.asked.answers:
            self.asked.answers[key] = (question, question(self._rights))
        answer: T = self.asked.answers[key][1]
        return answer

    @property
    def held(self) -> tuple[HeldRole, ...]:
        """As the rights have it; shared only by those who hold the same."""
        return self._answer("held", lambda rights: rights.held)

    @property
    def scope(self) -> Scope:
        """As the rights have it; shared only by those who see the same."""
        return self._answer("scope", lambda rights: rights.scope)

    def visibility(self, document: ScopedDocument) -> Visibility:
        """See `Rights`."""
        # What a scope looks at; the content, which can't be a key, is not among it.
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
