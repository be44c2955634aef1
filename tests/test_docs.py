"""The documentation tells what the code does: settings, errors, words, rights, indexes, links and
examples.
"""

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from bson import json_util
from graphql import (
    build_schema,
    is_enum_type,
    is_interface_type,
    is_object_type,
    is_union_type,
    parse,
    validate,
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
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md")])
NAMES = [str(page.relative_to(ROOT)) for page in PAGES]
SCHEMA = build_schema(registry.as_str())


def rows(page: str, heading: str | None = None) -> list[list[str]]:
    """The cells of all tables of a page, or of those under one heading; without the header rows."""
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
    """What stands in a cell as code."""
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

NEVER_TOLD = {"INVALID_INPUT", "ROWS_REFUSED", "SEVERAL"}
"""Codes of exceptions whose problems or rows have codes of their own."""

REFUSED_IN_SCHEMA = {"NOT_IN_RULE"}
"""User errors of what only the API's input types can tell, and the stored records have no field
for.
"""


def literals(layer: str) -> Iterator[str]:
    """The strings in a layer's code that look like codes and are none of the API's enum values,
    kinds or scalars.
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
                told = node.value
                if (
                    re.fullmatch(r"[A-Z][A-Z_]{3,}", told)
                    and told not in values
                    and told not in SCHEMA.type_map
                    and not is_kind(told)
                ):
                    yield told


def is_kind(text: str) -> bool:
    """Whether it is the name of a kind of document."""
    try:
        return KINDS[text].name == text
    except KeyError:
        return False


def test_every_error_code_is_documented_and_no_other() -> None:
    documented = [code(cells[0]) for cells in rows("errors.md")]

    in_code = (
        {
            told
            for layer in ("transport", "execution", "schema", "resolvers", "store")
            for told in literals(layer)
        }
        | set(RefusalReason)
        | set(CODES)
    )
    assert sorted(documented) == sorted(in_code - NEVER_TOLD)


def test_the_top_level_errors_are_those_of_the_schema_layer() -> None:
    documented = {code(cells[0]) for cells in rows("errors.md", "Top-level errors")}

    assert (
        documented
        == {told for layer in ("transport", "execution", "schema") for told in literals(layer)}
        - set(CODES)
        - REFUSED_IN_SCHEMA
    )


def test_the_reasons_for_refused_rows_are_all_told() -> None:
    assert [code(cells[0]) for cells in rows("errors.md", "Rows of a distribution")] == list(
        RefusalReason
    )


def test_the_codes_of_content_are_explained_in_the_codes_own_words() -> None:
    assert {code(cells[0]): cells[1] for cells in rows("errors.md", "Content")} == CODES


def test_every_error_says_what_to_do() -> None:
    assert [cells for cells in rows("errors.md") if len(cells) != 3 or not all(cells)] == []


# ------------------------------------------------------------------ words, rights, indexes


def test_every_public_type_has_its_swedish_word() -> None:
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


def test_the_table_of_rights_is_the_codes() -> None:
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


def test_the_data_dictionary_is_made_from_the_code() -> None:
    assert (DOCS / "data-dictionary.md").read_text(encoding="utf-8") == data_dictionary.page(), (
        "run: make dictionary"
    )


# ------------------------------------------------------------------ verifying offline


def verified_offline(versions: Sequence[Mapping[str, Any]], folder: Path) -> tuple[int, str]:
    """What the program in docs/storage.md says of versions as they are stored and exported."""
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

    code, said = verified_offline(stored, tmp_path)

    assert code == 0, said
    assert f"{world.case_type} 2 {last}\n" in said
    assert len(said.splitlines()) == 2


async def test_a_changed_version_is_found_offline(world: World, tmp_path: Path) -> None:
    await world.edit(world.case_type, 1, introduction="Nytt.")
    await world.api.store.database["versions"].update_one(
        {"document": world.case_type, "number": 2}, {"$set": {"content.introduction": "Annat."}}
    )
    stored = await world.api.store.database.find(
        "versions", {}, sort=[("document", 1), ("number", 1)]
    )

    code, said = verified_offline(stored, tmp_path)

    assert (code, said) == (1, f"{world.case_type}: broken at version 2\n")


# ------------------------------------------------------------------ links, examples, commands


def anchors(page: Path) -> set[str]:
    """The headings of a page as links name them."""
    headings = re.findall(
        r"(?m)^#+ (.+)$", re.sub(r"(?ms)^```.*?^```", "", page.read_text(encoding="utf-8"))
    )
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("name", NAMES)
def test_links_lead_somewhere(name: str) -> None:
    page = ROOT / name
    broken = []
    for target in re.findall(
        r"(?<!!)\]\(([^)\s]+)\)",
        re.sub(r"(?ms)^```.*?^```|`[^`\n]*`", "", page.read_text(encoding="utf-8")),
    ):
        path, _, anchor = target.partition("#")
        found = page.parent / path if path else page
        if not found.exists() or (anchor and anchor not in anchors(found)):
            broken.append(target)

    assert broken == []


def test_every_page_can_be_reached_from_the_readme() -> None:
    reached, waiting = set(), [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        if page not in reached:
            reached.add(page)
            waiting += [
                (page.parent / link).resolve()
                for link in re.findall(r"\]\(([^)#\s]+\.md)", page.read_text(encoding="utf-8"))
            ]

    assert set(PAGES) - reached == set()


def operations() -> Iterator[tuple[str, str]]:
    """The GraphQL in the pages: in blocks of its own, and in the bodies of curl's requests."""
    for name, page in zip(NAMES, PAGES, strict=True):
        yield from ((name, text) for text in blocks(page, "graphql"))
        for text in blocks(page, "sh"):
            yield from (
                (name, json.loads(body)["query"]) for body in re.findall(r"-d '(\{.*?\})'", text)
            )


def test_every_example_fits_the_schema() -> None:
    examples = list(operations())

    guides = {
        f"docs/guides/{name}.md"
        for name in (
            "clinic",
            "integrators",
            "national-management",
            "regional-administrator",
            "reporting",
        )
    }
    assert {name for name, _ in examples} == {"README.md", "docs/api.md", *guides}
    assert [
        (name, error.message) for name, text in examples for error in validate(SCHEMA, parse(text))
    ] == []


INVENTED = {
    "schema/checklists.py",
    "resolvers/kinds/checklists.py",
    "tests/api/test_document_rename.py",
}
"""Files that CONTRIBUTING.md tells how to make."""


@pytest.mark.parametrize("name", NAMES)
def test_files_that_are_named_exist(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    named = re.findall(
        r"(?<![\w/.])((?:schema|resolvers|store|tests|examples|docs)/[\w/.-]+)", text
    )

    assert [
        path for path in named if not (ROOT / path.rstrip(".")).exists() and path not in INVENTED
    ] == []


@pytest.mark.parametrize("name", NAMES)
def test_commands_that_are_named_exist(name: str) -> None:
    targets = set(re.findall(r"(?m)^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8")))

    commands = [
        *blocks(ROOT / name, "sh"),
        *re.findall(r"`([^`\n]+)`", (ROOT / name).read_text(encoding="utf-8")),
    ]
    assert {
        target for command in commands for target in re.findall(r"(?m)^make ([a-z]+)", command)
    } <= targets


DECISIONS = sorted((DOCS / "decisions").glob("[0-9]*.md"))


@pytest.mark.parametrize("page", DECISIONS, ids=lambda page: page.stem)
def test_a_decision_has_context_decision_consequences_and_alternatives(page: Path) -> None:
    number = int(page.name[:4])

    assert re.findall(r"(?m)^#+ .*$", page.read_text(encoding="utf-8"))[1:] == [
        "## Context",
        "## Decision",
        "## Consequences",
        "## Alternatives",
    ]
    assert page.read_text(encoding="utf-8").startswith(f"# {number}. ")


def test_decisions_are_numbered_without_a_gap() -> None:
    assert [int(page.name[:4]) for page in DECISIONS] == list(range(1, len(DECISIONS) + 1))


def test_the_index_of_decisions_names_each_with_its_title() -> None:
    text = (DOCS / "decisions" / "README.md").read_text(encoding="utf-8")

    indexed = re.findall(r"(?m)^\| \[(\d+)\]\((\S+)\) \| (.+?) \| .+ \|$", text)
    titles = {page.name: page.read_text(encoding="utf-8").splitlines()[0] for page in DECISIONS}
    assert sorted((name, f"# {number}. {title}") for number, name, title in indexed) == sorted(
        titles.items()
    )
