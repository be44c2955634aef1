"""`blame`: who last changed each value, when, in which version, and at which level.

Each caller sees only what the caller has permission to see.
"""

from typing import Any

import pytest

from tests.callers import BJORKEN, INERA, STOCKHOLM, Caller, Json
from tests.world import CONTENT, World

ORIGIN = (
    "path label since level version at author { role unit name employeeHsaId } template {"
    " __typename id name }"
)
BLAME = (
    "query($id: ID!, $version: Int) { node(id: $id) { ... on Document { blame(version:"
    f" $version) {{ {ORIGIN} }} }} }} }}"
)


async def blamed(caller: Caller, document: str, version: int | None = None) -> dict[str, Json]:
    """The origins by path; `at` is only whether there is a time."""
    found = (await caller.ask(BLAME, id=document, version=version))["node"]["blame"]
    return {origin["path"]: {**origin, "at": origin["at"] is not None} for origin in found}


NILS: Json = {"role": "NATIONAL_ADMINISTRATOR", "unit": INERA, "name": None, "employeeHsaId": None}
ANNA: Json = {
    "role": "REGIONAL_ADMINISTRATOR",
    "unit": STOCKHOLM,
    "name": "Anna Andersson",
    "employeeHsaId": f"{STOCKHOLM}-RA",
}
NOBODY: Json = {"name": None, "employeeHsaId": None}


async def test_a_value_comes_from_its_template_until_the_region_changes_it(world: World) -> None:
    await world.edit(
        world.case_type,
        1,
        introduction="Regionens text.",
        questions=[{**CONTENT["questions"][0], "help": "Skriv."}],
    )

    found = await blamed(world.region, world.case_type)

    template = {"__typename": "CaseTypeTemplate", "id": world.template, "name": "Förnya recept"}
    national = {
        "since": 1,
        "level": "NATIONAL",
        "version": 1,
        "at": True,
        "author": NILS,
        "template": template,
    }
    regional = {
        "since": 2,
        "level": "REGIONAL",
        "version": 2,
        "at": True,
        "author": ANNA,
        "template": None,
    }
    assert found["name"] == {"path": "name", "label": "Namn", **national}
    assert found["questions[medicin]"] == {
        "path": "questions[medicin]",
        "label": "Frågor › ”Vilket läkemedel gäller det?”",
        **national,
    }
    assert found["introduction"] == {"path": "introduction", "label": "Introduktion", **regional}
    assert found["questions[medicin].help"] == {
        "path": "questions[medicin].help",
        "label": "Frågor › ”Vilket läkemedel gäller det?” › Hjälptext",
        **regional,
    }
    assert next(iter(found)) == "name"
    assert {path for path, origin in found.items() if origin["level"] == "REGIONAL"} == {
        "introduction",
        "questions[medicin].help",
    }


async def test_the_time_of_a_value_is_the_creation_time_of_its_version(world: World) -> None:
    query = (
        "query($id: ID!) { caseType(id: $id) { blame { path at } version { createdAt derivedFrom {"
        " template { version { createdAt } } } } } }"
    )
    await world.edit(world.case_type, 1, introduction="Nytt.")

    found = (await world.region.ask(query, id=world.case_type))["caseType"]

    at = {origin["path"]: origin["at"] for origin in found["blame"]}
    assert (at["introduction"], at["name"]) == (
        found["version"]["createdAt"],
        found["version"]["derivedFrom"]["template"]["version"]["createdAt"],
    )


async def test_callers_who_cannot_see_drafts_get_the_first_published_version_with_the_change(
    world: World,
) -> None:
    await world.edit(world.case_type, 1, introduction="Utkast.")
    await world.edit(world.case_type, 2, publish=True, rationale="Därför.")
    await world.edit(world.case_type, 3, name="Hemligt")

    for caller in (world.staff, world.clinic_admin, world.reporter, world.national):
        found = await blamed(caller, world.case_type)
        assert "Hemligt" not in str(found)
        assert {
            path: (origin["since"], origin["version"])
            for path, origin in found.items()
            if origin["level"] == "REGIONAL"
        } == {
            "introduction": (3, 3),
            "rationale": (3, 3),
        }
        assert found["introduction"]["author"] == {**ANNA, **NOBODY}
        assert await caller.refused(BLAME, id=world.case_type, version=2) == ["NOT_FOUND"]
        assert (await blamed(caller, world.case_type, 1))["introduction"]["level"] == "NATIONAL"
    found = await blamed(world.region, world.case_type)
    assert [found[path]["version"] for path in ("introduction", "rationale", "name")] == [2, 3, 4]
    assert await world.region.refused(BLAME, id=world.case_type, version=5) == ["NOT_FOUND"]


