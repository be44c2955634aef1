"""`caseTypeTemplateCreate` and `caseTypeTemplateUpdate`.

Covers levels, templates of templates, conflicts, permissions and idempotency keys.
"""

from tests.callers import BJORKEN, CONFLICT, INERA, STOCKHOLM, Json, problems
from tests.world import CONTENT, World

SAVED = """
    caseTypeTemplate { id name state level latestVersion publishedVersion }
    version { number note author { name role } content { name introduction }
        derivedFrom { version template { id } } }
    event { action version }
"""
NAMES: Json = {"name": "Mall", "internalName": "Mallen"}


async def test_the_owner_decides_the_level(world: World) -> None:
    owners = [(world.national, INERA), (world.region, STOCKHOLM), (world.clinic_admin, BJORKEN)]

    saved = [
        await caller.done("caseTypeTemplateCreate", SAVED, owner=owner, content=NAMES)
        for caller, owner in owners
    ]

    assert [payload["caseTypeTemplate"]["level"] for payload in saved] == [
        "NATIONAL",
        "REGIONAL",
        "LOCAL",
    ]
    assert {payload["caseTypeTemplate"]["id"][:4] for payload in saved} == {"tpl_"}
    assert [payload["event"] for payload in saved] == [{"action": "CREATED", "version": 1}] * 3
    assert [payload["caseTypeTemplate"]["state"] for payload in saved] == ["DRAFT"] * 3


async def test_a_regional_template_can_start_from_a_national_one(world: World) -> None:
    saved = await world.region.done(
        "caseTypeTemplateCreate",
        SAVED,
        owner=STOCKHOLM,
        content=NAMES,
        fromTemplate={"id": world.template},
    )

    assert saved["version"]["derivedFrom"] == {"version": 1, "template": {"id": world.template}}
    assert saved["version"]["content"] == {"name": "Mall", "introduction": CONTENT["introduction"]}


async def test_an_edit_creates_a_draft_and_an_edit_with_publish_publishes_it(world: World) -> None:
    drafted = await world.national.done(
        "caseTypeTemplateUpdate",
        SAVED,
        id=world.template,
        expectedVersion=1,
        content={"introduction": "Två."},
        note="Klarare",
    )
    published = await world.national.done(
        "caseTypeTemplateUpdate",
        SAVED,
        id=world.template,
        expectedVersion=2,
        content={"introduction": "Tre."},
        publish=True,
    )

    assert drafted["caseTypeTemplate"]["publishedVersion"] == 1
    assert (drafted["version"]["number"], drafted["version"]["note"], drafted["event"]) == (
        2,
        "Klarare",
        {"action": "EDITED", "version": 2},
    )
    assert published["caseTypeTemplate"]["publishedVersion"] == 3
    assert published["event"] == {"action": "PUBLISHED", "version": 3}
    assert published["version"]["content"] == {"name": "Förnya recept", "introduction": "Tre."}


async def test_a_stale_edit_of_a_template_conflicts(world: World) -> None:
    edit: Json = {"id": world.template, "expectedVersion": 1, "content": {"name": "Nytt namn"}}
    await world.national.done("caseTypeTemplateUpdate", SAVED, **edit)
    before = await world.api.snapshot()

    refused = await world.national.do("caseTypeTemplateUpdate", f"{SAVED} {CONFLICT}", **edit)

    assert problems(refused) == [("VERSION_CONFLICT", "expectedVersion")]
    [conflict] = refused["errors"]
    assert (conflict["expectedVersion"], conflict["latestVersion"]) == (1, 2)
    assert [
        (change["path"], change["before"], change["after"]) for change in conflict["changes"]
    ] == [("name", "Förnya recept", "Nytt namn")]
    assert await world.api.snapshot() == before


