"""The keys of an issuer: fetched, cached, and refused when they cannot be trusted."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import timedelta

import pytest
from joserfc.errors import SecurityWarning
from joserfc.jwk import ECKey, OKPKey, RSAKey
from starlette.responses import JSONResponse, RedirectResponse, Response

from resolvers.access.issuers import IssuerKeys, IssuerUnavailable
from tests.rules.issuer import Issuer, running
from tests.rules.tokens import EC, RSA, STRANGER, Clock, person, refusal, signed


@pytest.fixture
async def issuer() -> AsyncIterator[Issuer]:
    async with running() as started:
        yield started


def ec(kid: str) -> ECKey:
    return ECKey.generate_key("P-256", {"kid": kid})


async def test_an_issuers_keys_are_fetched_once_an_hour(issuer: Issuer) -> None:
    clock = Clock()
    verifier = issuer.sign_in(clock)

    assert (await verifier.viewer(issuer.token())).issuer == issuer.address
    for seconds in (1, 1_800, 3_600):
        clock.seconds = seconds
        await verifier.viewer(issuer.token(jti=str(seconds)))
    assert issuer.requests == 1

    clock.seconds = 3_601
    await verifier.viewer(issuer.token(jti="later"))
    assert issuer.requests == 2


async def test_a_new_key_is_fetched_at_its_first_token(issuer: Issuer) -> None:
    clock = Clock()
    verifier = issuer.sign_in(clock)
    await verifier.viewer(issuer.token())
    new = ec("new")
    issuer.keys = [EC.as_dict(private=False), new.as_dict(private=False)]

    clock.seconds = 31
    assert (await verifier.viewer(issuer.token(new))).subject == "anna"
    assert (await verifier.viewer(issuer.token(jti="old"))).subject == "anna"
    assert issuer.requests == 2


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
    assert issuer.requests == 1

    for seconds in range(1, 61):
        clock.seconds = seconds
        await refusal(forged[seconds % 50], verifier)
    assert issuer.requests == 3


async def test_concurrent_first_requests_share_a_fetch_that_survives_a_cancelled_caller(
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
    assert issuer.requests == 1


async def test_cached_keys_work_for_a_day_while_the_issuer_is_down(issuer: Issuer) -> None:
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


async def test_no_request_waits_for_an_issuer_that_is_known_to_be_down(issuer: Issuer) -> None:
    clock = Clock()
    verifier = issuer.sign_in(clock, timeout=timedelta(minutes=1))
    await verifier.viewer(issuer.token())
    issuer.override = BAD_ANSWERS["an error"]
    clock.seconds = 3_601
    await verifier.viewer(issuer.token(jti="finds out"))
    issuer.gate.clear()

    clock.seconds = 3_700
    async with asyncio.timeout(20):
        await verifier.viewer(issuer.token(jti="does not wait"))


async def test_an_issuer_that_does_not_answer_in_time_is_unavailable(issuer: Issuer) -> None:
    issuer.gate.clear()

    with pytest.raises(IssuerUnavailable):
        await issuer.sign_in(Clock(), timeout=timedelta(seconds=0.1)).viewer(issuer.token())


async def test_an_issuer_that_is_down_has_its_own_error_without_cached_keys(issuer: Issuer) -> None:
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


BAD_ANSWERS: Mapping[str, Callable[[], Response]] = {
    "an error": lambda: Response(status_code=500),
    "no JSON": lambda: Response("<html>"),
    "no object": lambda: JSONResponse([]),
    "another issuer": lambda: JSONResponse(
        {"issuer": "https://evil.example", "jwks_uri": "https://evil.example/keys"}
    ),
    "a redirect": lambda: RedirectResponse("http://127.0.0.1:1/"),
    "too much": lambda: Response(" " * 300_000 + "{}"),
}


@pytest.mark.parametrize("answer", BAD_ANSWERS.values(), ids=BAD_ANSWERS.keys())
async def test_unusable_answers_of_an_issuer_count_as_none(
    issuer: Issuer, answer: Callable[[], Response]
) -> None:
    issuer.override = answer

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
async def test_keys_are_fetched_from_safe_addresses_only(issuer: Issuer, address: str) -> None:
    issuer.discovery["jwks_uri"] = address

    with pytest.raises(IssuerUnavailable):
        await issuer.sign_in(Clock()).viewer(issuer.token())


async def test_an_unusable_key_does_not_affect_the_other_keys(issuer: Issuer) -> None:
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
def test_an_issuer_may_have_an_https_or_loopback_address(address: str) -> None:
    assert IssuerKeys(address)
