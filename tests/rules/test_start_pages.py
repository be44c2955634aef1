"""Random acts on clinics and case types: past pages stay readable, refused acts change nothing."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from resolvers.access.viewer import LOA3, Grant, Viewer
from resolvers.clinics import (
    clinics,
    distribution,
    groups,
    local_adaptations,
    orders,
    policies,
    start_pages,
)
from resolvers.clinics.selectors import ClinicSelection
from resolvers.context import Context
from resolvers.documents import documents
from resolvers.kinds.case_types import CASE_TYPE, CASE_TYPE_TEMPLATE
from resolvers.kinds.registrations import KINDS
from resolvers.reference.principals import reference_principals
from store.errors import RegistryError
from store.mongo.connection import Database
from store.records import CentralActivation, ClinicRule, DocumentState, OrderedList, Role
from store.registry import Store

STOCKHOLM = "SE2321000016"
_turns = itertools.count(1)


@dataclass
class Clock:
    """A clock that a test advances."""

    now: datetime = datetime(2026, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def tick(self) -> None:
        self.now += timedelta(milliseconds=1)


@dataclass
class Registry:
    """A registry with two clinics, two case types and a group with a rule.

    It records every page at every moment.
    """

    context: Context
    clock: Clock
    clinics: list[str]
    codes: list[str]
    case_types: list[str]
    group: str
    recorded: list[tuple[datetime, str, Any]] = field(default_factory=list)

    async def page(self, hsa_id: str, as_of: datetime | None) -> Any:
        """A page of a clinic, without what is always current: the case types as they are now."""
        clinic = await clinics.require(self.context, hsa_id)
        return [
            (
                entry.position,
                entry.version.id,
                entry.adaptation and entry.adaptation.id,
                entry.effective,
                entry.html(),
            )
            for which in OrderedList
            for entry in await start_pages.entries_of(self.context, clinic, which, as_of)
        ]

    async def record(self) -> None:
        """Record every page, at a separate moment."""
        self.clock.tick()
        for hsa_id in self.clinics:
            self.recorded.append((self.clock.now, hsa_id, await self.page(hsa_id, None)))
        self.clock.tick()

    async def latest(self, case_type: str) -> int:
        """The number of the newest version."""
        return (await self.context.store.documents.get_many([case_type]))[case_type].latest


async def perform(  # noqa: C901, PLR0912 - one case for each act
    registry: Registry, act: str, case_type_index: int, clinic_index: int, number: int
) -> None:
    """Perform one act; the numbers select its case type, clinic and variant."""
    context, case_type, clinic = (
        registry.context,
        registry.case_types[case_type_index],
        registry.clinics[clinic_index],
    )
    latest = await registry.latest(case_type)
    selection = (
        ClinicSelection("to", group=registry.group)
        if number % 3 == 0
        else ClinicSelection("to", hsa_ids=[clinic])
    )
    note_and_key: dict[str, Any] = {"note": None, "key": None}
    match act:
        case "distribute":
            await distribution.distribute(
                context,
                case_type,
                selection,
                start_page_order=number % 4 or None,
                skip_refused=True,
                **note_and_key,
            )
        case "withdraw":
            await distribution.withdraw(context, case_type, selection, **note_and_key)
        case "follow":
            await distribution.follow(context, case_type, clinic, **note_and_key)
        case "unfollow":
            await distribution.unfollow(context, case_type, clinic, **note_and_key)
        case "hide":
            await distribution.show(
                context, case_type, clinic, shown=number % 2 == 0, **note_and_key
            )
        case "adapt":
            adaptation = await local_adaptations.get(
                context, await clinics.require(context, clinic), case_type
            )
            terms = [
                {"key": "t", "heading": "Hos oss", "text": f"Nummer {number}: {{{{clinic.phone}}}}"}
            ]
            expected = adaptation.latest if adaptation else 0
            await local_adaptations.save(
                context,
                clinic,
                case_type,
                content={"terms": terms},
                expected_version=expected,
                **note_and_key,
            )
        case "reorder":
            target = (
                orders.OrderTarget(clinic=clinic),
                orders.OrderTarget(group=registry.group),
                orders.OrderTarget(principal=STOCKHOLM),
            )[number % 3]
            order = registry.case_types[:: 1 if number % 2 else -1][: 1 + number % 2]
            await orders.save(
                context, target, list(OrderedList)[clinic_index], order, **note_and_key
            )
        case "import":
            status = ("ACTIVE", "ACTIVE", "NOT_ACTIVATED", "ARCHIVED")[number % 4]
            row = (
                f"{clinic};Mottagning {number};{registry.codes[number % 2]};08-465 004"
                f" 0{number};{status}"
            )
            csv = f"hsaId;name;businessClassification;telephoneNumber;status\n{row}\n"
            await clinics.import_csv(context, STOCKHOLM, csv, dry_run=False, key=None)
        case "regroup":
            rule = ClinicRule(business_classifications=[registry.codes[number % 2]])
            await groups.save(
                context,
                STOCKHOLM,
                registry.group,
                name="Grupp",
                hsa_ids=None,
                csv=None,
                rule=rule,
                key=None,
            )
        case "edit":
            patch = {"name": f"Namn {number}", "onContactCard": number % 2 == 0}
            await documents.update(
                context,
                CASE_TYPE,
                case_type,
                expected_version=latest,
                patch=patch,
                publish=number % 3 > 0,
                **note_and_key,
            )
        case "archive":
            await documents.archive(context, case_type, expected_version=latest, **note_and_key)
        case "restore":
            await documents.restore(
                context,
                case_type,
                version=1,
                expected_version=latest,
                publish=number % 2 == 0,
                **note_and_key,
            )
        case "decide":
            await policies.save(
                context,
                STOCKHOLM,
                {"central_activation": list(CentralActivation)[number % 2]},
                **note_and_key,
            )
        case _:
            head = (await context.store.documents.get_many([case_type]))[case_type]
            switch = (
                documents.activate if head.state is DocumentState.INACTIVE else documents.deactivate
            )
            await switch(context, case_type, expected_version=latest, **note_and_key)


ACTS = (
    "distribute",
    "withdraw",
    "follow",
    "unfollow",
    "hide",
    "adapt",
    "reorder",
    "import",
    "regroup",
    "edit",
    "archive",
    "restore",
    "switch",
    "decide",
)
acts = st.lists(
    st.tuples(st.sampled_from(ACTS), st.integers(0, 1), st.integers(0, 1), st.integers(0, 9)),
    min_size=4,
    max_size=14,
)


@pytest.fixture
async def registry(database: Database) -> AsyncIterator[Registry]:
    """A registry whose clock the test advances."""
    clock = Clock()
    store = Store(database, KINDS, clock=clock)
    await store.principals.ensure(reference_principals())
    yield await _new_registry(store, clock)
    await store.log.close()


async def _new_registry(store: Store, clock: Clock) -> Registry:
    grants = (Grant(Role.REGIONAL_ADMINISTRATOR, STOCKHOLM, includes_below=True),)
    viewer = Viewer(
        "test", f"{STOCKHOLM}-ANNA", "Anna", grants, clock.now + timedelta(days=3650), acr=LOA3
    )
    context = await Context.of(store, viewer, "test")
    turn = next(_turns)
    clinic_ids, codes = (
        [f"{STOCKHOLM}-{turn}A0{number}" for number in (1, 2)],
        [f"{turn}{letter}" for letter in "AB"],
    )
    rows = "\n".join(
        f"{hsa_id};Mottagning;{code}" for hsa_id, code in zip(clinic_ids, codes, strict=True)
    )
    await clinics.import_csv(
        context, STOCKHOLM, f"hsaId;name;businessClassification\n{rows}\n", dry_run=False, key=None
    )
    rule = ClinicRule(business_classifications=codes[:1])
    group = await groups.save(
        context, STOCKHOLM, None, name="Grupp", hsa_ids=None, csv=None, rule=rule, key=None
    )
    case_types = []
    for name in ("Förnya recept på {{clinic.name}}", "Beställa tid"):
        content = {"name": name, "internalName": name, "onContactCard": True}
        saved = await documents.create(
            context,
            CASE_TYPE,
            owner=STOCKHOLM,
            content=content,
            template_kind=CASE_TYPE_TEMPLATE,
            from_template=None,
            note=None,
            key=None,
        )
        assert saved.document is not None
        await documents.publish(
            context, saved.document.id, version=1, expected_version=1, note=None, key=None
        )
        case_types.append(saved.document.id)
    return Registry(context, clock, clinic_ids, codes, case_types, group.target or "")


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(acts)
async def test_every_past_page_can_be_read_again(
    registry: Registry, acts: list[tuple[str, int, int, int]]
) -> None:
    fresh = await _new_registry(registry.context.store, registry.clock)
    await fresh.record()

    for act in acts:
        before = await fresh.context.store.history.latest_sequence(STOCKHOLM)
        try:
            await perform(fresh, *act)
        except RegistryError:
            assert await fresh.context.store.history.latest_sequence(STOCKHOLM) == before
        await fresh.record()

    for moment, hsa_id, recorded in fresh.recorded:
        assert await fresh.page(hsa_id, moment) == recorded


async def test_concurrent_distributions_and_withdrawals_leave_a_consistent_state(
    registry: Registry,
) -> None:
    case_type = registry.case_types[0]

    async def turn(number: int) -> None:
        selection = ClinicSelection(
            "to", hsa_ids=registry.clinics if number % 3 else registry.clinics[:1]
        )
        if number % 2:
            await distribution.distribute(
                registry.context, case_type, selection, note=None, key=None
            )
        else:
            await distribution.withdraw(registry.context, case_type, selection, note=None, key=None)

    await asyncio.gather(*(turn(number) for number in range(40)))

    store = registry.context.store
    all_assignments = await store.database.find(
        "assignments", {"document": case_type}, sort=[("from_sequence", 1)]
    )
    events = await store.database.find(
        "events",
        {"document": case_type, "action": {"$in": ["DISTRIBUTED", "WITHDRAWN"]}},
        sort=[("sequence", 1)],
    )
    for clinic in registry.clinics:
        acts = [
            (event["action"], event["sequence"]) for event in events if clinic in event["clinics"]
        ]
        assignments = [row for row in all_assignments if row["clinic"] == clinic]
        assert [action for action, _ in acts] == [
            ("DISTRIBUTED", "WITHDRAWN")[turn % 2] for turn in range(len(acts))
        ]
        assert [sequence for action, sequence in acts if action == "DISTRIBUTED"] == [
            row["from_sequence"] for row in assignments
        ]
        assert [sequence for action, sequence in acts if action == "WITHDRAWN"] == [
            row["until_sequence"] for row in assignments if not row["open"]
        ]
