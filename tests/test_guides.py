"""The guides: every operation on their pages, in order, against the running app, as those for whom they are written."""

import asyncio
import json
import os
import re
from asyncio.subprocess import PIPE
from pathlib import Path
from typing import Any

from graphql import OperationDefinitionNode, parse

from tests.callers import BJORKEN, LINDEN, STOCKHOLM, Caller
from tests.world import CONTENT, World

GUIDES = Path(__file__).parent.parent / "docs" / "guides"


def steps(page: str) -> list[tuple[str, str, str]]:
    """Each operation of a guide: its name, its text, and its variables as they stand there."""
    text = (GUIDES / page).read_text(encoding="utf-8")
    found = re.findall(r"(?ms)^```graphql\n(.*?)^```\n```json\n(.*?)^```", text)
    assert len(found) == text.count("```graphql\n") == text.count("```json\n"), "every operation stands with its variables"
    return [(name(operation), operation, variables) for operation, variables in found]


def name(operation: str) -> str:
    """The name of an operation."""
    [definition] = parse(operation).definitions
    assert isinstance(definition, OperationDefinitionNode)
    assert definition.name is not None
    return definition.name.value


async def run(caller: Caller, operation: str, variables: str, ids: dict[str, str]) -> dict[str, Any]:
    """Do what a step says with real ids for its placeholders; nothing may be refused. The data."""
    for placeholder, value in ids.items():
        variables = variables.replace(f'"{placeholder}"', json.dumps(value))
    data = await caller.ask(operation, **json.loads(variables))
    if operation.startswith("mutation"):
        [payload] = data.values()
        assert payload["errors"] == [], (operation, payload["errors"])
    return data


async def published(world: World, title: str) -> str:
    case_type = await world.draft(CONTENT | {"name": title})
    await world.region.done("documentPublish", "event { id }", id=case_type, version=1, expectedVersion=1)
    return case_type


async def test_the_regional_administrators_guide_does_what_it_says(world: World) -> None:
    made = await world.clinic_admin.done("caseTypeCreate", "caseType { id }", owner=BJORKEN, content=CONTENT)
    local = made["caseType"]["id"]
    await world.clinic_admin.done("documentPublish", "event { id }", id=local, version=1, expectedVersion=1)
    ids = {"CASE_TYPE": world.case_type, "LOCAL_CASE_TYPE": local}
    said: dict[str, Any] = {}

    for title, operation, variables in steps("regional-administrator.md"):
        said[title] = await run(world.region, operation, variables, ids)
        match title:
            case "Group":
                ids["GROUP"] = said[title]["clinicGroupSave"]["clinicGroup"]["id"]
            case "Distribute":
                ids["DISTRIBUTED_AT"] = said[title]["caseTypeDistribute"]["event"]["at"]
            case "Grant":
                ids["ROLE_GRANT"] = said[title]["roleGrant"]["roleGrant"]["id"]

    assert [edge["node"]["name"] for edge in said["Find"]["clinics"]["edges"]] == [
        "Vårdcentralen Björken",
        "Vårdcentralen Linden",
        "Vårdcentralen Granen",
    ]
    assert [found["caseType"]["id"] for found in said["Check"]["checkDistribution"]["localCandidates"]] == [local]
    assert (said["Distribute"]["caseTypeDistribute"]["clinics"], said["Distribute"]["caseTypeDistribute"]["replaced"]) == (3, 1)
    assert said["Withdraw"]["caseTypeWithdraw"]["clinics"] == 1
    assert said["Decide"]["principalPoliciesSave"]["principal"]["policies"]["centralActivation"] == "CLINIC"
    assert [entry["version"]["number"] for entry in said["AsOf"]["clinic"]["startPage"]] == [1]
    assert said["AsOf"]["assignments"]["totalCount"] == 1


