"""How MongoDB finds what the API asks for: by an index, in an index's order, for every root field
and every act.
"""

import asyncio
import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from graphql import FieldNode, OperationDefinitionNode, parse
from pymongo import monitoring

from schema.registry import schema
from store.mongo.connection import Row
from tests.callers import BJORKEN, LINDEN, STOCKHOLM
from tests.kinds import SAMPLES
from tests.life import act, made
from tests.world import CONTENT, World

CLINICS = [f"{STOCKHOLM}-Q{number:03}" for number in range(150)]
CASE_TYPES = 40
HEAD = "id name state latestVersion publishedVersion updatedAt"
EVENTS = "edges { node { action at actor { name } document { id } } }"

SMALL = {"principals", "logs", "policies", "server_processes", "active_subscriptions"}
"""Collections with a row for each principal, process or open socket: these may be read through."""
THROUGH, IN_MEMORY = "read through", "put in order in memory"
_ALLOWED = {"aggregate", "count", "delete", "distinct", "find", "findAndModify", "update"}
_TOLD = {
    *(
        "aggregate",
        "collation",
        "count",
        "deletes",
        "delete",
        "distinct",
        "fields",
        "filter",
        "find",
        "findAndModify",
        "hint",
        "key",
        "limit",
    ),
    *(
        "new",
        "pipeline",
        "projection",
        "query",
        "remove",
        "skip",
        "sort",
        "update",
        "updates",
        "upsert",
    ),
}

Case = tuple[str, str]
"""Who asks, and the operation; `$document` and the like stand for what the registry holds."""

