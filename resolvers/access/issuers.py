"""The public keys that tokens are verified with: a fixed set, or an OpenID Connect issuer's.

An issuer's keys are kept, fetched again when they are old or a token names a key that isn't among
them, and used on while the issuer is down.
However many tokens come, at most one request at a time goes to the issuer, and one each half
minute.

Source: OpenID Connect Discovery 1.0, sections 4 and 7; RFC 7517.
"""

import asyncio
import ipaddress
import math
import time
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, Protocol
from urllib.parse import urlsplit

import httpx2
import structlog
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import ECKey, Key, KeySet, OKPKey, RSAKey
from pydantic import BaseModel, ConfigDict

_MAX_BYTES = 256 * 1024
_MIN_RSA_BITS = 2048
_KEY_TYPES: Mapping[tuple[object, object], type[ECKey] | type[OKPKey] | type[RSAKey]] = {
    ("EC", "P-256"): ECKey,
    ("OKP", "Ed25519"): OKPKey,
    ("RSA", None): RSAKey,
}
_PUBLIC = ("kty", "kid", "use", "alg", "key_ops", "crv", "x", "y", "n", "e")

_log = structlog.get_logger(__name__)


class IssuerUnavailable(Exception):
    """The issuer can't be reached, and there are no keys to verify with.

    Says nothing of the token.
    """

    def __init__(self) -> None:
        super().__init__("Sign-in is not possible just now: the issuer's keys are not available.")


class KeySource(Protocol):
    """Where the key that a token names comes from."""

    async def key(self, key_id: str, algorithm: str) -> Key | None:
        """The public key of an id that fits an algorithm; None where there is none.

        Raises:
            IssuerUnavailable: It can't be known.
        """


class FixedKeys:
    """Keys that don't change while the server runs."""

    def __init__(self, keys: KeySet) -> None:
        self._keys = keys

    async def key(self, key_id: str, algorithm: str) -> Key | None:
        """The key of an id, or None."""
        return _find(self._keys, key_id, algorithm)


