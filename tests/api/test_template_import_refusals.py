"""Files that an import refuses: changed, malformed, or against the rules for content."""

import copy
import json
from dataclasses import replace
from typing import Any

import jsonschema
import pytest

from resolvers.kinds.case_types import CASE_TYPE_TEMPLATE
from store.records import Owner, OwnerKind
from tests.api.derived_documents import create_derived
from tests.api.template_files import SCHEMA, export_file, import_file
from tests.callers import INERA, STOCKHOLM, problems
from tests.storage.building import BY_ANNA, content, document_of
from tests.world import World

CHANGES: dict[str, tuple[list[str | int], Any, str]] = {
    "content": (["versions", 1, "content", "introduction"], "Falskt", "versions.1.hash"),
    "content that is not imported": (
        ["versions", 0, "content", "name"],
        "Falskt",
        "versions.0.hash",
    ),
    "an author": (["versions", 0, "author", "employeeHsaId"], "SE2321000016-X", "versions.0.hash"),
    "a role": (["versions", 0, "author", "role"], "REVIEWER", "versions.0.hash"),
    "a time": (["versions", 2, "createdAt"], "2020-01-01T00:00:00.000Z", "versions.2.hash"),
    "a time that does not exist": (
        ["versions", 2, "createdAt"],
        "2020-02-30T00:00:00.000Z",
        "versions.2.createdAt",
    ),
    "a note": (["versions", 2, "note"], "Annat", "versions.2.hash"),
    "a derivation": (
        ["versions", 0, "derivedFrom"],
        {"template": "tpl_000000000000000000000000", "version": 1},
        "versions.0.hash",
    ),
    "an origin": (
        ["versions", 0, "origin"],
        {
            "document": "tpl_000000000000000000000000",
            "version": 1,
            "hash": "0" * 64,
            "principal": STOCKHOLM,
        },
        "versions.0.hash",
    ),
    "a number": (["versions", 1, "number"], 3, "versions.1.number"),
    "a previous hash": (["versions", 1, "previousHash"], "0" * 64, "versions.1.previousHash"),
    "a hash": (["versions", 1, "hash"], "0" * 64, "versions.1.hash"),
    "the id": (["template", "id"], "tpl_000000000000000000000000", "versions.0.hash"),
    "the principal": (["template", "principal"], STOCKHOLM, "versions.0.hash"),
    "the newest version": (["template", "latestVersion"], 4, "template.latestVersion"),
    "the newest hash": (["template", "hash"], "0" * 64, "template.hash"),
    "very deep nesting": (
        ["versions", 0, "content", "answer"],
        json.loads("[" * 900 + "]" * 900),
        "versions.0.hash",
    ),
    "a number too large to be exact": (
        ["versions", 0, "content", "answer"],
        2**60,
        "versions.0.hash",
    ),
}
"""Changes to a file: the place, the new value, and the place that the refusal names."""


def with_value(file: dict[str, Any], where: list[str | int], value: Any) -> dict[str, Any]:
    """A copy of a file with one changed value."""
    copied = copy.deepcopy(file)
    target: Any = copied
    for step in where[:-1]:
        target = target[step]
    target[where[-1]] = value
    return copied


async def test_a_changed_file_is_refused_with_the_place(
    world: World, template_file: dict[str, Any]
) -> None:
    before = await world.api.snapshot()

    for name, (where, value, place) in CHANGES.items():
        payload = await import_file(world.other_region, with_value(template_file, where, value))
        assert problems(payload) == [("BROKEN_CHAIN", f"file.{place}")], name
    for name, versions in {
        "truncated": template_file["versions"][:2],
        "a version removed": [template_file["versions"][0], template_file["versions"][2]],
    }.items():
        payload = await import_file(world.other_region, {**template_file, "versions": versions})
        assert [error["code"] for error in payload["errors"]] == ["BROKEN_CHAIN"], name
    assert await world.api.snapshot() == before


def without(file: dict[str, Any], *where: str | int) -> dict[str, Any]:
    copied = copy.deepcopy(file)
    target: Any = copied
    for step in where[:-1]:
        target = target[step]
    del target[where[-1]]
    return copied


