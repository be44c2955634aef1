"""A small disk that a test can fill."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

_BALLAST = "ballast"
_BLOCK = bytes(64 * 1024)


class Disk:
    """A file system in memory.

    Attributes:
        folder: The folder that it is mounted on.
    """

    def __init__(self, folder: Path, size_mb: int) -> None:
        self.folder = folder
        self._size = size_mb * 1024 * 1024
        # All writes go through this file descriptor, so that the machine's own disk below the
        # folder is never filled.
        self._root = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)

    def fill(self) -> None:
        """Fill the disk to the last byte."""
        ballast = os.open(_BALLAST, os.O_WRONLY | os.O_CREAT | os.O_APPEND, dir_fd=self._root)
        try:
            for block in (_BLOCK, b"\0"):
                with suppress(OSError):  # the disk is full
                    while os.fstat(ballast).st_size < self._size:
                        os.write(ballast, block)
        finally:
            os.close(ballast)

    def free(self) -> None:
        """Free the space that `fill` took."""
        with suppress(FileNotFoundError):
            os.unlink(_BALLAST, dir_fd=self._root)

    def close(self) -> None:
        """Close the file descriptor. The disk cannot be filled after that."""
        os.close(self._root)
        self._root = -1


@contextmanager
def disk(folder: Path, size_mb: int) -> Iterator[Disk]:
    """A disk that is mounted on a folder until the end of the block.

    Skips the test if this user cannot mount a file system.
    """
    folder.mkdir()
    if os.geteuid() != 0:
        pytest.skip("a small disk can only be mounted by root")
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size_mb}m", "tmpfs", str(folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip(f"a small disk cannot be mounted: {mounted.stderr.strip()}")
    small = Disk(folder, size_mb)
    try:
        yield small
    finally:
        small.close()
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
