"""`caseTypeCreate`: every rule of content, the size limit, and the rule of notes.

Each rule has one row.
"""

from tests.callers import STOCKHOLM, Json, problems
from tests.world import World

NAMES: Json = {"name": "Kontakta mig", "internalName": "Kontakta mig, regionen"}
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


async def test_content_that_breaks_a_rule_is_refused_with_its_path(world: World) -> None:
    before = await world.api.snapshot()

    for broken, code, path in RULES:
        refused = await world.region.do(
            "caseTypeCreate",
            "caseType { id } version { id } event { id }",
            owner=STOCKHOLM,
            content=NAMES | broken,
        )

        assert problems(refused) == [(code, f"content.{path}")]
        assert refused["errors"][0]["__typename"] == "InvalidInput"
        assert (refused["caseType"], refused["version"], refused["event"]) == (None, None, None)

    assert await world.api.snapshot() == before


async def test_all_problems_are_returned_at_once(world: World) -> None:
    broken = NAMES | {
        "name": "",
        "questions": [{**QUESTION, "kind": "SINGLE_CHOICE"}],
        "links": [{"key": "l", "label": "Läs", "url": "ftp://1177.se"}],
    }

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
                content=NAMES | {"standardReplies": replies},
            )
        )
        for replies in (just_over, far_over)
    ]

    assert refused == [[("TOO_LARGE", "content")], [("TOO_LARGE", "content")]]
    assert await world.api.snapshot() == before


async def test_content_just_under_one_mebibyte_is_stored_whole(world: World) -> None:
    replies = [{"key": f"r{number}", "label": "Svar", "text": "x" * 9_500} for number in range(109)]

    saved = await world.region.done(
        "caseTypeCreate",
        "version { content { standardReplies { key label text } } }",
        owner=STOCKHOLM,
        content=NAMES | {"standardReplies": replies},
    )

    assert saved["version"]["content"]["standardReplies"] == replies


async def test_a_note_with_a_personal_number_is_refused(world: World) -> None:
    before = await world.api.snapshot()

    refused = await world.region.do(
        "caseTypeCreate",
        "caseType { id }",
        owner=STOCKHOLM,
        content=NAMES,
        note="Önskat av 121212-1212",
    )

    assert problems(refused) == [("PERSONAL_NUMBER", "note")]
    assert await world.api.snapshot() == before
