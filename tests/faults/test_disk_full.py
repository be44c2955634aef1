"""The disks of MongoDB fill up during writes.

No acknowledged write is lost, and writes continue when there is space again.
"""

import asyncio
import shutil
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.faults.disks import Disk, disk
from tests.faults.scenes import RECOVERED_SECONDS, Scene, scene, seed_of_the_day

DISK_MB = 300
# By default each member reserves 200 MB for its journal.
SMALL_JOURNAL = ("--wiredTigerEngineConfigString", "log=(prealloc=false,file_max=8MB)")
FULL_SECONDS = 5


async def fill_and_free(running: Scene, small: Disk) -> None:
    """Fill the disk that all members share until no write succeeds, then recover.

    An administrator would recover in the same way: free space and restart MongoDB.
    """
    async with kept_full(small):
        await running.wait_for_errors("UNAVAILABLE")
        started_at = time.monotonic()
        while await written_within(running, FULL_SECONDS):
            assert time.monotonic() - started_at < RECOVERED_SECONDS, (
                "the disk is full, but writes succeed"
            )
    small.free()
    for member in running.members.members:
        await member.end()
        member.start()
    await running.members.primary()


@asynccontextmanager
async def kept_full(small: Disk) -> AsyncIterator[None]:
    """Keep the disk full until the end of the block, also when MongoDB deletes files."""
    stop = asyncio.Event()

    async def fill() -> None:
        while not stop.is_set():
            await asyncio.to_thread(small.fill)
            await asyncio.sleep(0.02)

    filling = asyncio.create_task(fill())
    try:
        yield
    finally:
        stop.set()
        await filling


async def written_within(running: Scene, seconds: float) -> int:
    before = sum(len(writer.acknowledged) for writer in running.writers)
    await asyncio.sleep(seconds)
    return sum(len(writer.acknowledged) for writer in running.writers) - before


async def play(folder: Path, times: int, max_ms: float) -> None:
    with disk(folder / "disk", DISK_MB) as small:
        async with scene(
            folder, seed_of_the_day(), disk=small.folder, options=SMALL_JOURNAL
        ) as running:
            for _ in range(times):
                await running.play("fill_and_free", fill_and_free(running, small), max_ms)
            print(await running.check())  # noqa: T201


def test_a_disk_cannot_be_filled_after_it_was_unmounted(tmp_path: Path) -> None:
    with disk(tmp_path / "disk", 1) as small:
        small.fill()
        full = shutil.disk_usage(small.folder)
        small.free()
        empty = shutil.disk_usage(small.folder)
        small.fill()

    assert (full.total, full.free) == (1024 * 1024, 0)
    assert empty.free == empty.total
    with pytest.raises(OSError, match="Bad file descriptor"):
        small.fill()
    assert list(small.folder.iterdir()) == []


@pytest.mark.timeout(240)
async def test_no_acknowledged_write_is_lost_when_the_disks_fill_up(tmp_path: Path) -> None:
    await play(tmp_path, times=1, max_ms=3_000)


@pytest.mark.soak
@pytest.mark.timeout(900)
async def test_no_acknowledged_write_is_lost_when_the_disks_fill_up_repeatedly(
    tmp_path: Path,
) -> None:
    await play(tmp_path, times=5, max_ms=300)
