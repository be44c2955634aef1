"""Errors that a caller can act on, named by the situation.

Messages are in Swedish, because administrators read them. Codes are stable. `path` points into the
input of the call, in the API's names. When a `RegistryError` is raised, nothing was written.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from store.content.merge import Conflict
from store.records import Actor, DocumentState

Path = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Problem:
    """One problem in the input: a stable code, a message for people, and a path into the input."""

    code: str
    message: str
    path: Path


class RegistryError(Exception):
    """The base class of all errors that a caller can act on."""

    code: ClassVar[str]

    def __init__(self, message: str, path: Path = ()) -> None:
        super().__init__(message)
        self.message = message
        self.path = path


class OutcomeUnknown(Exception):
    """MongoDB did not answer a commit: the write may be committed now, later, or never.

    It is not a `RegistryError`, because those guarantee that nothing was written.
    """


class InvalidInput(RegistryError):
    """The input breaks rules. It has every problem that was found, not only the first."""

    code = "INVALID_INPUT"

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__(
            "; ".join(f"{'.'.join(p.path)}: {p.message}" for p in problems), problems[0].path
        )
        self.problems = tuple(problems)

    @classmethod
    def at(cls, path: Path, code: str, message: str) -> "InvalidInput":
        """Return the error for one problem."""
        return cls([Problem(code, message, path)])


class NotFound(RegistryError):
    """The object does not exist, or the viewer may not see it."""

    code = "NOT_FOUND"


class NotPermitted(RegistryError):
    """The viewer may see the object, but not do this with it."""

    code = "NOT_PERMITTED"


class VersionConflict(RegistryError):
    """Someone else saved first; `latest`, `by` and `at` describe that version."""

    code = "VERSION_CONFLICT"

    def __init__(
        self,
        *,
        document: str,
        principal: str,
        expected: int,
        latest: int,
        by: Actor,
        at: datetime,
        path: Path = ("expectedVersion",),
    ) -> None:
        super().__init__(
            f"Någon annan hann spara före dig: version {latest} finns redan, du utgick från version"
            f" {expected}.",
            path,
        )
        self.document = document
        self.principal = principal
        self.expected = expected
        self.latest = latest
        self.by = by
        self.at = at


class SubscriptionEnded(RegistryError):
    """An administrator has ended the subscription."""

    code = "ENDED_BY_ADMINISTRATOR"


class WrongState(RegistryError):
    """The call is not possible in the document's current state."""

    code = "WRONG_STATE"

    def __init__(self, message: str, state: DocumentState, path: Path = ("id",)) -> None:
        super().__init__(message, path)
        self.state = state


class MergeConflict(RegistryError):
    """Both sides changed the same values since the common version. It has every conflict."""

    code = "MERGE_CONFLICT"

    def __init__(self, conflicts: Sequence[Conflict]) -> None:
        super().__init__(
            f"{len(conflicts)} värden har ändrats både i dokumentet och i mallen.", ("resolutions",)
        )
        self.conflicts = tuple(conflicts)


class MultipleErrors(RegistryError):
    """A call on several documents was refused for some of them. It has every refusal."""

    code = "SEVERAL"

    def __init__(self, refusals: Sequence[RegistryError]) -> None:
        super().__init__("; ".join(refusal.message for refusal in refusals), refusals[0].path)
        self.refusals = tuple(refusals)


@dataclass(frozen=True, slots=True)
class RowProblem(Problem):
    """One row that cannot be used: its 1-based line or position, and its value."""

    row: int
    value: str


class RowsRefused(RegistryError):
    """Rows of a selection or a file cannot be used. It has every such row."""

    code = "ROWS_REFUSED"

    def __init__(self, rows: Sequence[RowProblem]) -> None:
        super().__init__(f"{len(rows)} rader kan inte användas.", rows[0].path)
        self.rows = tuple(rows)
