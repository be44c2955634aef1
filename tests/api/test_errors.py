"""Refusals and faults wherever a caller meets them: over HTTP and sockets, coded, masked, logged or
not, and with nothing written.
"""

import json
import socket
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import websockets
from joserfc import jwt
from joserfc.jwk import ECKey
from structlog.testing import capture_logs

from resolvers.access import development_issuer
from resolvers.access.viewer import LOA3
from store.records import Role
from store.registry import Store
from tests.callers import (
    BJORKEN,
    STOCKHOLM,
    UPPSALA_CLINIC,
    Api,
    Caller,
    Json,
    Socket,
    operation,
    problems,
)
from tests.serving import serving
from tests.world import World

VIEWER = "{ viewer { roles } }"
NOTIFICATIONS = """subscription($clinics: [HsaId!]!, $after: Cursor) {
    clinicNotifications(clinics: $clinics, after: $after) { action clinic { hsaId } document { id } } }"""
SECRETS = (
    "Traceback",
    "Error(",
    "KeyError",
    "LookupError",
    "pymongo",
    "mongodb",
    ".py",
    str(Path(__file__).parents[2]),
    "store.",
)


def signed(data: Path, key: ECKey | None = None, **claims: Any) -> str:
    """A token with claims of the test's own, by the development issuer's key unless another is
    given.
    """
    own = ECKey.import_key(json.loads((data / development_issuer.KEY_FILE).read_bytes()))
    own.ensure_kid()
    now = int(time.time())
    person = {"sub": "SE2321000016-bo", "employeeHsaId": "SE2321000016-bo", "acr": LOA3}
    everything = {
        "iss": development_issuer.ISSUER,
        "aud": development_issuer.AUDIENCE,
        "iat": now,
        "exp": now + 60,
        **person,
        **claims,
    }
    return jwt.encode(
        {"alg": "ES256", "kid": own.kid}, everything, key or own, algorithms=["ES256"]
    )


def held(role: Role, *units: str) -> Json:
    """The claim of a role at each of some units."""
    sector = [{"unitHsaId": unit, "sectorFlag": False} for unit in units]
    return {
        "authorizationScope": [
            {"authorizationScopePropertyCode": role.value, "adminCommissions": [{"sector": sector}]}
        ]
    }


async def only_error(socket: Socket, query: str, **variables: Any) -> Json:
    """The one error of an operation that is refused over a socket."""
    await socket.subscribe(query, **variables)
    message = await socket.message()
    [error] = message["payload"] if message["type"] == "error" else message["payload"]["errors"]
    found: Json = error
    return found


async def test_a_token_must_be_signed_by_the_issuers_own_key_for_this_server_and_strongly(
    world: World, tmp_path: Path
) -> None:
    role = held(Role.CLINIC_STAFF, BJORKEN)
    tokens = {
        "foreign key under the issuer's key id": signed(
            tmp_path, ECKey.generate_key("P-256"), **role
        ),
        "another issuer": signed(tmp_path, iss="https://annan.invalid", **role),
        "another audience": signed(tmp_path, aud="journalen", **role),
        "weak sign-in": signed(tmp_path, acr="http://id.sambi.se/loa/loa1", **role),
        "not valid yet": signed(tmp_path, nbf=int(time.time()) + 600, **role),
        "just expired": signed(tmp_path, exp=int(time.time()) - 1, **role),
    }

    good = await Caller(world.api, world.staff.client, signed(tmp_path, **role)).ask(VIEWER)
    over_http = {
        what: await Caller(world.api, world.staff.client, token).refused(VIEWER)
        for what, token in tokens.items()
    }
    over_socket = {}
    for what, token in tokens.items():
        async with Caller(world.api, world.staff.client, token).socket() as socket:
            over_socket[what] = [(await only_error(socket, VIEWER))["extensions"]["code"]]

    assert good == {"viewer": {"roles": ["CLINIC_STAFF"]}}
    assert over_http == over_socket == {what: ["UNAUTHENTICATED"] for what in tokens}


async def collect(socket: Socket, answers: list[Json]) -> None:
    """All answers until the socket is closed."""
    while True:
        answers.append(await socket.message())


