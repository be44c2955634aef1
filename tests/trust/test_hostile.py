"""A few hundred hostile bodies and frames: none fails, none is answered without a code, none leaves
a stack trace, and none costs the others.
"""

import asyncio
import json
import time
from collections.abc import Iterator

import pytest
import websockets
from structlog.testing import capture_logs

from tests.callers import Caller, Json
from tests.trust.answers import assert_coded, assert_decent
from tests.trust.corpus import VIEWER, bodies, exports, frames
from tests.world import World
from transport.json_input import NotJson, read_json

PROTOCOL = websockets.Subprotocol("graphql-transport-ws")
CLOSES = {4400, 4401, 4409, 4429, 1007, 1009}
BODIES = bodies()
FRAMES = frames()
ADDRESSES = exports()


def test_the_corpus_is_some_hundred_pieces_and_has_none_twice() -> None:
    assert len(BODIES) > 500
    assert len(FRAMES) > 200
    assert len(set(BODIES)) == len(BODIES)
    assert len(set(FRAMES)) == len(FRAMES)
    assert len(ADDRESSES) > 200
    assert len(set(ADDRESSES)) == len(ADDRESSES)


def test_brackets_in_a_text_are_no_lists_and_lists_beside_texts_are() -> None:
    text = json.dumps({"file": json.dumps([[], {"a": '"'}] * 30_000)})
    lists = '{"file": "\\"", "x": [' + "[]," * 50_000 + "1]}"

    assert read_json(text.encode()) == read_json(text) == json.loads(text)
    for many in (lists, lists.encode()):
        with pytest.raises(NotJson):
            read_json(many)


MANY: dict[str, tuple[str, str]] = {
    "strings": ("[" + '"[",' * 100_000 + '""]', "strings"),
    "strings that end in a backslash": ("[" + '"\\\\",' * 200_000 + '""]', "strings"),
    "keys": ("{" + ",".join(f'"{number}":1' for number in range(100_001)) + "}", "strings"),
    "numbers": ("[" + "1," * 100_001 + "1]", "values"),
    "pairs": ("[" + "[]," * 50_000 + "1]", "lists and objects"),
}


@pytest.mark.parametrize("what", MANY)
def test_more_values_than_any_operation_needs_are_refused_before_they_are_made(what: str) -> None:
    text, of_what = MANY[what]

    for body in (text, text.encode()):
        with pytest.raises(NotJson, match=f"more than [0-9]+ {of_what}"):
            read_json(body)


def test_a_file_may_have_any_number_of_commas_quotes_and_brackets() -> None:
    file = 'SE2321000016-1A01,"Vårdcentralen [Björken]",{}\n' * 60_000

    assert read_json(json.dumps({"csv": file})) == {"csv": file}


@pytest.mark.parametrize("end", [b"", b"\\"])
def test_a_string_without_an_end_is_looked_through_once(end: bytes) -> None:
    def seconds(text: bytes) -> float:
        begun = time.process_time()
        with pytest.raises(NotJson):
            read_json(text)
        return time.process_time() - begun

    few, many = (
        min(seconds(b'"' + b'[\\"' * number + end) for _ in range(3))
        for number in (51_000, 204_000)
    )

    assert many < few * 10  # if each quotation mark were tried: 16, and minutes


@pytest.fixture
def no_faults() -> Iterator[None]:
    """Nothing is logged as a fault meanwhile."""
    with capture_logs() as logs:
        yield
    assert [
        entry
        for entry in logs
        if entry["log_level"] not in {"info", "warning"} or "exc_info" in entry
    ] == []


async def posted(caller: Caller, body: bytes, **headers: str) -> int:
    """The status of the answer to a body, which must be a decent one."""
    sent = {
        "authorization": f"Bearer {caller.token}",
        "content-type": "application/json",
        **headers,
    }
    raw = [(name.encode(), value.encode("latin-1")) for name, value in sent.items()]
    answer = await caller.client.post(caller.api.url, content=body, headers=raw)
    assert_decent(answer, body[:300])
    return answer.status_code


