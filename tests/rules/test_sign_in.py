"""Sign-in: what a token must be to sign somebody in, and what an issuer may do meanwhile.

Real keys, real signatures, a real issuer.
"""

import asyncio
import base64
import hmac
import json
import multiprocessing
import stat
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from joserfc import jws, jwt
from joserfc.errors import SecurityWarning
from joserfc.jwk import ECKey, Key, KeySet, OKPKey, RSAKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from resolvers.access import development_issuer
from resolvers.access.issuers import FixedKeys, IssuerKeys, IssuerUnavailable
from resolvers.access.sign_in import MAX_TOKEN_BYTES, SignIn, Unauthenticated
from resolvers.access.viewer import LOA3, Grant, Viewer
from store.records import Role

ISSUER = "https://idp.example.se/oidc"
AUDIENCE = "casetypes"
NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
SECRETS = ("anna", "Anna", "Andersson", "SE2321000016", "idp.example", "evil", "loa2")

EC = ECKey.generate_key("P-256", {"kid": "ec"})
RSA = RSAKey.generate_key(2048, {"kid": "rsa"})
OKP = OKPKey.generate_key("Ed25519", {"kid": "okp"})
STRANGER = ECKey.generate_key("P-256", {"kid": "ec"})


class Clock:
    """A clock that stands still until it is told."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> datetime:
        return NOW + timedelta(seconds=self.seconds)

    def monotonic(self) -> float:
        return self.seconds


def scope(
    role: str = "REGIONAL_ADMINISTRATOR", unit: str = "SE2321000016", *, flag: bool = True
) -> dict[str, Any]:
    sector = {"unitHsaId": unit, "name": "Region Stockholm", "sectorFlag": flag}
    commission = {
        "adminCommissionHsaId": "SE2321000016-1",
        "adminCommissionResponsibleOrganisation": "Region",
        "sector": [sector],
    }
    return {"authorizationScopePropertyCode": role, "adminCommissions": [commission]}


def person(**changes: Any) -> dict[str, Any]:
    """A person's claims; a change to None takes the claim away."""
    claims = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": "anna",
        "iat": NOW.timestamp(),
        "exp": NOW.timestamp() + 600,
        "acr": LOA3,
        "employeeHsaId": "SE2321000016-anna",
        "name": "Anna Andersson",
        "authorizationScope": [scope()],
    }
    return {name: value for name, value in (claims | changes).items() if value is not None}


def machine(**changes: Any) -> dict[str, Any]:
    claims = person(
        acr=None,
        employeeHsaId=None,
        name=None,
        sub="tool",
        client_id="tool",
        authorizationScope=[scope("REPORTER")],
    )
    return {name: value for name, value in (claims | changes).items() if value is not None}


def signed(claims: Mapping[str, Any], key: Key = EC, alg: str = "ES256", **header: Any) -> str:
    return jwt.encode({"alg": alg, "kid": key.kid} | header, dict(claims), key, algorithms=[alg])


def raw(header: Any, payload: Any, signature: bytes = b"") -> str:
    """A token put together by hand."""
    parts = (
        part if isinstance(part, bytes) else json.dumps(part).encode()
        for part in (header, payload, signature)
    )
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)


def signed_bytes(payload: bytes) -> str:
    return jws.serialize_compact({"alg": "ES256", "kid": "ec"}, payload, EC)


def sign_in(clock: Clock | None = None, **options: Any) -> SignIn:
    keys = FixedKeys(
        KeySet([type(key).import_key(key.as_dict(private=False)) for key in (EC, RSA, OKP)])
    )
    merged: dict[str, Any] = {
        "issuer": ISSUER,
        "audience": AUDIENCE,
        "clock": (clock or Clock()).now,
    } | options
    return SignIn(keys, **merged)


async def refusal(token: str, verifier: SignIn | None = None) -> str:
    """The message with which a token is refused; none of the token's content is in it, nor in what
    led to it.
    """
    with pytest.raises(Unauthenticated) as caught:
        await (verifier or sign_in()).viewer(token)
    message = str(caught.value)
    assert not [secret for secret in SECRETS if secret in message]
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    return message


async def test_a_persons_token_becomes_a_viewer() -> None:
    viewer = await sign_in().viewer(signed(person(jti="t-1", aud=["other", AUDIENCE])))

    assert viewer == Viewer(
        subject="anna",
        employee_hsa_id="SE2321000016-anna",
        name="Anna Andersson",
        grants=(Grant(Role.REGIONAL_ADMINISTRATOR, "SE2321000016", includes_below=True),),
        expires_at=NOW + timedelta(minutes=10),
        acr=LOA3,
        system=False,
        issuer=ISSUER,
        token_id="t-1",
    )


