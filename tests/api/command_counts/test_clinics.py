"""Lists of clinics and of their case types take as many commands for many rows as for few."""

from datetime import UTC, datetime

from store.clinics.filters import ClinicFilter
from store.clinics.selectors import ClinicSelector
from tests.api.command_counts.counting import CLINICS, Commands, counted
from tests.callers import BJORKEN, LINDEN, STOCKHOLM
from tests.storage.building import BY_ANNA, distributed, published, with_clinics
from tests.world import CONTENT, World


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
        "as of a time": (
            f'asOf: "{moment}", ',
            "{ origin until clinic { name } caseType { name } startPageOrder }",
            9,
        ),
    }

    for name, (argument, node, limit) in lists.items():
        query = (
            f"query($first: Int!) {{ assignments({argument}first: $first) {{ totalCount edges {{"
            f" node {node} }} }} }}"
        )
        small, large = [await counted(commands, world, query, first=first) for first in (5, 50)]
        assert large == small, name
        assert large <= limit, (name, commands.seen)


async def test_the_groups_of_all_clinics_are_read_in_one_batch(
    commands: Commands, world: World
) -> None:
    await with_clinics(world.api.store, *CLINICS)
    for name, members in (("Alla", CLINICS), ("Hälften", CLINICS[::2])):
        await world.region.done(
            "clinicGroupSave", "event { id }", principal=STOCKHOLM, name=name, hsaIds=members
        )
    query = (
        "query($first: Int!) { clinics(first: $first) { edges { node { name groups { name } } } } }"
    )

    small, large = [await counted(commands, world, query, first=first) for first in (10, 100)]

    assert (small, large) == (2, 2)


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
    query = """query($caseType: ID!, $to: ClinicSelection!) {
        checkDistribution(caseType: $caseType, to: $to) { refused { row }
        willReceive { totalCount edges { node { name } } }
        alreadyAssigned { totalCount edges { node { name } } }
        localCandidates { similarity clinic { name } caseType { name } } } }"""
    chosen = ([BJORKEN, LINDEN], [BJORKEN, LINDEN, *CLINICS[2:]])

    small, large = [
        await counted(commands, world, query, caseType=world.case_type, to={"hsaIds": hsa_ids})
        for hsa_ids in chosen
    ]

    assert large == small
    assert large <= 7, commands.seen


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
        adaptation = {
            "clinic": clinic,
            "caseType": world.case_type,
            "expectedVersion": 0,
            "standardReplies": replies,
            "terms": [],
        }
        await world.region.done("localAdaptationSave", "event { id }", **adaptation)
    entry = (
        "{ position caseType { name } version { number } adaptation { number } effective { name"
        " terms { text } } html }"
    )
    pages = {"now": ("", 8), "as of a time": (f'(asOf: "{datetime.now(UTC).isoformat()}")', 10)}

    for name, (when, limit) in pages.items():
        query = f"query($clinic: HsaId!) {{ clinic(hsaId: $clinic) {{ startPage{when} {entry} }} }}"
        small, large = [
            await counted(commands, world, query, clinic=clinic) for clinic in (LINDEN, BJORKEN)
        ]
        assert large == small, name
        assert large <= limit, (name, commands.seen)


async def test_a_list_of_lagging_clinics_takes_as_many_commands_for_7_case_types_as_for_1(
    commands: Commands, world: World
) -> None:
    store = world.api.store
    await with_clinics(store, *CLINICS)
    query = (
        "{ assignments(filter: { behindOnly: true }) { edges { node { acknowledgedVersion } } } }"
    )
    await world.distribute(world.case_type)

    small = await counted(commands, world, query)
    for case_type in [await published(store) for _ in range(6)]:
        await store.distribution.distribute(
            case_type, ClinicSelector(filter=ClinicFilter()), act=BY_ANNA
        )
    large = await counted(commands, world, query)

    assert (small, large) == (4, 4)
