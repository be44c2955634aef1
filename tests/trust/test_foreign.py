"""What is foreign answers as what does not exist: the same bytes, whoever asks for it in whichever
way.
"""

import asyncio
import json
from dataclasses import dataclass

import pytest

from tests.api.access_table import (
    CALLERS,
    NAMES,
    OTHER_KINDS,
    batch,
    caller_named,
    filled,
    made,
    open_subscription,
)
from tests.callers import BJORKEN, LINDEN, STOCKHOLM, Caller, Json, operation
from tests.exporting import fetched
from tests.kinds import SAMPLES
from tests.world import World

MISSING_CLINIC = "SE2321000016-9X99"
NEVER = "0" * 24
LONG_AGO = "2024-01-01T00:00:00Z"
EXPORTS = [
    ("assignments.ndjson", "caseType"),
    ("assignments.ndjson", "group"),
    ("versions.ndjson", "document"),
    ("events.ndjson", "document"),
    ("clinics.ndjson", "group"),
    ("adoption.ndjson", "caseType"),
]
"""Exports, and a parameter that takes an id."""
EXPORTS_OF_CLINICS = [
    ("assignments.ndjson", "clinic"),
    ("events.ndjson", "clinic"),
    ("clinics.ndjson", "similarTo"),
]

QUERIES = [
    "query($id: ID!) { node(id: $id) { __typename id } }",
    "query($id: ID!) { nodes(ids: [$id, $id]) { __typename id } }",
    (
        "query($id: ID!) { caseType(id: $id) { name versions { totalCount } history { totalCount"
        " edges { cursor } } version(number: 1) { number } } }"
    ),
    (
        "query($id: ID!) { caseType(id: $id) { compare(from: 1, to: 1) { changes { path } }"
        ' versionAt(time: "2100-01-01T00:00:00Z") { number } } }'
    ),
    (
        "query($id: ID!) { caseTypeTemplate(id: $id) { name versions { totalCount } history {"
        " totalCount } } }"
    ),
    (
        "query($id: ID!) { node(id: $id) { ... on CaseType { name history { totalCount } } ... on"
        " LocalAdaptation { id versions { totalCount } } } }"
    ),
    "query($id: ID!) { caseTypes(filter: { derivedFrom: $id }) { totalCount edges { cursor } } }",
    "query($id: ID!) { assignments(filter: { caseType: $id }) { totalCount edges { cursor } } }",
    "query($id: ID!) { assignments(filter: { group: $id }) { totalCount edges { cursor } } }",
    "query($id: ID!) { clinics(filter: { group: $id }) { totalCount edges { cursor } } }",
    (
        "query($id: ID!) { node(id: $id) { ... on Document { id } ... on Version { number changes {"
        " path } lineage { version { id } } } } }"
    ),
    (
        "query($id: ID!) { caseTypeTemplate(id: $id) { usage { templates caseTypes clinics }"
        " comparison { version places { totalCount } } } }"
    ),
    "query($id: ID!) { templateExport(id: $id) { hash } }",
    "query($id: ID!) { checkTemplateAdoption(id: $id) { toVersion } }",
    "query($id: ID!) { residentCases(filter: { derivedFrom: $id }) { totalCount } }",
    (
        "query($id: ID!) { reports(clinics: { group: $id }) { caseTypesPerClinic { totalCount }"
        " clinicsBehind { totalCount } } }"
    ),
    (
        f'query($id: ID!) {{ reports {{ acknowledgementTimes(from: "{LONG_AGO}", caseType: $id) {{'
        " publications total { pending } } } }"
    ),
    (
        f'query($id: ID!) {{ reports {{ acknowledgementTimes(from: "{LONG_AGO}") {{'
        " byClinicGroup(groups: [$id]) { time { pending } } } } }"
    ),
    (
        f'query($id: ID!) {{ checkDistribution(caseType: $id, to: {{ hsaIds: ["{LINDEN}"] }}) {{'
        " refused { row } } }"
    ),
]
ANY_DOCUMENT = [
    *QUERIES[:2],
    (
        "query($id: ID!) { node(id: $id) { ... on Document { id } ... on Version { number changes {"
        " path } lineage { version { id } } } } }"
    ),
]
ONE_DOCUMENT = (
    "query($id: ID!) {{ {}(id: $id) {{ name versions {{ totalCount }} history {{ totalCount edges"
    " {{ cursor }} }} blame {{ path }} compare(from: 1, to: 1) {{ changes {{ path }} }}"
    " version(number: 1) {{ number changes {{ path }} lineage {{ version {{ id }} }} }} }} }}"
)
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
MUTATIONS: dict[str, Json] = {
    "caseTypeUpdate": {"id": "$it", "expectedVersion": 1, "content": {"name": "Nytt"}},
    "caseTypeTemplateUpdate": {"id": "$it", "expectedVersion": 1, "content": {"name": "Nytt"}},
    "caseTypeCreate": {"owner": BJORKEN, "content": NAMES, "fromTemplate": {"id": "$it"}},
    "documentPublish": {"id": "$it", "version": 1, "expectedVersion": 1},
    "documentActivate": {"id": "$it", "expectedVersion": 1},
    "documentDeactivate": {"id": "$it", "expectedVersion": 1},
    "documentRestore": {"id": "$it", "version": 1, "expectedVersion": 1},
    "documentArchive": {"id": "$it", "expectedVersion": 1},
    "caseTypeDistribute": {"caseType": "$it", "to": {"hsaIds": [LINDEN]}},
    "caseTypeWithdraw": {"caseType": "$it", "from": {"hsaIds": [LINDEN]}},
    "caseTypeFollow": {"caseType": "$it", "clinic": LINDEN},
    "caseTypeUnfollow": {"caseType": "$it", "clinic": LINDEN},
    "caseTypesReorder": {"on": {"clinic": LINDEN}, "order": ["$it"]},
    "residentCaseCreate": {
        "owner": BJORKEN,
        "content": dict(SAMPLES["residentCase"].content),
        "fromTemplate": {"id": "$it"},
    },
    "documentAdoptTemplate": {"id": "$it", "expectedVersion": 1},
    "roleRevoke": {"id": "$it"},
    "subscriptionEnd": {"id": "$it"},
}


