"""Templates as files: what an export holds, what an import makes of it, and that no changed file
gets in.
"""

import asyncio
import copy
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from resolvers.kinds.case_types import CASE_TYPE_TEMPLATE
from store.records import Owner, OwnerKind
from tests.api.test_template_usage import edited, made
from tests.callers import BJORKEN, INERA, STOCKHOLM, UPPSALA, Caller, problems
from tests.kinds import SAMPLES
from tests.storage.building import BY_ANNA, content, document_of
from tests.test_docs import DOCS, blocks, verified_offline
from tests.world import World

SCHEMA = json.loads((DOCS / "formats" / "template-file.schema.json").read_text(encoding="utf-8"))
EXPORT = (
    "query($id: ID!) { templateExport(id: $id) { template { id } versions hash fileName file } }"
)
IMPORTED = """outcome origin { document version hash principal }
    caseTypeTemplate { id state latestVersion publishedVersion level name verify { intact versions } }
    version { number hash previousHash origin { document version hash principal } derivedFrom { template { id } version } content { introduction } }
    event { action document { id } version }"""


async def exported(caller: Caller, template: str) -> dict[str, Any]:
    """What an export answers, and the file in it as JSON."""
    found = (await caller.ask(EXPORT, id=template))["templateExport"]
    return {**found, "json": json.loads(found["file"])}


async def take_in(caller: Caller, file: Any, owner: str = UPPSALA, **more: Any) -> dict[str, Any]:
    text = file if isinstance(file, str) else json.dumps(file)
    return await caller.do("templateImport", IMPORTED, owner=owner, file=text, **more)


@pytest.fixture
async def file(world: World) -> dict[str, Any]:
    """The national template's file: version 1 in force, 2 in force now, 3 a draft."""
    await edited(world.national, world.template, 1, introduction="Två.")
    await world.national.done(
        "caseTypeTemplateUpdate",
        "event { id }",
        id=world.template,
        expectedVersion=2,
        content={"introduction": "Tre."},
        note="Prövar",
    )
    return (await exported(world.national, world.template))["json"]  # type: ignore[no-any-return]


# ------------------------------------------------------------------ export


async def test_a_file_holds_every_version_with_what_its_hash_covers(
    world: World, file: dict[str, Any]
) -> None:
    found = await exported(world.national, world.template)

    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    jsonschema.validate(file, SCHEMA)
    assert (found["versions"], found["hash"], found["fileName"]) == (
        3,
        file["template"]["hash"],
        f"{world.template}-3.json",
    )
    assert {**file["template"], "hash": ""} == {
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
        (one["number"], one["content"]["introduction"], one["note"]) for one in file["versions"]
    ] == [
        (1, "Här kan du **förnya** ditt recept.", None),
        (2, "Två.", None),
        (3, "Tre.", "Prövar"),
    ]
    assert file["versions"][0]["author"] == {
        "employeeHsaId": f"{INERA}-NA",
        "role": "NATIONAL_ADMINISTRATOR",
        "unit": INERA,
        "system": False,
    }
    assert "Nils" not in found["file"]


async def test_the_same_template_is_the_same_file_but_for_its_time(
    world: World, file: dict[str, Any]
) -> None:
    again = (await exported(world.national, world.template))["json"]

    assert {**again, "exportedAt": ""} == {**file, "exportedAt": ""}


async def test_only_who_sees_drafts_and_persons_exports(world: World) -> None:
    regional = await made(world.region, STOCKHOLM, world.template, kind="caseTypeTemplate")
    local = await made(world.region, BJORKEN, regional, kind="caseTypeTemplate")
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