READS: Mapping[str, Case] = {
    "a case type": (
        "staff",
        (
            f"{{ caseType(id: $document) {{ {HEAD} content {{ questions {{ key }} }} version {{"
            " author { name } } } }"
        ),
    ),
    "its versions and history": (
        "region",
        f"""{{ caseType(id: $document) {{ versions(first: 2) {{ totalCount edges {{ node {{ number author {{ name }} changes {{ path }} }} }} }}
            history(first: 2) {{ totalCount {EVENTS} }} versionAt(time: $now) {{ number }} compare(from: 1, to: 2) {{ changes {{ path }} }}
            two: version(number: 2) {{ derivedFrom {{ behind template {{ name }} }} }} }} }}""",
    ),
    "the same for staff": (
        "staff",
        (
            "{ caseType(id: $document) { versions { edges { node { number } } } history {"
            f" {EVENTS} }} }} }}"
        ),
    ),
    "its clinics": (
        "region",
        (
            "{ caseType(id: $document) { assignments(first: 5) { totalCount edges { node { clinic {"
            " name } since } } } } }"
        ),
    ),
    "its adoption": (
        "region",
        (
            "{ caseType(id: $document) { adoption { assigned acknowledged pending unseen byVersion"
            " { version clinics } } } }"
        ),
    ),
    "its blame": (
        "region",
        "{ caseType(id: $document) { blame { path author { name } version } } }",
    ),
    "its chain": ("region", "{ caseType(id: $document) { verify { intact versions } } }"),
    "case types by name": (
        "region",
        f"{{ caseTypes(first: 5) {{ totalCount edges {{ node {{ {HEAD} }} }} }} }}",
    ),
    "case types by change": (
        "region",
        f"{{ caseTypes(first: 5, orderBy: UPDATED_DESC) {{ edges {{ node {{ {HEAD} }} }} }} }}",
    ),
    "case types by change, for staff": (
        "staff",
        f"{{ caseTypes(first: 5, orderBy: UPDATED_DESC) {{ edges {{ node {{ {HEAD} }} }} }} }}",
    ),
    "case types for staff": (
        "staff",
        f"{{ caseTypes(first: 5) {{ edges {{ node {{ {HEAD} }} }} }} }}",
    ),
    "case types of a clinic": (
        "region",
        "{ caseTypes(first: 5, filter: { owner: $clinic }) { edges { node { id } } } }",
    ),
    "case types that changed": (
        "reporter",
        "{ caseTypes(filter: { changedSince: $then }, first: 5) { edges { node { id } } } }",
    ),
    "case types of a template": (
        "region",
        "{ caseTypes(filter: { derivedFrom: $template }, first: 5) { edges { node { id } } } }",
    ),
    "a template": (
        "national",
        (
            "{ caseTypeTemplate(id: $template) { name usage { templates caseTypes behind clinics"
            " byPrincipal { caseTypes } } } }"
        ),
    ),
    "a template's comparison": (
        "national",
        (
            "{ caseTypeTemplate(id: $template) { comparison { places(first: 5) { edges { node {"
            " path } } } } } }"
        ),
    ),
    "templates": ("region", "{ caseTypeTemplates(first: 5) { edges { node { name level } } } }"),
    "principals": ("region", "{ principals { edges { node { name } } } }"),
    "a principal's clinics": (
        "region",
        (
            "{ principal(hsaId: $principal) { clinics(first: 5) { totalCount edges { node { name }"
            " } } } }"
        ),
    ),
    "a principal's groups": (
        "region",
        (
            "{ principal(hsaId: $principal) { groups(first: 5) { edges { node { name clinics {"
            " totalCount } } } } } }"
        ),
    ),
    "a principal's policies and roles": (
        "region",
        (
            "{ principal(hsaId: $principal) { policies { __typename } roleGrants(first: 5) {"
            " totalCount edges { node { role } } } } }"
        ),
    ),
    "a principal's log": (
        "reporter",
        f"{{ principal(hsaId: $principal) {{ events(first: 5) {{ totalCount {EVENTS} }} }} }}",
    ),
    "a log by action": (
        "region",
        (
            "{ principal(hsaId: $principal) { events(first: 5, filter: { actions: [EDITED] }) {"
            " edges { cursor } } } }"
        ),
    ),
    "a log by document": (
        "region",
        (
            "{ principal(hsaId: $principal) { events(first: 5, filter: { document: $document }) {"
            " edges { cursor } } } }"
        ),
    ),
    "a log by clinic": (
        "region",
        (
            "{ principal(hsaId: $principal) { events(first: 5, filter: { clinic: $clinic }) { edges"
            " { cursor } } } }"
        ),
    ),
    "a log by person": (
        "region",
        (
            "{ principal(hsaId: $principal) { events(first: 5, filter: { actor: $person }) { edges"
            " { cursor } } } }"
        ),
    ),
    "a log by time": (
        "region",
        (
            "{ principal(hsaId: $principal) { events(first: 5, filter: { since: $then, until: $now"
            " }) { edges { cursor } } } }"
        ),
    ),
    "a clinic": (
        "staff",
        (
            "{ clinic(hsaId: $clinic) { name status principal { name } businessClassifications {"
            " code } } }"
        ),
    ),
    "a clinic's groups": ("region", "{ clinic(hsaId: $clinic) { groups { name } } }"),
    "a start page": (
        "staff",
        (
            "{ clinic(hsaId: $clinic) { startPage { position caseType { name } version { number }"
            " effective { name } html } } }"
        ),
    ),
    "a start page as it was": (
        "staff",
        "{ clinic(hsaId: $clinic) { startPage(asOf: $now) { position caseType { name } } } }",
    ),
    "a contact card": (
        "staff",
        "{ clinic(hsaId: $clinic) { contactCard { position caseType { name } } } }",
    ),
    "what a clinic has": (
        "staff",
        (
            "{ clinic(hsaId: $clinic) { assignments(first: 5) { totalCount edges { node { caseType"
            " { name } } } } } }"
        ),
    ),
    "what a clinic added": (
        "clinic_admin",
        (
            "{ clinic(hsaId: $clinic) { localAdaptation(caseType: $document) { needsReview"
            " latestVersion } } }"
        ),
    ),
    "an inbox": (
        "staff",
        (
            "{ clinic(hsaId: $clinic) { unacknowledgedCount notifications(first: 5) { edges { node"
            " { action changes { path } } } } } }"
        ),
    ),
    "an inbox of what is new": (
        "staff",
        """{ clinic(hsaId: $clinic) { notifications(unacknowledgedOnly: true, residentVisibleOnly: true, first: 5) {
            edges { node { action acknowledgedAt } } } } }""",
    ),
    "clinics": (
        "region",
        "{ clinics(first: 5) { totalCount edges { node { name unacknowledgedCount } } } }",
    ),
    "clinics by words": (
        "region",
        '{ clinics(first: 5, filter: { text: "vårdcentr 07" }) { edges { node { name } } } }',
    ),
    "clinics by classification": (
        "region",
        (
            '{ clinics(first: 5, filter: { businessClassifications: ["1112"] }) { edges { node {'
            " name } } } }"
        ),
    ),
    "clinics like one": (
        "region",
        "{ clinics(first: 5, filter: { similarTo: $clinic }) { edges { node { name } } } }",
    ),
    "clinics of a group": (
        "region",
        "{ clinics(first: 5, filter: { group: $group }) { totalCount edges { node { name } } } }",
    ),
    "assignments": (
        "region",
        (
            "{ assignments(first: 5) { totalCount edges { node { clinic { name } caseType { name }"
            " } } } }"
        ),
    ),
    "assignments by clinic": (
        "region",
        (
            "{ assignments(first: 5, filter: { clinic: $clinic }) { totalCount edges { node { since"
            " } } } }"
        ),
    ),
    "assignments by case type": (
        "region",
        (
            "{ assignments(first: 5, filter: { caseType: $document }) { totalCount edges { node {"
            " since } } } }"
        ),
    ),
    "assignments by origin": (
        "region",
        "{ assignments(first: 5, filter: { origin: FOLLOWED }) { edges { node { since } } } }",
    ),
    "assignments by time": (
        "region",
        "{ assignments(first: 5, orderBy: SINCE_DESC) { edges { node { since } } } }",
    ),
    "assignments behind": (
        "region",
        (
            "{ assignments(first: 5, filter: { behindOnly: true }) { edges { node { clinic { name }"
            " } } } }"
        ),
    ),
    "assignments as they were": (
        "region",
        "{ assignments(first: 5, asOf: $now) { edges { node { since } } } }",
    ),
    "assignments of a group": (
        "region",
        "{ assignments(first: 5, filter: { group: $group }) { edges { node { since } } } }",
    ),
    "a distribution tried": (
        "region",
        """{ checkDistribution(caseType: $document, to: { group: $group }) { willReceive(first: 5) { totalCount } alreadyAssigned(first: 5) {
            totalCount } localCandidates { similarity } } }""",
    ),
    "open subscriptions": (
        "region",
        "{ activeSubscriptions(principal: $principal) { edges { node { behind } } } }",
    ),
    "a search": (
        "staff",
        '{ search(text: "förnya recept", first: 5) { edges { node { name } } } }',
    ),
    "a search for what begins so": (
        "region",
        '{ search(text: "läkem", first: 5) { edges { node { name } } } }',
    ),
    "an adoption tried": (
        "region",
        "{ checkTemplateAdoption(id: $document) { conflicts { path } changes { path } } }",
    ),
    "templates to review": (
        "national",
        (
            "{ templateReview(first: 5) { edges { node { reasons drift { average } usage {"
            " caseTypes } } } } }"
        ),
    ),
    "a template's file": ("national", "{ templateExport(id: $template) { fileName } }"),
    "reports on clinics": (
        "reporter",
        """{ reports { caseTypesPerClinic(first: 5) { edges { node { caseTypes clinic { name } } } }
            clinicsBehind(first: 5) { edges { node { caseTypes since } } } } }""",
    ),
    "reports on case types": (
        "reporter",
        """{ reports { clinicsPerCaseType(first: 5) { edges { node { clinics adoption { pending } } } }
            adaptationsPerCaseType(first: 5) { edges { node { clinics needReview } } }
            duplicatesPerCaseType(first: 5) { edges { node { clinics sameName } } } } }""",
    ),
    "reports on templates": (
        "national",
        "{ reports { documentsPerTemplate(first: 5) { edges { node { documents behind } } } } }",
    ),
    "reports on times": (
        "reporter",
        """{ reports { acknowledgementTimes(from: $then) { publications total { __typename } } editsPerMonth(from: $then) { month versions } } }""",
    ),
    "the viewer": (
        "staff",
        "{ viewer { actor { name } roles clinics { edges { node { name } } } } }",
    ),
    "anything by its id": (
        "staff",
        "{ node(id: $document) { __typename id } nodes(ids: [$document, $template]) { id } }",
    ),
    **{
        f"a {sample.one}": ("region", f"{{ {sample.one}(id: ${sample.one}) {{ name }} }}")
        for sample in SAMPLES.values()
    },
    **{
        f"{sample.many}, {order}, for {who}": (
            who,
            (
                f"{{ {sample.many}(first: 5, orderBy: {order}) {{ totalCount edges {{ node {{ name"
                " } } } }"
            ),
        )
        for sample in SAMPLES.values()
        for order in ("NAME_ASC", "UPDATED_DESC")
        for who in ("region", "staff")
    },
}
SORTED = {
    "clinics by words": "the clinics that have the words, where these are few",
    "clinics like one": "by how like they are, which no index knows; a principal's clinics",
    "a search": "at most some hundred documents that hold a rare word",
    "a search for what begins so": "the same",
}
"""What may be put in order in memory, and of what that is bounded."""


