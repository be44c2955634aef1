"""Sign-in: verifies a bearer token and returns its viewer.

No part of a token is trusted before its signature is verified. No part of a refused token is
returned, logged or cached. Keys come from `resolvers.access.issuers`; what the viewer may do is
decided by `resolvers.access.rights`.

Source: RFC 7519, RFC 8725 (best current practices), RFC 9068, OpenID Connect Core 1.0; claims as in
Inera's identity provider.
"""

from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from types import MappingProxyType
from typing import Any, get_args

from joserfc import jws
from joserfc.errors import JoseError, UnsupportedAlgorithmError
from joserfc.jws import JWSRegistry
from pydantic import ValidationError

from resolvers.access.claims import COMMISSIONS, Algorithm, Claims, Header
from resolvers.access.issuers import KeySource
from resolvers.access.viewer import LOA3, Grant, Viewer
from store.records import Role

MAX_TOKEN_BYTES = 16 * 1024
ROLES: Mapping[str, Role] = MappingProxyType({role.value: role for role in Role})
"""The default property codes: the names of the roles."""

_ALGORITHMS = frozenset(get_args(Algorithm))
_TYPES = frozenset({"jwt", "at+jwt", "application/jwt", "application/at+jwt"})
_LEEWAY = timedelta(seconds=30)
_CACHED_FOR = timedelta(minutes=5)
_MAX_CACHED = 10_000


class Unauthenticated(Exception):
    """The token does not sign anyone in.

    The message is a fixed English text without any part of the token.
    """


class SignIn:
    """Verifies tokens of one issuer.

    Verified tokens are cached by digest for five minutes, at most 10,000 of them. A key that the
    issuer withdraws therefore works for at most five minutes after it is gone from the key source.
    Expiry is checked at each call.

    Args:
        keys: Where the issuer's keys come from.
        issuer: The exact value that `iss` must have.
        audience: The value that `aud` must be or contain.
        acr: The accepted levels of assurance of a person's sign-in.
        roles: The role of each known property code of `authorizationScope`. Other codes are
            ignored.
        clock: Returns the current time, timezone-aware.
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
        self._cache: OrderedDict[bytes, _CachedViewer] = OrderedDict()

    async def viewer(self, token: str) -> Viewer:
        """Verify a token and return its viewer.

        Args:
            token: A JWS in compact form, at most 16 KiB.

        Returns:
            The viewer; its `expires_at` is in the future.

        Raises:
            Unauthenticated: The token is malformed, forged, expired or not for this server, or its
                level of assurance is too low.
            IssuerUnavailable: The issuer's keys are not available.
        """
        if len(token) > MAX_TOKEN_BYTES:
            raise Unauthenticated("The token is too large.")
        if not token.isascii():
            raise Unauthenticated("The token is malformed.")
        digest = sha256(token.encode("ascii")).digest()
        cached = self._cache.get(digest)
        # The lower bound keeps an entry from living longer after the clock was set back.
        if cached is not None and cached.since <= self._clock() < cached.until:
            self._cache.move_to_end(digest)
            viewer = cached.viewer
        else:
            self._cache.pop(digest, None)
            viewer = await self._verify(token)
            now = self._clock()
            until = min(viewer.expires_at, now + _CACHED_FOR)
            self._cache[digest] = _CachedViewer(viewer, now, until)
            if len(self._cache) > _MAX_CACHED:
                self._cache.popitem(last=False)
        if self._clock() >= viewer.expires_at:
            raise Unauthenticated("The token has expired.")
        return viewer

    async def _verify(self, token: str) -> Viewer:
        payload = await self._verified_payload(token)
        try:
            claims = Claims.model_validate_json(payload)
        except ValidationError:
            raise Unauthenticated("The token's claims are malformed.") from None
        self._check_addressing(claims)
        self._check_times(claims)
        system = claims.is_machine
        if not system:
            self._check_person(claims)
        return Viewer(
            subject=claims.sub,
            employee_hsa_id=claims.employee_hsa_id,
            name=None if system else claims.display_name,
            grants=self._grants(claims, system=system),
            expires_at=datetime.fromtimestamp(claims.exp, UTC),
            acr=claims.acr,
            system=system,
            issuer=claims.iss,
            token_id=claims.jti,
        )

    async def _verified_payload(self, token: str) -> bytes:
        """Verify the signature with the key that the token names, and return the payload."""
        # joserfc raises TypeError, AttributeError and RecursionError too for odd headers.
        try:
            signed = jws.extract_compact(token.encode("ascii"), registry=_REGISTRY)
            header = Header.model_validate(signed.headers())
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

    def _check_addressing(self, claims: Claims) -> None:
        if claims.iss != self._issuer:
            raise Unauthenticated("The token is from another issuer.")
        if self._audience not in ([claims.aud] if isinstance(claims.aud, str) else claims.aud):
            raise Unauthenticated("The token is for another audience.")

    def _check_times(self, claims: Claims) -> None:
        now = self._clock()
        if claims.exp <= now.timestamp():
            raise Unauthenticated("The token has expired.")
        if max(claims.nbf, claims.iat) > (now + _LEEWAY).timestamp():
            raise Unauthenticated("The token is not valid yet.")

    def _check_person(self, claims: Claims) -> None:
        if claims.employee_hsa_id is None:
            raise Unauthenticated("The token has no employee HSA-id.")
        if claims.acr not in self._acr:
            raise Unauthenticated(
                "The sign-in does not have the level of assurance that is required."
            )

    def _grants(self, claims: Claims, *, system: bool) -> tuple[Grant, ...]:
        """The roles that the token grants, one for each unit.

        A machine is exempt from the level of assurance; it can only be a reporter.
        """
        grants: dict[Grant, None] = {}
        for entry in claims.authorization_scope or ():
            role = self._roles.get(entry.code)
            if role is None or (system and role is not Role.REPORTER):
                continue
            try:
                commissions = COMMISSIONS.validate_python(entry.commissions)
            except ValidationError:
                raise Unauthenticated("The token's claims are malformed.") from None
            grants.update(
                (Grant(role, sector.unit_hsa_id, sector.sector_flag), None)
                for commission in commissions
                for sector in commission.sector
            )
        return tuple(grants)


@dataclass(frozen=True, slots=True)
class _CachedViewer:
    viewer: Viewer
    since: datetime
    until: datetime


class _Registry(JWSRegistry):
    """Accepts the listed algorithms only, and any header names, since issuers add their own."""

    max_header_length = 4096
    max_payload_length = MAX_TOKEN_BYTES

    def get_alg(self, name: str) -> Any:
        if name not in _ALGORITHMS:
            raise UnsupportedAlgorithmError
        # joserfc would warn at each token for "EdDSA", the older name that issuers still use.
        return self.algorithms[name]


_REGISTRY = _Registry(strict_check_header=False)
