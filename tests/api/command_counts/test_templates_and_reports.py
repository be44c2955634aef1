"""The usage of templates and the reports take as many commands for many rows as for few."""

import asyncio
from datetime import UTC, datetime

from store.clinics.filters import ClinicFilter
from store.clinics.selectors import ClinicSelector
from tests.api.command_counts.counting import CLINICS, Commands, counted
from tests.callers import STOCKHOLM
from tests.storage.building import BY_ANNA, published, with_clinics
from tests.world import World

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
"""Selections of templates, with the maximum number of commands for 40 templates."""


async def test_the_usage_of_templates_takes_as_many_commands_for_40_as_for_4(
    commands: Commands, world: World
) -> None:
    async def create(number: int) -> None:
        names = {"name": f"Mall {number}", "internalName": f"Nr {number}"}
        template = await world.region.done(
            "caseTypeTemplateCreate",
            "caseTypeTemplate { id }",
            owner=STOCKHOLM,
            content=names,
            fromTemplate={"id": world.template},
        )
        source = {"id": template["caseTypeTemplate"]["id"]}
        created = await world.region.done(
            "caseTypeCreate",
            "caseType { id }",
            owner=STOCKHOLM,
            content={**names, "introduction": "Egen."},
            fromTemplate=source,
        )
        await world.region.done(
            "documentPublish",
            "event { id }",
            id=created["caseType"]["id"],
            version=1,
            expectedVersion=1,
        )

    await asyncio.gather(*(create(number) for number in range(40)))
    await world.national.done(
        "caseTypeTemplateUpdate",
        "event { id }",
        id=world.template,
        expectedVersion=1,
        content={"introduction": "Nytt."},
        publish=True,
    )

    for name, (select, limit) in TEMPLATES.items():
        query = f"query($first: Int!) {{ {select} }}"
        small, large = [await counted(commands, world, query, first=first) for first in (4, 40)]
        assert large == small, name
        assert large <= limit, (name, large, commands.seen)


async def test_a_comparison_takes_as_many_commands_for_40_documents_as_for_1(
    commands: Commands, world: World
) -> None:
    query = """query($id: ID!) { caseTypeTemplate(id: $id) { comparison { documents { id }
        places { edges { node { variants {
        documents { name owner { ... on Principal { name } } } changes { path } } } } } } } }"""
    small = await counted(commands, world, query, "national", id=world.template)
    for number in range(40):
        content = {"name": f"Nr {number}", "internalName": f"Nr {number}"}
        created = await world.region.done(
            "caseTypeCreate",
            "caseType { id }",
            owner=STOCKHOLM,
            content=content,
            fromTemplate={"id": world.template},
        )
        await world.region.done(
            "documentPublish",
            "event { id }",
            id=created["caseType"]["id"],
            version=1,
            expectedVersion=1,
        )

    assert await counted(commands, world, query, "national", id=world.template) == small
    assert small <= 4


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
        "case types per clinic, most first": (
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
        "clinics per case type, as of a time": (
            (
                f"clinicsPerCaseType({past}first: $first) {{ edges {{ node {{ caseType {{ name }}"
                " version } } }"
            ),
            5,
        ),
        "lagging clinics": (
            "clinicsBehind(first: $first) { totalCount edges { node { clinic { name } since } } }",
            4,
        ),
        "lagging clinics, as of a time": (
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

    # Fills the cache of differences between versions.
    await world.region.ask("{ reports { adaptationsPerText { totalCount } } }")
    for name, (select, limit) in reports.items():
        small, large = [
            await counted(
                commands, world, f"{{ reports {{ {select.replace('$first', str(first))} }} }}"
            )
            for first in (2, 100)
        ]
        assert large == small, name
        assert large <= limit, (name, commands.seen)
