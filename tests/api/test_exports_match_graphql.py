"""Exports contain the rows that GraphQL returns for the same query.

Compared are assignments, events and clinics, for every caller, every filter and several times.
"""

from datetime import timedelta
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from store.records import Action, AssignmentOrigin, ClinicStatus
from tests.api.comparing_exports import (
    ACTOR,
    CLINICS,
    VIEWERS,
    actor_of,
    long_history,
    nodes_or_code,
    rows_or_code,
    time_text,
)
from tests.callers import BJORKEN, STOCKHOLM, UPPSALA
from tests.world import World

many_examples = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)

ASSIGNMENTS = f"""query(
    $filter: AssignmentFilter, $asOf: DateTime, $at: DateTime!, $after: String
) {{
    assignments(filter: $filter, asOf: $asOf, first: 100, after: $after) {{
        pageInfo {{ hasNextPage endCursor }} edges {{ node {{
            id origin since until active acknowledgedVersion by {ACTOR}
            clinic {{ hsaId name principal {{ hsaId }} }}
            caseType {{ id name internalName state scope
                versionAt(time: $at) {{ number content {{ name internalName }} }} }} }} }} }} }}"""
ASSIGNMENT_COLUMNS = (
    "id",
    "clinic",
    "principal",
    "caseType",
    "origin",
    "since",
    "until",
    "acknowledgedVersion",
    "scope",
    "publishedVersion",
    "caseTypeName",
    "internalName",
)
"""The columns that are equal to values of GraphQL at every time."""


def id_of(record: dict[str, Any]) -> str:
    """The id, to sort by."""
    record_id: str = record["id"]
    return record_id


def assignment_of_row(row: dict[str, Any], *, now: bool) -> dict[str, Any]:
    """The compared values of a row; some are exported only for the current time."""
    compared = ASSIGNMENT_COLUMNS + (("clinicName", "state", "active") if now else ())
    return {name: row[name] for name in compared} | {"by": actor_of(row, "by")}


def assignment_of_node(node: dict[str, Any], *, now: bool) -> dict[str, Any]:
    """The values of a node under the names of the columns."""
    clinic, case_type = node["clinic"], node["caseType"]
    version = case_type["versionAt"]
    current = {
        "clinicName": clinic["name"],
        "state": case_type["state"],
        "active": node["active"],
    }
    return {
        "id": node["id"],
        "clinic": clinic["hsaId"],
        "principal": clinic["principal"]["hsaId"],
        "caseType": case_type["id"],
        "origin": node["origin"],
        "since": node["since"],
        "until": node["until"],
        "acknowledgedVersion": node["acknowledgedVersion"],
        "scope": case_type["scope"],
        "by": node["by"],
        "publishedVersion": version["number"],
        "caseTypeName": version["content"]["name"],
        "internalName": version["content"]["internalName"],
        **(current if now else {}),
    }


@many_examples
@given(st.data())
async def test_exported_assignments_match_graphql(world: World, data: st.DataObject) -> None:
    ids, moments = await long_history(world)
    caller = getattr(world, data.draw(st.sampled_from(VIEWERS)))
    documents = [*ids.values(), world.template, "ct_none"]
    criteria = data.draw(
        st.fixed_dictionaries(
            {},
            optional={
                "clinic": st.sampled_from(CLINICS),
                "caseType": st.sampled_from(documents),
                "group": st.sampled_from((ids["group"], ids["listed"], "gr_none")),
                "origin": st.sampled_from(list(map(str, AssignmentOrigin))),
                "behindOnly": st.booleans(),
            },
        )
    )
    as_of = data.draw(st.none() | st.sampled_from(moments))
    if as_of is not None:
        # The two cannot be combined: an export is refused even if no row could match.
        criteria.pop("behindOnly", None)
    at = as_of or moments[-1] + timedelta(days=1)

    variables = {
        "filter": criteria,
        "asOf": time_text(as_of) if as_of else None,
        "at": time_text(at),
    }
    expected = await nodes_or_code(caller, ASSIGNMENTS, ("assignments",), variables)
    parameters = {
        name: str(value).lower() if isinstance(value, bool) else value
        for name, value in criteria.items()
    }
    rows = await rows_or_code(
        caller, "assignments", parameters | ({"asOf": time_text(as_of)} if as_of else {})
    )

    if expected == "WHOSE_LOG" and isinstance(rows, list):
        return  # an export covers several logs at once, each as of that time
    assert isinstance(rows, list) == isinstance(expected, list), (expected, rows)
    if not isinstance(expected, list) or not isinstance(rows, list):
        assert rows == expected
        return
    now = as_of is None
    assert sorted((assignment_of_row(row, now=now) for row in rows), key=id_of) == sorted(
        (assignment_of_node(node, now=now) for node in expected), key=id_of
    )


