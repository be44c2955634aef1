"""The structure of the code: import directions, module and folder sizes, and names."""

import ast
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent
ROOT_MODULES = ("server.py", "application.py", "command_line.py", "settings.py")
LAYERS = ("transport", "execution", "schema", "resolvers", "store")
ROOMS = ("documents", "kinds", "templates", "clinics", "log", "reports")
MODULES = sorted(
    path
    for path in [
        *(ROOT / name for name in ROOT_MODULES),
        *(path for layer in LAYERS for path in (ROOT / layer).rglob("*.py")),
    ]
)
EVERY_MODULE = [
    *MODULES,
    *(path for folder in ("tests", "bench", "examples") for path in (ROOT / folder).rglob("*.py")),
]
MAX_LINES = 350
MAX_MODULES_IN_A_FOLDER = 22
REASON = "Longer than 350 lines because"
VAGUE_NAMES = {
    "utils",
    "util",
    "helpers",
    "helper",
    "common",
    "base",
    "services",
    "service",
    "manager",
    "managers",
    "misc",
}


def name_of(path: Path) -> str:
    """The path of a module within the project."""
    return str(path.relative_to(ROOT))


def tree_of(path: Path) -> ast.Module:
    """The syntax tree of a module."""
    return ast.parse(path.read_text(encoding="utf-8"))


def imported(path: Path) -> Iterator[tuple[str, str | None]]:
    """What a module imports, anywhere in it, as (module, name); name None for a whole module."""
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            yield from ((alias.name, None) for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            yield from ((node.module or "", alias.name) for alias in node.names)


def importers(package: str) -> set[str]:
    """The layers and root modules that import a package."""
    return {
        path.relative_to(ROOT).parts[0]
        for path in MODULES
        if any(module.partition(".")[0] == package for module, _ in imported(path))
    }


def contracts() -> list[dict[str, Any]]:
    """The import contracts in pyproject.toml."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    found: list[dict[str, Any]] = project["tool"]["importlinter"]["contracts"]
    return found


# ------------------------------------------------------------------ directions


def test_the_import_contracts_hold() -> None:
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache", "--no-logo"]
    linted = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )

    assert linted.returncode == 0, linted.stdout
    assert f"Contracts: {len(contracts())} kept, 0 broken." in linted.stdout
    assert len(contracts()) >= 6


def test_the_import_contract_orders_the_layers_from_transport_to_store() -> None:
    layered = [contract["layers"] for contract in contracts() if contract["type"] == "layers"]

    assert layered == [list(LAYERS)]


@pytest.mark.parametrize(
    ("package", "allowed"),
    [
        ("pymongo", {"store"}),
        ("bson", {"store"}),
        ("strawberry", {"transport", "execution", "schema", "resolvers"}),
        ("graphql", {"transport", "execution", "schema"}),
        ("starlette", {"transport", "application.py"}),
        ("uvicorn", {"transport", "server.py"}),
        ("server", set()),
        ("command_line", {"server.py"}),
        ("application", {"server.py", "command_line.py"}),
        ("settings", {"server.py", "application.py", "command_line.py"}),
    ],
)
def test_a_package_is_imported_only_where_it_belongs(package: str, allowed: set[str]) -> None:
    assert importers(package) <= allowed


def test_only_the_two_protocols_import_the_web_server() -> None:
    importing = {
        path.name
        for path in (ROOT / "transport").rglob("*.py")
        if any(module.partition(".")[0] == "uvicorn" for module, _ in imported(path))
    }

    assert importing == {"http_protocol.py", "websocket_protocol.py"}


def test_resolvers_import_nothing_of_strawberry_but_the_data_loader() -> None:
    names = {
        (module, name)
        for path in (ROOT / "resolvers").rglob("*.py")
        for module, name in imported(path)
        if module.partition(".")[0] == "strawberry"
    }

    assert names == {("strawberry.dataloader", "DataLoader")}


@pytest.mark.parametrize("layer", ["transport", "schema"])
def test_transport_and_schema_reach_the_store_only_through_resolvers(layer: str) -> None:
    """An import linter does not see `info.context.store`."""
    uses = [
        f"{name_of(path)}:{node.lineno}"
        for path in (ROOT / layer).rglob("*.py")
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Attribute) and node.attr == "store"
    ]

    assert uses == []


@pytest.mark.parametrize("layer", LAYERS[:-1])
def test_no_function_of_the_driver_is_passed_above_the_store(layer: str) -> None:
    """Layers above the store never touch its database, so they cannot pass its functions on."""
    uses = [
        f"{name_of(path)}:{node.lineno}"
        for path in (ROOT / layer).rglob("*.py")
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Attribute) and node.attr in {"database", "_database"}
    ]

    assert uses == []


def test_functions_import_only_where_the_relay_graph_is_a_circle() -> None:
    """In `schema/` by one exception in pyproject.toml, and for the optional MongoDB wheel."""
    importing = {
        name_of(path)
        for path in MODULES
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        for inner in ast.walk(node)
        if isinstance(inner, ast.Import | ast.ImportFrom)
    }

    assert {name for name in importing if not name.startswith("schema/")} == {
        "store/mongo/mongod_process.py"
    }
    assert [
        name_of(path)
        for path in (ROOT / "schema").rglob("*.py")
        if "noqa: PLC0415" in path.read_text(encoding="utf-8")
    ] == []


# ------------------------------------------------------------------ sizes and names


@pytest.mark.parametrize("layer", ["schema", "resolvers", "store"])
def test_the_three_inner_layers_have_the_same_rooms(layer: str) -> None:
    assert [room for room in ROOMS if not (ROOT / layer / room / "__init__.py").is_file()] == []


def test_a_module_over_350_lines_states_its_reason() -> None:
    long = [
        f"{name_of(path)}: {lines}"
        for path in EVERY_MODULE
        if (lines := len(path.read_text(encoding="utf-8").splitlines())) > MAX_LINES
        and REASON not in " ".join((ast.get_docstring(tree_of(path)) or "").split())
    ]

    assert long == []


def test_a_folder_has_at_most_some_20_modules() -> None:
    counts = Counter(path.parent for path in MODULES if path.parent != ROOT)

    assert {
        name_of(folder): count
        for folder, count in counts.items()
        if count > MAX_MODULES_IN_A_FOLDER
    } == {}


def test_no_module_has_a_vague_name() -> None:
    assert [
        name_of(path)
        for path in EVERY_MODULE
        if VAGUE_NAMES & {path.stem, *path.relative_to(ROOT).parts}
    ] == []


def test_no_test_package_hides_a_real_one() -> None:
    assert {path.name for path in (ROOT / "tests").iterdir()} & {*LAYERS, *ROOT_MODULES} == set()


def test_every_module_has_a_docstring() -> None:
    assert [name_of(path) for path in MODULES if not ast.get_docstring(tree_of(path))] == []
