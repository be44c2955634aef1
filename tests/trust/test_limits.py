"""The limits of one request: headers, body, time, cost, rate and origin."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from inspect import signature
from pathlib import Path

import pytest
import websockets
from structlog.testing import capture_logs

from store.mongo.connection import Database
from store.records import Role
from store.registry import Store
from tests.callers import BJORKEN, LINDEN, STOCKHOLM, Api, Caller, Json, operation
from tests.exporting import fetched
from tests.serving import serving
from tests.world import World

VIEWER = "{ viewer { roles } }"
SECONDS = 30
READS = signature(Database).parameters["reads"].default


@pytest.fixture
async def strict(mongodb_uri: str, store: Store, tmp_path: Path) -> AsyncIterator[Api]:
    """The application with low limits."""
    limits: Json = {
        "body_bytes": 2_000,
        "import_bytes": 20_000,
        "body_seconds": 0.3,
        "header_seconds": 0.3,
        "origins": ("https://verktyg.example",),
    }
    async with serving(tmp_path, mongodb_uri, store, development=True, **limits) as api:
        yield api


@pytest.fixture
def region(strict: Api) -> Caller:
    return strict.caller(Role.REGIONAL_ADMINISTRATOR, STOCKHOLM)


async def said(api: Api, *pieces: bytes) -> bytes:
    """The server's reply to pieces of a request, until it closes the connection."""
    host, port = api.root.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    for piece in pieces:
        writer.write(piece)
        await writer.drain()
    async with asyncio.timeout(SECONDS):
        answer = await reader.read()
    writer.close()
    return answer


def head(caller: Caller, *lines: str) -> bytes:
    """The start of a request."""
    common = (
        "POST /graphql HTTP/1.1",
        "host: x",
        f"authorization: Bearer {caller.token}",
        "content-type: application/json",
        *lines,
    )
    return "".join(f"{line}\r\n" for line in common).encode()


def code_in(answer: bytes) -> str:
    """The error code in a response's body."""
    code: str = json.loads(answer.partition(b"\r\n\r\n")[2])["errors"][0]["extensions"]["code"]
    return code


# ------------------------------------------------------------- headers and bodies


async def test_headers_that_do_not_come_or_not_in_time_close_the_connection(
    strict: Api, region: Caller
) -> None:
    silent = await said(strict)
    slow = await said(strict, head(region))

    assert silent.startswith(b"HTTP/1.1 408 ")
    assert slow.startswith(b"HTTP/1.1 408 ")
    assert b"connection: close" in slow


async def test_headers_that_are_too_long_close_the_connection(strict: Api, region: Caller) -> None:
    assert (await said(strict, head(region), b"x: " + b"y" * 100_000)).startswith(b"HTTP/1.1 431 ")


async def test_a_request_that_began_in_time_is_answered_however_long_the_connection_was_idle_before(
    strict: Api, region: Caller
) -> None:
    body = json.dumps({"query": VIEWER}).encode()
    request = head(region, f"content-length: {len(body)}") + b"\r\n" + body
    host, port = strict.root.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))

    answers = []
    for _ in range(3):
        writer.write(request)
        answers.append(await reader.readuntil(b"}}}"))
        await asyncio.sleep(0.4)  # longer than headers may take
    writer.close()

    assert all(answer.startswith(b"HTTP/1.1 200 ") for answer in answers)


async def test_a_body_that_comes_too_slowly_is_refused(strict: Api, region: Caller) -> None:
    answer = await said(strict, head(region, "content-length: 100"), b'\r\n{"query": ')

    assert (answer[:13], code_in(answer)) == (b"HTTP/1.1 408 ", "REQUEST_TIMEOUT")


async def test_a_body_that_is_too_long_is_refused_by_its_announced_length_or_once_it_has_come(
    strict: Api, region: Caller
) -> None:
    announced = await said(strict, head(region, "content-length: 999999999999"), b"\r\n")
    absurd = await said(strict, head(region, "content-length: " + "9" * 18), b"\r\n")
    chunk = b"4000\r\n" + b" " * 0x4000 + b"\r\n"
    streamed = await said(strict, head(region, "transfer-encoding: chunked"), b"\r\n", chunk, chunk)

    assert [(answer[:13], code_in(answer)) for answer in (announced, absurd, streamed)] == [
        (b"HTTP/1.1 413 ", "BODY_TOO_LARGE")
    ] * 3


