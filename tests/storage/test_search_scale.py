"""Search over 10,000 documents beside the same over 100: words that are rare, common and in
between. Run with `-s` to see the figures.
"""

import asyncio
import random
import time
from collections.abc import AsyncIterator
from statistics import median
from uuid import uuid4

import pytest

from resolvers.kinds.case_types import CASE_TYPE
from resolvers.kinds.registrations import KINDS
from resolvers.reference.principals import reference_principals
from store.content.search_tokens import WordQuery
from store.documents.scopes import Scope
from store.mongo.connection import Database, connect
from store.mongo.indexes import create_indexes
from store.paging import Paging
from store.records import Owner, OwnerKind
from store.registry import Store
from tests.storage.building import BY_ANNA, STOCKHOLM, content

pytestmark = pytest.mark.soak

MANY, FEW = 10_000, 100
WORDS = [
    f"{first}{second}{ending}"
    for first in ("vård", "hälso", "recept", "tid", "prov", "remiss", "intyg", "barn")
    for second in ("tjänst", "fråga", "svar", "bokning", "läkare", "samtal")
    for ending in ("", "en", "erna", "s", "ning")
]
ASKED = (
    "gemensamt",  # in every text
    "gem",
    "g",
    "förnya",  # in every name
    "sällsynt",  # in one
    "sälls",
    "nummer77",
    "grupp7",  # in a twentieth
    "gemensamt grupp7",
    "grupp3 grupp7",  # never together
    "receptsvar tidbokning",  # in a quarter each
    "receptsvar gem",
    "finnsinte",
    "gemensamt finnsinte",
)


async def filled(uri: str, number: int) -> Store:
    """A region's case types, some sixty words in each."""
    store = Store(Database(connect(uri), f"test_{uuid4().hex[:12]}"), KINDS)
    await create_indexes(store.database)
    await store.principals.ensure(reference_principals())
    chosen = random.Random(number)  # noqa: S311 - the same texts each time

    async def one(place: int) -> None:
        rare = "sällsynt" if place == number // 2 else ""
        text = (
            f"{' '.join(chosen.choices(WORDS, k=60))} gemensamt nummer{place} grupp{place % 20}"
            f" {rare}"
        )
        made = content(text, name=f"Förnya {place}")
        await store.documents.create(
            CASE_TYPE,
            principal=STOCKHOLM,
            owner=Owner(OwnerKind.PRINCIPAL, STOCKHOLM),
            content=made,
            derived_from=None,
            act=BY_ANNA,
        )

    for start in range(0, number, 500):
        await asyncio.gather(*(one(place) for place in range(start, min(number, start + 500))))
    return store


@pytest.fixture(scope="module")
async def stores(mongodb_uri: str) -> AsyncIterator[tuple[Store, Store]]:
    both = await filled(mongodb_uri, FEW), await filled(mongodb_uri, MANY)
    yield both
    for store in both:
        await store.log.close()
        await store.database.client.drop_database(store.database.name)
        await store.database.client.close()


@pytest.mark.parametrize("after", [False, True], ids=["first page", "next page"])
async def test_search_among_ten_thousand_takes_less_than_five_times_that_among_a_hundred(
    stores: tuple[Store, Store], after: bool
) -> None:
    scope = Scope(principals=frozenset({STOCKHOLM}), within=frozenset({STOCKHOLM}))
    ratios = {}
    for text in ASKED:
        seconds: tuple[list[float], list[float]] = ([], [])
        for _ in range(11):  # side by side, so that both meet the same weather
            for store, taken in zip(stores, seconds, strict=True):
                first = (
                    await store.search.page(WordQuery.of(text), scope, Paging(limit=20))
                    if after
                    else None
                )
                cursor = first.cursors[-1] if first and first.cursors else None
                begun = time.perf_counter()
                await store.search.page(WordQuery.of(text), scope, Paging(limit=20, after=cursor))
                taken.append(time.perf_counter() - begun)
        few, many = map(median, seconds)
        ratios[text] = many / few
        print(f"{text}: {few * 1000:.1f} ms among {FEW}, {many * 1000:.1f} ms among {MANY}")  # noqa: T201 - the figures, with `-s`

    assert max(ratios.values()) < 5, ratios
