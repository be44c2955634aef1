"""Sign-in: the tokens that are accepted and those that are refused.

Keys and signatures are real.
"""

import base64
import hmac
import json
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from joserfc import jws, jwt
from joserfc.errors import SecurityWarning
from joserfc.jwk import ECKey, Key

from resolvers.access.sign_in import MAX_TOKEN_BYTES, Unauthenticated
from resolvers.access.viewer import LOA3, Grant, Viewer
from store.records import Role
from tests.rules.tokens import (
    AUDIENCE,
    EC,
    ISSUER,
    NOW,
    OKP,
    RSA,
    STRANGER,
    Clock,
    machine,
    person,
    raw,
    refusal,
    scope,
    sign_in,
    signed,
    signed_bytes,
)


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


async def test_a_signature_is_verified_with_the_key_of_its_id_only() -> None:
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


async def test_a_header_without_a_key_id_is_refused() -> None:
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


async def test_times_have_a_little_leeway_but_expiry_has_none() -> None:
    clock = Clock()
    token = signed(
        person(nbf=NOW.timestamp() + 30, iat=NOW.timestamp() + 30, exp=NOW.timestamp() + 60.5)
    )

    assert (await sign_in(clock).viewer(token)).expires_at == NOW + timedelta(seconds=60.5)
    clock.seconds = 60.4
    assert (await sign_in(clock).viewer(token)).subject == "anna"
    clock.seconds = 60.5
    assert "expired" in await refusal(token, sign_in(clock))


async def test_payloads_that_are_not_claims_are_refused() -> None:
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


async def test_texts_that_are_not_tokens_are_refused() -> None:
    good = signed(person())
    bad_headers = (
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

    for text in [*garbage, *(raw(header, person(), b"\0" * 64) for header in bad_headers)]:
        assert "malformed" in await refusal(text)
    for text in (good + "=", good + "\n", good[:-1] + "!", good.rpartition(".")[0] + "."):
        assert "signature" in await refusal(text)


async def test_a_token_that_is_too_large_is_refused_before_it_is_parsed() -> None:
    largest = signed(person(filling="x" * 11_000))
    assert len(largest) < MAX_TOKEN_BYTES
    assert (await sign_in().viewer(largest)).subject == "anna"

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
async def test_any_claims_of_the_issuer_sign_in_or_are_refused_cleanly(
    changes: dict[str, Any],
) -> None:
    token = signed_bytes(json.dumps(person() | changes).encode())

    try:
        viewer = await sign_in().viewer(token)
    except Unauthenticated:
        return
    assert viewer.system or (viewer.acr == LOA3 and viewer.employee_hsa_id)