class IssuerKeys:
    """The keys that an OpenID Connect issuer publishes.

    Args:
        issuer: The issuer's identifier, https; http only for a loopback host.
        max_age: How old keys may be before they are fetched again.
        max_staleness: How old keys may be when fetching them again fails.
        pause: The least time between two fetches; `pause_after_failure` after one that failed.
        timeout: For one fetch, all in all.
        monotonic: Seconds from any start, never going back.

    Raises:
        ValueError: The issuer isn't an address that keys may be fetched from.
    """

    def __init__(
        self,
        issuer: str,
        *,
        max_age: timedelta = timedelta(hours=1),
        max_staleness: timedelta = timedelta(hours=24),
        pause: timedelta = timedelta(seconds=30),
        pause_after_failure: timedelta = timedelta(seconds=5),
        timeout: timedelta = timedelta(seconds=5),
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._loopback = _is_loopback(issuer)
        if not _is_fetchable(issuer, loopback=self._loopback) or urlsplit(issuer).query:
            raise ValueError(
                "The issuer must be an https address (http for a loopback host) without user, query"
                " and fragment."
            )
        self._issuer = issuer
        self._max_age = max_age.total_seconds()
        self._max_staleness = max_staleness.total_seconds()
        self._pause = pause.total_seconds()
        self._pause_after_failure = pause_after_failure.total_seconds()
        self._timeout = timeout.total_seconds()
        self._monotonic = monotonic
        self._verify = (
            httpx2.create_ssl_context()
        )  # here, since it takes a while that no request should wait for
        self._keys = KeySet([])
        self._fetched_at = -math.inf
        self._tried_at = -math.inf
        self._failing = False
        self._refresh: asyncio.Task[None] | None = None

    async def key(self, key_id: str, algorithm: str) -> Key | None:
        """The issuer's key of an id, fetched if need be; None where the issuer has none.

        Raises:
            IssuerUnavailable: The issuer can't be reached, and no keys are kept that are fresh
                enough.
        """
        if self._age() > self._max_age:
            refresh = self._start_refresh()
            if refresh is not None and not (self._failing and self._age() <= self._max_staleness):
                await asyncio.shield(refresh)
        if self._age() > self._max_staleness:
            raise IssuerUnavailable
        found = _find(self._keys, key_id, algorithm)
        if found is None and (refresh := self._start_refresh()) is not None:
            await asyncio.shield(refresh)
            found = _find(self._keys, key_id, algorithm)
        return found

    def _age(self) -> float:
        return self._monotonic() - self._fetched_at

    def _start_refresh(self) -> asyncio.Task[None] | None:
        """The fetch that is under way, or a new one; None where the last was too recent.

        A caller that gives up must not end it: shield.
        """
        if self._refresh is not None and not self._refresh.done():
            return self._refresh
        now = self._monotonic()
        if now - self._tried_at < (self._pause_after_failure if self._failing else self._pause):
            return None
        self._tried_at = now
        self._refresh = asyncio.create_task(self._fetch())
        return self._refresh

    async def _fetch(self) -> None:
        try:
            async with asyncio.timeout(self._timeout):
                self._keys = await self._published()
        except (httpx2.HTTPError, httpx2.InvalidURL, ValueError, OSError) as error:
            self._failing = True
            _log.warning("issuer_keys_not_fetched", issuer=self._issuer, error=type(error).__name__)
        else:
            self._failing = False
            self._fetched_at = self._monotonic()
            _log.info("issuer_keys_fetched", issuer=self._issuer, keys=len(self._keys.keys))

    async def _published(self) -> KeySet:
        # A loopback issuer is reached directly whatever proxy the environment names.
        async with httpx2.AsyncClient(
            timeout=self._timeout,
            follow_redirects=False,
            verify=self._verify,
            trust_env=not self._loopback,
        ) as client:
            discovery = _Discovery.model_validate_json(
                await _read(client, f"{self._issuer.rstrip('/')}/.well-known/openid-configuration")
            )
            if discovery.issuer != self._issuer:
                raise ValueError("The discovery document is another issuer's.")
            if not _is_fetchable(discovery.jwks_uri, loopback=self._loopback):
                raise ValueError("The keys' address is not one that keys may be fetched from.")
            published = _Published.model_validate_json(await _read(client, discovery.jwks_uri))
        keys = [key for jwk in published.keys if (key := _usable(jwk)) is not None]
        if not keys:
            raise ValueError("The issuer publishes no key that can be used.")
        return KeySet(keys)


class _Discovery(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True)

    issuer: str
    jwks_uri: str


class _Published(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True)

    keys: list[dict[str, Any]]


async def _read(client: httpx2.AsyncClient, url: str) -> bytes:
    body = bytearray()
    # Not compressed: so no more is held than what is read.
    async with client.stream(
        "GET", url, headers={"Accept": "application/json", "Accept-Encoding": "identity"}
    ) as response:
        if response.status_code != 200:
            raise ValueError("The issuer did not answer with the document.")
        async for chunk in response.aiter_raw():
            body += chunk
            if len(body) > _MAX_BYTES:
                raise ValueError("The issuer's document is too large.")
    return bytes(body)


def _usable(jwk: Mapping[str, Any]) -> Key | None:
    """A published key as its public part; None where it isn't one for signatures that are accepted
    here. One odd key spoils no other.
    """
    public = {name: jwk[name] for name in _PUBLIC if name in jwk}
    try:
        key_type = _KEY_TYPES.get((jwk.get("kty"), jwk.get("crv")))
        if (
            key_type is None
            or not isinstance(jwk.get("kid"), str)
            or jwk.get("use", "sig") != "sig"
        ):
            return None
        key = key_type.import_key(public)
    except (JoseError, ValueError, TypeError, KeyError, OverflowError):
        return None
    return None if isinstance(key, RSAKey) and key.raw_value.key_size < _MIN_RSA_BITS else key


def _find(keys: KeySet, key_id: str, algorithm: str) -> Key | None:
    try:
        return keys.get_by_kid(key_id, {"alg": algorithm, "use": "sig"})
    except InvalidKeyIdError:
        return None


def _is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _is_fetchable(url: str, *, loopback: bool) -> bool:
    """Whether an address is https, or http on a loopback host where the issuer is on one too."""
    parts = urlsplit(url)
    if not parts.hostname or parts.username is not None or parts.fragment:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and loopback and _is_loopback(url))
