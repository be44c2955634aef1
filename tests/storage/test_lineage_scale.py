"""The use of a template with 300 documents below it, in a registry of 10,000, beside one with 100
in a registry of 100. Run with `-s` for figures.
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
    """A registry with one national template that so many documents come from, each case type at 20
    clinics, and others that don't.
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
        template, first = made(CASE_TYPE_TEMPLATE, INERA, 0, None)
        heads, versions = [template], [first]
        for number in range(1, derived + 1):
            region = REGIONS[number % len(REGIONS)]
            # a quarter regional templates; case types half from the national one, half from a
            # regional one
            above = (
                template
                if number % 4 == 0 or number % 2 or len(heads) < 9
                else next(head for head in heads[1:] if head.kind == template.kind)
            )
            kind = CASE_TYPE_TEMPLATE if number % 4 == 0 else CASE_TYPE
            head, version = made(kind, region, number, Derivation(above.id, 1))
            heads.append(head)
            versions.append(version)
        for number in range(others):
            head, version = made(
                CASE_TYPE, REGIONS[number % len(REGIONS)], derived + 1 + number, None
            )
            heads.append(head)
            versions.append(version)
        await store.database["documents"].insert_many([document_row(head) for head in heads])
        await store.database["versions"].insert_many(
            [version_row(version, ()) for version in versions]
        )
        held = [
            assigned(head, clinic)
            for head in heads[1 : derived + 1]
            if head.kind == "CASE_TYPE"
            for clinic in range(20)
        ]
        await store.database["assignments"].insert_many([assignment_row(one) for one in held])
        return cls(store, client, watch, template)

    async def context(self) -> Context:
        return await Context.of(self.store, NILS, "request")

    async def gone(self) -> None:
        await self.store.log.close()
        await self.client.drop_database(self.store.database.name)
        await self.client.close()


def made(
    kind: Kind, principal: str, number: int, derived: Derivation | None
) -> tuple[Document, Version]:
    """A published document with its version."""
    birth = NewDocument(
        f"{kind.prefix}_{number:024x}", kind, principal, Owner(OwnerKind.PRINCIPAL, principal)
    )
    introduction = f"Text {number % 7}"
    head, version = new_document(
        birth,
        content(introduction, questions=QUESTIONS),
        derived_from=derived,
        act=BY_ANNA,
        position=LogPosition(AT, number + 1),
    )
    return (
        replace(head, published=1, state=DocumentState.ACTIVE, release_count=1, highest_released=1),
        version,
    )


def assigned(head: Document, clinic: int) -> Assignment:
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
    await registry.gone()


@pytest.fixture(scope="module")
async def small(mongodb_uri: str) -> AsyncIterator[Registry]:
    registry = await Registry.of(mongodb_uri, derived=100, others=0)
    yield registry
    await registry.gone()


Read = Callable[[Registry], Awaitable[object]]


async def used(registry: Registry) -> object:
    context = await registry.context()
    found = await usage.of_template(context, registry.template)
    return (
        found.templates,
        found.case_types,
        await usage.clinics(context, found),
        await usage.clinics_by_principal(context, found),
    )


async def reviewed(registry: Registry) -> object:
    return await review.review(
        await registry.context(),
        review.TemplateReviewCriteria(drift_at_least=1),
        review.ReviewOrder.DRIFT_DESC,
    )


async def reviewed_after_a_start(registry: Registry) -> object:
    fresh = Store(registry.store.database, KINDS)
    return await reviewed(replace(registry, store=fresh))


async def compared(registry: Registry) -> object:
    return await comparison.compare(
        await registry.context(), registry.template, comparison.TemplateComparisonCriteria()
    )


READS: dict[str, Read] = {
    "usage": used,
    "review": reviewed,
    "review after a start": reviewed_after_a_start,
    "comparison": compared,
}


async def timed(read: Read, *registries: Registry) -> list[float]:
    """The median seconds of a read in each registry, side by side, so that all meet the same
    weather.
    """
    seconds: list[list[float]] = [[] for _ in registries]
    for _ in range(15):
        for times, registry in zip(seconds, registries, strict=True):
            begun = time.perf_counter()
            await read(registry)
            times.append(time.perf_counter() - begun)
    return [median(times) for times in seconds]


@pytest.mark.parametrize("what", READS)
async def test_what_comes_from_a_template_is_read_in_proportion_to_it_whatever_else_there_is(
    large: Registry, small: Registry, what: str
) -> None:
    among_many, among_few = await timed(READS[what], large, small)

    print(  # noqa: T201 - for `pytest -s`
        f"\n{what}: {among_many * 1000:.1f} / {among_few * 1000:.1f} ms,"
        f" {among_many / among_few:.2f} ×",
        end=" ",
    )
    assert among_many < 5 * among_few


async def test_the_use_of_a_template_is_answered_by_index(large: Registry) -> None:
    with large.watch.commands() as commands:
        found = await used(large)

    spent = await costs(large.client, large.store.database.name, commands)
    with_case_types = [region for position, region in enumerate(REGIONS) if position % 4]
    assert found == (75, 225, 300, dict.fromkeys(with_case_types, 50))
    assert not any("COLLSCAN" in cost.stages for cost in spent), spent
    assert sum(cost.documents for cost in spent if cost.collection == "documents") <= 302, spent
