"""Tokens with real signatures, and the verifier that accepts them."""

import base64
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from joserfc import jws, jwt
from joserfc.jwk import ECKey, Key, KeySet, OKPKey, RSAKey

from resolvers.access.issuers import FixedKeys
from resolvers.access.sign_in import SignIn, Unauthenticated
from resolvers.access.viewer import LOA3

ISSUER = "https://idp.example.se/oidc"


AUDIENCE = "casetypes"


NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


SECRETS = ("anna", "Anna", "Andersson", "SE2321000016", "idp.example", "evil", "loa2")


EC = ECKey.generate_key("P-256", {"kid": "ec"})


RSA = RSAKey.generate_key(2048, {"kid": "rsa"})


OKP = OKPKey.generate_key("Ed25519", {"kid": "okp"})


STRANGER = ECKey.generate_key("P-256", {"kid": "ec"})


class Clock:
    """A clock that a test sets."""

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
    """The claims of a person; a change to None removes the claim."""
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
    """A token built by hand."""
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
    """The message with which a token is refused.

    No content of the token is in the message or in the exceptions behind it.
    """
    with pytest.raises(Unauthenticated) as caught:
        await (verifier or sign_in()).viewer(token)
    message = str(caught.value)
    assert not [secret for secret in SECRETS if secret in message]
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    return message
