"""The table of permissions: the expected outcome of every root field for every caller.

A root field without a row here fails a test.
"""

import asyncio
from typing import Any

from store.records import Role
from tests.callers import BJORKEN, LINDEN, STOCKHOLM, Caller, Json
from tests.kinds import SAMPLES
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
    """Outcomes in the order of `CALLERS`; `nobody` must always sign in."""
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
    QUERIES[_kind.query] = (
        f"query(${_kind.query}: ID!) {{ {_kind.query}(id: ${_kind.query}) {{ id }} }}",
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
"""In an order in which the permitted callers can do all of them."""

for _kind in OTHER_KINDS:
    MUTATIONS[f"{_kind.query}Create"] = ({"owner": STOCKHOLM, "content": _kind.content}, OWNER)
    MUTATIONS[f"{_kind.query}Update"] = (
        {"id": f"${_kind.query}", "expectedVersion": 1, "content": {"internalName": "Nytt"}},
        HIDDEN_DRAFT,
    )

SECOND_CALL_BY_THE_REGION: dict[str, Json] = {
    "caseTypeFollow": {"clinic": LINDEN},
    "localAdaptationSave": {"expectedVersion": 1, "standardReplies": []},
    "caseTypesReorder": {"list": "CONTACT_CARD"},
    "caseTypeUnfollow": {"clinic": LINDEN},
}
"""How the region's input differs where the clinic made the call first.

The same input again would change nothing.
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
    """The caller with a name of `CALLERS`."""
    if name == "nobody":
        return world.api.nobody()
    if name == "stranger":
        return world.api.caller(Role.CLINIC_STAFF, "SE2321000016-9Z99")
    if name == "wrong_clinic":
        return world.api.caller(Role.LOCAL_ADMINISTRATOR, LINDEN)
    caller: Caller = getattr(world, name)
    return caller


async def made(world: World) -> dict[str, str]:
    """Create a document of each kind, and return the ids by name.

    The case type is published, and its template has a newer version. The other documents are
    drafts of the region. One role is granted.
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
        kind.query: (
            await world.region.done(
                f"{kind.query}Create",
                f"{kind.query} {{ id }}",
                owner=STOCKHOLM,
                content=dict(kind.content),
            )
        )[kind.query]["id"]
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
    """An input in which ids replace the `$names`."""
    if isinstance(value, dict):
        return {name: filled(item, ids) for name, item in value.items()}
    if isinstance(value, list):
        return [filled(item, ids) for item in value]
    return ids[value[1:]] if isinstance(value, str) and value.startswith("$") else value


async def batch(world: World) -> str:
    """The id of a text replacement in a draft that no other call changes."""
    await world.draft({"name": "Orörd", "internalName": "Orörd"})
    done = await world.region.done(
        "textReplace", "batch", owner=STOCKHOLM, find="Orörd", replace="Berörd"
    )
    found: str = done["batch"]
    return found


async def open_subscription(world: World) -> str:
    """The id of the only open subscription."""
    async with asyncio.timeout(10):
        while not (
            edges := (await world.region.ask(QUERIES["activeSubscriptions"][0]))[
                "activeSubscriptions"
            ]["edges"]
        ):
            pass
    subscription: str = edges[0]["node"]["id"]
    return subscription
