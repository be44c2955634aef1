"""Changes of a content, each with the codes and paths of its problems."""

from typing import Any

from tests.rules.contents import NUMBER, link, options, question, reply, section, shown_if

PROBLEMS: list[tuple[dict[str, Any], list[tuple[str, str]]]] = [
    # mandatory, and of the right type
    ({"name": None}, [("MISSING", "name")]),
    ({"internalName": None}, [("MISSING", "internalName")]),
    ({"links": [{"key": "l"}]}, [("MISSING", "links.0.label"), ("MISSING", "links.0.url")]),
    ({"responseTime": {"amount": 1}}, [("MISSING", "responseTime.unit")]),
    ({"standardReplies": [reply(text=None)]}, [("MISSING", "standardReplies.0.text")]),
    ({"name": "Hos {{clinic.mayor}}"}, [("UNKNOWN_PLACEHOLDER", "name")]),
    ({"internal_name": "B"}, [("UNKNOWN_FIELD", "internal_name")]),
    ({"standardReplies": [reply(local=True)]}, [("UNKNOWN_FIELD", "standardReplies.0.local")]),
    ({"terms": [section(local=None)]}, [("UNKNOWN_FIELD", "terms.0.local")]),
    ({"name": 1}, [("WRONG_TYPE", "name")]),
    ({"submittable": "true"}, [("WRONG_TYPE", "submittable")]),
    ({"submittable": 1}, [("WRONG_TYPE", "submittable")]),
    ({"questions": {}}, [("WRONG_TYPE", "questions")]),
    ({"questions": [None]}, [("WRONG_TYPE", "questions.0")]),
    ({"restrictions": []}, [("WRONG_TYPE", "restrictions")]),
    ({"restrictions": {"ageFrom": True}}, [("WRONG_TYPE", "restrictions.ageFrom")]),
    ({"restrictions": {"ageFrom": "18"}}, [("WRONG_TYPE", "restrictions.ageFrom")]),
    ({"responseTime": {"amount": 1.5, "unit": "HOURS"}}, [("WRONG_TYPE", "responseTime.amount")]),
    ({"questions": [question(kind="TEXT")]}, [("UNKNOWN_VALUE", "questions.0.kind")]),
    ({"questions": [question(kind="yes_no")]}, [("UNKNOWN_VALUE", "questions.0.kind")]),
    ({"restrictions": {"gender": "1"}}, [("UNKNOWN_VALUE", "restrictions.gender")]),
    ({"responseTime": {"amount": 1, "unit": "DAYS"}}, [("UNKNOWN_VALUE", "responseTime.unit")]),
    # blank
    ({"name": ""}, [("BLANK", "name")]),
    ({"name": " \u00a0"}, [("BLANK", "name")]),
    ({"internalName": "\u200b"}, [("BLANK", "internalName")]),
    ({"questions": [question(label=" ")]}, [("BLANK", "questions.0.label")]),
    (
        {"questions": [question(kind="SINGLE_CHOICE", options=[{"key": "a", "label": ""}])]},
        [("BLANK", "questions.0.options.0.label")],
    ),
    ({"links": [link(label="")]}, [("BLANK", "links.0.label")]),
    (
        {"standardReplies": [reply(label="", text=" ")]},
        [("BLANK", "standardReplies.0.label"), ("BLANK", "standardReplies.0.text")],
    ),
    (
        {"terms": [section(heading="", text="\n")]},
        [("BLANK", "terms.0.heading"), ("BLANK", "terms.0.text")],
    ),
    # one line
    ({"name": "A\nB"}, [("LINE_BREAK", "name")]),
    ({"internalName": "A\tB"}, [("LINE_BREAK", "internalName")]),
    ({"questions": [question(label="A\r\nB")]}, [("LINE_BREAK", "questions.0.label")]),
    ({"terms": [section(heading="A\u2028B")]}, [("LINE_BREAK", "terms.0.heading")]),
    # too much
    ({"name": "a" * 201}, [("TOO_LONG", "name")]),
    ({"internalName": "a" * 201}, [("TOO_LONG", "internalName")]),
    ({"rationale": "a" * 10_001}, [("TOO_LONG", "rationale")]),
    ({"introduction": "a" * 100_001}, [("TOO_LONG", "introduction")]),
    ({"language": "sv" + "-aaaaaaaa" * 4}, [("TOO_LONG", "language")]),
    (
        {"questions": [question(label="a" * 501, help="a" * 2001)]},
        [("TOO_LONG", "questions.0.help"), ("TOO_LONG", "questions.0.label")],
    ),
    ({"links": [link(url="https://www.1177.se/" + "a" * 1981)]}, [("TOO_LONG", "links.0.url")]),
    ({"standardReplies": [reply(text="a" * 10_001)]}, [("TOO_LONG", "standardReplies.0.text")]),
    ({"terms": [section(text="a" * 100_001)]}, [("TOO_LONG", "terms.0.text")]),
    ({"questions": [question(f"q{n}") for n in range(201)]}, [("TOO_MANY", "questions")]),
    (
        {"questions": [question(kind="SINGLE_CHOICE", options=options(*map(str, range(101))))]},
        [("TOO_MANY", "questions.0.options")],
    ),
    ({"links": [link(key=f"l{n}") for n in range(101)]}, [("TOO_MANY", "links")]),
    (
        {"standardReplies": [reply(key=f"r{n}") for n in range(201)]},
        [("TOO_MANY", "standardReplies")],
    ),
    ({"terms": [section(key=f"t{n}") for n in range(101)]}, [("TOO_MANY", "terms")]),
    (
        {"restrictions": {"countyCodes": [f"{n % 100:02}" for n in range(101)]}},
        [("TOO_MANY", "restrictions.countyCodes")],
    ),
    (
        {"restrictions": {"municipalityCodes": [f"{n:04}" for n in range(501)]}},
        [("TOO_MANY", "restrictions.municipalityCodes")],
    ),
    # keys
    ({"questions": [question("")]}, [("INVALID_KEY", "questions.0.key")]),
    ({"questions": [question("a b")]}, [("INVALID_KEY", "questions.0.key")]),
    ({"questions": [question("a\n")]}, [("INVALID_KEY", "questions.0.key")]),
    ({"questions": [question("a.b")]}, [("INVALID_KEY", "questions.0.key")]),
    ({"links": [link(key="$" * 3)]}, [("INVALID_KEY", "links.0.key")]),
    ({"standardReplies": [reply(key="a" * 65)]}, [("INVALID_KEY", "standardReplies.0.key")]),
    (
        {"questions": [question("a"), question("b"), question("a")]},
        [("DUPLICATE_KEY", "questions.2.key")],
    ),
    (
        {"questions": [question("p"), question(kind="MULTIPLE_CHOICE", options=options("a", "a"))]},
        [("DUPLICATE_KEY", "questions.1.options.1.key")],
    ),
    ({"links": [link(), link()]}, [("DUPLICATE_KEY", "links.1.key")]),
    (
        {"standardReplies": [reply(), reply(), reply()]},
        [("DUPLICATE_KEY", "standardReplies.1.key"), ("DUPLICATE_KEY", "standardReplies.2.key")],
    ),
    ({"terms": [section(), section()]}, [("DUPLICATE_KEY", "terms.1.key")]),
    # options
    ({"questions": [question(kind="SINGLE_CHOICE")]}, [("OPTIONS_MISSING", "questions.0.options")]),
    (
        {"questions": [question(kind="MULTIPLE_CHOICE", options=[])]},
        [("OPTIONS_MISSING", "questions.0.options")],
    ),
    *[
        (
            {"questions": [question(kind=kind, options=options("a"))]},
            [("OPTIONS_NOT_ALLOWED", "questions.0.options")],
        )
        for kind in ("SHORT_TEXT", "LONG_TEXT", "DATE", "NUMBER", "YES_NO", "ATTACHMENT")
    ],
    # conditions
    (
        {"questions": [question(shownIf=shown_if("x", "a"))]},
        [("CONDITION_UNKNOWN_QUESTION", "questions.0.shownIf.question")],
    ),
    (
        {"questions": [question("q", shownIf=shown_if("q", "a"))]},
        [("CONDITION_NOT_EARLIER", "questions.0.shownIf.question")],
    ),
    (
        {"questions": [question("p", shownIf=shown_if("q", "a")), question("q")]},
        [("CONDITION_NOT_EARLIER", "questions.0.shownIf.question")],
    ),
    (
        {
            "questions": [
                question("p", "SINGLE_CHOICE", options=options("a")),
                question("q", shownIf=shown_if("p", "b")),
            ]
        },
        [("CONDITION_UNKNOWN_ANSWER", "questions.1.shownIf.equals")],
    ),
    (
        {
            "questions": [
                question("p", "MULTIPLE_CHOICE", options=options("a")),
                question("q", shownIf=shown_if("p", "A")),
            ]
        },
        [("CONDITION_UNKNOWN_ANSWER", "questions.1.shownIf.equals")],
    ),
    (
        {"questions": [question("p", "YES_NO"), question("q", shownIf=shown_if("p", "kanske"))]},
        [("CONDITION_UNKNOWN_ANSWER", "questions.1.shownIf.equals")],
    ),
    (
        {"questions": [question("p", "YES_NO"), question("q", shownIf=shown_if("p", " "))]},
        [("BLANK", "questions.1.shownIf.equals")],
    ),
    (
        {"questions": [question("p"), question("q", shownIf=shown_if("p", ""))]},
        [("BLANK", "questions.1.shownIf.equals")],
    ),
    (
        {"questions": [question("p"), question("q", shownIf={"question": "p"})]},
        [("MISSING", "questions.1.shownIf.equals")],
    ),
    # without a Send button
    (
        {"submittable": False, "questions": [question("p"), question(required=True)]},
        [("REQUIRED_NOT_SUBMITTABLE", "questions.1.required")],
    ),
    # addresses; test_texts has all others
    ({"links": [link(url="javascript:alert(1)")]}, [("URL_SCHEME", "links.0.url")]),
    ({"links": [link(url="https://")]}, [("URL_HOST", "links.0.url")]),
    ({"links": [link(url="https://a@b.se")]}, [("URL_USERINFO", "links.0.url")]),
    ({"links": [link(url="https://a b.se")]}, [("URL_INVALID", "links.0.url")]),
    # rich text; test_texts has all others
    ({"introduction": "<b>"}, [("RAW_HTML", "introduction")]),
    ({"introduction": "[x](javascript:alert(1))"}, [("URL_SCHEME", "introduction")]),
    ({"terms": [section(text="`x`")]}, [("MARKDOWN_NOT_ALLOWED", "terms.0.text")]),
    ({"terms": [section(text="![](https://a.se/b)")]}, [("IMAGE_ALT_MISSING", "terms.0.text")]),
    ({"terms": [section(text="[](https://a.se/b)")]}, [("LINK_TEXT_MISSING", "terms.0.text")]),
    # language, restrictions, response time
    *[
        ({"language": tag}, [("INVALID_LANGUAGE", "language")])
        for tag in ("", "s", "svenska", "sv_SE", "sv-", "sv\n")
    ],
    (
        {"restrictions": {"countyCodes": ["01", "1"]}},
        [("INVALID_CODE", "restrictions.countyCodes.1")],
    ),
    (
        {"restrictions": {"countyCodes": ["\u0660\u0661"]}},
        [("INVALID_CODE", "restrictions.countyCodes.0")],
    ),
    (
        {"restrictions": {"municipalityCodes": ["018"]}},
        [("INVALID_CODE", "restrictions.municipalityCodes.0")],
    ),
    (
        {"restrictions": {"countyCodes": ["01", "01"]}},
        [("DUPLICATE_VALUE", "restrictions.countyCodes")],
    ),
    ({"restrictions": {"ageFrom": -1}}, [("OUT_OF_RANGE", "restrictions.ageFrom")]),
    ({"restrictions": {"ageTo": 151}}, [("OUT_OF_RANGE", "restrictions.ageTo")]),
    ({"restrictions": {"ageTo": 10**400}}, [("OUT_OF_RANGE", "restrictions.ageTo")]),
    ({"restrictions": {"ageFrom": 13, "ageTo": 12}}, [("AGE_ORDER", "restrictions.ageTo")]),
    ({"responseTime": {"amount": 0, "unit": "HOURS"}}, [("OUT_OF_RANGE", "responseTime.amount")]),
    (
        {"responseTime": {"amount": 10_001, "unit": "HOURS"}},
        [("OUT_OF_RANGE", "responseTime.amount")],
    ),
    # characters
    ({"rationale": "a\x00b"}, [("INVALID_CHARACTER", "rationale")]),
    ({"name": "a\x1b[0m"}, [("INVALID_CHARACTER", "name")]),
    ({"name": "a\x85"}, [("INVALID_CHARACTER", "name")]),
    ({"name": "a\ud800"}, [("INVALID_CHARACTER", "name")]),
    ({"introduction": "\udfff"}, [("INVALID_CHARACTER", "introduction")]),
    ({"standardReplies": [reply(text="a\x7f")]}, [("INVALID_CHARACTER", "standardReplies.0.text")]),
    # personal identity numbers, anywhere
    *[
        ({name: f"a {NUMBER}"}, [("PERSONAL_NUMBER", name)])
        for name in ("name", "internalName", "rationale", "introduction")
    ],
    ({"introduction": "880320\\-0016"}, [("PERSONAL_NUMBER", "introduction")]),
    ({"questions": [question(NUMBER)]}, [("PERSONAL_NUMBER", "questions.0.key")]),
    (
        {"questions": [question(label=NUMBER, help=NUMBER)]},
        [("PERSONAL_NUMBER", "questions.0.help"), ("PERSONAL_NUMBER", "questions.0.label")],
    ),
    (
        {"questions": [question(kind="SINGLE_CHOICE", options=[{"key": "a", "label": NUMBER}])]},
        [("PERSONAL_NUMBER", "questions.0.options.0.label")],
    ),
    (
        {"questions": [question("p"), question("q", shownIf=shown_if("p", NUMBER))]},
        [("PERSONAL_NUMBER", "questions.1.shownIf.equals")],
    ),
    ({"links": [link(url=f"https://a.se/?p={NUMBER}")]}, [("PERSONAL_NUMBER", "links.0.url")]),
    ({"links": [link(url="https://a.se/?p=880320%2D0016")]}, [("PERSONAL_NUMBER", "links.0.url")]),
    (
        {"standardReplies": [reply(label=NUMBER, text=NUMBER)]},
        [
            ("PERSONAL_NUMBER", "standardReplies.0.label"),
            ("PERSONAL_NUMBER", "standardReplies.0.text"),
        ],
    ),
    (
        {"terms": [section(heading=NUMBER, text=NUMBER)]},
        [("PERSONAL_NUMBER", "terms.0.heading"), ("PERSONAL_NUMBER", "terms.0.text")],
    ),
    # several problems at once, of single fields and of combined fields
    (
        {
            "name": "",
            "questions": [
                question("a b", "SINGLE_CHOICE"),
                question("q", shownIf=shown_if("x", NUMBER)),
            ],
            "restrictions": {"ageFrom": 9, "ageTo": -1},
        },
        [
            ("AGE_ORDER", "restrictions.ageTo"),
            ("BLANK", "name"),
            ("CONDITION_UNKNOWN_QUESTION", "questions.1.shownIf.question"),
            ("INVALID_KEY", "questions.0.key"),
            ("OPTIONS_MISSING", "questions.0.options"),
            ("OUT_OF_RANGE", "restrictions.ageTo"),
            ("PERSONAL_NUMBER", "questions.1.shownIf.equals"),
        ],
    ),
    ({"name": 1, "rationale": NUMBER}, [("PERSONAL_NUMBER", "rationale"), ("WRONG_TYPE", "name")]),
]
