"""Hundreds of hostile bodies, websocket messages and export addresses.

None causes a fault, and each error in a response has a documented code.
"""

import asyncio
import json
import time
from collections.abc import Iterator

import pytest
import websockets
from structlog.testing import capture_logs

from tests.callers import Caller, Json
from tests.trust.corpus import VIEWER, bodies, exports, frames
from tests.trust.responses import assert_documented_errors, assert_safe_response
from tests.world import World
from transport.json_input import NotJson, read_json

PROTOCOL = websockets.Subprotocol("graphql-transport-ws")
CLOSE_CODES = {4400, 4401, 4409, 4429, 1007, 1009}
BODIES = bodies()
FRAMES = frames()
ADDRESSES = exports()


def test_the_corpus_is_large_and_has_no_duplicates() -> None:
    assert len(BODIES) > 500
    assert len(FRAMES) > 200
    assert len(set(BODIES)) == len(BODIES)
    assert len(set(FRAMES)) == len(FRAMES)
    assert len(ADDRESSES) > 200
    assert len(set(ADDRESSES)) == len(ADDRESSES)


def test_brackets_count_as_lists_outside_strings_only() -> None:
    text = json.dumps({"file": json.dumps([[], {"a": '"'}] * 30_000)})
    lists = '{"file": "\\"", "x": [' + "[]," * 50_000 + "1]}"

    assert read_json(text.encode()) == read_json(text) == json.loads(text)
    for body in (lists, lists.encode()):
        with pytest.raises(NotJson):
            read_json(body)


TOO_MANY: dict[str, tuple[str, str]] = {
    "strings": ("[" + '"[",' * 100_000 + '""]', "strings"),
    "strings that end in a backslash": ("[" + '"\\\\",' * 200_000 + '""]', "strings"),
    "keys": ("{" + ",".join(f'"{number}":1' for number in range(100_001)) + "}", "strings"),
    "numbers": ("[" + "1," * 100_001 + "1]", "values"),
    "pairs": ("[" + "[]," * 50_000 + "1]", "lists and objects"),
}


@pytest.mark.parametrize("case", TOO_MANY)
def test_too_many_values_are_refused_before_they_are_parsed(case: str) -> None:
    text, counted = TOO_MANY[case]

    for body in (text, text.encode()):
        with pytest.raises(NotJson, match=f"more than [0-9]+ {counted}"):
            read_json(body)


def test_a_string_can_have_any_number_of_commas_quotes_and_brackets() -> None:
    file = 'SE2321000016-1A01,"Vårdcentralen [Björken]",{}\n' * 60_000

    assert read_json(json.dumps({"csv": file})) == {"csv": file}


@pytest.mark.parametrize("end", [b"", b"\\"])
def test_an_unterminated_string_is_scanned_once(end: bytes) -> None:
    def seconds(text: bytes) -> float:
        started_at = time.process_time()
        with pytest.raises(NotJson):
            read_json(text)
        return time.process_time() - started_at

    few, many = (
        min(seconds(b'"' + b'[\\"' * number + end) for _ in range(3))
        for number in (51_000, 204_000)
    )

    assert many < few * 10  # a scan from each quotation mark would take minutes, and 16 times more


@pytest.fixture
def no_faults() -> Iterator[None]:
    """Fail if anything is logged as an error, or with an exception, during the test."""
    with capture_logs() as logs:
        yield
    assert [
        entry
        for entry in logs
        if entry["log_level"] not in {"info", "warning"} or "exc_info" in entry
    ] == []


async def post_safely(caller: Caller, body: bytes, **headers: str) -> int:
    """Post a body and assert that the response is safe. Returns its status code."""
    all_headers = {
        "authorization": f"Bearer {caller.token}",
        "content-type": "application/json",
        **headers,
    }
    raw = [(name.encode(), value.encode("latin-1")) for name, value in all_headers.items()]
    response = await caller.client.post(caller.api.url, content=body, headers=raw)
    assert_safe_response(response, body[:300])
    return response.status_code


@pytest.mark.usefixtures("no_faults")
async def test_every_body_gets_a_safe_response_in_both_media_types(world: World) -> None:
    statuses = set()
    for number, body in enumerate(BODIES):
        accept = ("application/json", "application/graphql-response+json")[number % 2]
        statuses.add(await post_safely(world.region, body, accept=accept))

    assert statuses <= {200, 400, 413}
    assert await world.region.ask(VIEWER) == {"viewer": {"roles": ["REGIONAL_ADMINISTRATOR"]}}


