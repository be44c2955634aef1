"""The guides for reporting and for integrators: their operations and commands do what they say."""

import asyncio
import json
import os
import re
from asyncio.subprocess import PIPE
from pathlib import Path

from tests.callers import BJORKEN, LINDEN, STOCKHOLM
from tests.guides import GUIDES, nodes, run, steps
from tests.world import World


async def test_the_reporting_guide_works(world: World) -> None:
    group = await world.region.done(
        "clinicGroupSave",
        "clinicGroup { id }",
        principal=STOCKHOLM,
        name="Vårdcentraler",
        hsaIds=[BJORKEN],
    )
    distributed = await world.region.done(
        "caseTypeDistribute", "event { at }", caseType=world.case_type, to={"hsaIds": [BJORKEN]}
    )
    await world.edit(world.case_type, 1, publish=True, introduction="Nytt.")
    ids = {"GROUP": group["clinicGroup"]["id"], "MOMENT": distributed["event"]["at"]}

    results = {
        title: await run(world.reporter, operation, variables, ids)
        for title, operation, variables in steps("reporting.md")
    }

    reports = {
        name: report
        for data in results.values()
        for name, report in data.get("reports", {}).items()
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
    [adapted] = nodes(reports["adaptationsPerText"])
    assert (adapted["document"]["id"], adapted["path"]) == (world.template, "introduction")
    assert (adapted["documents"], adapted["outOf"]) == (1, 1)
    assert [edge["node"]["clinics"] for edge in reports["duplicatesPerCaseType"]["edges"]] == [0]
    assert results["Rows"]["assignments"]["totalCount"] == 1


async def test_the_integrators_guide_works(world: World) -> None:
    await world.distribute(world.case_type, BJORKEN)
    feed, inbox, acknowledge = steps("integrators.md")

    async with world.staff.socket() as socket:
        await socket.subscribe(feed[1], **json.loads(feed[2]))
        delivered = (await socket.next())["clinicNotifications"]
    read = await run(world.staff, *inbox[1:], {})
    done = await run(world.staff, *acknowledge[1:], {"CURSOR": delivered["cursor"]})

    assert (delivered["action"], delivered["toVersion"], delivered["clinic"]["name"]) == (
        "DISTRIBUTED",
        1,
        "Vårdcentralen Björken",
    )
    assert read["clinic"]["unacknowledgedCount"] == 1
    assert read["clinic"]["notifications"]["edges"][0]["node"]["cursor"] == delivered["cursor"]
    assert done["notificationsAcknowledge"] == {
        "upTo": delivered["cursor"],
        "clinic": {"unacknowledgedCount": 0},
        "errors": [],
    }


def test_the_documented_close_codes_are_those_of_the_code() -> None:
    text = (GUIDES / "integrators.md").read_text(encoding="utf-8")
    code = (GUIDES.parents[1] / "transport" / "socket_messages.py").read_text(encoding="utf-8")

    documented = set(re.findall(r"(?m)^\| (4\d{3}) \|", text))

    assert documented == set(re.findall(r"(?m)^[A-Z_]+ = (4\d{3})$", code))


async def test_the_commands_of_the_reporting_guide_work(world: World, tmp_path: Path) -> None:
    for hsa_id in (BJORKEN, LINDEN):
        await world.distribute(world.case_type, hsa_id)
    commands = re.findall(
        r"(?ms)^```sh\n(.*?)^```", (GUIDES / "reporting.md").read_text(encoding="utf-8")
    )
    environment = os.environ | {"URL": world.api.root, "TOKEN": world.reporter.token or ""}

    async def run_in_shell(command: str) -> None:
        shell = await asyncio.create_subprocess_exec(
            "sh", "-euc", command, cwd=tmp_path, env=environment, stderr=PIPE
        )
        _, errors = await shell.communicate()
        assert (shell.returncode, errors.decode()) == (0, ""), command

    for command in commands:
        await run_in_shell(command)

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
    await run_in_shell(commands[-1])
    [line] = (tmp_path / "part.ndjson").read_text(encoding="utf-8").splitlines()
    assert (json.loads(line)["clinic"], json.loads(line)["until"] is None) == (LINDEN, False)
