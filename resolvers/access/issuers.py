"""Public keys that verify tokens: a fixed set, or those of an OpenID Connect issuer.

An issuer's keys are cached. They are fetched again when they are old, or when a token names an
unknown key. While the issuer is down, the cached keys stay in use. However many tokens arrive, at
most one fetch runs at a time, and at most one starts every 30 seconds (5 seconds after a failure).

Source: OpenID Connect Discovery 1.0, sections 4 and 7; RFC 7517.
"""

import asyncio
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

from resolvers.access.loopback import is_loopback

_MAX_BYTES = 256 * 1024
_MIN_RSA_BITS = 2048
_KEY_TYPES: Mapping[tuple[object, object], type[ECKey] | type[OKPKey] | type[RSAKey]] = {
    ("EC", "P-256"): ECKey,
    ("OKP", "Ed25519"): OKPKey,
    ("RSA", None): RSAKey,
}
_PUBLIC_MEMBERS = ("kty", "kid", "use", "alg", "key_ops", "crv", "x", "y", "n", "e")

_log = structlog.get_logger(__name__)


class IssuerUnavailable(Exception):
    """The issuer cannot be reached, and there are no keys to verify with.

    The message contains nothing of the token.
    """

    def __init__(self) -> None:
        super().__init__("Sign-in is not possible just now: the issuer's keys are not available.")


class KeySource(Protocol):
    """Looks up the public key that a token names."""

    async def key(self, key_id: str, algorithm: str) -> Key | None:
        """Return the public key with an id that fits an algorithm; None where there is none.

        Raises:
            IssuerUnavailable: The keys are not available.
        """


class FixedKeys:
    """Keys that do not change while the server runs."""

    def __init__(self, keys: KeySet) -> None:
        self._keys = keys

    async def key(self, key_id: str, algorithm: str) -> Key | None:
        """Return the key with an id, or None."""
        return _find(self._keys, key_id, algorithm)


class IssuerKeys:
    """The keys that an OpenID Connect issuer publishes.

    Args:
        issuer: The issuer's identifier: https, or http for a loopback host.
        max_age: The age at which keys are fetched again.
        max_staleness: The age up to which keys stay in use while fetching fails.
        pause: The minimum time between two fetches.
        pause_after_failure: The minimum time after a failed fetch.
        timeout: The time limit for one fetch, both documents included.
        monotonic: A monotonic clock, in seconds.

    Raises:
        ValueError: Keys may not be fetched from the issuer's address.
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
        self._loopback = is_loopback(urlsplit(issuer).hostname or "")
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
        # Created here because it is slow: no request should wait for it.
        self._ssl_context = httpx2.create_ssl_context()
        self._keys = KeySet([])
        self._fetched_at = -math.inf
        self._attempted_at = -math.inf
        self._failing = False
        self._refresh: asyncio.Task[None] | None = None

    async def key(self, key_id: str, algorithm: str) -> Key | None:
        """Return the issuer's key with an id, fetching keys if needed; None where it has none.

        Raises:
            IssuerUnavailable: The issuer cannot be reached, and the cached keys are too old.
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
        """Return the running fetch or start one; None where the last one was too recent.

        Callers must shield it, so that a cancelled caller does not cancel the shared fetch.
        """
        if self._refresh is not None and not self._refresh.done():
            return self._refresh
        now = self._monotonic()
        if now - self._attempted_at < (self._pause_after_failure if self._failing else self._pause):
            return None
        self._attempted_at = now
        self._refresh = asyncio.create_task(self._fetch())
        return self._refresh

    async def _fetch(self) -> None:
        try:
            async with asyncio.timeout(self._timeout):
                self._keys = await self._published_keys()
        except (httpx2.HTTPError, httpx2.InvalidURL, ValueError, OSError) as error:
            self._failing = True
            _log.warning("issuer_keys_not_fetched", issuer=self._issuer, error=type(error).__name__)
        else:
            self._failing = False
            self._fetched_at = self._monotonic()
            _log.info("issuer_keys_fetched", issuer=self._issuer, keys=len(self._keys.keys))

    async def _published_keys(self) -> KeySet:
        # trust_env: a loopback issuer is reached directly, without the environment's proxy.
        async with httpx2.AsyncClient(
            timeout=self._timeout,
            follow_redirects=False,
            verify=self._ssl_context,
            trust_env=not self._loopback,
        ) as client:
            discovery = _Discovery.model_validate_json(
                await _read(client, f"{self._issuer.rstrip('/')}/.well-known/openid-configuration")
            )
            if discovery.issuer != self._issuer:
                raise ValueError("The discovery document belongs to another issuer.")
            if not _is_fetchable(discovery.jwks_uri, loopback=self._loopback):
                raise ValueError(
                    "Keys may not be fetched from the address in the discovery document."
                )
            published = _KeyDocument.model_validate_json(await _read(client, discovery.jwks_uri))
        keys = [key for jwk in published.keys if (key := _usable(jwk)) is not None]
        if not keys:
            raise ValueError("The issuer publishes no usable key.")
        return KeySet(keys)


class _Discovery(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True)

    issuer: str
    jwks_uri: str


class _KeyDocument(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True)

    keys: list[dict[str, Any]]


async def _read(client: httpx2.AsyncClient, url: str) -> bytes:
    body = bytearray()
    # Without compression, the size limit also bounds memory.
    async with client.stream(
        "GET", url, headers={"Accept": "application/json", "Accept-Encoding": "identity"}
    ) as response:
        if response.status_code != 200:
            raise ValueError("The issuer did not return the document.")
        async for chunk in response.aiter_raw():
            body += chunk
            if len(body) > _MAX_BYTES:
                raise ValueError("The issuer's document is too large.")
    return bytes(body)


def _usable(jwk: Mapping[str, Any]) -> Key | None:
    """The public part of a published key; None where it is not a supported signing key.

    A malformed key does not affect the others.
    """
    public = {name: jwk[name] for name in _PUBLIC_MEMBERS if name in jwk}
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


def _is_fetchable(url: str, *, loopback: bool) -> bool:
    """Whether an address is https, or http with both it and the issuer on a loopback host."""
    parts = urlsplit(url)
    if not parts.hostname or parts.username is not None or parts.fragment:
        return False
    return parts.scheme == "https" or (
        parts.scheme == "http" and loopback and is_loopback(parts.hostname)
    )
