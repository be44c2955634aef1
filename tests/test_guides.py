"""The guides: every operation on their pages, in order, against the running app, as those for whom
they are written.
"""

import asyncio
import json
import os
import re
from asyncio.subprocess import PIPE
from pathlib import Path
from typing import Any

from graphql import OperationDefinitionNode, parse

from tests.api.test_template_usage import edited, made
from tests.callers import BJORKEN, LINDEN, STOCKHOLM, Caller
from tests.world import CONTENT, World

GUIDES = Path(__file__).parent.parent / "docs" / "guides"


def steps(page: str) -> list[tuple[str, str, str]]:
    """Each operation of a guide: its name, its text, and its variables as they stand there."""
    text = (GUIDES / page).read_text(encoding="utf-8")
    found = re.findall(r"(?ms)^```graphql\n(.*?)^```\n```json\n(.*?)^```", text)
    assert len(found) == text.count("```graphql\n") == text.count("```json\n"), (
        "every operation stands with its variables"
    )
    return [(name(operation), operation, variables) for operation, variables in found]


def name(operation: str) -> str:
    """The name of an operation."""
    [definition] = parse(operation).definitions
    assert isinstance(definition, OperationDefinitionNode)
    assert definition.name is not None
    return definition.name.value


async def run(
    caller: Caller, operation: str, variables: str, ids: dict[str, str]
) -> dict[str, Any]:
    """Do what a step says with real ids for its placeholders; nothing may be refused. The data."""
    for placeholder, value in ids.items():
        variables = variables.replace(f'"{placeholder}"', json.dumps(value))
    data = await caller.ask(operation, **json.loads(variables))
    if operation.startswith("mutation"):
        [payload] = data.values()
        assert payload["errors"] == [], (operation, payload["errors"])
    return data


def nodes(connection: dict[str, Any]) -> list[dict[str, Any]]:
    """The items of a page."""
    return [edge["node"] for edge in connection["edges"]]


async def published(world: World, title: str) -> str:
    case_type = await world.draft(CONTENT | {"name": title})
    await world.region.done(
        "documentPublish", "event { id }", id=case_type, version=1, expectedVersion=1
    )
    return case_type


async def test_the_regional_administrators_guide_does_what_it_says(world: World) -> None:
    made = await world.clinic_admin.done(
        "caseTypeCreate", "caseType { id }", owner=BJORKEN, content=CONTENT
    )
    local = made["caseType"]["id"]
    await world.clinic_admin.done(
        "documentPublish", "event { id }", id=local, version=1, expectedVersion=1
    )
    ids = {
        "CASE_TYPE": world.case_type,
        "LOCAL_CASE_TYPE": local,
        "OLD_CASE_TYPE": await published(world, "Fråga 1177 Vårdguiden"),
    }
    said: dict[str, Any] = {}

    for title, operation, variables in steps("regional-administrator.md"):
        said[title] = await run(world.region, operation, variables, ids)
        match title:
            case "Group":
                ids["GROUP"] = said[title]["clinicGroupSave"]["clinicGroup"]["id"]
            case "Distribute":
                ids["DISTRIBUTED_AT"] = said[title]["caseTypeDistribute"]["event"]["at"]
            case "Replace":
                ids["BATCH"] = said[title]["textReplace"]["batch"]
            case "Grant":
                ids["ROLE_GRANT"] = said[title]["roleGrant"]["roleGrant"]["id"]
            case "Notice":
                ids["NOTICE"] = said[title]["noticeCreate"]["notice"]["id"]

    assert [edge["node"]["name"] for edge in said["Find"]["clinics"]["edges"]] == [
        "Vårdcentralen Björken",
        "Vårdcentralen Linden",
        "Vårdcentralen Granen",
    ]
    assert [
        found["caseType"]["id"] for found in said["Check"]["checkDistribution"]["localCandidates"]
    ] == [local]
    assert (
        said["Distribute"]["caseTypeDistribute"]["clinics"],
        said["Distribute"]["caseTypeDistribute"]["replaced"],
    ) == (3, 1)
    assert said["Withdraw"]["caseTypeWithdraw"]["clinics"] == 1
    assert (
        said["Decide"]["principalPoliciesSave"]["principal"]["policies"]["centralActivation"]
        == "CLINIC"
    )
    assert [edge["node"]["id"] for edge in said["Search"]["search"]["edges"]] == [
        ids["OLD_CASE_TYPE"]
    ]
    assert [
        (one["version"], one["problems"]) for one in said["Look"]["textReplace"]["documents"]
    ] == [(1, [])]
    [replaced] = said["Replace"]["textReplace"]["documents"]
    assert replaced == {
        "newVersion": 2,
        "published": True,
        "document": {"id": ids["OLD_CASE_TYPE"], "name": "Fråga 1177"},
    }
    [edge] = said["Batch"]["principal"]["events"]["edges"]
    assert (edge["node"]["action"], edge["node"]["version"], edge["node"]["changes"]) == (
        "PUBLISHED",
        2,
        [{"label": "Namn"}],
    )
    assert [one["newVersion"] for one in said["Undo"]["textReplaceUndo"]["documents"]] == [3]
    assert said["Resolved"]["noticeUpdate"]["notice"] == {
        "publishedVersion": 2,
        "content": {"status": "RESOLVED", "endsAt": "2026-11-25T10:00:00.000Z"},
    }
    assert said["Terms"]["termsTextCreate"]["version"]["mustAccept"] is True
    assert (
        "<p>Välkommen till Vårdcentralen Björken.</p>"
        in said["Terms"]["termsTextCreate"]["version"]["html"]
    )
    assert [entry["version"]["number"] for entry in said["AsOf"]["clinic"]["startPage"]] == [1]
    assert said["AsOf"]["assignments"]["totalCount"] == 1


