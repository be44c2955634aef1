"""The packages of a server are locked, listed with their licences, and audited."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.audit import ROOT, main, summary

ALLOWED = {
    *(
        "Apache Software License",
        "Apache Software License; MIT License",
        "Apache-2.0",
        "Apache-2.0 AND BSD-2-Clause",
        "Apache-2.0 OR BSD-2-Clause",
    ),
    *(
        "Apache-2.0 OR BSD-3-Clause",
        "BSD License",
        "BSD-2-Clause",
        "BSD-3-Clause",
        "ISC",
        "ISC License (ISCL)",
        "MIT",
        "MIT License",
    ),
    *("MIT OR Apache-2.0", "MIT-0", "MPL-2.0 AND (Apache-2.0 OR MIT)", "PSF-2.0"),
    "GNU Lesser General Public License v2 or later (LGPLv2+)",  # used as a library, unchanged
}
"""In the spelling of the packages' metadata."""


def locked() -> dict[str, str]:
    """The versions that `requirements.lock` installs on this kind of machine, by package name."""
    lines = re.findall(
        r"(?m)^([a-z0-9].*?)(?:\s*\\)?$", (ROOT / "requirements.lock").read_text(encoding="utf-8")
    )
    requirements = [Requirement(line) for line in lines]
    return {
        requirement.name: next(iter(requirement.specifier)).version
        for requirement in requirements
        if requirement.marker is None or requirement.marker.evaluate()
    }


def licences() -> dict[str, tuple[str, str]]:
    """The version and licence of each package on the page of licences, by name."""
    rows = re.findall(
        r"(?m)^\| (\S+) +\| (\S+) +\| (.+?) +\|$",
        (ROOT / "docs" / "licences.md").read_text(encoding="utf-8"),
    )
    return {
        canonicalize_name(name): (version, licence)
        for name, version, licence in rows
        if name != "Name"
    }


def test_the_page_of_licences_lists_the_locked_versions() -> None:
    assert {name: version for name, (version, _) in licences().items()} == locked()
    assert len(locked()) > 40


def test_every_licence_is_an_allowed_one() -> None:
    assert {
        name: licence for name, (_, licence) in licences().items() if licence not in ALLOWED
    } == {}


def test_the_bill_of_materials_has_every_locked_package(tmp_path: Path) -> None:
    bill = tmp_path / "sbom.cdx.json"
    command = [
        str(Path(sys.executable).with_name("cyclonedx-py")),
        "environment",
        "--output-reproducible",
        "-o",
        str(bill),
        sys.executable,
    ]
    subprocess.run(command, cwd=ROOT, check=True, timeout=100, capture_output=True)

    found = json.loads(bill.read_text(encoding="utf-8"))

    assert found["bomFormat"] == "CycloneDX"
    versions: dict[str, str] = {
        canonicalize_name(component["name"]): component["version"]
        for component in found["components"]
    }
    assert {name: versions.get(name) for name in locked()} == locked()


def test_an_audit_without_an_advisory_database_reports_that_and_does_not_fail(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))

    assert main() == 0
    assert capsys.readouterr().out == "SKIPPED: no advisory database can be reached.\n"


def test_an_unreadable_lock_file_fails_the_audit(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "broken.lock").write_text("starlette>=1\n")

    assert main(tmp_path / "broken.lock") == 2
    assert "starlette" in capsys.readouterr().err


def test_the_audit_names_known_vulnerabilities_and_counts_unknown_packages() -> None:
    weak = {
        "name": "jinja2",
        "version": "2.11.1",
        "vulns": [{"id": "PYSEC-2021-66"}, {"id": "GHSA-g3rq-g295-4j3m"}],
    }
    sound, unknown = (
        {"name": "nh3", "version": "0.3.8", "vulns": []},
        {
            "name": "ours",
            "skip_reason": "not found",
        },
    )

    assert summary([sound, weak, unknown]) == (
        [
            "jinja2 2.11.1: PYSEC-2021-66, GHSA-g3rq-g295-4j3m",
            "2 packages audited, 1 with known weaknesses.",
            "SKIPPED: the advisory database does not know 1 of the 3 packages.",
        ],
        True,
    )
    assert summary([sound]) == (["1 packages audited, 0 with known weaknesses."], False)
