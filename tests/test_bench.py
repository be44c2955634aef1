"""Small runs of the measurements: their tables are complete, and they leave nothing behind."""

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
    """A running measurement with its data in a folder, which is in all its command lines too."""
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
    """The command lines of the processes whose data is in a folder."""
    lines = (
        " ".join(process.info["cmdline"] or ()) for process in psutil.process_iter(["cmdline"])
    )
    return [line for line in lines if str(folder) in line]


def rows(printed: str) -> list[list[str]]:
    """The cells of all tables, without the header rows."""
    lines = printed.splitlines()
    headers = {number - 1 for number, line in enumerate(lines) if line.startswith("| ---")}
    cells = [
        line
        for number, line in enumerate(lines)
        if line.startswith("| ") and not line.startswith("| ---") and number not in headers
    ]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in cells]


def test_the_fan_out_is_measured_against_a_broadcast_and_with_stalled_subscribers(
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
    # The last of a few deliveries can arrive before the response to the publisher, so that figure
    # can be negative.
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
"""By measurement: its options, the rows of its table, and the figures before the ratio in each."""


@pytest.mark.parametrize("row", SMALLEST)
def test_both_sides_of_a_comparison_are_measured(tmp_path: Path, row: str) -> None:
    options, lines, figures = SMALLEST[row]

    with measuring(tmp_path, row, "--rounds", "1", *options) as process:
        printed, errors = process.communicate(timeout=100)

    assert process.returncode == 0, errors
    measured = rows(printed)
    assert len(measured) == lines
    assert all(float(cell.split(" ")[0]) > 0 for line in measured for cell in line[1 : 1 + figures])
    assert started(tmp_path) == []
    assert list(tmp_path.iterdir()) == []


def test_an_interrupted_measurement_leaves_nothing_running(tmp_path: Path) -> None:
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
