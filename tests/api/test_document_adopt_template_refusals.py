"""`documentAdoptTemplate` and `checkTemplateAdoption`: refusals, permissions and repeats."""

from store.records import Role
from tests.api.adopting import (
    CHECK,
    EXTRA,
    QUESTIONS,
    adopt,
    check,
    resolutions_of,
    update_template,
)
from tests.callers import BJORKEN, INERA, STOCKHOLM, Json, problems
from tests.world import CONTENT, World


async def test_a_resolution_without_a_conflict_or_given_twice_is_refused_with_its_path(
    world: World,
) -> None:
    await world.edit(world.case_type, 1, name="Vårt namn")
    await update_template(world, name="Deras namn", introduction="Ny text.")
    wrong = [
        *resolutions_of(name="OURS", introduction="OURS"),
        *resolutions_of(**{"questions[$where].label": "THEIRS"}),
        *resolutions_of(name="THEIRS"),
    ]
    before = await world.api.snapshot()

    refused = await adopt(world.region, world.case_type, 2, resolutions=wrong)

    assert problems(refused) == [
        ("NOT_IN_CONFLICT", f"resolutions.{place}.path") for place in (1, 2, 3)
    ]
    assert await world.region.refused(CHECK, id=world.case_type, resolutions=wrong) == [
        "NOT_IN_CONFLICT"
    ]
    too_many = await adopt(
        world.region, world.case_type, 2, resolutions=resolutions_of(name="OURS") * 5001
    )
    assert problems(too_many) == [("TOO_MANY", "resolutions")]
    assert await world.api.snapshot() == before


async def test_only_callers_who_can_see_a_draft_of_a_template_can_adopt_it(world: World) -> None:
    created = await world.region.done(
        "caseTypeTemplateCreate", "caseTypeTemplate { id }", owner=STOCKHOLM, content=CONTENT
    )
    template = created["caseTypeTemplate"]["id"]
    await world.region.done(
        "documentPublish", "event { id }", id=template, version=1, expectedVersion=1
    )
    local = await world.clinic_admin.done(
        "caseTypeCreate",
        "caseType { id }",
        owner=BJORKEN,
        content={"name": "Lokal", "internalName": "Lokal"},
        fromTemplate={"id": template},
    )
    document = local["caseType"]["id"]
    await world.region.done(
        "caseTypeTemplateUpdate",
        "event { id }",
        id=template,
        expectedVersion=1,
        content={"introduction": "Hemligt utkast."},
    )
    before = await world.api.snapshot()

    unseen = await adopt(world.clinic_admin, document, 1, templateVersion=2)
    codes = await world.clinic_admin.refused(CHECK, id=document, templateVersion=2)
    assert await world.api.snapshot() == before
    seen = await adopt(world.region, document, 1, templateVersion=2)

    assert (problems(unseen), codes) == (
        [("UNKNOWN_VERSION", "templateVersion")],
        ["UNKNOWN_VERSION"],
    )
    assert seen["document"]["version"]["content"]["introduction"] == "Hemligt utkast."


async def test_the_base_value_is_hidden_from_callers_who_cannot_see_that_version(
    world: World,
) -> None:
    created = await world.region.done(
        "caseTypeTemplateCreate",
        "caseTypeTemplate { id }",
        owner=STOCKHOLM,
        content=CONTENT | {"introduction": "Hemligt utkast."},
    )
    template = created["caseTypeTemplate"]["id"]
    local = await world.region.done(
        "caseTypeCreate",
        "caseType { id }",
        owner=BJORKEN,
        content={**CONTENT, "introduction": "Vår text."},
        fromTemplate={"id": template, "version": 1},
    )
    await world.region.done(
        "caseTypeTemplateUpdate",
        "event { id }",
        id=template,
        expectedVersion=1,
        content={"introduction": "Ny text."},
        publish=True,
    )
    document = local["caseType"]["id"]

    refused = await adopt(world.clinic_admin, document, 1)
    seen = await adopt(world.region, document, 1)

    values = {"ours": "Vår text.", "theirs": "Ny text."}
    [hidden], [shown] = refused["errors"], seen["errors"]
    assert {name: hidden[name] for name in ("base", *values)} == {"base": None, **values}
    assert {name: shown[name] for name in ("base", *values)} == {
        "base": "Hemligt utkast.",
        **values,
    }
    assert "Hemligt" not in (await world.clinic_admin.post(CHECK, id=document)).text


async def test_an_adoption_that_is_not_possible_is_refused(world: World) -> None:
    await update_template(world, introduction="Två.")
    plain = await world.draft()
    archived = await world.region.done(
        "caseTypeCreate",
        "caseType { id }",
        owner=STOCKHOLM,
        content=CONTENT,
        fromTemplate={"id": world.template, "version": 1},
    )
    await world.region.done(
        "documentArchive", "event { id }", id=archived["caseType"]["id"], expectedVersion=1
    )
    newest = await world.region.done(
        "caseTypeCreate",
        "caseType { id }",
        owner=STOCKHOLM,
        content=CONTENT,
        fromTemplate={"id": world.template},
    )
    before = await world.api.snapshot()

    attempts: list[tuple[Json, str, str]] = [
        ({"id": plain}, "NOT_DERIVED", "id"),
        ({"id": archived["caseType"]["id"]}, "WRONG_STATE", "id"),
        ({"id": newest["caseType"]["id"]}, "ADOPTED_ALREADY", "templateVersion"),
        (
            {"id": newest["caseType"]["id"], "templateVersion": 1},
            "OLDER_VERSION",
            "templateVersion",
        ),
        (
            {"id": newest["caseType"]["id"], "templateVersion": 3},
            "UNKNOWN_VERSION",
            "templateVersion",
        ),
        (
            {"id": newest["caseType"]["id"], "templateVersion": 0},
            "UNKNOWN_VERSION",
            "templateVersion",
        ),
        ({"id": "ct_0"}, "NOT_FOUND", "id"),
    ]
    for arguments, code, path in attempts:
        others = dict(arguments)
        refused = await adopt(world.region, others.pop("id"), 1, **others)
        assert problems(refused) == [(code, path)], arguments
        assert await world.region.refused(CHECK, **arguments) == [code], arguments
    assert await world.api.snapshot() == before