@pytest.mark.usefixtures("no_faults")
async def test_every_message_is_answered_or_closes_its_websocket_with_a_protocol_code(
    world: World,
) -> None:
    for frame in FRAMES:
        async with world.region.socket() as socket:
            await socket.ws.send(frame)
            await socket.ws.send(
                json.dumps({"type": "subscribe", "id": "after", "payload": {"query": VIEWER}})
            )
            for message in await messages_until_after(socket.ws):
                errors = (
                    message["payload"]
                    if message["type"] == "error"
                    else message.get("payload", {}).get("errors", [])
                )
                assert_documented_errors(errors, frame[:300])
            assert socket.ws.close_code in CLOSE_CODES | {None}, (socket.ws.close_code, frame[:300])


@pytest.mark.usefixtures("no_faults")
async def test_every_export_address_returns_rows_or_a_problem(world: World) -> None:
    statuses = set()
    for address in ADDRESSES:
        response = await world.region.client.get(
            f"{world.api.root}/exports/{address}",
            headers={"authorization": f"Bearer {world.region.token}"},
        )
        statuses.add(response.status_code)
        if response.status_code == 200:
            assert response.headers["x-content-type-options"] == "nosniff"
        else:
            assert_safe_response(response, address[:300])

    assert statuses <= {200, 307, 400, 403, 404, 405}


@pytest.mark.usefixtures("no_faults")
async def test_exports_accept_only_get_and_only_signed_in_callers(world: World) -> None:
    url = f"{world.api.root}/exports/clinics.csv"
    signed_in = {"authorization": f"Bearer {world.region.token}"}
    odd_headers: list[dict[str, str]] = [
        {"if-none-match": "\u00e5" * 100},
        {"range": "bytes=0-0"},
        {"accept-encoding": "gzip;q=x, *;q=2"},
        {"accept": "x"},
        {"accept": "*/*;q=x"},
    ]

    other_methods = [
        await world.region.client.request(method, url, headers=signed_in)
        for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS")
    ]
    without_token = [
        await world.region.client.get(url, headers={"authorization": text})
        for text in ("", "Bearer", "Bearer a.b.c", "Basic eA==")
    ]
    with_odd_headers = [
        await world.region.client.get(
            url,
            headers=[
                (name.encode(), value.encode("latin-1"))
                for name, value in (signed_in | headers).items()
            ],
        )
        for headers in odd_headers
    ]

    for response in (*other_methods, *without_token):
        assert_safe_response(response, (response.request.method, response.request.headers))
    assert [response.status_code for response in other_methods] == [405] * 5
    assert [response.status_code for response in without_token] == [401] * 4
    assert [response.status_code for response in with_odd_headers] == [200] * 3 + [406] * 2


async def messages_until_after(ws: websockets.ClientConnection) -> list[Json]:
    """All messages until the operation `after` is answered or the websocket is closed.

    Pongs and acknowledgements are left out.
    """
    messages: list[Json] = []
    try:
        async with asyncio.timeout(20):
            while not messages or (messages[-1].get("id"), messages[-1]["type"]) != (
                "after",
                "next",
            ):
                messages.append(json.loads(await ws.recv()))
    except websockets.ConnectionClosed:
        pass
    return [message for message in messages if message["type"] not in {"pong", "connection_ack"}]


@pytest.mark.usefixtures("no_faults")
async def test_syntax_and_validation_errors_do_not_close_the_websocket(world: World) -> None:
    async with world.region.socket() as socket:
        for number, document in enumerate(
            ["{", "{ nothing }", "query A { viewer { roles } }", "mutation {", "\x00"]
        ):
            await socket.subscribe(document, id=str(number))
            message = await socket.message()
            assert message["id"] == str(number)
            if message["type"] == "next":
                await socket.message()
        await socket.started()


@pytest.mark.usefixtures("no_faults")
async def test_each_unusual_header_gets_its_status_code(world: World) -> None:
    body = json.dumps({"query": VIEWER}).encode()
    unusual: list[tuple[dict[str, str], int]] = [
        ({"content-type": "text/plain"}, 415),
        ({"content-type": "application/json; charset=latin-1"}, 415),
        ({"content-type": "multipart/form-data; boundary=x"}, 415),
        ({"content-type": ""}, 415),
        ({"accept": "text/html"}, 406),
        ({"accept": "application/json;q=0"}, 406),
        ({"accept": "application/json;q=x"}, 406),
        ({"accept": ",;q=1,/"}, 406),
        ({"authorization": ""}, 200),
        ({"authorization": "Bearer"}, 200),
        ({"authorization": "Basic eA=="}, 200),
        ({"authorization": "Bearer \u00e5\u00e4\u00f6"}, 200),
        ({"authorization": f"Bearer {'x' * 20_000}"}, 200),
        ({"authorization": "Bearer a.b.c", "accept": "application/graphql-response+json"}, 401),
        ({"last-event-id": "\u00e5"}, 200),
        ({"x-http-method-override": "DELETE"}, 200),
    ]

    found = [(headers, await post_safely(world.region, body, **headers)) for headers, _ in unusual]

    assert found == unusual
