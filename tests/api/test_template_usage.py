"""Usage of templates over all levels: exact counts, per viewer, and the whole lineage."""

from datetime import UTC, datetime
from typing import Any

import pytest

from resolvers.access.viewer import LOA3, Grant, Viewer
from resolvers.context import Context
from resolvers.templates import usage as resolve
from store.records import Role
from tests.api.derived_documents import create_derived, publish_template_version
from tests.callers import BJORKEN, INERA, LINDEN, STOCKHOLM, UPPSALA, UPPSALA_CLINIC, Caller
from tests.world import World

USAGE = """query($id: ID!) { caseTypeTemplate(id: $id) { level usage {
    templates caseTypes clinics behind lastUsedAt
    byLevel { level templates caseTypes clinics behind }
    byPrincipal { principal { name } templates caseTypes clinics behind lastUsedAt } } } }"""


async def usage(caller: Caller, template: str) -> dict[str, Any]:
    found: dict[str, Any] = (await caller.ask(USAGE, id=template))["caseTypeTemplate"]["usage"]
    return found


@pytest.fixture
async def chain(world: World) -> dict[str, str]:
    """A chain of templates from national to local, and case types made from them.

    National › regional › local template › local case type at Björken; and two central case
    types, one of them in another region.
    """
    regional = await create_derived(
        world.region, STOCKHOLM, world.template, kind="caseTypeTemplate"
    )
    local = await create_derived(world.region, BJORKEN, regional, kind="caseTypeTemplate")
    ids = {
        "national": world.template,
        "regional": regional,
        "local": local,
        "at_clinic": await create_derived(world.region, BJORKEN, local),
        "central": await create_derived(world.region, STOCKHOLM, regional),
        "elsewhere": await create_derived(world.other_region, UPPSALA, world.template),
    }
    await world.distribute(ids["central"], BJORKEN, LINDEN)
    await world.other_region.done(
        "caseTypeDistribute", "clinics", caseType=ids["elsewhere"], to={"hsaIds": [UPPSALA_CLINIC]}
    )
    return ids


async def test_usage_counts_templates_case_types_and_clinics_over_all_levels(
    world: World, chain: dict[str, str]
) -> None:
    found = await usage(world.national, chain["national"])

    assert {name: found[name] for name in ("templates", "caseTypes", "clinics", "behind")} == {
        "templates": 2,  # regional, local
        "caseTypes": 4,  # the world's own, at_clinic, central, elsewhere
        "clinics": 3,  # Björken counts once, although it has two of them
        "behind": 0,
    }
    assert found["byLevel"] == [
        {"level": "NATIONAL", "templates": 0, "caseTypes": 0, "clinics": 0, "behind": 0},
        {"level": "REGIONAL", "templates": 1, "caseTypes": 3, "clinics": 3, "behind": 0},
        {"level": "LOCAL", "templates": 1, "caseTypes": 1, "clinics": 1, "behind": 0},
    ]
    assert [
        (row["principal"]["name"], row["templates"], row["caseTypes"], row["clinics"])
        for row in found["byPrincipal"]
    ] == [
        ("Region Stockholm", 2, 3, 2),
        ("Region Uppsala", 0, 1, 1),
    ]
    newest = (
        await world.other_region.ask(
            "query($id: ID!) { caseType(id: $id) { createdAt } }", id=chain["elsewhere"]
        )
    )["caseType"]["createdAt"]
    assert found["lastUsedAt"] == found["byPrincipal"][1]["lastUsedAt"] == newest


async def test_each_level_counts_what_is_below_it(world: World, chain: dict[str, str]) -> None:
    regional, local = [await usage(world.region, chain[name]) for name in ("regional", "local")]

    assert (regional["templates"], regional["caseTypes"], regional["clinics"]) == (1, 2, 2)
    assert (local["templates"], local["caseTypes"], local["clinics"]) == (0, 1, 1)


async def test_everything_below_a_template_that_has_not_adopted_a_version_is_behind(
    world: World, chain: dict[str, str]
) -> None:
    await publish_template_version(
        world.national, chain["national"], 1, introduction="Nytt nationellt."
    )

    national, regional = (
        await usage(world.national, chain["national"]),
        await usage(world.region, chain["regional"]),
    )

    assert national["behind"] == 6
    assert [level["behind"] for level in national["byLevel"]] == [0, 4, 2]
    assert [row["behind"] for row in national["byPrincipal"]] == [5, 1]
    assert regional["behind"] == 0, "the regional template itself has no newer version"

    await publish_template_version(
        world.region, chain["regional"], 1, introduction="Nytt regionalt."
    )

    assert (await usage(world.region, chain["regional"]))[
        "behind"
    ] == 3  # local, central, and at_clinic through local
    assert (await usage(world.region, chain["local"]))["behind"] == 0


async def test_a_draft_of_the_template_makes_nothing_behind(
    world: World, chain: dict[str, str]
) -> None:
    await world.national.done(
        "caseTypeTemplateUpdate",
        "event { id }",
        id=chain["national"],
        expectedVersion=1,
        content={"introduction": "Utkast"},
    )

    assert (await usage(world.national, chain["national"]))["behind"] == 0


