"""What a column of an export is.

One table of columns per export drives every format and the data dictionary.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum, auto
from typing import Any, Generic, TypeVar

from resolvers.context import Context
from store.records import Actor

R = TypeVar("R")


class ColumnType(StrEnum):
    """What stands in a column's cells, if they are not empty."""

    TEXT = auto()
    INTEGER = auto()
    BOOLEAN = auto()
    TIME = auto()
    TEXTS = auto()
    JSON = auto()


@dataclass(frozen=True, slots=True)
class Column(Generic[R]):
    """One column.

    Attributes:
        name: In the API's names.
        type: Of its values; any cell may be empty.
        meaning: In one sentence.
        source: The field of the GraphQL API that answers the same; a dash where none does.
        value: Of a row. Times are aware, lists are lists, JSON is plain objects.
        unit: What its numbers count, or what its codes are.
        on_request: Only with the parameter of the same name.
    """

    name: str
    type: ColumnType
    meaning: str
    source: str
    value: Callable[[R], Any]
    unit: str = "–"
    on_request: bool = False


@dataclass(frozen=True, slots=True)
class Seen:
    """Whose persons the viewer may see, and what principals are called."""

    context: Context

    def person(self, actor: Actor, principal: str) -> str | None:
        """The person behind an act in a principal's log, where the viewer may see persons there."""
        return actor.employee_hsa_id if self.context.rights.sees_persons(principal) else None

    def hsa_id(self, principal: str) -> str:
        """A principal's HSA-id by its key."""
        return self.context.principals[principal].hsa_id


def actor_columns(
    prefix: str,
    whose: str,
    source: str,
    actor: Callable[[R], Actor],
    person: Callable[[R], str | None],
) -> Sequence[Column[R]]:
    """Who did it: role and unit for everyone, the person for those who may see persons."""
    return (
        Column(
            f"{prefix}Role",
            ColumnType.TEXT,
            f"The role in which {whose}.",
            f"{source}.role",
            lambda row: str(actor(row).role),
            "Role",
        ),
        Column(
            f"{prefix}Unit",
            ColumnType.TEXT,
            f"The unit for which {whose}.",
            f"{source}.unit",
            lambda row: actor(row).unit,
            "HSA-id",
        ),
        Column(
            f"{prefix}System",
            ColumnType.BOOLEAN,
            "Whether a machine did it.",
            f"{source}.system",
            lambda row: actor(row).system,
        ),
        Column(
            f"{prefix}Person",
            ColumnType.TEXT,
            f"The person by whom {whose}; empty for those who may not see persons. Never a name: a"
            " file can't be called back.",
            f"{source}.employeeHsaId",
            person,
            "HSA-id",
        ),
    )
