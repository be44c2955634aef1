"""An export has the rows that GraphQL answers for the same question: of every viewer, for every
filter, at every moment.
"""

from datetime import datetime, timedelta
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from store.records import Action, AssignmentOrigin, ClinicStatus, OwnerKind
from tests.callers import BJORKEN, INERA, LINDEN, STOCKHOLM, UPPSALA, UPPSALA_CLINIC, Caller
from tests.exporting import GRANEN, exported, fetched, live_through
from tests.kinds import SAMPLES
from tests.life import made
from tests.life import written as written_on
from tests.world import CONTENT, World

VIEWERS = ("region", "other_region", "clinic_admin", "staff", "reviewer", "reporter", "national")
CLINICS = (BJORKEN, LINDEN, GRANEN, UPPSALA_CLINIC, BJORKEN.lower(), "SE2321000016-NONE")
LIVED: dict[int, tuple[dict[str, str], list[datetime]]] = {}
often = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)

ACTOR = "{ role unit system employeeHsaId }"


async def lived(world: World) -> tuple[dict[str, str], list[datetime]]:
    """The world after a long history, made with the first example; the ids in it, and a moment
    after each act.
    """
    if id(world) not in LIVED:
        LIVED.clear()
        ids = await live_through(world)
        made = await world.other_region.done(
            "caseTypeCreate", "caseType { id }", owner=UPPSALA, content=CONTENT
        )
        ids["theirs"] = made["caseType"]["id"]
        await world.other_region.done(
            "documentPublish", "event { id }", id=ids["theirs"], version=1, expectedVersion=1
        )
        await world.other_region.done(
            "caseTypeDistribute", "clinics", caseType=ids["theirs"], to={"hsaIds": [UPPSALA_CLINIC]}
        )
        events = await world.api.store.history.after(STOCKHOLM, 0, limit=1000)
        LIVED[id(world)] = (
            ids,
            [events[0].at - timedelta(seconds=1), *(event.at for event in events)],
        )
    return LIVED[id(world)]


def written(time: datetime) -> str:
    return time.isoformat(timespec="milliseconds").replace("+00:00", "Z")


async def paged(
    caller: Caller, query: str, path: tuple[str, ...], variables: dict[str, Any]
) -> list[dict[str, Any]] | str:
    """All nodes of a connection; or the code that it is refused with."""
    found: list[dict[str, Any]] = []
    after = None
    while True:
        body = (await caller.post(query, **variables, after=after)).json()
        if "errors" in body:
            code: str = body["errors"][0]["extensions"]["code"]
            return code
        here = body["data"]
        for step in path:
            here = here[step]
        found += [edge["node"] for edge in here["edges"]]
        if not here["pageInfo"]["hasNextPage"]:
            return found
        after = here["pageInfo"]["endCursor"]


async def answered(
    caller: Caller, name: str, parameters: dict[str, Any]
) -> list[dict[str, Any]] | str:
    """The rows of an export; or the code that it is refused with."""
    answer = await fetched(caller, f"{name}.ndjson", **parameters)
    if answer.status_code != 200:
        code: str = answer.json()["code"]
        return code
    return await exported(caller, name, **parameters)


def actor(row: dict[str, Any], prefix: str) -> dict[str, Any]:
    return {
        "role": row[f"{prefix}Role"],
        "unit": row[f"{prefix}Unit"],
        "system": row[f"{prefix}System"],
        "employeeHsaId": row[f"{prefix}Person"],
    }


# ------------------------------------------------------------------ assignments

ASSIGNMENTS = f"""query($filter: AssignmentFilter, $asOf: DateTime, $at: DateTime!, $after: String) {{
    assignments(filter: $filter, asOf: $asOf, first: 100, after: $after) {{ pageInfo {{ hasNextPage endCursor }} edges {{ node {{
        id origin since until active acknowledgedVersion by {ACTOR} clinic {{ hsaId name principal {{ hsaId }} }}
        caseType {{ id name internalName state scope versionAt(time: $at) {{ number content {{ name internalName }} }} }} }} }} }} }}"""


