"""`caseTypeCreate`: drafts, defaults, templates, every rule of content once, rights, safe repeats."""

from typing import Any

from store.records import Role
from tests.callers import BJORKEN, LINDEN, STOCKHOLM, UPPSALA_CLINIC, Json, problems
from tests.world import CONTENT, World

SAVED = """
    caseType { id name internalName state scope latestVersion publishedVersion
        owner { __typename ... on Principal { hsaId } ... on Clinic { hsaId } } }
    version { number note hash previousHash restoredFrom author { name role unit } content { name language submittable introduction
        questions { key } restrictions { proxyAllowed listedOnly countyCodes } responseTime { amount unit } } derivedFrom { version behind } }
    event { action version note actor { name role unit employeeHsaId } document { id } }
"""
QUESTION: Json = {"key": "a", "label": "Hur mår du?", "kind": "SHORT_TEXT"}

RULES: list[tuple[Json, str, str]] = [
    ({"name": " \u00a0"}, "BLANK", "name"),
    ({"name": "N" * 201}, "TOO_LONG", "name"),
    ({"name": "Rad\nrad"}, "LINE_BREAK", "name"),
    ({"name": "Klang\u0007"}, "INVALID_CHARACTER", "name"),
    ({"introduction": "I" * 100_001}, "TOO_LONG", "introduction"),
    ({"introduction": "Hej <b>du</b>"}, "RAW_HTML", "introduction"),
    ({"introduction": "> citat"}, "MARKDOWN_NOT_ALLOWED", "introduction"),
    ({"introduction": "[här](javascript:alert)"}, "URL_SCHEME", "introduction"),
    ({"introduction": "![](https://www.1177.se/bild.png)"}, "IMAGE_ALT_MISSING", "introduction"),
    ({"introduction": "[](https://www.1177.se)"}, "LINK_TEXT_MISSING", "introduction"),
    ({"introduction": "Skriv 121212-1212 här"}, "PERSONAL_NUMBER", "introduction"),
    ({"rationale": "19121212-1212"}, "PERSONAL_NUMBER", "rationale"),
    ({"questions": [QUESTION, QUESTION]}, "DUPLICATE_KEY", "questions.1.key"),
    ({"questions": [{**QUESTION, "key": "två ord"}]}, "INVALID_KEY", "questions.0.key"),
    (
        {"questions": [{**QUESTION, "kind": "SINGLE_CHOICE"}]},
        "OPTIONS_MISSING",
        "questions.0.options",
    ),
    (
        {"questions": [{**QUESTION, "options": [{"key": "x", "label": "X"}]}]},
        "OPTIONS_NOT_ALLOWED",
        "questions.0.options",
    ),
    (
        {"questions": [{**QUESTION, "shownIf": {"question": "saknas", "equals": "ja"}}]},
        "CONDITION_UNKNOWN_QUESTION",
        "questions.0.shownIf.question",
    ),
    (
        {
            "questions": [
                {**QUESTION, "shownIf": {"question": "b", "equals": "ja"}},
                {**QUESTION, "key": "b", "kind": "YES_NO"},
            ]
        },
        "CONDITION_NOT_EARLIER",
        "questions.0.shownIf.question",
    ),
    (
        {
            "questions": [
                {**QUESTION, "key": "b", "kind": "YES_NO"},
                {**QUESTION, "shownIf": {"question": "b", "equals": "kanske"}},
            ]
        },
        "CONDITION_UNKNOWN_ANSWER",
        "questions.1.shownIf.equals",
    ),
    (
        {"submittable": False, "questions": [{**QUESTION, "required": True}]},
        "REQUIRED_NOT_SUBMITTABLE",
        "questions.0.required",
    ),
    (
        {"questions": [{**QUESTION, "key": f"q{number}"} for number in range(201)]},
        "TOO_MANY",
        "questions",
    ),
    (
        {"links": [{"key": "l", "label": "Läs mer", "url": "javascript:alert(1)"}]},
        "URL_SCHEME",
        "links.0.url",
    ),
    ({"links": [{"key": "l", "label": "Läs mer", "url": "https://"}]}, "URL_HOST", "links.0.url"),
    (
        {"links": [{"key": "l", "label": "Läs mer", "url": "https://anna:hemligt@1177.se"}]},
        "URL_USERINFO",
        "links.0.url",
    ),
    (
        {"links": [{"key": "l", "label": "Läs mer", "url": "https://1177.se/ ett"}]},
        "URL_INVALID",
        "links.0.url",
    ),
    (
        {"standardReplies": [{"key": "s", "label": "Svar", "text": ""}]},
        "BLANK",
        "standardReplies.0.text",
    ),
    (
        {"terms": [{"key": "t", "heading": "Villkor", "text": "<script>"}]},
        "RAW_HTML",
        "terms.0.text",
    ),
    ({"restrictions": {"countyCodes": ["1"]}}, "INVALID_CODE", "restrictions.countyCodes.0"),
    (
        {"restrictions": {"countyCodes": ["01", "01"]}},
        "DUPLICATE_VALUE",
        "restrictions.countyCodes",
    ),
    ({"restrictions": {"ageFrom": 151}}, "OUT_OF_RANGE", "restrictions.ageFrom"),
    ({"restrictions": {"ageFrom": 20, "ageTo": 19}}, "AGE_ORDER", "restrictions.ageTo"),
    ({"responseTime": {"amount": 0, "unit": "HOURS"}}, "OUT_OF_RANGE", "responseTime.amount"),
    ({"language": "svenska!"}, "INVALID_LANGUAGE", "language"),
]


