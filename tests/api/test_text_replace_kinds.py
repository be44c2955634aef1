"""`textReplace` and its undo for each kind that notifies clinics: notifications and origins."""

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
    """The template version that a resident case's latest version derives from.

    Returns:
        That template version, and the blame of the message.
    """
    seen = await look(world.region, SAMPLES["residentCase"], document, ORIGIN)
    [message] = [value for value in seen["blame"] if value.pop("path") == "message"]
    return seen["version"]["derivedFromTemplate"], message


@pytest.mark.parametrize("kind", [name for name, sample in SAMPLES.items() if sample.notifies])
async def test_clinics_of_the_principal_are_notified_of_the_change_and_of_its_undo(
    world: World, kind: str
) -> None:
    sample = SAMPLES[kind]
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

    assert [entry["document"] for entry in done["documents"]] == [
        {"id": document, "latestVersion": 2, "publishedVersion": 2}
    ]
    assert [entry["document"] for entry in undone["documents"]] == [
        {"id": document, "latestVersion": 3, "publishedVersion": 3}
    ]
    transitions = [("PUBLISHED", None, 1), ("PUBLISHED", 1, 2), ("RESTORED", 2, 3)]
    notifications = [
        {"action": action, "fromVersion": old, "toVersion": new, "residentVisible": sample.shown}
        for action, old, new in transitions
    ]
    for clinic in (BJORKEN, LINDEN):
        assert await inbox(world.region, clinic, document) == notifications
    assert await inbox(world.other_region, UPPSALA_CLINIC, document) == []
    seen = await look(
        world.staff,
        sample,
        document,
        "compare(from: 1, to: 3) { changes { path } } verify { intact versions }",
    )
    assert seen == {"compare": {"changes": []}, "verify": {"intact": True, "versions": 3}}


async def test_the_origin_of_a_resident_case_follows_its_content_through_every_change(
    world: World,
) -> None:
    template = SAMPLES["residentCaseTemplate"]
    national = await made(world.national, template, INERA, publish=True)
    created = {
        "owner": STOCKHOLM,
        "content": {"name": "Frågor", "internalName": "Frågor"},
        "fromTemplate": {"id": national},
    }
    document = (await world.region.done("residentCaseCreate", "residentCase { id }", **created))[
        "residentCase"
    ]["id"]
    update = {
        "id": national,
        "expectedVersion": 1,
        "content": template.with_text("Ny **text**."),
        "publish": True,
    }
    await world.national.done("residentCaseTemplateUpdate", "event { id }", **update)

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


async def test_clinics_are_notified_of_a_replacement_in_a_notice_and_of_its_undo(
    world: World,
) -> None:
    created = await world.region.done(
        "noticeCreate", "notice { id }", owner=STOCKHOLM, content=dict(SAMPLES["notice"].content)
    )
    notice = created["notice"]["id"]
    await world.region.done(
        "documentPublish", "event { id }", id=notice, version=1, expectedVersion=1
    )

    replaced = await world.region.done(
        "textReplace",
        "batch",
        owner=STOCKHOLM,
        find="Tidbokningen",
        replace="Bokningen",
        publish=True,
    )
    await world.region.done("textReplaceUndo", "batch", batch=replaced["batch"])

    inbox = (
        "query($clinic: HsaId!) { clinic(hsaId: $clinic) { notifications { edges { node {"
        " fromVersion toVersion document { id name } } } } } }"
    )
    for clinic in (BJORKEN, LINDEN):
        edges = (await world.region.ask(inbox, clinic=clinic))["clinic"]["notifications"]["edges"]
        transitions = [
            (edge["node"]["fromVersion"], edge["node"]["toVersion"])
            for edge in edges
            if edge["node"]["document"]["id"] == notice
        ]
        assert transitions == [(2, 3), (1, 2), (None, 1)]
    content = (
        await world.staff.ask(
            "query($id: ID!) { notice(id: $id) { name content { name } } }", id=notice
        )
    )["notice"]
    assert content["name"] == content["content"]["name"] == SAMPLES["notice"].content["name"]