async def test_a_resident_case_template_has_no_file(world: World, file: dict[str, Any]) -> None:
    sample = SAMPLES["residentCaseTemplate"]
    payload = await world.national.done(
        "residentCaseTemplateCreate",
        "residentCaseTemplate { id }",
        owner=INERA,
        content=sample.content,
    )
    file["template"]["kind"] = sample.name
    before = await world.api.snapshot()

    assert await world.national.refused(EXPORT, id=payload["residentCaseTemplate"]["id"]) == [
        "NOT_FOUND"
    ]
    assert problems(await take_in(world.region, file, STOCKHOLM)) == [
        ("UNKNOWN_FILE_FORMAT", "file.template.kind")
    ]
    assert await world.api.snapshot() == before


async def test_what_no_file_can_hold_is_not_exported(world: World) -> None:
    replies = [{"key": f"s{number}", "label": "Svar", "text": "x" * 5_000} for number in range(190)]
    template = await made(
        world.national, INERA, None, kind="caseTypeTemplate", standardReplies=replies
    )
    for version in range(1, 5):
        await edited(world.national, template, version, introduction=f"Text {version}")

    assert await world.national.refused(EXPORT, id=template) == ["TOO_LARGE"]


async def test_a_file_is_verified_offline_as_documented(
    file: dict[str, Any], tmp_path: Path
) -> None:
    [program] = blocks(DOCS / "formats" / "template-file.md", "python")
    (tmp_path / "verify.py").write_text(program, encoding="utf-8")
    forged = copy.deepcopy(file)
    forged["versions"][1]["content"]["introduction"] = "Tvåan."

    def verified(whole: dict[str, Any]) -> tuple[int, str]:
        (tmp_path / "file.json").write_text(json.dumps(whole), encoding="utf-8")
        done = subprocess.run(
            [sys.executable, "verify.py", "file.json"],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        return done.returncode, (done.stdout + done.stderr).strip()

    assert verified(file) == (0, f"{file['template']['id']} 3 {file['template']['hash']}")
    assert verified(forged) == (1, "broken at version 2")


# ------------------------------------------------------------------ import


async def test_an_imported_template_is_a_draft_that_names_its_origin_and_verifies(
    world: World, file: dict[str, Any]
) -> None:
    payload = await take_in(world.other_region, file, note="Från Inera")

    origin = {
        "document": world.template,
        "version": 2,
        "hash": file["versions"][1]["hash"],
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


async def test_the_origin_is_covered_by_the_hash(world: World, file: dict[str, Any]) -> None:
    template = (await take_in(world.other_region, file))["caseTypeTemplate"]["id"]
    await world.api.store.database["versions"].update_one(
        {"document": template}, {"$set": {"origin.principal": STOCKHOLM}}
    )

    found = await world.other_region.ask(
        "query($id: ID!) { caseTypeTemplate(id: $id) { verify { intact firstBrokenVersion } } }",
        id=template,
    )

    assert found["caseTypeTemplate"]["verify"] == {"intact": False, "firstBrokenVersion": 1}


async def test_an_imported_template_is_exported_and_imported_again(
    world: World, file: dict[str, Any]
) -> None:
    uppsala = (await take_in(world.other_region, file))["caseTypeTemplate"]["id"]
    second = (await exported(world.other_region, uppsala))["json"]

    payload = await take_in(world.region, second, STOCKHOLM)

    jsonschema.validate(second, SCHEMA)
    assert second["versions"][0]["origin"]["document"] == world.template
    assert payload["version"]["origin"] == {
        "document": uppsala,
        "version": 1,
        "hash": second["versions"][0]["hash"],
        "principal": UPPSALA,
    }
    assert payload["version"]["derivedFrom"] is None, "Stockholm sees no draft of Uppsala's"
    assert payload["caseTypeTemplate"]["verify"] == {"intact": True, "versions": 1}


async def test_a_template_of_another_registry_is_imported_without_a_derivation(
    world: World, file: dict[str, Any]
) -> None:
    await world.api.store.database["documents"].delete_one(
        {"_id": world.template}
    )  # as in a registry that never had it

    payload = await take_in(world.other_region, file)

    assert (
        payload["outcome"],
        payload["version"]["derivedFrom"],
        payload["version"]["origin"]["document"],
    ) == ("CREATED", None, world.template)


async def test_a_version_can_be_chosen(world: World, file: dict[str, Any]) -> None:
    payload = await take_in(world.other_region, file, version=1)

    assert (payload["origin"]["version"], payload["version"]["derivedFrom"]["version"]) == (1, 1)
    for version in (0, -1, 4):
        assert problems(await take_in(world.other_region, file, version=version)) == [
            ("UNKNOWN_VERSION", "version")
        ]


async def test_without_a_version_in_force_the_newest_is_imported(world: World) -> None:
    template = await made(world.region, STOCKHOLM, None, kind="caseTypeTemplate", publish=False)
    await world.region.done(
        "caseTypeTemplateUpdate",
        "event { id }",
        id=template,
        expectedVersion=1,
        content={"introduction": "Ny"},
    )

    payload = await take_in(world.other_region, (await exported(world.region, template))["json"])

    assert payload["version"]["content"] == {"introduction": "Ny"}


async def test_the_same_version_again_changes_nothing(world: World, file: dict[str, Any]) -> None:
    first = await take_in(world.other_region, file)
    before = await world.api.snapshot()

    again = await take_in(world.other_region, file)

    assert (again["outcome"], again["event"], again["version"]["number"]) == ("UNCHANGED", None, 1)
    assert again["caseTypeTemplate"]["id"] == first["caseTypeTemplate"]["id"]
    assert await world.api.snapshot() == before


async def test_another_version_becomes_the_next_draft_of_the_same_template(
    world: World, file: dict[str, Any]
) -> None:
    first = await take_in(world.other_region, file)
    template = first["caseTypeTemplate"]["id"]
    await world.other_region.done(
        "documentPublish", "event { id }", id=template, version=1, expectedVersion=1
    )

    second = await take_in(world.other_region, file, version=3)

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
    assert second["version"]["derivedFrom"] is None, (
        "Uppsala sees no drafts of the national management's"
    )


async def test_what_was_changed_here_is_not_overwritten(world: World, file: dict[str, Any]) -> None:
    template = (await take_in(world.other_region, file))["caseTypeTemplate"]["id"]
    await edited(world.other_region, template, 1, introduction="Vår egen.")
    before = await world.api.snapshot()

    for dry_run in (True, False):
        assert problems(await take_in(world.other_region, file, version=3, dryRun=dry_run)) == [
            ("CHANGED_SINCE_IMPORT", "file")
        ]
    assert (await take_in(world.other_region, file))["outcome"] == "UNCHANGED"
    assert await world.api.snapshot() == before


async def test_an_archived_template_takes_nothing_in(world: World, file: dict[str, Any]) -> None:
    template = (await take_in(world.other_region, file))["caseTypeTemplate"]["id"]
    await world.other_region.done("documentArchive", "event { id }", id=template, expectedVersion=1)

    assert problems(await take_in(world.other_region, file, version=1)) == [("WRONG_STATE", "file")]


async def test_each_owner_has_its_own(world: World, file: dict[str, Any]) -> None:
    owners = [
        (world.other_region, UPPSALA),
        (world.region, STOCKHOLM),
        (world.clinic_admin, BJORKEN),
        (world.national, INERA),
    ]
    found = [await take_in(caller, file, owner) for caller, owner in owners]

    assert [one["outcome"] for one in found] == ["CREATED"] * 4
    assert [one["caseTypeTemplate"]["level"] for one in found] == [
        "REGIONAL",
        "REGIONAL",
        "LOCAL",
        "NATIONAL",
    ]
    assert len({one["caseTypeTemplate"]["id"] for one in found}) == 4


async def test_two_imports_at_once_make_one_template(world: World, file: dict[str, Any]) -> None:
    found = await asyncio.gather(*(take_in(world.other_region, file) for _ in range(6)))

    assert sorted(one["outcome"] for one in found) == ["CREATED", *["UNCHANGED"] * 5]
    assert len({one["caseTypeTemplate"]["id"] for one in found}) == 1


async def test_a_trial_checks_everything_and_writes_nothing(
    world: World, file: dict[str, Any]
) -> None:
    before = await world.api.snapshot()

    tried = await take_in(world.other_region, file, dryRun=True)

    assert (
        tried["outcome"],
        tried["origin"]["version"],
        tried["caseTypeTemplate"],
        tried["event"],
    ) == ("CREATED", 2, None, None)
    assert await world.api.snapshot() == before
    template = (await take_in(world.other_region, file))["caseTypeTemplate"]["id"]
    again, other = [
        await take_in(world.other_region, file, dryRun=True, version=version) for version in (2, 3)
    ]
    assert (again["outcome"], other["outcome"]) == ("UNCHANGED", "UPDATED")
    assert again["caseTypeTemplate"]["id"] == other["caseTypeTemplate"]["id"] == template


async def test_an_idempotency_key_imports_once(world: World, file: dict[str, Any]) -> None:
    first, second = [
        await take_in(world.other_region, file, idempotencyKey="en gång") for _ in range(2)
    ]

    assert first == second
    assert problems(
        await take_in(world.other_region, file, idempotencyKey="en gång", version=3)
    ) == [("IDEMPOTENCY_KEY_REUSED", "idempotencyKey")]


async def test_only_who_may_edit_there_imports(world: World, file: dict[str, Any]) -> None:
    assert await world.refusals("templateImport", owner=STOCKHOLM, file=json.dumps(file)) == {
        **dict.fromkeys(
            ("national", "other_region", "clinic_admin", "staff", "reviewer", "reporter"),
            "NOT_PERMITTED",
        ),
        "nobody": "UNAUTHENTICATED",
    }
    assert problems(await take_in(world.region, file, "SE2321000016-9Z99")) == [
        ("NOT_FOUND", "owner")
    ]


# ------------------------------------------------------------------ files that are refused

CHANGED: dict[str, tuple[list[str | int], Any, str]] = {
    "a content": (["versions", 1, "content", "introduction"], "Falskt", "versions.1.hash"),
    "a content that is not imported": (
        ["versions", 0, "content", "name"],
        "Falskt",
        "versions.0.hash",
    ),
    "an author": (["versions", 0, "author", "employeeHsaId"], "SE2321000016-X", "versions.0.hash"),
    "a role": (["versions", 0, "author", "role"], "REVIEWER", "versions.0.hash"),
    "a time": (["versions", 2, "createdAt"], "2020-01-01T00:00:00.000Z", "versions.2.hash"),
    "a time that does not exist": (
        ["versions", 2, "createdAt"],
        "2020-02-30T00:00:00.000Z",
        "versions.2.createdAt",
    ),
    "a note": (["versions", 2, "note"], "Annat", "versions.2.hash"),
    "a derivation": (
        ["versions", 0, "derivedFrom"],
        {"template": "tpl_000000000000000000000000", "version": 1},
        "versions.0.hash",
    ),
    "an origin": (
        ["versions", 0, "origin"],
        {
            "document": "tpl_000000000000000000000000",
            "version": 1,
            "hash": "0" * 64,
            "principal": STOCKHOLM,
        },
        "versions.0.hash",
    ),
    "a number": (["versions", 1, "number"], 3, "versions.1.number"),
    "a previous hash": (["versions", 1, "previousHash"], "0" * 64, "versions.1.previousHash"),
    "a hash": (["versions", 1, "hash"], "0" * 64, "versions.1.hash"),
    "the id": (["template", "id"], "tpl_000000000000000000000000", "versions.0.hash"),
    "the principal": (["template", "principal"], STOCKHOLM, "versions.0.hash"),
    "the newest version": (["template", "latestVersion"], 4, "template.latestVersion"),
    "the newest hash": (["template", "hash"], "0" * 64, "template.hash"),
    "nesting without end": (
        ["versions", 0, "content", "answer"],
        json.loads("[" * 900 + "]" * 900),
        "versions.0.hash",
    ),
    "a number too large to be sure of": (
        ["versions", 0, "content", "answer"],
        2**60,
        "versions.0.hash",
    ),
}
"""What is changed in a file, to what, and the place that the refusal names."""


def changed(file: dict[str, Any], where: list[str | int], value: Any) -> dict[str, Any]:
    """A file with one value changed."""
    whole = copy.deepcopy(file)
    target: Any = whole
    for step in where[:-1]:
        target = target[step]
    target[where[-1]] = value
    return whole


async def test_a_changed_file_is_refused_with_the_place(world: World, file: dict[str, Any]) -> None:
    before = await world.api.snapshot()

    for what, (where, value, place) in CHANGED.items():
        payload = await take_in(world.other_region, changed(file, where, value))
        assert problems(payload) == [("BROKEN_CHAIN", f"file.{place}")], what
    for what, versions in {
        "cut off": file["versions"][:2],
        "one left out": [file["versions"][0], file["versions"][2]],
    }.items():
        payload = await take_in(world.other_region, {**file, "versions": versions})
        assert [error["code"] for error in payload["errors"]] == ["BROKEN_CHAIN"], what
    assert await world.api.snapshot() == before


def without(file: dict[str, Any], *where: str | int) -> dict[str, Any]:
    whole = copy.deepcopy(file)
    target: Any = whole
    for step in where[:-1]:
        target = target[step]
    del target[where[-1]]
    return whole


async def test_what_is_no_file_of_this_format_is_refused_with_the_place(
    world: World, file: dict[str, Any]
) -> None:
    before = await world.api.snapshot()
    cases: list[tuple[Any, list[tuple[str, str]]]] = [
        ("", [("MALFORMED", "file")]),
        ("{", [("MALFORMED", "file")]),
        ("[" * 100_000, [("MALFORMED", "file")]),
        ('{"format": NaN}', [("MALFORMED", "file")]),
        ("[]", [("UNKNOWN_FILE_FORMAT", "file.format")]),
        ({}, [("UNKNOWN_FILE_FORMAT", "file.format")]),
        (changed(file, ["format"], "annat"), [("UNKNOWN_FILE_FORMAT", "file.format")]),
        (changed(file, ["formatVersion"], 2), [("UNKNOWN_FILE_FORMAT", "file.formatVersion")]),
        (changed(file, ["formatVersion"], True), [("UNKNOWN_FILE_FORMAT", "file.formatVersion")]),
        (without(file, "formatVersion"), [("UNKNOWN_FILE_FORMAT", "file.formatVersion")]),
        (
            changed(file, ["template", "kind"], "CASE_TYPE"),
            [("UNKNOWN_FILE_FORMAT", "file.template.kind")],
        ),
        (changed(file, ["extra"], 1), [("UNKNOWN_FIELD", "file.extra")]),
        (without(file, "template", "owner"), [("MISSING", "file.template.owner")]),
        (without(file, "versions", 1, "note"), [("MISSING", "file.versions.1.note")]),
        (changed(file, ["versions", 1, "number"], "2"), [("WRONG_TYPE", "file.versions.1.number")]),
        (
            changed(file, ["versions", 1, "content"], []),
            [("WRONG_TYPE", "file.versions.1.content")],
        ),
        (
            changed(file, ["versions", 1, "author", "role"], "CHEF"),
            [("UNKNOWN_VALUE", "file.versions.1.author.role")],
        ),
        (
            changed(file, ["versions", 1, "hash"], "ABC"),
            [("INVALID_VALUE", "file.versions.1.hash")],
        ),
        (changed(file, ["template", "id"], {"$ne": None}), [("WRONG_TYPE", "file.template.id")]),
        (changed(file, ["versions"], []), [("INVALID_VALUE", "file.versions")]),
        ("x" * (4 * 1024 * 1024 + 1), [("TOO_LARGE", "file")]),
    ]

    for given, expected in cases:
        assert problems(await take_in(world.other_region, given)) == expected, str(given)[:80]
    assert await world.api.snapshot() == before


@pytest.mark.parametrize("what", ["extra", "versions", "kind", "number", "hash", "role", "content"])
async def test_what_the_json_schema_refuses_an_import_refuses(
    world: World, file: dict[str, Any], what: str
) -> None:
    bad = {
        "extra": changed(file, ["extra"], 1),
        "versions": changed(file, ["versions"], []),
        "kind": without(file, "template", "kind"),
        "number": changed(file, ["versions", 0, "number"], 0),
        "hash": changed(file, ["versions", 0, "hash"], "g" * 64),
        "role": changed(file, ["versions", 0, "author", "role"], "CHEF"),
        "content": changed(file, ["versions", 0, "content"], "text"),
    }[what]

    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(bad, SCHEMA)
    assert (await take_in(world.other_region, bad))["errors"] != []


async def test_a_byte_order_mark_is_no_fault(world: World, file: dict[str, Any]) -> None:
    assert (await take_in(world.other_region, "\ufeff" + json.dumps(file)))["outcome"] == "CREATED"


async def forged(world: World, **values: Any) -> dict[str, Any]:
    """A file whose chain is whole, with a content that the rules here would not have let in."""
    store = world.api.store
    template = await made(world.national, INERA, None, kind="caseTypeTemplate")
    await store.documents.update(
        (await store.documents.get_many([template]))[template],
        edit=lambda now: {**now, **values},
        expected_version=1,
        publish=True,
        act=BY_ANNA,
    )
    return (await exported(world.national, template))["json"]  # type: ignore[no-any-return]


async def test_the_content_keeps_to_the_rules_here(world: World) -> None:
    number = await forged(world, introduction="Ring 19121212-1212")
    html = await forged(world, introduction="<script>alert(1)</script>")
    links = [{"key": "a", "label": "A", "url": "https://example.se", "openPage": True}]
    open_page = await forged(world, links=links)
    before = await world.api.snapshot()

    assert problems(await take_in(world.other_region, number)) == [
        ("PERSONAL_NUMBER", "file.versions.1.content.introduction")
    ]
    assert problems(await take_in(world.other_region, html)) == [
        ("RAW_HTML", "file.versions.1.content.introduction")
    ]
    assert problems(await take_in(world.other_region, open_page)) == [
        ("OPEN_PAGE_LINK", "file.versions.1.content.links.0.openPage")
    ]
    assert problems(await take_in(world.other_region, open_page, note="Om 19121212-1212")) == [
        ("PERSONAL_NUMBER", "note")
    ]
    assert await world.api.snapshot() == before


async def test_content_of_a_newer_kind_is_refused(world: World) -> None:
    newer = replace(CASE_TYPE_TEMPLATE, schema_version=2)
    owner = Owner(OwnerKind.PRINCIPAL, INERA)
    saved = await world.api.store.documents.create(
        newer, principal=INERA, owner=owner, content=content(), derived_from=None, act=BY_ANNA
    )
    found = await exported(world.national, document_of(saved).id)

    assert problems(await take_in(world.other_region, found["json"])) == [
        ("UNKNOWN_FILE_FORMAT", "file.versions.0.schemaVersion")
    ]


# ------------------------------------------------------------------ beside what was there before


async def test_what_was_written_before_there_were_imports_reads_and_verifies(world: World) -> None:
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
    world: World, file: dict[str, Any], tmp_path: Path
) -> None:
    payload = await take_in(world.other_region, file)
    rows = await world.api.store.database.find(
        "versions", {"document": payload["caseTypeTemplate"]["id"]}
    )
    forged = [{**row, "origin": {**row["origin"], "version": 1}} for row in rows]

    assert verified_offline(rows, tmp_path) == (
        0,
        f"{payload['caseTypeTemplate']['id']} 1 {payload['version']['hash']}\n",
    )
    assert verified_offline(forged, tmp_path)[0] == 1