class Commands(monitoring.CommandListener):
    """The commands on one database, whole."""

    def __init__(self) -> None:
        self.database = ""
        self.seen: list[tuple[str, Row]] = []

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        if event.database_name == self.database and event.command_name in _ALLOWED:
            self.seen.append((event.command_name, dict(event.command)))

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None: ...

    def failed(self, event: monitoring.CommandFailedEvent) -> None: ...


@pytest.fixture(scope="module")
def listener() -> Commands:
    """Of the whole module: it must be there before any client is made."""
    listener = Commands()
    monitoring.register(listener)
    return listener


@pytest.fixture
def commands(listener: Commands, world: World) -> Iterator[Commands]:
    """The commands of one test."""
    listener.database = world.api.store.database.name
    yield listener
    listener.database = ""


async def test_every_query_and_act_goes_by_an_index_in_its_order(
    commands: Commands, world: World
) -> None:
    known = await filled(world)
    through: dict[str, list[str]] = {}
    in_memory: set[str] = set()
    asked = 0

    async def look(what: str) -> None:
        for stage, command in await slow(world, commands.seen):
            if stage == THROUGH:
                through.setdefault(what, []).append(command)
            else:
                in_memory.add(what)

    for what, (who, query) in READS.items():
        commands.seen.clear()
        await getattr(world, who).ask(with_known(query, known))
        asked += len(commands.seen)
        await look(what)
    commands.seen.clear()
    await acts(world, known)
    await look("acts")

    assert asked > 2 * len(READS)
    assert through == {}
    assert in_memory <= set(SORTED)


