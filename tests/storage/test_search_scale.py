"""Search among 10,000 documents, compared with 100: rare words, common words, and others.

Run with `-s` to see the figures.
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
QUERIES = (
    "gemensamt",  # in every text
    "gem",
    "g",
    "förnya",  # in every name
    "sällsynt",  # in one document
    "sälls",
    "nummer77",
    "grupp7",  # in a twentieth of them
    "gemensamt grupp7",
    "grupp3 grupp7",  # in no document together
    "receptsvar tidbokning",  # each in a quarter
    "receptsvar gem",
    "finnsinte",
    "gemensamt finnsinte",
)


async def filled_store(uri: str, number: int) -> Store:
    """A store with the case types of a region, some sixty words in each."""
    store = Store(Database(connect(uri), f"test_{uuid4().hex[:12]}"), KINDS)
    await create_indexes(store.database)
    await store.principals.ensure(reference_principals())
    random_words = random.Random(number)  # noqa: S311 - the texts do not vary

    async def create(position: int) -> None:
        rare = "sällsynt" if position == number // 2 else ""
        text = (
            f"{' '.join(random_words.choices(WORDS, k=60))} gemensamt nummer{position}"
            f" grupp{position % 20} {rare}"
        )
        case_type = content(text, name=f"Förnya {position}")
        await store.documents.create(
            CASE_TYPE,
            principal=STOCKHOLM,
            owner=Owner(OwnerKind.PRINCIPAL, STOCKHOLM),
            content=case_type,
            derived_from=None,
            act=BY_ANNA,
        )

    for start in range(0, number, 500):
        await asyncio.gather(
            *(create(position) for position in range(start, min(number, start + 500)))
        )
    return store


@pytest.fixture(scope="module")
async def stores(mongodb_uri: str) -> AsyncIterator[tuple[Store, Store]]:
    both = await filled_store(mongodb_uri, FEW), await filled_store(mongodb_uri, MANY)
    yield both
    for store in both:
        await store.log.close()
        await store.database.client.drop_database(store.database.name)
        await store.database.client.close()


@pytest.mark.parametrize("after", [False, True], ids=["first page", "next page"])
async def test_a_search_among_10000_documents_takes_less_than_5_times_one_among_100(
    stores: tuple[Store, Store], after: bool
) -> None:
    scope = Scope(principals=frozenset({STOCKHOLM}), within=frozenset({STOCKHOLM}))
    ratios = {}
    for query in QUERIES:
        seconds: tuple[list[float], list[float]] = ([], [])
        for _ in range(11):  # alternating, so that both run under the same load
            for store, times in zip(stores, seconds, strict=True):
                first = (
                    await store.search.page(WordQuery.of(query), scope, Paging(limit=20))
                    if after
                    else None
                )
                cursor = first.cursors[-1] if first and first.cursors else None
                started_at = time.perf_counter()
                await store.search.page(WordQuery.of(query), scope, Paging(limit=20, after=cursor))
                times.append(time.perf_counter() - started_at)
        few, many = map(median, seconds)
        ratios[query] = many / few
        print(f"{query}: {few * 1000:.1f} ms among {FEW}, {many * 1000:.1f} ms among {MANY}")  # noqa: T201 - the figures, with `-s`

    assert max(ratios.values()) < 5, ratios
