"""The way down is one way: who may import whom, how large a module gets, what none is called."""

import ast
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ROOT_MODULES = ("server.py", "application.py", "command_line.py", "settings.py")
LAYERS = ("transport", "execution", "schema", "resolvers", "store")
MODULES = sorted(
    path
    for path in [
        ROOT / "server.py",
        *(path for layer in LAYERS for path in (ROOT / layer).rglob("*.py")),
    ]
)
NAMELESS = {
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


def imported(path: Path) -> Iterator[tuple[str, str | None]]:
    """What a module imports, anywhere in it: (module, name), name None for a whole module."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((alias.name, None) for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            yield from ((node.module or "", alias.name) for alias in node.names)


def importers(package: str) -> set[str]:
    """The parts of the program that import a package."""
    return {
        path.relative_to(ROOT).parts[0]
        for path in MODULES
        if any(module.partition(".")[0] == package for module, _ in imported(path))
    }


def test_the_import_contracts_hold() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"][
        "importlinter"
    ]["contracts"]

    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache", "--no-logo"]
    linted = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )

    assert linted.returncode == 0, linted.stdout
    assert f"Contracts: {len(contracts)} kept, 0 broken." in linted.stdout
    assert len(contracts) >= 5


def test_the_import_contract_orders_the_layers_from_the_contract_down_to_mongodb() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"][
        "importlinter"
    ]["contracts"]

    assert [contract["layers"] for contract in contracts if contract["type"] == "layers"] == [
        list(LAYERS)
    ]


@pytest.mark.parametrize(
    ("package", "allowed"),
    [
        ("pymongo", {"store"}),
        ("bson", {"store"}),
        ("strawberry", {"transport", "execution", "schema", "resolvers"}),
        ("graphql", {"transport", "execution", "schema"}),
        ("starlette", {"transport", "execution", "schema", *ROOT_MODULES}),
        ("uvicorn", {"transport", "schema", *ROOT_MODULES}),
        ("server", set()),
        ("command_line", {"server.py"}),
        ("application", {"server.py", "command_line.py"}),
        ("settings", set(ROOT_MODULES)),
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


def test_resolvers_take_nothing_of_strawberry_but_the_data_loader() -> None:
    taken = {
        (module, name)
        for path in (ROOT / "resolvers").rglob("*.py")
        for module, name in imported(path)
        if module.partition(".")[0] == "strawberry"
    }

    assert taken == {("strawberry.dataloader", "DataLoader")}


def test_no_module_is_longer_than_500_lines() -> None:
    long = {
        str(path.relative_to(ROOT)): lines
        for path in MODULES
        if (lines := len(path.read_text(encoding="utf-8").splitlines())) > 500
    }

    assert long == {}


def test_no_module_has_a_name_that_says_nothing() -> None:
    everything = [*MODULES, *(ROOT / "tests").rglob("*.py"), *(ROOT / "examples").rglob("*.py")]

    assert [
        str(path.relative_to(ROOT))
        for path in everything
        if NAMELESS & {path.stem, *path.relative_to(ROOT).parts}
    ] == []


def test_no_test_package_hides_a_real_one() -> None:
    assert {path.name for path in (ROOT / "tests").iterdir()} & {*LAYERS, *ROOT_MODULES} == set()


def test_every_module_says_what_it_is() -> None:
    assert [
        str(path.relative_to(ROOT))
        for path in MODULES
        if not ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    ] == []
