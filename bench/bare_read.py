"""The reference for one document: a bare Starlette route that reads it from MongoDB as JSON.

Driver, options and server are the same; there is no sign-in, no permission check and no GraphQL.
"""

import sys
from datetime import datetime
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from store.mongo.connection import connect


def application(uri: str) -> Starlette:
    """Return an application with the route, over a database of the registry."""
    documents = connect(uri)["casetypes"]["documents"]

    async def read(request: Request) -> Response:
        row = await documents.find_one({"_id": (await request.json())["variables"]["id"]})
        assert row is not None
        head = {
            "id": row["_id"],
            "state": row["state"],
            "latestVersion": row["latest"],
            "updatedAt": _text(row["updated_at"]),
        }
        return JSONResponse({"data": {"caseType": head | {"content": row["content"]}}})

    async def live(_: Request) -> Response:
        return PlainTextResponse("live")

    return Starlette(routes=[Route("/", live), Route("/graphql", read, methods=["POST"])])


def _text(time: datetime) -> str:
    return time.isoformat(timespec="milliseconds")


def serve(app: Any, port: int) -> None:
    """Serve an application with the uvicorn settings of `server.py`."""
    uvicorn.run(
        app,
        host="127.0.0.1",
        port=port,
        loop="uvloop",
        http="httptools",
        server_header=False,
        access_log=False,
        log_level="warning",
    )


if __name__ == "__main__":
    serve(application(sys.argv[2]), int(sys.argv[1]))