async def test_archived_documents_are_not_counted_but_their_derivatives_are(
    world: World, chain: dict[str, str]
) -> None:
    last = (await usage(world.national, chain["national"]))["lastUsedAt"]
    await world.region.done(
        "documentArchive", "event { id }", id=chain["regional"], expectedVersion=1
    )
    await world.other_region.done(
        "documentArchive", "event { id }", id=chain["elsewhere"], expectedVersion=1
    )

    found = await usage(world.national, chain["national"])

    assert (found["templates"], found["caseTypes"], found["clinics"]) == (1, 3, 2)
    assert found["lastUsedAt"] == last, "an archived document was still made from it"
    assert [row["principal"]["name"] for row in found["byPrincipal"]] == ["Region Stockholm"]
    await world.region.done(
        "documentArchive", "event { id }", id=chain["at_clinic"], expectedVersion=1
    )
    local = await usage(world.region, chain["local"])
    assert (local["caseTypes"], local["lastUsedAt"] is None, local["byPrincipal"]) == (0, False, [])


async def test_the_national_administrator_counts_published_documents_and_no_drafts(
    world: World, chain: dict[str, str]
) -> None:
    before = await usage(world.national, chain["national"])
    await create_derived(world.region, STOCKHOLM, chain["regional"], publish=False)

    assert await usage(world.national, chain["national"]) == before
    assert (await usage(world.region, chain["regional"]))["caseTypes"] == 3, (
        "the region counts its own draft"
    )


async def test_other_callers_count_what_they_can_see(world: World, chain: dict[str, str]) -> None:
    linden = world.api.caller(Role.LOCAL_ADMINISTRATOR, LINDEN)
    found = {
        name: await usage(caller, chain["national"])
        for name, caller in {
            "region": world.region,
            "other": world.other_region,
            "björken": world.clinic_admin,
            "linden": linden,
        }.items()
    }

    assert {
        name: (counts["templates"], counts["caseTypes"], counts["clinics"])
        for name, counts in found.items()
    } == {
        "region": (2, 3, 2),
        "other": (0, 1, 1),
        "björken": (
            2,
            3,
            1,
        ),  # sees both clinics' central case types, but reads its own clinic only
        "linden": (1, 2, 1),
    }
    assert [row["principal"]["name"] for row in found["region"]["byPrincipal"]] == [
        "Region Stockholm"
    ]


async def test_roles_at_a_region_and_at_a_clinic_of_another_region_add_up(
    world: World, chain: dict[str, str]
) -> None:
    grants = (
        Grant(Role.REGIONAL_ADMINISTRATOR, STOCKHOLM, True),
        Grant(Role.LOCAL_ADMINISTRATOR, UPPSALA_CLINIC, False),
    )
    viewer = Viewer(
        "anna", f"{STOCKHOLM}-AA", "Anna", grants, datetime(9999, 1, 1, tzinfo=UTC), acr=LOA3
    )
    context = await Context.of(world.api.store, viewer, "request")
    template = (await world.api.store.documents.get_many([chain["national"]]))[chain["national"]]

    found = await resolve.of_template(context, template)

    assert (found.templates, found.case_types, await resolve.clinics(context, found)) == (2, 4, 3)
    assert await resolve.clinics_by_principal(context, found) == {STOCKHOLM: 2, UPPSALA: 1}


async def test_an_unused_template_has_zero_counts(world: World) -> None:
    template = await create_derived(world.national, INERA, None, kind="caseTypeTemplate")

    assert await usage(world.national, template) == {
        "templates": 0,
        "caseTypes": 0,
        "clinics": 0,
        "behind": 0,
        "lastUsedAt": None,
        "byLevel": [
            {"level": level, "templates": 0, "caseTypes": 0, "clinics": 0, "behind": 0}
            for level in ("NATIONAL", "REGIONAL", "LOCAL")
        ],
        "byPrincipal": [],
    }


LINEAGE = """query($id: ID!) { caseType(id: $id) { version { derivedFrom { template { id } version }
    lineage { template { id level } version latestVersion behind } } } }"""


async def test_a_version_lists_every_template_and_version_that_it_derives_from(
    world: World, chain: dict[str, str]
) -> None:
    await publish_template_version(
        world.national, chain["national"], 1, introduction="Nytt nationellt."
    )

    found = (await world.region.ask(LINEAGE, id=chain["at_clinic"]))["caseType"]["version"]

    assert found["derivedFrom"] == {"template": {"id": chain["local"]}, "version": 1}
    assert found["lineage"] == [
        {
            "template": {"id": chain["local"], "level": "LOCAL"},
            "version": 1,
            "latestVersion": 1,
            "behind": False,
        },
        {
            "template": {"id": chain["regional"], "level": "REGIONAL"},
            "version": 1,
            "latestVersion": 1,
            "behind": False,
        },
        {
            "template": {"id": chain["national"], "level": "NATIONAL"},
            "version": 1,
            "latestVersion": 2,
            "behind": True,
        },
    ]


async def test_lineage_ends_at_the_last_template_that_the_viewer_can_see(world: World) -> None:
    hidden = await create_derived(
        world.region, STOCKHOLM, world.template, kind="caseTypeTemplate", publish=False
    )
    case_type = await create_derived(world.region, STOCKHOLM, hidden)

    seen = [
        (await caller.ask(LINEAGE, id=case_type))["caseType"]["version"]["lineage"]
        for caller in (world.region, world.staff)
    ]

    assert [[step["template"]["level"] for step in steps] for steps in seen] == [
        ["REGIONAL", "NATIONAL"],
        [],
    ]