def test_every_root_field_is_asked_for() -> None:
    asked = set()
    for _, operation in READS.values():
        (definition,) = parse(re.sub(r"\$\w+", '"x"', operation)).definitions
        assert isinstance(definition, OperationDefinitionNode)
        asked |= {
            field.name.value
            for field in definition.selection_set.selections
            if isinstance(field, FieldNode)
        }

    assert schema.graphql.query_type is not None
    assert asked == set(schema.graphql.query_type.fields)


async def filled(world: World) -> dict[str, str]:
    """Enough rows that an index is worth its while; the ids that operations name."""
    region = world.region
    csv = "hsaId;name;businessClassification\n" + "".join(
        f"{one};Vårdcentral {one[-3:]};{1502 + n % 3}\n" for n, one in enumerate(CLINICS)
    )
    await region.done("clinicsImport", "created", principal=STOCKHOLM, csv=csv)
    case_types = await asyncio.gather(*(one_more(world, number) for number in range(CASE_TYPES)))
    for case_type in (world.case_type, *case_types[::8]):
        await region.done("caseTypeDistribute", "clinics", caseType=case_type, to={"filter": {}})
    group = await region.done(
        "clinicGroupSave",
        "clinicGroup { id }",
        principal=STOCKHOLM,
        name="Några",
        hsaIds=[BJORKEN, LINDEN, *CLINICS[:20]],
    )
    await world.edit(world.case_type, 1, publish=True, introduction="Två.")
    newer = {
        "id": world.template,
        "expectedVersion": 1,
        "content": {"introduction": "Ny."},
        "publish": True,
    }
    await world.national.done("caseTypeTemplateUpdate", "event { id }", **newer)
    kinds = {name: await made(region, sample, publish=True) for name, sample in SAMPLES.items()}
    return {
        **kinds,
        "document": world.case_type,
        "template": world.template,
        "principal": STOCKHOLM,
        "clinic": BJORKEN,
        "group": group["clinicGroup"]["id"],
        "person": f"{STOCKHOLM}-AA",
        "then": "2024-01-01T00:00:00Z",
        "now": datetime.now(UTC).isoformat(),
    }