EVENT_COLUMNS = (
    "id",
    "cursor",
    "sequence",
    "action",
    "version",
    "at",
    "note",
    "requestId",
    "export",
    "person",
)
"""The columns that have the names and values of the fields in GraphQL."""
EVENTS = f"""query($principal: HsaId!, $filter: EventFilter, $after: String) {{
    principal(hsaId: $principal) {{ events(filter: $filter, first: 50, after: $after) {{
        pageInfo {{ hasNextPage endCursor }} edges {{ node {{
            {" ".join(EVENT_COLUMNS)} actor {ACTOR} principal {{ hsaId }}
            document {{ id __typename }} group {{ id }}
            clinics(first: 100) {{ edges {{ node {{ hsaId }} }} }} }} }} }} }} }}"""


@many_examples
@given(st.data())
async def test_exported_events_match_graphql(world: World, data: st.DataObject) -> None:
    ids, moments = await long_history(world)
    caller = getattr(world, data.draw(st.sampled_from(VIEWERS)))
    principal = data.draw(st.sampled_from((STOCKHOLM, UPPSALA)))
    criteria = data.draw(
        st.fixed_dictionaries(
            # Each export is an event itself. GraphQL is queried first, for earlier events.
            {"until": st.sampled_from(moments).map(time_text)},
            optional={
                "actions": st.lists(
                    st.sampled_from(list(map(str, Action))), min_size=1, max_size=4
                ),
                "document": st.sampled_from(list(ids.values())),
                "clinic": st.sampled_from(CLINICS),
                "actor": st.sampled_from((f"{STOCKHOLM}-RA", f"{BJORKEN}", STOCKHOLM)),
                "since": st.sampled_from(moments).map(time_text),
            },
        )
    )

    expected = await nodes_or_code(
        caller, EVENTS, ("principal", "events"), {"principal": principal, "filter": criteria}
    )
    parameters = {
        "action" if name == "actions" else name: (
            ",".join(value) if isinstance(value, list) else value
        )
        for name, value in criteria.items()
    }
    rows = await rows_or_code(caller, "events", parameters | {"principal": principal})

    if not isinstance(expected, list) or not isinstance(rows, list):
        assert rows == expected
        return
    kinds = {"CASE_TYPE": "CaseType", "LOCAL_ADAPTATION": "LocalAdaptation", None: None}
    assert [
        {
            **{name: row[name] for name in EVENT_COLUMNS},
            "actor": actor_of(row, "actor"),
            "principal": {"hsaId": row["principal"]},
            "document": (
                {"id": row["document"], "__typename": kinds[row["kind"]]}
                if row["document"]
                else None
            ),
            "group": {"id": row["group"]} if row["group"] else None,
            "clinics": {"edges": [{"node": {"hsaId": clinic}} for clinic in row["clinics"]]},
        }
        for row in reversed(rows)
    ] == expected


CLINIC_COLUMNS = (
    "id",
    "hsaId",
    "name",
    "publicName",
    "status",
    "management",
    "countyCode",
    "municipalityCode",
    "location",
    "telephoneNumber",
    "financingOrganizations",
    "startDate",
    "endDate",
)
"""The columns that have the names and values of the fields in GraphQL."""
CODED = ("businessClassifications", "businessTypes", "careTypes")
"""The columns with lists of codes."""
ALL_CLINICS = f"""query($filter: ClinicFilter, $after: String) {{
    clinics(filter: $filter, first: 100, after: $after) {{
        pageInfo {{ hasNextPage endCursor }} edges {{ node {{
            {" ".join(CLINIC_COLUMNS)} {" ".join(f"{name} {{ code }}" for name in CODED)}
            principal {{ hsaId }} }} }} }} }}"""


@many_examples
@given(st.data())
async def test_exported_clinics_match_graphql(world: World, data: st.DataObject) -> None:
    ids, _ = await long_history(world)
    caller = getattr(world, data.draw(st.sampled_from(VIEWERS)))
    criteria = data.draw(
        st.fixed_dictionaries(
            {},
            optional={
                "text": st.sampled_from(
                    ("vårdcentralen", "BJÖRKEN", "lin", "1A0", "björken vård", "ån")
                ),
                "businessClassifications": st.lists(
                    st.sampled_from(("1502", "1504", "1112", "9999")), min_size=1, max_size=3
                ),
                "countyCodes": st.just(["01"]),
                "group": st.sampled_from((ids["group"], ids["listed"])),
                "similarTo": st.sampled_from(CLINICS),
                "status": st.lists(
                    st.sampled_from(list(map(str, ClinicStatus))), min_size=1, max_size=3
                ),
            },
        )
    )

    expected = await nodes_or_code(caller, ALL_CLINICS, ("clinics",), {"filter": criteria})
    rows = await rows_or_code(
        caller,
        "clinics",
        {
            name: ",".join(value) if isinstance(value, list) else value
            for name, value in criteria.items()
        },
    )

    if not isinstance(expected, list) or not isinstance(rows, list):
        assert rows == expected
        return
    assert rows == sorted(
        (
            {name: node[name] for name in CLINIC_COLUMNS}
            | {name: [coded["code"] for coded in node[name]] for name in CODED}
            | {"principal": node["principal"]["hsaId"]}
            for node in expected
        ),
        key=lambda node: node["id"],
    )
