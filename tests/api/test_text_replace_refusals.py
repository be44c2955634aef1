"""`textReplace` refuses a change as a whole, with the document and path of each problem."""

import pytest

from store.records import Role
from tests.api.text_changes import SELECT, replace
from tests.callers import BJORKEN, LINDEN, STOCKHOLM, Json, problems
from tests.world import CONTENT, World

BROKEN: list[tuple[str, str, str, str]] = [
    ("Förnya recept", "", "BLANK", "content.name"),
    ("recept", "r" * 200, "TOO_LONG", "content.name"),
    ("Vilket läkemedel", "rad\nbrytning", "LINE_BREAK", "content.questions.0.label"),
    ("ditt recept", "<b>ditt</b>", "RAW_HTML", "content.introduction"),
    ("ditt recept", "{{mottagning}}", "UNKNOWN_PLACEHOLDER", "content.introduction"),
    ("ditt recept", "`kod`", "MARKDOWN_NOT_ALLOWED", "content.introduction"),
]


@pytest.mark.parametrize(("find", "by", "code", "path"), BROKEN)
async def test_a_change_that_breaks_a_rule_is_refused_with_document_and_path(
    world: World, find: str, by: str, code: str, path: str
) -> None:
    document = await world.draft(CONTENT | {"name": "Förnya recept", "internalName": "X"})
    await world.draft(CONTENT | {"name": "Annat", "internalName": "Annat"})
    before = await world.api.snapshot()

    refused = await replace(world, find, by, filter={"ids": [document]})
    whole = await replace(world, find, by)
    preview = await replace(world, find, by, dryRun=True, filter={"ids": [document]})

    assert (code, f"documents.{document}.{path}") in problems(refused)
    assert refused["documents"] is refused["batch"] is refused["event"] is None
    assert {document, world.case_type} <= {error["path"][1] for error in whole["errors"]}
    assert {"code": code, "path": ["documents", document, *path.split(".")]} in preview[
        "documents"
    ][0]["problems"]
    assert await world.api.snapshot() == before


async def test_a_personal_number_formed_by_a_change_is_refused_and_not_repeated(
    world: World,
) -> None:
    document = await world.draft(CONTENT | {"introduction": "Nummer 19121212 x 1212."})

    refused = await replace(world, " x ", "-")

    assert problems(refused) == [("PERSONAL_NUMBER", f"documents.{document}.content.introduction")]
    assert "1212" not in refused["errors"][0]["message"]


async def test_a_change_that_creates_a_link_is_refused(world: World) -> None:
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
    ("changes", "expected"),
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
async def test_an_invalid_input_is_refused(
    world: World, changes: Json, expected: list[tuple[str, str]]
) -> None:
    before = await world.api.snapshot()

    payload = await world.region.do(
        "textReplace", SELECT, **{"owner": STOCKHOLM, "find": "recept", "replace": "R"} | changes
    )

    assert problems(payload) == expected
    assert await world.api.snapshot() == before


async def test_another_owners_document_is_refused_like_a_missing_document(world: World) -> None:
    assert problems(await replace(world, "recept", "R", filter={"ids": [world.template]})) == [
        ("NOT_FOUND", "filter.ids.0")
    ]


async def test_only_callers_who_can_edit_there_replace_texts(world: World) -> None:
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
