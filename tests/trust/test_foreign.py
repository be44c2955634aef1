"""The response for an object that the caller may not see is the same as for a missing object.

The responses are compared byte by byte, for each caller and each operation that can name the
object.
"""

import asyncio
import json

import pytest

from tests.api.access_table import (
    CALLERS,
    batch,
    caller_named,
    filled,
)
from tests.callers import BJORKEN, Caller, Json, operation
from tests.exporting import fetched
from tests.trust.hidden import MISSING, QUERIES, Hidden, hidden_objects
from tests.world import World

MISSING_CLINIC = "SE2321000016-9X99"
EXPORTS_OF_CLINICS = [
    ("assignments.ndjson", "clinic"),
    ("events.ndjson", "clinic"),
    ("clinics.ndjson", "similarTo"),
]

CLINICS = [
    (
        "query($id: HsaId!) { clinic(hsaId: $id) { name notifications { totalCount } startPage {"
        " __typename } } }"
    ),
    "query($id: HsaId!) { clinics(filter: { similarTo: $id }) { totalCount } }",
    "query($id: HsaId!) { caseTypes(filter: { owner: $id }) { totalCount } }",
    "query($id: HsaId!) { assignments(filter: { clinic: $id }) { totalCount } }",
    (
        "query($id: HsaId!) { reports(clinics: { similarTo: $id }) { caseTypesPerClinic {"
        " totalCount } } }"
    ),
    "query($id: HsaId!) { templateReview(filter: { owner: $id }) { totalCount } }",
]


async def same_result(
    caller: Caller, query: str, real: str, missing: str, **variables: object
) -> bool:
    """Whether a query returns the same for both ids, apart from the id itself."""
    texts = [
        (await caller.post(query, id=id_, **variables)).text.replace(id_, "ID")
        for id_ in (real, missing)
    ]
    return texts[0] == texts[1]


async def same_refusal(
    caller: Caller, mutation: str, arguments: Json, real: str, missing: str
) -> bool:
    """Whether a mutation returns the same for both ids, apart from the id itself."""
    document = operation(mutation, "event { id }")
    texts = [
        (await caller.post(document, input=filled(arguments, {"it": id_}))).text.replace(id_, "ID")
        for id_ in (real, missing)
    ]
    return texts[0] == texts[1]


async def same_export(caller: Caller, file: str, parameter: str, real: str, missing: str) -> bool:
    """Whether an export returns the same for both ids, apart from the ids of object and request.

    The export's cursor may differ too.
    """
    results = []
    for id_ in (real, missing):
        response = await fetched(caller, file, **{parameter: id_})
        may_differ = {
            response.headers["x-request-id"]: "REQUEST",
            id_: "ID",
            response.headers.get("x-export-cursor") or "-": "CURSOR",
        }
        text = response.text
        for value, name in may_differ.items():
            text = text.replace(value, name)
        results.append((response.status_code, response.headers.get("x-total-rows"), text))
    return results[0] == results[1]


async def differences(world: World, name: str, hidden: Hidden) -> list[tuple[str, Hidden, str]]:
    """The operations whose responses reveal to a caller that an object exists."""
    caller = caller_named(world, name)
    queries = [same_result(caller, query, hidden.real, hidden.missing) for query in hidden.queries]
    mutations = [
        same_refusal(caller, mutation, arguments, hidden.real, hidden.missing)
        for mutation, arguments in hidden.mutations.items()
    ]
    same = await asyncio.gather(*queries, *mutations)
    # Callers who may read the log see that drafts were changed, but not how.
    exports = [
        (file, parameter)
        for file, parameter in hidden.exports
        if name != "reporter" or not file.startswith("events")
    ]
    same += [await same_export(caller, *export, hidden.real, hidden.missing) for export in exports]
    operations = [
        *hidden.queries,
        *hidden.mutations,
        *(f"{file}?{parameter}" for file, parameter in exports),
    ]
    compared = zip(operations, same, strict=True)
    return [(name, hidden, document) for document, is_same in compared if not is_same]


