"""Who may see and do what: every root field by every caller.

A new root field without a row here fails the first test.
"""

import asyncio
from typing import Any

from store.records import Role
from tests.callers import BJORKEN, LINDEN, STOCKHOLM, UPPSALA, Caller, Json, operation
from tests.kinds import SAMPLES
from tests.storage.building import everything
from tests.world import CONTENT, World

CALLERS = (
    "nobody",
    "stranger",
    "staff",
    "clinic_admin",
    "wrong_clinic",
    "region",
    "other_region",
    "national",
    "reviewer",
    "reporter",
)
NAMES: Json = {"name": "Hemlig", "internalName": "Hemlig"}
NO, YES, DONE = None, True, []  # type: tuple[None, bool, list[str]]
SIGN_IN, DENIED, UNKNOWN = ["UNAUTHENTICATED"], ["NOT_PERMITTED"], ["NOT_FOUND"]


def row(*outcomes: Any) -> dict[str, Any]:
    """Outcomes in the order of `CALLERS`, but for nobody, who is always asked to sign in."""
    return dict(zip(CALLERS, (SIGN_IN, *outcomes), strict=True))


OTHER_KINDS = [
    kind for name, kind in SAMPLES.items() if name not in {"caseType", "caseTypeTemplate"}
]
EVERYONE = row(*[YES] * (len(CALLERS) - 1))
DRAFT_READERS = row(NO, NO, NO, NO, YES, NO, NO, YES, NO)

QUERIES: dict[str, tuple[str, dict[str, Any]]] = {
    "viewer": ("{ viewer { roles } }", EVERYONE | {"stranger": DENIED}),
    "node": ("query($draft: ID!) { node(id: $draft) { id } }", DRAFT_READERS),
    "nodes": ("query($draft: ID!) { nodes(ids: [$draft]) { id } }", DRAFT_READERS),
    "principals": ("{ principals { totalCount } }", row(*[22] * (len(CALLERS) - 1))),
    "principal": (f'{{ principal(hsaId: "{STOCKHOLM}") {{ name }} }}', EVERYONE),
    "clinic": (
        f'{{ clinic(hsaId: "{BJORKEN}") {{ name }} }}',
        row(NO, YES, YES, NO, YES, NO, YES, YES, YES),
    ),
    "clinics": ("{ clinics { totalCount } }", row(0, 1, 1, 1, 5, 1, 6, 5, 5)),
    "caseType": ("query($draft: ID!) { caseType(id: $draft) { id } }", DRAFT_READERS),
    "caseTypes": ("{ caseTypes { totalCount } }", row(0, 1, 1, 1, 2, 0, 1, 2, 1)),
    "caseTypeTemplate": (
        "query($template: ID!) { caseTypeTemplate(id: $template) { id } }",
        DRAFT_READERS,
    ),
    "caseTypeTemplates": ("{ caseTypeTemplates { totalCount } }", row(0, 1, 1, 1, 2, 1, 1, 2, 1)),
    "templateReview": ("{ templateReview { totalCount } }", row(0, 0, 0, 0, 1, 0, 1, 1, 0)),
    "templateExport": (
        "query($template: ID!) { templateExport(id: $template) { hash } }",
        row(UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, YES, UNKNOWN, UNKNOWN, YES, UNKNOWN),
    ),
    "assignments": ("{ assignments { totalCount } }", row(0, 1, 1, 1, 2, 0, 2, 2, 2)),
    "reports": ("{ reports { caseTypesPerClinic { totalCount } } }", EVERYONE),
    "activeSubscriptions": (
        f'{{ activeSubscriptions(principal: "{STOCKHOLM}") {{ edges {{ node {{ id }} }} }} }}',
        row(DENIED, DENIED, DENIED, DENIED, YES, DENIED, DENIED, DENIED, DENIED),
    ),
    "search": ('{ search(text: "hemlig") { totalCount } }', row(0, 0, 0, 0, 2, 0, 0, 2, 0)),
    "checkDistribution": (
        (
            "query($caseType: ID!) { checkDistribution(caseType: $caseType, to: { hsaIds:"
            f' ["{BJORKEN}"] }}) {{ refused {{ row }} }} }}'
        ),
        row(UNKNOWN, DENIED, DENIED, DENIED, YES, UNKNOWN, DENIED, DENIED, DENIED),
    ),
    "checkTemplateAdoption": (
        "query($caseType: ID!) { checkTemplateAdoption(id: $caseType) { toVersion } }",
        row(UNKNOWN, DENIED, DENIED, DENIED, YES, UNKNOWN, DENIED, DENIED, DENIED),
    ),
}

