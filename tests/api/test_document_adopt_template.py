"""`documentAdoptTemplate` and `checkTemplateAdoption`: three-way merge, conflicts, resolutions."""

from tests.api.adopting import EXTRA, MORE, QUESTIONS, adopt, check, resolutions_of, update_template
from tests.callers import INERA, STOCKHOLM, Json, problems
from tests.kinds import SAMPLES
from tests.world import World


async def test_a_case_type_adopts_the_changes_of_its_template_and_keeps_its_own(
    world: World,
) -> None:
    await world.edit(
        world.case_type, 1, name="Förnya recept i Stockholm", questions=[*QUESTIONS, EXTRA]
    )
    await update_template(
        world,
        introduction="Ny text.",
        questions=[{**QUESTIONS[0], "label": "Vilken medicin?"}, *QUESTIONS[1:], MORE],
    )
    before = await world.api.snapshot()

    trial = await check(world.region, world.case_type)
    assert await world.api.snapshot() == before
    saved = await adopt(world.region, world.case_type, 2, note="Ny nationell version")

    assert saved["errors"] == []
    assert saved["document"] == {
        "id": world.case_type,
        "state": "ACTIVE",
        "latestVersion": 3,
        "publishedVersion": 1,
        "version": {
            "number": 3,
            "note": "Ny nationell version",
            "restoredFrom": None,
            "author": {"name": "Anna Andersson", "role": "REGIONAL_ADMINISTRATOR"},
            "derivedFrom": {
                "version": 2,
                "latestVersion": 2,
                "behind": False,
                "template": {"id": world.template},
            },
            "content": {
                "name": "Förnya recept i Stockholm",
                "introduction": "Ny text.",
                "questions": [
                    {"key": "medicin", "label": "Vilken medicin?"},
                    {"key": "apotek", "label": "Vill du välja apotek?"},
                    {"key": "vilket", "label": "Vilket apotek?"},
                    {"key": "mer", "label": "Vill du tillägga något?"},
                    {"key": "extra", "label": "Något mer?"},
                ],
            },
        },
    }
    assert saved["event"] == {
        "action": "TEMPLATE_ADOPTED",
        "version": 3,
        "note": "Ny nationell version",
        "resident": {"id": world.case_type},
    }
    assert {name: trial[name] for name in trial if name not in {"changes", "content"}} == {
        "fromVersion": 1,
        "toVersion": 2,
        "expectedVersion": 2,
        "residentVisible": True,
        "conflicts": [],
        "problems": [],
    }
    assert [(change["kind"], change["path"]) for change in trial["changes"]] == [
        ("CHANGED", "introduction"),
        ("CHANGED", "questions[medicin].label"),
        ("ADDED", "questions[mer]"),
    ]
    stored = await world.api.store.database.find_one("versions", {"_id": f"{world.case_type}.3"})
    assert stored is not None
    assert stored["content"] == trial["content"]
    after = await world.api.snapshot()
    grown = {name: len(after[name]) - len(before[name]) for name in after}
    assert {name: more for name, more in grown.items() if more} == {"versions": 1, "events": 1}
    verified = await world.region.ask(
        "query($id: ID!) { caseType(id: $id) { verify { intact versions } } }", id=world.case_type
    )
    assert verified["caseType"]["verify"] == {"intact": True, "versions": 3}


async def test_values_that_both_changed_are_conflicts_and_nothing_is_written(
    world: World,
) -> None:
    await world.edit(
        world.case_type,
        1,
        name="Vårt namn",
        questions=[{**QUESTIONS[0], "label": "Vår fråga"}, *QUESTIONS[1:]],
    )
    await update_template(
        world, name="Deras namn", introduction="Ny text.", questions=QUESTIONS[1:]
    )
    before = await world.api.snapshot()
    whole: Json = {"help": None, "options": [], "shownIf": None}

    refused = await adopt(world.region, world.case_type, 2)
    trial = await check(world.region, world.case_type)

    conflicts: list[Json] = [
        {
            "valuePath": "name",
            "label": "Namn",
            "base": "Förnya recept",
            "ours": "Vårt namn",
            "theirs": "Deras namn",
        },
        {
            "valuePath": "questions[medicin]",
            "label": "Frågor › ”Vår fråga”",
            "base": QUESTIONS[0] | whole,
            "ours": QUESTIONS[0] | whole | {"label": "Vår fråga"},
            "theirs": None,
        },
    ]
    assert problems(refused) == [
        ("MERGE_CONFLICT", "name"),
        ("MERGE_CONFLICT", "questions[medicin]"),
    ]
    assert {error["__typename"] for error in refused["errors"]} == {"MergeConflict"}
    assert (
        refused["errors"][0]["message"]
        == "Namn: ändrat både i dokumentet och i mallen. Välj vilket som ska gälla."
    )
    assert (refused["document"], refused["event"]) == (None, None)
    assert [
        {name: error[name] for name in conflicts[0]} for error in refused["errors"]
    ] == conflicts
    assert [
        {name: conflict[name] for name in conflicts[0]} for conflict in trial["conflicts"]
    ] == conflicts
    assert (trial["content"], [change["path"] for change in trial["changes"]]) == (
        None,
        ["introduction"],
    )
    assert await world.api.snapshot() == before


