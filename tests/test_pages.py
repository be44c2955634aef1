"""The pages of the documentation: links, examples, file names, commands and decisions."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from graphql import parse, validate

from tests.test_docs import DOCS, ROOT, SCHEMA, blocks

PAGES = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md")])
NAMES = [str(page.relative_to(ROOT)) for page in PAGES]
DECISIONS = sorted((DOCS / "decisions").glob("[0-9]*.md"))


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings."""
    headings = re.findall(
        r"(?m)^#+ (.+)$", re.sub(r"(?ms)^```.*?^```", "", page.read_text(encoding="utf-8"))
    )
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("name", NAMES)
def test_links_have_existing_targets(name: str) -> None:
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


def test_every_page_is_linked_directly_or_indirectly_from_the_readme() -> None:
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
    """The operations in the pages: in GraphQL blocks, and in the bodies of `curl` requests."""
    for name, page in zip(NAMES, PAGES, strict=True):
        yield from ((name, text) for text in blocks(page, "graphql"))
        for text in blocks(page, "sh"):
            yield from (
                (name, json.loads(body)["query"]) for body in re.findall(r"-d '(\{.*?\})'", text)
            )


def test_every_example_is_valid_against_the_schema() -> None:
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
    "schema/kinds/checklists.py",
    "resolvers/kinds/checklists.py",
    "tests/api/test_document_rename.py",
}
"""Files that CONTRIBUTING.md explains how to create."""


@pytest.mark.parametrize("name", NAMES)
def test_named_files_exist(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    named = re.findall(
        r"(?<![\w/.])((?:schema|resolvers|store|tests|examples|docs)/[\w/.-]+)", text
    )

    assert [
        path for path in named if not (ROOT / path.rstrip(".")).exists() and path not in INVENTED
    ] == []


@pytest.mark.parametrize("name", NAMES)
def test_named_commands_exist(name: str) -> None:
    targets = set(re.findall(r"(?m)^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8")))

    commands = [
        *blocks(ROOT / name, "sh"),
        *re.findall(r"`([^`\n]+)`", (ROOT / name).read_text(encoding="utf-8")),
    ]
    assert {
        target for command in commands for target in re.findall(r"(?m)^make ([a-z]+)", command)
    } <= targets


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


def test_the_index_of_decisions_has_each_with_its_title() -> None:
    text = (DOCS / "decisions" / "README.md").read_text(encoding="utf-8")

    indexed = re.findall(r"(?m)^\| \[(\d+)\]\((\S+)\) \| (.+?) \| .+ \|$", text)
    titles = {page.name: page.read_text(encoding="utf-8").splitlines()[0] for page in DECISIONS}
    assert sorted((name, f"# {number}. {title}") for number, name, title in indexed) == sorted(
        titles.items()
    )
