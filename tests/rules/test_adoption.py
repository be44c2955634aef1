"""Whatever is published, handed out, taken back and acknowledged, in whatever order: what is
counted is what a simple model says.
"""

from collections import Counter
from random import Random

import pytest

from store.clinics.selectors import ClinicSelector
from store.clinics.version_adoption import AdoptionQuery
from store.notifications.notifications import Inbox
from store.paging import Paging
from store.records import Act, Actor, Document, Role
from store.registry import Store
from tests.storage.building import (
    BJORKEN,
    BY_ANNA,
    EKEN,
    LINDEN,
    STOCKHOLM,
    document_of,
    inbox_page,
    published,
    saved_as,
    with_clinics,
)

CLINICS = (BJORKEN, LINDEN, EKEN)
BY_STAFF = Act(Actor(Role.CLINIC_STAFF, BJORKEN, "SE2321000016-BB"))
ACTS = 60


class Model:
    """What was said and done, and what follows from it, without an index or a stored position."""

    def __init__(self) -> None:
        self.in_force: list[tuple[int, int]] = []  # (event's number, version)
        self.having: dict[str, int] = {}  # since which event
        self.told: dict[str, list[int]] = {clinic: [] for clinic in CLINICS}
        self.acknowledged: dict[str, list[int]] = {clinic: [0] for clinic in CLINICS}
        self.versions: dict[str, int | None] = {}

    def in_force_at(self, sequence: int) -> int:
        return [version for number, version in self.in_force if number <= sequence][-1]

    def publish(self, sequence: int, version: int) -> None:
        self.in_force.append((sequence, version))
        for clinic in self.having:
            self.told[clinic].append(sequence)

    def hand_out(self, sequence: int, clinic: str) -> None:
        self.having[clinic] = sequence
        self.versions[clinic] = None
        self.told[clinic].append(sequence)

    def take_back(self, sequence: int, clinic: str) -> None:
        del self.having[clinic], self.versions[clinic]
        self.told[clinic].append(sequence)

    def acknowledge(self, clinic: str, up_to: int) -> bool:
        if up_to <= self.acknowledged[clinic][-1]:
            return False
        self.acknowledged[clinic].append(up_to)
        if clinic in self.having and self.having[clinic] <= up_to:
            self.versions[clinic] = self.in_force_at(up_to)
        return True


@pytest.mark.parametrize("seed", range(4))
async def test_what_is_counted_is_what_was_acknowledged(store: Store, seed: int) -> None:
    chance = Random(seed)  # noqa: S311 - keeps no secret
    await with_clinics(store, *CLINICS)  # 1
    document = await published(store)  # 2, 3
    model = Model()
    model.in_force.append((3, 1))
    for _ in range(ACTS):
        match chance.choice(
            [
                "edit",
                "publish",
                "publish",
                "again",
                "move",
                "move",
                "acknowledge",
                "acknowledge",
                "acknowledge",
            ]
        ):
            case "edit":
                document = await saved_as(store, document, str(chance.random()))
            case "publish":
                document = await saved_as(store, document, str(chance.random()), publish=True)
                model.publish(await newest(store), document.latest)
            case "again":
                document = await publish_earlier(
                    store, model, document, chance.randint(1, document.latest)
                )
            case "move":
                await move(store, model, document, chance.choice(CLINICS))
            case _:
                await acknowledge(
                    store, model, chance.choice(CLINICS), chance.randint(0, await newest(store))
                )
        await compare(store, model, document)


async def newest(store: Store) -> int:
    return await store.history.latest_sequence(STOCKHOLM)


async def publish_earlier(store: Store, model: Model, document: Document, version: int) -> Document:
    saved = await store.documents.publish(
        document, version=version, expected_version=document.latest, act=BY_ANNA
    )
    if saved.event is not None:
        model.publish(saved.event.sequence, version)
    return document_of(saved)


async def move(store: Store, model: Model, document: Document, clinic: str) -> None:
    if clinic in model.having:
        await store.distribution.withdraw(document, ClinicSelector.of_ids([clinic]), act=BY_ANNA)
        model.take_back(await newest(store), clinic)
    else:
        await store.distribution.distribute(document, ClinicSelector.of_ids([clinic]), act=BY_ANNA)
        model.hand_out(await newest(store), clinic)


async def acknowledge(store: Store, model: Model, clinic: str, up_to: int) -> None:
    [found] = (await store.clinics.get_many([clinic])).values()
    saved = await store.acknowledgements.acknowledge(found, up_to, act=BY_STAFF)
    assert (saved.event is not None) is model.acknowledge(clinic, up_to)
    assert saved.counts["up_to"] == model.acknowledged[clinic][-1]


async def compare(store: Store, model: Model, document: Document) -> None:
    held = {one.clinic: one.acknowledged_version for one in await store.assignments.held(CLINICS)}
    assert held == model.versions
    for clinic in CLINICS:
        [found] = (await store.clinics.get_many([clinic])).values()
        assert found.acknowledged == model.acknowledged[clinic][-1]
        unseen = [sequence for sequence in model.told[clinic] if sequence > found.acknowledged]
        assert await store.notifications.count(
            Inbox(clinic, STOCKHOLM, Paging(), found.acknowledged)
        ) == len(unseen)
        page = await inbox_page(store, found, Paging(limit=100))
        assert [one.event.sequence for one in page.items] == model.told[clinic][::-1]
        by = await store.acknowledgements.of_notifications(
            [(clinic, sequence) for sequence in model.told[clinic]]
        )
        assert {sequence for _, sequence in by} == set(model.told[clinic]) - set(unseen)
    [adoption] = (
        await store.adoptions.of([AdoptionQuery(document.id, document.published, None)])
    ).values()
    counts = Counter(version for version in model.versions.values() if version is not None)
    assert {one.version: one.clinics for one in adoption.by_version} == counts
    assert adoption.unseen == sum(version is None for version in model.versions.values())
    assert {one.version for one in adoption.by_version if one.since is None} == counts.keys() & {
        document.published
    }