@pytest.mark.usefixtures("no_faults")
async def test_every_body_is_answered_decently_in_both_media_types(world: World) -> None:
    statuses = set()
    for number, body in enumerate(BODIES):
        accept = ("application/json", "application/graphql-response+json")[number % 2]
        statuses.add(await posted(world.region, body, accept=accept))

    assert statuses <= {200, 400, 413}
    assert await world.region.ask(VIEWER) == {"viewer": {"roles": ["REGIONAL_ADMINISTRATOR"]}}


@pytest.mark.usefixtures("no_faults")
async def test_every_frame_is_answered_or_closes_its_socket_with_a_code_of_the_protocol(
    world: World,
) -> None:
    for frame in FRAMES:
        async with world.region.socket() as socket:
            await socket.ws.send(frame)
            await socket.ws.send(
                json.dumps({"type": "subscribe", "id": "after", "payload": {"query": VIEWER}})
            )
            for message in await until_after(socket.ws):
                errors = (
                    message["payload"]
                    if message["type"] == "error"
                    else message.get("payload", {}).get("errors", [])
                )
                assert_coded(errors, frame[:300])
            assert socket.ws.close_code in CLOSES | {None}, (socket.ws.close_code, frame[:300])


@pytest.mark.usefixtures("no_faults")
async def test_every_address_of_an_export_is_answered_with_rows_or_a_problem(world: World) -> None:
    statuses = set()
    for address in ADDRESSES:
        answer = await world.region.client.get(
            f"{world.api.root}/exports/{address}",
            headers={"authorization": f"Bearer {world.region.token}"},
        )
        statuses.add(answer.status_code)
        if answer.status_code == 200:
            assert answer.headers["x-content-type-options"] == "nosniff"
        else:
            assert_decent(answer, address[:300])

    assert statuses <= {200, 307, 400, 403, 404, 405}


@pytest.mark.usefixtures("no_faults")
async def test_exports_are_only_fetched_and_only_by_who_is_signed_in(world: World) -> None:
    url = f"{world.api.root}/exports/clinics.csv"
    signed_in = {"authorization": f"Bearer {world.region.token}"}
    odd: list[dict[str, str]] = [
        {"if-none-match": "\u00e5" * 100},
        {"range": "bytes=0-0"},
        {"accept-encoding": "gzip;q=x, *;q=2"},
        {"accept": "x"},
        {"accept": "*/*;q=x"},
    ]

    methods = [
        await world.region.client.request(method, url, headers=signed_in)
        for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS")
    ]
    tokens = [
        await world.region.client.get(url, headers={"authorization": text})
        for text in ("", "Bearer", "Bearer a.b.c", "Basic eA==")
    ]
    headers = [
        await world.region.client.get(
            url, headers=[(k.encode(), v.encode("latin-1")) for k, v in (signed_in | one).items()]
        )
        for one in odd
    ]

    for answer in (*methods, *tokens):
        assert_decent(answer, (answer.request.method, answer.request.headers))
    assert [answer.status_code for answer in methods] == [405] * 5
    assert [answer.status_code for answer in tokens] == [401] * 4
    assert [answer.status_code for answer in headers] == [200] * 3 + [406] * 2


async def until_after(ws: websockets.ClientConnection) -> list[Json]:
    """All messages until the operation that came after the frame is answered, or the socket is
    closed.
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
async def test_no_subscription_or_syntax_error_closes_the_socket(world: World) -> None:
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
async def test_odd_requests_are_refused_with_the_status_of_their_fault(world: World) -> None:
    body = json.dumps({"query": VIEWER}).encode()
    odd: list[tuple[dict[str, str], int]] = [
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

    found = [(headers, await posted(world.region, body, **headers)) for headers, _ in odd]

    assert found == odd
