"""Parts of the registry are killed, stopped and disconnected while it is written and followed.

No acknowledged write and no delivery is lost, repeated or reordered. The schedule of faults is
drawn from a seed, which is printed: `CASETYPES_FAULT_SEED=… pytest tests/faults` repeats it.
"""

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from tests.faults.scenes import Scene, scene, seed_of_the_day

FAULTS: list[Callable[[Scene], Awaitable[None]]] = [
    Scene.cut_sockets,
    Scene.kill_a_server,
    Scene.stop_a_server,
    Scene.kill_the_primary,
    Scene.stop_the_primary,
    Scene.stop_a_secondary,
    Scene.step_down,
    Scene.restart_mongodb,
    Scene.stop_reading,
]


async def play(folder: Path, rounds: int, stopped_seconds: float, max_ms: float) -> None:
    """Cause each fault once per round, in random order, then compare all records."""
    async with scene(folder, seed_of_the_day(), stopped_seconds=stopped_seconds) as running:
        for _ in range(rounds):
            for fault in running.rng.sample(FAULTS, len(FAULTS)):
                await running.play(fault.__name__, fault(running), max_ms)
        print(await running.check())  # noqa: T201


@pytest.mark.timeout(300)
async def test_nothing_is_lost_repeated_or_reordered_through_one_of_each_fault(
    tmp_path: Path,
) -> None:
    await play(tmp_path, rounds=1, stopped_seconds=2, max_ms=3_000)


@pytest.mark.soak
@pytest.mark.timeout(1_800)
async def test_nothing_is_lost_repeated_or_reordered_through_many_faults(tmp_path: Path) -> None:
    await play(tmp_path, rounds=4, stopped_seconds=60, max_ms=300)
