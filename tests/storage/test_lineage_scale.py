"""The use of a template among 10,000 documents, compared with a registry of 100.

The template has 300 documents below it in the large registry, and 100 in the small one. Run with
`-s` to see the figures.
"""

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from statistics import median
from uuid import uuid4

import pytest
from pymongo import AsyncMongoClient

from resolvers.access.viewer import LOA3, Grant, Viewer
from resolvers.context import Context
from resolvers.kinds.case_types import CASE_TYPE, CASE_TYPE_TEMPLATE
from resolvers.kinds.registrations import KINDS
from resolvers.reference.principals import reference_principals
from resolvers.templates import comparison, review, usage
from store.documents.heads import LogPosition, NewDocument
from store.documents.heads import created as new_document
from store.kinds.kinds import Kind
from store.mongo.connection import Database, Row
from store.mongo.indexes import create_indexes
from store.mongo.rows import assignment_row, document_row, version_row
from store.records import (
    Assignment,
    AssignmentOrigin,
    Derivation,
    Document,
    DocumentState,
    Owner,
    OwnerKind,
    Role,
    Version,
)
from store.registry import Store
from tests.storage.building import ANNA, BY_ANNA, content
from tests.storage.watching import Watch, costs, watched

pytestmark = pytest.mark.soak

INERA = "SE5565594230"
AT = datetime(2026, 1, 1, tzinfo=UTC)
QUESTIONS = [
    {"key": f"f{number}", "label": f"Fråga {number}", "kind": "SHORT_TEXT"} for number in range(20)
]
NILS = Viewer(
    "nils",
    f"{INERA}-NN",
    "Nils",
    (Grant(Role.NATIONAL_ADMINISTRATOR, INERA, includes_below=True),),
    AT + timedelta(days=9999),
    acr=LOA3,
)
REGIONS = [
    "SE2321000016",
    "SE2321000024",
    "SE2321000032",
    "SE2321000040",
    "SE2321000057",
    "SE2321000065",
    "SE2321000073",
    "SE2321000081",
]


@dataclass(frozen=True)
class Registry:
    """A registry with a national template and documents that derive from it.

    Each of its case types is at 20 clinics. Other documents do not derive from the template.
    """

    store: Store
    client: AsyncMongoClient[Row]
    watch: Watch
    template: Document

    @classmethod
    async def of(cls, uri: str, *, derived: int, others: int) -> "Registry":
        client, watch = watched(uri)
        store = Store(Database(client, f"test_{uuid4().hex[:12]}"), KINDS)
        await create_indexes(store.database)
        await store.principals.ensure(reference_principals())
        template, first = published_document(CASE_TYPE_TEMPLATE, INERA, 0, None)
        heads, versions = [template], [first]
        for number in range(1, derived + 1):
            region = REGIONS[number % len(REGIONS)]
            # A quarter are regional templates. Half of the case types derive from the national
            # template, half from a regional one.
            parent = (
                template
                if number % 4 == 0 or number % 2 or len(heads) < 9
                else next(head for head in heads[1:] if head.kind == template.kind)
            )
            kind = CASE_TYPE_TEMPLATE if number % 4 == 0 else CASE_TYPE
            head, version = published_document(kind, region, number, Derivation(parent.id, 1))
            heads.append(head)
            versions.append(version)
        for number in range(others):
            head, version = published_document(
                CASE_TYPE, REGIONS[number % len(REGIONS)], derived + 1 + number, None
            )
            heads.append(head)
            versions.append(version)
        await store.database["documents"].insert_many([document_row(head) for head in heads])
        await store.database["versions"].insert_many(
            [version_row(version, ()) for version in versions]
        )
        assignments = [
            assignment_at(head, clinic)
            for head in heads[1 : derived + 1]
            if head.kind == "CASE_TYPE"
            for clinic in range(20)
        ]
        await store.database["assignments"].insert_many(
            [assignment_row(assignment) for assignment in assignments]
        )
        return cls(store, client, watch, template)

    async def context(self) -> Context:
        return await Context.of(self.store, NILS, "request")

    async def close(self) -> None:
        await self.store.log.close()
        await self.client.drop_database(self.store.database.name)
        await self.client.close()


