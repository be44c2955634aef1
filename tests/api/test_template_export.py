"""Export of templates to files: content, permission, and verification offline."""

import copy
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema

from tests.api.derived_documents import create_derived, publish_template_version
from tests.api.template_files import EXPORT, SCHEMA, export_file, import_file
from tests.callers import BJORKEN, INERA, STOCKHOLM, problems
from tests.kinds import SAMPLES
from tests.test_docs import DOCS, blocks
from tests.world import World


async def test_a_file_contains_every_version_with_everything_that_its_hash_covers(
    world: World, template_file: dict[str, Any]
) -> None:
    found = await export_file(world.national, world.template)

    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    jsonschema.validate(template_file, SCHEMA)
    assert (found["versions"], found["hash"], found["fileName"]) == (
        3,
        template_file["template"]["hash"],
        f"{world.template}-3.json",
    )
    assert {**template_file["template"], "hash": ""} == {
        "id": world.template,
        "kind": "CASE_TYPE_TEMPLATE",
        "principal": INERA,
        "principalName": "Inera",
        "owner": INERA,
        "latestVersion": 3,
        "publishedVersion": 2,
        "hash": "",
    }
    assert [
        (version["number"], version["content"]["introduction"], version["note"])
        for version in template_file["versions"]
    ] == [
        (1, "Här kan du **förnya** ditt recept.", None),
        (2, "Två.", None),
        (3, "Tre.", "Prövar"),
    ]
    assert template_file["versions"][0]["author"] == {
        "employeeHsaId": f"{INERA}-NA",
        "role": "NATIONAL_ADMINISTRATOR",
        "unit": INERA,
        "system": False,
    }
    assert "Nils" not in found["file"]


async def test_repeated_exports_differ_only_in_their_time(
    world: World, template_file: dict[str, Any]
) -> None:
    again = (await export_file(world.national, world.template))["json"]

    assert {**again, "exportedAt": ""} == {**template_file, "exportedAt": ""}


async def test_only_callers_who_can_see_drafts_and_persons_export(world: World) -> None:
    regional = await create_derived(
        world.region, STOCKHOLM, world.template, kind="caseTypeTemplate"
    )
    local = await create_derived(world.region, BJORKEN, regional, kind="caseTypeTemplate")
    callers = {
        "national": world.national,
        "region": world.region,
        "reviewer": world.reviewer,
        "other": world.other_region,
        "clinic": world.clinic_admin,
        "staff": world.staff,
        "reporter": world.reporter,
    }

    async def refusals(template: str) -> dict[str, str]:
        found = {}
        for name, caller in callers.items():
            body = (await caller.post(EXPORT, id=template)).json()
            found[name] = body["errors"][0]["extensions"]["code"] if "errors" in body else "DONE"
        return found

    denied, unknown = "NOT_PERMITTED", "NOT_FOUND"
    here = {
        "national": denied,
        "region": "DONE",
        "reviewer": "DONE",
        "other": unknown,
        "clinic": denied,
        "staff": denied,
        "reporter": denied,
    }
    assert await refusals(world.template) == {
        name: "DONE" if name == "national" else denied for name in callers
    }
    assert await refusals(regional) == here
    assert await refusals(local) == here | {"national": unknown}


async def test_a_resident_case_template_has_no_file(
    world: World, template_file: dict[str, Any]
) -> None:
    sample = SAMPLES["residentCaseTemplate"]
    payload = await world.national.done(
        "residentCaseTemplateCreate",
        "residentCaseTemplate { id }",
        owner=INERA,
        content=sample.content,
    )
    template_file["template"]["kind"] = sample.name
    before = await world.api.snapshot()

    assert await world.national.refused(EXPORT, id=payload["residentCaseTemplate"]["id"]) == [
        "NOT_FOUND"
    ]
    assert problems(await import_file(world.region, template_file, STOCKHOLM)) == [
        ("UNKNOWN_FILE_FORMAT", "file.template.kind")
    ]
    assert await world.api.snapshot() == before


async def test_a_template_too_large_for_a_file_is_not_exported(world: World) -> None:
    replies = [{"key": f"s{number}", "label": "Svar", "text": "x" * 5_000} for number in range(190)]
    template = await create_derived(
        world.national, INERA, None, kind="caseTypeTemplate", standardReplies=replies
    )
    for version in range(1, 5):
        await publish_template_version(
            world.national, template, version, introduction=f"Text {version}"
        )

    assert await world.national.refused(EXPORT, id=template) == ["TOO_LARGE"]


async def test_a_file_is_verified_offline_as_documented(
    template_file: dict[str, Any], tmp_path: Path
) -> None:
    [program] = blocks(DOCS / "formats" / "template-file.md", "python")
    (tmp_path / "verify.py").write_text(program, encoding="utf-8")
    forged = copy.deepcopy(template_file)
    forged["versions"][1]["content"]["introduction"] = "Tvåan."

    def verified(content: dict[str, Any]) -> tuple[int, str]:
        (tmp_path / "file.json").write_text(json.dumps(content), encoding="utf-8")
        done = subprocess.run(
            [sys.executable, "verify.py", "file.json"],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        return done.returncode, (done.stdout + done.stderr).strip()

    assert verified(template_file) == (
        0,
        f"{template_file['template']['id']} 3 {template_file['template']['hash']}",
    )
    assert verified(forged) == (1, "broken at version 2")
