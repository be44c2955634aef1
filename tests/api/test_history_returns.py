"""The whole history leaves as exports of events and versions, and returns from them."""

from pathlib import Path
from typing import Any
from uuid import uuid4

from resolvers import reference
from resolvers.exports.returning import replay
from resolvers.kinds import KINDS
from store.database import Database, Row, connect
from store.registry import Store
from tests.callers import BJORKEN, INERA, LINDEN, STOCKHOLM, Caller
from tests.exporting import GRANEN, fetched, live_through
from tests.serving import serving
from tests.world import World

KEPT_APART = {"idempotency_keys", "active_subscriptions", "server_processes", "people", "principals"}
"""What is no history: how calls are repeated, who follows what now, names of people, and what is there from the start."""


async def left(caller: Caller, folder: Path, principal: str) -> tuple[Path, Path]:
    """One principal's whole history as two files."""
    paths = []
    for name, parameters in (("versions", {}), ("events", {"detail": "true"})):
        answer = await fetched(caller, f"{name}.ndjson", principal=principal, **parameters)
        assert answer.status_code == 200, answer.text
        path = folder / f"{name}-{principal}.ndjson"
        path.write_bytes(answer.content)
        paths.append(path)
    return paths[0], paths[1]


def comparable(name: str, row: Row) -> Row:
    """A row without what is made anew: how often a log was written to, the ids of acknowledgements."""
    without = {"logs": {"turns"}, "acknowledgements": {"_id"}}.get(name, set())
    return {field: value for field, value in row.items() if field not in without}


async def kept(database: Database, *principals: str) -> dict[str, list[Row]]:
    """All history of some principals, by collection."""
    found = {}
    names = set(await database.client[database.name].list_collection_names()) - KEPT_APART
    for name in sorted(names):
        rows = await database.find(name, {}, sort=[("_id", 1)])
        if name == "acknowledgements":
            rows.sort(key=lambda row: (row["clinic"], row["up_to"]))
        own = {"logs": "_id"}.get(name, "principal")
        found[name] = [comparable(name, row) for row in rows if row.get(own, row.get("clinic", ""))[:12] in principals]
    return found


PAGES = """query($clinic: HsaId!, $asOf: DateTime) { clinic(hsaId: $clinic) {
    startPage(asOf: $asOf) { version { id number hash } html adaptation { number } }
    contactCard(asOf: $asOf) { version { id } }
    assignments { edges { node { id active since acknowledgedVersion startPageOrder caseType { id } } } } unacknowledgedCount } }"""
HISTORY = """query($id: ID!) { node(id: $id) { ... on Document { name state latestVersion publishedVersion updatedAt
    verify { intact versions } history(first: 100) { totalCount edges { cursor node { id action at actor { role unit employeeHsaId } note
    clinics { totalCount } } } } } } }"""


async def test_a_history_returns_whole_and_verifies(world: World, tmp_path: Path, mongodb_uri: str) -> None:
    ids = await live_through(world)
    store = world.api.store
    files = [await left(world.region, tmp_path, STOCKHOLM), await left(world.national, tmp_path, INERA)]
    client = connect(mongodb_uri)
    other = Store.over(Database(client, f"test_{uuid4().hex[:12]}"), KINDS)
    moments = [event.at for event in await store.history.after(STOCKHOLM, 0, limit=1000)]
    try:
        await other.database.create_indexes()
        await other.principals.ensure(reference.principals())

        returned = [await replay(other, *pair) for pair in files]

        [stockholm, inera] = returned
        before, after = [await kept(one.database, STOCKHOLM, INERA) for one in (store, other)]
        # The export of the events itself is written after the events that it holds.
        missing = [row for row in before["events"] if row["_id"] not in {one["_id"] for one in after["events"]}]
        assert {row["export"] for row in missing} <= {f"events.ndjson?detail=true&principal={one}" for one in (STOCKHOLM, INERA)}
        before["events"] = [row for row in before["events"] if row not in missing]
        for collection in before.keys() - {"logs"}:
            assert after[collection] == before[collection], collection
        assert stockholm.documents == len([row for row in before["documents"] if row["principal"] == STOCKHOLM])
        assert inera.versions == 1
        async with serving(tmp_path, mongodb_uri, other, development=True) as api:
            again = Caller(api, api._client, world.region.token)
            for clinic in (BJORKEN, LINDEN, GRANEN):
                for as_of in (None, *(f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03}Z" for at in moments)):
                    variables: dict[str, Any] = {"clinic": clinic, "asOf": as_of}
                    assert await again.ask(PAGES, **variables) == await world.region.ask(PAGES, **variables), (clinic, as_of)
            for document in (*ids.values(), f"la_{ids['central'][3:]}_{BJORKEN}"):
                answers = [await caller.ask(HISTORY, id=document) for caller in (world.region, again)]
                assert answers[0] == answers[1]
                assert answers[0]["node"] == {} or answers[0]["node"]["verify"]["intact"]
            made = await again.done("documentPublish", "event { sequence }", id=ids["waiting"], version=1, expectedVersion=1)
            assert made["event"] is None
            written = await again.done("documentDeactivate", "event { sequence }", id=ids["waiting"], expectedVersion=1)
            assert written["event"]["sequence"] == stockholm.events + 1
    finally:
        await other.log.close()
        await client.drop_database(other.database.name)
        await client.close()
