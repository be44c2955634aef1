"""Queries a long history as exports and over GraphQL, as several callers."""

from datetime import datetime, timedelta
from typing import Any

from tests.callers import BJORKEN, LINDEN, STOCKHOLM, UPPSALA, UPPSALA_CLINIC, Caller
from tests.exporting import GRANEN, exported, fetched, live_through
from tests.world import CONTENT, World

VIEWERS = ("region", "other_region", "clinic_admin", "staff", "reviewer", "reporter", "national")
CLINICS = (BJORKEN, LINDEN, GRANEN, UPPSALA_CLINIC, BJORKEN.lower(), "SE2321000016-NONE")
HISTORIES: dict[int, tuple[dict[str, str], list[datetime]]] = {}
ACTOR = "{ role unit system employeeHsaId }"


async def long_history(world: World) -> tuple[dict[str, str], list[datetime]]:
    """Run a long history in the world, once, with the first example.

    Returns:
        The ids in it; and a time before its first event, followed by the time of each event.
    """
    if id(world) not in HISTORIES:
        HISTORIES.clear()
        ids = await live_through(world)
        created = await world.other_region.done(
            "caseTypeCreate", "caseType { id }", owner=UPPSALA, content=CONTENT
        )
        ids["theirs"] = created["caseType"]["id"]
        await world.other_region.done(
            "documentPublish", "event { id }", id=ids["theirs"], version=1, expectedVersion=1
        )
        await world.other_region.done(
            "caseTypeDistribute", "clinics", caseType=ids["theirs"], to={"hsaIds": [UPPSALA_CLINIC]}
        )
        events = await world.api.store.history.after(STOCKHOLM, 0, limit=1000)
        HISTORIES[id(world)] = (
            ids,
            [events[0].at - timedelta(seconds=1), *(event.at for event in events)],
        )
    return HISTORIES[id(world)]


def time_text(time: datetime) -> str:
    """A time as the API writes it."""
    return time.isoformat(timespec="milliseconds").replace("+00:00", "Z")


async def nodes_or_code(
    caller: Caller, query: str, path: tuple[str, ...], variables: dict[str, Any]
) -> list[dict[str, Any]] | str:
    """All nodes of a connection, or the code of its refusal."""
    found: list[dict[str, Any]] = []
    after = None
    while True:
        body = (await caller.post(query, **variables, after=after)).json()
        if "errors" in body:
            code: str = body["errors"][0]["extensions"]["code"]
            return code
        here = body["data"]
        for step in path:
            here = here[step]
        found += [edge["node"] for edge in here["edges"]]
        if not here["pageInfo"]["hasNextPage"]:
            return found
        after = here["pageInfo"]["endCursor"]


async def rows_or_code(
    caller: Caller, name: str, parameters: dict[str, Any]
) -> list[dict[str, Any]] | str:
    """The rows of an export, or the code of its refusal."""
    answer = await fetched(caller, f"{name}.ndjson", **parameters)
    if answer.status_code != 200:
        code: str = answer.json()["code"]
        return code
    return await exported(caller, name, **parameters)


def actor_of(row: dict[str, Any], prefix: str) -> dict[str, Any]:
    """The actor in a row, with the names of the fields in GraphQL."""
    return {
        "role": row[f"{prefix}Role"],
        "unit": row[f"{prefix}Unit"],
        "system": row[f"{prefix}System"],
        "employeeHsaId": row[f"{prefix}Person"],
    }
