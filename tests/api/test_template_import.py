"""Import of templates from files: origin, versions, owners and repeated imports."""

import asyncio
import json
from pathlib import Path
from typing import Any

import jsonschema

from tests.api.derived_documents import create_derived, publish_template_version
from tests.api.template_files import SCHEMA, export_file, import_file
from tests.callers import BJORKEN, INERA, STOCKHOLM, UPPSALA, problems
from tests.test_docs import verified_offline
from tests.world import World


async def test_an_imported_template_is_a_draft_that_names_its_origin_and_verifies(
    world: World, template_file: dict[str, Any]
) -> None:
    payload = await import_file(world.other_region, template_file, note="Från Inera")

    origin = {
        "document": world.template,
        "version": 2,
        "hash": template_file["versions"][1]["hash"],
        "principal": INERA,
    }
    template = payload["caseTypeTemplate"]
    assert payload["errors"] == []
    assert (payload["outcome"], payload["origin"]) == ("CREATED", origin)
    assert template["id"] != world.template
    assert {**template, "id": ""} == {
        "id": "",
        "state": "DRAFT",
        "latestVersion": 1,
        "publishedVersion": None,
        "level": "REGIONAL",
        "name": "Förnya recept",
        "verify": {"intact": True, "versions": 1},
    }
    assert {**payload["version"], "hash": ""} == {
        "number": 1,
        "hash": "",
        "previousHash": None,
        "origin": origin,
        "derivedFrom": {"template": {"id": world.template}, "version": 2},
        "content": {"introduction": "Två."},
    }
    assert payload["event"] == {
        "action": "CREATED",
        "document": {"id": template["id"]},
        "version": 1,
    }


async def test_the_origin_is_covered_by_the_hash(
    world: World, template_file: dict[str, Any]
) -> None:
    template = (await import_file(world.other_region, template_file))["caseTypeTemplate"]["id"]
    await world.api.store.database["versions"].update_one(
        {"document": template}, {"$set": {"origin.principal": STOCKHOLM}}
    )

    found = await world.other_region.ask(
        "query($id: ID!) { caseTypeTemplate(id: $id) { verify { intact firstBrokenVersion } } }",
        id=template,
    )

    assert found["caseTypeTemplate"]["verify"] == {"intact": False, "firstBrokenVersion": 1}


async def test_an_imported_template_is_exported_and_imported_again(
    world: World, template_file: dict[str, Any]
) -> None:
    uppsala = (await import_file(world.other_region, template_file))["caseTypeTemplate"]["id"]
    second = (await export_file(world.other_region, uppsala))["json"]

    payload = await import_file(world.region, second, STOCKHOLM)

    jsonschema.validate(second, SCHEMA)
    assert second["versions"][0]["origin"]["document"] == world.template
    assert payload["version"]["origin"] == {
        "document": uppsala,
        "version": 1,
        "hash": second["versions"][0]["hash"],
        "principal": UPPSALA,
    }
    assert payload["version"]["derivedFrom"] is None, "Stockholm cannot see Uppsala's draft"
    assert payload["caseTypeTemplate"]["verify"] == {"intact": True, "versions": 1}


async def test_a_template_of_another_registry_is_imported_without_a_derivation(
    world: World, template_file: dict[str, Any]
) -> None:
    await world.api.store.database["documents"].delete_one(
        {"_id": world.template}
    )  # as in a registry that never had the template

    payload = await import_file(world.other_region, template_file)

    assert (
        payload["outcome"],
        payload["version"]["derivedFrom"],
        payload["version"]["origin"]["document"],
    ) == ("CREATED", None, world.template)


async def test_a_version_can_be_selected(world: World, template_file: dict[str, Any]) -> None:
    payload = await import_file(world.other_region, template_file, version=1)

    assert (payload["origin"]["version"], payload["version"]["derivedFrom"]["version"]) == (1, 1)
    for version in (0, -1, 4):
        assert problems(await import_file(world.other_region, template_file, version=version)) == [
            ("UNKNOWN_VERSION", "version")
        ]


async def test_without_a_published_version_the_latest_is_imported(world: World) -> None:
    template = await create_derived(
        world.region, STOCKHOLM, None, kind="caseTypeTemplate", publish=False
    )
    await world.region.done(
        "caseTypeTemplateUpdate",
        "event { id }",
        id=template,
        expectedVersion=1,
        content={"introduction": "Ny"},
    )

    payload = await import_file(
        world.other_region, (await export_file(world.region, template))["json"]
    )

    assert payload["version"]["content"] == {"introduction": "Ny"}


async def test_importing_the_same_version_again_changes_nothing(
    world: World, template_file: dict[str, Any]
) -> None:
    first = await import_file(world.other_region, template_file)
    before = await world.api.snapshot()

    again = await import_file(world.other_region, template_file)

    assert (again["outcome"], again["event"], again["version"]["number"]) == ("UNCHANGED", None, 1)
    assert again["caseTypeTemplate"]["id"] == first["caseTypeTemplate"]["id"]
    assert await world.api.snapshot() == before


async def test_another_version_becomes_the_next_draft_of_the_same_template(
    world: World, template_file: dict[str, Any]
) -> None:
    first = await import_file(world.other_region, template_file)
    template = first["caseTypeTemplate"]["id"]
    await world.other_region.done(
        "documentPublish", "event { id }", id=template, version=1, expectedVersion=1
    )

    second = await import_file(world.other_region, template_file, version=3)

    assert (second["outcome"], second["event"]["action"]) == ("UPDATED", "EDITED")
    assert {
        **second["caseTypeTemplate"],
        "verify": second["caseTypeTemplate"]["verify"]["intact"],
    } == {
        **first["caseTypeTemplate"],
        "state": "ACTIVE",
        "latestVersion": 2,
        "publishedVersion": 1,
        "verify": True,
    }
    assert second["version"]["previousHash"] == first["version"]["hash"]
    assert second["version"]["origin"]["version"] == 3
    assert second["version"]["derivedFrom"] is None, "Uppsala cannot see national drafts"


