"""`caseTypeUpdate`: versions, conflicts, and equal content."""

from tests.world import World


async def test_an_edit_creates_a_draft_and_leaves_the_published_version(world: World) -> None:
    saved = await world.edit(world.case_type, 1, introduction="Nytt.", note="Kortare text")

    assert saved["caseType"] == {
        "id": world.case_type,
        "latestVersion": 2,
        "publishedVersion": 1,
        "state": "ACTIVE",
    }
    assert saved["version"]["number"] == 2
    assert saved["event"]["action"] == "EDITED"
    seen = (
        await world.staff.ask(
            "query($id: ID!) { caseType(id: $id) { latestVersion content { introduction } } }",
            id=world.case_type,
        )
    )["caseType"]
    assert seen == {
        "latestVersion": 1,
        "content": {"introduction": "Här kan du **förnya** ditt recept."},
    }


async def test_a_stale_save_conflicts_and_shows_who_changed_what_and_when(world: World) -> None:
    await world.edit(world.case_type, 1, introduction="Nytt.")
    before = await world.api.snapshot()

    answer = await world.region.ask(
        """mutation($id: ID!) {
            caseTypeUpdate(input: {
                id: $id, expectedVersion: 1, content: { introduction: "Annat." } }) {
             caseType { id } event { id }
             errors { __typename code path ... on VersionConflict {
                expectedVersion latestVersion at by { name role } changes { path before after } } }
        } }""",
        id=world.case_type,
    )

    payload = answer["caseTypeUpdate"]
    assert payload["caseType"] is None
    assert payload["event"] is None
    [conflict] = payload["errors"]
    assert conflict.pop("at") is not None
    assert conflict == {
        "__typename": "VersionConflict",
        "code": "VERSION_CONFLICT",
        "path": ["expectedVersion"],
        "expectedVersion": 1,
        "latestVersion": 2,
        "by": {"name": "Anna Andersson", "role": "REGIONAL_ADMINISTRATOR"},
        "changes": [
            {
                "path": "introduction",
                "before": "Här kan du **förnya** ditt recept.",
                "after": "Nytt.",
            }
        ],
    }
    assert await world.api.snapshot() == before


async def test_equal_content_creates_no_version_and_no_event(world: World) -> None:
    before = await world.api.snapshot()

    saved = await world.edit(world.case_type, 1, introduction="Här kan du **förnya** ditt recept.")

    assert saved["caseType"]["latestVersion"] == 1
    assert saved["version"]["number"] == 1
    assert saved["event"] is None
    assert await world.api.snapshot() == before
