"""How many commands reach MongoDB for a query: bounded, and the same for a page of 50 as for a page
of 5.
"""

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime

import pytest
from pymongo import monitoring

from store.clinics.filters import ClinicFilter
from store.clinics.selectors import ClinicSelector
from store.records import Role
from tests.callers import BJORKEN, LINDEN, STOCKHOLM
from tests.storage.building import BY_ANNA, distributed, published, with_clinics
from tests.world import CONTENT, World

CLINICS = [f"{STOCKHOLM}-C{number:03}" for number in range(200)]


class Commands(monitoring.CommandListener):
    """The names of the commands on one database.

    What comes by the clock is left out: the change stream's `getMore`, and the active subscriptions.
    """

    def __init__(self) -> None:
        self.database = ""
        self.seen: list[str] = []

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        by_the_clock = event.command_name == "getMore" or event.command.get(event.command_name) in (
            "server_processes",
            "active_subscriptions",
        )
        if event.database_name == self.database and not by_the_clock:
            self.seen.append(event.command_name)

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None: ...

    def failed(self, event: monitoring.CommandFailedEvent) -> None: ...


@pytest.fixture(scope="module")
def listener() -> Commands:
    """Of the whole module: it must be there before any client is made."""
    listener = Commands()
    monitoring.register(listener)
    return listener


@pytest.fixture
def commands(listener: Commands, world: World) -> Iterator[Commands]:
    """The commands of one test."""
    listener.database = world.api.store.database.name
    yield listener
    listener.database = ""


async def counted(
    commands: Commands, world: World, query: str, caller: str = "region", **variables: object
) -> int:
    """How many commands a query takes, once what is kept between requests has been read."""
    await getattr(world, caller).ask(query, **variables)
    commands.seen.clear()
    await getattr(world, caller).ask(query, **variables)
    return len(commands.seen)


async def many(world: World) -> None:
    """55 published case types made from a template, each with a second version."""

    async def one(number: int) -> None:
        content = {"name": f"Ärendetyp {number}", "internalName": f"Nr {number}"}
        made = await world.region.done(
            "caseTypeCreate",
            "caseType { id }",
            owner=STOCKHOLM,
            content=content,
            fromTemplate={"id": world.template},
        )
        await world.edit(made["caseType"]["id"], 1, publish=True, introduction="Två.")

    await asyncio.gather(*(one(number) for number in range(55)))


LISTS = {
    "heads": (
        (
            "{ id name state latestVersion owner { ... on Principal { name } } content { name"
            " questions { key } } }"
        ),
        1,
    ),
    "newest versions": ("{ version { number hash author { name unitName } content { name } } }", 3),
    "a version by number": ("{ version(number: 1) { author { name } note } }", 3),
    "derivation": ("{ version { derivedFrom { behind template { name } } } }", 3),
    "history": ("{ history(first: 5) { totalCount edges { node { action actor { name } } } } }", 3),
    "versions": ("{ versions(first: 2) { edges { node { number author { name } } } } }", 3),
    "the version at a moment": ('{ versionAt(time: "2999-01-01T00:00:00Z") { number } }', 4),
    "changes": ("{ version { changes { path } } }", 4),
}


async def test_a_list_takes_as_many_commands_for_50_as_for_5(
    commands: Commands, world: World
) -> None:
    await many(world)

    for what, (node, most) in LISTS.items():
        query = (
            f"query($first: Int!) {{ caseTypes(first: $first) {{ edges {{ node {node} }} pageInfo"
            " { hasNextPage } } }"
        )
        few, lots = (
            await counted(commands, world, query, first=5),
            await counted(commands, world, query, first=50),
        )
        assert lots == few, what
        assert lots <= most, (what, commands.seen)


async def test_a_list_with_blame_takes_one_more_command_for_each_hundred_values(
    commands: Commands, world: World
) -> None:
    await many(world)
    query = (
        "query($first: Int!) { caseTypes(first: $first) { edges { node { blame { path author { name"
        " } template { name } } } } } }"
    )
    values = {}
    others = {}

    for first in (5, 50):
        edges = (await world.region.ask(query, first=first))["caseTypes"]["edges"]
        values[first] = sum(len(edge["node"]["blame"]) for edge in edges)
        await counted(commands, world, query, first=first)
        others[first] = [name for name in commands.seen if name != "aggregate"]
        assert commands.seen.count("aggregate") <= 2 * values[first] // 100 + 2, (
            first
        )  # once for the case types, once for the template

    assert values[50] > 9 * values[5]
    assert len(others[50]) == len(others[5]) <= 14


