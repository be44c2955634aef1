"""What a caller can act on, named by the situation. Messages are in Swedish: administrators read
them. Codes are stable.

`path` points into the input of the call, in the API's names. An error raised here means that
nothing was written.
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
    """One thing that is wrong with the input: a stable code, a message for people, and its place."""

    code: str
    message: str
    path: Path


class RegistryError(Exception):
    """The root of all errors that a caller can act on."""

    code: ClassVar[str]

    def __init__(self, message: str, path: Path = ()) -> None:
        super().__init__(message)
        self.message = message
        self.path = path


class OutcomeUnknown(Exception):
    """MongoDB did not answer whether it committed a write: it is written, or not, or will be.

    No `RegistryError`: those wrote nothing.
    """


class InvalidInput(RegistryError):
    """The input breaks a rule. Carries every problem found, not just the first."""

    code = "INVALID_INPUT"

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__(
            "; ".join(f"{'.'.join(p.path)}: {p.message}" for p in problems), problems[0].path
        )
        self.problems = tuple(problems)

    @classmethod
    def at(cls, path: Path, code: str, message: str) -> "InvalidInput":
        """One problem at one place."""
        return cls([Problem(code, message, path)])


class NotFound(RegistryError):
    """There is no such thing, or the viewer may not know of it."""

    code = "NOT_FOUND"


class NotPermitted(RegistryError):
    """The viewer sees it but may not do this."""

    code = "NOT_PERMITTED"


class VersionConflict(RegistryError):
    """Someone else saved first."""

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
    """An administrator has ended a subscription."""

    code = "ENDED_BY_ADMINISTRATOR"


class WrongState(RegistryError):
    """The act does not fit the document's state."""

    code = "WRONG_STATE"

    def __init__(self, message: str, state: DocumentState, path: Path = ("id",)) -> None:
        super().__init__(message, path)
        self.state = state


class MergeConflict(RegistryError):
    """Both sides changed the same values since the common version. Carries every one."""

    code = "MERGE_CONFLICT"

    def __init__(self, conflicts: Sequence[Conflict]) -> None:
        super().__init__(
            f"{len(conflicts)} värden har ändrats både i dokumentet och i mallen.", ("resolutions",)
        )
        self.conflicts = tuple(conflicts)


class MultipleErrors(RegistryError):
    """An act on several documents was refused for some of them. Carries every refusal."""

    code = "SEVERAL"

    def __init__(self, refusals: Sequence[RegistryError]) -> None:
        super().__init__("; ".join(refusal.message for refusal in refusals), refusals[0].path)
        self.refusals = tuple(refusals)


@dataclass(frozen=True, slots=True)
class RowProblem(Problem):
    """One row that can't be used: its 1-based line in the file or place in the list, and what
    stands there.
    """

    row: int
    value: str


class RowsRefused(RegistryError):
    """Rows of a selection or a file can't be used. Carries every one."""

    code = "ROWS_REFUSED"

    def __init__(self, rows: Sequence[RowProblem]) -> None:
        super().__init__(f"{len(rows)} rader kan inte användas.", rows[0].path)
        self.rows = tuple(rows)
