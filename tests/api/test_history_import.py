"""The whole history can be imported from exports of events and versions."""

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

from resolvers.exports import import_
from resolvers.exports.import_ import replay
from resolvers.kinds.registrations import KINDS
from resolvers.reference.principals import reference_principals
from store.mongo.connection import Database, Row, connect
from store.mongo.indexes import INDEXES, create_indexes
from store.records import Event, Version
from store.registry import Store
from store.transfer.event_details import INTERVAL_COLLECTIONS
from tests.api.history_files import export_history
from tests.callers import BJORKEN, INERA, LINDEN, STOCKHOLM, Caller
from tests.exporting import GRANEN, live_through
from tests.kinds import SAMPLES
from tests.serving import serving
from tests.world import World

NOT_HISTORY = {
    "idempotency_keys",
    "active_subscriptions",
    "server_processes",
    "people",
    "principals",
    "checkpoints",
}
"""Collections that are not part of the history.

They hold idempotency keys, live subscriptions and their processes, names of people, reference
data, and what one registry signed.
"""


def comparable(name: str, row: Row) -> Row:
    """A row without the values that an import creates anew.

    These are the number of writes to a log, the mark of its last write, and the ids of
    acknowledgements.
    """
    without = {"logs": {"turns", "mark"}, "acknowledgements": {"_id"}}.get(name, set())
    return {field: value for field, value in row.items() if field not in without}


def principal_of(name: str, row: Row) -> str:
    """The principal that a row belongs to."""
    key: str = (
        row["_id"]
        if name == "logs"
        else row["principal"]
        if "principal" in row
        else row["clinic"].partition("-")[0]
    )
    return key


async def history_rows(database: Database, *principals: str) -> dict[str, list[Row]]:
    """The history of the named principals, by collection."""
    rows_by_collection = {}
    names = set(await database.client[database.name].list_collection_names()) - NOT_HISTORY
    for name in sorted(names):
        rows = await database.find(name, {}, sort=[("_id", 1)])
        if name == "acknowledgements":
            rows.sort(key=lambda row: (row["clinic"], row["up_to"]))
        rows_by_collection[name] = [
            comparable(name, row) for row in rows if principal_of(name, row) in principals
        ]
    return rows_by_collection


async def add_history(world: World, ids: Mapping[str, str]) -> list[str]:
    """Change other kinds of documents, several documents at once, and templates.

    Returns:
        The ids of the new documents.
    """
    region, clinic, documents = world.region, world.clinic_admin, []
    for caller, owner, name in ((region, STOCKHOLM, "notice"), (clinic, BJORKEN, "residentCase")):
        created = await caller.done(
            f"{name}Create", f"{name} {{ id }}", owner=owner, content=dict(SAMPLES[name].content)
        )
        documents.append(created[name]["id"])
        await caller.done(
            "documentPublish", "event { id }", id=documents[-1], version=1, expectedVersion=1
        )
        await caller.done("documentDeactivate", "event { id }", id=documents[-1], expectedVersion=1)
        await caller.done("documentArchive", "event { id }", id=documents[-1], expectedVersion=1)
        await caller.done(
            "documentRestore", "event { id }", id=documents[-1], version=1, expectedVersion=1
        )
        await caller.done("documentActivate", "event { id }", id=documents[-1], expectedVersion=1)
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
        {"path": error["valuePath"], "take": "OURS"}
        for error in adopted["errors"]
        if "valuePath" in error
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
    return [*documents, imported["caseTypeTemplate"]["id"]]


PAGES = """query($clinic: HsaId!, $asOf: DateTime) { clinic(hsaId: $clinic) {
    startPage(asOf: $asOf) { version { id number hash } html adaptation { number } }
    contactCard(asOf: $asOf) { version { id } }
    assignments { edges { node {
        id active since acknowledgedVersion startPageOrder caseType { id } } } }
    unacknowledgedCount } }"""
