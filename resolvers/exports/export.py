"""The definition of an export: its columns, its parameters and the source of its rows."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from resolvers.context import Context
from resolvers.exports.columns import Column
from resolvers.exports.parameters import Parameter, ParameterValues
from store.transfer.log_ranges import LogRange

R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)
K = TypeVar("K")


@dataclass(frozen=True, slots=True)
class ResumePoint(Generic[K]):
    """A row after which an export continues.

    Attributes:
        principal: The key of the principal whose log the row belongs to.
        key: The row's place in the order, as its source reads it.
    """

    principal: str
    key: K


class RowSource(Protocol[R_co, K]):
    """Where the rows of an export come from, for one viewer and the parameters of one request."""

    async def count(self, log_range: LogRange) -> int:
        """Count the rows of a range of a log."""

    def rows(self, log_range: LogRange, after: K | None) -> AsyncIterator[Sequence[R_co]]:
        """Read the rows of a range of a log in batches, after the row with this key."""

    async def find(self, row_id: str) -> ResumePoint[K] | None:
        """Find a row by its `id`; None if there is none, or the viewer may not read it."""


@dataclass(frozen=True, slots=True)
class Export(Generic[R]):
    """What can be exported under one name.

    Attributes:
        name: The name in its address.
        meaning: One sentence for the data dictionary.
        order: The order of its rows within each log, for the data dictionary.
        columns: In order.
        parameters: By name.
        logs: Returns the keys of the principals whose logs the viewer may export from.
        source: Makes the source of rows; raises if the viewer may not use these parameters, or if
            they are invalid.
        of_log: Whether its rows are events. Then `EXPORTED` events are among the rows.
        depends_on: Returns other state than the logs that its rows depend on, as text. It is part
            of the entity tag.
    """

    name: str
    meaning: str
    order: str
    columns: tuple[Column[R], ...]
    parameters: Mapping[str, Parameter]
    logs: Callable[[Context], frozenset[str]]
    source: Callable[[Context, ParameterValues], Awaitable[RowSource[R, Any]]]
    of_log: bool = False
    depends_on: Callable[[Context, frozenset[str]], Awaitable[str]] | None = None

    def requested_columns(self, values: ParameterValues) -> tuple[Column[R], ...]:
        """The columns of a file; those on request only if their parameter is true."""
        return tuple(
            column for column in self.columns if not column.on_request or values.get(column.name)
        )


def readable_principals(context: Context) -> frozenset[str]:
    """The keys of the principals of which the viewer reads some or all clinics."""
    if context.rights.clinics() is None:
        return frozenset(context.principals)
    return frozenset(held.principal for held in context.rights.held)
