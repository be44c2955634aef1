"""The measurements in their smallest form: they run, their tables hold what they promise, and
whatever ends them, nothing is left.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

ROOT = Path(__file__).parent.parent


@contextmanager
def measuring(folder: Path, row: str, *options: str) -> Iterator[subprocess.Popen[str]]:
    """A row whose data, and so the command lines of all that it starts, are in this folder."""
    command = [sys.executable, "-m", "bench", row, *options]
    environment = os.environ | {"TMPDIR": str(folder)}
    with subprocess.Popen(
        command,
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        yield process


def started(folder: Path) -> list[str]:
    """The command lines of the processes that work in this folder."""
    lines = (
        " ".join(process.info["cmdline"] or ()) for process in psutil.process_iter(["cmdline"])
    )
    return [line for line in lines if str(folder) in line]


def rows(printed: str) -> list[list[str]]:
    """The cells of all tables, without heads."""
    lines = printed.splitlines()
    heads = {place - 1 for place, line in enumerate(lines) if line.startswith("| ---")}
    cells = [
        line
        for place, line in enumerate(lines)
        if line.startswith("| ") and not line.startswith("| ---") and place not in heads
    ]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in cells]


def test_the_fan_out_is_measured_against_a_bare_broadcast_and_beside_one_that_stops_reading(
    tmp_path: Path,
) -> None:
    with measuring(
        tmp_path, "fanout", "--sizes", "12", "--rounds", "1", "--stopped", "8"
    ) as process:
        printed, errors = process.communicate(timeout=100)

    assert process.returncode == 0, errors
    fanned, stopped = ([row for row in rows(printed) if row[0] == size] for size in ("12", "8"))
    assert [row[1].partition(",")[0].partition(" of ")[0] for row in fanned] == [
        "server CPU per delivery",
        "trigger to last delivery",
        "acknowledged (bare: trigger) to last",
        "trigger to first",
        "trigger to median",
        "trigger to p99",
        "memory per subscriber",
    ]
    # The last of a few deliveries may arrive before the answer to who published: that one figure
    # can be below zero.
    timed = [row for row in fanned[:-1] if not row[1].startswith("acknowledged")]
    assert all(float(cell.split(" ")[0]) > 0 for row in timed for cell in row[2:5])
    assert ["8", "the others got, %", "100", "100", "", "100"] in stopped
    assert started(tmp_path) == []
    assert list(tmp_path.iterdir()) == []


SMALLEST = {
    "writes": (["--each", "1"], 3, 2),
    "growth": (
        [
            "--versions",
            "30",
            "--longest",
            "20",
            "--clinics",
            "90",
            "--case-types",
            "2",
            "--times",
            "1",
        ],
        11,
        2,
    ),
    "distribution": (["--clinics", "20"], 2, 1),
}
"""By row: options, how many lines its table has, and how many figures stand in each before the
ratio.
"""


@pytest.mark.parametrize("row", SMALLEST)
def test_a_row_is_measured_on_both_sides(tmp_path: Path, row: str) -> None:
    options, lines, figures = SMALLEST[row]

    with measuring(tmp_path, row, "--rounds", "1", *options) as process:
        printed, errors = process.communicate(timeout=100)

    assert process.returncode == 0, errors
    measured = rows(printed)
    assert len(measured) == lines
    assert all(float(cell.split(" ")[0]) > 0 for line in measured for cell in line[1 : 1 + figures])
    assert started(tmp_path) == []
    assert list(tmp_path.iterdir()) == []


def test_a_measurement_that_is_interrupted_leaves_nothing_running(tmp_path: Path) -> None:
    with measuring(tmp_path, "fanout", "--sizes", "4", "--rounds", "1000") as process:
        deadline = time.monotonic() + 60
        while not any("bench.subscribers" in line for line in started(tmp_path)):
            assert process.poll() is None, process.communicate()[1]
            assert time.monotonic() < deadline
            time.sleep(0.05)

        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)

    assert (process.returncode, errors) == (1, "Ended before it was done.\n")
    assert started(tmp_path) == []
    assert list(tmp_path.iterdir()) == []
