"""A clock that can be set for one process alone: libfaketime (Debian's package of that name)
between it and the system's clock.

Time that only runs (timers, durations) is left alone, as it is when a system's clock is set.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

_LIBRARY = Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1")
_SHARED = Path("/dev/shm")  # noqa: S108 - where libfaketime keeps it


class Clock:
    """One process's clock, set by a file.

    Attributes:
        environment: Of the process.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self.environment = {
            "LD_PRELOAD": str(_LIBRARY),
            "FAKETIME_TIMESTAMP_FILE": str(file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "DONT_FAKE_MONOTONIC": "1",  # what older ones read
        }
        self.set(timedelta())

    def set(self, off: timedelta) -> None:
        """Set it, so far from the true time."""
        new = self._file.with_suffix(".new")
        new.write_text(f"{off.total_seconds():+.0f}", encoding="ascii")
        os.replace(new, self._file)  # noqa: PTH105 - at once: it is read all the time


@contextmanager
def clock(file: Path) -> Iterator[Clock]:
    """A clock, right until it is set; skips the test where libfaketime is not installed."""
    if not _LIBRARY.exists():
        pytest.skip("clocks can only be set with libfaketime: apt-get install libfaketime")
    try:
        yield Clock(file)
    finally:
        # What it shares among a process's children, it leaves behind where the process is killed.
        for shared in _SHARED.glob("faketime_shm_*"):
            pid = shared.name.rpartition("_")[2]
            if not Path("/proc", pid).exists():
                shared.unlink(missing_ok=True)
                (_SHARED / f"sem.faketime_sem_{pid}").unlink(missing_ok=True)
