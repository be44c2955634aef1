"""Random acts on clinics and case types: past pages do not change, refused acts change nothing."""

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
    """Time that goes when told."""

    now: datetime = datetime(2026, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def tick(self) -> None:
        self.now += timedelta(milliseconds=1)


@dataclass
class Played:
    """A registry with two clinics, two case types and a group with a rule.

    It remembers every page at every moment.
    """

    context: Context
    clock: Clock
    clinics: list[str]
    codes: list[str]
    case_types: list[str]
    group: str
    said: list[tuple[datetime, str, Any]] = field(default_factory=list)

    async def page(self, hsa_id: str, as_of: datetime | None) -> Any:
        """A clinic's page without what is of today: the case types as they are now."""
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

    async def say(self) -> None:
        """Note every page, at a moment of its own."""
        self.clock.tick()
        for hsa_id in self.clinics:
            self.said.append((self.clock.now, hsa_id, await self.page(hsa_id, None)))
        self.clock.tick()

    async def latest(self, case_type: str) -> int:
        """The number of the newest version."""
        return (await self.context.store.documents.get_many([case_type]))[case_type].latest


async def play(table: Played, act: str, one: int, other: int, number: int) -> None:  # noqa: C901, PLR0912 - one case for each act
    """Carry out one act; the numbers choose its case type, its clinic and its variant."""
    context, case_type, clinic = table.context, table.case_types[one], table.clinics[other]
    latest = await table.latest(case_type)
    chosen = (
        ClinicSelection("to", group=table.group)
        if number % 3 == 0
        else ClinicSelection("to", hsa_ids=[clinic])
    )
    rest: dict[str, Any] = {"note": None, "key": None}
    match act:
        case "distribute":
            await distribution.distribute(
                context,
                case_type,
                chosen,
                start_page_order=number % 4 or None,
                skip_refused=True,
                **rest,
            )
        case "withdraw":
            await distribution.withdraw(context, case_type, chosen, **rest)
        case "follow":
            await distribution.follow(context, case_type, clinic, **rest)
        case "unfollow":
            await distribution.unfollow(context, case_type, clinic, **rest)
        case "hide":
            await distribution.show(context, case_type, clinic, shown=number % 2 == 0, **rest)
        case "adapt":
            found = await local_adaptations.get(
                context, await clinics.require(context, clinic), case_type
            )
            terms = [
                {"key": "t", "heading": "Hos oss", "text": f"Nummer {number}: {{{{clinic.phone}}}}"}
            ]
            expected = found.latest if found else 0
            await local_adaptations.save(
                context,
                clinic,
                case_type,
                content={"terms": terms},
                expected_version=expected,
                **rest,
            )
        case "reorder":
            target = (
                orders.OrderTarget(clinic=clinic),
                orders.OrderTarget(group=table.group),
                orders.OrderTarget(principal=STOCKHOLM),
            )[number % 3]
            order = table.case_types[:: 1 if number % 2 else -1][: 1 + number % 2]
            await orders.save(context, target, list(OrderedList)[other], order, **rest)
        case "import":
            status = ("ACTIVE", "ACTIVE", "NOT_ACTIVATED", "ARCHIVED")[number % 4]
            row = (
                f"{clinic};Mottagning {number};{table.codes[number % 2]};08-465 004"
                f" 0{number};{status}"
            )
            csv = f"hsaId;name;businessClassification;telephoneNumber;status\n{row}\n"
            await clinics.import_csv(context, STOCKHOLM, csv, dry_run=False, key=None)
        case "regroup":
            rule = ClinicRule(business_classifications=[table.codes[number % 2]])
            await groups.save(
                context,
                STOCKHOLM,
                table.group,
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
                **rest,
            )
        case "archive":
            await documents.archive(context, case_type, expected_version=latest, **rest)
        case "restore":
            await documents.restore(
                context,
                case_type,
                version=1,
                expected_version=latest,
                publish=number % 2 == 0,
                **rest,
            )
        case "decide":
            await policies.save(
                context,
                STOCKHOLM,
                {"central_activation": list(CentralActivation)[number % 2]},
                **rest,
            )
        case _:
            head = (await context.store.documents.get_many([case_type]))[case_type]
            switch = (
                documents.activate if head.state is DocumentState.INACTIVE else documents.deactivate
            )
            await switch(context, case_type, expected_version=latest, **rest)


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
async def table(database: Database) -> AsyncIterator[Played]:
    """A registry whose time goes when told."""
    clock = Clock()
    store = Store(database, KINDS, clock=clock)
    await store.principals.ensure(reference_principals())
    yield await _table(store, clock)
    await store.log.close()


async def _table(store: Store, clock: Clock) -> Played:
    grants = (Grant(Role.REGIONAL_ADMINISTRATOR, STOCKHOLM, includes_below=True),)
    viewer = Viewer(
        "test", f"{STOCKHOLM}-ANNA", "Anna", grants, clock.now + timedelta(days=3650), acr=LOA3
    )
    context = await Context.of(store, viewer, "test")
    turn = next(_turns)
    places, codes = (
        [f"{STOCKHOLM}-{turn}A0{number}" for number in (1, 2)],
        [f"{turn}{letter}" for letter in "AB"],
    )
    rows = "\n".join(
        f"{hsa_id};Mottagning;{code}" for hsa_id, code in zip(places, codes, strict=True)
    )
    await clinics.import_csv(
        context, STOCKHOLM, f"hsaId;name;businessClassification\n{rows}\n", dry_run=False, key=None
    )
    rule = ClinicRule(business_classifications=codes[:1])
    group = await groups.save(
        context, STOCKHOLM, None, name="Grupp", hsa_ids=None, csv=None, rule=rule, key=None
    )
    made = []
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
        made.append(saved.document.id)
    return Played(context, clock, places, codes, made, group.target or "")


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(acts)
async def test_every_past_page_can_be_read_unchanged(
    table: Played, acts: list[tuple[str, int, int, int]]
) -> None:
    playing = await _table(table.context.store, table.clock)
    await playing.say()

    for act in acts:
        before = await playing.context.store.history.latest_sequence(STOCKHOLM)
        try:
            await play(playing, *act)
        except RegistryError:
            assert await playing.context.store.history.latest_sequence(STOCKHOLM) == before
        await playing.say()

    for moment, hsa_id, said in playing.said:
        assert await playing.page(hsa_id, moment) == said


async def test_racing_distributions_and_withdrawals_leave_one_consistent_state(
    table: Played,
) -> None:
    case_type = table.case_types[0]

    async def turn(number: int) -> None:
        chosen = ClinicSelection("to", hsa_ids=table.clinics if number % 3 else table.clinics[:1])
        if number % 2:
            await distribution.distribute(table.context, case_type, chosen, note=None, key=None)
        else:
            await distribution.withdraw(table.context, case_type, chosen, note=None, key=None)

    await asyncio.gather(*(turn(number) for number in range(40)))

    store = table.context.store
    rows = await store.database.find(
        "assignments", {"document": case_type}, sort=[("from_sequence", 1)]
    )
    events = await store.database.find(
        "events",
        {"document": case_type, "action": {"$in": ["DISTRIBUTED", "WITHDRAWN"]}},
        sort=[("sequence", 1)],
    )
    for clinic in table.clinics:
        told = [
            (event["action"], event["sequence"]) for event in events if clinic in event["clinics"]
        ]
        held = [row for row in rows if row["clinic"] == clinic]
        assert [action for action, _ in told] == [
            ("DISTRIBUTED", "WITHDRAWN")[turn % 2] for turn in range(len(told))
        ]
        assert [sequence for action, sequence in told if action == "DISTRIBUTED"] == [
            row["from_sequence"] for row in held
        ]
        assert [sequence for action, sequence in told if action == "WITHDRAWN"] == [
            row["until_sequence"] for row in held if not row["open"]
        ]
