"""Measures one publication to many subscribers, against a bare broadcast of the same bytes.

Each subscriber is another clinic with its own token, which is the hard case: as many viewers as
sockets. Server, reference and clients are separate processes. Both servers have all their
subscribers all the time, and publish alternately. A second table measures the effect of one
subscriber that stops reading.
"""

import argparse
import re
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx2

from bench import stalled_subscriber
from bench.delivery import MARKER, Fanout, Publish, measure_publication, warm_up
from bench.measurement import Spread, alternate, load, machine, run_to_the_end, shown, table
from bench.region import Region
from bench.servers import Server, allow_many_sockets, module, registry
from bench.subscriber_pool import SubscriberPool, Subscription, subscriber_pool

_COLUMNS = ("subscribers", "figure", "ours", "bare", "ours / bare", "goal")
_MIN_SIZE_WITH_GOALS, _MAX_SIZE = 5_000, 10_000
_DELIVERIES = 5_000
_FEW = 4


@dataclass(frozen=True, slots=True)
class Options:
    """The options of a run."""

    sizes: Sequence[int]
    rounds: int
    processes: int
    stopped: int
    one_viewer: bool
    bare_only: bool


@dataclass(frozen=True, slots=True)
class Side:
    """A server with all its subscribers."""

    server: Server
    pool: SubscriberPool
    publish: Publish
    memory: float  # of each subscriber, in KB

    @property
    def publications(self) -> int:
        """The number of publications in a measurement.

        They give some thousand deliveries, so that rare disturbances have little weight.
        """
        return min(5, max(1, _DELIVERIES // self.pool.size))

    async def fan_out(self) -> Fanout:
        """Run one measurement."""
        return Fanout.of(
            [
                await measure_publication(self.server, self.pool, self.publish)
                for _ in range(self.publications)
            ]
        )


@asynccontextmanager
async def side(
    server: Server,
    subscriptions: Sequence[Subscription],
    publish: Publish,
    folder: Path,
    processes: int,
) -> AsyncIterator[Side]:
    """Subscribe all to a server that has had a few subscribers before.

    So the difference in memory is that of the many subscribers.
    """
    before = server.memory()
    async with subscriber_pool(server, subscriptions, folder, processes) as everyone:
        await warm_up([everyone], publish)
        yield Side(server, everyone, publish, (server.memory() - before) / everyone.size / 1024)


async def first_message(
    server: Server, subscriptions: Sequence[Subscription], publish: Publish, folder: Path
) -> str:
    """Let a new server deliver to a few subscribers, and return the message of one of them."""
    async with subscriber_pool(server, subscriptions[:_FEW], folder, 1) as few:
        return await warm_up([few], publish)


async def measure(options: Options) -> None:
    """Measure all sizes, then the subscriber that stops reading; prints the tables."""
    allow_many_sockets()
    rows: list[list[str]] = []
    print(f"## Fan-out\n\n{machine()}\n", flush=True)
    with TemporaryDirectory(prefix="casetypes-bench-") as name:
        folder = Path(name)
        clinics = _FEW if options.bare_only else max(*options.sizes, options.stopped) + 1
        with registry(folder / "data") as server:
            region = await Region.made(folder / "data", server, clinics)
        # A server that has imported thousands of clinics has free memory, which would hide the
        # memory of subscribers. So each size gets a new server.
        for size in options.sizes:
            rows += await _size(size, region, folder, options)
            print(f"{size:,} subscribers measured. {load()}", file=sys.stderr, flush=True)
        print(table(_COLUMNS, rows), flush=True)
        if options.stopped and not options.bare_only:
            outcome = await stalled_subscriber.measure(
                region, folder, options.stopped, options.rounds, options.processes
            )
            print(f"\n## One subscriber that stops reading\n\n{outcome}")
    print(f"\n{load()}", flush=True)


async def _size(size: int, region: Region, folder: Path, options: Options) -> list[list[str]]:
    subscribe = region.administrators_subscription if options.one_viewer else region.subscription
    subscriptions = [subscribe(number % region.clinics) for number in range(size)]
    async with AsyncExitStack() as stack:
        ours = stack.enter_context(registry(region.data))
        bare = stack.enter_context(module("bench.broadcast", folder))
        await stack.enter_async_context(region.on(ours))
        client = await stack.enter_async_context(httpx2.AsyncClient(timeout=300))
        text = await first_message(ours, subscriptions, region.publish, folder)
        broadcast = partial(_broadcast, client, bare, text)
        await first_message(bare, subscriptions, broadcast, folder)
        sides = {
            "bare": await stack.enter_async_context(
                side(bare, subscriptions, broadcast, folder, options.processes)
            )
        }
        if not options.bare_only:
            sides["ours"] = await stack.enter_async_context(
                side(ours, subscriptions, region.publish, folder, options.processes)
            )
        for measured in sides.values():
            await measured.pool.count()
        measures: dict[str, Callable[[], Awaitable[Fanout]]] = {
            which: measured.fan_out for which, measured in sides.items()
        }
        results = await alternate(options.rounds, measures)
        for which, measured in sides.items():
            received = set(await measured.pool.counts())
            if received != {measured.publications * (options.rounds + 1)}:
                raise RuntimeError(
                    f"Not every subscriber of {which} got each publication once, but"
                    f" {sorted(received)} messages."
                )
        return _rows(size, text, sides, results)


async def _broadcast(client: httpx2.AsyncClient, server: Server, text: str, marker: str) -> None:
    """Send the registry's message to all sockets of the reference, with another note."""
    body = re.sub(MARKER, marker, text)
    (await client.post(f"{server.url}/broadcast", content=body.encode())).raise_for_status()


def _rows(
    size: int, text: str, sides: Mapping[str, Side], results: Mapping[str, Sequence[Fanout]]
) -> list[list[str]]:
    """Return the rows of the table for one size."""
    many = size >= _MIN_SIZE_WITH_GOALS

    def row(
        name: str,
        value: Callable[[Fanout], float],
        scale: float,
        goal: str = "",
        against: Callable[[Fanout], float] | None = None,
    ) -> list[str]:
        values = {
            "ours": [value(fan_out) * scale for fan_out in results.get("ours", ())],
            "bare": [(against or value)(fan_out) * scale for fan_out in results["bare"]],
        }
        ratio = str(Spread.of_ratios(values["ours"], values["bare"])) if values["ours"] else ""
        return [
            f"{size:,}",
            name,
            *(str(Spread.of(found)) if found else "" for found in values.values()),
            ratio,
            goal,
        ]

    memory = {which: measured.memory for which, measured in sides.items()}
    kilobytes = [shown(memory["ours"]) if "ours" in memory else "", shown(memory["bare"])]
    ratio = shown(memory["ours"] / memory["bare"]) if "ours" in memory else ""
    return [
        row(
            f"server CPU per delivery of {len(text.encode())} bytes, µs",
            lambda fan_out: fan_out.cpu,
            1e6,
            "≤ 1.3 ×" if many else "",
        ),
        row(
            "trigger to last delivery, ms",
            lambda fan_out: fan_out.last,
            1e3,
            "≤ 1.5 ×" + (", ≤ 1,000 ms" if size == _MAX_SIZE else "") if many else "",
        ),
        row(
            "acknowledged (bare: trigger) to last, ms",
            lambda fan_out: fan_out.after_acknowledged,
            1e3,
            "",
            lambda fan_out: fan_out.last,
        ),
        row("trigger to first, ms", lambda fan_out: fan_out.first, 1e3),
        row("trigger to median, ms", lambda fan_out: fan_out.median, 1e3),
        row("trigger to p99, ms", lambda fan_out: fan_out.p99, 1e3),
        [f"{size:,}", "memory per subscriber, KB", *kilobytes, ratio, "≤ 40 KB" if many else ""],
    ]


def main(arguments: Sequence[str]) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m bench fanout", description=__doc__.partition("\n")[0]
    )
    parser.add_argument(
        "--sizes",
        type=int,
        nargs="+",
        default=[1_000, 5_000, 10_000],
        help="subscribers (default: 1000 5000 10000)",
    )
    parser.add_argument(
        "--rounds", type=int, default=5, help="that count, of each side (default: 5)"
    )
    parser.add_argument(
        "--processes", type=int, default=2, help="client processes of each side (default: 2)"
    )
    parser.add_argument(
        "--stopped",
        type=int,
        default=1_000,
        help="subscribers beside the one that stops reading; 0 leaves it out (default: 1000)",
    )
    parser.add_argument(
        "--one-viewer",
        action="store_true",
        help="the region's administrator instead of each clinic's own staff",
    )
    parser.add_argument("--bare-only", action="store_true", help="the reference alone")
    run_to_the_end(measure(Options(**vars(parser.parse_args(arguments)))))
