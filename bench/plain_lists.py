"""The reference for lists: plain Strawberry, over the same documents, for the same operation.

It has types and an async resolver as in Strawberry's documentation, Strawberry's ASGI application
and no extension. There is no sign-in, no permission check and no total.
"""

import sys
from datetime import datetime
from typing import Any

import strawberry
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from strawberry.asgi import GraphQL

from bench.bare_read import serve
from store.mongo.connection import connect
from store.mongo.indexes import SWEDISH
from store.mongo.keyset_queries import beyond
from store.paging import decode, encode

_collection: Any = None


@strawberry.type
class CaseType:
    """A case type."""

    id: strawberry.ID
    name: str
    internal_name: str
    state: str
    scope: str
    latest_version: int
    published_version: int | None
    created_at: datetime
    updated_at: datetime


@strawberry.type
class Edge:
    """An edge of a list."""

    cursor: str
    node: CaseType


@strawberry.type
class Connection:
    """A page of a list."""

    edges: list[Edge]


@strawberry.type
class Query:
    """The root type."""

    @strawberry.field
    async def case_types(self, first: int, after: str | None = None) -> Connection:
        """Read a page, by name."""
        where: dict[str, Any] = {"kind": "CASE_TYPE"}
        if after is not None:
            where = {
                "$and": [
                    where,
                    beyond(("name", "_id"), decode(after, (str, str), "after"), descending=False),
                ]
            }
        rows = await _collection.find(
            where,
            sort=[("name", 1), ("_id", 1)],
            limit=first,
            collation=SWEDISH,
            batch_size=first + 1,
        ).to_list()
        return Connection(
            edges=[
                Edge(cursor=encode((row["name"], row["_id"])), node=_case_type(row)) for row in rows
            ]
        )


def _case_type(row: dict[str, Any]) -> CaseType:
    return CaseType(
        id=strawberry.ID(row["_id"]),
        name=row["name"],
        internal_name=row["internal_name"],
        state=row["state"],
        scope="CENTRAL",
        latest_version=row["latest"],
        published_version=row["published"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
    )


async def _live(_: Request) -> Response:
    return PlainTextResponse("live")


if __name__ == "__main__":
    _collection = connect(sys.argv[2])["casetypes"]["documents"]
    schema = strawberry.Schema(query=Query)
    serve(
        Starlette(routes=[Route("/", _live), Route("/graphql", GraphQL(schema))]), int(sys.argv[1])
    )