async def test_the_clinics_guide_does_what_it_says(world: World) -> None:
    ids = {
        "CASE_TYPE": world.case_type,
        "OTHER_CASE_TYPE": await published(world, "Boka tid"),
        "WAITING_CASE_TYPE": await published(world, "Intyg"),
    }
    await world.distribute(world.case_type, BJORKEN)
    await world.region.done(
        "principalPoliciesSave", "event { id }", principal=STOCKHOLM, centralActivation="CLINIC"
    )
    await world.distribute(ids["WAITING_CASE_TYPE"], BJORKEN)
    said: dict[str, Any] = {}

    for title, operation, variables in steps("clinic.md"):
        if title == "NeedsReview":
            await world.edit(world.case_type, 1, publish=True, introduction="Nytt.")
        said[title] = await run(world.clinic_admin, operation, variables, ids)
        if title == "Told":
            ids["CURSOR"] = said[title]["clinic"]["notifications"]["edges"][0]["node"]["cursor"]
        if operation.startswith("query"):
            assert await run(world.staff, operation, variables, ids) == said[title], (
                "staff reads the same"
            )

    assert [entry["caseType"]["id"] for entry in said["StartPage"]["clinic"]["startPage"]] == [
        world.case_type
    ]
    assert [
        edge["node"]["active"] for edge in said["Assignments"]["clinic"]["assignments"]["edges"]
    ] == [True, False]
    assert {edge["node"]["id"] for edge in said["Published"]["caseTypes"]["edges"]} == set(
        ids.values()
    ) - {ids["CURSOR"]}
    assert said["Follow"]["caseTypeFollow"]["assignment"] == {
        "origin": "FOLLOWED",
        "active": False,
        "startPageOrder": 3,
    }
    assert said["NeedsReview"]["clinic"]["localAdaptation"]["needsReview"] is True
    assert said["Reviewed"]["localAdaptationSave"] == {
        "localAdaptation": {"needsReview": False},
        "version": {"number": 2, "writtenFor": 2},
        "errors": [],
    }
    assert [edge["node"]["action"] for edge in said["Told"]["clinic"]["notifications"]["edges"]][
        :2
    ] == ["ADAPTED", "PUBLISHED"]
    assert said["Acknowledge"]["notificationsAcknowledge"]["clinic"] == {"unacknowledgedCount": 0}
    assert said["Show"]["caseTypeShow"]["assignment"]["active"] is True
    [_, operation, variables], *_ = steps("clinic.md")
    page = await run(world.clinic_admin, operation, variables, ids)
    assert [entry["caseType"]["id"] for entry in page["clinic"]["startPage"]] == [
        ids["WAITING_CASE_TYPE"],
        world.case_type,
    ]


TAKEN_OVER = ("Renew", "Behind", "Try", "TakeOver", "PutInForce", "Origins")
"""The steps of the national management's guide that are about taking a newer version over."""


