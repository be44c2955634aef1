"""A clock that a test can set for a single process, with libfaketime (a Debian package).

Monotonic time (timers, durations) is not affected, as when a system's clock is set.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

_LIBRARY = Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1")
_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - libfaketime uses this folder


class Clock:
    """The clock of a process, which libfaketime reads from a file.

    Attributes:
        environment: The environment variables that the process must be started with.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self.environment = {
            "LD_PRELOAD": str(_LIBRARY),
            "FAKETIME_TIMESTAMP_FILE": str(file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "DONT_FAKE_MONOTONIC": "1",  # older releases of libfaketime read this name
        }
        self.set(timedelta())

    def set(self, offset: timedelta) -> None:
        """Set the clock to the true time plus an offset."""
        new = self._file.with_suffix(".new")
        new.write_text(f"{offset.total_seconds():+.0f}", encoding="ascii")
        os.replace(new, self._file)  # noqa: PTH105 - atomic, because the process reads it all the time


@contextmanager
def clock(file: Path) -> Iterator[Clock]:
    """A clock that is right until it is set. Skips the test if libfaketime is not installed."""
    if not _LIBRARY.exists():
        pytest.skip("clocks can only be set with libfaketime: apt-get install libfaketime")
    try:
        yield Clock(file)
    finally:
        # libfaketime does not remove its shared memory if the process is killed.
        for shared in _SHARED_MEMORY.glob("faketime_shm_*"):
            pid = shared.name.rpartition("_")[2]
            if not Path("/proc", pid).exists():
                shared.unlink(missing_ok=True)
                (_SHARED_MEMORY / f"sem.faketime_sem_{pid}").unlink(missing_ok=True)
