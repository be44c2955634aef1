"""Compares PyMongo's async driver with Motor, its predecessor (decision 0003).

Motor is in the extra `bench` and nowhere else. Each measurement is a separate process on uvloop,
with 32 concurrent tasks and a limiter as in `store.mongo.connection`, on both sides.
"""

import argparse
import asyncio
import importlib
import importlib.util
import json
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import uvloop
from pymongo import AsyncMongoClient

from bench.case_types import content
from bench.measurement import Spread, alternate, load, machine, run_to_the_end, table
from store.mongo import embedded_server

_COLUMNS = ("work", "figure", "PyMongo async", "Motor", "ratio")
_TASKS, _PERMITS, _DOCUMENTS, _LIST = 32, 12, 1_000, 50
_CLIENTS: Mapping[str, tuple[str, str]] = {
    "PyMongo async": ("pymongo", "AsyncMongoClient"),
    "Motor": ("motor.motor_asyncio", "AsyncIOMotorClient"),
}
_MISSING = (
    "Motor is not installed, so there is nothing to compare with. It is in the extra `bench`:"
    " .venv/bin/python -m pip install 'motor>=3.7'"
)


@dataclass(frozen=True, slots=True)
class Run:
    """One measurement: operations per second, and client CPU per operation in seconds."""

    throughput: float
    cpu: float


Act = Callable[[Any, int], Awaitable[Any]]
_ACTS: Mapping[str, Act] = {
    "find one of 3.3 KB": lambda found, number: found.find_one({"_id": number % _DOCUMENTS}),
    "find 50": (
        lambda found, number: found.find(
            {"_id": {"$gte": number % (_DOCUMENTS - _LIST)}}, limit=_LIST, batch_size=_LIST + 1
        ).to_list(_LIST)
    ),
    "insert one": lambda found, number: found.insert_one({"content": content(number)}),
}


async def measure(rounds: int, operations: int) -> None:
    """Measure all operations, with alternating drivers; prints the table."""
    print(f"## Drivers\n\n{machine()}\n", flush=True)
    rows: list[list[str]] = []
    with TemporaryDirectory(prefix="casetypes-bench-") as name:
        running = await embedded_server.start(Path(name), cache_gb=0.5)
        try:
            await _fill(running.uri)
            for act in _ACTS:
                count = operations // 10 if act == "find 50" else operations
                runs = {
                    driver: partial(_run, driver, act, running.uri, count) for driver in _CLIENTS
                }
                results = await alternate(rounds, runs)
                rows += [
                    _row(act, "operations per second", results, lambda run: run.throughput),
                    _row(act, "client CPU per operation, µs", results, lambda run: run.cpu * 1e6),
                ]
        finally:
            await running.stop()
    print(f"{table(_COLUMNS, rows)}\n\n{load()}", flush=True)


def _row(
    act: str, figure: str, results: Mapping[str, Sequence[Run]], value: Callable[[Run], float]
) -> list[str]:
    ours, theirs = ([value(run) for run in results[driver]] for driver in _CLIENTS)
    return [
        act,
        figure,
        str(Spread.of(ours)),
        str(Spread.of(theirs)),
        str(Spread.of_ratios(ours, theirs)),
    ]


async def _fill(uri: str) -> None:
    client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(uri)
    try:
        await client["bench"]["read"].insert_many(
            [{"_id": number, "content": content(number)} for number in range(_DOCUMENTS)]
        )
    finally:
        await client.close()


async def _run(driver: str, act: str, uri: str, count: int) -> Run:
    """Run one measurement in a separate process."""
    arguments = json.dumps({"driver": driver, "act": act, "uri": uri, "count": count})
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bench.drivers",
        "--worker",
        arguments,
        stdout=asyncio.subprocess.PIPE,
        cwd=Path(__file__).parent.parent,
    )
    try:
        printed, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.terminate()
            await process.wait()
    if process.returncode:
        raise RuntimeError(f"A measurement of {driver} ended; see its errors above.")
    return Run(**json.loads(printed))


async def _work(driver: str, act: str, uri: str, count: int) -> Run:
    module, name = _CLIENTS[driver]
    client = getattr(importlib.import_module(module), name)(
        uri, maxPoolSize=64, w="majority", journal=True
    )
    found = client["bench"]["write" if act == "insert one" else "read"]
    permits = asyncio.Semaphore(_PERMITS)

    async def task(numbers: Sequence[int]) -> None:
        for number in numbers:
            async with permits:
                await _ACTS[act](found, number)

    async def all_of(whole: range) -> None:
        await asyncio.gather(*(task(whole[first::_TASKS]) for first in range(_TASKS)))

    await all_of(range(_TASKS * 10))  # connections are made
    started, cpu = time.perf_counter(), time.process_time()
    await all_of(range(count))
    run = Run(count / (time.perf_counter() - started), (time.process_time() - cpu) / count)
    closing = client.close()
    if closing is not None:  # Motor's is not awaited
        await closing
    return run


def main(arguments: Sequence[str]) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m bench drivers", description=__doc__.partition("\n")[0]
    )
    parser.add_argument(
        "--rounds", type=int, default=5, help="that count, of each driver (default: 5)"
    )
    parser.add_argument(
        "--operations",
        type=int,
        default=5_000,
        help="in a measurement; of lists a tenth (default: 5000)",
    )
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.worker is not None:
        run = uvloop.run(_work(**json.loads(options.worker)))
        print(json.dumps({"throughput": run.throughput, "cpu": run.cpu}))
    elif importlib.util.find_spec("motor") is None:
        print(_MISSING)
    else:
        run_to_the_end(measure(options.rounds, options.operations))


if __name__ == "__main__":
    main(sys.argv[1:])
