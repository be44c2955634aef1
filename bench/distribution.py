"""Measures a distribution to all clinics of a large region, and concurrent reads.

*Ours* is the running server while it distributes a case type to 8,000 clinics in one act. The
reference is the same server at rest, for as long. Four clients read one document each, one read
after the other.
"""

import argparse
import asyncio
import time
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles
from tempfile import TemporaryDirectory

from bench.measurement import Spread, alternate, load, machine, run_to_the_end, shown, table
from bench.region import Region
from bench.servers import registry

_COLUMNS = ("figure", "distributing", "at rest", "distributing / at rest", "goal")
_READERS = 4
_READ = "query($id: ID!) { caseType(id: $id) { name latestVersion content { name introduction } } }"


@dataclass(frozen=True, slots=True)
class Meanwhile:
    """The time of an act, and the 99th percentile of the concurrent reads; in seconds."""

    took: float
    p99: float


class Readers:
    """Clients that read during an act."""

    def __init__(self, region: Region, document: str) -> None:
        self._region = region
        self._document = document
        self._took = 1.0

    async def distributing(self) -> Meanwhile:
        """Read while a new case type is distributed to all clinics."""
        case_type = await self._region.published()
        meanwhile = await self._while(self._region.distribute(case_type))
        self._took = meanwhile.took
        return meanwhile

    async def at_rest(self) -> Meanwhile:
        """Read while nothing else happens, for as long as the last distribution took."""
        return await self._while(asyncio.sleep(self._took))

    async def _while(self, act: Coroutine[None, None, None]) -> Meanwhile:
        started = time.perf_counter()
        acting = asyncio.create_task(act)
        readers = [asyncio.create_task(self._read_while(acting)) for _ in range(_READERS)]
        await acting
        took = time.perf_counter() - started
        times = [seconds for read in await asyncio.gather(*readers) for seconds in read]
        return Meanwhile(took, quantiles(times, n=100)[98])

    async def _read_while(self, acting: asyncio.Task[None]) -> list[float]:
        times = []
        while not acting.done():
            started = time.perf_counter()
            await self._region.ask(_READ, id=self._document)
            times.append(time.perf_counter() - started)
        return times


async def measure(clinics: int, rounds: int) -> None:
    """Measure both sides, alternating; prints the table."""
    print(f"## One distribution to {clinics:,} clinics\n\n{machine()}\n", flush=True)
    with (
        TemporaryDirectory(prefix="casetypes-bench-") as name,
        registry(data := Path(name) / "data") as server,
    ):
        region = await Region.made(data, server, clinics)
        async with region.on(server):
            readers = Readers(region, await region.published())
            found = await alternate(
                rounds, {"distributing": readers.distributing, "at rest": readers.at_rest}
            )
    took = Spread.of([interval.took for interval in found["distributing"]])
    busy, idle = (
        [interval.p99 * 1000 for interval in found[which]] for which in ("distributing", "at rest")
    )
    rows = [
        ["the act, s", str(took), "", "", "≤ 5 s"],
        [
            "readers' p99, ms",
            shown(Spread.of(busy).median),
            shown(Spread.of(idle).median),
            str(Spread.of_ratios(busy, idle)),
            "≤ 2 ×",
        ],
    ]
    print(f"{table(_COLUMNS, rows)}\n\n{load()}", flush=True)


def main(arguments: Sequence[str]) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m bench distribution", description=__doc__)
    parser.add_argument("--clinics", type=int, default=8_000)
    parser.add_argument("--rounds", type=int, default=5, help="measurements of each side")
    options = parser.parse_args(arguments)
    run_to_the_end(measure(options.clinics, options.rounds))
