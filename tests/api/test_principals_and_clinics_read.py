"""Reads principals, clinics by each filter, a clinic's inbox in pages, and the viewer."""

from typing import Any

from store.records import Role
from tests.callers import BJORKEN, LINDEN, STOCKHOLM, UPPSALA, Json
from tests.world import World

CSV = """hsaId;name;businessClassification;businessType;careType;management;countyCode;\
municipalityCode;status
SE2321000016-4A01;Norr;1502|1504;02;01|03;Landsting/Region;01;0180;ACTIVE
SE2321000016-4A02;Söder;1112;01;02;Privat;01;0114;NOT_ACTIVATED
SE2321000016-4A03;Väster;1504;03;01;Privat;03;0380;ARCHIVED
"""
NORTH, SOUTH, WEST = (f"SE2321000016-4A0{number}" for number in (1, 2, 3))
INBOX = """query($after: String, $first: Int, $visible: Boolean, $unread: Boolean) {
  clinic(hsaId: "SE2321000016-1A01") {
    notifications(
        first: $first, after: $after, residentVisibleOnly: $visible, unacknowledgedOnly: $unread
    ) {
        totalCount edges { cursor node { id cursor action fromVersion toVersion } }
        pageInfo { hasNextPage hasPreviousPage endCursor } } } }"""


async def inbox(world: World, **variables: Any) -> Json:
    found: Json = (await world.staff.ask(INBOX, **variables))["clinic"]["notifications"]
    return found


def transitions(page: Json) -> list[tuple[str, int | None, int | None]]:
    return [
        (edge["node"]["action"], edge["node"]["fromVersion"], edge["node"]["toVersion"])
        for edge in page["edges"]
    ]


async def test_clinics_are_selected_by_each_filter(world: World) -> None:
    await world.region.done("clinicsImport", "created", principal=STOCKHOLM, csv=CSV)
    query = (
        'query($f: ClinicFilter) { principal(hsaId: "SE2321000016") { clinics(filter: $f) {'
        " totalCount edges { node { hsaId } } } } }"
    )
    filters: list[tuple[Json, list[str]]] = [
        ({"businessClassifications": ["1112"], "businessTypes": ["01"]}, [SOUTH]),
        ({"businessClassifications": ["1504"], "countyCodes": ["01", "03"]}, [NORTH, WEST]),
        ({"businessTypes": ["02", "03"]}, [NORTH, WEST]),
        ({"careTypes": ["03"]}, [NORTH]),
        ({"careTypes": ["01"]}, [NORTH, WEST]),
        ({"management": ["Privat"]}, [SOUTH, WEST]),
        ({"management": ["privat.*"]}, []),
        ({"countyCodes": ["01"]}, [NORTH, SOUTH]),
        ({"municipalityCodes": ["0114", "0380"]}, [SOUTH, WEST]),
        ({"municipalityCodes": ["0114"], "countyCodes": ["03"]}, []),
        ({"status": ["NOT_ACTIVATED"], "countyCodes": ["01"]}, [SOUTH]),
        ({"status": ["ACTIVE", "ARCHIVED"], "countyCodes": ["01", "03"]}, [NORTH, WEST]),
        ({"status": []}, []),
    ]

    for criteria, expected in filters:
        page = (await world.region.ask(query, f=criteria))["principal"]["clinics"]
        assert ([edge["node"]["hsaId"] for edge in page["edges"]], page["totalCount"]) == (
            expected,
            len(expected),
        ), criteria


async def test_clinics_are_paged_by_hsa_id_without_loss(world: World) -> None:
    query = (
        "query($after: String) { clinics(first: 2, after: $after) { totalCount edges { node { hsaId"
        " } } pageInfo { hasNextPage endCursor } } }"
    )

    pages: list[Json] = []
    after = None
    while not pages or pages[-1]["pageInfo"]["hasNextPage"]:
        pages.append((await world.region.ask(query, after=after))["clinics"])
        after = pages[-1]["pageInfo"]["endCursor"]

    assert [[edge["node"]["hsaId"][-4:] for edge in page["edges"]] for page in pages] == [
        ["1A01", "1A02"],
        ["1A03", "1A04"],
        ["1A05"],
    ]
    assert {page["totalCount"] for page in pages} == {5}