async def test_a_machines_token_becomes_a_viewer_without_a_person() -> None:
    expected = Viewer(
        subject="tool",
        employee_hsa_id=None,
        name=None,
        grants=(Grant(Role.REPORTER, "SE2321000016", includes_below=True),),
        expires_at=NOW + timedelta(minutes=10),
        system=True,
        issuer=ISSUER,
    )

    assert await sign_in().viewer(signed(machine())) == expected
    assert await sign_in().viewer(signed(machine(client_id=None, azp="tool"))) == expected


async def test_a_machine_is_a_reporter_and_nothing_else() -> None:
    token = signed(
        machine(
            authorizationScope=[scope("NATIONAL_ADMINISTRATOR"), scope("REPORTER", "SE2321000024")]
        )
    )

    assert (await sign_in().viewer(token)).grants == (
        Grant(Role.REPORTER, "SE2321000024", includes_below=True),
    )


@pytest.mark.parametrize(
    ("key", "alg"), [(EC, "ES256"), (RSA, "RS256"), (RSA, "PS256"), (OKP, "Ed25519")]
)
async def test_each_accepted_algorithm_signs_in(key: Key, alg: str) -> None:
    assert (await sign_in().viewer(signed(person(), key, alg))).subject == "anna"


async def test_the_older_name_of_ed25519_signs_in_without_a_warning() -> None:
    with pytest.warns(SecurityWarning, match="EdDSA is deprecated"):
        token = signed(person(), OKP, "EdDSA")

    assert (await sign_in().viewer(token)).subject == "anna"


@pytest.mark.parametrize("typ", ["JWT", "at+jwt", "application/at+jwt"])
async def test_headers_that_issuers_add_do_not_matter(typ: str) -> None:
    token = jws.serialize_compact(
        {"alg": "ES256", "kid": "ec", "typ": typ, "x5t": "abc"}, json.dumps(person()), EC
    )

    assert (await sign_in().viewer(token)).subject == "anna"


async def test_a_key_id_signs_only_with_its_own_key() -> None:
    assert "signature" in await refusal(signed(person(), RSA, "RS256", kid="ec"))
    assert "signature" in await refusal(signed(person(), EC, "ES256", kid="rsa"))
    assert "signature" in await refusal(signed(person(), kid="unknown"))


async def test_forged_tokens_are_refused() -> None:
    header, _, signature = signed(person()).split(".")
    other_payload = raw({}, person(sub="evil")).split(".")[1]

    assert "signature" in await refusal(f"{header}.{other_payload}.{signature}")
    assert "signature" in await refusal(signed(person(), STRANGER))
    assert "signature" in await refusal(f"{header}.{other_payload}.")
    assert "signature" in await refusal(raw({"alg": "ES256", "kid": "ec"}, person(), b"\0" * 64))


async def test_no_signature_and_shared_secrets_are_refused() -> None:
    for alg in ("none", "None", "NONE", ""):
        assert "not accepted" in await refusal(raw({"alg": alg, "kid": "ec"}, person()))
    for alg, digest in (("HS256", "sha256"), ("HS512", "sha512")):
        unsigned = raw({"alg": alg, "kid": "rsa"}, person()).removesuffix(".")
        signature = hmac.digest(RSA.as_pem(private=False), unsigned.encode(), digest)
        assert "not accepted" in await refusal(
            f"{unsigned}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"
        )
    for alg in ("RS384", "PS512"):
        assert "not accepted" in await refusal(signed(person(), RSA, alg))


async def test_header_without_key_id_is_refused() -> None:
    token = jwt.encode(
        {"alg": "ES256"},
        person(),
        ECKey.import_key(EC.as_dict(private=True) | {"kid": ""}),
        algorithms=["ES256"],
    )

    assert "malformed" in await refusal(token)


async def test_critical_extensions_and_other_token_types_are_refused() -> None:
    signature = b"\0" * 64

    assert "malformed" in await refusal(
        raw({"alg": "ES256", "kid": "ec", "crit": ["b64"], "b64": False}, person(), signature)
    )
    assert "malformed" in await refusal(
        raw({"alg": "ES256", "kid": "ec", "crit": 5}, person(), signature)
    )
    assert "another type" in await refusal(signed(person(), typ="logout+jwt"))
    assert "another type" in await refusal(signed(person(), typ="dpop+jwt"))