for _kind in OTHER_KINDS:
    QUERIES[_kind.one] = (
        f"query(${_kind.one}: ID!) {{ {_kind.one}(id: ${_kind.one}) {{ id }} }}",
        DRAFT_READERS,
    )
    QUERIES[_kind.many] = (f"{{ {_kind.many} {{ totalCount }} }}", row(0, 0, 0, 0, 1, 0, 0, 1, 0))

HIDDEN_DRAFT = row(UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, DONE, UNKNOWN, UNKNOWN, DENIED, UNKNOWN)
PUBLISHED = row(UNKNOWN, DENIED, DENIED, DENIED, DONE, UNKNOWN, DENIED, DENIED, DENIED)
OWNER = row(DENIED, DENIED, DENIED, DENIED, DONE, DENIED, DENIED, DENIED, DENIED)
AT_CLINIC = row(UNKNOWN, DENIED, DENIED, UNKNOWN, DONE, UNKNOWN, DENIED, DENIED, DENIED)
CLINICS_OWN = AT_CLINIC | {"clinic_admin": DONE}
HERE: Json = {"caseType": "$caseType", "clinic": BJORKEN}
REPLIES: Json = {"standardReplies": [{"key": "egen", "label": "Egen", "text": "Hej"}], "terms": []}

MUTATIONS: dict[str, tuple[Json, dict[str, Any]]] = {
    "caseTypeCreate": ({"owner": STOCKHOLM, "content": NAMES}, OWNER),
    "caseTypeUpdate": (
        {"id": "$caseType", "expectedVersion": 1, "content": {"name": "Nytt"}},
        PUBLISHED,
    ),
    "caseTypeTemplateCreate": ({"owner": STOCKHOLM, "content": NAMES}, OWNER),
    "caseTypeTemplateUpdate": (
        {"id": "$template", "expectedVersion": 1, "content": {"name": "Nytt"}},
        HIDDEN_DRAFT,
    ),
    "templateImport": ({"owner": STOCKHOLM, "file": "$file"}, OWNER),
    "documentPublish": ({"id": "$caseType", "version": 2, "expectedVersion": 2}, PUBLISHED),
    "documentDeactivate": ({"id": "$caseType", "expectedVersion": 2}, PUBLISHED),
    "documentActivate": ({"id": "$caseType", "expectedVersion": 2}, PUBLISHED),
    "caseTypeFollow": (HERE, CLINICS_OWN),
    "localAdaptationSave": (HERE | REPLIES | {"expectedVersion": 0}, CLINICS_OWN),
    "caseTypesReorder": ({"on": {"clinic": BJORKEN}, "order": ["$caseType"]}, CLINICS_OWN),
    "caseTypeUnfollow": (HERE, CLINICS_OWN),
    "caseTypeDistribute": ({"caseType": "$caseType", "to": {"hsaIds": [BJORKEN]}}, PUBLISHED),
    "caseTypeHide": (HERE, AT_CLINIC),
    "caseTypeShow": (HERE, AT_CLINIC),
    "caseTypeWithdraw": ({"caseType": "$caseType", "from": {"hsaIds": [BJORKEN]}}, PUBLISHED),
    "documentRestore": ({"id": "$caseType", "version": 1, "expectedVersion": 2}, PUBLISHED),
    "documentAdoptTemplate": ({"id": "$caseType", "expectedVersion": 3}, PUBLISHED),
    "documentArchive": ({"id": "$draft", "expectedVersion": 1}, HIDDEN_DRAFT),
    "clinicsImport": (
        {"principal": STOCKHOLM, "csv": "hsaId,name\nSE2321000016-2B01,Nya\n"},
        OWNER,
    ),
    "clinicGroupSave": ({"principal": STOCKHOLM, "name": "Grupp", "hsaIds": [BJORKEN]}, OWNER),
    "principalPoliciesSave": ({"principal": STOCKHOLM, "clinicsEdit": False}, OWNER),
    "roleGrant": (
        {"unit": BJORKEN, "role": "CLINIC_STAFF", "employee": f"{STOCKHOLM}-NY"},
        AT_CLINIC,
    ),
    "roleRevoke": ({"id": "$grant"}, HIDDEN_DRAFT),
    "subscriptionEnd": (
        {"id": "$subscription"},
        row(UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, DONE, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN),
    ),
    "notificationsAcknowledge": (
        {"clinic": BJORKEN, "upTo": "$cursor"},
        row(UNKNOWN, DONE, DONE, UNKNOWN, DENIED, UNKNOWN, DENIED, DENIED, DENIED),
    ),
    "textReplace": ({"owner": STOCKHOLM, "find": "Förnya", "replace": "Förläng"}, OWNER),
    "textReplaceUndo": ({"batch": "$batch"}, HIDDEN_DRAFT),
    "personProtect": (
        {"principal": STOCKHOLM, "employee": f"{STOCKHOLM}-NY", "protected": True},
        OWNER,
    ),
}
"""In an order in which those who may can do them all."""
for _kind in OTHER_KINDS:
    MUTATIONS[f"{_kind.one}Create"] = ({"owner": STOCKHOLM, "content": _kind.content}, OWNER)
    MUTATIONS[f"{_kind.one}Update"] = (
        {"id": f"${_kind.one}", "expectedVersion": 1, "content": {"internalName": "Nytt"}},
        HIDDEN_DRAFT,
    )

