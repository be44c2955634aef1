"""The whole history leaves as exports of events and versions, and returns from them."""

import asyncio
import inspect
import os
import sys
from asyncio.subprocess import PIPE
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from resolvers.exports import import_
from resolvers.exports.import_ import replay
from resolvers.kinds.registrations import KINDS
from resolvers.reference.principals import reference_principals
from store.mongo.connection import Database, Row, connect
from store.mongo.indexes import INDEXES, create_indexes
from store.records import Event, Version
from store.registry import Store
from store.transfer.event_details import INTERVAL_COLLECTIONS
from store.transfer.replay import ReplayRefused
from tests.callers import BJORKEN, INERA, LINDEN, STOCKHOLM, Caller
from tests.exporting import GRANEN, fetched, live_through
from tests.kinds import SAMPLES
from tests.serving import serving
from tests.world import World

KEPT_APART = {
    "idempotency_keys",
    "active_subscriptions",
    "server_processes",
    "people",
    "principals",
    "checkpoints",
}
"""What is no history: how calls are repeated, who follows what now, names of people, what is there
from the start, and what one registry signed.
"""


async def left(caller: Caller, folder: Path, principal: str) -> tuple[Path, Path]:
    """One principal's whole history as two files."""
    events = await fetched(caller, "events.ndjson", principal=principal, detail="true")
    assert events.status_code == 200, events.text
    versions = await fetched(
        caller, "versions.ndjson", principal=principal, upTo=events.headers["x-export-cursor"]
    )
    assert versions.status_code == 200, versions.text
    paths = folder / f"versions-{principal}.ndjson", folder / f"events-{principal}.ndjson"
    for path, answer in zip(paths, (versions, events), strict=True):
        path.write_bytes(answer.content)
    return paths


def comparable(name: str, row: Row) -> Row:
    """A row without what is made anew: how often a log was written to, the mark of its last write,
    the ids of acknowledgements.
    """
    without = {"logs": {"turns", "mark"}, "acknowledgements": {"_id"}}.get(name, set())
    return {field: value for field, value in row.items() if field not in without}


def whose(name: str, row: Row) -> str:
    """The principal that a row is of."""
    key: str = (
        row["_id"]
        if name == "logs"
        else row["principal"]
        if "principal" in row
        else row["clinic"].partition("-")[0]
    )
    return key


async def kept(database: Database, *principals: str) -> dict[str, list[Row]]:
    """All history of some principals, by collection."""
    found = {}
    names = set(await database.client[database.name].list_collection_names()) - KEPT_APART
    for name in sorted(names):
        rows = await database.find(name, {}, sort=[("_id", 1)])
        if name == "acknowledgements":
            rows.sort(key=lambda row: (row["clinic"], row["up_to"]))
        found[name] = [comparable(name, row) for row in rows if whose(name, row) in principals]
    return found


async def live_on(world: World, ids: Mapping[str, str]) -> list[str]:
    """Acts on other kinds of document, on several at once, and on templates; the ids of what was
    made.
    """
    region, clinic, made = world.region, world.clinic_admin, []
    for caller, owner, name in ((region, STOCKHOLM, "notice"), (clinic, BJORKEN, "residentCase")):
        answer = await caller.done(
            f"{name}Create", f"{name} {{ id }}", owner=owner, content=dict(SAMPLES[name].content)
        )
        made.append(answer[name]["id"])
        await caller.done(
            "documentPublish", "event { id }", id=made[-1], version=1, expectedVersion=1
        )
        await caller.done("documentDeactivate", "event { id }", id=made[-1], expectedVersion=1)
        await caller.done("documentArchive", "event { id }", id=made[-1], expectedVersion=1)
        await caller.done(
            "documentRestore", "event { id }", id=made[-1], version=1, expectedVersion=1
        )
        await caller.done("documentActivate", "event { id }", id=made[-1], expectedVersion=1)
    replaced = await region.done(
        "textReplace", "batch", owner=STOCKHOLM, find="recept", replace="läkemedel", publish=True
    )
    await region.done("textReplaceUndo", "batch", batch=replaced["batch"])
    await clinic.done(
        "textReplace", "batch", owner=BJORKEN, find="Hej", replace="God dag", publish=True
    )
    await world.national.done(
        "caseTypeTemplateUpdate",
        "event { id }",
        id=world.template,
        expectedVersion=1,
        content={"rationale": "Därför."},
        publish=True,
    )
    latest = (
        await region.ask(
            "query($id: ID!) { caseType(id: $id) { latestVersion } }", id=ids["central"]
        )
    )["caseType"]["latestVersion"]
    adopted = await region.do(
        "documentAdoptTemplate", "event { id }", id=ids["central"], expectedVersion=latest
    )
    conflicts = [
        {"path": one["valuePath"], "take": "OURS"}
        for one in adopted["errors"]
        if "valuePath" in one
    ]
    assert adopted["errors"] == [] or conflicts, adopted
    if conflicts:
        await region.done(
            "documentAdoptTemplate",
            "event { id }",
            id=ids["central"],
            expectedVersion=latest,
            resolutions=conflicts,
        )
    file = (
        await world.national.ask(
            "query($id: ID!) { templateExport(id: $id) { file } }", id=world.template
        )
    )["templateExport"]["file"]
    imported = await region.done(
        "templateImport", "caseTypeTemplate { id }", owner=STOCKHOLM, file=file
    )
    return [*made, imported["caseTypeTemplate"]["id"]]


