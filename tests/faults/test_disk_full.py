"""The disks of MongoDB run full while it is written: nothing acknowledged is lost, and when there is room again, all goes on."""

import asyncio
import time
from pathlib import Path

import pytest

from tests.faults.disks import Disk, disk
from tests.faults.scenes import RECOVERED_SECONDS, Scene, scene, seed_of_the_day

DISK_MB = 300
# As MongoDB does it by itself, each member would set 200 MB aside for its journal.
SMALL_JOURNAL = ("--wiredTigerEngineConfigString", "log=(prealloc=false,file_max=8MB)")
FULL_SECONDS = 5


async def fill_and_free(here: Scene, small: Disk) -> None:
    """Fill the disk that all members share until writers are told, and some seconds more; then let an administrator make room and start MongoDB."""
    filling = asyncio.create_task(keep_full(small))
    await here.told("UNAVAILABLE")
    begun = time.monotonic()
    while await written_within(here, FULL_SECONDS):
        assert time.monotonic() - begun < RECOVERED_SECONDS, "the disk is full, and it is written all the same"
    filling.cancel()
    await asyncio.gather(filling, return_exceptions=True)

    small.free()
    for member in here.members.members:
        await member.end()
        member.start()
    await here.members.primary()


async def written_within(here: Scene, seconds: float) -> int:
    before = sum(len(writer.acknowledged) for writer in here.writers)
    await asyncio.sleep(seconds)
    return sum(len(writer.acknowledged) for writer in here.writers) - before


async def keep_full(small: Disk) -> None:
    """Whatever room is made by what MongoDB deletes, is taken."""
    while True:
        await asyncio.to_thread(small.fill)
        await asyncio.sleep(0.02)


async def play(folder: Path, times: int, most_ms: float) -> None:
    with disk(folder / "disk", DISK_MB) as small:
        async with scene(folder, seed_of_the_day(), disk=small.folder, options=SMALL_JOURNAL) as here:
            for _ in range(times):
                await here.play("fill_and_free", fill_and_free(here, small), most_ms)
            print(await here.check())  # noqa: T201


@pytest.mark.timeout(240)
async def test_nothing_acknowledged_is_lost_when_the_disks_run_full(tmp_path: Path) -> None:
    await play(tmp_path, times=1, most_ms=3_000)


@pytest.mark.soak
@pytest.mark.timeout(900)
async def test_nothing_acknowledged_is_lost_when_the_disks_run_full_again_and_again(tmp_path: Path) -> None:
    await play(tmp_path, times=5, most_ms=300)
