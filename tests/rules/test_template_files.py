"""The template file: what is written is read back, and every change to it is detected."""

import copy
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolvers.kinds.case_types import CASE_TYPE_TEMPLATE
from resolvers.kinds.validation import validate
from resolvers.templates import files
from store.content.hashing import hash_of
from store.documents.heads import LogPosition, NewDocument, created, put_in_force, revised
from store.errors import InvalidInput
from store.records import (
    Act,
    Actor,
    Content,
    Derivation,
    Document,
    Origin,
    Owner,
    OwnerKind,
    Role,
    Version,
)
from tests.test_docs import DOCS

SCHEMA = json.loads((DOCS / "formats" / "template-file.schema.json").read_text(encoding="utf-8"))
INERA = "SE5565594230"
AT = datetime(2026, 11, 25, 12, 0, 0, 1000, tzinfo=UTC)
NILS = Act(Actor(Role.NATIONAL_ADMINISTRATOR, INERA, f"{INERA}-NN"), "Första")
NEW_TEMPLATE = NewDocument(
    f"tpl_{1:024x}", CASE_TYPE_TEMPLATE, INERA, Owner(OwnerKind.PRINCIPAL, INERA)
)
NOT_COVERED = {
    ("exportedAt",),
    ("template", "principalName"),
    ("template", "owner"),
    ("template", "publishedVersion"),
}
"""Fields that no hash covers; an import uses them only to choose a version."""


def content(introduction: str, name: str = "Förnya recept") -> Content:
    question = {"key": "datum", "label": "När?", "kind": "DATE", "required": True}
    return validate(
        CASE_TYPE_TEMPLATE,
        {"name": name, "internalName": "FR", "introduction": introduction, "questions": [question]},
    )


def history(introductions: list[str]) -> tuple[Document, list[Version]]:
    """A template with a version for each introduction; the first one is in force.

    The first version is derived from a template, the second is imported.
    """
    derived = Derivation(f"tpl_{2:024x}", 3)
    head, version = created(
        NEW_TEMPLATE,
        content(introductions[0]),
        derived_from=derived,
        act=NILS,
        position=LogPosition(AT, 1),
    )
    head = put_in_force(
        CASE_TYPE_TEMPLATE,
        head,
        number=1,
        content=version.content,
        schema_version=1,
        first_time=True,
        at=AT,
    )
    versions = [version]
    for number, introduction in enumerate(introductions[1:], 2):
        origin = Origin(f"tpl_{3:024x}", number, "a" * 64, "SE2321000016") if number == 2 else None
        head, version = revised(
            CASE_TYPE_TEMPLATE,
            head,
            content(introduction),
            act=NILS,
            position=LogPosition(AT, number),
            derived_from=None,
            restored_from=None,
            origin=origin,
        )
        versions.append(version)
    return head, versions


def file_of(introductions: list[str]) -> dict[str, Any]:
    head, versions = history(introductions)
    whole: dict[str, Any] = json.loads(files.write(head, "Inera", versions, at=AT))
    return whole


WHOLE = file_of(["Ett", "Två", "Tre"])


def paths(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """The path of every value in a file, lists and objects included."""
    if path:
        yield path
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from paths(inner, (*path, name))
    if isinstance(value, list):
        for index, inner in enumerate(value):
            yield from paths(inner, (*path, index))


texts = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=30).filter(
    lambda text: not any(mark in text for mark in "<>[]()`*_#{}&\\|~!")
)


@given(st.lists(texts.map(lambda text: f"Text {text}"), min_size=1, max_size=4, unique=True))
def test_a_file_is_valid_for_the_json_schema_and_is_read_back(introductions: list[str]) -> None:
    try:
        head, versions = history(introductions)
    except InvalidInput:  # a drawn text can break a rule of content
        return
    text = files.write(head, "Inera", versions, at=AT).decode()

    jsonschema.validate(json.loads(text), SCHEMA)
    for number, version in enumerate(versions, 1):
        imported = files.read(text, CASE_TYPE_TEMPLATE, number)
        assert replace(imported.version, sequence=version.sequence) == version
        assert (imported.index, imported.content) == (number - 1, version.content)
        assert imported.origin == Origin(head.id, number, version.hash, INERA)
    assert files.read(text, CASE_TYPE_TEMPLATE, None).version.number == 1, "the one in force"


@given(
    st.sampled_from(list(paths(WHOLE))),
    st.sampled_from(
        [
            None,
            True,
            False,
            0,
            1,
            2,
            1.5,
            "",
            "annat",
            "SE2321000016",
            "0" * 64,
            [],
            {},
            {"name": "x"},
        ]
    ),
)
def test_every_change_of_a_file_is_detected_with_its_path(
    path: tuple[str | int, ...], value: Any
) -> None:
    changed = copy.deepcopy(WHOLE)
    target: Any = changed
    for step in path[:-1]:
        target = target[step]
    unchanged = type(target[path[-1]]) is type(value) and target[path[-1]] == value
    target[path[-1]] = value

    if unchanged or (
        path in NOT_COVERED and jsonschema.Draft202012Validator(SCHEMA).is_valid(changed)
    ):
        assert files.read(json.dumps(changed), CASE_TYPE_TEMPLATE, 1).version.number == 1
        return
    with pytest.raises(InvalidInput) as refusal:
        files.read(json.dumps(changed), CASE_TYPE_TEMPLATE, 1)
    assert all(problem.path[0] == "file" for problem in refusal.value.problems)


@given(
    st.text(max_size=200)
    | st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(), st.lists, max_leaves=10
    ).map(json.dumps)
)
def test_any_other_text_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        files.read(text, CASE_TYPE_TEMPLATE, None)
    assert [problem.path[0] for problem in refusal.value.problems] == ["file"]


def test_versions_in_another_order_are_refused() -> None:
    whole = {**WHOLE, "versions": [WHOLE["versions"][index] for index in (1, 0, 2)]}

    with pytest.raises(InvalidInput) as refusal:
        files.read(json.dumps(whole), CASE_TYPE_TEMPLATE, None)

    assert [(problem.code, problem.path) for problem in refusal.value.problems] == [
        ("BROKEN_CHAIN", ("file", "versions", "0", "number"))
    ]


def test_only_an_imported_versions_hash_covers_an_origin() -> None:
    first, second, third = history(["Ett", "Två", "Tre"])[1]

    assert [
        hash_of(replace(version, origin=None)) == version.hash for version in (first, second, third)
    ] == [True, False, True]
