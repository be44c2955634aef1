"""`documentAdoptTemplate` and `checkTemplateAdoption`: merging, conflicts, resolutions, both
levels, refusals, rights, safe repeats.
"""

from typing import Any

import pytest

from store.records import Role
from tests.callers import BJORKEN, CONFLICT, INERA, STOCKHOLM, Caller, Json, problems
from tests.kinds import SAMPLES
from tests.world import CONTENT, World

SAVED = """document { id state latestVersion publishedVersion
      ... on CaseType { version { ...version content { name introduction questions { key label } } } }
      ... on CaseTypeTemplate { version { ...version content { name introduction questions { key label } } } } }
    event { action version note resident: document { id } }
    ...conflicts"""
FRAGMENTS = """
    fragment version on Version { number note restoredFrom author { name role } derivedFrom { version latestVersion behind template { id } } }
    fragment conflicts on DocumentPayload { errors { ... on MergeConflict { valuePath label base ours theirs } } }"""
CHECK = """query($id: ID!, $templateVersion: Int, $resolutions: [MergeResolution!]) {
    checkTemplateAdoption(id: $id, templateVersion: $templateVersion, resolutions: $resolutions) {
      fromVersion toVersion expectedVersion residentVisible changes { kind path before after }
      conflicts { code path valuePath label base ours theirs } problems { code path } content } }"""


async def adopt(caller: Caller, document: str, expected: int, **input: Any) -> Json:
    """The payload of the mutation, refused or not."""
    mutation = (
        "mutation($input: DocumentAdoptTemplateInput!) { documentAdoptTemplate(input: $input) {"
    )
    text = (
        f"{mutation} {SAVED} {CONFLICT} errors {{ __typename code message path }} }} }} {FRAGMENTS}"
    )
    payload: Json = (
        await caller.ask(text, input={"id": document, "expectedVersion": expected, **input})
    )["documentAdoptTemplate"]
    return payload


async def check(caller: Caller, document: str, **arguments: Any) -> Json:
    found: Json = (await caller.ask(CHECK, id=document, **arguments))["checkTemplateAdoption"]
    return found


async def renewed(world: World, expected: int = 1, *, publish: bool = True, **content: Any) -> int:
    """The number of a new version of the national template."""
    saved = await world.national.done(
        "caseTypeTemplateUpdate",
        "version { number }",
        id=world.template,
        expectedVersion=expected,
        content=content,
        publish=publish,
    )
    number: int = saved["version"]["number"]
    return number


def taking(**sides: str) -> list[Json]:
    return [{"path": path, "take": side} for path, side in sides.items()]


QUESTIONS: list[Json] = CONTENT["questions"]
EXTRA: Json = {"key": "extra", "label": "Något mer?", "kind": "LONG_TEXT"}
MORE: Json = {"key": "mer", "label": "Vill du tillägga något?", "kind": "LONG_TEXT"}


