"""Counts of acknowledgements agree with a simple model.

This holds for publications, distributions, withdrawals and acknowledgements in any order.
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
    """The acts and what follows from them, without an index or a stored position."""

    def __init__(self) -> None:
        self.in_force: list[tuple[int, int]] = []  # (sequence number of the event, version)
        self.holders: dict[str, int] = {}  # since which event a clinic has it
        self.notified: dict[str, list[int]] = {clinic: [] for clinic in CLINICS}
        self.acknowledged: dict[str, list[int]] = {clinic: [0] for clinic in CLINICS}
        self.versions: dict[str, int | None] = {}

    def in_force_at(self, sequence: int) -> int:
        return [version for number, version in self.in_force if number <= sequence][-1]

    def publish(self, sequence: int, version: int) -> None:
        self.in_force.append((sequence, version))
        for clinic in self.holders:
            self.notified[clinic].append(sequence)

    def distribute(self, sequence: int, clinic: str) -> None:
        self.holders[clinic] = sequence
        self.versions[clinic] = None
        self.notified[clinic].append(sequence)

    def withdraw(self, sequence: int, clinic: str) -> None:
        del self.holders[clinic], self.versions[clinic]
        self.notified[clinic].append(sequence)

    def acknowledge(self, clinic: str, up_to: int) -> bool:
        if up_to <= self.acknowledged[clinic][-1]:
            return False
        self.acknowledged[clinic].append(up_to)
        if clinic in self.holders and self.holders[clinic] <= up_to:
            self.versions[clinic] = self.in_force_at(up_to)
        return True


@pytest.mark.parametrize("seed", range(4))
async def test_counts_are_those_of_the_acknowledgements(store: Store, seed: int) -> None:
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
    if clinic in model.holders:
        await store.distribution.withdraw(document, ClinicSelector.of_ids([clinic]), act=BY_ANNA)
        model.withdraw(await newest(store), clinic)
    else:
        await store.distribution.distribute(document, ClinicSelector.of_ids([clinic]), act=BY_ANNA)
        model.distribute(await newest(store), clinic)


async def acknowledge(store: Store, model: Model, clinic: str, up_to: int) -> None:
    [found] = (await store.clinics.get_many([clinic])).values()
    saved = await store.acknowledgements.acknowledge(found, up_to, act=BY_STAFF)
    assert (saved.event is not None) is model.acknowledge(clinic, up_to)
    assert saved.counts["up_to"] == model.acknowledged[clinic][-1]


async def compare(store: Store, model: Model, document: Document) -> None:
    acknowledged = {
        assignment.clinic: assignment.acknowledged_version
        for assignment in await store.assignments.held(CLINICS)
    }
    assert acknowledged == model.versions
    for clinic in CLINICS:
        [found] = (await store.clinics.get_many([clinic])).values()
        assert found.acknowledged == model.acknowledged[clinic][-1]
        unseen = [sequence for sequence in model.notified[clinic] if sequence > found.acknowledged]
        assert await store.notifications.count(
            Inbox(clinic, STOCKHOLM, Paging(), found.acknowledged)
        ) == len(unseen)
        page = await inbox_page(store, found, Paging(limit=100))
        assert [notification.event.sequence for notification in page.items] == model.notified[
            clinic
        ][::-1]
        acknowledgements = await store.acknowledgements.of_notifications(
            [(clinic, sequence) for sequence in model.notified[clinic]]
        )
        assert {sequence for _, sequence in acknowledgements} == set(model.notified[clinic]) - set(
            unseen
        )
    [adoption] = (
        await store.adoptions.of([AdoptionQuery(document.id, document.published, None)])
    ).values()
    counts = Counter(version for version in model.versions.values() if version is not None)
    assert {count.version: count.clinics for count in adoption.by_version} == counts
    assert adoption.unseen == sum(version is None for version in model.versions.values())
    assert {
        count.version for count in adoption.by_version if count.since is None
    } == counts.keys() & {document.published}