async def test_a_template_that_the_caller_cannot_see_is_treated_as_none(world: World) -> None:
    created = await world.region.done(
        "caseTypeTemplateCreate", "caseTypeTemplate { id }", owner=STOCKHOLM, content=CONTENT
    )
    template = created["caseTypeTemplate"]["id"]
    local = await world.region.done(
        "caseTypeCreate",
        "caseType { id }",
        owner=BJORKEN,
        content=CONTENT,
        fromTemplate={"id": template},
    )
    await world.region.done(
        "caseTypeTemplateUpdate",
        "event { id }",
        id=template,
        expectedVersion=1,
        content={"introduction": "Två."},
    )

    hidden = await adopt(world.clinic_admin, local["caseType"]["id"], 1, templateVersion=2)
    none = await adopt(world.region, await world.draft(), 1)

    assert problems(hidden) == [("NOT_DERIVED", "id")]
    assert hidden["errors"] == none["errors"]
    assert hidden["errors"][0]["message"] == "Dokumentet utgår inte från någon mall som du kan se."


async def test_merged_content_that_breaks_a_rule_is_refused(world: World) -> None:
    await world.edit(
        world.case_type,
        1,
        questions=[*QUESTIONS, {**EXTRA, "shownIf": {"question": "apotek", "equals": "yes"}}],
    )
    await update_template(world, questions=QUESTIONS[:1])
    before = await world.api.snapshot()

    trial = await check(world.region, world.case_type)
    refused = await adopt(world.region, world.case_type, 2)

    assert problems(refused) == [
        ("CONDITION_UNKNOWN_QUESTION", "content.questions.1.shownIf.question")
    ]
    assert [(problem["code"], problem["path"]) for problem in trial["problems"]] == [
        ("CONDITION_UNKNOWN_QUESTION", ["content", "questions", "1", "shownIf", "question"])
    ]
    assert [question["key"] for question in trial["content"]["questions"]] == ["medicin", "extra"]
    assert await world.api.snapshot() == before


async def test_links_to_open_pages_are_adopted_only_if_the_principal_allows_them(
    world: World,
) -> None:
    link: Json = {"key": "sida", "label": "Mer", "url": "https://www.1177.se", "openPage": True}
    await world.national.done(
        "principalPoliciesSave", "event { id }", principal=INERA, openPageLinks=True
    )
    await update_template(world, links=[link])
    before = await world.api.snapshot()

    refused = await adopt(world.region, world.case_type, 1)
    trial = await check(world.region, world.case_type)
    assert await world.api.snapshot() == before
    await world.edit(world.case_type, 1, links=[{**link, "openPage": False}])
    own = await adopt(
        world.region, world.case_type, 2, resolutions=resolutions_of(**{"links[sida]": "OURS"})
    )

    assert problems(refused) == [("OPEN_PAGE_LINK", "content.links.0.openPage")]
    assert [problem["code"] for problem in trial["problems"]] == ["OPEN_PAGE_LINK"]
    assert (own["errors"], own["document"]["latestVersion"]) == ([], 3)


async def test_a_stale_adoption_conflicts(world: World) -> None:
    await update_template(world, introduction="Två.")
    await world.edit(world.case_type, 1, name="Nytt namn")
    before = await world.api.snapshot()

    refused = await adopt(world.region, world.case_type, 1)

    assert problems(refused) == [("VERSION_CONFLICT", "expectedVersion")]
    [conflict] = refused["errors"]
    assert (conflict["latestVersion"], [change["path"] for change in conflict["changes"]]) == (
        2,
        ["name"],
    )
    assert await world.api.snapshot() == before


async def test_other_callers_cannot_adopt_into_a_document_of_the_region(world: World) -> None:
    await update_template(world, introduction="Två.")

    codes = await world.refusals("documentAdoptTemplate", id=world.case_type, expectedVersion=1)
    outside = world.api.caller(Role.LOCAL_ADMINISTRATOR, "SE2321000016-1A02")

    assert codes == dict.fromkeys(codes, "NOT_PERMITTED") | {
        "other_region": "NOT_FOUND",
        "nobody": "UNAUTHENTICATED",
    }
    assert problems(await adopt(outside, world.case_type, 1)) == [("NOT_PERMITTED", "id")]


async def test_a_repeated_adoption_with_the_same_key_is_done_once(world: World) -> None:
    await update_template(world, introduction="Två.")
    first = await adopt(world.region, world.case_type, 1, idempotencyKey="ta över")
    before = await world.api.snapshot()

    again = await adopt(world.region, world.case_type, 1, idempotencyKey="ta över")
    other = await adopt(
        world.region, world.case_type, 1, idempotencyKey="ta över", templateVersion=2
    )

    assert again == first
    assert problems(other) == [("IDEMPOTENCY_KEY_REUSED", "idempotencyKey")]
    assert await world.api.snapshot() == before
