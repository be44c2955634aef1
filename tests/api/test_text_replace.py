"""`textReplace`: shown first, written as one act, drafts or published; refused whole, with document
and path.
"""

import asyncio
from typing import Any

import pytest

from resolvers.kinds.case_types import CASE_TYPE
from resolvers.kinds.validation import validate
from store.records import Owner, OwnerKind, Role
from tests.callers import BJORKEN, LINDEN, STOCKHOLM, Json, problems
from tests.kinds import SAMPLES
from tests.storage.building import BY_ANNA
from tests.world import CONTENT, World

SELECT = """batch hits event { sequence action batch }
    documents { document { id latestVersion publishedVersion } version newVersion published problems { code path }
        changes { kind path label before after residentVisible text { kind text } } }
    skipped { reason document { id } changes { path after } }"""


async def replace(world: World, find: str, by: str, **other: Any) -> Json:
    """The payload of a change of the region's own texts."""
    return await world.region.do(
        "textReplace", SELECT, owner=STOCKHOLM, find=find, replace=by, **other
    )


async def content_of(world: World, document: str, number: int | None = None) -> Json:
    query = """query($id: ID!, $number: Int) { caseType(id: $id) { version(number: $number) {
        number content { name internalName introduction questions { key label }
        links { key label url } } } } }"""
    version: Json = (await world.region.ask(query, id=document, number=number))["caseType"][
        "version"
    ]
    return version


async def log_of(world: World, **which: Any) -> list[Json]:
    query = """query($id: HsaId!, $which: EventFilter) { principal(hsaId: $id) { events(filter: $which) { edges { node {
        action version batch note document { id } } } } } }"""
    edges = (await world.region.ask(query, id=STOCKHOLM, which=which))["principal"]["events"][
        "edges"
    ]
    return [edge["node"] for edge in edges]


async def published(world: World, **content: Any) -> str:
    case_type = await world.draft(CONTENT | content)
    await world.region.done(
        "documentPublish", "event { id }", id=case_type, version=1, expectedVersion=1
    )
    return case_type