@often
@given(st.data())
async def test_assignments(world: World, data: st.DataObject) -> None:
    ids, moments = await lived(world)
    caller = getattr(world, data.draw(st.sampled_from(VIEWERS)))
    documents = [*ids.values(), world.template, "ct_none"]
    chosen = data.draw(
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
        chosen.pop(
            "behindOnly", None
        )  # the two don't go together: an export says so even where nothing could match
    at = as_of or moments[-1] + timedelta(days=1)

    variables = {"filter": chosen, "asOf": written(as_of) if as_of else None, "at": written(at)}
    expected = await paged(caller, ASSIGNMENTS, ("assignments",), variables)
    parameters = {
        name: str(value).lower() if isinstance(value, bool) else value
        for name, value in chosen.items()
    }
    got = await answered(
        caller, "assignments", parameters | ({"asOf": written(as_of)} if as_of else {})
    )

    if expected == "WHOSE_LOG" and isinstance(got, list):
        return  # exports answer of several logs at once, each as it was
    assert isinstance(got, list) == isinstance(expected, list), (expected, got)
    if not isinstance(expected, list) or not isinstance(got, list):
        assert got == expected
        return
    now = as_of is None
    assert sorted(
        (
            row["id"], row["clinic"], row["principal"], row["caseType"], row["origin"], row["since"], row["until"], row["acknowledgedVersion"],
            row["scope"], str(actor(row, "by")), row["publishedVersion"], row["caseTypeName"], row["internalName"],
            *((row["clinicName"], row["state"], row["active"]) if now else ()),
        )
        for row in got
    ) == sorted(
        (
            node["id"], node["clinic"]["hsaId"], node["clinic"]["principal"]["hsaId"], node["caseType"]["id"], node["origin"], node["since"],
            node["until"], node["acknowledgedVersion"], node["caseType"]["scope"], str(node["by"]), node["caseType"]["versionAt"]["number"],
            node["caseType"]["versionAt"]["content"]["name"], node["caseType"]["versionAt"]["content"]["internalName"],
            *((node["clinic"]["name"], node["caseType"]["state"], node["active"]) if now else ()),
        )
        for node in expected
    )  # fmt: skip


# ------------------------------------------------------------------ events

EVENTS = f"""query($principal: HsaId!, $filter: EventFilter, $after: String) {{ principal(hsaId: $principal) {{
    events(filter: $filter, first: 50, after: $after) {{ pageInfo {{ hasNextPage endCursor }} edges {{ node {{
        id cursor sequence action version at note requestId export person actor {ACTOR} principal {{ hsaId }}
        document {{ id __typename }} group {{ id }} clinics(first: 100) {{ edges {{ node {{ hsaId }} }} }} }} }} }} }} }}"""


@often
@given(st.data())
async def test_events(world: World, data: st.DataObject) -> None:
    ids, moments = await lived(world)
    caller = getattr(world, data.draw(st.sampled_from(VIEWERS)))
    principal = data.draw(st.sampled_from((STOCKHOLM, UPPSALA)))
    chosen = data.draw(
        st.fixed_dictionaries(
            # Each export is an act itself: GraphQL is asked first, and of what was before.
            {"until": st.sampled_from(moments).map(written)},
            optional={
                "actions": st.lists(
                    st.sampled_from(list(map(str, Action))), min_size=1, max_size=4
                ),
                "document": st.sampled_from(list(ids.values())),
                "clinic": st.sampled_from(CLINICS),
                "actor": st.sampled_from((f"{STOCKHOLM}-RA", f"{BJORKEN}", STOCKHOLM)),
                "since": st.sampled_from(moments).map(written),
            },
        )
    )

    expected = await paged(
        caller, EVENTS, ("principal", "events"), {"principal": principal, "filter": chosen}
    )
    parameters = {
        "action" if name == "actions" else name: (
            ",".join(value) if isinstance(value, list) else value
        )
        for name, value in chosen.items()
    }
    got = await answered(caller, "events", parameters | {"principal": principal})

    if not isinstance(expected, list) or not isinstance(got, list):
        assert got == expected
        return
    kinds = {"CASE_TYPE": "CaseType", "LOCAL_ADAPTATION": "LocalAdaptation", None: None}
    assert [
        {
            **{
                name: row[name]
                for name in (
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
            },
            "actor": actor(row, "actor"),
            "principal": {"hsaId": row["principal"]},
            "document": (
                {"id": row["document"], "__typename": kinds[row["kind"]]}
                if row["document"]
                else None
            ),
            "group": {"id": row["group"]} if row["group"] else None,
            "clinics": {"edges": [{"node": {"hsaId": clinic}} for clinic in row["clinics"]]},
        }
        for row in reversed(got)
    ] == expected


# ------------------------------------------------------------------ clinics

SAME = (
    "id", "hsaId", "name", "publicName", "status", "management", "countyCode", "municipalityCode", "location", "telephoneNumber",
    "financingOrganizations", "startDate", "endDate",
)  # fmt: skip
CODED = ("businessClassifications", "businessTypes", "careTypes")
ALL_CLINICS = f"""query($filter: ClinicFilter, $after: String) {{ clinics(filter: $filter, first: 100, after: $after) {{
    pageInfo {{ hasNextPage endCursor }} edges {{ node {{
        {" ".join(SAME)} {" ".join(f"{name} {{ code }}" for name in CODED)} principal {{ hsaId }} }} }} }} }}"""


@often
@given(st.data())
async def test_clinics(world: World, data: st.DataObject) -> None:
    ids, _ = await lived(world)
    caller = getattr(world, data.draw(st.sampled_from(VIEWERS)))
    chosen = data.draw(
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

    expected = await paged(caller, ALL_CLINICS, ("clinics",), {"filter": chosen})
    got = await answered(
        caller,
        "clinics",
        {
            name: ",".join(value) if isinstance(value, list) else value
            for name, value in chosen.items()
        },
    )

    if not isinstance(expected, list) or not isinstance(got, list):
        assert got == expected
        return
    assert got == sorted(
        (
            {name: node[name] for name in SAME}
            | {name: [one["code"] for one in node[name]] for name in CODED}
            | {"principal": node["principal"]["hsaId"]}
            for node in expected
        ),
        key=lambda node: node["id"],
    )


# ------------------------------------------------------------------ versions, adoption

VERSION = f"""id number createdAt note hash previousHash restoredFrom author {ACTOR} derivedFrom {{ template {{ id }} version }}
    content {{ name internalName }}"""
DOCUMENTS = f"""query($after: String) {{ %s(filter: {{ state: [DRAFT, ACTIVE, INACTIVE, ARCHIVED] }}, first: 5, after: $after) {{
    pageInfo {{ hasNextPage endCursor }} edges {{ node {{ id owner {{ ... on Principal {{ hsaId }} ... on Clinic {{ hsaId }} }}
    versions(first: 100) {{ edges {{ node {{ {VERSION} }} }} }} }} }} }} }}"""


async def test_versions(world: World) -> None:
    await lived(world)

    for name in VIEWERS:
        caller = getattr(world, name)
        expected = []
        for kind in ("caseTypes", "caseTypeTemplates"):
            found = await paged(caller, DOCUMENTS % kind, (kind,), {})
            assert isinstance(found, list)
            expected += [
                (one["id"], edge["node"])
                for one in found
                for edge in one["versions"]["edges"]
                if name == "national" or kind == "caseTypes"
            ]
        got = await exported(caller, "versions")

        assert sorted(
            (
                row["document"],
                row["number"],
                str(
                    {
                        key: row[key]
                        for key in (
                            "id",
                            "createdAt",
                            "note",
                            "hash",
                            "previousHash",
                            "restoredFrom",
                        )
                    }
                    | actor(row, "author")
                ),
                str(
                    {"template": {"id": row["template"]}, "version": row["templateVersion"]}
                    if row["template"]
                    else None
                ),
                row["name"],
                row["internalName"],
            )
            for row in got
            if row["kind"] != "LOCAL_ADAPTATION"
        ) == sorted(
            (
                document,
                node["number"],
                str(
                    {
                        key: node[key]
                        for key in (
                            "id",
                            "createdAt",
                            "note",
                            "hash",
                            "previousHash",
                            "restoredFrom",
                        )
                    }
                    | node["author"]
                ),
                str(node["derivedFrom"]),
                node["content"]["name"],
                node["content"]["internalName"],
            )
            for document, node in expected
        ), name


EVERY_KIND = """query($after: String) { %s(filter: { state: [DRAFT, ACTIVE, INACTIVE, ARCHIVED] }, first: 20, after: $after) {
    pageInfo { hasNextPage endCursor } edges { node { __typename id
    owner { ... on Principal { hsaId } ... on Clinic { hsaId principal { hsaId } } }
    versions(first: 100) { edges { node { id hash note content { name internalName } } } } } } } }"""


async def test_versions_of_every_kind(world: World) -> None:
    """Drafts, what is in force with a draft on top, and clinics' own; of what everyone reads
    (guidance, notices) a file has its principals' only.
    """
    owners = (
        (world.region, STOCKHOLM),
        (world.other_region, UPPSALA),
        (world.national, INERA),
        (world.region, LINDEN),
        (world.region, BJORKEN),
    )
    for sample in SAMPLES.values():
        for caller, owner in owners:
            if owner in (STOCKHOLM, UPPSALA, INERA) or OwnerKind.CLINIC in sample.owners:
                document = await made(caller, sample, owner, publish=True)
                await written_on(caller, sample, document, 1, "Ett utkast.", note="Utkast")
                await made(caller, sample, owner, name="Bara utkast")

    for name, own in {
        **dict.fromkeys(VIEWERS, STOCKHOLM),
        "other_region": UPPSALA,
        "national": None,
    }.items():
        caller = getattr(world, name)
        expected = []
        for sample in SAMPLES.values():
            found = await paged(caller, EVERY_KIND % sample.many, (sample.many,), {})
            assert isinstance(found, list)
            for one in found:
                principal = one["owner"].get("principal", one["owner"])["hsaId"]
                if own in (None, principal):
                    told = [edge["node"] for edge in one["versions"]["edges"]]
                    expected += [
                        (sample.name, principal, one["owner"]["hsaId"], one["id"], str(version))
                        for version in told
                    ]
        got = await exported(caller, "versions")

        assert sorted(
            (
                row["kind"],
                row["principal"],
                row["owner"],
                row["document"],
                str(
                    {
                        **{key: row[key] for key in ("id", "hash", "note")},
                        "content": {key: row["content"][key] for key in ("name", "internalName")},
                    }
                ),
            )
            for row in got
        ) == sorted(expected), name
        kinds = {row["kind"] for row in got}
        assert kinds == ({sample.name for sample in SAMPLES.values()}), name


ADOPTION = """query($after: String) { caseTypes(filter: { scope: CENTRAL, state: [ACTIVE, INACTIVE, ARCHIVED] }, first: 100, after: $after) {
    pageInfo { hasNextPage endCursor } edges { node { id name state publishedVersion
    adoption { unseen byVersion { version clinics since } } } } } }"""


async def test_adoption(world: World) -> None:
    await lived(world)

    for name in VIEWERS:
        caller = getattr(world, name)
        expected = await paged(caller, ADOPTION, ("caseTypes",), {})
        assert isinstance(expected, list)
        got = await exported(caller, "adoption")

        rows = [
            (
                row["caseType"],
                row["caseTypeName"],
                row["state"],
                row["publishedVersion"],
                row["version"],
                row["clinics"],
                row["behindSince"],
            )
            for row in got
        ]
        told = []
        for node in expected:
            head = (node["id"], node["name"], node["state"], node["publishedVersion"])
            told += [
                (*head, one["version"], one["clinics"], one["since"])
                for one in node["adoption"]["byVersion"]
            ]
            told.append((*head, None, node["adoption"]["unseen"], None))
        assert sorted(rows, key=str) == sorted(told, key=str), name
