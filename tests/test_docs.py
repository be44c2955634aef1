"""The reference pages agree with the code: settings, errors, terms, permissions and indexes."""

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from bson import json_util
from graphql import (
    build_schema,
    is_enum_type,
    is_interface_type,
    is_object_type,
    is_union_type,
)

from resolvers.access.permissions import PERMISSIONS, Permission
from resolvers.exports import data_dictionary
from resolvers.kinds.registrations import KINDS
from resolvers.kinds.validation import CODES
from schema.registry import schema as registry
from settings import Settings
from store.mongo.indexes import INDEXES
from store.records import RefusalReason, Role
from tests.world import World

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"

SCHEMA = build_schema(registry.as_str())


def rows(page: str, heading: str | None = None) -> list[list[str]]:
    """The cells of a page's tables, or of those under a heading, without the header rows."""
    text = (DOCS / page).read_text(encoding="utf-8")
    if heading is not None:
        text = text.split(f"## {heading}\n")[1].split("\n## ")[0]
    tables = re.findall(r"(?m)^\|.*\|\n\|[-|]+\|\n((?:\|.*\|\n?)+)", text)
    return [
        [cell.strip() for cell in line.strip("|").split("|")]
        for table in tables
        for line in table.splitlines()
    ]


def code(cell: str) -> str:
    """The code at the start of a cell."""
    assert cell.startswith("`"), cell
    return cell.split("`")[1]


def blocks(page: Path, language: str) -> list[str]:
    """The code blocks of one language."""
    return re.findall(rf"(?ms)^```{language}\n(.*?)^```", page.read_text(encoding="utf-8"))


# ------------------------------------------------------------------ settings


def test_every_setting_is_documented_with_its_default() -> None:
    def written(default: object) -> str:
        if default is None:
            return "none"
        if default == {role.value: role for role in Role}:
            return "every role by its own name"
        return f"`{json.dumps(default) if isinstance(default, bool | tuple) else default}`"

    documented = {code(cells[0]): cells[1] for cells in rows("settings.md")}

    assert documented == {
        f"CASETYPES_{name.upper()}": written(field.default)
        for name, field in Settings.model_fields.items()
    }


# ------------------------------------------------------------------ errors

INTERNAL_CODES = {"INVALID_INPUT", "ROWS_REFUSED", "SEVERAL"}
"""Codes of exceptions that callers do not get: their problems or rows have codes of their own."""

REFUSED_IN_SCHEMA = {"NOT_IN_RULE"}
"""User errors about fields that only the API's input types have, and not the stored records."""


def literals(layer: str) -> Iterator[str]:
    """The strings in the code of a layer that look like error codes.

    Names of enum values, kinds and scalars of the API are left out.
    """
    values = {
        value for kind in SCHEMA.type_map.values() if is_enum_type(kind) for value in kind.values
    }
    for path in (ROOT / layer).rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        exported = {
            id(constant)
            for node in tree.body
            if isinstance(node, ast.Assign)
            and isinstance(node.targets[0], ast.Name)
            and node.targets[0].id == "__all__"
            for constant in ast.walk(node)
        }
        for node in ast.walk(tree):
            if (
                isinstance(node, ast.Constant)
                and isinstance(node.value, str)
                and id(node) not in exported
            ):
                literal = node.value
                if (
                    re.fullmatch(r"[A-Z][A-Z_]{3,}", literal)
                    and literal not in values
                    and literal not in SCHEMA.type_map
                    and not is_kind(literal)
                ):
                    yield literal


def is_kind(text: str) -> bool:
    """Whether a text is the name of a kind of document."""
    try:
        return KINDS[text].name == text
    except KeyError:
        return False


def test_every_error_code_is_documented_and_no_other() -> None:
    documented = [code(cells[0]) for cells in rows("errors.md")]

    in_code = (
        {
            literal
            for layer in ("transport", "execution", "schema", "resolvers", "store")
            for literal in literals(layer)
        }
        | set(RefusalReason)
        | set(CODES)
    )
    assert sorted(documented) == sorted(in_code - INTERNAL_CODES)


def test_the_top_level_errors_are_those_of_the_schema_layer() -> None:
    documented = {code(cells[0]) for cells in rows("errors.md", "Top-level errors")}

    assert (
        documented
        == {
            literal for layer in ("transport", "execution", "schema") for literal in literals(layer)
        }
        - set(CODES)
        - REFUSED_IN_SCHEMA
    )


