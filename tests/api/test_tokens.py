"""Tokens over HTTP and websockets: which are refused, what is logged, and when they expire."""

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
from tests.api.socket_errors import only_error
from tests.callers import BJORKEN, STOCKHOLM, UPPSALA_CLINIC, Api, Caller, Json, Socket
from tests.serving import serving
from tests.world import World

VIEWER = "{ viewer { roles } }"
NOTIFICATIONS = """subscription($clinics: [HsaId!]!, $after: Cursor) {
    clinicNotifications(clinics: $clinics, after: $after) {
        action clinic { hsaId } document { id } } }"""


def signed(data: Path, key: ECKey | None = None, **claims: Any) -> str:
    """A token with the given claims, signed with `key` or with the development issuer's key."""
    own = ECKey.import_key(json.loads((data / development_issuer.KEY_FILE).read_bytes()))
    own.ensure_kid()
    now = int(time.time())
    person = {"sub": "SE2321000016-bo", "employeeHsaId": "SE2321000016-bo", "acr": LOA3}
    all_claims = {
        "iss": development_issuer.ISSUER,
        "aud": development_issuer.AUDIENCE,
        "iat": now,
        "exp": now + 60,
        **person,
        **claims,
    }
    return jwt.encode(
        {"alg": "ES256", "kid": own.kid}, all_claims, key or own, algorithms=["ES256"]
    )


def role_claim(role: Role, *units: str) -> Json:
    """The claim of a role at each of the units."""
    sector = [{"unitHsaId": unit, "sectorFlag": False} for unit in units]
    return {
        "authorizationScope": [
            {"authorizationScopePropertyCode": role.value, "adminCommissions": [{"sector": sector}]}
        ]
    }


@pytest.fixture
async def production(mongodb_uri: str, store: Store, tmp_path: Path) -> AsyncIterator[Api]:
    """The app outside development, with an issuer that cannot be reached."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # bound, but not listening: connections are refused
        issuer = f"http://127.0.0.1:{closed.getsockname()[1]}"
        async with serving(tmp_path, mongodb_uri, store, oidc_issuer=issuer) as api:
            yield api


async def test_a_token_must_have_the_issuers_signature_this_audience_and_a_strong_sign_in(
    world: World, tmp_path: Path
) -> None:
    role = role_claim(Role.CLINIC_STAFF, BJORKEN)
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
        case: await Caller(world.api, world.staff.client, token).refused(VIEWER)
        for case, token in tokens.items()
    }
    over_socket = {}
    for case, token in tokens.items():
        async with Caller(world.api, world.staff.client, token).socket() as socket:
            over_socket[case] = [(await only_error(socket, VIEWER))["extensions"]["code"]]

    assert good == {"viewer": {"roles": ["CLINIC_STAFF"]}}
    assert over_http == over_socket == {case: ["UNAUTHENTICATED"] for case in tokens}


async def collect_messages(socket: Socket, answers: list[Json]) -> None:
    """Append all messages until the websocket is closed."""
    while True:
        answers.append(await socket.message())


async def test_a_socket_and_its_subscriptions_are_closed_when_the_token_expires(
    world: World, tmp_path: Path
) -> None:
    expires = int(time.time()) + 2
    caller = Caller(
        world.api,
        world.staff.client,
        signed(tmp_path, exp=expires, **role_claim(Role.CLINIC_STAFF, BJORKEN)),
    )

    async with caller.socket() as socket:
        await socket.subscribe(VIEWER, id="early")
        assert (await socket.message())["payload"]["data"] == {
            "viewer": {"roles": ["CLINIC_STAFF"]}
        }
        await socket.subscribe(NOTIFICATIONS, clinics=[BJORKEN])
        answers: list[Json] = []
        with pytest.raises(websockets.ConnectionClosedError):
            await collect_messages(socket, answers)
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
        signed(tmp_path, **role_claim(Role.CLINIC_STAFF, BJORKEN, UPPSALA_CLINIC)),
    )

    async with caller.socket() as socket:
        error = await only_error(socket, NOTIFICATIONS, clinics=[BJORKEN, UPPSALA_CLINIC])

    assert error["extensions"] == {"code": "SEVERAL_PRINCIPALS", "path": ["clinics"]}
    assert (
        error["message"]
        == "Följ mottagningar från en huvudman i taget: varje huvudman har sin egen logg."
    )


async def test_a_refused_token_is_logged_without_its_content(world: World, tmp_path: Path) -> None:
    token = signed(tmp_path, aud="journalen", **role_claim(Role.CLINIC_STAFF, BJORKEN))

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


async def test_sign_in_is_unavailable_and_not_refused_while_the_issuer_is_unreachable(
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
