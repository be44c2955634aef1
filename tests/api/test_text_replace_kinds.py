"""`textReplace` and its undoing over every kind whose documents clinics are told of: what clinics
hear, and where the document comes from.
"""

import pytest

from tests.callers import BJORKEN, INERA, LINDEN, STOCKHOLM, UPPSALA_CLINIC, Json, problems
from tests.kinds import SAMPLES
from tests.life import act, inbox, look, made
from tests.world import World

SELECT = (
    "batch hits event { action } documents { document { id latestVersion publishedVersion }"
    " newVersion published }"
)
ORIGIN = (
    "version { derivedFromTemplate { version latestVersion behind template { id } } } blame { path"
    " level version since }"
)


async def origin_of_message(world: World, document: str) -> tuple[Json, Json]:
    """The template version that a resident case's newest version comes from, and where its message
    does.
    """
    seen = await look(world.region, SAMPLES["residentCase"], document, ORIGIN)
    [message] = [value for value in seen["blame"] if value.pop("path") == "message"]
    return seen["version"]["derivedFromTemplate"], message


@pytest.mark.parametrize("one", [name for name, sample in SAMPLES.items() if sample.told])
async def test_clinics_of_the_principal_hear_of_the_change_and_of_its_undoing(
    world: World, one: str
) -> None:
    sample = SAMPLES[one]
    document = await made(world.region, sample, publish=True, **sample.with_text("Gammalt ord."))

    done = await world.region.done(
        "textReplace", SELECT, owner=STOCKHOLM, find="Gammalt", replace="Nytt", publish=True
    )
    for caller in (
        world.clinic_admin,
        world.staff,
        world.national,
        world.other_region,
        world.reviewer,
        world.reporter,
    ):
        [(code, path)] = problems(await caller.do("textReplaceUndo", "batch", batch=done["batch"]))
        assert path == "batch"
        assert code == (
            "NOT_FOUND"
            if caller is world.other_region and sample.shared != "CENTRAL"
            else "NOT_PERMITTED"
        )
    undone = await world.region.done("textReplaceUndo", SELECT, batch=done["batch"])

    assert [one["document"] for one in done["documents"]] == [
        {"id": document, "latestVersion": 2, "publishedVersion": 2}
    ]
    assert [one["document"] for one in undone["documents"]] == [
        {"id": document, "latestVersion": 3, "publishedVersion": 3}
    ]
    told = [("PUBLISHED", None, 1), ("PUBLISHED", 1, 2), ("RESTORED", 2, 3)]
    heard = [
        {"action": action, "fromVersion": old, "toVersion": new, "residentVisible": sample.shown}
        for action, old, new in told
    ]
    for clinic in (BJORKEN, LINDEN):
        assert await inbox(world.region, clinic, document) == heard
    assert await inbox(world.other_region, UPPSALA_CLINIC, document) == []
    seen = await look(
        world.staff,
        sample,
        document,
        "compare(from: 1, to: 3) { changes { path } } verify { intact versions }",
    )
    assert seen == {"compare": {"changes": []}, "verify": {"intact": True, "versions": 3}}


async def test_a_resident_case_comes_from_where_its_content_does_through_adoption_replacement_undoing_and_restore(
    world: World,
) -> None:
    template = SAMPLES["residentCaseTemplate"]
    national = await made(world.national, template, INERA, publish=True)
    started = {
        "owner": STOCKHOLM,
        "content": {"name": "Frågor", "internalName": "Frågor"},
        "fromTemplate": {"id": national},
    }
    document = (await world.region.done("residentCaseCreate", "residentCase { id }", **started))[
        "residentCase"
    ]["id"]
    renewed = {
        "id": national,
        "expectedVersion": 1,
        "content": template.with_text("Ny **text**."),
        "publish": True,
    }
    await world.national.done("residentCaseTemplateUpdate", "event { id }", **renewed)

    def derived(version: int) -> Json:
        return {
            "version": version,
            "latestVersion": 2,
            "behind": version < 2,
            "template": {"id": national},
        }

    assert await origin_of_message(world, document) == (
        derived(1),
        {"level": "NATIONAL", "version": 1, "since": 1},
    )

    await act(world.region, "documentAdoptTemplate", document, 1)
    assert await origin_of_message(world, document) == (
        derived(2),
        {"level": "NATIONAL", "version": 2, "since": 2},
    )

    done = await world.region.done(
        "textReplace",
        SELECT,
        owner=STOCKHOLM,
        find="Ny",
        replace="Nyare",
        filter={"ids": [document]},
    )
    assert await origin_of_message(world, document) == (
        derived(2),
        {"level": "REGIONAL", "version": 3, "since": 3},
    )

    await world.region.done("textReplaceUndo", SELECT, batch=done["batch"])
    assert await origin_of_message(world, document) == (
        derived(2),
        {"level": "NATIONAL", "version": 2, "since": 4},
    )

    await act(world.region, "documentRestore", document, 4, version=1)
    assert await origin_of_message(world, document) == (
        derived(1),
        {"level": "NATIONAL", "version": 1, "since": 5},
    )
