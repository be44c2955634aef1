"""Who can see drafts, persons and logs."""

from typing import Any

from tests.api.access_table import DENIED
from tests.callers import STOCKHOLM, UPPSALA, Json
from tests.world import World

READ_DRAFTS = """query($id: ID!, $two: ID!, $ev: ID!, $now: DateTime!) {
    caseType(id: $id) { name latestVersion publishedVersion content { name } version { number }
        two: version(number: 2) { number } versionAt(time: $now) { number }
        versions { totalCount edges { node { number } } }
        history { totalCount edges { node { action } } } }
    node(id: $two) { id } nodes(ids: [$two, $ev]) { id }
    caseTypes(filter: { text: "hemlig" }) { totalCount edges { node { id } } }
    all: caseTypes { edges { node { name latestVersion } } } }"""


async def test_clinics_and_reporters_see_no_drafts_anywhere(world: World) -> None:
    edited = await world.edit(world.case_type, 1, name="Hemlig text")
    variables = {
        "id": world.case_type,
        "two": f"{world.case_type}.2",
        "ev": edited["event"]["id"],
        "now": "2100-01-01T00:00:00Z",
    }

    for caller in (world.staff, world.clinic_admin, world.reporter, world.national):
        response = await caller.post(READ_DRAFTS, **variables)
        seen = response.json()["data"]

        assert "Hemlig" not in response.text
        assert seen["caseType"] == {
            "name": "Förnya recept",
            "latestVersion": 1,
            "publishedVersion": 1,
            "content": {"name": "Förnya recept"},
            "version": {"number": 1},
            "two": None,
            "versionAt": {"number": 1},
            "versions": {"totalCount": 1, "edges": [{"node": {"number": 1}}]},
            "history": {"totalCount": 1, "edges": [{"node": {"action": "PUBLISHED"}}]},
        }
        # Reporters read the log.
        event = {"id": variables["ev"]} if caller is world.reporter else None
        assert (seen["node"], seen["nodes"], seen["caseTypes"]["totalCount"]) == (
            None,
            [None, event],
            0,
        )
        assert seen["all"]["edges"] == [{"node": {"name": "Förnya recept", "latestVersion": 1}}]


async def test_callers_who_cannot_see_drafts_cannot_compare_with_a_draft(world: World) -> None:
    await world.edit(world.case_type, 1, name="Hemlig text")
    compare = (
        "query($id: ID!) { caseType(id: $id) { compare(from: 1, to: 2) { changes { path } } } }"
    )

    for caller in (world.staff, world.clinic_admin, world.reporter, world.national):
        assert await caller.refused(compare, id=world.case_type) == ["NOT_FOUND"]
    for caller in (world.region, world.reviewer):
        found = await caller.ask(compare, id=world.case_type)
        assert found["caseType"]["compare"]["changes"] == [{"path": "name"}]


async def test_only_reviewers_and_the_region_see_persons_others_see_role_and_unit(
    world: World,
) -> None:
    query = """query($id: ID!) { caseType(id: $id) {
        version { author { ...who } } history { edges { node { actor { ...who } } } } } }
        fragment who on Actor { name employeeHsaId role unit unitName }"""
    person: Json = {"name": "Anna Andersson", "employeeHsaId": f"{STOCKHOLM}-RA"}
    unit: Json = {
        "role": "REGIONAL_ADMINISTRATOR",
        "unit": STOCKHOLM,
        "unitName": "Region Stockholm",
    }

    for caller, shown in (
        (world.region, person),
        (world.reviewer, person),
        *(
            (caller, dict[str, Any].fromkeys(person))
            for caller in (world.staff, world.clinic_admin, world.reporter, world.national)
        ),
    ):
        seen = (await caller.ask(query, id=world.case_type))["caseType"]
        assert seen["version"]["author"] == shown | unit
        assert [edge["node"]["actor"] for edge in seen["history"]["edges"]] == [shown | unit] * len(
            seen["history"]["edges"]
        )


async def test_only_administrators_reviewers_and_reporters_of_a_principal_read_its_log(
    world: World,
) -> None:
    query = "query($id: HsaId!) { principal(hsaId: $id) { events { totalCount } } }"

    for caller in (world.region, world.reviewer, world.reporter):
        assert (await caller.ask(query, id=STOCKHOLM))["principal"]["events"]["totalCount"] == 3
        assert await caller.refused(query, id=UPPSALA) == DENIED
    for caller in (world.staff, world.clinic_admin, world.other_region, world.national):
        assert await caller.refused(query, id=STOCKHOLM) == DENIED