async def test_an_open_socket_is_closed_when_its_token_expires_and_no_subscription_outlives_it(
    world: World, tmp_path: Path
) -> None:
    expires = int(time.time()) + 2
    caller = Caller(
        world.api,
        world.staff.client,
        signed(tmp_path, exp=expires, **held(Role.CLINIC_STAFF, BJORKEN)),
    )

    async with caller.socket() as socket:
        await socket.subscribe(VIEWER, id="early")
        assert (await socket.message())["payload"]["data"] == {
            "viewer": {"roles": ["CLINIC_STAFF"]}
        }
        await socket.subscribe(NOTIFICATIONS, clinics=[BJORKEN])
        answers: list[Json] = []
        with pytest.raises(websockets.ConnectionClosedError):
            await collect(socket, answers)
        closed_at = time.time()

    assert [answer["type"] for answer in answers] == ["complete"]  # of the query
    assert (socket.ws.close_code, socket.ws.close_reason) == (4403, "The token has expired")
    assert expires <= closed_at < expires + 5
    assert world.api.live.hub.followers == {}
    assert await caller.refused(VIEWER) == ["UNAUTHENTICATED"]


async def test_clinics_of_two_principals_need_a_subscription_each(
    world: World, tmp_path: Path
) -> None:
    caller = Caller(
        world.api,
        world.staff.client,
        signed(tmp_path, **held(Role.CLINIC_STAFF, BJORKEN, UPPSALA_CLINIC)),
    )

    async with caller.socket() as socket:
        error = await only_error(socket, NOTIFICATIONS, clinics=[BJORKEN, UPPSALA_CLINIC])

    assert error["extensions"] == {"code": "SEVERAL_PRINCIPALS", "path": ["clinics"]}
    assert (
        error["message"]
        == "Följ mottagningar från en huvudman i taget: varje huvudman har sin egen logg."
    )


async def test_a_fault_in_one_field_leaves_the_others_answered_and_is_logged_under_the_request(
    world: World,
) -> None:
    made = await world.clinic_admin.done(
        "caseTypeCreate",
        "caseType { id }",
        owner=BJORKEN,
        content={"name": "Egen", "internalName": "Egen"},
    )
    await world.api.store.database["clinics"].delete_one({"_id": BJORKEN})
    query = """query($own: ID!, $id: ID!) { viewer { roles } whole: caseType(id: $id) { name }
        first: caseType(id: $own) { owner { __typename } } second: caseType(id: $own) { name owner { __typename } } }"""

    with capture_logs() as logs:
        answer = await world.region.post(query, own=made["caseType"]["id"], id=world.case_type)

    body = answer.json()
    assert answer.status_code == 200
    assert body["data"] == {
        "viewer": {"roles": ["REGIONAL_ADMINISTRATOR"]},
        "whole": {"name": "Förnya recept"},
        "first": None,
        "second": None,
    }
    assert sorted((error["path"], error["extensions"]) for error in body["errors"]) == [
        (["first", "owner"], {"code": "INTERNAL_ERROR"}),
        (["second", "owner"], {"code": "INTERNAL_ERROR"}),
    ]
    request = answer.headers["x-request-id"]
    assert {(entry["log_level"], entry["event"], entry["request_id"]) for entry in logs} == {
        ("error", "resolver failed", request),
        ("info", "answered", request),
    }
    assert [
        isinstance(entry["exc_info"], LookupError)
        for entry in logs
        if entry["log_level"] == "error"
    ] == [True, True]


async def test_a_fault_in_a_mutation_is_masked_and_writes_nothing(world: World) -> None:
    await world.api.store.database["documents"].update_one(
        {"_id": world.case_type}, {"$unset": {"latest": ""}}
    )
    before = await world.api.snapshot()

    with capture_logs() as logs:
        answer = await world.region.post(
            operation("documentPublish", "event { id }"),
            input={"id": world.case_type, "version": 1, "expectedVersion": 1},
        )

    [error] = answer.json()["errors"]
    assert (error["path"], error["extensions"]) == (["documentPublish"], {"code": "INTERNAL_ERROR"})
    assert error["message"] == "Internal error. The server log has the cause, under the request id."
    assert not [secret for secret in (*SECRETS, world.case_type) if secret in answer.text]
    assert [entry["request_id"] for entry in logs if entry["event"] == "resolver failed"] == [
        answer.headers["x-request-id"]
    ]
    assert await world.api.snapshot() == before


async def test_a_fault_in_a_subscription_is_masked_and_leaves_the_socket_in_use(
    world: World,
) -> None:
    handed_out = await world.distribute(world.case_type, BJORKEN)
    broken = (await world.edit(world.case_type, 1, publish=True, introduction="Två."))["event"][
        "id"
    ]
    await world.api.store.database["events"].update_one({"_id": broken}, {"$unset": {"actor": ""}})

    async with world.staff.socket() as socket:
        error = await only_error(
            socket, NOTIFICATIONS, clinics=[BJORKEN], after=handed_out["event"]["cursor"]
        )
        await socket.subscribe(VIEWER, id="2")
        message = await socket.message()
        while message["id"] == "1":
            message = await socket.message()

    assert error["extensions"] == {"code": "INTERNAL_ERROR"}
    assert not [secret for secret in SECRETS if secret in json.dumps(error)]
    assert message["payload"]["data"] == {"viewer": {"roles": ["CLINIC_STAFF"]}}