async def test_only_operations_that_take_files_or_documents_of_signed_in_callers_may_be_long(
    strict: Api, region: Caller
) -> None:
    importing = (
        'mutation($c: String!) { clinicsImport(input: { principal: "SE2321000016", csv: $c }) {'
        " created errors { code } } }"
    )
    csv = "hsaId,name\n" + "".join(
        f"SE2321000016-L{number:03},Mottagning\n" for number in range(100)
    )
    both = importing.replace(
        "{ clinicsImport",
        '{ documentArchive(input: { id: "x", expectedVersion: 1 }) { errors { code } }'
        " clinicsImport",
    )

    imported = await region.post(importing, c=csv)
    other = await region.post(
        "query($c: String) { caseTypes(filter: { text: $c }) { totalCount } }", c=csv
    )
    mixed = await region.post(both, c=csv)
    nobody = await strict.nobody().post(importing, c=csv)
    template = await region.post(
        operation("templateImport", "event { id }"), input={"owner": STOCKHOLM, "file": csv}
    )
    replies = [{"key": "a", "label": "A", "text": csv}]
    adaptation = {
        "caseType": "ct_x",
        "clinic": BJORKEN,
        "expectedVersion": 0,
        "standardReplies": replies,
        "terms": [],
    }
    adapted = await region.post(operation("localAdaptationSave", "event { id }"), input=adaptation)

    assert imported.json()["data"]["clinicsImport"] == {"created": 100, "errors": []}
    assert template.json()["data"]["templateImport"]["errors"][0]["code"] == "MALFORMED"
    assert adapted.json()["data"]["localAdaptationSave"]["errors"][0]["code"] == "NOT_FOUND"
    assert [answer.status_code for answer in (other, mixed, nobody)] == [413] * 3


# ------------------------------------------------------------- cost


async def test_what_an_operation_may_come_to_is_told_and_bounded(
    mongodb_uri: str, store: Store, tmp_path: Path
) -> None:
    query = "query($n: Int = 10) { caseTypes(first: $n) { edges { node { id name } } } }"

    async with serving(tmp_path, mongodb_uri, store, development=True, query_cost=200) as api:
        region = api.caller(Role.REGIONAL_ADMINISTRATOR, STOCKHOLM)
        small = (await region.post(query)).json()
        smaller = (await region.post(query, n=1)).json()
        large = (await region.post(query, n=100)).json()

    assert small["extensions"] == {"cost": {"requested": 10 + 1 + 1 + 10 * 3, "limit": 200}}
    assert smaller["extensions"] == {"cost": {"requested": 10 + 1 + 1 + 3, "limit": 200}}
    assert large["extensions"] == {"cost": {"requested": 10 + 1 + 1 + 100 * 3, "limit": 200}}
    assert large["data"] is None
    assert large["errors"][0]["extensions"] == {
        "code": "QUERY_TOO_COMPLEX",
        "limit": "cost",
        "most": 200,
    }


async def test_who_asks_too_often_is_told_when_to_come_back_and_others_are_not_held_up(
    mongodb_uri: str, store: Store, tmp_path: Path
) -> None:
    limits: Json = {"user_cost_per_second": 0.01, "user_cost_burst": 70}
    async with serving(tmp_path, mongodb_uri, store, development=True, **limits) as api:
        one, other = (
            api.caller(Role.REGIONAL_ADMINISTRATOR, STOCKHOLM, employee=f"{STOCKHOLM}-{name}")
            for name in "AB"
        )
        answers = [await one.post(VIEWER) for _ in range(4)]
        others = await other.post(VIEWER)
        async with one.socket() as socket:
            await socket.subscribe(VIEWER)
            over_socket = await socket.message()
        stream = await one.client.post(
            api.url,
            json={"query": VIEWER},
            headers={"authorization": f"Bearer {one.token}", "accept": "text/event-stream"},
        )

        export = await fetched(one, "clinics.csv")

    assert [answer.status_code for answer in answers] == [
        200,
        200,
        429,
        429,
    ]  # both paid for being read, too
    assert others.status_code == 200
    error = answers[-1].json()["errors"][0]
    assert error["extensions"]["code"] == "RATE_LIMITED"
    assert int(answers[-1].headers["retry-after"]) == error["extensions"]["retryAfter"] > 0
    assert (over_socket["type"], over_socket["payload"][0]["extensions"]["code"]) == (
        "error",
        "RATE_LIMITED",
    )
    assert (stream.status_code, stream.json()["errors"][0]["extensions"]["code"]) == (
        429,
        "RATE_LIMITED",
    )
    assert int(stream.headers["retry-after"]) > 0
    assert (export.status_code, export.json()["code"]) == (429, "RATE_LIMITED")
    assert int(export.headers["retry-after"]) > 0


