"""The `Node` interface, connections and paging arguments of the Relay specification.

A connection is built from a page of the store. The total is read only if the operation selects it.

Source: GraphQL Cursor Connections Specification, https://relay.dev/graphql/connections.htm
"""

from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime
from typing import Annotated, Generic, TypeVar

import strawberry

from schema.scalars import HsaId
from store.paging import Page, Paging

T = TypeVar("T")
R = TypeVar("R")

First = Annotated[
    int | None,
    strawberry.argument(
        description=(
            "Number of items from the start: 1 to 100. If neither `first` nor `last` is set: 50."
        )
    ),
]
After = Annotated[
    str | None, strawberry.argument(description="Return only items after this cursor.")
]
Last = Annotated[
    int | None, strawberry.argument(description="Number of items from the end: 1 to 100.")
]
Before = Annotated[
    str | None, strawberry.argument(description="Return only items before this cursor.")
]

Id = Annotated[strawberry.ID, strawberry.argument(description="The id.")]
ByHsaId = Annotated[HsaId, strawberry.argument(description="The HSA-id; case does not matter.")]
Number = Annotated[
    int | None,
    strawberry.argument(description="Number of the version, from 1; the newest if left out."),
]
Time = Annotated[datetime, strawberry.argument(description="The point in time, inclusive.")]

paging = Paging.of


@strawberry.interface(description="An object with a globally unique, opaque id.")
class Node:
    id: strawberry.ID = strawberry.field(
        description="The id: globally unique, opaque, never reused."
    )


@strawberry.type(description="Information about a page of a list.")
class PageInfo:
    has_next_page: bool = strawberry.field(
        description=(
            "Whether there are items after this page, as far as the paging direction shows."
        )
    )
    has_previous_page: bool = strawberry.field(
        description=(
            "Whether there are items before this page, as far as the paging direction shows."
        )
    )
    start_cursor: str | None = strawberry.field(
        description="Cursor of the first edge; null on an empty page."
    )
    end_cursor: str | None = strawberry.field(
        description="Cursor of the last edge; null on an empty page."
    )


@strawberry.type(description="One item of a list, with its cursor.")
class Edge(Generic[T]):
    cursor: str = strawberry.field(
        description="The position of the item; pass it as `after` or `before`."
    )
    node: T = strawberry.field(description="The item.")


@strawberry.type(description="One page of a list.")
class Connection(Generic[T]):
    count: strawberry.Private[Callable[[], Awaitable[int]]]
    edges: list[Edge[T]] = strawberry.field(description="The items of the page, in order.")
    page_info: PageInfo = strawberry.field(description="Information about the page.")

    @strawberry.field(description="The number of items in the whole list.")
    async def total_count(self) -> int:
        return await self.count()


def connection(
    page: Page[R], of: Callable[[R], T], count: Callable[[], Awaitable[int]]
) -> Connection[T]:
    """Convert a page of records to a connection.

    Args:
        page: The page.
        of: Converts a record to a node.
        count: Reads the total; called only if the operation selects it.
    """
    cursors = page.cursors
    return Connection(
        count=count,
        edges=[
            Edge(cursor=cursor, node=of(item))
            for cursor, item in zip(cursors, page.items, strict=True)
        ],
        page_info=PageInfo(
            has_next_page=page.has_next,
            has_previous_page=page.has_previous,
            start_cursor=cursors[0] if cursors else None,
            end_cursor=cursors[-1] if cursors else None,
        ),
    )


def known_count(number: int) -> Callable[[], Awaitable[int]]:
    """Return a total that is known already, as `connection` expects it."""

    async def count() -> int:
        return number

    return count


def page_of_sorted(keys: Iterable[str], paging: Paging) -> Page[str]:
    """Return a page of a sorted list in memory. The cursors are the keys."""
    keys = list(keys)
    start = 0 if paging.after is None else sum(key <= paging.after for key in keys)
    page = keys[start : start + paging.limit]
    return Page(page, page, has_next=start + paging.limit < len(keys), has_previous=start > 0)