async def test_refusals_are_no_faults_and_are_not_logged(world: World) -> None:
    with capture_logs() as logs:
        refused = await world.region.do(
            "documentPublish", "event { id }", id=world.case_type, version=9, expectedVersion=1
        )
        conflict = await world.region.do(
            "documentArchive", "event { id }", id=world.case_type, expectedVersion=7
        )
        codes = [
            await world.region.refused("{ caseTypes(first: 0) { totalCount } }"),
            await world.region.refused("{ nothing }"),
            await world.staff.refused(
                f'{{ principal(hsaId: "{STOCKHOLM}") {{ events {{ totalCount }} }} }}'
            ),
        ]

    assert problems(refused) == [("NOT_FOUND", "version")]
    assert problems(conflict) == [("VERSION_CONFLICT", "expectedVersion")]
    assert codes == [["OUT_OF_RANGE"], ["GRAPHQL_VALIDATION_FAILED"], ["NOT_PERMITTED"]]
    assert {(entry["event"], entry["log_level"]) for entry in logs} == {
        ("answered", "info"),
        ("refused", "info"),
    }


async def test_a_refused_token_is_logged_without_anything_of_it(
    world: World, tmp_path: Path
) -> None:
    token = signed(tmp_path, aud="journalen", **held(Role.CLINIC_STAFF, BJORKEN))

    with capture_logs() as logs:
        answer = await Caller(world.api, world.staff.client, token).post(VIEWER)

    request = answer.headers["x-request-id"]
    assert logs == [
        {
            "event": "sign-in refused",
            "log_level": "warning",
            "reason": "The token is for another audience.",
            "request_id": request,
        }
    ]


async def test_syntax_and_validation_errors_name_their_place(world: World) -> None:
    wrong = {
        "{ viewer {": ("GRAPHQL_PARSE_FAILED", [{"line": 1, "column": 11}]),
        "{\n  viewer { roles nothing }\n}": (
            "GRAPHQL_VALIDATION_FAILED",
            [{"line": 2, "column": 18}],
        ),
        '{ caseTypes(first: "5") { totalCount } }': (
            "GRAPHQL_VALIDATION_FAILED",
            [{"line": 1, "column": 20}],
        ),
    }

    found = {}
    for query in wrong:
        [error] = (await world.region.post(query)).json()["errors"]
        found[query] = (error["extensions"]["code"], error["locations"])

    assert found == wrong


@pytest.fixture
async def production(mongodb_uri: str, store: Store, tmp_path: Path) -> AsyncIterator[Api]:
    """The app outside development, whose issuer can't be reached."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # bound, but nobody listens: connections are refused
        issuer = f"http://127.0.0.1:{closed.getsockname()[1]}"
        async with serving(tmp_path, mongodb_uri, store, oidc_issuer=issuer) as api:
            yield api


async def test_while_the_issuer_is_unreachable_sign_in_is_unavailable_not_refused(
    production: Api,
) -> None:
    caller = production.caller(Role.REGIONAL_ADMINISTRATOR, STOCKHOLM)

    with capture_logs() as logs:
        answer = await caller.post(VIEWER)
        async with caller.socket() as open_socket:
            over_socket = await only_error(open_socket, VIEWER)
        without_token = await production.nobody().refused(VIEWER)

    [error] = answer.json()["errors"]
    assert error == {
        "message": "The issuer of the tokens cannot be reached. Try again later.",
        "extensions": {"code": "UNAVAILABLE"},
    }
    assert (over_socket["message"], over_socket["extensions"]) == (
        error["message"],
        error["extensions"],
    )
    assert without_token == ["UNAUTHENTICATED"]
    ours = [(entry["event"], entry["log_level"]) for entry in logs if entry.get("request_id")]
    assert ours == [("issuer unavailable", "error")] * 2


async def test_outside_development_there_is_no_query_page(production: Api) -> None:
    caller = production.caller(Role.REGIONAL_ADMINISTRATOR, STOCKHOLM)

    page = await caller.client.get(production.url, headers={"accept": "text/html"})
    live = await caller.client.get(f"{production.root}/health/live")

    assert (page.status_code, "graphiql" in page.text.lower()) == (405, False)
    assert page.headers["allow"] == "POST"
    assert live.status_code == 200
