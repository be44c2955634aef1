"""The same questions of a large registry and of a small one: what grows must not make them slower.

*Ours* is a server over a large registry (`bench.grow`: a document with 100,000 versions, 8,000
clinics that have 30 case types each), the
reference the same server over a small one (10 versions, 80 clinics). One client asks one thing
after the other. Pages of a history are of ten, of
case types of thirty, since a small registry has no more.
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

from bench.grow import PRINCIPAL, Size, grow
from bench.measuring import Spread, alternate, load, machine, run_to_the_end, shown, table
from bench.region import Region
from bench.servers import registry

_COLUMNS = ("question", "large, ms", "small, ms", "large / small", "goal")
_SMALL = Size(versions=10, longest=10, clinics=80, case_types=30)
_EVENT = "sequence action version at note actor { role name }"


@dataclass(frozen=True, slots=True)
class Question:
    """A question to a registry, and how much slower a large one may answer it."""

    query: str
    goal: float


def _of_one(select: str, *variables: str) -> str:
    declared = "".join(f", ${name}: Int!" for name in variables)
    return f"query($id: ID!{declared}) {{ caseType(id: $id) {{ {select} }} }}"


def _of_many(field: str, select: str, *, given: str = "") -> str:
    return f"query{given} {{ {field} {{ edges {{ node {{ {select} }} }} }} }}"


QUESTIONS: Mapping[str, Question] = {
    "page of 10 acts of the history": Question(
        _of_one(f"history(first: 10) {{ totalCount edges {{ node {{ {_EVENT} }} }} }}"), 1.3
    ),
    "page of 10 versions": Question(
        _of_one("versions(first: 10) { totalCount edges { node { number createdAt } } }"), 1.3
    ),
    "one version, from the middle": Question(
        _of_one("version(number: $low) { number hash content { name introduction } }", "low"), 1.3
    ),
    "compare two versions": Question(
        _of_one("compare(from: $low, to: $high) { changes { path before after } }", "low", "high"),
        1.3,
    ),
    "one case type": Question(_of_one("name latestVersion content { name introduction }"), 1.3),
    "page of 50 assignments of a case type": Question(
        _of_many(
            "assignments(filter: {caseType: $given}, first: 50)",
            "clinic { hsaId name } origin since",
            given="($given: ID!)",
        ),
        3,
    ),
    "page of 50 assignments that lag": Question(
        _of_many(
            "assignments(filter: {behindOnly: true}, first: 50)",
            "clinic { hsaId name } caseType { name }",
        ),
        3,
    ),
    "a clinic's start page": Question(
        "query($clinic: HsaId!) { clinic(hsaId: $clinic) { startPage { position effective { name }"
        " } } }",
        3,
    ),
    "page of 50 clinics by a word": Question(
        _of_many('clinics(filter: {text: "vård"}, first: 50)', "hsaId name"), 3
    ),
    "page of 30 case types by name": Question(_of_many("caseTypes(first: 30)", "id name"), 3),
}
_SAVE = "save"


class Asked:
    """A registry that is asked."""

    def __init__(self, region: Region, longest: str, versions: int, times: int) -> None:
        self._region = region
        self._longest = longest
        self._version = versions
        self._times = times
        self._given = ""
        self._middle = versions // 2

    async def begin(self) -> None:
        """Find what the questions name."""
        found = await self._region.ask(
            'query { caseTypes(filter: {text: "beställa"}, first: 1) { edges { node { id } } } }'
        )
        self._given = found["caseTypes"]["edges"][0]["node"]["id"]

    async def seconds(self, query: str) -> float:
        """The median time of some answers."""
        known = {
            "id": self._longest,
            "low": self._middle,
            "high": self._middle + 1,
            "given": self._given,
            "clinic": f"{PRINCIPAL}-K00007",
        }
        variables: dict[str, Any] = {
            name: value for name, value in known.items() if f"${name}:" in query
        }
        return await self._median(lambda: self._region.ask(query, **variables))

    async def save(self) -> float:
        """The median time of some saves of the document with the long history."""

        async def save() -> None:
            await self._region.edit(
                self._longest, self._version, introduction=f"Sparat som {self._version + 1}"
            )
            self._version += 1

        return await self._median(save)

    async def _median(self, work: Callable[[], Awaitable[object]]) -> float:
        times = []
        for _ in range(self._times):
            begun = time.perf_counter()
            await work()
            times.append(time.perf_counter() - begun)
        return median(times)


async def measure(large: Size, rounds: int, times: int) -> None:
    """All questions in turns; prints the table."""
    print(f"## Growth\n\n{machine()}\n\n{large}, against {_SMALL}\n", flush=True)
    rows = []
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="casetypes-bench-")))
        asked: dict[str, Asked] = {}
        for name, size in (("large", large), ("small", _SMALL)):
            longest = await grow(folder / name, size)
            server = stack.enter_context(registry(folder / name))
            region = Region(folder / name, 0)
            await stack.enter_async_context(region.on(server))
            asked[name] = Asked(region, longest, size.longest, times)
            await asked[name].begin()
        for what, question in QUESTIONS.items():
            seconds = await alternate(
                rounds, {name: partial(one.seconds, question.query) for name, one in asked.items()}
            )
            rows.append(_row(what, seconds, question.goal))
        rows.append(
            _row(
                _SAVE, await alternate(rounds, {name: one.save for name, one in asked.items()}), 1.3
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