HISTORY = """query($id: ID!) { node(id: $id) { ... on Document {
    name state latestVersion publishedVersion updatedAt verify { intact versions }
    history(first: 100) { totalCount edges { cursor node {
        id action at actor { role unit employeeHsaId } note clinics { totalCount } } } } } } }"""


async def test_an_imported_history_is_complete_and_verifies(
    world: World, tmp_path: Path, mongodb_uri: str
) -> None:
    ids = await live_through(world)
    others = await add_history(world, ids)
    store = world.api.store
    files = [
        await export_history(world.region, tmp_path, STOCKHOLM),
        await export_history(world.national, tmp_path, INERA),
    ]
    client = connect(mongodb_uri)
    returned_store = Store(Database(client, f"test_{uuid4().hex[:12]}"), KINDS)
    moments = [event.at for event in await store.history.after(STOCKHOLM, 0, limit=1000)]
    try:
        await create_indexes(returned_store.database)
        await returned_store.principals.ensure(reference_principals())

        reports = [await replay(returned_store, *pair) for pair in files]

        [stockholm, inera] = reports
        before, after = [
            await history_rows(registry.database, STOCKHOLM, INERA)
            for registry in (store, returned_store)
        ]
        # Each export is recorded after the events that its file contains.
        missing = [
            row
            for row in before["events"]
            if row["_id"] not in {event["_id"] for event in after["events"]}
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
        async with serving(tmp_path, mongodb_uri, returned_store, development=True) as api:
            returned_caller = Caller(api, api._client, world.region.token)
            for clinic in (BJORKEN, LINDEN, GRANEN):
                for as_of in (
                    None,
                    *(f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03}Z" for at in moments),
                ):
                    variables: dict[str, Any] = {"clinic": clinic, "asOf": as_of}
                    assert await returned_caller.ask(PAGES, **variables) == await world.region.ask(
                        PAGES, **variables
                    ), (clinic, as_of)
            for document in (*ids.values(), *others, f"la_{ids['central'][3:]}_{BJORKEN}"):
                histories = [
                    await caller.ask(HISTORY, id=document)
                    for caller in (world.region, returned_caller)
                ]
                assert histories[0] == histories[1]
                assert histories[0]["node"] == {} or histories[0]["node"]["verify"]["intact"]
            published = await returned_caller.done(
                "documentPublish",
                "event { sequence }",
                id=ids["waiting"],
                version=3,
                expectedVersion=3,
            )
            assert published["event"] is None
            deactivated = await returned_caller.done(
                "documentDeactivate", "event { sequence }", id=ids["waiting"], expectedVersion=3
            )
            assert deactivated["event"]["sequence"] == stockholm.events + 1
    finally:
        await returned_store.log.close()
        await client.drop_database(returned_store.database.name)
        await client.close()


def test_every_collection_is_imported_or_listed_as_not_history() -> None:
    """Each collection is restored by an import or is known to be left out.

    A new collection fails here until its rows follow from the details of events
    (`store.transfer.event_details`), or `store.transfer.replay` rebuilds them.
    """
    rebuilt = {"acknowledgements", "clinics", "documents", "events", "logs", "versions"}

    assert set(INDEXES) == {*INTERVAL_COLLECTIONS, *rebuilt, *NOT_HISTORY}


def test_every_field_of_an_event_and_a_version_is_exported_and_imported() -> None:
    """A new field fails here until it has a column and `resolvers.exports.import_` reads it."""
    source = inspect.getsource(import_)

    assert [
        field.name
        for record in (Event, Version)
        for field in fields(record)
        if f"{field.name}=" not in source
    ] == []


async def test_the_command_line_imports_the_history(
    world: World, tmp_path: Path, mongodb_uri: str
) -> None:
    await world.distribute(world.case_type)
    versions, events = await export_history(world.region, tmp_path, STOCKHOLM)
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