async def local(world: World, *, publish: bool) -> tuple[str, str]:
    """Create a template of the region from the national one, and a local case type from that.

    Returns:
        The ids of the template and of the case type.
    """
    created = await world.region.done(
        "caseTypeTemplateCreate",
        "caseTypeTemplate { id }",
        owner=STOCKHOLM,
        content={"name": "Regionens mall", "internalName": "Regionens mall"},
        fromTemplate={"id": world.template},
    )
    template: str = created["caseTypeTemplate"]["id"]
    if publish:
        await world.region.done(
            "documentPublish", "event { id }", id=template, version=1, expectedVersion=1
        )
    case_type = await world.region.done(
        "caseTypeCreate",
        "caseType { id }",
        owner=BJORKEN,
        content={"name": "Regionens mall", "internalName": "Björkens"},
        fromTemplate={"id": template},
    )
    return template, case_type["caseType"]["id"]


@pytest.mark.parametrize("publish", [False, True])
async def test_of_a_template_that_the_caller_cannot_see_only_the_level_is_shown(
    world: World, publish: bool
) -> None:
    template, case_type = await local(world, publish=publish)
    shown: Json = {
        "version": 1,
        "at": True,
        "template": {"__typename": "CaseTypeTemplate", "id": template, "name": "Regionens mall"},
    }
    hidden: Json = {"version": None, "at": False, "author": None, "template": None}

    clinic = await blamed(world.clinic_admin, case_type)
    region = await blamed(world.region, case_type)

    expected: Json = {"path": "name", "label": "Namn", "since": 1, "level": "REGIONAL"}
    assert region["name"] == {**expected, **shown, "author": ANNA}
    assert clinic["name"] == (
        {**expected, **shown, "author": {**ANNA, **NOBODY}} if publish else {**expected, **hidden}
    )
    assert (
        clinic["internalName"]["level"],
        clinic["internalName"]["template"],
        clinic["internalName"]["version"],
    ) == ("LOCAL", None, 1)
    assert (clinic["introduction"]["level"], clinic["introduction"]["template"]["id"]) == (
        "NATIONAL",
        world.template,
    )
    assert template not in str(clinic) or publish


async def test_the_draft_version_of_a_template_is_not_shown_as_the_source_of_a_value(
    world: World,
) -> None:
    template, _ = await local(world, publish=True)
    await world.region.done(
        "caseTypeTemplateUpdate",
        "event { id }",
        id=template,
        expectedVersion=1,
        content={"name": "Utkastets namn"},
    )
    created = await world.region.done(
        "caseTypeCreate",
        "caseType { id }",
        owner=BJORKEN,
        content={"name": "Utkastets namn", "internalName": "Regionens mall"},
        fromTemplate={"id": template, "version": 2},
    )
    case_type = created["caseType"]["id"]

    before = await blamed(world.clinic_admin, case_type)
    await world.region.done(
        "caseTypeTemplateUpdate",
        "event { id }",
        id=template,
        expectedVersion=2,
        content={"introduction": "Ny."},
        publish=True,
    )
    later = await blamed(world.clinic_admin, case_type)
    await world.region.done(
        "documentPublish", "event { id }", id=template, version=2, expectedVersion=3
    )
    after = await blamed(world.clinic_admin, case_type)

    def sources(found: dict[str, Json]) -> list[tuple[Any, Any]]:
        return [(found[path]["level"], found[path]["version"]) for path in ("name", "internalName")]

    assert sources(before) == sources(later) == [("REGIONAL", None), ("REGIONAL", 1)]
    assert sources(after) == [("REGIONAL", 2), ("REGIONAL", 1)]


async def test_templates_and_adaptations_have_blame_too(world: World) -> None:
    await world.distribute(world.case_type, BJORKEN)
    saved = await world.clinic_admin.done(
        "localAdaptationSave",
        "localAdaptation { id }",
        caseType=world.case_type,
        clinic=BJORKEN,
        expectedVersion=0,
        standardReplies=[{"key": "egen", "label": "Egen", "text": "Hej"}],
        terms=[],
    )

    adaptation = await blamed(world.clinic_admin, saved["localAdaptation"]["id"])
    template = await blamed(world.national, world.template)

    assert {origin["level"] for origin in adaptation.values()} == {"LOCAL"}
    assert adaptation["standardReplies[egen].text"]["author"]["name"] is None
    assert {
        (origin["level"], origin["version"], origin["template"]) for origin in template.values()
    } == {("NATIONAL", 1, None)}
    assert template["name"]["author"]["name"] == "Nils Nilsson"