def published_document(
    kind: Kind, principal: str, number: int, derived: Derivation | None
) -> tuple[Document, Version]:
    """A published document with its version."""
    new = NewDocument(
        f"{kind.prefix}_{number:024x}", kind, principal, Owner(OwnerKind.PRINCIPAL, principal)
    )
    introduction = f"Text {number % 7}"
    head, version = new_document(
        new,
        content(introduction, questions=QUESTIONS),
        derived_from=derived,
        act=BY_ANNA,
        position=LogPosition(AT, number + 1),
    )
    return (
        replace(head, published=1, state=DocumentState.ACTIVE, release_count=1, highest_released=1),
        version,
    )


def assignment_at(head: Document, clinic: int) -> Assignment:
    """A case type at a clinic; each region has 50 of them."""
    number = (int(head.id[-6:], 16) * 7 + clinic) % 50
    return Assignment(
        f"as_{head.id}_{clinic}",
        f"{head.principal}-{number:04}",
        head.id,
        head.principal,
        AssignmentOrigin.DISTRIBUTED,
        1,
        AT,
        ANNA,
        arrival=1,
    )


@pytest.fixture(scope="module")
async def large(mongodb_uri: str) -> AsyncIterator[Registry]:
    registry = await Registry.of(mongodb_uri, derived=300, others=10_000)
    yield registry
    await registry.close()


@pytest.fixture(scope="module")
async def small(mongodb_uri: str) -> AsyncIterator[Registry]:
    registry = await Registry.of(mongodb_uri, derived=100, others=0)
    yield registry
    await registry.close()


Read = Callable[[Registry], Awaitable[object]]


async def read_usage(registry: Registry) -> object:
    context = await registry.context()
    found = await usage.of_template(context, registry.template)
    return (
        found.templates,
        found.case_types,
        await usage.clinics(context, found),
        await usage.clinics_by_principal(context, found),
    )


async def read_review(registry: Registry) -> object:
    return await review.review(
        await registry.context(),
        review.TemplateReviewCriteria(drift_at_least=1),
        review.ReviewOrder.DRIFT_DESC,
    )


async def read_review_after_a_start(registry: Registry) -> object:
    fresh = Store(registry.store.database, KINDS)
    return await read_review(replace(registry, store=fresh))


async def read_comparison(registry: Registry) -> object:
    return await comparison.compare(
        await registry.context(), registry.template, comparison.TemplateComparisonCriteria()
    )


READS: dict[str, Read] = {
    "usage": read_usage,
    "review": read_review,
    "review after a start": read_review_after_a_start,
    "comparison": read_comparison,
}


async def timed(read: Read, *registries: Registry) -> list[float]:
    """The median seconds of a read in each registry.

    The registries alternate, so that all run under the same load.
    """
    seconds: list[list[float]] = [[] for _ in registries]
    for _ in range(15):
        for times, registry in zip(seconds, registries, strict=True):
            started_at = time.perf_counter()
            await read(registry)
            times.append(time.perf_counter() - started_at)
    return [median(times) for times in seconds]


@pytest.mark.parametrize("read_name", READS)
async def test_reads_of_a_template_take_time_in_proportion_to_its_descendants(
    large: Registry, small: Registry, read_name: str
) -> None:
    among_many, among_few = await timed(READS[read_name], large, small)

    print(  # noqa: T201 - for `pytest -s`
        f"\n{read_name}: {among_many * 1000:.1f} / {among_few * 1000:.1f} ms,"
        f" {among_many / among_few:.2f} ×",
        end=" ",
    )
    assert among_many < 5 * among_few


async def test_the_use_of_a_template_is_read_by_index(large: Registry) -> None:
    with large.watch.commands() as commands:
        usage_figures = await read_usage(large)

    query_costs = await costs(large.client, large.store.database.name, commands)
    with_case_types = [region for position, region in enumerate(REGIONS) if position % 4]
    assert usage_figures == (75, 225, 300, dict.fromkeys(with_case_types, 50))
    assert not any("COLLSCAN" in cost.stages for cost in query_costs), query_costs
    assert sum(cost.documents for cost in query_costs if cost.collection == "documents") <= 302, (
        query_costs
    )