def content(**changed: Any) -> Json:
    return {"name": "Kontakta mig", "internalName": "Kontakta mig, regionen", **changed}


async def test_a_new_case_type_is_a_draft_of_its_owner(world: World) -> None:
    saved = await world.region.done(
        "caseTypeCreate", SAVED, owner=STOCKHOLM, content=content(), note="Efter önskemål"
    )

    case_type = saved["caseType"]
    assert case_type.pop("id").startswith("ct_")
    assert case_type == {
        "name": "Kontakta mig",
        "internalName": "Kontakta mig, regionen",
        "state": "DRAFT",
        "scope": "CENTRAL",
        "latestVersion": 1,
        "publishedVersion": None,
        "owner": {"__typename": "Principal", "hsaId": STOCKHOLM},
    }
    version = saved["version"]
    assert len(version.pop("hash")) == 64
    assert version == {
        "number": 1,
        "note": "Efter önskemål",
        "previousHash": None,
        "restoredFrom": None,
        "author": {"name": "Anna Andersson", "role": "REGIONAL_ADMINISTRATOR", "unit": STOCKHOLM},
        "content": {
            "name": "Kontakta mig",
            "language": "sv",
            "submittable": True,
            "introduction": "",
            "questions": [],
            "restrictions": {"proxyAllowed": True, "listedOnly": False, "countyCodes": []},
            "responseTime": None,
        },
        "derivedFrom": None,
    }


async def test_the_act_is_in_the_log_with_who_and_why(world: World) -> None:
    saved = await world.region.done(
        "caseTypeCreate", SAVED, owner=STOCKHOLM, content=content(), note="Efter önskemål"
    )

    assert saved["event"] == {
        "action": "CREATED",
        "version": 1,
        "note": "Efter önskemål",
        "actor": {
            "name": "Anna Andersson",
            "role": "REGIONAL_ADMINISTRATOR",
            "unit": STOCKHOLM,
            "employeeHsaId": f"{STOCKHOLM}-RA",
        },
        "document": {"id": saved["event"]["document"]["id"]},
    }


async def test_one_creation_writes_one_document_one_version_and_one_event(world: World) -> None:
    before = await world.api.snapshot()

    await world.draft()

    after = await world.api.snapshot()
    grown = {name: len(after[name]) - len(before[name]) for name in before}
    assert {name: number for name, number in grown.items() if number} == {
        "documents": 1,
        "versions": 1,
        "events": 1,
    }


