"""Shared payloads are equal to payloads made for one subscriber.

Tested with many selections and viewers, live and from the log.
"""

import asyncio
from contextlib import AsyncExitStack
from typing import Any

import pytest

from store.records import Role
from tests.callers import BJORKEN, LINDEN, STOCKHOLM, Caller, Json
from tests.world import CONTENT, World

SELECTIONS = [
    "id cursor action fromVersion toVersion residentVisible at note __typename",
    "clinic { hsaId }",
    (
        "clinic { id name publicName management startDate location __typename } other: clinic {"
        " navn: name }"
    ),
    "clinic { hsaId status principal { name } businessClassifications { code name } }",
    "clinic { startPage { position caseType { name } html } unacknowledgedCount }",
    "acknowledgedAt acknowledgedBy { role unit name } toVersion",
    "by { role unit unitName name employeeHsaId system }",
    "changes { kind path label before after residentVisible text { kind text } }",
    (
        "document { id name internalName state latestVersion publishedVersion updatedAt owner { ..."
        " on Principal { name } ... on Clinic { name } } }"
    ),
    (
        "document { ...on CaseType { history(first: 3) { totalCount edges { node { action actor {"
        " name role } version } } } versions { totalCount } } }"
    ),
    (
        "document { ... on CaseType { content { name questions { key } } assignments { totalCount"
        " edges { node { clinic { hsaId } } } } } }"
    ),
    """...Named action @skip(if: $yes)
    note @include(if: $yes) } fragment Named on Notification { cursor ...More }
    fragment More on Notification { clinic { hsaId } clinic { name @include(if: $yes) }""",
]
BRACES = 'Procent 100 % och "citat" {{clinic.name}} \\ å 😀 %s %(x)s'


def subscription(selection: str, clinic: str) -> str:
    used = "$yes" in selection
    variables = "$after: Cursor" + (", $yes: Boolean! = true" if used else "")
    return (
        f'subscription({variables}) {{ clinicNotifications(clinics: ["{clinic}"], after: $after) {{'
        f" {braced(selection)}"
    )


def braced(selection: str) -> str:
    """Close the braces of a selection, which may end with the start of a fragment."""
    head, fragment, tail = selection.partition("} fragment")
    return f"{head} }} }} fragment{tail} }}" if fragment else f"{selection} }} }}"


async def newest_from_query(caller: Caller, selection: str, clinic: str) -> Json:
    """The newest notification, from a query."""
    variables = "($yes: Boolean! = true)" if "$yes" in selection else ""
    head, fragment, tail = selection.partition("} fragment")
    end = f"}} }} }} }} }} fragment{tail} }}" if fragment else "} } } } }"
    query = (
        f'query{variables} {{ clinic(hsaId: "{clinic}") {{ notifications(first: 1) {{ edges {{ node'
        f" {{ {head} {end}"
    )
    page = await caller.ask(query)
    node: Json = page["clinic"]["notifications"]["edges"][0]["node"]
    return node


@pytest.mark.parametrize("selection", SELECTIONS)
async def test_every_viewer_receives_what_a_query_returns(world: World, selection: str) -> None:
    start = (await world.distribute(world.case_type, BJORKEN, LINDEN))["event"]["cursor"]
    viewers: list[tuple[Caller, str]] = [
        (world.staff, BJORKEN),
        (world.clinic_admin, BJORKEN),
        (world.api.caller(Role.CLINIC_STAFF, LINDEN), LINDEN),
        (world.region, LINDEN),
        (world.region, BJORKEN),
        (world.reviewer, BJORKEN),
        (world.reporter, LINDEN),
    ]
    async with AsyncExitStack() as stack:
        live = []
        for caller, clinic in viewers * 2:
            socket = await stack.enter_async_context(caller.socket())
            await socket.subscribe(subscription(selection, clinic), after=start)
            await socket.started()
            live.append((caller, clinic, socket))

        await world.edit(
            world.case_type,
            1,
            publish=True,
            note=BRACES,
            introduction=BRACES.replace("{{clinic.name}}", "{{clinic.location}}"),
        )
        delivered = [(await socket.next())["clinicNotifications"] for _, _, socket in live]

        replayed = []
        for caller, clinic, _ in live:
            socket = await stack.enter_async_context(caller.socket())
            await socket.subscribe(subscription(selection, clinic), after=start)
            replayed.append((await socket.next())["clinicNotifications"])
        answers = [await newest_from_query(caller, selection, clinic) for caller, clinic, _ in live]

    assert delivered == answers
    assert replayed == answers