@dataclass(frozen=True, slots=True)
class Hidden:
    """Something that is there, another of its sort that is not, and who sees the first; of a
    document of the other kinds its query.
    """

    real: str
    missing: str
    seen_by: frozenset[str]
    one: str | None = None

    @property
    def queries(self) -> list[str]:
        """What may be asked of it."""
        return QUERIES if self.one is None else [*ANY_DOCUMENT, ONE_DOCUMENT.format(self.one)]

    @property
    def mutations(self) -> dict[str, Json]:
        """What may be done to it."""
        if self.one is None:
            return MUTATIONS
        change = {
            f"{self.one}Update": {
                "id": "$it",
                "expectedVersion": 1,
                "content": {"internalName": "Nytt"},
            }
        }
        return change | {
            name: MUTATIONS[name]
            for name in ("documentPublish", "documentArchive", "documentAdoptTemplate")
        }

    @property
    def exports(self) -> list[tuple[str, str]]:
        """The exports that may name it, by which parameter."""
        return EXPORTS if self.one is None else [one for one in EXPORTS if one[1] == "document"]


async def hidden_things(world: World) -> list[Hidden]:
    """One of each sort."""
    ids = await made(world)
    region_only, with_reviewer = frozenset({"region"}), frozenset({"region", "reviewer"})
    here = {"caseType": world.case_type, "clinic": BJORKEN}
    await world.distribute(world.case_type, BJORKEN)
    adapted = await world.clinic_admin.done(
        "localAdaptationSave",
        "localAdaptation { id }",
        **here,
        expectedVersion=0,
        terms=[],
        standardReplies=[{"key": "a", "label": "A", "text": "A"}],
    )
    group = await world.region.done(
        "clinicGroupSave", "clinicGroup { id }", principal=STOCKHOLM, name="Grupp", hsaIds=[BJORKEN]
    )
    [assignment] = (await world.region.ask("{ assignments { edges { node { id } } } }"))[
        "assignments"
    ]["edges"]
    events = (
        f'{{ principal(hsaId: "{STOCKHOLM}") {{ events(first: 1) {{ edges {{ node {{ id }} }} }}'
        " } }"
    )
    event = (await world.region.ask(events))["principal"]["events"]["edges"][0]["node"]["id"]
    notified = (
        f'{{ clinic(hsaId: "{BJORKEN}") {{ notifications(first: 1) {{ edges {{ node {{ id }} }} }}'
        " } }"
    )
    notification = (await world.staff.ask(notified))["clinic"]["notifications"]["edges"][0]["node"][
        "id"
    ]
    log, _, clinic = notification.split(".")
    readers_here = frozenset({"region", "reviewer", "reporter", "staff", "clinic_admin"})
    document = world.case_type.partition("_")[0]
    return [
        Hidden(ids["draft"], f"{document}_{NEVER}", with_reviewer),
        Hidden(f"{ids['draft']}.1", f"{document}_{NEVER}.1", with_reviewer),
        Hidden(ids["template"], f"tpl_{NEVER}", with_reviewer),
        *(
            Hidden(
                ids[kind.one], f"{ids[kind.one].partition('_')[0]}_{NEVER}", with_reviewer, kind.one
            )
            for kind in OTHER_KINDS
        ),
        *(
            Hidden(
                f"{ids[kind.one]}.1",
                f"{ids[kind.one].partition('_')[0]}_{NEVER}.1",
                with_reviewer,
                kind.one,
            )
            for kind in OTHER_KINDS[:1]
        ),
        Hidden(ids["grant"], f"rg_{NEVER}", with_reviewer),
        Hidden(
            adapted["localAdaptation"]["id"],
            f"{adapted['localAdaptation']['id'].partition('_')[0]}_{NEVER}",
            readers_here,
        ),
        Hidden(
            group["clinicGroup"]["id"],
            f"gr_{NEVER}",
            frozenset({"region", "reviewer", "reporter", "national"}),
        ),
        Hidden(assignment["node"]["id"], f"as_{NEVER}", readers_here | {"national"}),
        Hidden(
            event, f"{event.partition('.')[0]}.999999", readers_here - {"staff", "clinic_admin"}
        ),
        Hidden(notification, f"{log}.999999.{clinic}", readers_here),
        Hidden(await open_subscription(world), f"sub_{NEVER}", region_only),
    ]