async def one_more(world: World, number: int) -> str:
    """One more published case type, made from the template."""
    content = {"name": f"Ärendetyp {number}", "internalName": f"Nr {number}"}
    made = await world.region.done(
        "caseTypeCreate",
        "caseType { id }",
        owner=STOCKHOLM,
        content=content,
        fromTemplate={"id": world.template},
    )
    await act(world.region, "documentPublish", made["caseType"]["id"], 1, version=1)
    case_type: str = made["caseType"]["id"]
    return case_type


async def acts(world: World, known: Mapping[str, str]) -> None:
    """What is done most, and what reaches furthest."""
    document = await one_more(world, CASE_TYPES)
    region = world.region
    await region.done(
        "caseTypeDistribute", "clinics", caseType=document, to={"group": known["group"]}
    )
    await world.edit(document, 1, publish=True, introduction="Två.")
    await world.clinic_admin.done(
        "localAdaptationSave",
        "event { id }",
        clinic=BJORKEN,
        caseType=document,
        expectedVersion=0,
        standardReplies=CONTENT["standardReplies"],
        terms=[],
    )
    newest = (
        "query($clinic: HsaId!) { clinic(hsaId: $clinic) { notifications(first: 1) { edges { cursor"
        " } } } }"
    )
    inbox = await world.staff.ask(newest, clinic=BJORKEN)
    [edge] = inbox["clinic"]["notifications"]["edges"]
    await world.staff.done(
        "notificationsAcknowledge", "event { id }", clinic=BJORKEN, upTo=edge["cursor"]
    )
    await region.done("textReplace", "hits", owner=STOCKHOLM, find="Här kan du", replace="Du kan")
    await act(region, "documentDeactivate", document, 2)
    await act(region, "documentActivate", document, 2)
    await act(region, "documentArchive", document, 2)
    await region.done(
        "caseTypeWithdraw",
        "event { id }",
        caseType=known["document"],
        **{"from": {"hsaIds": [LINDEN]}},
    )
    await region.done(
        "roleGrant",
        "roleGrant { id }",
        unit=BJORKEN,
        role="CLINIC_STAFF",
        employee=f"{STOCKHOLM}-NY",
    )


def with_known(operation: str, known: Mapping[str, str]) -> str:
    """An operation with ids and the like in place."""
    return re.sub(r"\$(\w+)", lambda found: json.dumps(known[found[1]]), operation)


async def slow(world: World, commands: list[tuple[str, Row]]) -> list[tuple[str, str]]:
    """What among some commands reads a growing collection or a whole index through, or puts rows in
    order in memory.
    """
    store = world.api.store.database
    found = []
    for command in explainable(commands):
        answer = await store.client[store.name].command(
            "explain", command, verbosity="queryPlanner"
        )
        found += [(stage, json.dumps(command, default=str)) for stage in stages(answer)]
    return found


def explainable(commands: list[tuple[str, Row]]) -> Iterator[Row]:
    """Commands on growing collections, without what belongs to their sessions; each write of a
    batch by itself.
    """
    for name, command in list(commands):
        if command[name] in SMALL:
            continue
        plain = {key: command[key] for key in (name, *(_TOLD - {name})) if key in command}
        batch = {"update": "updates", "delete": "deletes"}.get(name)
        if name == "aggregate":
            yield {**plain, "cursor": {}}
        elif batch is None:
            yield plain
        else:
            yield from ({**plain, batch: [one]} for one in command[batch])


def stages(plan: Any) -> Iterator[str]:
    """`THROUGH` and `IN_MEMORY` for each place of a plan that is so, joined collections among them."""
    if isinstance(plan, list):
        for inner in plan:
            yield from stages(inner)
    elif isinstance(plan, dict):
        unbounded = plan.get("stage") == "IXSCAN" and next(iter(plan["indexBounds"].values())) == [
            "[MinKey, MaxKey]"
        ]
        if plan.get("stage") == "COLLSCAN" or unbounded:
            yield THROUGH
        if plan.get("stage") == "SORT" or "$sort" in plan:
            yield IN_MEMORY
        for name, inner in plan.items():
            if name not in ("rejectedPlans", "command"):
                yield from stages(inner)