async def test_long_bodies_are_paid_for_before_they_are_read(
    mongodb_uri: str, store: Store, tmp_path: Path
) -> None:
    limits: Json = {
        "user_cost_per_second": 0.01,
        "user_cost_burst": 5_000,
        "body_bytes": 2_000,
        "import_bytes": 20_000,
    }
    long = "query($c: String) { caseTypes(filter: { text: $c }) { totalCount } }"
    async with serving(tmp_path, mongodb_uri, store, development=True, **limits) as api:
        one = api.caller(Role.REGIONAL_ADMINISTRATOR, STOCKHOLM)
        answers = [
            await one.post(f"# {number} {'x' * 2_000}\n{long}", c="x" * 1_000)
            for number in range(4)
        ]
        stream = await one.client.post(
            api.url,
            json={"query": f"# {'x' * 2_000}\n{long}"},
            headers={"authorization": f"Bearer {one.token}", "accept": "text/event-stream"},
        )

    assert [answer.status_code for answer in answers] == [413, 413, 429, 429]
    assert [answer.json()["errors"][0]["extensions"]["code"] for answer in answers] == [
        "BODY_TOO_LARGE"
    ] * 2 + ["RATE_LIMITED"] * 2
    assert int(answers[-1].headers["retry-after"]) > 0
    assert (stream.status_code, stream.json()["errors"][0]["extensions"]["code"]) == (
        429,
        "RATE_LIMITED",
    )


async def test_what_is_read_of_a_body_that_is_too_long_is_paid_for_too(
    mongodb_uri: str, store: Store, tmp_path: Path
) -> None:
    limits: Json = {
        "body_bytes": 2_000,
        "import_bytes": 20_000,
        "user_cost_per_second": 0.01,
        "user_cost_burst": 100,
    }
    query = "query Q%d($x: String) { caseTypes(filter: { text: $x }) { totalCount } }"
    async with serving(tmp_path, mongodb_uri, store, development=True, **limits) as api:
        caller = api.caller(Role.REGIONAL_ADMINISTRATOR, STOCKHOLM)
        with capture_logs() as logs:
            answers = [await caller.post(query % number, x="y" * 3_000) for number in range(3)]

    assert [
        (answer.status_code, answer.json()["errors"][0]["extensions"]["code"]) for answer in answers
    ] == [
        (413, "BODY_TOO_LARGE"),
        (429, "RATE_LIMITED"),
        (429, "RATE_LIMITED"),
    ]
    assert [entry["codes"] for entry in logs if entry["event"] == "refused"] == [
        ["BODY_TOO_LARGE"],
        ["RATE_LIMITED"],
        ["RATE_LIMITED"],
    ]


# ------------------------------------------------------------- time


@asynccontextmanager
async def no_reads(api: Api) -> AsyncIterator[asyncio.Semaphore]:
    """Block all reads of the application."""
    turns: asyncio.Semaphore = api.live.hub._store.database._reads
    for _ in range(READS):  # those that are under way are waited for
        await turns.acquire()
    yield turns
    for _ in range(READS):
        turns.release()


def waiting(turns: asyncio.Semaphore) -> int:
    """How many reads are waiting."""
    return len([one for one in turns._waiters or () if not one.done()])


async def until(condition: Callable[[], bool]) -> None:
    """Wait for a condition, with a deadline."""
    async with asyncio.timeout(SECONDS):
        while not condition():  # noqa: ASYNC110 - nothing tells of it
            await asyncio.sleep(0.01)


@pytest.fixture
async def hasty(mongodb_uri: str, store: Store, tmp_path: Path) -> AsyncIterator[Api]:
    """The application with a short timeout."""
    async with serving(tmp_path, mongodb_uri, store, development=True, deadline_seconds=0.5) as api:
        await api.caller(Role.REGIONAL_ADMINISTRATOR, STOCKHOLM).ask(
            VIEWER
        )  # what is kept for all is read
        yield api


QUERY = f'{{ clinic(hsaId: "{BJORKEN}") {{ name }} }}'


async def test_a_query_that_takes_too_long_is_ended_and_waits_for_nothing_any_more(
    hasty: Api,
) -> None:
    caller = hasty.caller(Role.REGIONAL_ADMINISTRATOR, STOCKHOLM)
    async with no_reads(hasty) as turns:
        over_http = await caller.post(QUERY)
        async with caller.socket() as socket:
            await socket.subscribe(QUERY)
            over_socket = await socket.message()
        left = waiting(turns)

    assert over_http.json()["errors"][0]["extensions"]["code"] == "DEADLINE_EXCEEDED"
    assert (over_socket["type"], over_socket["payload"][0]["extensions"]["code"]) == (
        "error",
        "DEADLINE_EXCEEDED",
    )
    assert left == 0


