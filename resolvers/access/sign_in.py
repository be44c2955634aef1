"""Sign-in: a bearer token, verified, becomes a viewer.

Nothing of a token is believed before its signature is verified, and nothing of a refused one is
told, logged or kept.
Not here: where keys come from (issuers), what the viewer may do (access).

Source: RFC 7519, RFC 8725 (best current practices), RFC 9068, OpenID Connect Core 1.0; claims as in
Inera's identity provider.
"""

from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from types import MappingProxyType
from typing import Annotated, Any, Literal

from joserfc import jws
from joserfc.errors import JoseError, UnsupportedAlgorithmError
from joserfc.jws import JWSRegistry
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from resolvers.access.issuers import IssuerUnavailable, KeySource
from resolvers.access.viewer import LOA3, Grant, Viewer
from store.records import Role

__all__ = [
    "HSA_ID",
    "LOA3",
    "MAX_TOKEN_BYTES",
    "ROLES",
    "IssuerUnavailable",
    "SignIn",
    "Unauthenticated",
]

MAX_TOKEN_BYTES = 16 * 1024
HSA_ID = "[A-Za-z0-9-]{1,31}"
"""HSA-ids in tokens: those of test systems and of organisations break the pattern of section 5."""
ROLES: Mapping[str, Role] = MappingProxyType({role.value: role for role in Role})
"""Property codes that are the roles' own names."""

_Algorithm = Literal["RS256", "PS256", "ES256", "EdDSA", "Ed25519"]
_ALGORITHMS = frozenset({"RS256", "PS256", "ES256", "EdDSA", "Ed25519"})
_TYPES = frozenset({"jwt", "at+jwt", "application/jwt", "application/at+jwt"})
_LEEWAY = timedelta(seconds=30)
_KEPT_FOR = timedelta(minutes=5)
_KEPT = 10_000
_MAX_NAME = 200


class Unauthenticated(Exception):
    """The token is not one that signs anybody in.

    The message is fixed text in English, without anything of the token.
    """