@pytest.mark.parametrize(
    ("changes", "seconds", "reason"),
    [
        ({}, 600, "expired"),
        ({}, 100_000, "expired"),
        ({"nbf": NOW.timestamp() + 31}, 0, "not valid yet"),
        ({"iat": NOW.timestamp() + 31}, 0, "not valid yet"),
        ({"iss": "https://evil.example.se"}, 0, "another issuer"),
        ({"iss": ISSUER + "/"}, 0, "another issuer"),
        ({"iss": None}, 0, "malformed"),
        ({"aud": "other"}, 0, "another audience"),
        ({"aud": "casetypes2"}, 0, "another audience"),
        ({"aud": []}, 0, "another audience"),
        ({"aud": None}, 0, "malformed"),
        ({"sub": None}, 0, "malformed"),
        ({"sub": ""}, 0, "malformed"),
        ({"exp": None}, 0, "malformed"),
        ({"exp": str(NOW.timestamp() + 600)}, 0, "malformed"),
        ({"exp": True}, 0, "malformed"),
        ({"exp": 1e300}, 0, "malformed"),
        ({"exp": float("nan")}, 0, "malformed"),
        ({"exp": float("inf")}, 0, "malformed"),
        ({"exp": -1}, 0, "malformed"),
        ({"nbf": "now"}, 0, "malformed"),
        ({"employeeHsaId": None}, 0, "employee HSA-id"),
        ({"employeeHsaId": None, "client_id": "portal", "azp": "portal"}, 0, "employee HSA-id"),
        ({"employeeHsaId": ""}, 0, "malformed"),
        ({"employeeHsaId": "SE2321000016-anna\n"}, 0, "malformed"),
        ({"employeeHsaId": {"$ne": 1}}, 0, "malformed"),
        ({"acr": None}, 0, "level of assurance"),
        ({"acr": "http://id.sambi.se/loa/loa2"}, 0, "level of assurance"),
        ({"acr": LOA3 + "/"}, 0, "level of assurance"),
        ({"acr": LOA3.upper()}, 0, "level of assurance"),
        ({"acr": [LOA3]}, 0, "malformed"),
        ({"name": 5}, 0, "malformed"),
        ({"authorizationScope": "REGIONAL_ADMINISTRATOR"}, 0, "malformed"),
        ({"authorizationScope": [scope() | {"adminCommissions": "SE2321000016"}]}, 0, "malformed"),
        (
            {
                "authorizationScope": [
                    scope() | {"adminCommissions": [{"sector": [{"sectorFlag": True}]}]}
                ]
            },
            0,
            "malformed",
        ),
        (
            {
                "authorizationScope": [
                    scope()
                    | {
                        "adminCommissions": [
                            {"sector": [{"unitHsaId": "SE1", "sectorFlag": "true"}]}
                        ]
                    }
                ]
            },
            0,
            "malformed",
        ),
        ({"authorizationScope": [scope(unit="../evil")]}, 0, "malformed"),
    ],
)
async def test_claims_that_do_not_sign_in_are_refused(
    changes: Mapping[str, Any], seconds: float, reason: str
) -> None:
    clock = Clock()
    clock.seconds = seconds

    assert reason in await refusal(signed(person(**changes)), sign_in(clock))


async def test_times_have_a_little_leeway_but_expiry_has_none() -> None:
    clock = Clock()
    late = signed(
        person(nbf=NOW.timestamp() + 30, iat=NOW.timestamp() + 30, exp=NOW.timestamp() + 60.5)
    )

    assert (await sign_in(clock).viewer(late)).expires_at == NOW + timedelta(seconds=60.5)
    clock.seconds = 60.4
    assert (await sign_in(clock).viewer(late)).subject == "anna"
    clock.seconds = 60.5
    assert "expired" in await refusal(late, sign_in(clock))


async def test_payloads_that_are_no_claims_are_refused() -> None:
    deep = b'{"a":' * 2_000 + b"1" + b"}" * 2_000

    for payload in (
        b"",
        b"null",
        b"[]",
        b"5",
        b'"x"',
        b"{",
        b"\xff\xfe",
        deep,
        b'{"sub": "\\ud800"}',
        b'{"exp":' + b"9" * 5_000 + b"}",
    ):
        assert "malformed" in await refusal(signed_bytes(payload))


async def test_texts_that_are_no_tokens_are_refused() -> None:
    good = signed(person())
    odd_headers = (
        ["alg", "b64"],
        ["alg"],
        "alg",
        5,
        None,
        {"alg": ["ES256"], "kid": "ec"},
        {"alg": "ES256", "kid": 5},
        {"alg": "ES256"},
    )
    garbage = [
        "",
        ".",
        "..",
        "...",
        "a.b",
        "\0.\0.\0",
        "Bearer " + good,
        good + "." + good,
        "å.ä.ö",
        "\ud800",
        good + "\ud800",
    ]
    garbage += [
        "[" * 400 + ".a.b",
        raw(b"[" * 2_000, {}),
        raw(b'{"alg":' + b"9" * 2_000 + b"}", {}),
    ]

    for text in [*garbage, *(raw(header, person(), b"\0" * 64) for header in odd_headers)]:
        assert "malformed" in await refusal(text)
    for text in (good + "=", good + "\n", good[:-1] + "!", good.rpartition(".")[0] + "."):
        assert "signature" in await refusal(text)


