"""The limits of one request: headers, body, cost, rate and origin."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import websockets
from structlog.testing import capture_logs

from store.records import Role
from store.registry import Store
from tests.callers import BJORKEN, STOCKHOLM, Api, Caller, Json, operation
from tests.exporting import fetched
from tests.serving import serving
from tests.trust.raw_http import connection, request_head

VIEWER = "{ viewer { roles } }"
SECONDS = 30


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


async def response_to(api: Api, *pieces: bytes) -> bytes:
    """Send a request in pieces. Returns the response once the server closes the connection."""
    async with connection(api) as (reader, writer):
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
        async with asyncio.timeout(SECONDS):
            return await reader.read()


def code_in(response: bytes) -> str:
    """The error code in the body of a response."""
    body = json.loads(response.partition(b"\r\n\r\n")[2])
    code: str = body["errors"][0]["extensions"]["code"]
    return code


# ------------------------------------------------------------- headers and bodies


async def test_missing_and_slow_headers_close_the_connection(strict: Api, region: Caller) -> None:
    silent = await response_to(strict)
    slow = await response_to(strict, request_head(region))

    assert silent.startswith(b"HTTP/1.1 408 ")
    assert slow.startswith(b"HTTP/1.1 408 ")
    assert b"connection: close" in slow


async def test_too_long_headers_close_the_connection(strict: Api, region: Caller) -> None:
    response = await response_to(strict, request_head(region), b"x: " + b"y" * 100_000)

    assert response.startswith(b"HTTP/1.1 431 ")


async def test_the_time_limit_for_headers_does_not_count_the_idle_time_before_them(
    strict: Api, region: Caller
) -> None:
    body = json.dumps({"query": VIEWER}).encode()
    request = request_head(region, f"content-length: {len(body)}") + b"\r\n" + body
    host, port = strict.root.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))

    responses = []
    for _ in range(3):
        writer.write(request)
        responses.append(await reader.readuntil(b"}}}"))
        await asyncio.sleep(0.4)  # Longer than the time limit for headers.
    writer.close()

    assert all(response.startswith(b"HTTP/1.1 200 ") for response in responses)


async def test_a_slow_body_is_refused(strict: Api, region: Caller) -> None:
    head = request_head(region, "content-length: 100")

    response = await response_to(strict, head, b'\r\n{"query": ')

    assert (response[:13], code_in(response)) == (b"HTTP/1.1 408 ", "REQUEST_TIMEOUT")


async def test_a_too_long_body_is_refused_by_its_declared_or_its_actual_length(
    strict: Api, region: Caller
) -> None:
    declared = await response_to(
        strict, request_head(region, "content-length: 999999999999"), b"\r\n"
    )
    absurd = await response_to(strict, request_head(region, "content-length: " + "9" * 18), b"\r\n")
    chunk = b"4000\r\n" + b" " * 0x4000 + b"\r\n"
    head = request_head(region, "transfer-encoding: chunked")
    streamed = await response_to(strict, head, b"\r\n", chunk, chunk)

    assert [(response[:13], code_in(response)) for response in (declared, absurd, streamed)] == [
        (b"HTTP/1.1 413 ", "BODY_TOO_LARGE")
    ] * 3


async def test_only_signed_in_callers_may_send_long_bodies_and_only_for_files_and_documents(
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
    assert [response.status_code for response in (other, mixed, nobody)] == [413] * 3


# ------------------------------------------------------------- cost and rate


async def test_the_cost_of_an_operation_is_reported_and_limited(
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


async def test_a_rate_limited_user_learns_when_to_retry_and_others_are_not_limited(
    mongodb_uri: str, store: Store, tmp_path: Path
) -> None:
    limits: Json = {"user_cost_per_second": 0.01, "user_cost_burst": 70}
    async with serving(tmp_path, mongodb_uri, store, development=True, **limits) as api:
        limited, other = (
            api.caller(Role.REGIONAL_ADMINISTRATOR, STOCKHOLM, employee=f"{STOCKHOLM}-{name}")
            for name in "AB"
        )
        responses = [await limited.post(VIEWER) for _ in range(4)]
        response_to_other = await other.post(VIEWER)
        async with limited.socket() as socket:
            await socket.subscribe(VIEWER)
            over_socket = await socket.message()
        stream = await limited.client.post(
            api.url,
            json={"query": VIEWER},
            headers={"authorization": f"Bearer {limited.token}", "accept": "text/event-stream"},
        )

        export = await fetched(limited, "clinics.csv")

    # The first two requests were also charged for reading their bodies.
    assert [response.status_code for response in responses] == [200, 200, 429, 429]
    assert response_to_other.status_code == 200
    error = responses[-1].json()["errors"][0]
    assert error["extensions"]["code"] == "RATE_LIMITED"
    assert int(responses[-1].headers["retry-after"]) == error["extensions"]["retryAfter"] > 0
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


async def test_long_bodies_are_charged_before_they_are_read(
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
        caller = api.caller(Role.REGIONAL_ADMINISTRATOR, STOCKHOLM)
        responses = [
            await caller.post(f"# {number} {'x' * 2_000}\n{long}", c="x" * 1_000)
            for number in range(4)
        ]
        stream = await caller.client.post(
            api.url,
            json={"query": f"# {'x' * 2_000}\n{long}"},
            headers={"authorization": f"Bearer {caller.token}", "accept": "text/event-stream"},
        )

    assert [response.status_code for response in responses] == [413, 413, 429, 429]
    assert [response.json()["errors"][0]["extensions"]["code"] for response in responses] == [
        "BODY_TOO_LARGE"
    ] * 2 + ["RATE_LIMITED"] * 2
    assert int(responses[-1].headers["retry-after"]) > 0
    assert (stream.status_code, stream.json()["errors"][0]["extensions"]["code"]) == (
        429,
        "RATE_LIMITED",
    )


async def test_the_part_of_a_too_long_body_that_was_read_is_charged_too(
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
            responses = [await caller.post(query % number, x="y" * 3_000) for number in range(3)]

    assert [
        (response.status_code, response.json()["errors"][0]["extensions"]["code"])
        for response in responses
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


# ------------------------------------------------------------- origin


async def test_websockets_need_the_servers_origin_an_allowed_one_or_none(strict: Api) -> None:
    url = strict.url.replace("http", "ws", 1)
    statuses = {}
    for origin in (
        None,
        strict.root,
        "https://verktyg.example",
        "https://ond.example",
        "null",
        strict.root.replace("http://", "http://x."),
    ):
        header = websockets.Origin(origin) if origin else None
        try:
            async with websockets.connect(
                url, subprotocols=[websockets.Subprotocol("graphql-transport-ws")], origin=header
            ):
                statuses[origin] = 101
        except websockets.InvalidStatus as refused:
            statuses[origin] = refused.response.status_code

    assert list(statuses.values()) == [101, 101, 101, 403, 403, 403]
