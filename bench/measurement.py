"""Shared by all measurements: alternating sides, medians with spread, tables, machine data."""

import asyncio
import os
import platform
import signal
import statistics
import sys
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from typing import Any, Self, TypeVar

import psutil
import uvloop

T = TypeVar("T")
_PAUSE_SECONDS = 0.2
_PACKAGES = (
    "starlette",
    "uvicorn",
    "uvloop",
    "websockets",
    "strawberry-graphql",
    "graphql-core",
    "pymongo",
)


@dataclass(frozen=True, slots=True)
class Spread:
    """The median, minimum and maximum of several measurements."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Self:
        """Compute the spread of values."""
        return cls(statistics.median(values), min(values), max(values))

    @classmethod
    def of_ratios(cls, numerators: Sequence[float], denominators: Sequence[float]) -> Self:
        """Compute the spread of ratios, round by round: a disturbed round affects both sides."""
        return cls.of(
            [above / below for above, below in zip(numerators, denominators, strict=True)]
        )

    def __str__(self) -> str:
        return f"{shown(self.median)} ({shown(self.low)}–{shown(self.high)})"


async def alternate(
    rounds: int, measures: Mapping[str, Callable[[], Awaitable[T]]]
) -> dict[str, list[T]]:
    """Measure all sides in rounds, in an order that is reversed each round.

    A first round is not counted.
    """
    results: dict[str, list[T]] = {name: [] for name in measures}
    for number in range(rounds + 1):
        for name in list(measures) if number % 2 else reversed(list(measures)):
            # Let the side before finish its remaining work.
            await asyncio.sleep(_PAUSE_SECONDS)
            result = await measures[name]()
            if number:
                results[name].append(result)
    return results


def shown(value: float) -> str:
    """Format a number with three significant digits."""
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Format a table in Markdown."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def machine() -> str:
    """Describe the machine, the versions and the load."""
    with open("/proc/cpuinfo", encoding="ascii", errors="replace") as file:  # noqa: PTH123 - no ordinary file
        model = next(
            (line.partition(":")[2].strip() for line in file if line.startswith("model name")),
            platform.machine(),
        )
    memory = psutil.virtual_memory().total / 2**30
    versions = ", ".join(f"{package} {metadata.version(package)}" for package in _PACKAGES)
    return (
        f"{os.cpu_count()} × {model}, {memory:.0f} GB, Linux {platform.release()}; Python"
        f" {platform.python_version()}, {versions}. {load()}"
    )


def load() -> str:
    """Describe the load of the machine, by all processes."""
    return "Load (1, 5, 15 min): " + ", ".join(f"{value:.1f}" for value in os.getloadavg())


def run_to_the_end(work: Coroutine[Any, Any, None]) -> None:
    """Run a measurement.

    On Ctrl-C and SIGTERM, everything that it started is ended before the program exits.
    """

    async def guarded() -> None:
        task = asyncio.current_task()
        assert task is not None
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, task.cancel)
        await work

    try:
        uvloop.run(guarded())
    except asyncio.CancelledError:
        sys.exit("Ended before it was done.")