async def test_a_token_of_absurd_size_is_refused_before_it_is_read() -> None:
    just = signed(person(filling="x" * 11_000))
    assert len(just) < MAX_TOKEN_BYTES
    assert (await sign_in().viewer(just)).subject == "anna"

    assert await refusal("." * (MAX_TOKEN_BYTES + 1)) == "The token is too large."
    assert await refusal(signed(person(filling="x" * 13_000))) == "The token is too large."


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.text() | st.builds(".".join, st.lists(st.text("AQgw-_eyJhbGciOi.="), min_size=3, max_size=3))
)
async def test_any_text_is_refused_in_the_same_way(text: str) -> None:
    await refusal(text)


@settings(deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(
            [
                "sub",
                "aud",
                "exp",
                "iat",
                "acr",
                "employeeHsaId",
                "client_id",
                "name",
                "authorizationScope",
                "jti",
            ]
        ),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
            lambda inner: (
                st.lists(inner, max_size=2)
                | st.dictionaries(st.sampled_from(["sector", "unitHsaId"]), inner, max_size=2)
            ),
        ),
    )
)
async def test_any_claims_of_the_issuer_sign_in_or_are_refused(changes: dict[str, Any]) -> None:
    token = signed_bytes(json.dumps(person() | changes).encode())

    try:
        viewer = await sign_in().viewer(token)
    except Unauthenticated:
        return
    assert viewer.system or (viewer.acr == LOA3 and viewer.employee_hsa_id)


async def test_each_sector_of_each_property_is_a_grant() -> None:
    sectors = [
        {"unitHsaId": "SE2321000016-c1", "name": None, "sectorFlag": False},
        {"unitHsaId": "se2321000016-C2"},
    ]
    local = {
        "authorizationScopePropertyCode": "LOCAL_ADMINISTRATOR",
        "adminCommissions": [{"sector": sectors}, {"sector": sectors[:1]}],
    }
    claims = person(
        authorizationScope=[
            local,
            scope("REVIEWER", "SE2321000024"),
            scope("REVIEWER", "SE2321000024", flag=False),
        ]
    )

    viewer = await sign_in().viewer(signed(claims))

    assert viewer.grants == (
        Grant(Role.LOCAL_ADMINISTRATOR, "SE2321000016-c1", includes_below=False),
        Grant(Role.LOCAL_ADMINISTRATOR, "se2321000016-C2", includes_below=False),
        Grant(Role.REVIEWER, "SE2321000024", includes_below=True),
        Grant(Role.REVIEWER, "SE2321000024", includes_below=False),
    )


async def test_unknown_property_codes_give_nothing_whatever_they_hold() -> None:
    odd = {"authorizationScopePropertyCode": "JOURNAL_ADMIN", "adminCommissions": {"sector": 5}}
    lower = scope("regional_administrator")

    assert (await sign_in().viewer(signed(person(authorizationScope=[odd, lower])))).grants == ()
    assert (await sign_in().viewer(signed(person(authorizationScope=None)))).grants == ()
    assert (
        await sign_in().viewer(
            signed(person(authorizationScope=[{"authorizationScopePropertyCode": "REVIEWER"}]))
        )
    ).grants == ()


async def test_property_codes_can_be_named_by_the_installation() -> None:
    verifier = sign_in(roles={"1177-LA": Role.LOCAL_ADMINISTRATOR})
    claims = person(
        authorizationScope=[
            scope("1177-LA", "SE2321000016-c1", flag=False),
            scope("LOCAL_ADMINISTRATOR"),
        ]
    )

    assert (await verifier.viewer(signed(claims))).grants == (
        Grant(Role.LOCAL_ADMINISTRATOR, "SE2321000016-c1", includes_below=False),
    )


async def test_levels_of_assurance_are_the_installations_policy() -> None:
    verifier = sign_in(acr=(LOA3, "http://id.sambi.se/loa/loa2"))

    assert (
        await verifier.viewer(signed(person(acr="http://id.sambi.se/loa/loa2")))
    ).acr == "http://id.sambi.se/loa/loa2"


@pytest.mark.parametrize(
    ("claims", "name"),
    [
        ({"name": "  Åsa\n\tÖberg "}, "Åsa Öberg"),
        ({"name": None, "given_name": "Åsa", "family_name": "Öberg"}, "Åsa Öberg"),
        ({"name": "A\u202eB\0"}, "AB"),
        ({"name": "x" * 300}, "x" * 200),
        ({"name": None}, None),
        ({"name": " "}, None),
    ],
)
async def test_the_name_is_shown_in_one_line(claims: Mapping[str, Any], name: str | None) -> None:
    assert (await sign_in().viewer(signed(person(**claims)))).name == name