async def test_a_case_type_takes_over_what_the_template_changed_and_keeps_its_own(
    world: World,
) -> None:
    await world.edit(
        world.case_type, 1, name="Förnya recept i Stockholm", questions=[*QUESTIONS, EXTRA]
    )
    await renewed(
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


async def test_what_both_changed_comes_back_as_conflicts_and_nothing_is_written(
    world: World,
) -> None:
    await world.edit(
        world.case_type,
        1,
        name="Vårt namn",
        questions=[{**QUESTIONS[0], "label": "Vår fråga"}, *QUESTIONS[1:]],
    )
    await renewed(world, name="Deras namn", introduction="Ny text.", questions=QUESTIONS[1:])
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


async def test_resolutions_decide_conflict_by_conflict(world: World) -> None:
    await world.edit(
        world.case_type,
        1,
        name="Vårt namn",
        introduction="Vår text.",
        responseTime={"amount": 5, "unit": "WORKING_DAYS"},
    )
    await renewed(
        world,
        name="Deras namn",
        introduction="Deras text.",
        responseTime={"amount": 24, "unit": "HOURS"},
    )
    first = taking(name="OURS", introduction="THEIRS")

    partly = await adopt(world.region, world.case_type, 2, resolutions=first)
    trial = await check(
        world.region, world.case_type, resolutions=[*first, *taking(responseTime="THEIRS")]
    )
    saved = await adopt(
        world.region, world.case_type, 2, resolutions=[*first, *taking(responseTime="THEIRS")]
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


async def test_a_resolution_for_no_conflict_or_twice_is_refused_with_its_place(
    world: World,
) -> None:
    await world.edit(world.case_type, 1, name="Vårt namn")
    await renewed(world, name="Deras namn", introduction="Ny text.")
    wrong = [
        *taking(name="OURS", introduction="OURS"),
        *taking(**{"questions[$where].label": "THEIRS"}),
        *taking(name="THEIRS"),
    ]
    before = await world.api.snapshot()

    refused = await adopt(world.region, world.case_type, 2, resolutions=wrong)

    assert problems(refused) == [
        ("NOT_IN_CONFLICT", f"resolutions.{place}.path") for place in (1, 2, 3)
    ]
    assert await world.region.refused(CHECK, id=world.case_type, resolutions=wrong) == [
        "NOT_IN_CONFLICT"
    ]
    too_many = await adopt(world.region, world.case_type, 2, resolutions=taking(name="OURS") * 5001)
    assert problems(too_many) == [("TOO_MANY", "resolutions")]
    assert await world.api.snapshot() == before


async def test_a_version_is_written_where_only_the_derivation_moves(world: World) -> None:
    await world.edit(world.case_type, 1, introduction="Samma text.")
    await renewed(world, introduction="Samma text.")

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


async def test_templates_take_over_from_templates_down_to_the_clinic(world: World) -> None:
    template: dict[str, str] = {}
    for name, caller, owner, above in (
        ("regional", world.region, STOCKHOLM, world.template),
        ("local", world.clinic_admin, BJORKEN, "regional"),
    ):
        source = template.get(above, above)
        made = await caller.done(
            "caseTypeTemplateCreate",
            "caseTypeTemplate { id }",
            owner=owner,
            content={"name": name, "internalName": name},
            fromTemplate={"id": source},
        )
        template[name] = made["caseTypeTemplate"]["id"]
        await caller.done(
            "documentPublish", "event { id }", id=template[name], version=1, expectedVersion=1
        )
    await renewed(world, introduction="Nationellt nytt.")

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


async def test_drafts_of_a_template_are_taken_over_only_by_who_sees_them(world: World) -> None:
    made = await world.region.done(
        "caseTypeTemplateCreate", "caseTypeTemplate { id }", owner=STOCKHOLM, content=CONTENT
    )
    template = made["caseTypeTemplate"]["id"]
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


async def test_the_common_value_is_not_told_to_who_may_not_see_that_version(world: World) -> None:
    made = await world.region.done(
        "caseTypeTemplateCreate",
        "caseTypeTemplate { id }",
        owner=STOCKHOLM,
        content=CONTENT | {"introduction": "Hemligt utkast."},
    )
    template = made["caseTypeTemplate"]["id"]
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


async def test_what_can_not_be_taken_over_is_refused(world: World) -> None:
    await renewed(world, introduction="Två.")
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

    asked: list[tuple[Json, str, str]] = [
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
    for given, code, path in asked:
        arguments = dict(given)
        refused = await adopt(world.region, arguments.pop("id"), 1, **arguments)
        assert problems(refused) == [(code, path)], given
        assert await world.region.refused(CHECK, **given) == [code], given
    assert await world.api.snapshot() == before


async def test_a_template_that_the_viewer_may_not_see_is_like_none(world: World) -> None:
    made = await world.region.done(
        "caseTypeTemplateCreate", "caseTypeTemplate { id }", owner=STOCKHOLM, content=CONTENT
    )
    template = made["caseTypeTemplate"]["id"]
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


async def test_merged_content_keeps_the_rules_of_any_edit(world: World) -> None:
    await world.edit(
        world.case_type,
        1,
        questions=[*QUESTIONS, {**EXTRA, "shownIf": {"question": "apotek", "equals": "yes"}}],
    )
    await renewed(world, questions=QUESTIONS[:1])
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


async def test_links_to_open_pages_come_in_only_where_the_principal_allows_them(
    world: World,
) -> None:
    link: Json = {"key": "sida", "label": "Mer", "url": "https://www.1177.se", "openPage": True}
    await world.national.done(
        "principalPoliciesSave", "event { id }", principal=INERA, openPageLinks=True
    )
    await renewed(world, links=[link])
    before = await world.api.snapshot()

    refused = await adopt(world.region, world.case_type, 1)
    trial = await check(world.region, world.case_type)
    assert await world.api.snapshot() == before
    await world.edit(world.case_type, 1, links=[{**link, "openPage": False}])
    own = await adopt(
        world.region, world.case_type, 2, resolutions=taking(**{"links[sida]": "OURS"})
    )

    assert problems(refused) == [("OPEN_PAGE_LINK", "content.links.0.openPage")]
    assert [problem["code"] for problem in trial["problems"]] == ["OPEN_PAGE_LINK"]
    assert (own["errors"], own["document"]["latestVersion"]) == ([], 3)


async def test_a_stale_adoption_is_told_who_was_first(world: World) -> None:
    await renewed(world, introduction="Två.")
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


async def test_others_take_nothing_over_into_what_is_the_regions(world: World) -> None:
    await renewed(world, introduction="Två.")

    codes = await world.refusals("documentAdoptTemplate", id=world.case_type, expectedVersion=1)
    outside = world.api.caller(Role.LOCAL_ADMINISTRATOR, "SE2321000016-1A02")

    assert codes == dict.fromkeys(codes, "NOT_PERMITTED") | {
        "other_region": "NOT_FOUND",
        "nobody": "UNAUTHENTICATED",
    }
    assert problems(await adopt(outside, world.case_type, 1)) == [("NOT_PERMITTED", "id")]


async def test_a_repeated_adoption_with_its_key_is_done_once(world: World) -> None:
    await renewed(world, introduction="Två.")
    first = await adopt(world.region, world.case_type, 1, idempotencyKey="ta över")
    before = await world.api.snapshot()

    again = await adopt(world.region, world.case_type, 1, idempotencyKey="ta över")
    other = await adopt(
        world.region, world.case_type, 1, idempotencyKey="ta över", templateVersion=2
    )

    assert again == first
    assert problems(other) == [("IDEMPOTENCY_KEY_REUSED", "idempotencyKey")]
    assert await world.api.snapshot() == before


async def test_the_derivation_goes_on_with_edits_and_back_with_a_restore(world: World) -> None:
    await renewed(world, introduction="Två.")
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
async def test_a_restore_of_equal_content_made_from_another_version_is_a_version_too(
    world: World, publish: bool
) -> None:
    await world.edit(world.case_type, 1, introduction="Samma.")
    await renewed(world, introduction="Samma.")
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


async def test_the_history_tells_the_adoption_and_clinics_are_not_told_of_the_draft(
    world: World,
) -> None:
    await world.distribute(world.case_type, BJORKEN)
    await renewed(world, introduction="Två.")
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


async def test_a_resident_case_takes_over_a_newer_version_of_its_template(world: World) -> None:
    content = dict(SAMPLES["residentCase"].content)
    template = await world.national.done(
        "residentCaseTemplateCreate", "residentCaseTemplate { id }", owner=INERA, content=content
    )
    template_id = template["residentCaseTemplate"]["id"]
    await world.national.done(
        "documentPublish", "event { id }", id=template_id, version=1, expectedVersion=1
    )
    names = {"name": content["name"], "internalName": "Vårt"}
    made = await world.region.done(
        "residentCaseCreate",
        "residentCase { id }",
        owner=STOCKHOLM,
        content=names,
        fromTemplate={"id": template_id},
    )
    case = made["residentCase"]["id"]
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

    assert ([(one["path"], one["kind"]) for one in trial["changes"]], trial["conflicts"]) == (
        [("message", "CHANGED")],
        [],
    )
    assert payload["errors"] == []
    assert payload["event"]["action"] == "TEMPLATE_ADOPTED"
    query = """query($id: ID!) { residentCase(id: $id) { latestVersion version { content { message internalName }
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
    levels = {one["path"]: (one["level"], one["version"]) for one in found["blame"]}
    assert (levels["message"], levels["internalName"]) == (("NATIONAL", 2), ("REGIONAL", 1))
