"""Verified tokens are cached within bounds of time and number."""

import pytest
from joserfc.jwk import Key, KeySet

from resolvers.access.issuers import FixedKeys
from resolvers.access.sign_in import SignIn
from tests.rules.tokens import AUDIENCE, EC, ISSUER, NOW, Clock, person, refusal, sign_in, signed


class CountingKeys(FixedKeys):
    """Counts the requests for keys: one for each verification."""

    count = 0

    async def key(self, key_id: str, algorithm: str) -> Key | None:
        self.count += 1
        return await super().key(key_id, algorithm)


async def test_a_verified_token_is_cached_until_it_expires() -> None:
    clock, keys = Clock(), CountingKeys(KeySet([EC]))
    verifier = SignIn(keys, issuer=ISSUER, audience=AUDIENCE, clock=clock.now)
    token = signed(person(exp=NOW.timestamp() + 60))

    first = await verifier.viewer(token)
    clock.seconds = 59.9
    assert await verifier.viewer(token) is first
    assert keys.count == 1

    clock.seconds = 60
    assert "expired" in await refusal(token, verifier)


async def test_a_cached_token_is_verified_again_after_five_minutes() -> None:
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


async def test_a_clock_that_is_set_back_does_not_extend_the_cache() -> None:
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


async def test_the_number_of_cached_tokens_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("resolvers.access.sign_in._MAX_CACHED", 2)
    keys = CountingKeys(KeySet([EC]))
    verifier = SignIn(keys, issuer=ISSUER, audience=AUDIENCE, clock=Clock().now)
    first, second, third = (signed(person(jti=str(number))) for number in range(3))

    for token in (first, second, first, third, first, second):
        await verifier.viewer(token)

    assert len(verifier._cache) == 2
    assert keys.count == 4


async def test_refused_tokens_are_not_cached() -> None:
    verifier = sign_in()

    for _ in range(2):
        await refusal(signed(person(acr="other")), verifier)

    assert not verifier._cache