THEN_BY_THE_REGION: dict[str, Json] = {
    "caseTypeFollow": {"clinic": LINDEN},
    "localAdaptationSave": {"expectedVersion": 1, "standardReplies": []},
    "caseTypesReorder": {"list": "CONTACT_CARD"},
    "caseTypeUnfollow": {"clinic": LINDEN},
}
"""How the region's call differs where the clinic has done its own: the same again would change
nothing.
"""

SUBSCRIPTIONS: dict[str, tuple[str, dict[str, Any]]] = {
    "clinicNotifications": (
        (
            f'subscription($after: Cursor!) {{ clinicNotifications(clinics: ["{BJORKEN}"], after:'
            " $after) { action } }"
        ),
        row(UNKNOWN, YES, YES, UNKNOWN, YES, UNKNOWN, DENIED, YES, YES),
    ),
    "events": (
        (
            f'subscription($after: Cursor!) {{ events(principal: "{STOCKHOLM}", after: $after) {{'
            " action } }"
        ),
        row(DENIED, DENIED, DENIED, DENIED, YES, DENIED, DENIED, YES, YES),
    ),
}


def caller_named(world: World, name: str) -> Caller:
    if name == "nobody":
        return world.api.nobody()
    if name == "stranger":
        return world.api.caller(Role.CLINIC_STAFF, "SE2321000016-9Z99")
    if name == "wrong_clinic":
        return world.api.caller(Role.LOCAL_ADMINISTRATOR, LINDEN)
    caller: Caller = getattr(world, name)
    return caller