class SignIn:
    """Verifies tokens of one issuer.

    Verified tokens are kept for five minutes (at most 10,000, by digest): a key that the issuer
    withdraws stops working that soon after it
    is gone from the key source. Expiry is checked at each call.

    Args:
        keys: Where the issuer's keys come from.
        issuer: What `iss` must be, exactly.
        audience: What `aud` must be or contain.
        acr: The levels of assurance that a person's sign-in may have.
        roles: Property codes of `authorizationScope`, and the role each stands for. Other codes are
            ignored.
        clock: The time now, aware.
    """

    def __init__(
        self,
        keys: KeySource,
        *,
        issuer: str,
        audience: str,
        acr: Collection[str] = (LOA3,),
        roles: Mapping[str, Role] = ROLES,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._keys = keys
        self._issuer = issuer
        self._audience = audience
        self._acr = frozenset(acr)
        self._roles = roles
        self._clock = clock
        self._kept: OrderedDict[bytes, _Kept] = OrderedDict()

    async def viewer(self, token: str) -> Viewer:
        """The viewer that a token signs in.

        Args:
            token: A JWS in compact form, at most 16 KiB.

        Returns:
            The viewer, whose `expires_at` is still to come.

        Raises:
            Unauthenticated: The token is malformed, forged, expired or not for this server, or the
                sign-in too weak.
            IssuerUnavailable: The issuer's keys can't be had.
        """
        if len(token) > MAX_TOKEN_BYTES:
            raise Unauthenticated("The token is too large.")
        if not token.isascii():
            raise Unauthenticated("The token is malformed.")
        digest = sha256(token.encode("ascii")).digest()
        kept = self._kept.get(digest)
        if (
            kept is not None and kept.since <= self._clock() < kept.until
        ):  # not longer if the clock was set back
            self._kept.move_to_end(digest)
            viewer = kept.viewer
        else:
            self._kept.pop(digest, None)
            viewer = await self._verified(token)
            now = self._clock()
            self._kept[digest] = _Kept(viewer, now, min(viewer.expires_at, now + _KEPT_FOR))
            if len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        if self._clock() >= viewer.expires_at:
            raise Unauthenticated("The token has expired.")
        return viewer

    async def _verified(self, token: str) -> Viewer:
        payload = await self._signed(token)
        try:
            claims = _Claims.model_validate_json(payload)
        except ValidationError:
            raise Unauthenticated("The token's claims are malformed.") from None
        self._check_addressing(claims)
        self._check_times(claims)
        system = _is_machine(claims)
        if not system:
            self._check_person(claims)
        return Viewer(
            subject=claims.sub,
            employee_hsa_id=claims.employee_hsa_id,
            name=None if system else _name_of(claims),
            grants=self._grants(claims, system=system),
            expires_at=datetime.fromtimestamp(claims.exp, UTC),
            acr=claims.acr,
            system=system,
            issuer=claims.iss,
            token_id=claims.jti,
        )

    async def _signed(self, token: str) -> bytes:
        """The payload, its signature verified by the key that the token names."""
        # joserfc meets odd headers with TypeError, AttributeError and RecursionError too; the model
        # lets none of them further.
        try:
            signed = jws.extract_compact(token.encode("ascii"), registry=_REGISTRY)
            header = _Header.model_validate(signed.headers())
        except (JoseError, ValueError, TypeError, AttributeError, RecursionError):
            raise Unauthenticated(
                "The token is malformed, or signed in a way that is not accepted."
            ) from None
        if header.typ.lower() not in _TYPES:
            raise Unauthenticated("The token is of another type than those that sign in.")
        key = await self._keys.key(header.kid, header.alg)
        try:
            valid = key is not None and jws.validate_compact(signed, key, registry=_REGISTRY)
        except (JoseError, ValueError, TypeError):
            valid = False
        if not valid:
            raise Unauthenticated("The token's signature is not the issuer's.")
        return signed.payload

    def _check_addressing(self, claims: "_Claims") -> None:
        if claims.iss != self._issuer:
            raise Unauthenticated("The token is from another issuer.")
        if self._audience not in ([claims.aud] if isinstance(claims.aud, str) else claims.aud):
            raise Unauthenticated("The token is for another audience.")

    def _check_times(self, claims: "_Claims") -> None:
        now = self._clock()
        if claims.exp <= now.timestamp():
            raise Unauthenticated("The token has expired.")
        if max(claims.nbf, claims.iat) > (now + _LEEWAY).timestamp():
            raise Unauthenticated("The token is not valid yet.")

    def _check_person(self, claims: "_Claims") -> None:
        if claims.employee_hsa_id is None:
            raise Unauthenticated("The token has no employee HSA-id.")
        if claims.acr not in self._acr:
            raise Unauthenticated(
                "The sign-in does not have the level of assurance that is required."
            )

    def _grants(self, claims: "_Claims", *, system: bool) -> tuple[Grant, ...]:
        """A role for each unit that the token names; a machine, exempt from the level of assurance,
        is a reporter and nothing else.
        """
        grants: dict[Grant, None] = {}
        for entry in claims.authorization_scope or ():
            role = self._roles.get(entry.code)
            if role is None or (system and role is not Role.REPORTER):
                continue
            try:
                commissions = _COMMISSIONS.validate_python(entry.commissions)
            except ValidationError:
                raise Unauthenticated("The token's claims are malformed.") from None
            grants.update(
                (Grant(role, sector.unit_hsa_id, sector.sector_flag), None)
                for commission in commissions
                for sector in commission.sector
            )
        return tuple(grants)


@dataclass(frozen=True, slots=True)
class _Kept:
    viewer: Viewer
    since: datetime
    until: datetime


class _Registry(JWSRegistry):
    """The accepted algorithms and no other; headers of any names, since issuers add their own."""

    max_header_length = 4096
    max_payload_length = MAX_TOKEN_BYTES

    def get_alg(self, name: str) -> Any:
        if name not in _ALGORITHMS:
            raise UnsupportedAlgorithmError
        # "EdDSA" is the older name of Ed25519, which issuers still use: joserfc would warn at each
        # token.
        return self.algorithms[name]


_REGISTRY = _Registry(strict_check_header=False)


class _Model(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="ignore", hide_input_in_errors=True)


class _Header(_Model):
    """What is read of a header.

    No critical extension is understood here, so `crit` must be absent.
    """

    alg: _Algorithm
    kid: Annotated[str, Field(min_length=1, max_length=255)]
    typ: str = "JWT"
    crit: None = None


_HsaId = Annotated[str, Field(pattern=f"^{HSA_ID}$")]
_Time = Annotated[float, Field(ge=0, le=253_402_300_799, allow_inf_nan=False)]  # year 9999


class _Sector(_Model):
    unit_hsa_id: _HsaId = Field(alias="unitHsaId")
    sector_flag: bool = Field(default=False, alias="sectorFlag")


class _Commission(_Model):
    sector: list[_Sector]


class _Property(_Model):
    """One property code.

    What it holds is looked at only where the code is known: other systems' rights are not ours to
    judge.
    """

    code: str = Field(alias="authorizationScopePropertyCode")
    commissions: Any = Field(default=(), alias="adminCommissions")


_COMMISSIONS = TypeAdapter(list[_Commission])


class _Claims(_Model):
    iss: str
    sub: Annotated[str, Field(pattern=r"^[\x20-\x7E]{1,255}$")]
    aud: str | list[str]
    exp: _Time
    nbf: _Time = 0
    iat: _Time = 0
    jti: Annotated[str, Field(max_length=255)] | None = None
    acr: str | None = None
    amr: Any = None
    azp: str | None = None
    client_id: str | None = None
    name: str | None = None
    given_name: str | None = None
    family_name: str | None = None
    employee_hsa_id: _HsaId | None = Field(default=None, alias="employeeHsaId")
    commission_hsa_id: Any = Field(default=None, alias="commissionHsaId")
    authorization_scope: list[_Property] | None = Field(default=None, alias="authorizationScope")


def _is_machine(claims: _Claims) -> bool:
    """Whether a client signed in for itself.

    A person's token without employee HSA-id must not pass for one.
    """
    client = claims.client_id or claims.azp
    person = (
        claims.employee_hsa_id,
        claims.commission_hsa_id,
        claims.amr,
        claims.name,
        claims.given_name,
        claims.family_name,
    )
    return bool(client) and all(mark is None for mark in person)


def _name_of(claims: _Claims) -> str | None:
    """The display name in one line, without characters that don't print."""
    name = claims.name or " ".join(part for part in (claims.given_name, claims.family_name) if part)
    shown = "".join(character for character in " ".join(name.split()) if character.isprintable())
    return shown[:_MAX_NAME] or None