async def test_a_file_of_another_format_is_refused_with_the_place(
    world: World, template_file: dict[str, Any]
) -> None:
    before = await world.api.snapshot()
    cases: list[tuple[Any, list[tuple[str, str]]]] = [
        ("", [("MALFORMED", "file")]),
        ("{", [("MALFORMED", "file")]),
        ("[" * 100_000, [("MALFORMED", "file")]),
        ('{"format": NaN}', [("MALFORMED", "file")]),
        ("[]", [("UNKNOWN_FILE_FORMAT", "file.format")]),
        ({}, [("UNKNOWN_FILE_FORMAT", "file.format")]),
        (with_value(template_file, ["format"], "annat"), [("UNKNOWN_FILE_FORMAT", "file.format")]),
        (
            with_value(template_file, ["formatVersion"], 2),
            [("UNKNOWN_FILE_FORMAT", "file.formatVersion")],
        ),
        (
            with_value(template_file, ["formatVersion"], True),
            [("UNKNOWN_FILE_FORMAT", "file.formatVersion")],
        ),
        (without(template_file, "formatVersion"), [("UNKNOWN_FILE_FORMAT", "file.formatVersion")]),
        (
            with_value(template_file, ["template", "kind"], "CASE_TYPE"),
            [("UNKNOWN_FILE_FORMAT", "file.template.kind")],
        ),
        (with_value(template_file, ["extra"], 1), [("UNKNOWN_FIELD", "file.extra")]),
        (without(template_file, "template", "owner"), [("MISSING", "file.template.owner")]),
        (without(template_file, "versions", 1, "note"), [("MISSING", "file.versions.1.note")]),
        (
            with_value(template_file, ["versions", 1, "number"], "2"),
            [("WRONG_TYPE", "file.versions.1.number")],
        ),
        (
            with_value(template_file, ["versions", 1, "content"], []),
            [("WRONG_TYPE", "file.versions.1.content")],
        ),
        (
            with_value(template_file, ["versions", 1, "author", "role"], "CHEF"),
            [("UNKNOWN_VALUE", "file.versions.1.author.role")],
        ),
        (
            with_value(template_file, ["versions", 1, "hash"], "ABC"),
            [("INVALID_VALUE", "file.versions.1.hash")],
        ),
        (
            with_value(template_file, ["template", "id"], {"$ne": None}),
            [("WRONG_TYPE", "file.template.id")],
        ),
        (with_value(template_file, ["versions"], []), [("INVALID_VALUE", "file.versions")]),
        ("x" * (4 * 1024 * 1024 + 1), [("TOO_LARGE", "file")]),
    ]

    for candidate, expected in cases:
        assert problems(await import_file(world.other_region, candidate)) == expected, str(
            candidate
        )[:80]
    assert await world.api.snapshot() == before


@pytest.mark.parametrize("what", ["extra", "versions", "kind", "number", "hash", "role", "content"])
async def test_an_import_refuses_what_the_json_schema_refuses(
    world: World, template_file: dict[str, Any], what: str
) -> None:
    bad = {
        "extra": with_value(template_file, ["extra"], 1),
        "versions": with_value(template_file, ["versions"], []),
        "kind": without(template_file, "template", "kind"),
        "number": with_value(template_file, ["versions", 0, "number"], 0),
        "hash": with_value(template_file, ["versions", 0, "hash"], "g" * 64),
        "role": with_value(template_file, ["versions", 0, "author", "role"], "CHEF"),
        "content": with_value(template_file, ["versions", 0, "content"], "text"),
    }[what]

    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(bad, SCHEMA)
    assert (await import_file(world.other_region, bad))["errors"] != []


async def test_a_byte_order_mark_is_accepted(world: World, template_file: dict[str, Any]) -> None:
    assert (await import_file(world.other_region, "\ufeff" + json.dumps(template_file)))[
        "outcome"
    ] == "CREATED"


async def forged_file(world: World, **values: Any) -> dict[str, Any]:
    """A file with an intact hash chain, and content that this registry does not accept."""
    store = world.api.store
    template = await create_derived(world.national, INERA, None, kind="caseTypeTemplate")
    await store.documents.update(
        (await store.documents.get_many([template]))[template],
        edit=lambda now: {**now, **values},
        expected_version=1,
        publish=True,
        act=BY_ANNA,
    )
    return (await export_file(world.national, template))["json"]  # type: ignore[no-any-return]


async def test_imported_content_must_follow_the_rules_of_this_registry(world: World) -> None:
    number = await forged_file(world, introduction="Ring 19121212-1212")
    html = await forged_file(world, introduction="<script>alert(1)</script>")
    links = [{"key": "a", "label": "A", "url": "https://example.se", "openPage": True}]
    open_page = await forged_file(world, links=links)
    before = await world.api.snapshot()

    assert problems(await import_file(world.other_region, number)) == [
        ("PERSONAL_NUMBER", "file.versions.1.content.introduction")
    ]
    assert problems(await import_file(world.other_region, html)) == [
        ("RAW_HTML", "file.versions.1.content.introduction")
    ]
    assert problems(await import_file(world.other_region, open_page)) == [
        ("OPEN_PAGE_LINK", "file.versions.1.content.links.0.openPage")
    ]
    assert problems(await import_file(world.other_region, open_page, note="Om 19121212-1212")) == [
        ("PERSONAL_NUMBER", "note")
    ]
    assert await world.api.snapshot() == before


async def test_content_of_a_newer_kind_is_refused(world: World) -> None:
    newer = replace(CASE_TYPE_TEMPLATE, schema_version=2)
    owner = Owner(OwnerKind.PRINCIPAL, INERA)
    saved = await world.api.store.documents.create(
        newer, principal=INERA, owner=owner, content=content(), derived_from=None, act=BY_ANNA
    )
    found = await export_file(world.national, document_of(saved).id)

    assert problems(await import_file(world.other_region, found["json"])) == [
        ("UNKNOWN_FILE_FORMAT", "file.versions.0.schemaVersion")
    ]
