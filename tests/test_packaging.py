"""The distribution has nine top-level names and locked dependencies, and is never uploaded."""

import re
import subprocess
import sys
import zipfile
from importlib import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
NAMES = (
    "application",
    "command_line",
    "execution",
    "resolvers",
    "schema",
    "server",
    "settings",
    "store",
    "transport",
)
LOCKS = ("requirements.lock", "requirements-dev.lock")


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files that the project's wheel installs."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    built = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert built.returncode == 0, built.stderr
    [wheel] = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "installed")
    return folder / "installed"


def test_the_distribution_has_nine_top_level_names(
    installed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", [str(installed)])

    assert metadata.packages_distributions() == {name: ["casetypes"] for name in NAMES}


def test_no_other_distribution_has_one_of_these_names() -> None:
    found = metadata.packages_distributions()

    assert {
        name: found[name] for name in NAMES if found.get(name, ["casetypes"]) != ["casetypes"]
    } == {}


def test_the_distribution_includes_its_data_files(installed: Path) -> None:
    data = {
        path.relative_to(ROOT) for package in NAMES for path in (ROOT / package).rglob("*.json")
    }

    assert Path("resolvers/reference/principals.json") in data
    assert [path for path in data if not (installed / path).is_file()] == []


def test_the_distribution_is_never_uploaded() -> None:
    assert "Private :: Do Not Upload" in (
        metadata.metadata("casetypes").get_all("Classifier") or []
    )


def test_the_command_is_the_composition_root() -> None:
    [command] = metadata.entry_points(group="console_scripts", name="casetypes")

    assert command.value == "server:main"


def pins(lock: str) -> dict[str, list[str]]:
    """The hashes of each locked requirement."""
    text = (ROOT / lock).read_text(encoding="utf-8").replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line and not line.lstrip().startswith("#")]
    return {
        line.split()[0]: re.findall(r"--hash=sha256:[0-9a-f]{64}(?!\S)", line) for line in lines
    }


@pytest.mark.parametrize("lock", LOCKS)
def test_every_locked_requirement_is_exact_and_has_hashes(lock: str) -> None:
    locked = pins(lock)

    assert len(locked) > 20
    assert [
        name
        for name in locked
        if not re.fullmatch(r"[A-Za-z0-9._-]+(\[[a-z0-9,-]+\])?==[^=*]+", name)
    ] == []
    assert [name for name, hashes in locked.items() if not hashes] == []


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_file_names_no_index(lock: str) -> None:
    text = (ROOT / lock).read_text(encoding="utf-8")

    assert (
        re.findall(
            r"(?m)^\s*(?:-i|-f|--\S*index\S*|--find-links|--trusted-host)\b.*|\w+://\S+", text
        )
        == []
    )


def test_the_requirements_of_a_server_are_among_those_of_development() -> None:
    assert pins("requirements.lock").items() <= pins("requirements-dev.lock").items()