async def answers_alike(
    caller: Caller, query: str, real: str, missing: str, **more: object
) -> bool:
    """Whether a query about either is answered the same, but for the id itself."""
    told = [
        (await caller.post(query, id=it, **more)).text.replace(it, "IT") for it in (real, missing)
    ]
    return told[0] == told[1]


async def refused_alike(
    caller: Caller, mutation: str, given: Json, real: str, missing: str
) -> bool:
    """The same of a mutation."""
    call = operation(mutation, "event { id }")
    told = [
        (await caller.post(call, input=filled(given, {"it": it}))).text.replace(it, "IT")
        for it in (real, missing)
    ]
    return told[0] == told[1]


async def exported_alike(
    caller: Caller, file: str, parameter: str, real: str, missing: str
) -> bool:
    """The same of an export."""
    told = []
    for it in (real, missing):
        answer = await fetched(caller, file, **{parameter: it})
        unlike = {
            answer.headers["x-request-id"]: "REQUEST",
            it: "IT",
            answer.headers.get("x-export-cursor") or "-": "CURSOR",
        }
        text = answer.text
        for one, name in unlike.items():
            text = text.replace(one, name)
        told.append((answer.status_code, answer.headers.get("x-total-rows"), text))
    return told[0] == told[1]


async def differences(world: World, name: str, thing: Hidden) -> list[tuple[str, Hidden, str]]:
    """The queries and mutations that tell a caller that something is there."""
    caller = caller_named(world, name)
    asked = [answers_alike(caller, query, thing.real, thing.missing) for query in thing.queries]
    tried = [
        refused_alike(caller, mutation, given, thing.real, thing.missing)
        for mutation, given in thing.mutations.items()
    ]
    alike = await asyncio.gather(*asked, *tried)
    # Who reads the log reads of acts on drafts in it, though not what they did.
    exports = [
        one for one in thing.exports if name != "reporter" or not one[0].startswith("events")
    ]
    alike += [
        await exported_alike(caller, *export, thing.real, thing.missing) for export in exports
    ]
    whats = [
        *thing.queries,
        *thing.mutations,
        *(f"{file}?{parameter}" for file, parameter in exports),
    ]
    return [(name, thing, what) for what, same in zip(whats, alike, strict=True) if not same]