async def test_the_time_of_an_operation_and_how_many_are_under_way_bound_the_reading_of_tags_too(
    mongodb_uri: str, store: Store, tmp_path: Path
) -> None:
    query = json.dumps({"query": '{ caseType(id: "ct_0") { name } }'})
    async with serving(
        tmp_path, mongodb_uri, store, development=True, user_operations=2, deadline_seconds=0.5
    ) as api:
        caller = api.caller(Role.REGIONAL_ADMINISTRATOR, STOCKHOLM)
        headers = {
            "authorization": f"Bearer {caller.token}",
            "content-type": "application/json",
            "if-none-match": '""',
        }
        await caller.ask(VIEWER)
        async with no_reads(api) as turns:
            asked = [
                asyncio.create_task(caller.client.post(api.url, content=query, headers=headers))
                for _ in range(5)
            ]
            await until(lambda: waiting(turns) > 0)
            await api.nobody().refused(VIEWER)  # the server has had its time
            under_way = waiting(turns)
            async with asyncio.timeout(SECONDS):
                answers = await asyncio.gather(*asked)

    assert under_way == 2
    assert {answer.json()["errors"][0]["extensions"]["code"] for answer in answers} == {
        "DEADLINE_EXCEEDED"
    }


async def test_the_time_of_operations_ends_reports_but_no_export(hasty: Api) -> None:
    caller = hasty.caller(Role.REGIONAL_ADMINISTRATOR, STOCKHOLM)
    await caller.done(
        "clinicsImport",
        "created",
        principal=STOCKHOLM,
        csv="hsaId,name\n" + f"{BJORKEN},Björken\n{LINDEN},Linden\n",
    )
    await fetched(caller, "clinics.csv")  # what is kept for all is read
    async with no_reads(hasty) as turns:
        export = asyncio.create_task(fetched(caller, "clinics.ndjson"))
        await until(lambda: waiting(turns) > 0)
        report = (await caller.post("{ reports { caseTypesPerClinic { totalCount } } }")).json()
        still = waiting(turns)
    answer = await export

    assert report["errors"][0]["extensions"]["code"] == "DEADLINE_EXCEEDED"
    assert still == 1
    assert (answer.status_code, len(answer.text.splitlines())) == (200, 2)


async def test_a_client_that_hangs_up_ends_its_query(api: Api) -> None:
    caller = api.caller(Role.REGIONAL_ADMINISTRATOR, STOCKHOLM)
    await caller.ask(VIEWER)
    body = json.dumps({"query": QUERY}).encode()
    host, port = api.root.removeprefix("http://").split(":")
    async with no_reads(api) as turns:
        for accept in ("application/json", "text/event-stream"):
            _, writer = await asyncio.open_connection(host, int(port))
            writer.write(
                head(caller, f"content-length: {len(body)}", f"accept: {accept}") + b"\r\n" + body
            )
            await until(lambda: waiting(turns) == 1)

            writer.transport.abort()

            await until(lambda: waiting(turns) == 0)
        async with caller.socket() as socket:
            await socket.subscribe(QUERY)
            await until(lambda: waiting(turns) == 1)
        await until(lambda: waiting(turns) == 0)


async def test_a_write_that_takes_too_long_has_an_unknown_outcome_and_is_done_once_when_it_is_repeated(
    hasty: Api,
) -> None:
    caller = hasty.caller(Role.REGIONAL_ADMINISTRATOR, STOCKHOLM)
    content = {"name": "Ny", "internalName": "Ny"}
    save = operation("caseTypeCreate", "event { sequence }")
    given = {"owner": STOCKHOLM, "content": content, "idempotencyKey": "once"}
    admin = hasty.store.database.client["admin"]

    await admin.command("fsync", lock=True)
    try:
        unknown = (await caller.post(save, input=given)).json()
    finally:
        await admin.command("fsyncUnlock")
    async with asyncio.timeout(SECONDS):
        while "errors" in (again := (await caller.post(save, input=given)).json()):
            assert again["errors"][0]["extensions"]["code"] == "OUTCOME_UNKNOWN"
    log = await caller.ask(f'{{ principal(hsaId: "{STOCKHOLM}") {{ events {{ totalCount }} }} }}')

    assert unknown["errors"][0]["extensions"]["code"] == "OUTCOME_UNKNOWN"
    assert again["data"]["caseTypeCreate"] == {"event": {"sequence": 1}, "errors": []}
    assert log["principal"]["events"]["totalCount"] == 1


