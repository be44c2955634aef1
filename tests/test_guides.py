"""The guides for administrators and clinics: their operations do what the text says, in order."""

from typing import Any

from tests.api.derived_documents import create_derived, publish_template_version
from tests.callers import BJORKEN, STOCKHOLM
from tests.guides import run, steps
from tests.world import CONTENT, World


async def published(world: World, title: str) -> str:
    """Create and publish a case type of the region. Returns its id."""
    case_type = await world.draft(CONTENT | {"name": title})
    await world.region.done(
        "documentPublish", "event { id }", id=case_type, version=1, expectedVersion=1
    )
    return case_type


async def test_the_regional_administrators_guide_works(world: World) -> None:
    created = await world.clinic_admin.done(
        "caseTypeCreate", "caseType { id }", owner=BJORKEN, content=CONTENT
    )
    local = created["caseType"]["id"]
    await world.clinic_admin.done(
        "documentPublish", "event { id }", id=local, version=1, expectedVersion=1
    )
    ids = {
        "CASE_TYPE": world.case_type,
        "LOCAL_CASE_TYPE": local,
        "OLD_CASE_TYPE": await published(world, "Fråga 1177 Vårdguiden"),
    }
    results: dict[str, Any] = {}

    for title, operation, variables in steps("regional-administrator.md"):
        results[title] = await run(world.region, operation, variables, ids)
        match title:
            case "Group":
                ids["GROUP"] = results[title]["clinicGroupSave"]["clinicGroup"]["id"]
            case "Distribute":
                ids["DISTRIBUTED_AT"] = results[title]["caseTypeDistribute"]["event"]["at"]
            case "Replace":
                ids["BATCH"] = results[title]["textReplace"]["batch"]
            case "Grant":
                ids["ROLE_GRANT"] = results[title]["roleGrant"]["roleGrant"]["id"]
            case "Notice":
                ids["NOTICE"] = results[title]["noticeCreate"]["notice"]["id"]

    assert [edge["node"]["name"] for edge in results["Find"]["clinics"]["edges"]] == [
        "Vårdcentralen Björken",
        "Vårdcentralen Linden",
        "Vårdcentralen Granen",
    ]
    assert [
        found["caseType"]["id"]
        for found in results["Check"]["checkDistribution"]["localCandidates"]
    ] == [local]
    assert (
        results["Distribute"]["caseTypeDistribute"]["clinics"],
        results["Distribute"]["caseTypeDistribute"]["replaced"],
    ) == (3, 1)
    assert results["Withdraw"]["caseTypeWithdraw"]["clinics"] == 1
    assert (
        results["Decide"]["principalPoliciesSave"]["principal"]["policies"]["centralActivation"]
        == "CLINIC"
    )
    assert [edge["node"]["id"] for edge in results["Search"]["search"]["edges"]] == [
        ids["OLD_CASE_TYPE"]
    ]
    assert [
        (document["version"], document["problems"])
        for document in results["Look"]["textReplace"]["documents"]
    ] == [(1, [])]
    [replaced] = results["Replace"]["textReplace"]["documents"]
    assert replaced == {
        "newVersion": 2,
        "published": True,
        "document": {"id": ids["OLD_CASE_TYPE"], "name": "Fråga 1177"},
    }
    [edge] = results["Batch"]["principal"]["events"]["edges"]
    assert (edge["node"]["action"], edge["node"]["version"], edge["node"]["changes"]) == (
        "PUBLISHED",
        2,
        [{"label": "Namn"}],
    )
    [undone] = results["Undo"]["textReplaceUndo"]["documents"]
    assert undone["newVersion"] == 3
    assert results["Resolved"]["noticeUpdate"]["notice"] == {
        "publishedVersion": 2,
        "content": {"status": "RESOLVED", "endsAt": "2026-11-25T10:00:00.000Z"},
    }
    assert results["Terms"]["termsTextCreate"]["version"]["mustAccept"] is True
    assert (
        "<p>Välkommen till Vårdcentralen Björken.</p>"
        in results["Terms"]["termsTextCreate"]["version"]["html"]
    )
    assert [entry["version"]["number"] for entry in results["AsOf"]["clinic"]["startPage"]] == [1]
    assert results["AsOf"]["assignments"]["totalCount"] == 1