async def test_content_of_a_template_that_breaks_a_rule_is_refused(world: World) -> None:
    before = await world.api.snapshot()

    created = await world.region.do(
        "caseTypeTemplateCreate",
        SAVED,
        owner=STOCKHOLM,
        content={**NAMES, "introduction": "<i>Hej</i>"},
    )
    updated = await world.national.do(
        "caseTypeTemplateUpdate",
        SAVED,
        id=world.template,
        expectedVersion=1,
        content={"name": "  "},
    )

    assert problems(created)[0] == ("RAW_HTML", "content.introduction")
    assert problems(updated) == [("BLANK", "content.name")]
    assert await world.api.snapshot() == before


async def test_the_id_of_a_template_is_not_found_as_a_case_type_and_vice_versa(
    world: World,
) -> None:
    before = await world.api.snapshot()

    as_template = await world.region.do(
        "caseTypeTemplateUpdate",
        SAVED,
        id=world.case_type,
        expectedVersion=1,
        content={"name": "Nej"},
    )
    as_case_type = await world.national.do(
        "caseTypeUpdate",
        "event { id }",
        id=world.template,
        expectedVersion=1,
        content={"name": "Nej"},
    )
    from_case_type = await world.region.do(
        "caseTypeTemplateCreate",
        SAVED,
        owner=STOCKHOLM,
        content=NAMES,
        fromTemplate={"id": world.case_type},
    )

    assert [problems(payload) for payload in (as_template, as_case_type, from_case_type)] == [
        [("NOT_FOUND", "id")],
        [("NOT_FOUND", "id")],
        [("NOT_FOUND", "fromTemplate.id")],
    ]
    assert await world.api.snapshot() == before


async def test_other_callers_can_neither_create_nor_edit_templates_of_the_region(
    world: World,
) -> None:
    created = await world.region.done(
        "caseTypeTemplateCreate", SAVED, owner=STOCKHOLM, content=NAMES
    )

    creating = await world.refusals("caseTypeTemplateCreate", owner=STOCKHOLM, content=NAMES)
    editing = await world.refusals(
        "caseTypeTemplateUpdate",
        id=created["caseTypeTemplate"]["id"],
        expectedVersion=1,
        content={"name": "Nej"},
    )
    region = await world.region.do(
        "caseTypeTemplateUpdate",
        SAVED,
        id=world.template,
        expectedVersion=1,
        content={"name": "Nej"},
    )

    assert creating == dict.fromkeys(creating, "NOT_PERMITTED") | {"nobody": "UNAUTHENTICATED"}
    assert editing == dict.fromkeys(editing, "NOT_FOUND") | {
        "reviewer": "NOT_PERMITTED",
        "nobody": "UNAUTHENTICATED",
    }
    assert problems(region) == [("NOT_PERMITTED", "id")]


async def test_a_repeated_call_with_the_same_key_writes_once(world: World) -> None:
    create: Json = {"owner": STOCKHOLM, "content": NAMES, "idempotencyKey": "skapa"}
    created = await world.region.done("caseTypeTemplateCreate", SAVED, **create)
    edit: Json = {
        "id": created["caseTypeTemplate"]["id"],
        "expectedVersion": 1,
        "content": {"name": "Andra"},
        "idempotencyKey": "ändra",
    }
    edited = await world.region.done("caseTypeTemplateUpdate", SAVED, **edit)
    before = await world.api.snapshot()

    created_again = await world.region.done("caseTypeTemplateCreate", SAVED, **create)
    edited_again = await world.region.done("caseTypeTemplateUpdate", SAVED, **edit)
    other_input = await world.region.do(
        "caseTypeTemplateUpdate", SAVED, **{**edit, "content": {"name": "Tredje"}}
    )
    other_mutation = await world.region.do("caseTypeCreate", "event { id }", **create)

    assert created_again["version"] == created["version"]
    assert created_again["event"] == created["event"]
    assert edited_again == edited
    assert (
        problems(other_input)
        == problems(other_mutation)
        == [("IDEMPOTENCY_KEY_REUSED", "idempotencyKey")]
    )
    assert await world.api.snapshot() == before