async def test_pages_of_versions_and_history_take_as_many_commands_whatever_their_size(
    commands: Commands, world: World
) -> None:
    for version in range(1, 40):
        await world.edit(world.case_type, version, introduction=f"Text {version}")
    pages = {
        "versions": (
            (
                "versions(first: $first) { totalCount edges { node { number author { name } content"
                " { name } changes { path } } } }"
            ),
            5,
        ),
        "history": (
            (
                "history(first: $first) { totalCount edges { node { action actor { name } document"
                " { id } changes { path } } } }"
            ),
            7,
        ),
    }

    for what, (select, most) in pages.items():
        query = f"query($id: ID!, $first: Int!) {{ caseType(id: $id) {{ {select} }} }}"
        few, lots = [
            await counted(commands, world, query, id=world.case_type, first=first)
            for first in (3, 30)
        ]
        assert lots == few, what
        assert lots <= most, (what, commands.seen)


async def test_an_inbox_and_a_log_take_as_many_commands_whatever_their_size(
    commands: Commands, world: World
) -> None:
    await world.distribute(world.case_type)
    for version in range(1, 30):
        await world.edit(world.case_type, version, publish=True, introduction=f"Text {version}")
    pages = {
        "inbox": (
            "staff",
            """query($first: Int!) { clinic(hsaId: "SE2321000016-1A01") { notifications(first: $first) { totalCount edges { node {
                by { unitName } clinic { name } document { name } changes { path } } } } } }""",
            11,
        ),
        "log": (
            "region",
            """query($first: Int!) { principal(hsaId: "SE2321000016") { events(first: $first) { totalCount edges { node {
                actor { name } document { name } clinics { edges { node { name } } } changes { path } } } } } }""",
            8,
        ),
    }

    for what, (caller, query, most) in pages.items():
        few, lots = [
            await counted(commands, world, query, caller, first=first) for first in (3, 25)
        ]
        assert lots == few, what
        assert lots <= most, (what, commands.seen)


async def test_a_list_of_assignments_takes_as_many_commands_for_50_as_for_5(
    commands: Commands, world: World
) -> None:
    store = world.api.store
    await with_clinics(store, *CLINICS)
    await world.region.done(
        "clinicGroupSave", "event { id }", principal=STOCKHOLM, name="Lista", hsaIds=CLINICS[:100]
    )
    for case_type in [await published(store) for _ in range(2)]:
        await store.distribution.distribute(
            case_type, ClinicSelector(filter=ClinicFilter()), act=BY_ANNA
        )
    moment = datetime.now(UTC).isoformat()
    lists = {
        "now": (
            "",
            (
                "{ origin since by { unitName } clinic { name } caseType { name } startPageOrder"
                " contactCardOrder }"
            ),
            8,
        ),
        "as it was": (
            f'asOf: "{moment}", ',
            "{ origin until clinic { name } caseType { name } startPageOrder }",
            9,
        ),
    }

    for what, (argument, node, most) in lists.items():
        query = (
            f"query($first: Int!) {{ assignments({argument}first: $first) {{ totalCount edges {{"
            f" node {node} }} }} }}"
        )
        few, lots = [await counted(commands, world, query, first=first) for first in (5, 50)]
        assert lots == few, what
        assert lots <= most, (what, commands.seen)


async def test_the_groups_of_clinics_are_read_together(commands: Commands, world: World) -> None:
    await with_clinics(world.api.store, *CLINICS)
    for name, members in (("Alla", CLINICS), ("Hälften", CLINICS[::2])):
        await world.region.done(
            "clinicGroupSave", "event { id }", principal=STOCKHOLM, name=name, hsaIds=members
        )
    query = (
        "query($first: Int!) { clinics(first: $first) { edges { node { name groups { name } } } } }"
    )

    few, lots = [await counted(commands, world, query, first=first) for first in (10, 100)]

    assert (few, lots) == (2, 2)