async def made(world: World) -> dict[str, str]:
    """Ids: the published case type, whose template has moved on, and, all the region's, drafts of
    one of each kind and a role given.
    """
    await world.national.done(
        "caseTypeTemplateUpdate",
        "event { id }",
        id=world.template,
        expectedVersion=1,
        content={"introduction": "Nytt."},
        publish=True,
    )
    template = await world.region.done(
        "caseTypeTemplateCreate", "caseTypeTemplate { id }", owner=STOCKHOLM, content=NAMES
    )
    file = await world.region.ask(
        "query($id: ID!) { templateExport(id: $id) { file } }",
        id=template["caseTypeTemplate"]["id"],
    )
    grant = await world.region.done(
        "roleGrant",
        "roleGrant { id }",
        unit=BJORKEN,
        role="CLINIC_STAFF",
        employee=f"{STOCKHOLM}-CC",
    )
    others = {
        kind.one: (
            await world.region.done(
                f"{kind.one}Create",
                f"{kind.one} {{ id }}",
                owner=STOCKHOLM,
                content=dict(kind.content),
            )
        )[kind.one]["id"]
        for kind in OTHER_KINDS
    }
    return {
        **others,
        "caseType": world.case_type,
        "draft": await world.draft({**CONTENT, **NAMES}),
        "template": template["caseTypeTemplate"]["id"],
        "grant": grant["roleGrant"]["id"],
        "file": file["templateExport"]["file"],
    }


def filled(value: Any, ids: dict[str, str]) -> Any:
    """An input with its `$names` replaced by ids."""
    if isinstance(value, dict):
        return {name: filled(one, ids) for name, one in value.items()}
    if isinstance(value, list):
        return [filled(one, ids) for one in value]
    return ids[value[1:]] if isinstance(value, str) and value.startswith("$") else value


async def first_cursor(world: World, *, newest: bool = False) -> str:
    query = (
        f"query($id: HsaId!) {{ principal(hsaId: $id) {{ events({'first' if newest else 'last'}: 1)"
        " { edges { cursor } } } }"
    )
    [edge] = (await world.region.ask(query, id=STOCKHOLM))["principal"]["events"]["edges"]
    cursor: str = edge["cursor"]
    return cursor


def outcome(body: Json, field: str) -> Any:
    """Codes of top-level errors, a total, or whether something was answered (None where not)."""
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


async def test_every_query_answers_each_caller_by_right(world: World) -> None:
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


async def test_every_mutation_is_refused_without_a_trace_or_done_by_right(world: World) -> None:
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


async def batch(world: World) -> str:
    """A text change of a draft that nothing else is done to."""
    await world.draft({"name": "Orörd", "internalName": "Orörd"})
    done = await world.region.done(
        "textReplace", "batch", owner=STOCKHOLM, find="Orörd", replace="Berörd"
    )
    found: str = done["batch"]
    return found


async def open_subscription(world: World) -> str:
    """The id of the one subscription that is open."""
    async with asyncio.timeout(10):
        while not (
            edges := (await world.region.ask(QUERIES["activeSubscriptions"][0]))[
                "activeSubscriptions"
            ]["edges"]
        ):
            pass
    subscription: str = edges[0]["node"]["id"]
    return subscription


async def refused_or_done(world: World, ids: dict[str, str]) -> None:
    inputs: dict[str, Json] = {field: filled(given, ids) for field, (given, _) in MUTATIONS.items()}
    before = await everything(world.api.store.database)

    for field, (_, expected) in MUTATIONS.items():
        refused = {
            name: await codes(caller_named(world, name), field, inputs[field])
            for name in CALLERS
            if expected[name] != DONE
        }
        assert refused == {name: wanted for name, wanted in expected.items() if wanted != DONE}, (
            field
        )
    assert await everything(world.api.store.database) == before
    for field, (_, expected) in MUTATIONS.items():
        for name in CALLERS:
            if expected[name] == DONE:
                changed = THEN_BY_THE_REGION.get(field, {}) if name == "region" else {}
                if (field, name) == (
                    "notificationsAcknowledge",
                    "clinic_admin",
                ):  # what the staff have acknowledged need not be again
                    changed = {"upTo": await first_cursor(world, newest=True)}
                assert (
                    await codes(caller_named(world, name), field, inputs[field] | changed) == DONE
                ), (field, name)


