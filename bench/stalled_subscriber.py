"""Measures whether a subscriber that stops reading delays the others.

Measurements with the subscriber reading and with it stopped alternate. When it has stopped, large
publications follow until the server's end of its connection is full, and 256 KB beyond that. Then
the measured publications follow. Afterwards the subscriber reads again, and must receive everything
that it missed.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from time import monotonic

from bench.delivery import Fanout, measure_publication, patience, warm_up
from bench.measurement import Spread, alternate, table
from bench.region import Region
from bench.servers import Server, registry
from bench.subscriber_pool import SubscriberPool, subscriber_pool

_COLUMNS = ("others", "figure", "one has stopped", "all read", "stopped / reading", "goal")
_BYTES_BEYOND_FULL = 256 * 1024
_MAX_FILLS = 60
_PUBLICATIONS = 5
_POLL_SECONDS = 0.02


class StalledTrial:
    """The subscriber that stops, and the others; all have been warmed up."""

    def __init__(
        self,
        server: Server,
        region: Region,
        others: SubscriberPool,
        stalled: SubscriberPool,
        port: int,
    ) -> None:
        self._server = server
        self._region = region
        self._others = others
        self._stalled = stalled
        self._port = port
        self.stuck = list[float]()
        self.caught_up = list[float]()

    async def reading(self) -> Fanout:
        """Measure the others while the subscriber reads."""
        return Fanout.of(
            [
                await measure_publication(self._server, self._others, self._region.publish)
                for _ in range(_PUBLICATIONS)
            ]
        )

    async def stopped(self) -> Fanout:
        """Measure the others while the subscriber's connection is full."""
        await self._stalled.stop_reading()
        self.stuck.append(await self._fill())
        result = await self.reading()
        if unsent(self._server.port, self._port) is None:
            raise RuntimeError(
                "The subscriber that stopped was cut off before the measurement was over."
            )
        started = monotonic()
        await self._stalled.resume_reading()
        await self._catch_up()
        self.caught_up.append(monotonic() - started)
        return result

    async def _fill(self) -> int:
        """Publish until the connection is full, and `_BYTES_BEYOND_FULL` bytes beyond that.

        Returns:
            The number of unsent bytes in the kernel.
        """
        before, beyond = 0, 0
        for _ in range(_MAX_FILLS):
            size = len(
                (
                    await measure_publication(
                        self._server, self._others, self._region.publish_large
                    )
                ).text.encode()
            )
            waiting = unsent(self._server.port, self._port) or 0
            beyond = beyond + size if waiting and waiting == before else 0
            before = waiting
            if beyond >= _BYTES_BEYOND_FULL:
                return waiting
        raise RuntimeError(
            f"The connection was not full after {_MAX_FILLS} large publications; {before} bytes"
            " waited."
        )

    async def _catch_up(self) -> None:
        """Wait until the subscriber has received every message once, as each of the others has."""
        deadline = monotonic() + patience(self._others)
        while True:
            found, every = await self._stalled.counts(), set(await self._others.counts())
            if set(found) == every:
                return
            if monotonic() > deadline or max(found) > max(every):
                raise RuntimeError(
                    f"The subscriber that stopped got {found} messages since, the others"
                    f" {sorted(every)}."
                )
            await asyncio.sleep(_POLL_SECONDS)


async def measure(region: Region, folder: Path, size: int, rounds: int, processes: int) -> str:
    """Measure with `size` other subscribers, and return the table."""
    subscriptions = [region.subscription(number) for number in range(size + 1)]
    async with AsyncExitStack() as stack:
        server = stack.enter_context(registry(region.data))
        await stack.enter_async_context(region.on(server))
        others = await stack.enter_async_context(
            subscriber_pool(server, subscriptions[:size], folder, processes)
        )
        stalled = await stack.enter_async_context(
            subscriber_pool(server, subscriptions[size:], folder, 1, narrow=True)
        )
        await warm_up([others, stalled], region.publish)
        [port] = await stalled.ports()
        trial = StalledTrial(server, region, others, stalled, port)
        await asyncio.gather(others.count(), stalled.count())
        results = await alternate(rounds, {"reading": trial.reading, "stopped": trial.stopped})
    return table(_COLUMNS, _rows(size, trial, results["stopped"], results["reading"]))


def _rows(
    size: int, trial: StalledTrial, stopped: Sequence[Fanout], reading: Sequence[Fanout]
) -> list[list[str]]:
    def row(name: str, value: Callable[[Fanout], float], scale: float, goal: str = "") -> list[str]:
        with_it, without = (
            [value(fan_out) * scale for fan_out in stopped],
            [value(fan_out) * scale for fan_out in reading],
        )
        return [
            f"{size:,}",
            name,
            str(Spread.of(with_it)),
            str(Spread.of(without)),
            str(Spread.of_ratios(with_it, without)),
            goal,
        ]

    return [
        row(
            "trigger to the others' last delivery, ms",
            lambda fan_out: fan_out.last,
            1e3,
            "≤ 1.1 ×",
        ),
        row("trigger to the others' median, ms", lambda fan_out: fan_out.median, 1e3),
        row("server CPU per delivery, µs", lambda fan_out: fan_out.cpu, 1e6),
        # Anything less raises an error in `measure_publication`.
        [f"{size:,}", "the others got, %", "100", "100", "", "100"],
        [
            f"{size:,}",
            "kept in the kernel for the one that stopped, KB",
            str(Spread.of([waiting / 1024 for waiting in trial.stuck])),
            "",
            "",
            "",
        ],
        [
            f"{size:,}",
            "it had everything, once, after it went on, ms",
            str(Spread.of([seconds * 1e3 for seconds in trial.caught_up])),
            "",
            "",
            "",
        ],
    ]


def unsent(port: int, client: int) -> int | None:
    """Return the unsent bytes of the server's end of a loopback connection; None without one.

    Source: Linux, proc_net_tcp: local and remote address, state (01 is established), send and
    receive queue, in hexadecimal.
    """
    for line in Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]:
        _, local, remote, state, queues, *_ = line.split()
        if (local[-5:], remote[-5:], state) == (f":{port:04X}", f":{client:04X}", "01"):
            return int(queues.partition(":")[0], 16)
    return None