async def test_the_clinics_guide_works(world: World) -> None:
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
    results: dict[str, Any] = {}

    for title, operation, variables in steps("clinic.md"):
        if title == "NeedsReview":
            await world.edit(world.case_type, 1, publish=True, introduction="Nytt.")
        results[title] = await run(world.clinic_admin, operation, variables, ids)
        if title == "Told":
            ids["CURSOR"] = results[title]["clinic"]["notifications"]["edges"][0]["node"]["cursor"]
        if operation.startswith("query"):
            assert await run(world.staff, operation, variables, ids) == results[title], (
                "the clinic's staff must get the same result"
            )

    assert [entry["caseType"]["id"] for entry in results["StartPage"]["clinic"]["startPage"]] == [
        world.case_type
    ]
    assert [
        edge["node"]["active"] for edge in results["Assignments"]["clinic"]["assignments"]["edges"]
    ] == [True, False]
    assert {edge["node"]["id"] for edge in results["Published"]["caseTypes"]["edges"]} == set(
        ids.values()
    ) - {ids["CURSOR"]}
    assert results["Follow"]["caseTypeFollow"]["assignment"] == {
        "origin": "FOLLOWED",
        "active": False,
        "startPageOrder": 3,
    }
    assert results["NeedsReview"]["clinic"]["localAdaptation"]["needsReview"] is True
    assert results["Reviewed"]["localAdaptationSave"] == {
        "localAdaptation": {"needsReview": False},
        "version": {"number": 2, "writtenFor": 2},
        "errors": [],
    }
    assert [edge["node"]["action"] for edge in results["Told"]["clinic"]["notifications"]["edges"]][
        :2
    ] == ["ADAPTED", "PUBLISHED"]
    assert results["Acknowledge"]["notificationsAcknowledge"]["clinic"] == {
        "unacknowledgedCount": 0
    }
    assert results["Show"]["caseTypeShow"]["assignment"]["active"] is True
    [_, operation, variables], *_ = steps("clinic.md")
    page = await run(world.clinic_admin, operation, variables, ids)
    assert [entry["caseType"]["id"] for entry in page["clinic"]["startPage"]] == [
        ids["WAITING_CASE_TYPE"],
        world.case_type,
    ]


ADOPTION = ("Renew", "Behind", "Try", "TakeOver", "PutInForce", "Origins")
"""The steps of the national management's guide that adopt a newer template version."""


async def test_the_national_managements_guide_does_what_it_says(world: World) -> None:
    regional = await create_derived(
        world.region, STOCKHOLM, world.template, kind="caseTypeTemplate", introduction="Vår egen."
    )
    local = await create_derived(world.region, STOCKHOLM, regional)
    await world.distribute(local, BJORKEN)
    await publish_template_version(world.national, world.template, 1, introduction="Nytt.")
    file = await world.region.ask(
        "query($id: ID!) { templateExport(id: $id) { file } }", id=regional
    )
    ids = {"TEMPLATE": world.template, "CASE_TYPE": local, "FILE": file["templateExport"]["file"]}
    results: dict[str, Any] = {}

    for title, operation, variables in steps("national-management.md"):
        if title not in ADOPTION:
            results[title] = await run(world.national, operation, variables, ids)

    [used] = [edge["node"]["usage"] for edge in results["Used"]["caseTypeTemplates"]["edges"]]
    assert {name: used[name] for name in ("templates", "caseTypes", "clinics", "behind")} == {
        "templates": 1,
        "caseTypes": 2,
        "clinics": 1,
        "behind": 3,
    }
    assert [
        usage["principal"]["name"]
        for usage in results["UsedBy"]["caseTypeTemplate"]["usage"]["byPrincipal"]
    ] == ["Region Stockholm"]
    assert [step["behind"] for step in results["Lineage"]["caseType"]["version"]["lineage"]] == [
        False,
        True,
    ]
    assert [edge["node"]["reasons"] for edge in results["Review"]["templateReview"]["edges"]] == [
        ["NOT_TAKEN_OVER"]
    ]
    [place] = [
        edge["node"]
        for edge in results["Compare"]["caseTypeTemplate"]["comparison"]["places"]["edges"]
    ]
    variants = [(variant["same"], variant["count"]) for variant in place["variants"]]
    assert (place["path"], variants) == ("introduction", [(False, 2), (False, 1)])
    assert results["Export"]["templateExport"]["versions"] == 2
    assert (
        results["Import"]["templateImport"]["outcome"],
        results["Import"]["templateImport"]["origin"]["document"],
    ) == ("CREATED", regional)
    assert results["Import"]["templateImport"]["caseTypeTemplate"]["verify"] == {"intact": True}


async def test_the_national_managements_guide_adopts_a_newer_template_version(
    world: World,
) -> None:
    await world.edit(world.case_type, 1, name="Förnya recept i Stockholm")
    ids = {"TEMPLATE": world.template, "CASE_TYPE": world.case_type}
    guide = {
        title: (operation, variables)
        for title, operation, variables in steps("national-management.md")
    }
    results: dict[str, Any] = {}

    for title in ADOPTION:
        results[title] = await run(
            world.national if title == "Renew" else world.region, *guide[title], ids
        )

    behind = results["Behind"]["caseType"]["version"]["derivedFrom"]
    assert (behind["version"], behind["latestVersion"], behind["behind"]) == (1, 2, True)
    trial = results["Try"]["checkTemplateAdoption"]
    assert ([change["label"] for change in trial["changes"]], trial["expectedVersion"]) == (
        ["Introduktion"],
        2,
    )
    assert [
        (found["valuePath"], found["ours"], found["theirs"]) for found in trial["conflicts"]
    ] == [("name", "Förnya recept i Stockholm", "Förnya läkemedel")]
    assert results["TakeOver"]["documentAdoptTemplate"]["document"] == {
        "latestVersion": 3,
        "publishedVersion": 1,
    }
    origins = {
        found["path"]: (found["level"], found["version"], found["since"])
        for found in results["Origins"]["caseType"]["blame"]
    }
    assert (origins["name"], origins["introduction"], origins["language"]) == (
        ("REGIONAL", 2, 2),
        ("NATIONAL", 2, 3),
        ("NATIONAL", 1, 1),
    )
