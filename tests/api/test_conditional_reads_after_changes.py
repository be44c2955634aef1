"""After random changes, 304 is returned only if the whole response is equal to the byte."""

import random
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.api.conditional_reading import OPERATIONS, read
from tests.callers import BJORKEN, STOCKHOLM, UPPSALA
from tests.kinds import SAMPLES
from tests.life import made
from tests.world import CONTENT, World


async def publish_template(world: World, chance: random.Random) -> None:
    """Publish a new version of the national template."""
    found = await world.national.ask(
        "query($id: ID!) { caseTypeTemplate(id: $id) { latestVersion } }", id=world.template
    )
    latest = found["caseTypeTemplate"]["latestVersion"]
    content = {"name": f"Mall {chance.random()}"}
    await world.national.do(
        "caseTypeTemplateUpdate",
        "event { id }",
        id=world.template,
        expectedVersion=latest,
        content=content,
        publish=True,
    )


async def archive_another(world: World, _: random.Random) -> None:
    """Archive another document, so that the first one can still be edited."""
    await world.region.done(
        "documentArchive",
        "event { id }",
        id=await made(world.region, SAMPLES["caseType"], publish=True),
        expectedVersion=1,
    )


Act = Callable[[World, random.Random], Awaitable[object]]
ACTS: dict[str, Act] = {
    "edit": lambda world, chance: change_latest(
        world,
        lambda latest: world.edit(world.case_type, latest, introduction=f"Text {chance.random()}"),
    ),
    "edit and publish": lambda world, chance: change_latest(
        world,
        lambda latest: world.edit(
            world.case_type, latest, publish=True, name=f"N{chance.random()}"
        ),
    ),
    "equal content": lambda world, _: change_latest(
        world, lambda latest: world.edit(world.case_type, latest)
    ),
    "switch": lambda world, chance: change_latest(
        world,
        lambda latest: world.region.do(
            chance.choice(["documentActivate", "documentDeactivate"]),
            "event { id }",
            id=world.case_type,
            expectedVersion=latest,
        ),
    ),
    "draft": lambda world, _: world.draft(),
    "local": lambda world, chance: world.clinic_admin.do(
        "caseTypeCreate",
        "event { id }",
        owner=BJORKEN,
        content={**CONTENT, "name": f"L{chance.random()}"},
    ),
    "distribute": lambda world, _: world.region.do(
        "caseTypeDistribute", "clinics", caseType=world.case_type, to={"hsaIds": [BJORKEN]}
    ),
    "template": lambda world, chance: world.national.do(
        "caseTypeTemplateCreate",
        "event { id }",
        owner="SE5565594230",
        content={**CONTENT, "name": f"T{chance.random()}"},
    ),
    "publish template": publish_template,
    "adopt template": lambda world, _: change_latest(
        world,
        lambda latest: world.region.do(
            "documentAdoptTemplate", "event { id }", id=world.case_type, expectedVersion=latest
        ),
    ),
    "text replaced": lambda world, chance: world.region.do(
        "textReplace",
        "batch",
        owner=STOCKHOLM,
        find="Vilket",
        replace=f"V{chance.random()}",
        publish=chance.random() < 0.5,
    ),
    "archive": archive_another,
    "restore": lambda world, _: change_latest(
        world,
        lambda latest: world.region.do(
            "documentRestore", "event { id }", id=world.case_type, version=1, expectedVersion=latest
        ),
    ),
    "notice": lambda world, _: made(world.region, SAMPLES["notice"], publish=True),
    "elsewhere": lambda world, chance: world.other_region.do(
        "caseTypeCreate",
        "event { id }",
        owner=UPPSALA,
        content={**CONTENT, "name": f"U{chance.random()}"},
    ),
    "policies": lambda world, chance: world.region.do(
        "principalPoliciesSave",
        "event { id }",
        principal=STOCKHOLM,
        clinicsEdit=chance.random() < 0.5,
    ),
    "name": lambda world, chance: world.api.store.people.remember(
        "SE2321000016-RA", f"Anna {chance.random()}"
    ),
    "nothing": lambda world, _: world.region.ask("{ viewer { roles } }"),
}


async def change_latest(world: World, act: Callable[[int], Awaitable[object]]) -> None:
    """Call `act` with the latest version of the case type."""
    found = await world.region.ask(
        "query($id: ID!) { caseType(id: $id) { latestVersion } }", id=world.case_type
    )
    await act(found["caseType"]["latestVersion"])


def examples(count: int) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Run a test with random changes to one registry."""
    chosen = settings(
        max_examples=count,
        deadline=None,
        phases=(Phase.explicit, Phase.reuse, Phase.generate),
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )
    drawn = given(
        acts=st.lists(st.sampled_from(sorted(ACTS)), min_size=1, max_size=3),
        seed=st.integers(0, 2**32),
    )
    return lambda test: chosen(drawn(test))


async def compare_with_whole_responses(world: World, acts: list[str], seed: int) -> None:
    """Read before and after random changes, as several callers: 304 only if nothing differs."""
    chance = random.Random(seed)  # noqa: S311 - no secret
    callers = (world.region, world.clinic_admin, world.staff, world.reviewer, world.other_region)
    reads = chance.sample([(caller, query) for caller in callers for query in OPERATIONS], 10)
    before = [await read(caller, query, world.case_type) for caller, query in reads]
    for act in acts:
        await ACTS[act](world, chance)

    for (caller, query), old in zip(reads, before, strict=True):
        conditional = await read(caller, query, world.case_type, old.headers["etag"])
        whole = await caller.post(query, id=world.case_type)
        if conditional.status_code == 304:
            assert whole.content == old.content, (acts, query)
        else:
            assert conditional.content == whole.content
        if set(acts) <= {"nothing", "name"}:
            assert conditional.status_code == 304, (acts, query)


async def test_after_each_act_304_is_returned_only_if_the_whole_response_is_equal(
    world: World,
) -> None:
    for act in ACTS:
        await compare_with_whole_responses(world, [act], 1)


@examples(4)
async def test_after_random_acts_304_is_returned_only_if_the_whole_response_is_equal(
    world: World, acts: list[str], seed: int
) -> None:
    await compare_with_whole_responses(world, acts, seed)


@pytest.mark.soak
@pytest.mark.timeout(3600)
@examples(400)
async def test_after_very_many_random_acts_304_is_returned_only_if_the_whole_response_is_equal(
    world: World, acts: list[str], seed: int
) -> None:
    await compare_with_whole_responses(world, acts, seed)