async def test_a_local_administrator_makes_a_local_case_type(world: World) -> None:
    saved = await world.clinic_admin.done(
        "caseTypeCreate", SAVED, owner=BJORKEN.lower(), content=content()
    )

    assert saved["caseType"]["scope"] == "LOCAL"
    assert saved["caseType"]["owner"] == {"__typename": "Clinic", "hsaId": BJORKEN}
    assert saved["version"]["author"] == {
        "name": None,
        "role": "LOCAL_ADMINISTRATOR",
        "unit": BJORKEN,
    }


async def test_what_is_left_out_comes_from_the_template(world: World) -> None:
    saved = await world.region.done(
        "caseTypeCreate",
        SAVED,
        owner=STOCKHOLM,
        content=content(),
        fromTemplate={"id": world.template},
    )

    assert saved["version"]["derivedFrom"] == {"version": 1, "behind": False}
    assert saved["version"]["content"]["name"] == "Kontakta mig"
    assert saved["version"]["content"]["introduction"] == CONTENT["introduction"]
    assert [question["key"] for question in saved["version"]["content"]["questions"]] == [
        "medicin",
        "apotek",
        "vilket",
    ]
    assert saved["version"]["content"]["responseTime"] == {"amount": 3, "unit": "WORKING_DAYS"}


async def test_an_unknown_template_is_not_found(world: World) -> None:
    before = await world.api.snapshot()

    refused = await world.region.do(
        "caseTypeCreate",
        "caseType { id }",
        owner=STOCKHOLM,
        content=content(),
        fromTemplate={"id": "tpl_000000000000000000000000"},
    )

    assert problems(refused) == [("NOT_FOUND", "fromTemplate.id")]
    assert await world.api.snapshot() == before


async def test_an_unknown_template_version_is_refused(world: World) -> None:
    for version in (7, 0, -1):
        refused = await world.region.do(
            "caseTypeCreate",
            "caseType { id }",
            owner=STOCKHOLM,
            content=content(),
            fromTemplate={"id": world.template, "version": version},
        )

        assert problems(refused) == [("UNKNOWN_VERSION", "fromTemplate.version")]


async def test_content_that_breaks_a_rule_is_refused_at_its_place(world: World) -> None:
    before = await world.api.snapshot()

    for given, code, path in RULES:
        refused = await world.region.do(
            "caseTypeCreate",
            "caseType { id } version { id } event { id }",
            owner=STOCKHOLM,
            content=content(**given),
        )

        assert problems(refused) == [(code, f"content.{path}")]
        assert refused["errors"][0]["__typename"] == "InvalidInput"
        assert (refused["caseType"], refused["version"], refused["event"]) == (None, None, None)

    assert await world.api.snapshot() == before


async def test_every_problem_is_told_at_once(world: World) -> None:
    broken = content(
        name="",
        questions=[{**QUESTION, "kind": "SINGLE_CHOICE"}],
        links=[{"key": "l", "label": "Läs", "url": "ftp://1177.se"}],
    )

    refused = await world.region.do(
        "caseTypeCreate", "caseType { id }", owner=STOCKHOLM, content=broken
    )

    assert set(problems(refused)) == {
        ("BLANK", "content.name"),
        ("OPTIONS_MISSING", "content.questions.0.options"),
        ("URL_SCHEME", "content.links.0.url"),
    }


async def test_content_over_one_mebibyte_is_refused(world: World) -> None:
    before = await world.api.snapshot()
    just_over, far_over = (
        [{"key": f"r{number}", "label": "Svar", "text": "x" * 9_500} for number in range(replies)]
        for replies in (111, 200)
    )

    refused = [
        problems(
            await world.region.do(
                "caseTypeCreate",
                "caseType { id }",
                owner=STOCKHOLM,
                content=content(standardReplies=replies),
            )
        )
        for replies in (just_over, far_over)
    ]

    assert refused == [[("TOO_LARGE", "content")], [("TOO_LARGE", "content")]]
    assert await world.api.snapshot() == before