async def test_the_check_before_a_distribution_takes_as_many_commands_for_200_clinics_as_for_2(
    commands: Commands, world: World
) -> None:
    await with_clinics(world.api.store, *CLINICS)
    await world.distribute(world.case_type, LINDEN, *CLINICS[::2])
    for clinic in (BJORKEN, LINDEN, *CLINICS[2:5]):
        local = await world.region.done(
            "caseTypeCreate", "caseType { id }", owner=clinic, content=CONTENT
        )
        await world.region.done(
            "documentPublish",
            "event { id }",
            id=local["caseType"]["id"],
            version=1,
            expectedVersion=1,
        )
    query = """query($caseType: ID!, $to: ClinicSelection!) { checkDistribution(caseType: $caseType, to: $to) { refused { row }
        willReceive { totalCount edges { node { name } } } alreadyAssigned { totalCount edges { node { name } } }
        localCandidates { similarity clinic { name } caseType { name } } } }"""
    chosen = ([BJORKEN, LINDEN], [BJORKEN, LINDEN, *CLINICS[2:]])

    few, lots = [
        await counted(commands, world, query, caseType=world.case_type, to={"hsaIds": hsa_ids})
        for hsa_ids in chosen
    ]

    assert lots == few
    assert lots <= 7, commands.seen


async def test_nodes_by_id_are_read_together(commands: Commands, world: World) -> None:
    ids = [await world.draft() for _ in range(12)]
    query = (
        "query($ids: [ID!]!) { nodes(ids: $ids) { ... on CaseType { name } ... on CaseTypeVersion {"
        " number } } }"
    )
    versions = [f"{document}.1" for document in ids]

    found = [
        await counted(commands, world, query, ids=chosen)
        for chosen in (ids[:2], ids, versions[:2], versions)
    ]

    assert found == [1, 1, 2, 2]


TEMPLATES = {
    "usage": (
        (
            "caseTypeTemplates(first: $first) { edges { node { usage { templates caseTypes behind"
            " lastUsedAt byLevel { level } } } } }"
        ),
        4,
    ),
    "usage with clinics": (
        (
            "caseTypeTemplates(first: $first) { edges { node { usage { caseTypes clinics byLevel {"
            " clinics } } } } }"
        ),
        5,
    ),
    "usage by principal": (
        (
            "caseTypeTemplates(first: $first) { edges { node { usage { byPrincipal { principal {"
            " name } clinics } } } } }"
        ),
        5,
    ),
    "lineage": (
        (
            "caseTypes(first: $first) { edges { node { version { lineage { template { name } behind"
            " } } } } }"
        ),
        6,
    ),
    "review": (
        (
            "templateReview(first: $first) { totalCount edges { node { template { name } reasons"
            " usage { clinics } drift { most } } } }"
        ),
        9,
    ),
}
"""Of templates; the most commands for 40 of them."""


async def test_the_use_of_40_templates_takes_as_many_commands_as_that_of_4(
    commands: Commands, world: World
) -> None:
    async def one(number: int) -> None:
        names = {"name": f"Mall {number}", "internalName": f"Nr {number}"}
        template = await world.region.done(
            "caseTypeTemplateCreate",
            "caseTypeTemplate { id }",
            owner=STOCKHOLM,
            content=names,
            fromTemplate={"id": world.template},
        )
        source = {"id": template["caseTypeTemplate"]["id"]}
        made = await world.region.done(
            "caseTypeCreate",
            "caseType { id }",
            owner=STOCKHOLM,
            content={**names, "introduction": "Egen."},
            fromTemplate=source,
        )
        await world.region.done(
            "documentPublish",
            "event { id }",
            id=made["caseType"]["id"],
            version=1,
            expectedVersion=1,
        )

    await asyncio.gather(*(one(number) for number in range(40)))
    await world.national.done(
        "caseTypeTemplateUpdate",
        "event { id }",
        id=world.template,
        expectedVersion=1,
        content={"introduction": "Nytt."},
        publish=True,
    )

    for what, (select, most) in TEMPLATES.items():
        query = f"query($first: Int!) {{ {select} }}"
        few, lots = [await counted(commands, world, query, first=first) for first in (4, 40)]
        assert lots == few, what
        assert lots <= most, (what, lots, commands.seen)