async def test_the_clinics_guide_does_what_it_says(world: World) -> None:
    ids = {"CASE_TYPE": world.case_type, "OTHER_CASE_TYPE": await published(world, "Boka tid"), "WAITING_CASE_TYPE": await published(world, "Intyg")}
    await world.distribute(world.case_type, BJORKEN)
    await world.region.done("principalPoliciesSave", "event { id }", principal=STOCKHOLM, centralActivation="CLINIC")
    await world.distribute(ids["WAITING_CASE_TYPE"], BJORKEN)
    said: dict[str, Any] = {}

    for title, operation, variables in steps("clinic.md"):
        if title == "NeedsReview":
            await world.edit(world.case_type, 1, publish=True, introduction="Nytt.")
        said[title] = await run(world.clinic_admin, operation, variables, ids)
        if title == "Told":
            ids["CURSOR"] = said[title]["clinic"]["notifications"]["edges"][0]["node"]["cursor"]
        if operation.startswith("query"):
            assert await run(world.staff, operation, variables, ids) == said[title], "staff reads the same"

    assert [entry["caseType"]["id"] for entry in said["StartPage"]["clinic"]["startPage"]] == [world.case_type]
    assert [edge["node"]["active"] for edge in said["Assignments"]["clinic"]["assignments"]["edges"]] == [True, False]
    assert {edge["node"]["id"] for edge in said["Published"]["caseTypes"]["edges"]} == set(ids.values()) - {ids["CURSOR"]}
    assert said["Follow"]["caseTypeFollow"]["assignment"] == {"origin": "FOLLOWED", "active": False, "startPageOrder": 3}
    assert said["NeedsReview"]["clinic"]["localAdaptation"]["needsReview"] is True
    assert said["Reviewed"]["localAdaptationSave"] == {
        "localAdaptation": {"needsReview": False},
        "version": {"number": 2, "writtenFor": 2},
        "errors": [],
    }
    assert [edge["node"]["action"] for edge in said["Told"]["clinic"]["notifications"]["edges"]][:2] == ["ADAPTED", "PUBLISHED"]
    assert said["Acknowledge"]["notificationsAcknowledge"]["clinic"] == {"unacknowledgedCount": 0}
    assert said["Show"]["caseTypeShow"]["assignment"]["active"] is True
    [_, operation, variables], *_ = steps("clinic.md")
    page = await run(world.clinic_admin, operation, variables, ids)
    assert [entry["caseType"]["id"] for entry in page["clinic"]["startPage"]] == [ids["WAITING_CASE_TYPE"], world.case_type]


async def test_the_integrators_guide_does_what_it_says(world: World) -> None:
    await world.distribute(world.case_type, BJORKEN)
    feed, inbox, acknowledge = steps("integrators.md")

    async with world.staff.socket() as socket:
        await socket.subscribe(feed[1], **json.loads(feed[2]))
        told = (await socket.next())["clinicNotifications"]
    read = await run(world.staff, *inbox[1:], {})
    done = await run(world.staff, *acknowledge[1:], {"CURSOR": told["cursor"]})

    assert (told["action"], told["toVersion"], told["clinic"]["name"]) == ("DISTRIBUTED", 1, "Vårdcentralen Björken")
    assert read["clinic"]["unacknowledgedCount"] == 1
    assert read["clinic"]["notifications"]["edges"][0]["node"]["cursor"] == told["cursor"]
    assert done["notificationsAcknowledge"] == {"upTo": told["cursor"], "clinic": {"unacknowledgedCount": 0}, "errors": []}


def test_the_close_codes_are_those_of_the_code() -> None:
    text = (GUIDES / "integrators.md").read_text(encoding="utf-8")
    code = (GUIDES.parents[1] / "schema" / "sockets.py").read_text(encoding="utf-8")

    documented = set(re.findall(r"(?m)^\| (4\d{3}) \|", text))

    assert documented == set(re.findall(r"(?m)^_\w+ = (4\d{3})$", code))


async def test_the_reporting_guides_commands_run_as_they_stand(world: World, tmp_path: Path) -> None:
    for hsa_id in (BJORKEN, LINDEN):
        await world.distribute(world.case_type, hsa_id)
    commands = re.findall(r"(?ms)^```sh\n(.*?)^```", (GUIDES / "reporting.md").read_text(encoding="utf-8"))
    environment = os.environ | {"URL": world.api.root, "TOKEN": world.reporter.token or ""}

    async def run(command: str) -> None:
        shell = await asyncio.create_subprocess_exec("sh", "-euc", command, cwd=tmp_path, env=environment, stderr=PIPE)
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
    await world.region.done("caseTypeWithdraw", "clinics", caseType=world.case_type, **{"from": {"hsaIds": [LINDEN]}})
    await run(commands[-1])
    [line] = (tmp_path / "part.ndjson").read_text(encoding="utf-8").splitlines()
    assert (json.loads(line)["clinic"], json.loads(line)["until"] is None) == (LINDEN, False)
