"""A small disk of the tests' own, which can be filled."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

_BLOCK = bytes(64 * 1024)


class Disk:
    """A mounted file system in memory."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._ballast = folder / "ballast"

    def fill(self) -> None:
        """Leave no room, not even for a byte."""
        with self._ballast.open("ab", buffering=0) as file:
            for block in (_BLOCK, b"\0"):
                while True:
                    try:
                        file.write(block)
                    except OSError:
                        break

    def free(self) -> None:
        """Make the room again."""
        self._ballast.unlink(missing_ok=True)


@contextmanager
def disk(folder: Path, size_mb: int) -> Iterator[Disk]:
    """A disk until the end of the block, mounted on a folder; skips the test where this user can't mount."""
    folder.mkdir()
    if os.geteuid() != 0:
        pytest.skip("a small disk can only be mounted by root")
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size_mb}m", "tmpfs", str(folder)], capture_output=True, text=True, check=False)
    if mounted.returncode:
        pytest.skip(f"a small disk can't be mounted: {mounted.stderr.strip()}")
    try:
        yield Disk(folder)
    finally:
        subprocess.run(["umount", str(folder)], check=True)
