"""Code and documentation use the field's terms: retired names and phrases do not come back."""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
FOLDERS = (
    "transport",
    "execution",
    "schema",
    "resolvers",
    "store",
    "tests",
    "bench",
    "docs",
    "examples",
)
TRACKED = [
    path
    for path in [*ROOT.iterdir(), *(path for name in FOLDERS for path in (ROOT / name).rglob("*"))]
    if (path.suffix in {".py", ".md", ".mjs"} or path.name in {"Makefile", "Dockerfile"})
    and not {"kept", "node_modules"} & set(path.relative_to(ROOT).parts[:-1])
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


def test_no_retired_name_is_used() -> None:
    used = {
        (name_of(path), token.start[0], token.string, RETIRED_NAMES.get(token.string, "MAX_, MIN_"))
        for path in PYTHON
        for token in tokenize.generate_tokens(io.StringIO(path.read_text("utf-8")).readline)
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


def test_no_retired_phrase_is_written() -> None:
    phrases = re.compile("|".join(f"(?:{phrase})" for phrase in RETIRED_PHRASES))

    assert [
        (name_of(path), line, found[0])
        for path in [*PYTHON, *PAGES]
        for line, text in texts(path)
        for found in phrases.finditer(text)
    ] == []


def test_no_docstring_starts_with_the_same() -> None:
    documented = [
        (name_of(path), ast.get_docstring(node) or "")
        for path in PYTHON
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
    ]

    assert [name for name, text in documented if text.startswith("The same")] == []


def too_long(path: Path) -> Iterator[int]:
    """The numbers of a file's lines over 100 columns.

    Comments for linters are not counted. In pages, rows of tables, links that cannot be broken and
    samples of output are exempt.
    """
    fence = None
    is_page = path.suffix == ".md"
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if is_page and line.startswith("```"):
            fence = line[3:].strip() if fence is None else None
        exempt = is_page and (
            line.startswith("|") or fence in {"", "json"} or not re.search(r"\S \S", line.strip())
        )
        pragma = re.search(r"  # (noqa|type: ignore)", line)
        if len(line[: pragma.start()] if pragma else line) > MAX_COLUMNS and not exempt:
            yield number


def test_lines_have_at_most_100_columns() -> None:
    assert {name_of(path): lines for path in TRACKED if (lines := list(too_long(path)))} == {}