async def test_the_national_managements_guide_does_what_it_says(world: World) -> None:
    regional = await made(
        world.region, STOCKHOLM, world.template, kind="caseTypeTemplate", introduction="Vår egen."
    )
    local = await made(world.region, STOCKHOLM, regional)
    await world.distribute(local, BJORKEN)
    await edited(world.national, world.template, 1, introduction="Nytt.")
    file = await world.region.ask(
        "query($id: ID!) { templateExport(id: $id) { file } }", id=regional
    )
    ids = {"TEMPLATE": world.template, "CASE_TYPE": local, "FILE": file["templateExport"]["file"]}
    said: dict[str, Any] = {}

    for title, operation, variables in steps("national-management.md"):
        if title not in TAKEN_OVER:
            said[title] = await run(world.national, operation, variables, ids)

    [used] = [edge["node"]["usage"] for edge in said["Used"]["caseTypeTemplates"]["edges"]]
    assert {name: used[name] for name in ("templates", "caseTypes", "clinics", "behind")} == {
        "templates": 1,
        "caseTypes": 2,
        "clinics": 1,
        "behind": 3,
    }
    assert [
        one["principal"]["name"]
        for one in said["UsedBy"]["caseTypeTemplate"]["usage"]["byPrincipal"]
    ] == ["Region Stockholm"]
    assert [step["behind"] for step in said["Lineage"]["caseType"]["version"]["lineage"]] == [
        False,
        True,
    ]
    assert [edge["node"]["reasons"] for edge in said["Review"]["templateReview"]["edges"]] == [
        ["NOT_TAKEN_OVER"]
    ]
    [place] = [
        edge["node"]
        for edge in said["Compare"]["caseTypeTemplate"]["comparison"]["places"]["edges"]
    ]
    assert (place["path"], [(one["same"], one["count"]) for one in place["variants"]]) == (
        "introduction",
        [(False, 2), (False, 1)],
    )
    assert said["Export"]["templateExport"]["versions"] == 2
    assert (
        said["Import"]["templateImport"]["outcome"],
        said["Import"]["templateImport"]["origin"]["document"],
    ) == ("CREATED", regional)
    assert said["Import"]["templateImport"]["caseTypeTemplate"]["verify"] == {"intact": True}


async def test_the_reporting_guide_does_what_it_says(world: World) -> None:
    group = await world.region.done(
        "clinicGroupSave",
        "clinicGroup { id }",
        principal=STOCKHOLM,
        name="Vårdcentraler",
        hsaIds=[BJORKEN],
    )
    handed = await world.region.done(
        "caseTypeDistribute", "event { at }", caseType=world.case_type, to={"hsaIds": [BJORKEN]}
    )
    await world.edit(world.case_type, 1, publish=True, introduction="Nytt.")
    ids = {"GROUP": group["clinicGroup"]["id"], "MOMENT": handed["event"]["at"]}

    said = {
        title: await run(world.reporter, operation, variables, ids)
        for title, operation, variables in steps("reporting.md")
    }

    reports = {
        name: answer for data in said.values() for name, answer in data.get("reports", {}).items()
    }
    per_clinic, per_case_type, behind = [
        reports[name] for name in ("caseTypesPerClinic", "clinicsPerCaseType", "clinicsBehind")
    ]
    assert (per_clinic["totalCount"], per_clinic["edges"][0]["node"]["caseTypes"]) == (5, 1)
    assert [
        (edge["node"]["version"], edge["node"]["adoption"]["unseen"])
        for edge in per_case_type["edges"]
    ] == [(2, 1)]
    assert [edge["node"]["clinic"]["hsaId"] for edge in behind["edges"]] == [BJORKEN]
    times = reports["acknowledgementTimes"]
    assert (
        times["publications"],
        times["total"]["pending"],
        times["byClinicGroup"][0]["time"]["pending"],
    ) == (1, 1, 1)
    assert [row["versions"] for row in reports["editsPerMonth"]] == [1]
    assert [edge["node"]["documents"] for edge in reports["documentsPerTemplate"]["edges"]] == [1]
    assert reports["adaptationsPerCaseType"]["edges"] == []
    told = [
        (one["document"]["id"], one["path"], one["documents"], one["outOf"])
        for one in nodes(reports["adaptationsPerText"])
    ]
    assert told == [(world.template, "introduction", 1, 1)]
    assert [edge["node"]["clinics"] for edge in reports["duplicatesPerCaseType"]["edges"]] == [0]
    assert said["Rows"]["assignments"]["totalCount"] == 1


