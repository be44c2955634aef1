"""`textReplace`: a dry run, drafts or published versions in one act, and what is left unchanged."""

import pytest

from tests.api.text_changes import SELECT, content_of, log_of, publish_case_type, replace
from tests.callers import BJORKEN, Json, problems
from tests.world import CONTENT, World


async def test_a_dry_run_shows_every_hit_as_a_difference_and_writes_nothing(world: World) -> None:
    other = await world.draft(CONTENT | {"name": "Läkemedel", "introduction": "Ingenting."})
    before = await world.api.snapshot()

    preview = await replace(world, "läkemedel", "preparat", dryRun=True, idempotencyKey="samma")

    assert preview["errors"] == []
    assert (preview["batch"], preview["event"], preview["hits"], preview["skipped"]) == (
        None,
        None,
        2,
        [],
    )
    question = {
        "kind": "CHANGED",
        "path": "questions[medicin].label",
        "label": "Frågor › ”Vilket preparat gäller det?” › Etikett",
        "before": "Vilket läkemedel gäller det?",
        "after": "Vilket preparat gäller det?",
        "residentVisible": True,
        "text": [
            {"kind": "SAME", "text": "Vilket "},
            {"kind": "DELETED", "text": "läkemedel"},
            {"kind": "INSERTED", "text": "preparat"},
            {"kind": "SAME", "text": " gäller det?"},
        ],
    }
    assert preview["documents"] == [
        {
            "document": {"id": document, "latestVersion": 1, "publishedVersion": in_force},
            "version": 1,
            "newVersion": None,
            "published": False,
            "problems": [],
            "changes": [question],
        }
        for document, in_force in ((world.case_type, 1), (other, None))
    ]
    assert await world.api.snapshot() == before


async def test_drafts_of_all_documents_are_written_as_one_act(world: World) -> None:
    other = await world.draft()

    done = await replace(
        world, "Förnya", "Förläng", note="Nytt ord", filter={"kinds": ["CASE_TYPE"]}
    )

    assert done["errors"] == []
    assert [
        (entry["document"], entry["version"], entry["newVersion"], entry["published"])
        for entry in done["documents"]
    ] == [
        ({"id": world.case_type, "latestVersion": 2, "publishedVersion": 1}, 1, 2, False),
        ({"id": other, "latestVersion": 2, "publishedVersion": None}, 1, 2, False),
    ]
    assert [
        [(change["path"], change["after"]) for change in entry["changes"]]
        for entry in done["documents"]
    ] == [[("name", "Förläng recept"), ("internalName", "Förläng recept – regionen")]] * 2
    assert done["hits"] == 4
    assert done["event"]["batch"] == done["batch"]
    assert await log_of(world, batch=done["batch"]) == [
        {
            "action": "EDITED",
            "version": 2,
            "batch": done["batch"],
            "note": "Nytt ord",
            "document": {"id": document},
        }
        for document in (other, world.case_type)
    ]
    assert (await content_of(world, other))["content"]["name"] == "Förläng recept"
    verdict = await world.region.ask(
        "query($id: ID!) { caseType(id: $id) { verify { intact versions } } }", id=other
    )
    assert verdict["caseType"]["verify"] == {"intact": True, "versions": 2}


async def test_a_published_change_takes_effect_and_clinics_are_notified(world: World) -> None:
    await world.distribute(world.case_type, BJORKEN)

    done = await replace(world, "tre", "två", publish=True, note="Kortare svarstid")

    assert [
        (entry["document"]["publishedVersion"], entry["published"]) for entry in done["documents"]
    ] == [(2, True)]
    assert done["event"]["action"] == "PUBLISHED"
    query = """query($id: HsaId!) { clinic(hsaId: $id) { notifications(first: 1) { edges { node {
        action fromVersion toVersion residentVisible note changes { path after } } } } } }"""
    [edge] = (await world.staff.ask(query, id=BJORKEN))["clinic"]["notifications"]["edges"]
    assert edge["node"] == {
        "action": "PUBLISHED",
        "fromVersion": 1,
        "toVersion": 2,
        "residentVisible": True,
        "note": "Kortare svarstid",
        "changes": [{"path": "terms[allmant].text", "after": "Svar inom *två* dagar."}],
    }


async def test_an_unfinished_draft_is_never_published(world: World) -> None:
    ahead = await publish_case_type(world, introduction="Gammalt ord.")
    await world.edit(ahead, 1, name="Halvfärdig", introduction="Gammalt ord, halvfärdigt.")
    never = await world.draft(CONTENT | {"introduction": "Gammalt ord."})
    plain = await publish_case_type(world, introduction="Gammalt ord.")

    done = await replace(world, "Gammalt", "Nytt", publish=True)

    assert [
        (
            entry["document"]["id"],
            entry["newVersion"],
            entry["published"],
            entry["document"]["publishedVersion"],
        )
        for entry in done["documents"]
    ] == [
        (never, 2, False, None),
        (plain, 2, True, 2),
    ]
    assert done["skipped"] == [
        {
            "reason": "DRAFT_AHEAD",
            "document": {"id": ahead},
            "changes": [{"path": "introduction", "after": "Nytt ord, halvfärdigt."}],
        }
    ]
    assert (await content_of(world, ahead))["number"] == 2
    # Without `publish` the draft is changed.
    again = await replace(world, "Gammalt", "Nytt", filter={"ids": [ahead]})
    assert [
        (entry["document"]["id"], entry["newVersion"], entry["document"]["publishedVersion"])
        for entry in again["documents"]
    ] == [(ahead, 3, 1)]


