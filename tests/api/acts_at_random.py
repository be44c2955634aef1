"""Random lists of acts on case types at two clinics."""

from collections.abc import Sequence

from hypothesis import strategies as st

from store.records import Role
from tests.callers import BJORKEN, LINDEN, Json
from tests.world import CONTENT, World

CLINICS = (BJORKEN, LINDEN)
ACTS = (
    "publish",
    "republish",
    "draft",
    "distribute",
    "withdraw",
    "follow",
    "unfollow",
    "hide",
    "acknowledge",
    "adapt",
    "local",
    "archive",
    "restore",
)
OWN: Sequence[Json] = (
    {},
    {"introduction": "Eget."},
    {"questions": CONTENT["questions"][:1]},
    {"terms": [], "responseTime": None},
)
"""Content of clinics' own case types that differs from their template."""
lists_of_acts = st.lists(
    st.tuples(st.sampled_from(ACTS), st.integers(0, 1), st.integers(0, 1), st.integers(0, 3)),
    min_size=8,
    max_size=14,
)


async def act(
    world: World,
    case_types: list[str],
    kind: str,
    case_type_index: int,
    clinic_index: int,
    number: int,
) -> str | None:
    """Perform an act if it is possible now; return the time of its event."""
    case_type, clinic = case_types[case_type_index], CLINICS[clinic_index]
    if kind == "acknowledge":
        return await acknowledge(world, clinic, number)
    head = (
        await world.region.ask(
            "query($id: ID!) { caseType(id: $id) { latestVersion } }", id=case_type
        )
    )["caseType"]
    at_clinic = {"caseType": case_type, "clinic": clinic}
    known = {"id": case_type, "expectedVersion": head["latestVersion"]}
    earlier = {**known, "version": min(number + 1, head["latestVersion"])}
    content = {"content": {"introduction": f"Text {head['latestVersion'] + 1}."}}
    clinics = {"hsaIds": [clinic] if number < 2 else list(CLINICS)}
    replies = [{"key": f"r{reply}", "label": "Egen", "text": "Hej"} for reply in range(number)]
    template = {"fromTemplate": {"id": world.template}} if number else {}
    mutation, arguments = {
        "publish": ("caseTypeUpdate", {**known, **content, "publish": True}),
        "draft": ("caseTypeUpdate", {**known, **content}),
        "republish": ("documentPublish", earlier),
        "distribute": ("caseTypeDistribute", {"caseType": case_type, "to": clinics}),
        "withdraw": ("caseTypeWithdraw", {"caseType": case_type, "from": clinics}),
        "follow": ("caseTypeFollow", at_clinic),
        "unfollow": ("caseTypeUnfollow", at_clinic),
        "hide": ("caseTypeHide", at_clinic),
        "adapt": (
            "localAdaptationSave",
            {**at_clinic, "expectedVersion": 0, "standardReplies": replies, "terms": []},
        ),
        "local": (
            "caseTypeCreate",
            {
                "owner": clinic,
                "content": CONTENT | {"name": f"Egen {number}"} | OWN[number],
                **template,
            },
        ),
        "archive": ("documentArchive", known),
        "restore": ("documentRestore", {**earlier, "publish": bool(number % 2)}),
    }[kind]
    if kind == "adapt":
        arguments["expectedVersion"] = await adaptation_version(world, clinic, case_type)
    done = await world.region.do(mutation, "event { at document { id } }", **arguments)
    if kind == "local" and number > 1:
        done = await world.region.done(
            "documentPublish",
            "event { at }",
            id=done["event"]["document"]["id"],
            version=1,
            expectedVersion=1,
        )
    return done["event"]["at"] if done["event"] else None


async def acknowledge(world: World, clinic: str, number: int) -> str | None:
    """Acknowledge the inbox of a clinic except its newest notifications."""
    caller = world.api.caller(Role.CLINIC_STAFF, clinic)
    query = (
        "query($clinic: HsaId!) { clinic(hsaId: $clinic) { notifications(first: 4) { edges { cursor"
        " } } } }"
    )
    notifications = (await caller.ask(query, clinic=clinic))["clinic"]["notifications"]["edges"]
    if not notifications:
        return None
    done = await caller.do(
        "notificationsAcknowledge",
        "event { at }",
        clinic=clinic,
        upTo=notifications[min(number, len(notifications) - 1)]["cursor"],
    )
    return done["event"]["at"] if done["event"] else None


async def adaptation_version(world: World, clinic: str, case_type: str) -> int:
    """The latest version of a clinic's adaptation; 0 without one."""
    query = (
        "query($c: HsaId!, $id: ID!) { clinic(hsaId: $c) { localAdaptation(caseType: $id) {"
        " latestVersion } } }"
    )
    found = (await world.region.ask(query, c=clinic, id=case_type))["clinic"]["localAdaptation"]
    return found["latestVersion"] if found else 0