def test_every_reason_for_a_refused_row_is_documented() -> None:
    assert [code(cells[0]) for cells in rows("errors.md", "Rows of a distribution")] == list(
        RefusalReason
    )


def test_the_explanations_of_content_codes_are_those_of_the_code() -> None:
    assert {code(cells[0]): cells[1] for cells in rows("errors.md", "Content")} == CODES


def test_every_error_is_documented_with_what_to_do() -> None:
    assert [cells for cells in rows("errors.md") if len(cells) != 3 or not all(cells)] == []


# ------------------------------------------------------------------ terms, permissions, indexes


def test_every_public_type_has_its_swedish_term() -> None:
    types = {
        name
        for name, kind in SCHEMA.type_map.items()
        if (is_object_type(kind) or is_interface_type(kind) or is_union_type(kind))
        and not name.startswith("__")
        and not name.endswith(("Connection", "Edge", "Payload"))
    }
    documented = [cells for cells in rows("glossary.md") if cells[0].startswith("`")]

    assert [code(cells[0]) for cells in documented] == sorted(
        types - {"Query", "Mutation", "Subscription"}
    )
    assert [cells for cells in documented if not all(cells)] == []


def test_the_table_of_permissions_is_that_of_the_code() -> None:
    text = (DOCS / "access.md").read_text(encoding="utf-8")
    roles = [
        Role(name)
        for name in re.findall(
            r"`(\w+)`", next(line for line in text.splitlines() if line.startswith("| Permission"))
        )
    ]

    documented = {
        Permission[code(cells[0])]: {
            role
            for role, cell in zip(roles, cells[2:], strict=True)
            if {"yes": True, "–": False}[cell]
        }
        for cells in rows("access.md", "Roles and permissions")
    }

    assert set(roles) == set(Role)
    assert documented == {
        permission: {role for role in Role if permission in PERMISSIONS[role]}
        for permission in Permission
    }


def test_every_collection_and_index_is_documented() -> None:
    collections = {code(cells[0]) for cells in rows("storage.md", "Collections")}
    indexes = sorted(
        (code(cells[0]), code(cells[1]), "(unique" in cells[1])
        for cells in rows("storage.md", "Indexes")
    )

    assert collections == set(INDEXES)
    assert indexes == sorted(
        (name, ", ".join(model.document["key"]), bool(model.document.get("unique")))
        for name, models in INDEXES.items()
        for model in models
    )


def test_the_data_dictionary_is_generated_from_the_code() -> None:
    assert (DOCS / "data-dictionary.md").read_text(encoding="utf-8") == data_dictionary.page(), (
        "run: make dictionary"
    )


# ------------------------------------------------------------------ verifying offline


def verified_offline(versions: Sequence[Mapping[str, Any]], folder: Path) -> tuple[int, str]:
    """Run the program in docs/storage.md on versions in the form in which they are stored.

    Returns its exit code and its output.
    """
    [program] = blocks(DOCS / "storage.md", "python")
    lines = [json_util.dumps(row, json_options=json_util.RELAXED_JSON_OPTIONS) for row in versions]
    (folder / "verify.py").write_text(program, encoding="utf-8")
    (folder / "versions.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "verify.py", "versions.jsonl"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


async def test_a_history_is_verified_offline_as_documented(world: World, tmp_path: Path) -> None:
    last = (await world.edit(world.case_type, 1, introduction="Nytt."))["version"]["hash"]
    stored = await world.api.store.database.find(
        "versions", {}, sort=[("document", 1), ("number", 1)]
    )

    exit_code, output = verified_offline(stored, tmp_path)

    assert exit_code == 0, output
    assert f"{world.case_type} 2 {last}\n" in output
    assert len(output.splitlines()) == 2


async def test_a_changed_version_is_found_offline(world: World, tmp_path: Path) -> None:
    await world.edit(world.case_type, 1, introduction="Nytt.")
    await world.api.store.database["versions"].update_one(
        {"document": world.case_type, "number": 2}, {"$set": {"content.introduction": "Annat."}}
    )
    stored = await world.api.store.database.find(
        "versions", {}, sort=[("document", 1), ("number", 1)]
    )

    exit_code, output = verified_offline(stored, tmp_path)

    assert (exit_code, output) == (1, f"{world.case_type}: broken at version 2\n")