PAGES = """query($clinic: HsaId!, $asOf: DateTime) { clinic(hsaId: $clinic) {
    startPage(asOf: $asOf) { version { id number hash } html adaptation { number } }
    contactCard(asOf: $asOf) { version { id } }
    assignments { edges { node { id active since acknowledgedVersion startPageOrder caseType { id } } } } unacknowledgedCount } }"""
HISTORY = """query($id: ID!) { node(id: $id) { ... on Document { name state latestVersion publishedVersion updatedAt
    verify { intact versions } history(first: 100) { totalCount edges { cursor node { id action at actor { role unit employeeHsaId } note
    clinics { totalCount } } } } } } }"""


async def test_a_history_returns_whole_and_verifies(
    world: World, tmp_path: Path, mongodb_uri: str
) -> None:
    ids = await live_through(world)
    others = await live_on(world, ids)
    store = world.api.store
    files = [
        await left(world.region, tmp_path, STOCKHOLM),
        await left(world.national, tmp_path, INERA),
    ]
    client = connect(mongodb_uri)
    other = Store(Database(client, f"test_{uuid4().hex[:12]}"), KINDS)
    moments = [event.at for event in await store.history.after(STOCKHOLM, 0, limit=1000)]
    try:
        await create_indexes(other.database)
        await other.principals.ensure(reference_principals())

        returned = [await replay(other, *pair) for pair in files]

        [stockholm, inera] = returned
        before, after = [await kept(one.database, STOCKHOLM, INERA) for one in (store, other)]
        # The exports themselves are written after the events that they hold.
        missing = [
            row
            for row in before["events"]
            if row["_id"] not in {one["_id"] for one in after["events"]}
        ]
        assert {row["action"] for row in missing} == {"EXPORTED"}
        assert len(missing) == 4
        before["events"] = [row for row in before["events"] if row not in missing]
        assert all(
            before[collection]
            for collection in (
                *INTERVAL_COLLECTIONS,
                "acknowledgements",
                "clinics",
                "documents",
                "versions",
            )
        )
        for collection in before.keys() - {"logs"}:
            assert after[collection] == before[collection], collection
        assert stockholm.documents == len(
            [row for row in before["documents"] if row["principal"] == STOCKHOLM]
        )
        assert inera.versions == 2
        async with serving(tmp_path, mongodb_uri, other, development=True) as api:
            again = Caller(api, api._client, world.region.token)
            for clinic in (BJORKEN, LINDEN, GRANEN):
                for as_of in (
                    None,
                    *(f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03}Z" for at in moments),
                ):
                    variables: dict[str, Any] = {"clinic": clinic, "asOf": as_of}
                    assert await again.ask(PAGES, **variables) == await world.region.ask(
                        PAGES, **variables
                    ), (clinic, as_of)
            for document in (*ids.values(), *others, f"la_{ids['central'][3:]}_{BJORKEN}"):
                answers = [
                    await caller.ask(HISTORY, id=document) for caller in (world.region, again)
                ]
                assert answers[0] == answers[1]
                assert answers[0]["node"] == {} or answers[0]["node"]["verify"]["intact"]
            made = await again.done(
                "documentPublish",
                "event { sequence }",
                id=ids["waiting"],
                version=3,
                expectedVersion=3,
            )
            assert made["event"] is None
            written = await again.done(
                "documentDeactivate", "event { sequence }", id=ids["waiting"], expectedVersion=3
            )
            assert written["event"]["sequence"] == stockholm.events + 1
    finally:
        await other.log.close()
        await client.drop_database(other.database.name)
        await client.close()


def test_every_collection_is_history_that_returns_or_is_known_not_to() -> None:
    """A new collection fails here until its rows are told by the acts (`store.transfer.event_details`), or made
    anew (`store.transfer.replay`).
    """
    made_anew = {"acknowledgements", "clinics", "documents", "events", "logs", "versions"}

    assert set(INDEXES) == {*INTERVAL_COLLECTIONS, *made_anew, *KEPT_APART}


def test_every_field_of_an_act_and_a_version_leaves_and_returns() -> None:
    """A new field fails here until it has a column, and `resolvers.exports.import_` reads it."""
    source = inspect.getsource(import_)

    assert [
        field.name
        for record in (Event, Version)
        for field in fields(record)
        if f"{field.name}=" not in source
    ] == []


# ------------------------------------------------------------------ what is refused


async def refused(world: World, versions: Path, events: Path) -> str:
    """Why a replay into a registry that has nothing of the principal is refused; the registry is
    emptied of it first, by hand.
    """
    database = world.api.store.database
    for name in (*INTERVAL_COLLECTIONS, "events", "versions", "documents", "clinics"):
        await database[name].delete_many({})
    with pytest.raises(ReplayRefused) as refusal:
        await replay(world.api.store, versions, events)
    return str(refusal.value)