async def test_a_dry_run_shows_every_hit_as_a_difference_and_writes_nothing(world: World) -> None:
    other = await world.draft(CONTENT | {"name": "Läkemedel", "introduction": "Ingenting."})
    before = await world.api.snapshot()

    told = await replace(world, "läkemedel", "preparat", dryRun=True, idempotencyKey="samma")

    assert told["errors"] == []
    assert (told["batch"], told["event"], told["hits"], told["skipped"]) == (None, None, 2, [])
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
    assert told["documents"] == [
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


async def test_drafts_are_written_of_all_documents_as_one_act(world: World) -> None:
    other = await world.draft()

    done = await replace(
        world, "Förnya", "Förläng", note="Nytt ord", filter={"kinds": ["CASE_TYPE"]}
    )

    assert done["errors"] == []
    assert [
        (one["document"], one["version"], one["newVersion"], one["published"])
        for one in done["documents"]
    ] == [
        ({"id": world.case_type, "latestVersion": 2, "publishedVersion": 1}, 1, 2, False),
        ({"id": other, "latestVersion": 2, "publishedVersion": None}, 1, 2, False),
    ]
    assert [
        [(change["path"], change["after"]) for change in one["changes"]]
        for one in done["documents"]
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


async def test_published_by_choice_it_is_in_force_and_clinics_are_told(world: World) -> None:
    await world.distribute(world.case_type, BJORKEN)

    done = await replace(world, "tre", "två", publish=True, note="Kortare svarstid")

    assert [
        (one["document"]["publishedVersion"], one["published"]) for one in done["documents"]
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


async def test_nobodys_unfinished_draft_is_published(world: World) -> None:
    ahead = await published(world, introduction="Gammalt ord.")
    await world.edit(ahead, 1, name="Halvfärdig", introduction="Gammalt ord, halvfärdigt.")
    never = await world.draft(CONTENT | {"introduction": "Gammalt ord."})
    plain = await published(world, introduction="Gammalt ord.")

    done = await replace(world, "Gammalt", "Nytt", publish=True)

    assert [
        (
            one["document"]["id"],
            one["newVersion"],
            one["published"],
            one["document"]["publishedVersion"],
        )
        for one in done["documents"]
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
    # Without `publish` the draft is what is changed.
    again = await replace(world, "Gammalt", "Nytt", filter={"ids": [ahead]})
    assert [
        (one["document"]["id"], one["newVersion"], one["document"]["publishedVersion"])
        for one in again["documents"]
    ] == [(ahead, 3, 1)]


async def test_a_draft_ahead_is_skipped_also_where_only_what_is_in_force_holds_the_text(
    world: World,
) -> None:
    ahead = await published(world, introduction="Gammalt ord.")
    await world.edit(ahead, 1, introduction="Helt omskrivet.")

    done = await replace(world, "Gammalt", "Nytt", publish=True)

    assert (
        done["documents"],
        [one["document"]["id"] for one in done["skipped"]],
        done["batch"],
    ) == ([], [ahead], None)


async def test_archived_documents_and_others_documents_are_left_alone(world: World) -> None:
    archived = await published(world)
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

    assert [one["document"]["id"] for one in done["documents"]] == [world.case_type]


async def test_a_local_administrator_changes_the_clinics_own_documents_with_its_adaptations(
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
        (one["document"]["id"], one["document"]["publishedVersion"]) for one in done["documents"]
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


async def test_texts_are_changed_and_keys_addresses_codes_and_enum_values_are_not(
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
async def test_what_is_found_is_plain_text(
    world: World, find: str, by: str, options: Json, hits: int
) -> None:
    told = await replace(world, find, by, dryRun=True, filter={"ids": [world.case_type]}, **options)

    assert (told["errors"], told["hits"]) == ([], hits)


BROKEN: list[tuple[str, str, str, str]] = [
    ("Förnya recept", "", "BLANK", "content.name"),
    ("recept", "r" * 200, "TOO_LONG", "content.name"),
    ("Vilket läkemedel", "rad\nbrytning", "LINE_BREAK", "content.questions.0.label"),
    ("ditt recept", "<b>ditt</b>", "RAW_HTML", "content.introduction"),
    ("ditt recept", "{{mottagning}}", "UNKNOWN_PLACEHOLDER", "content.introduction"),
    ("ditt recept", "`kod`", "MARKDOWN_NOT_ALLOWED", "content.introduction"),
]


@pytest.mark.parametrize(("find", "by", "code", "path"), BROKEN)
async def test_what_would_break_a_rule_is_told_with_document_and_path_and_nothing_is_written(
    world: World, find: str, by: str, code: str, path: str
) -> None:
    document = await world.draft(CONTENT | {"name": "Förnya recept", "internalName": "X"})
    await world.draft(CONTENT | {"name": "Annat", "internalName": "Annat"})
    before = await world.api.snapshot()

    refused = await replace(world, find, by, filter={"ids": [document]})
    whole = await replace(world, find, by)
    told = await replace(world, find, by, dryRun=True, filter={"ids": [document]})

    assert (code, f"documents.{document}.{path}") in problems(refused)
    assert refused["documents"] is refused["batch"] is refused["event"] is None
    assert {document, world.case_type} <= {error["path"][1] for error in whole["errors"]}
    assert {"code": code, "path": ["documents", document, *path.split(".")]} in told["documents"][
        0
    ]["problems"]
    assert await world.api.snapshot() == before


async def test_a_personal_number_that_comes_together_is_refused_and_not_repeated(
    world: World,
) -> None:
    document = await world.draft(CONTENT | {"introduction": "Nummer 19121212 x 1212."})

    refused = await replace(world, " x ", "-")

    assert problems(refused) == [("PERSONAL_NUMBER", f"documents.{document}.content.introduction")]
    assert "1212" not in refused["errors"][0]["message"]


async def test_a_change_that_would_make_a_link_is_refused(world: World) -> None:
    terms = [
        {"key": "ett", "heading": "Ett", "text": "Inget."},
        {"key": "två", "heading": "Två", "text": "Se HÄR."},
    ]
    document = await world.draft(CONTENT | {"introduction": "Se HÄR.", "terms": terms})

    refused = await replace(world, "HÄR", "[här](https://elakt.se)")

    place = f"documents.{document}.content"
    assert problems(refused) == [
        ("LINK_CHANGED", f"{place}.introduction"),
        ("LINK_CHANGED", f"{place}.terms.1.text"),
    ]


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ({"find": ""}, [("BLANK", "find")]),
        ({"find": "x" * 201}, [("TOO_LONG", "find")]),
        ({"find": "re\x00cept"}, [("INVALID_CHARACTER", "find")]),
        ({"replace": "x" * 2001}, [("TOO_LONG", "replace")]),
        ({"replace": "\x1b[0m"}, [("INVALID_CHARACTER", "replace")]),
        ({"replace": "19121212-1212"}, [("PERSONAL_NUMBER", "replace")]),
        ({"note": "\x00"}, [("INVALID_CHARACTER", "note")]),
        ({"owner": "SE2321000016-9999"}, [("NOT_FOUND", "owner")]),
        ({"filter": {"ids": ["ct_finnsinte"]}}, [("NOT_FOUND", "filter.ids.0")]),
        ({"filter": {"ids": ["ct_x"] * 501}}, [("TOO_MANY", "filter.ids")]),
        ({"expected": [{"id": "ct_finnsinte", "version": 1}]}, [("NOT_FOUND", "expected.0")]),
    ],
)
async def test_an_input_that_can_not_be_used_is_refused(
    world: World, given: Json, wanted: list[tuple[str, str]]
) -> None:
    before = await world.api.snapshot()

    payload = await world.region.do(
        "textReplace", SELECT, **{"owner": STOCKHOLM, "find": "recept", "replace": "R"} | given
    )

    assert problems(payload) == wanted
    assert await world.api.snapshot() == before


async def test_another_owners_document_is_not_told_apart_from_one_that_is_not(world: World) -> None:
    assert problems(await replace(world, "recept", "R", filter={"ids": [world.template]})) == [
        ("NOT_FOUND", "filter.ids.0")
    ]


async def test_only_those_who_may_edit_there_change_texts(world: World) -> None:
    codes = await world.refusals("textReplace", owner=STOCKHOLM, find="recept", replace="R")

    assert set(codes.values()) == {"NOT_PERMITTED", "UNAUTHENTICATED"}
    linden = world.api.caller(Role.LOCAL_ADMINISTRATOR, LINDEN)
    assert problems(
        await linden.do("textReplace", SELECT, owner=BJORKEN, find="recept", replace="R")
    ) == [("NOT_FOUND", "owner")]
    assert problems(
        await world.staff.do(
            "textReplace", SELECT, owner=BJORKEN, find="recept", replace="R", dryRun=True
        )
    ) == [("NOT_PERMITTED", "owner")]


async def test_the_same_key_does_it_once_and_answers_the_same(world: World) -> None:
    first = await replace(world, "recept", "recept recept", idempotencyKey="en-gång")
    before = await world.api.snapshot()

    again = await replace(world, "recept", "recept recept", idempotencyKey="en-gång")
    other = await replace(world, "recept", "annat", idempotencyKey="en-gång")

    assert again == first
    assert problems(other) == [("IDEMPOTENCY_KEY_REUSED", "idempotencyKey")]
    assert await world.api.snapshot() == before


async def test_nothing_to_replace_is_no_act(world: World) -> None:
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


async def test_expected_versions_choose_the_documents_and_conflict_when_stale(world: World) -> None:
    other = await world.draft()
    await world.edit(other, 1, introduction="Någon annan hann före.")
    before = await world.api.snapshot()
    conflict = (
        "errors { ... on VersionConflict { expectedVersion latestVersion by { name } changes { path"
        " } } }"
    )

    refused = await world.region.do(
        "textReplace",
        f"batch {conflict}",
        owner=STOCKHOLM,
        find="Förnya",
        replace="Förläng",
        expected=[{"id": world.case_type, "version": 1}, {"id": other, "version": 1}],
    )
    assert problems(refused) == [("VERSION_CONFLICT", f"documents.{other}")]
    assert (refused["errors"][0]["latestVersion"], refused["errors"][0]["changes"]) == (
        2,
        [{"path": "introduction"}],
    )
    assert await world.api.snapshot() == before

    done = await replace(world, "Förnya", "Förläng", expected=[{"id": other, "version": 2}])

    assert [one["document"]["id"] for one in done["documents"]] == [other]


async def test_a_race_with_editors_changes_all_documents_or_none(world: World) -> None:
    documents = [
        await world.draft(CONTENT | {"name": f"Tävling {number}", "introduction": "Före."})
        for number in range(8)
    ]

    async def edit(document: str) -> bool:
        saved = await world.region.do(
            "caseTypeUpdate",
            "version { number }",
            id=document,
            expectedVersion=1,
            content={"rationale": "En annan ändring."},
        )
        return not saved["errors"]

    replacing = asyncio.create_task(replace(world, "Före.", "Efter.", filter={"ids": documents}))
    edits = await asyncio.gather(*map(edit, documents))
    done = await replacing

    found = [await content_of(world, document) for document in documents]
    if done["errors"]:
        assert {error["code"] for error in done["errors"]} == {"VERSION_CONFLICT"}
        assert {error["path"][1] for error in done["errors"]} <= set(documents)
        assert [one["content"]["introduction"] for one in found] == ["Före."] * 8
    else:
        assert [one["content"]["introduction"] for one in found] == ["Efter."] * 8
        # Whoever saved before was read, and whoever came after was refused.
        assert [one["number"] for one in found] == [3 if saved else 2 for saved in edits]
    numbers = (
        [event["version"] for event in await log_of(world, batch=done["batch"])]
        if done["batch"]
        else []
    )
    assert len(numbers) == (0 if done["errors"] else 8)


async def test_five_hundred_documents_are_changed_at_once_and_more_are_refused(
    world: World,
) -> None:
    content = validate(
        CASE_TYPE, {"name": "Många", "internalName": "Många", "introduction": "Ett ord."}
    )
    owner = Owner(OwnerKind.PRINCIPAL, STOCKHOLM)
    documents = world.api.store.documents
    made = await asyncio.gather(
        *(
            documents.create(
                CASE_TYPE,
                principal=STOCKHOLM,
                owner=owner,
                content=content,
                derived_from=None,
                act=BY_ANNA,
            )
            for _ in range(501)
        )
    )
    ids = [saved.document.id for saved in made if saved.document]
    before = await world.api.snapshot()

    for dry_run in (True, False):
        assert problems(await replace(world, "Många", "Flera", dryRun=dry_run)) == [
            ("TOO_MANY", "filter")
        ]
    assert await world.api.snapshot() == before
    done = await world.region.done(
        "textReplace",
        "batch hits",
        owner=STOCKHOLM,
        find="Många",
        replace="Flera",
        filter={"ids": ids[:500]},
    )

    assert done["hits"] == 1_000
    query = (
        "query($id: HsaId!, $batch: ID!) { principal(hsaId: $id) { events(filter: { batch: $batch"
        " }) { totalCount } } }"
    )
    counted = await world.region.ask(query, id=STOCKHOLM, batch=done["batch"])
    assert counted["principal"]["events"]["totalCount"] == 500
    undone = await world.region.done(
        "textReplaceUndo", "documents { newVersion }", batch=done["batch"]
    )
    assert [one["newVersion"] for one in undone["documents"]] == [3] * 500


async def test_clinics_are_told_of_a_notice_that_was_changed_with_others_and_of_its_undoing(
    world: World,
) -> None:
    made = await world.region.done(
        "noticeCreate", "notice { id }", owner=STOCKHOLM, content=dict(SAMPLES["notice"].content)
    )
    notice = made["notice"]["id"]
    await world.region.done(
        "documentPublish", "event { id }", id=notice, version=1, expectedVersion=1
    )

    replaced = await world.region.done(
        "textReplace",
        "batch",
        owner=STOCKHOLM,
        find="Tidbokningen",
        replace="Bokningen",
        publish=True,
    )
    await world.region.done("textReplaceUndo", "batch", batch=replaced["batch"])

    inbox = (
        "query($clinic: HsaId!) { clinic(hsaId: $clinic) { notifications { edges { node {"
        " fromVersion toVersion document { id name } } } } } }"
    )
    for clinic in (BJORKEN, LINDEN):
        edges = (await world.region.ask(inbox, clinic=clinic))["clinic"]["notifications"]["edges"]
        told = [
            (edge["node"]["fromVersion"], edge["node"]["toVersion"])
            for edge in edges
            if edge["node"]["document"]["id"] == notice
        ]
        assert told == [(2, 3), (1, 2), (None, 1)]
    content = (
        await world.staff.ask(
            "query($id: ID!) { notice(id: $id) { name content { name } } }", id=notice
        )
    )["notice"]
    assert content["name"] == content["content"]["name"] == SAMPLES["notice"].content["name"]