@pytest.mark.timeout(300)
async def test_ids_of_foreign_things_answer_as_those_of_nothing(world: World) -> None:
    async with world.staff.socket() as socket:
        await socket.subscribe(
            f'subscription {{ clinicNotifications(clinics: ["{BJORKEN}"]) {{ action }} }}'
        )
        things = await hidden_things(world)
        found = [
            await differences(world, name, thing)
            for thing in things
            for name in CALLERS
            if name not in thing.seen_by
        ]

        assert [(name, thing.real, what) for each in found for name, thing, what in each] == []
        for thing in things:  # else this test would show nothing
            assert (
                await answers_alike(world.region, QUERIES[0], thing.real, thing.missing) is False
            ), thing


async def test_a_foreign_text_change_is_undone_as_none(world: World) -> None:
    changed = await batch(world)
    missing = f"{changed.partition('.')[0]}.{NEVER}"
    alike = {
        name: await refused_alike(
            caller_named(world, name), "textReplaceUndo", {"batch": "$it"}, changed, missing
        )
        for name in CALLERS
        if name != "region"
    }

    assert alike == {
        name: name != "reviewer" for name in alike
    }  # who sees the drafts, but may not edit
    assert [
        one["code"]
        for one in (await world.region.do("textReplaceUndo", "batch", batch=missing))["errors"]
    ] == ["NOT_FOUND"]


async def test_foreign_clinics_answer_as_none(world: World) -> None:
    await world.distribute(world.case_type, BJORKEN)
    different: list[tuple[str, object]] = []
    for name in ("stranger", "wrong_clinic", "other_region"):
        caller = caller_named(world, name)
        different += [
            (name, query)
            for query in CLINICS
            if not await answers_alike(caller, query, BJORKEN, MISSING_CLINIC)
        ]
        different += [
            (name, one)
            for one in EXPORTS_OF_CLINICS
            if not await exported_alike(caller, *one, BJORKEN, MISSING_CLINIC)
        ]
        for call in ("caseTypeFollow", "caseTypeHide", "caseTypeShow"):
            told = [
                (
                    await caller.post(
                        operation(call, "event { id }"),
                        input={"caseType": world.case_type, "clinic": clinic},
                    )
                ).text.replace(clinic, "IT")
                for clinic in (BJORKEN, MISSING_CLINIC)
            ]
            different += [(name, call)] if told[0] != told[1] else []

    assert different == []
    assert not await answers_alike(world.staff, CLINICS[0], BJORKEN, MISSING_CLINIC)


async def test_a_subscription_to_a_foreign_clinic_is_refused_as_one_to_none(world: World) -> None:
    query = "subscription($c: [HsaId!]!) { clinicNotifications(clinics: $c) { action } }"
    for name in ("stranger", "wrong_clinic", "other_region"):
        caller = caller_named(world, name)
        async with caller.socket() as socket:
            told = []
            for clinic in (BJORKEN, MISSING_CLINIC):
                await socket.subscribe(query, c=[clinic])
                told.append(json.dumps(await socket.message()).replace(clinic, "IT"))
        stream = [
            await caller.client.post(
                caller.api.url,
                json={"query": query, "variables": {"c": [clinic]}},
                headers={"authorization": f"Bearer {caller.token}", "accept": "text/event-stream"},
            )
            for clinic in (BJORKEN, MISSING_CLINIC)
        ]

        assert told[0] == told[1]
        assert "NOT_FOUND" in told[0]
        assert stream[0].text.replace(BJORKEN, "IT") == stream[1].text.replace(MISSING_CLINIC, "IT")