async def test_a_registry_that_has_a_history_takes_no_other(world: World, tmp_path: Path) -> None:
    files = await left(world.region, tmp_path, STOCKHOLM)
    before = await world.api.snapshot()

    with pytest.raises(ReplayRefused, match="has events of SE2321000016 already"):
        await replay(world.api.store, *files)

    assert await world.api.snapshot() == before


async def test_a_log_with_a_gap_is_refused(world: World, tmp_path: Path) -> None:
    versions, events = await left(world.region, tmp_path, STOCKHOLM)
    lines = events.read_bytes().splitlines(keepends=True)
    events.write_bytes(b"".join(lines[:1] + lines[2:]))

    assert (
        await refused(world, versions, events)
        == f"Event ev_{STOCKHOLM}.3 is where number 2 of {STOCKHOLM} should be."
    )


async def test_a_version_that_was_changed_on_its_way_is_found(world: World, tmp_path: Path) -> None:
    versions, events = await left(world.region, tmp_path, STOCKHOLM)
    versions.write_bytes(
        versions.read_bytes().replace("Här kan du".encode(), "Här kan ni".encode())
    )

    assert await refused(world, versions, events) == f"{world.case_type} is broken at version 1."


async def test_a_version_that_was_lost_is_missed(world: World, tmp_path: Path) -> None:
    await world.edit(world.case_type, 1, introduction="Nytt.")
    versions, events = await left(world.region, tmp_path, STOCKHOLM)
    versions.write_bytes(versions.read_bytes().splitlines(keepends=True)[1])

    assert (
        await refused(world, versions, events)
        == f"{world.case_type} has versions without events, or events without versions."
    )


async def test_a_draft_that_was_lost_is_missed(world: World, tmp_path: Path) -> None:
    await world.edit(world.case_type, 1, introduction="Nytt.")
    versions, events = await left(world.region, tmp_path, STOCKHOLM)
    versions.write_bytes(versions.read_bytes().splitlines(keepends=True)[0])

    assert (
        await refused(world, versions, events)
        == f"Event ev_{STOCKHOLM}.4 names version 2 of {world.case_type}, which is missing."
    )


@pytest.mark.parametrize("kept", [1, 4])
async def test_a_log_that_was_cut_off_between_two_rows_is_refused(
    world: World, tmp_path: Path, kept: int
) -> None:
    """Acts that made no version leave no other trace."""
    await world.distribute(world.case_type)
    await world.region.done(
        "caseTypeWithdraw", "clinics", caseType=world.case_type, **{"from": {"hsaIds": [LINDEN]}}
    )
    versions, events = await left(world.region, tmp_path, STOCKHOLM)
    events.write_bytes(b"".join(events.read_bytes().splitlines(keepends=True)[:kept]))

    assert (
        await refused(world, versions, events)
        == f"The events of {STOCKHOLM} end with number {kept}, but there are 5: the file was cut off."
    )


async def test_a_version_that_stands_there_twice_is_refused(world: World, tmp_path: Path) -> None:
    versions, events = await left(world.region, tmp_path, STOCKHOLM)
    versions.write_bytes(versions.read_bytes() * 2)

    assert (
        await refused(world, versions, events) == f"{world.case_type}.1 of versions is there twice."
    )


async def test_events_without_their_detail_are_no_history(world: World, tmp_path: Path) -> None:
    versions, _ = await left(world.region, tmp_path, STOCKHOLM)
    plain = tmp_path / "plain.ndjson"
    plain.write_bytes((await fetched(world.region, "events.ndjson")).content)

    assert "the column detail is missing or empty. Export it with detail=true" in await refused(
        world, versions, plain
    )


async def test_the_history_returns_by_the_command_line(
    world: World, tmp_path: Path, mongodb_uri: str
) -> None:
    await world.distribute(world.case_type)
    versions, events = await left(world.region, tmp_path, STOCKHOLM)
    name = f"test_{uuid4().hex[:12]}"
    environment = {
        key: value for key, value in os.environ.items() if not key.startswith("CASETYPES_")
    }
    environment |= {"CASETYPES_MONGODB_URI": mongodb_uri, "CASETYPES_DATABASE": name}
    command = [
        str(Path(sys.executable).with_name("casetypes")),
        "import",
        "--versions",
        str(versions),
        "--events",
        str(events),
    ]

    async def run() -> tuple[int | None, str, str]:
        process = await asyncio.create_subprocess_exec(
            *command, env=environment, stdout=PIPE, stderr=PIPE
        )
        out, err = await process.communicate()
        return process.returncode, out.decode(), err.decode()

    client = connect(mongodb_uri)
    try:
        first, second = await run(), await run()
    finally:
        await client.drop_database(name)
        await client.close()

    assert first == (
        0,
        f"{STOCKHOLM}: 4 events, 1 versions; 1 documents, all hash chains intact.\n",
        "",
    )
    assert second == (
        1,
        "",
        f"The registry has events of {STOCKHOLM} already. A log is replayed into an empty one.\n",
    )