class CountingKeys(FixedKeys):
    """How often keys were asked for: once for each verification."""

    count = 0

    async def key(self, key_id: str, algorithm: str) -> Key | None:
        self.count += 1
        return await super().key(key_id, algorithm)


async def test_a_verified_token_is_kept_until_it_expires() -> None:
    clock, keys = Clock(), CountingKeys(KeySet([EC]))
    verifier = SignIn(keys, issuer=ISSUER, audience=AUDIENCE, clock=clock.now)
    token = signed(person(exp=NOW.timestamp() + 60))

    first = await verifier.viewer(token)
    clock.seconds = 59.9
    assert await verifier.viewer(token) is first
    assert keys.count == 1

    clock.seconds = 60
    assert "expired" in await refusal(token, verifier)


async def test_a_kept_token_is_verified_anew_after_five_minutes() -> None:
    clock = Clock()
    published = KeySet([EC])
    verifier = SignIn(FixedKeys(published), issuer=ISSUER, audience=AUDIENCE, clock=clock.now)
    token = signed(person())
    await verifier.viewer(token)

    published.keys = []
    clock.seconds = 299
    assert (await verifier.viewer(token)).subject == "anna"
    clock.seconds = 300
    assert "signature" in await refusal(token, verifier)


async def test_a_clock_that_is_set_back_keeps_no_token_for_longer() -> None:
    clock = Clock()
    published = KeySet([EC])
    verifier = SignIn(FixedKeys(published), issuer=ISSUER, audience=AUDIENCE, clock=clock.now)
    token = signed(person())
    await verifier.viewer(token)

    clock.seconds = -0.1
    assert (await verifier.viewer(token)).subject == "anna"
    published.keys = []
    assert (await verifier.viewer(token)).subject == "anna"
    clock.seconds = -0.2
    assert "signature" in await refusal(token, verifier)


async def test_kept_tokens_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("resolvers.access.sign_in._MAX_CACHED", 2)
    keys = CountingKeys(KeySet([EC]))
    verifier = SignIn(keys, issuer=ISSUER, audience=AUDIENCE, clock=Clock().now)
    one, two, three = (signed(person(jti=str(number))) for number in range(3))

    for token in (one, two, one, three, one, two):
        await verifier.viewer(token)

    assert len(verifier._cache) == 2
    assert keys.count == 4


async def test_refused_tokens_are_not_kept() -> None:
    verifier = sign_in()

    for _ in range(2):
        await refusal(signed(person(acr="other")), verifier)

    assert not verifier._cache


