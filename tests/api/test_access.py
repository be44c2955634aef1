"""Permissions: every root field, called by every caller, has the outcome of the table."""

from typing import Any

from tests.api.access_table import (
    CALLERS,
    DONE,
    HERE,
    MUTATIONS,
    NO,
    QUERIES,
    REPLIES,
    SECOND_CALL_BY_THE_REGION,
    SUBSCRIPTIONS,
    YES,
    batch,
    caller_named,
    filled,
    made,
    open_subscription,
    row,
)
from tests.callers import BJORKEN, LINDEN, STOCKHOLM, Caller, Json, operation
from tests.storage.building import everything
from tests.world import World


async def first_cursor(world: World, *, newest: bool = False) -> str:
    """The cursor of the first event in the region's log, or of the newest."""
    query = (
        f"query($id: HsaId!) {{ principal(hsaId: $id) {{ events({'first' if newest else 'last'}: 1)"
        " { edges { cursor } } } }"
    )
    [edge] = (await world.region.ask(query, id=STOCKHOLM))["principal"]["events"]["edges"]
    cursor: str = edge["cursor"]
    return cursor


def outcome(body: Json, field: str) -> Any:
    """Codes of top-level errors, a total, or True; None if the field is null."""
    if "errors" in body:
        return [error["extensions"]["code"] for error in body["errors"]]
    answer = body["data"][field]
    if isinstance(answer, list):
        [answer] = answer
    if answer is None:
        return None
    return answer.get("totalCount", True)


async def test_every_root_field_has_a_row(world: World) -> None:
    fields = "{ fields { name } }"

    found = (
        await world.region.ask(
            f"{{ __schema {{ queryType {fields} mutationType {fields} subscriptionType {fields}"
            " } }"
        )
    )["__schema"]

    assert {field["name"] for field in found["queryType"]["fields"]} == set(QUERIES)
    assert {field["name"] for field in found["mutationType"]["fields"]} == set(MUTATIONS)
    assert {field["name"] for field in found["subscriptionType"]["fields"]} == set(SUBSCRIPTIONS)


async def test_every_query_returns_to_each_caller_what_the_caller_may_see(world: World) -> None:
    ids = await made(world)
    await world.distribute(world.case_type, BJORKEN, LINDEN)
    before = await everything(world.api.store.database)

    for field, (query, expected) in QUERIES.items():
        used = {name: value for name, value in ids.items() if f"${name}" in query}
        found = {
            name: outcome((await caller_named(world, name).post(query, **used)).json(), field)
            for name in CALLERS
        }
        assert found == expected, field
    assert await everything(world.api.store.database) == before


async def test_every_mutation_is_refused_without_a_write_or_done_by_permission(
    world: World,
) -> None:
    async with world.staff.socket() as socket:
        await socket.subscribe(
            f'subscription {{ clinicNotifications(clinics: ["{BJORKEN}"]) {{ action }} }}'
        )
        ids = await made(world) | {"batch": await batch(world)}
        await refused_or_done(
            world,
            {
                **ids,
                "cursor": await first_cursor(world),
                "subscription": await open_subscription(world),
            },
        )


async def refused_or_done(world: World, ids: dict[str, str]) -> None:
    """Make every call: the refused ones first, which write nothing, then the permitted ones."""
    inputs: dict[str, Json] = {
        field: filled(input_template, ids) for field, (input_template, _) in MUTATIONS.items()
    }
    before = await everything(world.api.store.database)

    for field, (_, expected) in MUTATIONS.items():
        refused = {
            name: await codes(caller_named(world, name), field, inputs[field])
            for name in CALLERS
            if expected[name] != DONE
        }
        assert refused == {
            name: expected_codes
            for name, expected_codes in expected.items()
            if expected_codes != DONE
        }, field
    assert await everything(world.api.store.database) == before
    for field, (_, expected) in MUTATIONS.items():
        for name in CALLERS:
            if expected[name] == DONE:
                changed = SECOND_CALL_BY_THE_REGION.get(field, {}) if name == "region" else {}
                if (field, name) == (
                    "notificationsAcknowledge",
                    "clinic_admin",
                ):  # the staff have acknowledged the first cursor already
                    changed = {"upTo": await first_cursor(world, newest=True)}
                assert (
                    await codes(caller_named(world, name), field, inputs[field] | changed) == DONE
                ), (field, name)


async def codes(caller: Caller, field: str, input: Json) -> list[str]:
    """The error codes of a call, in its payload or at the top level; none if it succeeds."""
    body = (await caller.post(operation(field, "event { id }"), input=input)).json()
    if "errors" in body:
        return [error["extensions"]["code"] for error in body["errors"]]
    if body["data"][field]["errors"]:
        return [error["code"] for error in body["data"][field]["errors"]]
    assert body["data"][field]["event"] is not None
    return []


async def test_every_subscription_is_open_to_permitted_callers_only(world: World) -> None:
    after = await first_cursor(world)
    await world.distribute(world.case_type, BJORKEN)

    for field, (query, expected) in SUBSCRIPTIONS.items():
        found = {}
        for name in CALLERS:
            async with caller_named(world, name).socket() as socket:
                await socket.subscribe(query, after=after)
                message = await socket.message()
            body = (
                message["payload"] if message["type"] == "next" else {"errors": message["payload"]}
            )
            found[name] = outcome({name: value for name, value in body.items() if value}, field)
        assert found == expected, field


async def test_a_node_is_returned_only_to_callers_who_may_see_it(world: World) -> None:
    ids = await made(world)
    await world.distribute(world.case_type, BJORKEN)
    adapted = await world.clinic_admin.done(
        "localAdaptationSave",
        "localAdaptation { id }",
        **filled(HERE | REPLIES | {"expectedVersion": 0}, ids),
    )
    group = await world.region.done(
        "clinicGroupSave", "clinicGroup { id }", principal=STOCKHOLM, name="Grupp", hsaIds=[BJORKEN]
    )
    [assignment] = (await world.region.ask("{ assignments { edges { node { id } } } }"))[
        "assignments"
    ]["edges"]
    expected = {
        ids["grant"]: row(NO, NO, NO, NO, YES, NO, NO, YES, NO),
        group["clinicGroup"]["id"]: row(NO, NO, NO, NO, YES, NO, YES, YES, YES),
        assignment["node"]["id"]: row(NO, YES, YES, NO, YES, NO, YES, YES, YES),
        adapted["localAdaptation"]["id"]: row(NO, YES, YES, NO, YES, NO, NO, YES, YES),
    }

    for node, expected_outcomes in expected.items():
        responses = {
            name: (
                await caller_named(world, name).post(
                    "query($id: ID!) { node(id: $id) { id } }", id=node
                )
            )
            for name in CALLERS
        }
        assert {
            name: outcome(response.json(), "node") for name, response in responses.items()
        } == expected_outcomes, node