async def codes(caller: Caller, field: str, given: Json) -> list[str]:
    """The codes that a call is refused with, as data or top-level; none for what was done."""
    body = (await caller.post(operation(field, "event { id }"), input=given)).json()
    if "errors" in body:
        return [error["extensions"]["code"] for error in body["errors"]]
    if body["data"][field]["errors"]:
        return [error["code"] for error in body["data"][field]["errors"]]
    assert body["data"][field]["event"] is not None
    return []


async def test_every_subscription_answers_each_caller_by_right(world: World) -> None:
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


async def test_what_stands_behind_an_id_is_told_each_caller_by_right(world: World) -> None:
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

    for node, wanted in expected.items():
        asked = {
            name: (
                await caller_named(world, name).post(
                    "query($id: ID!) { node(id: $id) { id } }", id=node
                )
            )
            for name in CALLERS
        }
        assert {
            name: outcome(response.json(), "node") for name, response in asked.items()
        } == wanted, node


READ_DRAFTS = """query($id: ID!, $two: ID!, $ev: ID!, $now: DateTime!) {
    caseType(id: $id) { name latestVersion publishedVersion content { name } version { number } two: version(number: 2) { number }
        versionAt(time: $now) { number } versions { totalCount edges { node { number } } } history { totalCount edges { node { action } } } }
    node(id: $two) { id } nodes(ids: [$two, $ev]) { id }
    caseTypes(filter: { text: "hemlig" }) { totalCount edges { node { id } } } all: caseTypes { edges { node { name latestVersion } } } }"""


async def test_clinics_and_reporters_see_no_drafts_anywhere(world: World) -> None:
    edited = await world.edit(world.case_type, 1, name="Hemlig text")
    asked = {
        "id": world.case_type,
        "two": f"{world.case_type}.2",
        "ev": edited["event"]["id"],
        "now": "2100-01-01T00:00:00Z",
    }

    for caller in (world.staff, world.clinic_admin, world.reporter, world.national):
        response = await caller.post(READ_DRAFTS, **asked)
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
        event = {"id": asked["ev"]} if caller is world.reporter else None  # reporters read the log
        assert (seen["node"], seen["nodes"], seen["caseTypes"]["totalCount"]) == (
            None,
            [None, event],
            0,
        )
        assert seen["all"]["edges"] == [{"node": {"name": "Förnya recept", "latestVersion": 1}}]


async def test_a_comparison_with_a_draft_is_not_found_for_who_sees_no_drafts(world: World) -> None:
    await world.edit(world.case_type, 1, name="Hemlig text")
    compare = (
        "query($id: ID!) { caseType(id: $id) { compare(from: 1, to: 2) { changes { path } } } }"
    )

    for caller in (world.staff, world.clinic_admin, world.reporter, world.national):
        assert await caller.refused(compare, id=world.case_type) == ["NOT_FOUND"]
    for caller in (world.region, world.reviewer):
        found = await caller.ask(compare, id=world.case_type)
        assert found["caseType"]["compare"]["changes"] == [{"path": "name"}]


async def test_reviewers_and_the_region_see_persons_and_others_role_and_unit(world: World) -> None:
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


async def test_a_log_is_read_by_its_administrators_reviewers_and_reporters(world: World) -> None:
    query = "query($id: HsaId!) { principal(hsaId: $id) { events { totalCount } } }"

    for caller in (world.region, world.reviewer, world.reporter):
        assert (await caller.ask(query, id=STOCKHOLM))["principal"]["events"]["totalCount"] == 3
        assert await caller.refused(query, id=UPPSALA) == DENIED
    for caller in (world.staff, world.clinic_admin, world.other_region, world.national):
        assert await caller.refused(query, id=STOCKHOLM) == DENIED
