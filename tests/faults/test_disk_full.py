"""The disks of MongoDB run full while it is written: nothing acknowledged is lost, and when there
is room again, all goes on.
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
# As MongoDB does it by itself, each member would set 200 MB aside for its journal.
SMALL_JOURNAL = ("--wiredTigerEngineConfigString", "log=(prealloc=false,file_max=8MB)")
FULL_SECONDS = 5


async def fill_and_free(here: Scene, small: Disk) -> None:
    """Fill the disk that all members share until nothing is written any more; then let an
    administrator make room and start MongoDB.
    """
    async with kept_full(small):
        await here.told("UNAVAILABLE")
        begun = time.monotonic()
        while await written_within(here, FULL_SECONDS):
            assert time.monotonic() - begun < RECOVERED_SECONDS, (
                "the disk is full, and it is written all the same"
            )
    small.free()
    for member in here.members.members:
        await member.end()
        member.start()
    await here.members.primary()


@asynccontextmanager
async def kept_full(small: Disk) -> AsyncIterator[None]:
    """Whatever room is made by what MongoDB deletes, is taken until the end of the block."""
    enough = asyncio.Event()

    async def fill() -> None:
        while not enough.is_set():
            await asyncio.to_thread(small.fill)
            await asyncio.sleep(0.02)

    filling = asyncio.create_task(fill())
    try:
        yield
    finally:
        enough.set()
        await filling


async def written_within(here: Scene, seconds: float) -> int:
    before = sum(len(writer.acknowledged) for writer in here.writers)
    await asyncio.sleep(seconds)
    return sum(len(writer.acknowledged) for writer in here.writers) - before


async def play(folder: Path, times: int, most_ms: float) -> None:
    with disk(folder / "disk", DISK_MB) as small:
        async with scene(
            folder, seed_of_the_day(), disk=small.folder, options=SMALL_JOURNAL
        ) as here:
            for _ in range(times):
                await here.play("fill_and_free", fill_and_free(here, small), most_ms)
            print(await here.check())  # noqa: T201


def test_only_the_small_disk_is_ever_filled(tmp_path: Path) -> None:
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
async def test_nothing_acknowledged_is_lost_when_the_disks_run_full(tmp_path: Path) -> None:
    await play(tmp_path, times=1, most_ms=3_000)


@pytest.mark.soak
@pytest.mark.timeout(900)
async def test_nothing_acknowledged_is_lost_when_the_disks_run_full_again_and_again(
    tmp_path: Path,
) -> None:
    await play(tmp_path, times=5, most_ms=300)