async def test_a_draft_ahead_is_skipped_even_if_only_the_published_version_has_the_text(
    world: World,
) -> None:
    ahead = await publish_case_type(world, introduction="Gammalt ord.")
    await world.edit(ahead, 1, introduction="Helt omskrivet.")

    done = await replace(world, "Gammalt", "Nytt", publish=True)

    assert (
        done["documents"],
        [entry["document"]["id"] for entry in done["skipped"]],
        done["batch"],
    ) == ([], [ahead], None)


async def test_archived_documents_and_documents_of_others_are_unchanged(world: World) -> None:
    archived = await publish_case_type(world)
    await world.region.done("documentArchive", "event { id }", id=archived, expectedVersion=1)
    await world.distribute(world.case_type, BJORKEN)
    reply = [{"key": "egen", "label": "Eget", "text": "Förnya gärna."}]
    await world.clinic_admin.done(
        "localAdaptationSave",
        "event { id }",
        clinic=BJORKEN,
        caseType=world.case_type,
        expectedVersion=0,
        terms=[],
        standardReplies=reply,
    )
    await world.clinic_admin.done("caseTypeCreate", "event { id }", owner=BJORKEN, content=CONTENT)

    done = await replace(
        world, "Förnya", "Förläng", filter={"state": ["DRAFT", "ACTIVE", "INACTIVE", "ARCHIVED"]}
    )

    assert [entry["document"]["id"] for entry in done["documents"]] == [world.case_type]


async def test_a_local_administrator_changes_the_clinics_own_documents_and_adaptations(
    world: World,
) -> None:
    await world.distribute(world.case_type, BJORKEN)
    reply = [{"key": "egen", "label": "Eget", "text": "Ring oss."}]
    adapted = await world.clinic_admin.done(
        "localAdaptationSave",
        "localAdaptation { id }",
        clinic=BJORKEN,
        caseType=world.case_type,
        expectedVersion=0,
        terms=[],
        standardReplies=reply,
    )

    done = await world.clinic_admin.do(
        "textReplace", SELECT, owner=BJORKEN, find="Ring", replace="Skriv till", publish=True
    )

    assert [
        (entry["document"]["id"], entry["document"]["publishedVersion"])
        for entry in done["documents"]
    ] == [(adapted["localAdaptation"]["id"], 2)]
    query = (
        "query($id: HsaId!) { clinic(hsaId: $id) { notifications(first: 1) { edges { node { action"
        " toVersion document { id } } } } } }"
    )
    [edge] = (await world.staff.ask(query, id=BJORKEN))["clinic"]["notifications"]["edges"]
    assert edge["node"] == {
        "action": "PUBLISHED",
        "toVersion": 2,
        "document": {"id": adapted["localAdaptation"]["id"]},
    }


async def test_texts_are_changed_but_not_keys_addresses_codes_and_enum_values(
    world: World,
) -> None:
    document = await world.draft(
        CONTENT
        | {
            "name": "SHORT_TEXT medicin sv",
            "introduction": "Om [medicin](https://medicin.se/sv) och {{clinic.name}}.",
            "links": [{"key": "medicin", "label": "medicin", "url": "https://medicin.se/"}],
        }
    )

    for find in ("medicin", "SHORT_TEXT", "clinic", "se"):
        assert (await replace(world, find, "X", filter={"ids": [document]}))["errors"] == []

    version = await content_of(world, document)
    assert version["number"] == 3
    assert version["content"]["name"] == "X X sv"
    assert (
        version["content"]["introduction"] == "Om [X](https://medicin.se/sv) och {{clinic.name}}."
    )
    assert version["content"]["links"] == [
        {"key": "medicin", "label": "X", "url": "https://medicin.se/"}
    ]
    assert [question["key"] for question in version["content"]["questions"]] == [
        "medicin",
        "apotek",
        "vilket",
    ]


@pytest.mark.parametrize(
    ("find", "by", "options", "hits"),
    [
        ("recept", "R", {"wholeWords": True}, 3),
        ("rec", "R", {"wholeWords": True}, 0),
        ("RECEPT", "R", {}, 0),
        ("RECEPT", "R", {"caseSensitive": False}, 3),
        (".ecept", "R", {}, 0),
        ("recept$", "R", {}, 0),
        ("(recept)", "R", {}, 0),
        ("Förnya ", "$1\\1", {}, 2),
    ],
)
async def test_the_search_text_is_plain_text(
    world: World, find: str, by: str, options: Json, hits: int
) -> None:
    preview = await replace(
        world, find, by, dryRun=True, filter={"ids": [world.case_type]}, **options
    )

    assert (preview["errors"], preview["hits"]) == ([], hits)


async def test_an_idempotency_key_acts_once_and_returns_the_same_payload(world: World) -> None:
    first = await replace(world, "recept", "recept recept", idempotencyKey="en-gång")
    before = await world.api.snapshot()

    again = await replace(world, "recept", "recept recept", idempotencyKey="en-gång")
    other = await replace(world, "recept", "annat", idempotencyKey="en-gång")

    assert again == first
    assert problems(other) == [("IDEMPOTENCY_KEY_REUSED", "idempotencyKey")]
    assert await world.api.snapshot() == before


async def test_nothing_to_replace_writes_nothing(world: World) -> None:
    before = await world.api.snapshot()

    for find, by in (("finns inte", "R"), ("recept", "recept")):
        done = await replace(world, find, by)
        assert (done["errors"], done["documents"], done["batch"], done["event"]) == (
            [],
            [],
            None,
            None,
        )

    assert await world.api.snapshot() == before
