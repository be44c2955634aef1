"""The derivation of a document from its template, and its history, after an adoption."""

import pytest

from tests.api.adopting import adopt, update_template
from tests.callers import BJORKEN, STOCKHOLM, problems
from tests.world import World


async def test_a_version_is_written_even_if_only_the_derivation_changes(world: World) -> None:
    await world.edit(world.case_type, 1, introduction="Samma text.")
    await update_template(world, introduction="Samma text.")

    saved = await adopt(world.region, world.case_type, 2)

    assert (
        saved["document"]["latestVersion"],
        saved["document"]["version"]["derivedFrom"]["version"],
    ) == (3, 2)
    assert saved["event"]["action"] == "TEMPLATE_ADOPTED"
    changes = "query($id: ID!) { caseType(id: $id) { version { changes { path } } } }"
    assert (await world.region.ask(changes, id=world.case_type))["caseType"]["version"][
        "changes"
    ] == []


async def test_templates_adopt_from_templates_at_every_level(world: World) -> None:
    template: dict[str, str] = {}
    for name, caller, owner, above in (
        ("regional", world.region, STOCKHOLM, world.template),
        ("local", world.clinic_admin, BJORKEN, "regional"),
    ):
        source = template.get(above, above)
        created = await caller.done(
            "caseTypeTemplateCreate",
            "caseTypeTemplate { id }",
            owner=owner,
            content={"name": name, "internalName": name},
            fromTemplate={"id": source},
        )
        template[name] = created["caseTypeTemplate"]["id"]
        await caller.done(
            "documentPublish", "event { id }", id=template[name], version=1, expectedVersion=1
        )
    await update_template(world, introduction="Nationellt nytt.")

    regional = await adopt(world.region, template["regional"], 1)
    still_draft = await adopt(world.clinic_admin, template["local"], 1)
    await world.region.done(
        "documentPublish", "event { id }", id=template["regional"], version=2, expectedVersion=2
    )
    local = await adopt(world.clinic_admin, template["local"], 1)

    assert regional["document"]["version"]["derivedFrom"] == {
        "version": 2,
        "latestVersion": 2,
        "behind": False,
        "template": {"id": world.template},
    }
    assert problems(still_draft) == [("ADOPTED_ALREADY", "templateVersion")]
    assert local["document"]["version"]["derivedFrom"]["template"] == {"id": template["regional"]}
    assert local["document"]["version"]["content"] | {"questions": []} == {
        "name": "local",
        "introduction": "Nationellt nytt.",
        "questions": [],
    }


async def test_an_edit_keeps_the_derivation_and_a_restore_brings_back_the_earlier_one(
    world: World,
) -> None:
    await update_template(world, introduction="Två.")
    await adopt(world.region, world.case_type, 1)
    await world.edit(world.case_type, 2, name="Nytt namn")
    await world.region.done(
        "documentRestore", "event { id }", id=world.case_type, version=1, expectedVersion=3
    )
    derived = "derivedFrom { version latestVersion behind }"

    found = await world.region.ask(
        f"query($id: ID!) {{ caseType(id: $id) {{ versions {{ edges {{ node {{ number {derived} }}"
        " } } } }",
        id=world.case_type,
    )

    assert [edge["node"] for edge in found["caseType"]["versions"]["edges"]] == [
        {"number": 4, "derivedFrom": {"version": 1, "latestVersion": 2, "behind": True}},
        {"number": 3, "derivedFrom": {"version": 2, "latestVersion": 2, "behind": False}},
        {"number": 2, "derivedFrom": {"version": 2, "latestVersion": 2, "behind": False}},
        {"number": 1, "derivedFrom": {"version": 1, "latestVersion": 2, "behind": True}},
    ]
    again = await adopt(world.region, world.case_type, 4)
    assert again["document"]["version"]["derivedFrom"]["version"] == 2


@pytest.mark.parametrize("publish", [False, True])
async def test_a_restore_of_equal_content_with_another_derivation_creates_a_version(
    world: World, publish: bool
) -> None:
    await world.edit(world.case_type, 1, introduction="Samma.")
    await update_template(world, introduction="Samma.")
    await adopt(world.region, world.case_type, 2)

    saved = await world.region.done(
        "documentRestore",
        "document { latestVersion publishedVersion ... on CaseType { version { restoredFrom"
        " derivedFrom { version behind } } } }",
        id=world.case_type,
        version=2,
        expectedVersion=3,
        publish=publish,
    )

    assert saved["document"] == {
        "latestVersion": 4,
        "publishedVersion": 4 if publish else 1,
        "version": {"restoredFrom": 2, "derivedFrom": {"version": 1, "behind": True}},
    }


async def test_the_history_has_the_adoption_and_clinics_do_not_see_the_draft(
    world: World,
) -> None:
    await world.distribute(world.case_type, BJORKEN)
    await update_template(world, introduction="Två.")
    await adopt(world.region, world.case_type, 1, note="Ny mall")
    history = (
        "query($id: ID!) { caseType(id: $id) { history(first: 1) { edges { node { action version"
        " note changes { path } } } } } }"
    )
    log = (
        "query($id: HsaId!) { principal(hsaId: $id) { events(filter: { actions: [TEMPLATE_ADOPTED]"
        " }) { totalCount } } }"
    )

    region, staff = [
        (await caller.ask(history, id=world.case_type))["caseType"]["history"]["edges"]
        for caller in (world.region, world.staff)
    ]

    assert region == [
        {
            "node": {
                "action": "TEMPLATE_ADOPTED",
                "version": 2,
                "note": "Ny mall",
                "changes": [{"path": "introduction"}],
            }
        }
    ]
    assert [edge["node"]["action"] for edge in staff] == ["DISTRIBUTED"]
    assert (await world.region.ask(log, id=STOCKHOLM))["principal"]["events"]["totalCount"] == 1
