"""Small runs of the measurements of reads: complete tables, and nothing left behind."""

import os
import subprocess
import sys
from pathlib import Path

from bench.case_types import content, count_of
from tests.test_bench import ROOT, started

FIGURES = ["server CPU per request", "requests per second", "median", "p99", "p99 / median"]


def measured(folder: Path, *arguments: str) -> str:
    """The output of a run with its data in a folder."""
    command = [sys.executable, "-m", "bench", *arguments]
    environment = os.environ | {"TMPDIR": str(folder)}
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=100, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_reads_are_measured_against_a_bare_route_and_against_plain_strawberry(
    tmp_path: Path,
) -> None:
    printed = measured(
        tmp_path,
        "reads",
        "--rounds",
        "1",
        "--requests",
        "130",
        "--documents",
        "101",
        "--lists",
        "50",
        "200",
    )

    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in printed.splitlines()
        if line.startswith(("| one", "| list"))
    ]
    works = list(dict.fromkeys(row[0] for row in rows))
    assert works == ["one case type", "one case type, 128 at once", "list of 50", "list of 200"]
    assert [row[1].partition(",")[0] for row in rows] == FIGURES * 4
    assert all(float(cell.split(" ")[0]) > 0 for row in rows for cell in row[2:5])
    assert started(tmp_path) == []
    assert list(tmp_path.iterdir()) == []


def test_the_case_type_that_is_read_has_160_values() -> None:
    case_type = content(0)
    left_out = {
        "submittable": True,
        "onContactCard": False,
        "language": "sv",
        "restrictions": dict.fromkeys("abcdef", None),
    }
    selected = {"id": "", "state": "", "latestVersion": 1, "updatedAt": ""}

    for question in case_type["questions"]:
        question.setdefault("shownIf", None)
    for link in case_type["links"]:
        link["openPage"] = False
    assert count_of([case_type, left_out, selected]) == 160


def test_the_comparison_of_drivers_reports_that_motor_is_missing(tmp_path: Path) -> None:
    printed = measured(tmp_path, "drivers", "--rounds", "1", "--operations", "40")

    assert printed.startswith(("Motor is not installed", "## Drivers"))
    assert started(tmp_path) == []
