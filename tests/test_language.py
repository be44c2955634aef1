"""Code and documentation use the field's terms: retired names and phrases do not come back."""

import ast
import io
import re
import subprocess
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
TRACKED = [
    ROOT / name
    for name in subprocess.run(
        ["git", "ls-files", "*.py", "*.md", "*.mjs", "Makefile", "Dockerfile", "compose.yaml"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    if (ROOT / name).exists() and not name.startswith("tests/kept/")
]
PYTHON = [path for path in TRACKED if path.suffix == ".py" and path != Path(__file__)]
PAGES = [path for path in TRACKED if path.suffix == ".md"]
MAX_COLUMNS = 100

RETIRED_NAMES = {
    "Answers": "OperationExecutor",
    "AnswerLimits": "ExecutionLimits",
    "AsWas": "RegistryAsOf",
    "Birth": "NewDocument",
    "Choice": "ClinicSelector",
    "Chosen": "ResolvedClinics",
    "Exporting": "ExportEndpoint",
    "FACE": "KIND_SCHEMA",
    "FACES": "KIND_SCHEMAS",
    "Face": "KindSchema",
    "Fast": "CompiledField",
    "Gone": "ClientDisconnected",
    "Making": "FileWriter",
    "Nature": "Dependencies",
    "OpenExecutor": "TemplateExecutor",
    "OpenText": "PayloadTemplate",
    "Outlet": "Sink",
    "PolicyBook": "Policies",
    "Rates": "RateLimiter",
    "Room": "PlanBudget",
    "Roster": "SubscriptionRegistry",
    "STEADY": "CACHEABLE_FIELDS",
    "Seats": "ConnectionLimiter",
    "Several": "MultipleErrors",
    "Shape": "ContentTypes",
    "SharedWording": "SharedPayload",
    "Sight": "Visibility",
    "Turns": "ConcurrencyLimiter",
    "WhileThere": "cancel_on_disconnect",
    "Wire": "ResponseStream",
    "Wish": "the specific query",
    "Wording": "PayloadSource",
    "Wordings": "SharedPayloads",
    "apart": "run_detached",
    "asked": "the noun: query, request, requested",
    "born": "created",
    "collect_rarely": "tune_garbage_collector",
    "hand_over": "assign",
    "leaves_open": "leaves_placeholders",
    "nature_of": "dependencies_of",
    "one": "the noun",
    "roster": "subscription_registry",
    "shape_of": "content_types_of",
    "slices": "chunks",
    "some": "the noun",
    "told": "delivered, notified, or the noun",
    "told_to": "audience_of",
    "welcome": "assign_to_new_members",
    "wording": "payload",
    "wordings": "shared_payloads",
}
"""Identifiers that were replaced, with the term to use."""

RETIRED_PREFIXES = ("_MOST", "_LONGEST", "_LEAST", "_GREATEST")
"""Beginnings of constants; bounds are called MAX and MIN."""

RETIRED_MODULES = {
    "acts": "publishing",
    "answers": "executor",
    "arrivals": "assigning",
    "asking": "parameters",
    "as_was": "as_of",
    "bodies": "request_body",
    "budgets": "complexity",
    "conditional": "etags",
    "details": "event_details",
    "drifting": "drift",
    "ending": "tasks",
    "extracts": "export_queries",
    "frames": "websocket_protocol",
    "leaves": "field_paths",
    "open_execution": "payload_templates",
    "organisations": "principals, clinics",
    "places": "comparison",
    "prose": "text_fields",
    "protocols": "http_protocol",
    "rates": "rate_limits",
    "returning": "import_",
    "roster": "subscription_registry",
    "slices": "chunks",
    "sockets": "graphql_transport_ws",
    "streams": "sse",
    "stretches": "validity",
    "tokens": "search_tokens",
    "trusted": "trusted_documents",
    "weights": "complexity_weights",
    "wordings": "shared_payloads",
    "words": "text_diff",
}
"""Modules that were renamed, with their new name."""

RETIRED_PHRASES = [
    r"\bfor who (sees|may|can|asks|has)\b",
    r"\bwho sees no\b",
    r"\b(himself|herself)\b",
    r"\b(is|are|was|were|be|been) told\b(?! apart)",
    r"\btold (of|apart|what|to|by)\b",
    r"\bbehind (our|its|their) back\b",
    r"\bof whom\b",
    r"\bcomes? to nothing\b",
    r"\bno longer, and for\b",
    r"\bDid (someone|somebody)\b",
    r"\bWhere is what\b",
    r"\bempty beginning\b",
    r"\bnobody waits for\b",
    r"\bhand(s|ed)? (it |them |case types )?(over|out)\b",
    r"\bfor good\b",
    r"\bwordings?\b",
    r"\bthe same for who\b",
    r"\bas it was meant\b",
]
"""Turns of phrase that need a second reading."""


def name_of(path: Path) -> str:
    """The path of a file within the project."""
    return str(path.relative_to(ROOT))


def texts(path: Path) -> Iterator[tuple[int, str]]:
    """The strings and comments of a module, or the lines of a page, each with its line number."""
    source = path.read_text(encoding="utf-8")
    if path.suffix != ".py":
        yield from enumerate(source.splitlines(), start=1)
        return
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type in (tokenize.STRING, tokenize.COMMENT):
            yield token.start[0], token.string


@pytest.mark.parametrize("path", PYTHON, ids=name_of)
def test_no_retired_name_is_used(path: Path) -> None:
    tokens = tokenize.generate_tokens(io.StringIO(path.read_text(encoding="utf-8")).readline)

    used = {
        (token.start[0], token.string, RETIRED_NAMES.get(token.string, "MAX_… or MIN_…"))
        for token in tokens
        if token.type == tokenize.NAME
        and (token.string in RETIRED_NAMES or token.string.startswith(RETIRED_PREFIXES))
    }
    assert used == set()


def test_no_module_of_the_program_has_a_retired_name() -> None:
    program = [path for path in PYTHON if name_of(path).split("/")[0] not in {"tests", "bench"}]

    assert {
        name_of(path): RETIRED_MODULES[path.stem]
        for path in program
        if path.stem in RETIRED_MODULES
    } == {}


@pytest.mark.parametrize("path", [*PYTHON, *PAGES], ids=name_of)
def test_no_retired_phrase_is_written(path: Path) -> None:
    found = [
        f"{line}: {phrase[0]}"
        for line, text in texts(path)
        for retired in RETIRED_PHRASES
        if (phrase := re.search(retired, text)) is not None
    ]
    assert found == []


@pytest.mark.parametrize("path", PYTHON, ids=name_of)
def test_no_docstring_starts_with_the_same(path: Path) -> None:
    documented = [
        node
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    assert [
        text
        for node in documented
        if (text := ast.get_docstring(node) or "").startswith("The same")
    ] == []


@pytest.mark.parametrize("path", TRACKED, ids=name_of)
def test_lines_have_at_most_100_columns(path: Path) -> None:
    """Rows of tables, links that cannot be broken, and samples of output are exempt in pages."""
    fence = None
    long = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if path.suffix == ".md" and line.startswith("```"):
            fence = line[3:].strip() if fence is None else None
        exempt = path.suffix == ".md" and (
            line.startswith("|") or fence in {"", "json"} or not re.search(r"\S \S", line.strip())
        )
        pragma = re.search(r"  # (noqa|type: ignore)", line)
        if len(line[: pragma.start()] if pragma else line) > MAX_COLUMNS and not exempt:
            long.append(number)
    assert long == []