async def test_each_resolution_decides_its_conflict(world: World) -> None:
    await world.edit(
        world.case_type,
        1,
        name="Vårt namn",
        introduction="Vår text.",
        responseTime={"amount": 5, "unit": "WORKING_DAYS"},
    )
    await update_template(
        world,
        name="Deras namn",
        introduction="Deras text.",
        responseTime={"amount": 24, "unit": "HOURS"},
    )
    first = resolutions_of(name="OURS", introduction="THEIRS")

    partly = await adopt(world.region, world.case_type, 2, resolutions=first)
    trial = await check(
        world.region, world.case_type, resolutions=[*first, *resolutions_of(responseTime="THEIRS")]
    )
    saved = await adopt(
        world.region,
        world.case_type,
        2,
        resolutions=[*first, *resolutions_of(responseTime="THEIRS")],
    )

    assert problems(partly) == [("MERGE_CONFLICT", "responseTime")]
    assert (trial["conflicts"], trial["content"]["responseTime"]) == (
        [],
        {"amount": 24, "unit": "HOURS"},
    )
    content = saved["document"]["version"]["content"]
    assert (saved["errors"], content["name"], content["introduction"]) == (
        [],
        "Vårt namn",
        "Deras text.",
    )


async def test_a_resident_case_adopts_a_newer_version_of_its_template(world: World) -> None:
    content = dict(SAMPLES["residentCase"].content)
    template = await world.national.done(
        "residentCaseTemplateCreate", "residentCaseTemplate { id }", owner=INERA, content=content
    )
    template_id = template["residentCaseTemplate"]["id"]
    await world.national.done(
        "documentPublish", "event { id }", id=template_id, version=1, expectedVersion=1
    )
    names = {"name": content["name"], "internalName": "Vårt"}
    created = await world.region.done(
        "residentCaseCreate",
        "residentCase { id }",
        owner=STOCKHOLM,
        content=names,
        fromTemplate={"id": template_id},
    )
    case = created["residentCase"]["id"]
    await world.national.done(
        "residentCaseTemplateUpdate",
        "event { id }",
        id=template_id,
        expectedVersion=1,
        content={"message": "Svara i **god tid**."},
        publish=True,
    )

    trial = await check(world.region, case)
    payload = await adopt(world.region, case, 1)

    assert (
        [(change["path"], change["kind"]) for change in trial["changes"]],
        trial["conflicts"],
    ) == (
        [("message", "CHANGED")],
        [],
    )
    assert payload["errors"] == []
    assert payload["event"]["action"] == "TEMPLATE_ADOPTED"
    query = """query($id: ID!) { residentCase(id: $id) { latestVersion
        version { content { message internalName }
        derivedFromTemplate { version behind template { id } } } blame { path level version } } }"""
    found = (await world.region.ask(query, id=case))["residentCase"]
    assert (found["latestVersion"], found["version"]["content"]) == (
        2,
        {"message": "Svara i **god tid**.", "internalName": "Vårt"},
    )
    assert found["version"]["derivedFromTemplate"] == {
        "version": 2,
        "behind": False,
        "template": {"id": template_id},
    }
    levels = {origin["path"]: (origin["level"], origin["version"]) for origin in found["blame"]}
    assert (levels["message"], levels["internalName"]) == (("NATIONAL", 2), ("REGIONAL", 1))