@pytest.mark.timeout(300)
async def test_hidden_objects_are_answered_as_missing_ones(world: World) -> None:
    async with world.staff.socket() as socket:
        await socket.subscribe(
            f'subscription {{ clinicNotifications(clinics: ["{BJORKEN}"]) {{ action }} }}'
        )
        objects = await hidden_objects(world)
        found = [
            await differences(world, name, hidden)
            for hidden in objects
            for name in CALLERS
            if name not in hidden.seen_by
        ]

        assert [
            (name, hidden.real, document)
            for differing in found
            for name, hidden, document in differing
        ] == []
        # The objects exist: callers who may see them get another response than for a missing one.
        for hidden in objects:
            same = await same_result(world.region, QUERIES[0], hidden.real, hidden.missing)
            assert same is False, hidden


async def test_the_undo_of_a_hidden_text_change_is_refused_as_that_of_a_missing_one(
    world: World,
) -> None:
    changed = await batch(world)
    missing = f"{changed.partition('.')[0]}.{MISSING}"
    same = {
        name: await same_refusal(
            caller_named(world, name), "textReplaceUndo", {"batch": "$it"}, changed, missing
        )
        for name in CALLERS
        if name != "region"
    }

    # The reviewer may see the drafts, but may not edit them.
    assert same == {name: name != "reviewer" for name in same}
    undone = await world.region.do("textReplaceUndo", "batch", batch=missing)
    assert [error["code"] for error in undone["errors"]] == ["NOT_FOUND"]


async def test_hidden_clinics_are_answered_as_missing_ones(world: World) -> None:
    await world.distribute(world.case_type, BJORKEN)
    different: list[tuple[str, object]] = []
    for name in ("stranger", "wrong_clinic", "other_region"):
        caller = caller_named(world, name)
        different += [
            (name, query)
            for query in CLINICS
            if not await same_result(caller, query, BJORKEN, MISSING_CLINIC)
        ]
        different += [
            (name, export)
            for export in EXPORTS_OF_CLINICS
            if not await same_export(caller, *export, BJORKEN, MISSING_CLINIC)
        ]
        for mutation in ("caseTypeFollow", "caseTypeHide", "caseTypeShow"):
            texts = [
                (
                    await caller.post(
                        operation(mutation, "event { id }"),
                        input={"caseType": world.case_type, "clinic": clinic},
                    )
                ).text.replace(clinic, "ID")
                for clinic in (BJORKEN, MISSING_CLINIC)
            ]
            different += [(name, mutation)] if texts[0] != texts[1] else []

    assert different == []
    assert not await same_result(world.staff, CLINICS[0], BJORKEN, MISSING_CLINIC)


async def test_a_subscription_to_a_hidden_clinic_is_refused_as_one_to_a_missing_clinic(
    world: World,
) -> None:
    query = "subscription($c: [HsaId!]!) { clinicNotifications(clinics: $c) { action } }"
    for name in ("stranger", "wrong_clinic", "other_region"):
        caller = caller_named(world, name)
        async with caller.socket() as socket:
            messages = []
            for clinic in (BJORKEN, MISSING_CLINIC):
                await socket.subscribe(query, c=[clinic])
                messages.append(json.dumps(await socket.message()).replace(clinic, "ID"))
        streams = [
            await caller.client.post(
                caller.api.url,
                json={"query": query, "variables": {"c": [clinic]}},
                headers={"authorization": f"Bearer {caller.token}", "accept": "text/event-stream"},
            )
            for clinic in (BJORKEN, MISSING_CLINIC)
        ]

        hidden, missing = (stream.text for stream in streams)
        assert messages[0] == messages[1]
        assert "NOT_FOUND" in messages[0]
        assert hidden.replace(BJORKEN, "ID") == missing.replace(MISSING_CLINIC, "ID")
