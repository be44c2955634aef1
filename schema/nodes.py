"""Relay's interface, pages and connections.

Edges are made from a store page; totals are read only when asked for.
"""

from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime
from typing import Annotated, Generic, TypeVar

import strawberry

from schema.scalars import HsaId
from store.mongo.paging import Page, Paging

T = TypeVar("T")
R = TypeVar("R")

First = Annotated[
    int | None,
    strawberry.argument(
        description="How many, from the start: 1 to 100; 50 if neither first nor last is given."
    ),
]
After = Annotated[
    str | None, strawberry.argument(description="Only what comes after this edge's cursor.")
]
Last = Annotated[int | None, strawberry.argument(description="How many, from the end: 1 to 100.")]
Before = Annotated[
    str | None, strawberry.argument(description="Only what comes before this edge's cursor.")
]

Id = Annotated[strawberry.ID, strawberry.argument(description="Its id.")]
ByHsaId = Annotated[HsaId, strawberry.argument(description="Its HSA-id, in any case.")]
Number = Annotated[int | None, strawberry.argument(description="From 1; the newest without one.")]
Time = Annotated[datetime, strawberry.argument(description="The moment, itself included.")]

paging = Paging.of


@strawberry.interface(description="Anything with a globally unique, opaque id.")
class Node:
    id: strawberry.ID = strawberry.field(description="Globally unique and opaque; never reused.")


@strawberry.type(description="Where a page stands in its list.")
class PageInfo:
    has_next_page: bool = strawberry.field(
        description="Whether more follows after this page, as far as the direction of paging tells."
    )
    has_previous_page: bool = strawberry.field(
        description=(
            "Whether something comes before this page, as far as the direction of paging tells."
        )
    )
    start_cursor: str | None = strawberry.field(
        description="The first edge's cursor; null on an empty page."
    )
    end_cursor: str | None = strawberry.field(
        description="The last edge's cursor; null on an empty page."
    )


@strawberry.type(description="One item of a list, with its place.")
class Edge(Generic[T]):
    cursor: str = strawberry.field(description="Pass it as `after` or `before`.")
    node: T = strawberry.field(description="The item itself.")


@strawberry.type(description="A page of a list.")
class Connection(Generic[T]):
    count: strawberry.Private[Callable[[], Awaitable[int]]]
    edges: list[Edge[T]] = strawberry.field(description="The items of the page, in order.")
    page_info: PageInfo = strawberry.field(description="Where the page stands in the list.")

    @strawberry.field(description="How many items the whole list has.")
    async def total_count(self) -> int:
        return await self.count()


def connection(
    page: Page[R], of: Callable[[R], T], count: Callable[[], Awaitable[int]]
) -> Connection[T]:
    """A page of records as a connection of nodes."""
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
    """A total that is known without asking."""

    async def count() -> int:
        return number

    return count


def page_of_sorted(keys: Iterable[str], paging: Paging) -> Page[str]:
    """A page of a sorted list in hand; the cursors are the keys."""
    keys = list(keys)
    start = 0 if paging.after is None else sum(key <= paging.after for key in keys)
    page = keys[start : start + paging.limit]
    return Page(page, page, has_next=start + paging.limit < len(keys), has_previous=start > 0)