async def test_a_comparison_takes_as_many_commands_for_40_documents_as_for_1(
    commands: Commands, world: World
) -> None:
    query = """query($id: ID!) { caseTypeTemplate(id: $id) { comparison { documents { id } places { edges { node {
        variants { documents { name owner { ... on Principal { name } } } changes { path } } } } } } } }"""
    few = await counted(commands, world, query, "national", id=world.template)
    for number in range(40):
        content = {"name": f"Nr {number}", "internalName": f"Nr {number}"}
        made = await world.region.done(
            "caseTypeCreate",
            "caseType { id }",
            owner=STOCKHOLM,
            content=content,
            fromTemplate={"id": world.template},
        )
        await world.region.done(
            "documentPublish",
            "event { id }",
            id=made["caseType"]["id"],
            version=1,
            expectedVersion=1,
        )

    assert await counted(commands, world, query, "national", id=world.template) == few
    assert few <= 4


async def test_what_nobody_may_read_costs_no_command(commands: Commands, world: World) -> None:
    commands.seen.clear()

    await world.api.nobody().refused("{ caseTypes { totalCount edges { node { id } } } }")

    assert commands.seen == []


async def test_a_start_page_takes_as_many_commands_for_20_case_types_as_for_2(
    commands: Commands, world: World
) -> None:
    store = world.api.store
    await world.distribute(world.case_type)
    await distributed(store, await published(store), BJORKEN, LINDEN)
    for _ in range(18):
        await distributed(store, await published(store), BJORKEN)
    replies = [{"key": "egen", "label": "Egen", "text": "Hej"}]
    for clinic in (BJORKEN, LINDEN):
        given = {
            "clinic": clinic,
            "caseType": world.case_type,
            "expectedVersion": 0,
            "standardReplies": replies,
            "terms": [],
        }
        await world.region.done("localAdaptationSave", "event { id }", **given)
    entry = (
        "{ position caseType { name } version { number } adaptation { number } effective { name"
        " terms { text } } html }"
    )
    pages = {"now": ("", 8), "as it was": (f'(asOf: "{datetime.now(UTC).isoformat()}")', 10)}

    for what, (when, most) in pages.items():
        query = f"query($clinic: HsaId!) {{ clinic(hsaId: $clinic) {{ startPage{when} {entry} }} }}"
        few, lots = [
            await counted(commands, world, query, clinic=clinic) for clinic in (LINDEN, BJORKEN)
        ]
        assert lots == few, what
        assert lots <= most, (what, commands.seen)


async def told(commands: Commands, world: World, clinics: list[str], expected: int) -> int:
    """How many commands a publication takes while so many clinics' own people follow it, each their
    clinic.
    """
    query = """subscription($clinics: [HsaId!]!) { clinicNotifications(clinics: $clinics) {
        cursor toVersion clinic { hsaId name } document { name owner { __typename } } by { unitName } changes { path } } }"""
    async with AsyncExitStack() as stack:
        sockets = [
            await stack.enter_async_context(world.api.caller(Role.CLINIC_STAFF, clinic).socket())
            for clinic in clinics
        ]
        for socket, clinic in zip(sockets, clinics, strict=True):
            await socket.subscribe(query, clinics=[clinic])
            await socket.started()
        await settled(world, len(clinics))
        commands.seen.clear()
        await world.edit(
            world.case_type, expected - 1, publish=True, introduction=f"Text {expected}."
        )
        answers = [(await socket.next())["clinicNotifications"] for socket in sockets]
        seen = len(commands.seen)
    assert [(answer["clinic"]["hsaId"], answer["toVersion"]) for answer in answers] == [
        (clinic, expected) for clinic in clinics
    ]
    await settled(world, 0)
    return seen


async def settled(world: World, count: int) -> None:
    """Wait until so many follow, all of them live."""
    followers = world.api.live.hub.followers
    async with asyncio.timeout(20):
        while len(followers) != count or not all(follower.live for follower in followers.values()):  # noqa: ASYNC110 - of the app
            await asyncio.sleep(0.01)