async def test_the_integrators_guide_does_what_it_says(world: World) -> None:
    await world.distribute(world.case_type, BJORKEN)
    feed, inbox, acknowledge = steps("integrators.md")

    async with world.staff.socket() as socket:
        await socket.subscribe(feed[1], **json.loads(feed[2]))
        told = (await socket.next())["clinicNotifications"]
    read = await run(world.staff, *inbox[1:], {})
    done = await run(world.staff, *acknowledge[1:], {"CURSOR": told["cursor"]})

    assert (told["action"], told["toVersion"], told["clinic"]["name"]) == (
        "DISTRIBUTED",
        1,
        "Vårdcentralen Björken",
    )
    assert read["clinic"]["unacknowledgedCount"] == 1
    assert read["clinic"]["notifications"]["edges"][0]["node"]["cursor"] == told["cursor"]
    assert done["notificationsAcknowledge"] == {
        "upTo": told["cursor"],
        "clinic": {"unacknowledgedCount": 0},
        "errors": [],
    }


def test_the_close_codes_are_those_of_the_code() -> None:
    text = (GUIDES / "integrators.md").read_text(encoding="utf-8")
    code = (GUIDES.parents[1] / "schema" / "sockets.py").read_text(encoding="utf-8")

    documented = set(re.findall(r"(?m)^\| (4\d{3}) \|", text))

    assert documented == set(re.findall(r"(?m)^_\w+ = (4\d{3})$", code))


async def test_the_national_managements_guide_takes_a_newer_template_version_over(
    world: World,
) -> None:
    await world.edit(world.case_type, 1, name="Förnya recept i Stockholm")
    ids = {"TEMPLATE": world.template, "CASE_TYPE": world.case_type}
    guide = {
        title: (operation, variables)
        for title, operation, variables in steps("national-management.md")
    }
    said: dict[str, Any] = {}

    for title in TAKEN_OVER:
        said[title] = await run(
            world.national if title == "Renew" else world.region, *guide[title], ids
        )

    behind = said["Behind"]["caseType"]["version"]["derivedFrom"]
    assert (behind["version"], behind["latestVersion"], behind["behind"]) == (1, 2, True)
    trial = said["Try"]["checkTemplateAdoption"]
    assert ([change["label"] for change in trial["changes"]], trial["expectedVersion"]) == (
        ["Introduktion"],
        2,
    )
    assert [
        (found["valuePath"], found["ours"], found["theirs"]) for found in trial["conflicts"]
    ] == [("name", "Förnya recept i Stockholm", "Förnya läkemedel")]
    assert said["TakeOver"]["documentAdoptTemplate"]["document"] == {
        "latestVersion": 3,
        "publishedVersion": 1,
    }
    origins = {
        found["path"]: (found["level"], found["version"], found["since"])
        for found in said["Origins"]["caseType"]["blame"]
    }
    assert (origins["name"], origins["introduction"], origins["language"]) == (
        ("REGIONAL", 2, 2),
        ("NATIONAL", 2, 3),
        ("NATIONAL", 1, 1),
    )


async def test_the_reporting_guides_commands_run_as_they_stand(
    world: World, tmp_path: Path
) -> None:
    for hsa_id in (BJORKEN, LINDEN):
        await world.distribute(world.case_type, hsa_id)
    commands = re.findall(
        r"(?ms)^```sh\n(.*?)^```", (GUIDES / "reporting.md").read_text(encoding="utf-8")
    )
    environment = os.environ | {"URL": world.api.root, "TOKEN": world.reporter.token or ""}

    async def run(command: str) -> None:
        shell = await asyncio.create_subprocess_exec(
            "sh", "-euc", command, cwd=tmp_path, env=environment, stderr=PIPE
        )
        _, said = await shell.communicate()
        assert (shell.returncode, said.decode()) == (0, ""), command

    for command in commands:
        await run(command)

    assert len(commands) == 4
    assert (tmp_path / "assignments.csv").read_bytes().count(b"\r\n") == 3
    assert (tmp_path / "assignments.parquet").read_bytes()[:4] == b"PAR1"
    assert (tmp_path / "adoption.xlsx").read_bytes()[:2] == b"PK"
    assert (tmp_path / "then.csv").read_bytes() == (tmp_path / "assignments.csv").read_bytes()
    assert (tmp_path / "edits.csv").read_bytes().count(b"\r\n") == 2
    assert (tmp_path / "part.ndjson").read_bytes().count(b"\n") == 2
    await world.region.done(
        "caseTypeWithdraw", "clinics", caseType=world.case_type, **{"from": {"hsaIds": [LINDEN]}}
    )
    await run(commands[-1])
    [line] = (tmp_path / "part.ndjson").read_text(encoding="utf-8").splitlines()
    assert (json.loads(line)["clinic"], json.loads(line)["until"] is None) == (LINDEN, False)