async def test_content_just_under_one_mebibyte_is_kept_whole(world: World) -> None:
    replies = [{"key": f"r{number}", "label": "Svar", "text": "x" * 9_500} for number in range(109)]

    saved = await world.region.done(
        "caseTypeCreate",
        "version { content { standardReplies { key label text } } }",
        owner=STOCKHOLM,
        content=content(standardReplies=replies),
    )

    assert saved["version"]["content"]["standardReplies"] == replies


async def test_a_note_may_not_hold_a_personal_number(world: World) -> None:
    before = await world.api.snapshot()

    refused = await world.region.do(
        "caseTypeCreate",
        "caseType { id }",
        owner=STOCKHOLM,
        content=content(),
        note="Önskat av 121212-1212",
    )

    assert problems(refused) == [("PERSONAL_NUMBER", "note")]
    assert await world.api.snapshot() == before


async def test_others_make_nothing_in_the_region(world: World) -> None:
    codes = await world.refusals("caseTypeCreate", owner=STOCKHOLM, content=content())

    assert codes == dict.fromkeys(codes, "NOT_PERMITTED") | {"nobody": "UNAUTHENTICATED"}


async def test_who_may_not_edit_at_a_clinic_makes_nothing_there(world: World) -> None:
    before = await world.api.snapshot()
    attempts = [
        (world.staff, BJORKEN),
        (world.clinic_admin, LINDEN),
        (world.region, UPPSALA_CLINIC),
        (world.region, "SE2321000016-9Z99"),
    ]

    refused = [
        problems(
            await caller.do("caseTypeCreate", "caseType { id }", owner=owner, content=content())
        )
        for caller, owner in attempts
    ]

    assert refused == [
        [("NOT_PERMITTED", "owner")],
        [("NOT_FOUND", "owner")],
        [("NOT_FOUND", "owner")],
        [("NOT_FOUND", "owner")],
    ]
    assert await world.api.snapshot() == before


async def test_the_same_key_answers_the_first_result_again(world: World) -> None:
    call: Json = {"owner": STOCKHOLM, "content": content(), "idempotencyKey": "en gång"}
    first = await world.region.done("caseTypeCreate", SAVED, **call)
    before = await world.api.snapshot()

    again = await world.region.done("caseTypeCreate", SAVED, **call)

    assert again == first
    assert await world.api.snapshot() == before


async def test_the_same_key_with_other_input_is_refused(world: World) -> None:
    await world.region.done(
        "caseTypeCreate", SAVED, owner=STOCKHOLM, content=content(), idempotencyKey="en gång"
    )
    before = await world.api.snapshot()

    refused = await world.region.do(
        "caseTypeCreate",
        "caseType { id }",
        owner=STOCKHOLM,
        content=content(name="Annat"),
        idempotencyKey="en gång",
    )

    assert problems(refused) == [("IDEMPOTENCY_KEY_REUSED", "idempotencyKey")]
    assert await world.api.snapshot() == before


async def test_another_person_may_use_the_same_key(world: World) -> None:
    colleague = world.api.caller(
        Role.REGIONAL_ADMINISTRATOR,
        STOCKHOLM,
        employee="SE2321000016-colleague",
        name="Karl Kollega",
    )
    first = await world.region.done(
        "caseTypeCreate", SAVED, owner=STOCKHOLM, content=content(), idempotencyKey="en gång"
    )

    second = await colleague.done(
        "caseTypeCreate", SAVED, owner=STOCKHOLM, content=content(), idempotencyKey="en gång"
    )

    assert second["event"]["document"]["id"] != first["event"]["document"]["id"]


async def test_a_key_has_1_to_200_characters(world: World) -> None:
    refused = [
        problems(
            await world.region.do(
                "caseTypeCreate",
                "caseType { id }",
                owner=STOCKHOLM,
                content=content(),
                idempotencyKey=key,
            )
        )
        for key in ("", "k" * 201)
    ]

    assert refused == [[("OUT_OF_RANGE", "idempotencyKey")]] * 2