async def test_an_event_takes_as_many_commands_for_40_subscribers_as_for_2(
    commands: Commands, world: World
) -> None:
    clinics = CLINICS[:40]
    csv = "hsaId,name\n" + "".join(f"{clinic},Mottagning {clinic}\n" for clinic in clinics)
    await world.region.done("clinicsImport", "created", principal=STOCKHOLM, csv=csv)
    await world.distribute(world.case_type, *clinics)

    few = await told(commands, world, clinics[:2], 2)
    many_more = await told(commands, world, clinics, 3)

    assert few == many_more
    assert few <= 16


async def test_reports_take_as_many_commands_for_200_clinics_as_for_2(
    commands: Commands, world: World
) -> None:
    store = world.api.store
    await with_clinics(store, *CLINICS)
    for case_type in [await published(store) for _ in range(6)]:
        await store.distribution.distribute(
            case_type, ClinicSelector(filter=ClinicFilter()), act=BY_ANNA
        )
    moment = datetime.now(UTC).isoformat()
    past = f'asOf: "{moment}", '
    period = f'from: "{moment[:4]}-01-01T00:00:00Z"'
    times = (
        f"acknowledgementTimes({period}) {{ total {{ pending }} byCaseType {{ caseType {{ name }}"
        " time { pending } } }"
    )
    reports = {
        "case types per clinic": (
            (
                "caseTypesPerClinic(first: $first) { totalCount edges { node { clinic { name } own"
                " } } }"
            ),
            4,
        ),
        "the same by number": (
            (
                f"caseTypesPerClinic({past}orderBy: MOST_FIRST, first: $first) {{ edges {{ node {{"
                " clinic { name } own } } }"
            ),
            3,
        ),
        "clinics per case type": (
            (
                "clinicsPerCaseType(first: $first) { totalCount edges { node { caseType { name }"
                " version } } }"
            ),
            3,
        ),
        "the same then": (
            (
                f"clinicsPerCaseType({past}first: $first) {{ edges {{ node {{ caseType {{ name }}"
                " version } } }"
            ),
            5,
        ),
        "who lags": (
            "clinicsBehind(first: $first) { totalCount edges { node { clinic { name } since } } }",
            4,
        ),
        "who lagged": (
            (
                f"clinicsBehind({past}first: $first) {{ edges {{ node {{ clinic {{ name }} since }}"
                " } }"
            ),
            6,
        ),
        "times": (times, 7),
        "edits": (f"editsPerMonth({period}) {{ month versions principal {{ name }} }}", 1),
        "templates": (
            (
                "documentsPerTemplate(first: $first) { totalCount edges { node { template { name }"
                " documents } } }"
            ),
            4,
        ),
        "adaptations": (
            (
                "adaptationsPerCaseType(first: $first) { totalCount edges { node { caseType { name"
                " } clinics } } }"
            ),
            2,
        ),
        "texts": (
            (
                "adaptationsPerText(first: $first) { totalCount edges { node { document { name }"
                " path documents } } }"
            ),
            6,
        ),
        "duplicates": (
            (
                "duplicatesPerCaseType(first: $first) { totalCount edges { node { caseType { name }"
                " clinics } } }"
            ),
            3,
        ),
    }

    await world.region.ask(
        "{ reports { adaptationsPerText { totalCount } } }"
    )  # where versions differ is computed once
    for what, (select, most) in reports.items():
        few, lots = [
            await counted(
                commands, world, f"{{ reports {{ {select.replace('$first', str(first))} }} }}"
            )
            for first in (2, 100)
        ]
        assert lots == few, what
        assert lots <= most, (what, commands.seen)


async def test_a_list_of_who_lags_takes_as_many_commands_for_7_case_types_as_for_1(
    commands: Commands, world: World
) -> None:
    store = world.api.store
    await with_clinics(store, *CLINICS)
    query = (
        "{ assignments(filter: { behindOnly: true }) { edges { node { acknowledgedVersion } } } }"
    )
    await world.distribute(world.case_type)

    few = await counted(commands, world, query)
    for case_type in [await published(store) for _ in range(6)]:
        await store.distribution.distribute(
            case_type, ClinicSelector(filter=ClinicFilter()), act=BY_ANNA
        )
    lots = await counted(commands, world, query)

    assert (few, lots) == (4, 4)