async def test_local_changes_are_not_overwritten(
    world: World, template_file: dict[str, Any]
) -> None:
    template = (await import_file(world.other_region, template_file))["caseTypeTemplate"]["id"]
    await publish_template_version(world.other_region, template, 1, introduction="Vår egen.")
    before = await world.api.snapshot()

    for dry_run in (True, False):
        assert problems(
            await import_file(world.other_region, template_file, version=3, dryRun=dry_run)
        ) == [("CHANGED_SINCE_IMPORT", "file")]
    assert (await import_file(world.other_region, template_file))["outcome"] == "UNCHANGED"
    assert await world.api.snapshot() == before


async def test_an_archived_template_refuses_imports(
    world: World, template_file: dict[str, Any]
) -> None:
    template = (await import_file(world.other_region, template_file))["caseTypeTemplate"]["id"]
    await world.other_region.done("documentArchive", "event { id }", id=template, expectedVersion=1)

    assert problems(await import_file(world.other_region, template_file, version=1)) == [
        ("WRONG_STATE", "file")
    ]


async def test_each_owner_gets_their_own_template(
    world: World, template_file: dict[str, Any]
) -> None:
    owners = [
        (world.other_region, UPPSALA),
        (world.region, STOCKHOLM),
        (world.clinic_admin, BJORKEN),
        (world.national, INERA),
    ]
    found = [await import_file(caller, template_file, owner) for caller, owner in owners]

    assert [payload["outcome"] for payload in found] == ["CREATED"] * 4
    assert [payload["caseTypeTemplate"]["level"] for payload in found] == [
        "REGIONAL",
        "REGIONAL",
        "LOCAL",
        "NATIONAL",
    ]
    assert len({payload["caseTypeTemplate"]["id"] for payload in found}) == 4


async def test_concurrent_imports_create_one_template(
    world: World, template_file: dict[str, Any]
) -> None:
    found = await asyncio.gather(
        *(import_file(world.other_region, template_file) for _ in range(6))
    )

    assert sorted(payload["outcome"] for payload in found) == ["CREATED", *["UNCHANGED"] * 5]
    assert len({payload["caseTypeTemplate"]["id"] for payload in found}) == 1


async def test_a_dry_run_checks_everything_and_writes_nothing(
    world: World, template_file: dict[str, Any]
) -> None:
    before = await world.api.snapshot()

    tried = await import_file(world.other_region, template_file, dryRun=True)

    assert (
        tried["outcome"],
        tried["origin"]["version"],
        tried["caseTypeTemplate"],
        tried["event"],
    ) == ("CREATED", 2, None, None)
    assert await world.api.snapshot() == before
    template = (await import_file(world.other_region, template_file))["caseTypeTemplate"]["id"]
    again, other = [
        await import_file(world.other_region, template_file, dryRun=True, version=version)
        for version in (2, 3)
    ]
    assert (again["outcome"], other["outcome"]) == ("UNCHANGED", "UPDATED")
    assert again["caseTypeTemplate"]["id"] == other["caseTypeTemplate"]["id"] == template


async def test_an_idempotency_key_imports_once(world: World, template_file: dict[str, Any]) -> None:
    first, second = [
        await import_file(world.other_region, template_file, idempotencyKey="en gång")
        for _ in range(2)
    ]

    assert first == second
    assert problems(
        await import_file(world.other_region, template_file, idempotencyKey="en gång", version=3)
    ) == [("IDEMPOTENCY_KEY_REUSED", "idempotencyKey")]


async def test_only_callers_who_can_edit_there_import(
    world: World, template_file: dict[str, Any]
) -> None:
    assert await world.refusals(
        "templateImport", owner=STOCKHOLM, file=json.dumps(template_file)
    ) == {
        **dict.fromkeys(
            ("national", "other_region", "clinic_admin", "staff", "reviewer", "reporter"),
            "NOT_PERMITTED",
        ),
        "nobody": "UNAUTHENTICATED",
    }
    assert problems(await import_file(world.region, template_file, "SE2321000016-9Z99")) == [
        ("NOT_FOUND", "owner")
    ]


async def test_documents_without_an_origin_field_read_and_verify(world: World) -> None:
    database = world.api.store.database
    for collection in ("documents", "versions"):
        await database[collection].update_many({}, {"$unset": {"origin": ""}})

    found = await world.national.ask(
        "query($id: ID!) { caseTypeTemplate(id: $id) { version { origin { version } } verify {"
        " intact versions } } }",
        id=world.template,
    )

    assert found["caseTypeTemplate"] == {
        "version": {"origin": None},
        "verify": {"intact": True, "versions": 1},
    }


async def test_an_imported_history_is_verified_offline_like_any_other(
    world: World, template_file: dict[str, Any], tmp_path: Path
) -> None:
    payload = await import_file(world.other_region, template_file)
    rows = await world.api.store.database.find(
        "versions", {"document": payload["caseTypeTemplate"]["id"]}
    )
    forged_rows = [{**row, "origin": {**row["origin"], "version": 1}} for row in rows]

    assert verified_offline(rows, tmp_path) == (
        0,
        f"{payload['caseTypeTemplate']['id']} 1 {payload['version']['hash']}\n",
    )
    assert verified_offline(forged_rows, tmp_path)[0] == 1
