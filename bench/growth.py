"""Measures whether growth makes the registry slower: equal requests to a large and a small one.

*Ours* is a server over a large registry (`bench.generate`: a document with 100,000 versions, 8,000
clinics that have 30 case types each). The reference is the same server over a small one (10
versions, 80 clinics). One client sends one request after the other. Pages of a history have ten
entries and pages of case types thirty, since a small registry has no more.
"""

import argparse
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from bench.generate import PRINCIPAL, Size, generate
from bench.measurement import Spread, alternate, load, machine, run_to_the_end, shown, table
from bench.region import Region
from bench.servers import registry

_COLUMNS = ("question", "large, ms", "small, ms", "large / small", "goal")
_SMALL = Size(versions=10, longest=10, clinics=80, case_types=30)
_EVENT = "sequence action version at note actor { role name }"


@dataclass(frozen=True, slots=True)
class MeasuredQuery:
    """A query, and the goal for the ratio of the response times, large / small."""

    query: str
    goal: float


def _of_one(select: str, *variables: str) -> str:
    declared = "".join(f", ${name}: Int!" for name in variables)
    return f"query($id: ID!{declared}) {{ caseType(id: $id) {{ {select} }} }}"


def _of_many(field: str, select: str, *, given: str = "") -> str:
    return f"query{given} {{ {field} {{ edges {{ node {{ {select} }} }} }} }}"


QUERIES: Mapping[str, MeasuredQuery] = {
    "page of 10 acts of the history": MeasuredQuery(
        _of_one(f"history(first: 10) {{ totalCount edges {{ node {{ {_EVENT} }} }} }}"), 1.3
    ),
    "page of 10 versions": MeasuredQuery(
        _of_one("versions(first: 10) { totalCount edges { node { number createdAt } } }"), 1.3
    ),
    "one version, from the middle": MeasuredQuery(
        _of_one("version(number: $low) { number hash content { name introduction } }", "low"), 1.3
    ),
    "compare two versions": MeasuredQuery(
        _of_one("compare(from: $low, to: $high) { changes { path before after } }", "low", "high"),
        1.3,
    ),
    "one case type": MeasuredQuery(
        _of_one("name latestVersion content { name introduction }"), 1.3
    ),
    "page of 50 assignments of a case type": MeasuredQuery(
        _of_many(
            "assignments(filter: {caseType: $given}, first: 50)",
            "clinic { hsaId name } origin since",
            given="($given: ID!)",
        ),
        3,
    ),
    "page of 50 assignments that lag": MeasuredQuery(
        _of_many(
            "assignments(filter: {behindOnly: true}, first: 50)",
            "clinic { hsaId name } caseType { name }",
        ),
        3,
    ),
    "a clinic's start page": MeasuredQuery(
        "query($clinic: HsaId!) { clinic(hsaId: $clinic) { startPage { position effective { name }"
        " } } }",
        3,
    ),
    "page of 50 clinics by a word": MeasuredQuery(
        _of_many('clinics(filter: {text: "vård"}, first: 50)', "hsaId name"), 3
    ),
    "page of 30 case types by name": MeasuredQuery(_of_many("caseTypes(first: 30)", "id name"), 3),
}
_SAVE = "save"


class MeasuredRegistry:
    """A registry that is measured."""

    def __init__(self, region: Region, longest: str, versions: int, times: int) -> None:
        self._region = region
        self._longest = longest
        self._version = versions
        self._times = times
        self._case_type = ""
        self._middle = versions // 2

    async def begin(self) -> None:
        """Find the case type that the queries name."""
        found = await self._region.ask(
            'query { caseTypes(filter: {text: "beställa"}, first: 1) { edges { node { id } } } }'
        )
        self._case_type = found["caseTypes"]["edges"][0]["node"]["id"]

    async def seconds(self, query: str) -> float:
        """Return the median response time of a query, in seconds."""
        known = {
            "id": self._longest,
            "low": self._middle,
            "high": self._middle + 1,
            "given": self._case_type,
            "clinic": f"{PRINCIPAL}-K00007",
        }
        variables: dict[str, Any] = {
            name: value for name, value in known.items() if f"${name}:" in query
        }
        return await self._median(lambda: self._region.ask(query, **variables))

    async def save(self) -> float:
        """Return the median time of saving the document with the long history, in seconds."""

        async def save() -> None:
            await self._region.edit(
                self._longest, self._version, introduction=f"Sparat som {self._version + 1}"
            )
            self._version += 1

        return await self._median(save)

    async def _median(self, work: Callable[[], Awaitable[object]]) -> float:
        times = []
        for _ in range(self._times):
            started = time.perf_counter()
            await work()
            times.append(time.perf_counter() - started)
        return median(times)


async def measure(large: Size, rounds: int, times: int) -> None:
    """Measure all queries, with alternating registries; prints the table."""
    print(f"## Growth\n\n{machine()}\n\n{large}, against {_SMALL}\n", flush=True)
    rows = []
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="casetypes-bench-")))
        registries: dict[str, MeasuredRegistry] = {}
        for name, size in (("large", large), ("small", _SMALL)):
            longest = await generate(folder / name, size)
            server = stack.enter_context(registry(folder / name))
            region = Region(folder / name, 0)
            await stack.enter_async_context(region.on(server))
            registries[name] = MeasuredRegistry(region, longest, size.longest, times)
            await registries[name].begin()
        for what, query in QUERIES.items():
            seconds = await alternate(
                rounds,
                {
                    name: partial(registry_.seconds, query.query)
                    for name, registry_ in registries.items()
                },
            )
            rows.append(_row(what, seconds, query.goal))
        rows.append(
            _row(
                _SAVE,
                await alternate(
                    rounds, {name: registry_.save for name, registry_ in registries.items()}
                ),
                1.3,
            )
        )
    print(f"{table(_COLUMNS, rows)}\n\n{load()}", flush=True)


def _row(what: str, seconds: Mapping[str, Sequence[float]], goal: float) -> list[str]:
    each = [shown(Spread.of(seconds[name]).median * 1000) for name in ("large", "small")]
    return [what, *each, str(Spread.of_ratios(seconds["large"], seconds["small"])), f"≤ {goal} ×"]


def main(arguments: Sequence[str]) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m bench growth", description=__doc__)
    parser.add_argument(
        "--versions",
        type=int,
        default=150_000,
        help="of all documents together in the large registry",
    )
    parser.add_argument("--longest", type=int, default=100_000, help="of one document")
    parser.add_argument("--clinics", type=int, default=8_000)
    parser.add_argument("--case-types", type=int, default=30, help="that every clinic has")
    parser.add_argument("--rounds", type=int, default=5, help="measurements of each side")
    parser.add_argument("--times", type=int, default=40, help="answers in a measurement")
    options = parser.parse_args(arguments)
    large = Size(options.versions, options.longest, options.clinics, options.case_types)
    run_to_the_end(measure(large, options.rounds, options.times))
