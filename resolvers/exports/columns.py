"""The columns of exports.

One table of columns per export drives every format and the data dictionary.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum, auto
from typing import Any, Generic, TypeVar

from resolvers.context import Context
from store.records import Actor

R = TypeVar("R")

Cells = Sequence[Any]
"""The values of one row, in the order of the columns."""


class ColumnType(StrEnum):
    """The type of a column's values. Any cell may be empty."""

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
        name: In the style of the API's names.
        type: Of its values.
        meaning: One sentence.
        source: The field of the GraphQL API with the same value; a dash if there is none.
        value: Returns the value of a row. Times are aware, lists are lists, JSON is plain objects.
        unit: The unit of numbers, or what codes belong to.
        on_request: Whether the column is included only if the parameter of its name is true.
    """

    name: str
    type: ColumnType
    meaning: str
    source: str
    value: Callable[[R], Any]
    unit: str = "–"
    on_request: bool = False


@dataclass(frozen=True, slots=True)
class RowContext:
    """Shared by the rows of one export: values that depend on the viewer's rights."""

    context: Context

    def sees_persons(self, principal: str) -> bool:
        """Whether the viewer may see persons in the log of a principal."""
        return self.context.rights.sees_persons(principal)

    def person(self, actor: Actor, principal: str) -> str | None:
        """The HSA-id of an actor in the log of a principal; None if the viewer may not see it."""
        return actor.employee_hsa_id if self.sees_persons(principal) else None

    def hsa_id(self, principal: str) -> str:
        """The HSA-id of a principal, by its key."""
        return self.context.principals[principal].hsa_id


def actor_columns(
    prefix: str,
    what: str,
    source: str,
    actor: Callable[[R], Actor],
    person: Callable[[R], str | None],
) -> Sequence[Column[R]]:
    """Make the columns of an actor: role, unit and system for everyone, person by permission.

    Args:
        prefix: Of the columns' names.
        what: What the actor did, such as `did it`.
        source: The actor's field in the GraphQL API.
        actor: Returns the actor of a row.
        person: Returns the person of a row, if the viewer may see it.
    """
    return (
        Column(
            f"{prefix}Role",
            ColumnType.TEXT,
            f"The role of the actor who {what}.",
            f"{source}.role",
            lambda row: str(actor(row).role),
            "Role",
        ),
        Column(
            f"{prefix}Unit",
            ColumnType.TEXT,
            f"The unit of the actor who {what}.",
            f"{source}.unit",
            lambda row: actor(row).unit,
            "HSA-id",
        ),
        Column(
            f"{prefix}System",
            ColumnType.BOOLEAN,
            "Whether the actor is a machine.",
            f"{source}.system",
            lambda row: actor(row).system,
        ),
        Column(
            f"{prefix}Person",
            ColumnType.TEXT,
            f"The person who {what}; empty for viewers who may not see persons. Never a name,"
            " because names cannot be erased from a file.",
            f"{source}.employeeHsaId",
            person,
            "HSA-id",
        ),
    )
