"""Measures reads: one case type against a bare route, and lists against plain Strawberry.

It also measures how evenly 128 concurrent requests are answered. The references read the same
MongoDB as ours. Server, reference and load are separate processes, and the sides alternate.
"""

import argparse
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.case_types import ONE, CaseTypes, count_of
from bench.clients import Load, clients, post
from bench.measurement import Spread, alternate, load, machine, run_to_the_end, table
from bench.servers import Server, module, registry

_COLUMNS = ("work", "figure", "ours", "reference", "ratio", "goal")
_CLIENTS, _MANY_CLIENTS = 32, 128
_PATH = "/graphql"


@dataclass(frozen=True, slots=True)
class Options:
    """The options of a run."""

    rounds: int
    requests: int
    documents: int
    lists: Sequence[int]


@dataclass(frozen=True, slots=True)
class Work:
    """One kind of request to both sides.

    Attributes:
        name: Of the work in the table.
        reference: The module of the reference.
        body: Of the request.
        connections: The number of connections.
        count: The number of requests in a measurement.
        throughput: The goal for requests per second.
        evenness: The goal for p99 / median.
    """

    name: str
    reference: str
    body: Mapping[str, object]
    connections: int
    count: int
    throughput: str = ""
    evenness: str = ""


def _works(collection: CaseTypes, options: Options) -> list[Work]:
    one_document = {"query": ONE, "variables": {"id": collection.ids[0]}}
    goals = {50: "≥ 4 ×", 500: "≥ 3 ×"}
    return [
        Work(
            "one case type",
            "bench.bare_read",
            one_document,
            _CLIENTS,
            options.requests,
            throughput="≥ 0.35 ×",
        ),
        Work(
            "one case type, 128 at once",
            "bench.bare_read",
            one_document,
            _MANY_CLIENTS,
            options.requests,
            evenness="≤ 5",
        ),
        *(
            Work(
                f"list of {size}",
                "bench.plain_lists",
                collection.list_of(size),
                _CLIENTS,
                max(2 * _CLIENTS, 8 * options.requests // size),
                goals.get(size, ""),
            )
            for size in options.lists
        ),
    ]


async def measure(options: Options) -> None:
    """Measure all work; prints the table."""
    rows: list[list[str]] = []
    print(f"## Reads\n\n{machine()}\n", flush=True)
    with TemporaryDirectory(prefix="casetypes-bench-") as name:
        folder = Path(name)
        with registry(folder / "data") as ours:
            collection = await CaseTypes.made(folder / "data", ours, options.documents)
            for work in _works(collection, options):
                with module(work.reference, folder, collection.mongodb_uri) as reference:
                    rows += await _measured(
                        work, {"ours": ours, "reference": reference}, collection, options, folder
                    )
                print(f"{work.name} measured. {load()}", file=sys.stderr, flush=True)
    print(f"{table(_COLUMNS, rows)}\n\n{load()}", flush=True)


async def _measured(
    work: Work,
    servers: Mapping[str, Server],
    collection: CaseTypes,
    options: Options,
    folder: Path,
) -> list[list[str]]:
    request = post(_PATH, work.body, collection.token)
    async with AsyncExitStack() as stack:
        sides = {
            which: await stack.enter_async_context(
                clients(server, [request], work.connections, folder)
            )
            for which, server in servers.items()
        }
        results = await alternate(
            options.rounds, {which: partial(side.ask, work.count) for which, side in sides.items()}
        )
    _require_equal(work, results)
    return _rows(work, results)


def _require_equal(work: Work, results: Mapping[str, Sequence[Load]]) -> None:
    """Check that both sides return equally many values: none may be fast by returning less."""
    counts = {
        which: count_of(json.loads(found[0].text).get("data")) for which, found in results.items()
    }
    if len(set(counts.values())) != 1 or any(
        "errors" in json.loads(found[0].text) for found in results.values()
    ):
        raise RuntimeError(f"The responses of {work.name} differ: {counts} values.")


def _rows(work: Work, results: Mapping[str, Sequence[Load]]) -> list[list[str]]:
    def row(name: str, value: Callable[[Load], float], goal: str = "") -> list[str]:
        values = {which: [value(load) for load in found] for which, found in results.items()}
        ratio = Spread.of_ratios(values["ours"], values["reference"])
        return [
            work.name,
            name,
            *(str(Spread.of(found)) for found in values.values()),
            str(ratio),
            goal,
        ]

    return [
        row("server CPU per request, ms", lambda load: load.cpu * 1e3),
        row("requests per second", lambda load: load.throughput, work.throughput),
        row("median, ms", lambda load: load.median * 1e3),
        row("p99, ms", lambda load: load.p99 * 1e3),
        row("p99 / median", lambda load: load.p99 / load.median, work.evenness),
    ]


def main(arguments: Sequence[str]) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m bench reads", description=__doc__.partition("\n")[0]
    )
    parser.add_argument(
        "--rounds", type=int, default=5, help="that count, of each side (default: 5)"
    )
    parser.add_argument(
        "--requests",
        type=int,
        default=2_000,
        help="of one case type in a measurement; of lists fewer (default: 2000)",
    )
    parser.add_argument(
        "--documents", type=int, default=520, help="case types in the registry (default: 520)"
    )
    parser.add_argument(
        "--lists", type=int, nargs="*", default=[50, 500], help="sizes of lists (default: 50 500)"
    )
    run_to_the_end(measure(Options(**vars(parser.parse_args(arguments)))))