class Issuer:
    """An OpenID Connect issuer: what it publishes, and how often it was asked."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.keys: list[Any] = [EC.as_dict(private=False)]
        self.discovery: dict[str, Any] = {"issuer": address, "jwks_uri": f"{address}/keys"}
        self.answer: Callable[[], Response] | None = None
        self.gate = asyncio.Event()
        self.gate.set()
        self.asked = 0
        self.server: uvicorn.Server | None = None
        self._serving: asyncio.Task[None] | None = None

    async def start(self, port: int = 0) -> int:
        app = Starlette(
            routes=[
                Route("/.well-known/openid-configuration", self._describe),
                Route("/keys", self._publish),
            ]
        )
        config = uvicorn.Config(
            app, host="127.0.0.1", port=port, ws="none", lifespan="off", log_config=None
        )
        self.server = uvicorn.Server(config)
        self._serving = asyncio.create_task(self.server.serve())
        while not self.server.started:  # noqa: ASYNC110 - uvicorn has no event for it
            await asyncio.sleep(0.005)
        return int(self.server.servers[0].sockets[0].getsockname()[1])

    async def stop(self) -> None:
        self.gate.set()
        if self.server is not None and self._serving is not None:
            self.server.should_exit = True
            await self._serving

    async def _describe(self, request: Request) -> Response:
        self.asked += 1
        await self.gate.wait()
        return self.answer() if self.answer else JSONResponse(self.discovery)

    async def _publish(self, request: Request) -> Response:
        return JSONResponse({"keys": self.keys})

    def token(self, key: Key = EC, **changes: Any) -> str:
        return signed(person(iss=self.address, exp=NOW.timestamp() + 1_000_000) | changes, key)

    def sign_in(self, clock: Clock, **options: Any) -> SignIn:
        keys = IssuerKeys(self.address, monotonic=clock.monotonic, **options)
        return SignIn(keys, issuer=self.address, audience=AUDIENCE, clock=clock.now)


@asynccontextmanager
async def running() -> AsyncIterator[Issuer]:
    issuer = Issuer("")
    port = await issuer.start()
    issuer.address = f"http://127.0.0.1:{port}"
    issuer.discovery = {"issuer": issuer.address, "jwks_uri": f"{issuer.address}/keys"}
    try:
        yield issuer
    finally:
        await issuer.stop()


@pytest.fixture
async def issuer() -> AsyncIterator[Issuer]:
    async with running() as it:
        yield it


def ec(kid: str) -> ECKey:
    return ECKey.generate_key("P-256", {"kid": kid})


async def test_an_issuers_keys_are_fetched_once_an_hour(issuer: Issuer) -> None:
    clock = Clock()
    verifier = issuer.sign_in(clock)

    assert (await verifier.viewer(issuer.token())).issuer == issuer.address
    for seconds in (1, 1_800, 3_600):
        clock.seconds = seconds
        await verifier.viewer(issuer.token(jti=str(seconds)))
    assert issuer.asked == 1

    clock.seconds = 3_601
    await verifier.viewer(issuer.token(jti="later"))
    assert issuer.asked == 2


async def test_a_new_key_is_found_at_its_first_token(issuer: Issuer) -> None:
    clock = Clock()
    verifier = issuer.sign_in(clock)
    await verifier.viewer(issuer.token())
    new = ec("new")
    issuer.keys = [EC.as_dict(private=False), new.as_dict(private=False)]

    clock.seconds = 31
    assert (await verifier.viewer(issuer.token(new))).subject == "anna"
    assert (await verifier.viewer(issuer.token(jti="old"))).subject == "anna"
    assert issuer.asked == 2


async def test_a_withdrawn_key_stops_working_within_the_hour(issuer: Issuer) -> None:
    clock = Clock()
    verifier = issuer.sign_in(clock)
    token = issuer.token()
    await verifier.viewer(token)
    issuer.keys = [ec("new").as_dict(private=False)]

    clock.seconds = 3_601
    assert "signature" in await refusal(token, verifier)


async def test_a_flood_of_unknown_keys_does_not_flood_the_issuer(issuer: Issuer) -> None:
    clock = Clock()
    verifier = issuer.sign_in(clock)
    forged = [issuer.token(ec(f"forged-{number}")) for number in range(50)]

    issuer.gate.clear()
    flood = [asyncio.create_task(refusal(token, verifier)) for token in forged]
    await asyncio.sleep(0.05)
    issuer.gate.set()
    await asyncio.gather(*flood)
    assert issuer.asked == 1

    for seconds in range(1, 61):
        clock.seconds = seconds
        await refusal(forged[seconds % 50], verifier)
    assert issuer.asked == 3


async def test_concurrent_first_requests_share_one_fetch_that_survives_a_caller(
    issuer: Issuer,
) -> None:
    issuer.gate.clear()
    verifier = issuer.sign_in(Clock())
    first = asyncio.create_task(verifier.viewer(issuer.token()))
    await asyncio.sleep(0.01)
    others = [
        asyncio.create_task(verifier.viewer(issuer.token(jti=str(number)))) for number in range(20)
    ]
    await asyncio.sleep(0.01)

    first.cancel()
    issuer.gate.set()

    assert {viewer.subject for viewer in await asyncio.gather(*others)} == {"anna"}
    assert issuer.asked == 1


async def test_kept_keys_work_while_the_issuer_is_down_but_not_for_ever(issuer: Issuer) -> None:
    clock = Clock()
    verifier = issuer.sign_in(clock)
    await verifier.viewer(issuer.token())
    await issuer.stop()

    for hours in (2, 12, 24):
        clock.seconds = hours * 3_600
        assert (await verifier.viewer(issuer.token(jti=str(hours)))).subject == "anna"
        assert "signature" in await refusal(issuer.token(STRANGER), verifier)

    clock.seconds = 24 * 3_600 + 1
    with pytest.raises(IssuerUnavailable):
        await verifier.viewer(issuer.token(jti="too late"))


async def test_nobody_waits_for_an_issuer_that_is_known_to_be_down(issuer: Issuer) -> None:
    clock = Clock()
    verifier = issuer.sign_in(clock, timeout=timedelta(minutes=1))
    await verifier.viewer(issuer.token())
    issuer.answer = ODD_ANSWERS["an error"]
    clock.seconds = 3_601
    await verifier.viewer(issuer.token(jti="finds out"))
    issuer.gate.clear()

    clock.seconds = 3_700
    async with asyncio.timeout(20):
        await verifier.viewer(issuer.token(jti="does not wait"))


async def test_an_issuer_that_does_not_answer_in_time_is_down(issuer: Issuer) -> None:
    issuer.gate.clear()

    with pytest.raises(IssuerUnavailable):
        await issuer.sign_in(Clock(), timeout=timedelta(seconds=0.1)).viewer(issuer.token())


async def test_without_keys_an_issuer_that_is_down_is_told_apart(issuer: Issuer) -> None:
    clock = Clock()
    verifier = issuer.sign_in(clock)
    port = int(issuer.address.rpartition(":")[2])
    await issuer.stop()
    for _ in range(2):
        with pytest.raises(IssuerUnavailable, match="Sign-in is not possible just now"):
            await verifier.viewer(issuer.token())

    await issuer.start(port)
    clock.seconds = 6
    assert (await verifier.viewer(issuer.token())).subject == "anna"


ODD_ANSWERS: Mapping[str, Callable[[], Response]] = {
    "an error": lambda: Response(status_code=500),
    "no JSON": lambda: Response("<html>"),
    "no object": lambda: JSONResponse([]),
    "another issuer": lambda: JSONResponse(
        {"issuer": "https://evil.example", "jwks_uri": "https://evil.example/keys"}
    ),
    "a redirect": lambda: RedirectResponse("http://127.0.0.1:1/"),
    "too much": lambda: Response(" " * 300_000 + "{}"),
}


@pytest.mark.parametrize("answer", ODD_ANSWERS.values(), ids=ODD_ANSWERS.keys())
async def test_odd_answers_of_an_issuer_are_like_none(
    issuer: Issuer, answer: Callable[[], Response]
) -> None:
    issuer.answer = answer

    with pytest.raises(IssuerUnavailable):
        await issuer.sign_in(Clock()).viewer(issuer.token())


@pytest.mark.parametrize(
    "address",
    [
        "http://keys.example.se/",
        "ftp://127.0.0.1/",
        "file:///etc/passwd",
        "//x",
        "http://[",
        "http://a@127.0.0.1/",
    ],
)
async def test_keys_are_not_fetched_from_just_anywhere(issuer: Issuer, address: str) -> None:
    issuer.discovery["jwks_uri"] = address

    with pytest.raises(IssuerUnavailable):
        await issuer.sign_in(Clock()).viewer(issuer.token())


async def test_one_odd_key_spoils_no_other(issuer: Issuer) -> None:
    with pytest.warns(SecurityWarning, match="2048"):
        small = RSAKey.generate_key(1024, {"kid": "small"})
    public = EC.as_dict(private=False)
    issuer.keys = [
        {"kty": "oct", "kid": "ec", "k": "c2VjcmV0"},
        {"kty": "AKP", "kid": "future"},
        {"kty": ["EC"], "kid": "x"},
        {"kty": "EC", "crv": {}, "kid": "x"},
        {"kty": "EC", "crv": "P-256", "kid": "x", "x": "", "y": "é"},
        {"kty": "EC", "crv": "P-256", "kid": "x", "x": "_" * 300, "y": "AQ"},
        {"kty": "RSA", "kid": "x", "n": 5, "e": "AQAB"},
        {"kty": "RSA", "kid": "x", "n": "AQAB", "e": "_" * 400},
        public | {"kid": 5},
        public | {"use": "enc"},
        public | {"kid": "wrong alg", "alg": "ES384"},
        ECKey.generate_key("P-384", {"kid": "P-384"}).as_dict(private=False),
        OKPKey.generate_key("X25519", {"kid": "X25519"}).as_dict(private=False),
        small.as_dict(private=False),
        public,
        RSA.as_dict(private=False),
    ]
    verifier = issuer.sign_in(Clock())

    with pytest.warns(SecurityWarning, match="2048"):
        assert (await verifier.viewer(issuer.token())).subject == "anna"

    assert (
        await verifier.viewer(signed(person(iss=issuer.address), RSA, "PS256"))
    ).subject == "anna"
    assert "signature" in await refusal(
        signed(person(iss=issuer.address), small, "RS256"), verifier
    )
    assert "signature" in await refusal(
        signed(person(iss=issuer.address), kid="wrong alg"), verifier
    )


@pytest.mark.parametrize(
    "address",
    [
        "http://idp.example.se",
        "idp.example.se",
        "",
        "ftp://localhost",
        "https://idp.example.se/?a=1",
        "https://a:b@c",
    ],
)
def test_an_issuer_must_be_reached_safely(address: str) -> None:
    with pytest.raises(ValueError, match="https"):
        IssuerKeys(address)


@pytest.mark.parametrize(
    "address", ["https://idp.example.se/oidc", "http://localhost:8080", "http://[::1]:8080"]
)
def test_addresses_that_an_issuer_may_have(address: str) -> None:
    assert IssuerKeys(address)


@pytest.mark.parametrize(
    ("role", "unit", "includes_below"),
    [
        (Role.NATIONAL_ADMINISTRATOR, "SE5565594230", True),
        (Role.REGIONAL_ADMINISTRATOR, "SE2321000016", True),
        (Role.LOCAL_ADMINISTRATOR, "SE2321000016-c1", False),
        (Role.LOCAL_ADMINISTRATOR, "SE2321000016", True),
        (Role.CLINIC_STAFF, "SE2321000016-c1", False),
        (Role.REVIEWER, "SE2321000016", True),
    ],
)
async def test_a_development_token_signs_in_a_person(
    tmp_path: Path, role: Role, unit: str, includes_below: bool
) -> None:
    token = development_issuer.token(
        tmp_path,
        role=role,
        unit=unit,
        employee="SE2321000016-anna",
        name="Anna Åberg",
        valid_for=timedelta(hours=1),
    )

    viewer = await development_issuer.sign_in(tmp_path).viewer(token)

    assert token.isascii()
    assert timedelta(minutes=59) < viewer.expires_at - datetime.now(UTC) <= timedelta(hours=1)
    assert viewer == replace(
        viewer,
        subject="SE2321000016-anna",
        employee_hsa_id="SE2321000016-anna",
        name="Anna Åberg",
        grants=(Grant(role, unit, includes_below),),
        acr=LOA3,
        system=False,
        issuer="https://development.casetypes.invalid",
    )


@pytest.mark.parametrize(("employee", "name"), [(None, None), ("SE2321000016-anna", "Anna")])
async def test_a_development_reporter_is_a_machine(
    tmp_path: Path, employee: str | None, name: str | None
) -> None:
    token = development_issuer.token(
        tmp_path, role=Role.REPORTER, unit="SE2321000016", employee=employee, name=name
    )

    viewer = await development_issuer.sign_in(tmp_path).viewer(token)

    assert (viewer.system, viewer.employee_hsa_id, viewer.name, viewer.acr) == (
        True,
        None,
        None,
        None,
    )
    assert viewer.subject == "development-reporter-SE2321000016"
    assert viewer.grants == (Grant(Role.REPORTER, "SE2321000016", includes_below=True),)


async def test_a_development_token_ends_and_works_with_no_other_issuer(tmp_path: Path) -> None:
    options: dict[str, Any] = {
        "role": Role.REVIEWER,
        "unit": "SE2321000016",
        "employee": "SE2321000016-anna",
    }
    verifier = development_issuer.sign_in(tmp_path)

    ended = development_issuer.token(
        tmp_path,
        now=datetime.now(UTC) - timedelta(hours=2),
        valid_for=timedelta(hours=1),
        **options,
    )
    assert "expired" in await refusal(ended, verifier)
    weak = development_issuer.token(tmp_path, acr="http://id.sambi.se/loa/loa1", **options)
    assert "level of assurance" in await refusal(weak, verifier)
    assert "signature" in await refusal(
        development_issuer.token(tmp_path / "other", **options), verifier
    )
    assert "signature" in await refusal(development_issuer.token(tmp_path, **options))


def test_a_development_token_needs_ids_that_can_sign_in(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="needs an employee HSA-id"):
        development_issuer.token(tmp_path, role=Role.REVIEWER, unit="SE2321000016")
    with pytest.raises(ValueError, match="letters, digits and hyphens"):
        development_issuer.token(
            tmp_path, role=Role.REVIEWER, unit="SE2321000016\n", employee="anna"
        )
    with pytest.raises(ValueError, match="letters, digits and hyphens"):
        development_issuer.token(tmp_path, role=Role.REVIEWER, unit="SE2321000016", employee="åsa")
    with pytest.raises(ValueError, match="letters, digits and hyphens"):
        development_issuer.token(tmp_path, role=Role.REPORTER, unit="")
    with pytest.raises(ValueError, match="valid for that long"):
        development_issuer.token(
            tmp_path, role=Role.REPORTER, unit="SE2321000016", valid_for=timedelta(seconds=10**12)
        )


def _key_id(data: str, start: Any) -> str:
    start.wait()
    return str(development_issuer.keys(Path(data)).keys[0].kid)


def test_processes_that_start_at_once_make_one_development_key(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    data = tmp_path / "new" / "data"
    with context.Manager() as manager, context.Pool(6) as pool:
        found = pool.starmap(_key_id, [(str(data), manager.Barrier(6))] * 6)

    assert len(set(found)) == 1
    assert [path.name for path in data.iterdir()] == ["development-issuer.json"]
    assert stat.S_IMODE((data / "development-issuer.json").stat().st_mode) == 0o600


def test_only_the_public_half_of_the_development_key_is_handed_out(tmp_path: Path) -> None:
    keys = development_issuer.keys(tmp_path)

    assert not any(key.is_private for key in keys)
    assert keys == development_issuer.keys(tmp_path)


@pytest.mark.parametrize(
    "content", ["", "{", "[]", "5", "{}", '{"kty": "EC"}', '{"kty":"oct","k":"c2VjcmV0"}']
)
def test_a_spoilt_key_file_is_told_of_and_left_alone(tmp_path: Path, content: str) -> None:
    path = tmp_path / "development-issuer.json"
    path.write_text(content)

    with pytest.raises(ValueError, match="does not hold a private P-256 key"):
        development_issuer.keys(tmp_path)

    assert path.read_text() == content
