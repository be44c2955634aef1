"""An export of a million assignments as CSV, and the reads of other callers during it.

Run with `-s` to see the figures.
"""

import asyncio
import random
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median, quantiles
from uuid import uuid4

import httpx2
import psutil
import pytest

from resolvers.access import development_issuer
from resolvers.kinds.registrations import KINDS
from resolvers.reference.principals import reference_principals
from store.clinics.clinics import ClinicRow
from store.log.log import utc_now
from store.mongo.connection import Database, Row, connect
from store.mongo.indexes import create_indexes
from store.mongo.rows import assignment_row
from store.records import Assignment, AssignmentOrigin, Role
from store.registry import Store
from tests.faults.cluster import HERE
from tests.faults.servers import Server, servers
from tests.storage.building import ANNA, BY_ANNA, STOCKHOLM, published

pytestmark = [pytest.mark.soak, pytest.mark.timeout(1800)]

CLINICS, CASE_TYPES = 8_000, 125
ROWS = CLINICS * CASE_TYPES
READERS = 4
ROUNDS, ROUND_SECONDS = 5, 8
PAUSE_SECONDS = 0.02
QUERY = (
    "query($id: ID!) { caseType(id: $id) { id name state publishedVersion content { name"
    " introduction questions { key label kind } } } }"
)
FETCH = """
import sys, time, urllib.request
started = time.monotonic()
request = urllib.request.Request(sys.argv[1], headers={"authorization": "Bearer " + sys.argv[2]})
rows, size = 0, 0
with urllib.request.urlopen(request) as answer:
    total = answer.headers["x-total-rows"]
    first = time.monotonic() - started
    while piece := answer.read(1 << 20):
        rows += piece.count(b"\\n")
        size += len(piece)
print(total, rows, size, round(first, 2), round(time.monotonic() - started, 2))
"""


@dataclass(frozen=True)
class Registry:
    """A server process over a registry with a million assignments."""

    server: Server
    documents: list[str]
    token: str


@pytest.fixture(scope="module")
async def registry(
    mongodb_uri: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Registry]:
    client = connect(mongodb_uri)
    store = Store(Database(client, "casetypes"), KINDS)
    await client.drop_database("casetypes")
    await create_indexes(store.database)
    await store.principals.ensure(reference_principals())
    rows = [
        ClinicRow(number, f"{STOCKHOLM}-{number:05}", {"name": f"Vårdcentralen {number}"})
        for number in range(1, CLINICS + 1)
    ]
    await store.clinics.import_rows(STOCKHOLM, rows, dry_run=False, act=BY_ANNA)
    documents = []
    for _ in range(CASE_TYPES):
        document = await published(store)
        documents.append(document.id)
        # The rows of a distribution, without its 125 events of 8,000 clinics each.
        await store.database["assignments"].insert_many(
            [_assigned(row.hsa_id, document.id) for row in rows], ordered=False
        )
    folder = tmp_path_factory.mktemp("exports")
    async with servers(folder, mongodb_uri, [HERE]) as [server]:
        token = development_issuer.token(folder / "data", role=Role.REPORTER, unit=STOCKHOLM)
        yield Registry(server, documents, token)
    await store.log.close()
    await client.drop_database("casetypes")
    await client.close()


def _assigned(clinic: str, document: str) -> Row:
    return assignment_row(
        Assignment(
            f"as_{uuid4().hex[:24]}",
            clinic,
            document,
            STOCKHOLM,
            AssignmentOrigin.DISTRIBUTED,
            2,
            utc_now(),
            ANNA,
            arrival=2,
        )
    )


async def reading(registry: Registry, until: asyncio.Event) -> list[float]:
    """The time of each read of a document, in milliseconds, by `READERS` concurrent readers."""
    took: list[float] = []
    chosen = random.Random(7)  # noqa: S311

    async def reader(client: httpx2.AsyncClient) -> None:
        headers = {"authorization": f"Bearer {registry.token}"}
        while not until.is_set():
            started = time.perf_counter()
            body = {"query": QUERY, "variables": {"id": chosen.choice(registry.documents)}}
            answer = await client.post(registry.server.url, json=body, headers=headers)
            took.append((time.perf_counter() - started) * 1000)
            assert "errors" not in answer.json()
            await asyncio.sleep(PAUSE_SECONDS)

    async with httpx2.AsyncClient(timeout=60) as client:
        await asyncio.gather(*(reader(client) for _ in range(READERS)))
    return took


async def for_seconds(registry: Registry, seconds: float) -> list[float]:
    """The times of the reads during so many seconds."""
    until = asyncio.Event()
    asyncio.get_running_loop().call_later(seconds, until.set)
    return await reading(registry, until)


@contextmanager
def fetching(registry: Registry) -> Iterator[subprocess.Popen[str]]:
    """A client in its own process that fetches the export until the end of the block."""
    command = [
        sys.executable,
        "-c",
        FETCH,
        f"{registry.server.root}/exports/assignments.csv",
        registry.token,
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


async def test_an_export_of_a_million_assignments_uses_constant_memory(registry: Registry) -> None:
    assert registry.server._process is not None
    server = psutil.Process(registry.server._process.pid)
    await for_seconds(registry, 2)
    idle = peak = server.memory_info().rss

    with fetching(registry) as process:
        while process.poll() is None:
            peak = max(peak, server.memory_info().rss)
            await asyncio.sleep(0.1)
        assert process.stdout is not None
        total, rows, size, first, seconds = process.stdout.read().split()

    figures = (
        f"{rows} lines, {int(size) / 1e6:.0f} MB in {seconds} s, the first byte after {first} s"
    )
    print(f"\n{figures}; memory {idle / 1e6:.0f} MB, at most {peak / 1e6:.0f} MB")  # noqa: T201 - for `pytest -s`
    assert (int(total), int(rows)) == (ROWS, ROWS + 1)
    assert peak - idle < 100e6


async def test_an_export_of_a_million_assignments_does_not_slow_other_reads(
    registry: Registry,
) -> None:
    await for_seconds(registry, 3)
    slowest: dict[str, list[float]] = {"quiet": [], "export": []}

    for _ in range(ROUNDS):
        slowest["quiet"].append(quantiles(await for_seconds(registry, ROUND_SECONDS), n=100)[98])
        with fetching(registry) as process:
            await asyncio.sleep(4)  # the export counts its rows first
            slowest["export"].append(
                quantiles(await for_seconds(registry, ROUND_SECONDS), n=100)[98]
            )
            assert process.poll() is None, "the export ended before the reads did"

    for situation, found in slowest.items():
        print(  # noqa: T201
            f"\np99 of one document, {situation}:"
            f" {', '.join(f'{p99:.1f}' for p99 in found)}; median"
            f" {median(found):.1f} ms",
            end="",
        )
    assert median(slowest["export"]) <= 2 * median(slowest["quiet"])