async def test_all_principals_are_listed_by_hsa_id_and_found_in_any_letter_case(
    world: World,
) -> None:
    query = """query($after: String) { principals(first: 8, after: $after) {
        totalCount edges { node { hsaId kind } } pageInfo { hasNextPage endCursor } } }"""

    ids: list[str] = []
    after, more = None, True
    while more:
        page = (await world.staff.ask(query, after=after))["principals"]
        ids += [edge["node"]["hsaId"] for edge in page["edges"]]
        after, more = page["pageInfo"]["endCursor"], page["pageInfo"]["hasNextPage"]
    found = await world.staff.ask(
        '{ lower: principal(hsaId: "se2321000016") { hsaId name kind } none: principal(hsaId:'
        ' "SE0000000000") { name } }'
    )

    assert (len(ids), page["totalCount"]) == (22, 22)
    assert ids == sorted(set(ids))
    assert {STOCKHOLM, UPPSALA} < set(ids)
    assert found == {
        "lower": {"hsaId": STOCKHOLM, "name": "Region Stockholm", "kind": "REGION"},
        "none": None,
    }


async def test_an_inbox_is_paged_newest_first_without_drafts(world: World) -> None:
    await world.distribute(world.case_type, BJORKEN)
    await world.edit(world.case_type, 1, introduction="Utkast.")
    await world.edit(world.case_type, 2, publish=True, introduction="I kraft.")
    await world.edit(world.case_type, 3, publish=True, rationale="Bara för personalen.")
    await world.region.done(
        "documentDeactivate", "event { id }", id=world.case_type, expectedVersion=4
    )

    whole = await inbox(world)
    first = await inbox(world, first=3)
    second = await inbox(world, first=3, after=first["pageInfo"]["endCursor"])
    visible = await inbox(world, visible=True)
    unread = await inbox(world, unread=True)

    expected = [
        ("DEACTIVATED", 4, 4),
        ("PUBLISHED", 3, 4),
        ("PUBLISHED", 1, 3),
        ("DISTRIBUTED", None, 1),
    ]
    assert (
        transitions(whole)
        == transitions(unread)
        == expected
        == transitions(first) + transitions(second)
    )
    assert [page["totalCount"] for page in (whole, first, second, unread)] == [4, 4, 4, 4]
    assert [
        (page["pageInfo"]["hasPreviousPage"], page["pageInfo"]["hasNextPage"])
        for page in (first, second)
    ] == [(False, True), (True, False)]
    assert (transitions(visible), visible["totalCount"]) == ([expected[0], *expected[2:]], 3)


async def test_an_inbox_belongs_to_its_clinic_and_each_notification_is_a_node(world: World) -> None:
    await world.distribute(world.case_type, BJORKEN)
    linden = world.api.caller(Role.CLINIC_STAFF, LINDEN)
    query = (
        "query($id: HsaId!) { clinic(hsaId: $id) { notifications { totalCount edges { node { id } }"
        " } } }"
    )
    [edge] = (await world.staff.ask(query, id=BJORKEN))["clinic"]["notifications"]["edges"]
    node = "query($id: ID!) { node(id: $id) { __typename id } }"

    mine = await world.staff.ask(node, id=edge["node"]["id"])
    others = await linden.ask(node, id=edge["node"]["id"])

    assert mine == {"node": {"__typename": "Notification", "id": edge["node"]["id"]}}
    assert others == {"node": None}
    assert (await linden.ask(query, id=LINDEN))["clinic"]["notifications"]["totalCount"] == 0
    assert await linden.ask(query, id=BJORKEN) == {"clinic": None}


async def test_the_viewer_has_roles_an_actor_a_principal_and_clinics(world: World) -> None:
    query = """{ viewer { roles actor { role unit unitName employeeHsaId } principal { hsaId }
        clinics { totalCount edges { node { hsaId } } } } }"""

    viewer = (await world.staff.ask(query))["viewer"]

    assert viewer == {
        "roles": ["CLINIC_STAFF"],
        "actor": {
            "role": "CLINIC_STAFF",
            "unit": BJORKEN,
            "unitName": "Vårdcentralen Björken",
            "employeeHsaId": "SE2321000016-CS",
        },
        "principal": {"hsaId": STOCKHOLM},
        "clinics": {"totalCount": 1, "edges": [{"node": {"hsaId": BJORKEN}}]},
    }