async def test_only_editors_see_a_draft_although_others_share_the_operation(
    world: World,
) -> None:
    own = await world.clinic_admin.done(
        "caseTypeCreate", "caseType { id }", owner=BJORKEN, content=CONTENT
    )
    own_id = own["caseType"]["id"]
    query = subscription("document { latestVersion } toVersion", BJORKEN)
    start = (await world.distribute(world.case_type, BJORKEN))["event"]["cursor"]
    async with world.staff.socket() as staff, world.clinic_admin.socket() as admin:
        for socket in (staff, admin):
            await socket.subscribe(query, after=start)
            await socket.started()
        publication = publication_of(own_id, 1)
        await world.clinic_admin.ask(publication)
        first = [await socket.next() for socket in (staff, admin)]
        await world.clinic_admin.done(
            "caseTypeUpdate",
            "event { id }",
            id=own_id,
            expectedVersion=1,
            content={"introduction": "Utkast"},
        )
        await world.clinic_admin.done(
            "documentDeactivate", "event { id }", id=own_id, expectedVersion=2
        )
        second = [(await socket.next())["clinicNotifications"] for socket in (staff, admin)]

    assert [message["clinicNotifications"]["document"]["latestVersion"] for message in first] == [
        1,
        1,
    ]
    assert [message["document"]["latestVersion"] for message in second] == [1, 2]


def publication_of(document: str, version: int) -> str:
    return (
        f'mutation {{ documentPublish(input: {{ id: "{document}", version: {version},'
        f" expectedVersion: {version} }}) {{ errors {{ code }} }} }}"
    )


async def test_subscribers_with_different_values_of_relevant_variables_share_nothing(
    world: World,
) -> None:
    query = (
        "subscription($after: Cursor, $with: Boolean!) { clinicNotifications(clinics: [%s], after:"
        " $after) { toVersion note @include(if: $with) } }"
    )
    start = (await world.distribute(world.case_type, BJORKEN))["event"]["cursor"]
    async with world.staff.socket() as with_note, world.staff.socket() as without_note:
        for socket, include in ((with_note, True), (without_note, False)):
            await socket.subscribe(query % f'"{BJORKEN}"', **{"after": start, "with": include})
            await socket.started()
        await world.edit(world.case_type, 1, publish=True, note="Varför", introduction="Två.")

        delivered = [
            (await socket.next())["clinicNotifications"] for socket in (with_note, without_note)
        ]

    assert delivered == [{"toVersion": 2, "note": "Varför"}, {"toVersion": 2}]


async def test_a_renamed_clinic_appears_with_its_new_name(world: World) -> None:
    start = (await world.distribute(world.case_type, BJORKEN))["event"]["cursor"]
    async with world.staff.socket() as socket:
        await socket.subscribe(subscription("clinic { name }", BJORKEN), after=start)
        await world.edit(world.case_type, 1, publish=True, introduction="Två.")
        before = await socket.next()
        await world.region.done(
            "clinicsImport",
            "updated",
            principal=STOCKHOLM,
            csv=f"hsaId,name\n{BJORKEN},Vårdcentralen Eken\n",
        )
        await world.edit(world.case_type, 2, publish=True, introduction="Tre.")
        after = await socket.next()

    names = [message["clinicNotifications"]["clinic"]["name"] for message in (before, after)]
    assert names == ["Vårdcentralen Björken", "Vårdcentralen Eken"]


async def test_events_are_shared_by_viewers_who_see_the_same(world: World) -> None:
    selection = (
        "action actor { name } clinics { totalCount } document { name latestVersion } changes {"
        " path }"
    )
    query = f'subscription {{ events(principal: "{STOCKHOLM}") {{ {selection} }} }}'
    callers: list[Any] = [world.region, world.reviewer, world.reporter, world.region]
    async with AsyncExitStack() as stack:
        sockets = [await stack.enter_async_context(caller.socket()) for caller in callers]
        for socket in sockets:
            await socket.subscribe(query)
            await socket.started()
        await world.edit(world.case_type, 1, introduction="Utkast.")

        messages = await asyncio.gather(*(socket.next() for socket in sockets))

    region, reviewer, reporter, again = (message["events"] for message in messages)
    assert region == reviewer == again
    assert region["changes"] == [{"path": "introduction"}]
    assert (region["actor"]["name"], region["document"]["latestVersion"]) == ("Anna Andersson", 2)
    assert (
        reporter["changes"],
        reporter["actor"]["name"],
        reporter["document"]["latestVersion"],
    ) == ([], None, 1)


async def test_a_replay_shows_an_acknowledgement_that_was_made_since(
    world: World,
) -> None:
    start = (await world.distribute(world.case_type, BJORKEN))["event"]["cursor"]
    await world.edit(world.case_type, 1, publish=True, introduction="Två.")
    query = subscription("cursor acknowledgedAt", BJORKEN)
    replayed = []
    async with world.staff.socket() as open_socket:
        await open_socket.subscribe(query, after=start)  # keeps the shared payloads
        await open_socket.next()
        for _ in range(2):
            async with world.staff.socket() as socket:
                await socket.subscribe(query, after=start)
                replayed.append((await socket.next())["clinicNotifications"])
            await world.staff.done(
                "notificationsAcknowledge", "upTo", clinic=BJORKEN, upTo=replayed[0]["cursor"]
            )

    assert [notification["acknowledgedAt"] is not None for notification in replayed] == [
        False,
        True,
    ]