async def test_a_user_has_so_many_operations_under_way_and_the_others_wait_in_order(
    mongodb_uri: str, store: Store, tmp_path: Path
) -> None:
    async with serving(tmp_path, mongodb_uri, store, development=True, user_operations=2) as api:
        one, other = (
            api.caller(Role.REGIONAL_ADMINISTRATOR, STOCKHOLM, employee=f"{STOCKHOLM}-{name}")
            for name in "AB"
        )
        await asyncio.gather(one.ask(VIEWER), other.ask(VIEWER))
        async with no_reads(api) as turns:
            asked = [
                asyncio.create_task(caller.ask(QUERY)) for caller in (one, one, one, one, other)
            ]
            await until(lambda: waiting(turns) == 3)
            await api.nobody().refused(VIEWER)  # the server has had its time
            under_way = waiting(turns)
        answers = await asyncio.gather(*asked)

    assert under_way == 3
    assert answers == [{"clinic": None}] * 5


# ------------------------------------------------------------- from which page


async def test_only_pages_of_this_server_and_named_ones_open_websockets(strict: Api) -> None:
    url = strict.url.replace("http", "ws", 1)
    found = {}
    for origin in (
        None,
        strict.root,
        "https://verktyg.example",
        "https://ond.example",
        "null",
        strict.root.replace("http://", "http://x."),
    ):
        named = websockets.Origin(origin) if origin else None
        try:
            async with websockets.connect(
                url, subprotocols=[websockets.Subprotocol("graphql-transport-ws")], origin=named
            ):
                found[origin] = 101
        except websockets.InvalidStatus as refused:
            found[origin] = refused.response.status_code

    assert list(found.values()) == [101, 101, 101, 403, 403, 403]


# ------------------------------------------------------------- what is told


async def test_the_log_tells_who_asked_what_at_which_cost_and_nothing_of_the_content(
    world: World,
) -> None:
    query = "query Words($text: String!) { caseTypes(filter: { text: $text }) { totalCount } }"

    with capture_logs() as logs:
        answer = await world.region.post(query, text="hemligt ord")
        refused = await world.region.post("{ nothing }")

    [first, second] = logs
    assert 0 < first.pop("duration_ms") < SECONDS * 1000
    assert first == {
        "event": "answered",
        "log_level": "info",
        "request_id": answer.headers["x-request-id"],
        "viewer": "SE2321000016-RA",
        "transport": "http",
        "operation": "Words",
        "kind": "query",
        "fields": ["caseTypes"],
        "cost": 12,
        "codes": [],
    }
    assert (second["event"], second["codes"]) == ("refused", ["GRAPHQL_VALIDATION_FAILED"])
    assert second["request_id"] == refused.headers["x-request-id"]
    assert not [word for word in ("hemligt", str(world.region.token)) if word in str(logs)]


async def test_the_schema_is_told_only_to_those_who_need_it(world: World) -> None:
    asked = {
        name: await getattr(world, name).post("{ __schema { queryType { name } } }")
        for name in ("national", "region", "reporter")
    }
    refused = {
        name: await getattr(world, name).refused('{ __type(name: "Query") { name } }')
        for name in ("clinic_admin", "staff", "reviewer")
    }
    hidden = await world.staff.refused(
        "{ ...F } fragment F on Query { ... { s: __schema { queryType { name } } } }"
    )

    assert {
        answer.json()["data"]["__schema"]["queryType"]["name"] for answer in asked.values()
    } == {"Query"}
    assert set(map(tuple, [*refused.values(), hidden])) == {("INTROSPECTION_NOT_PERMITTED",)}
    assert await world.staff.ask("{ __typename }") == {"__typename": "Query"}


async def test_an_answer_has_five_errors_at_most_and_suggests_nothing(world: World) -> None:
    many = await world.region.post(
        "{ " + " ".join(f"caseTypez{number}" for number in range(50)) + " viewr { rolez } }"
    )
    given = {f"n{number}": "x" for number in range(20)}
    declared = " ".join(f"${name}: Int" for name in given)
    used = " ".join(f"{name}: caseTypes(first: ${name}) {{ totalCount }}" for name in given)
    variables = await world.region.post(f"query({declared}) {{ {used} }}", **given)
    denied = " ".join(
        f'a{number}: principal(hsaId: "{STOCKHOLM}") {{ events {{ totalCount }} }}'
        for number in range(20)
    )
    executed = await world.staff.post(f"{{ {denied} }}")

    assert [len(answer.json()["errors"]) for answer in (many, variables, executed)] == [5, 5, 5]
    assert "Did you mean" not in many.text + variables.text
