"""Query plans: each root field and each frequent write uses an index, and the index's order."""

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
from tests.api.clinic_reads import CLINIC_READS
from tests.api.document_reads import DOCUMENT_READS
from tests.callers import BJORKEN, LINDEN, STOCKHOLM
from tests.kinds import SAMPLES
from tests.life import act, made
from tests.world import CONTENT, World

CLINICS = [f"{STOCKHOLM}-Q{number:03}" for number in range(150)]
CASE_TYPES = 40
SMALL = {"principals", "logs", "policies", "server_processes", "active_subscriptions"}
"""Collections with one row per principal, process or open socket: a full scan is allowed."""
FULL_SCAN, MEMORY_SORT = "full scan", "sort in memory"
COMMANDS = {"aggregate", "count", "delete", "distinct", "find", "findAndModify", "update"}
COMMAND_FIELDS = {
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
READS = {**DOCUMENT_READS, **CLINIC_READS}
SORTED = {
    "clinics by words": "only the clinics that contain the words, if these are few",
    "clinics similar to another": "by similarity, which no index holds; a principal's clinics",
    "a search": "at most a few hundred documents that contain a rare word",
    "a search by prefix": "at most a few hundred documents that contain a rare word",
}
"""Operations that may sort in memory, and what bounds the sort."""


class Commands(monitoring.CommandListener):
    """Records the commands on one database."""

    def __init__(self) -> None:
        self.database = ""
        self.seen: list[tuple[str, Row]] = []

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        if event.database_name == self.database and event.command_name in COMMANDS:
            self.seen.append((event.command_name, dict(event.command)))

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None: ...

    def failed(self, event: monitoring.CommandFailedEvent) -> None: ...


@pytest.fixture(scope="module")
def listener() -> Commands:
    """The listener of the module: it must be registered before any client is created."""
    listener = Commands()
    monitoring.register(listener)
    return listener


@pytest.fixture
def commands(listener: Commands, world: World) -> Iterator[Commands]:
    """The commands of one test."""
    listener.database = world.api.store.database.name
    yield listener
    listener.database = ""


async def test_every_query_and_write_uses_an_index_and_its_order(
    commands: Commands, world: World
) -> None:
    values = await fill_registry(world)
    scans: dict[str, list[str]] = {}
    sorts: set[str] = set()
    command_count = 0

    async def record_stages(name: str) -> None:
        for stage, command in await costly_stages(world, commands.seen):
            if stage == FULL_SCAN:
                scans.setdefault(name, []).append(command)
            else:
                sorts.add(name)

    for name, (caller, query) in READS.items():
        commands.seen.clear()
        await getattr(world, caller).ask(with_values(query, values))
        command_count += len(commands.seen)
        await record_stages(name)
    commands.seen.clear()
    await perform_writes(world, values)
    await record_stages("writes")

    assert command_count > 2 * len(READS)
    assert scans == {}
    assert sorts <= set(SORTED)


def test_every_root_field_is_queried() -> None:
    selected = set()
    for _, operation in READS.values():
        (definition,) = parse(re.sub(r"\$\w+", '"x"', operation)).definitions
        assert isinstance(definition, OperationDefinitionNode)
        selected |= {
            field.name.value
            for field in definition.selection_set.selections
            if isinstance(field, FieldNode)
        }

    assert schema.graphql.query_type is not None
    assert selected == set(schema.graphql.query_type.fields)


async def fill_registry(world: World) -> dict[str, str]:
    """Write enough rows that MongoDB uses indexes; return the values that operations name."""
    region = world.region
    csv = "hsaId;name;businessClassification\n" + "".join(
        f"{clinic};Vårdcentral {clinic[-3:]};{1502 + number % 3}\n"
        for number, clinic in enumerate(CLINICS)
    )
    await region.done("clinicsImport", "created", principal=STOCKHOLM, csv=csv)
    case_types = await asyncio.gather(
        *(create_published_case_type(world, number) for number in range(CASE_TYPES))
    )
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


async def create_published_case_type(world: World, number: int) -> str:
    """Create and publish a case type from the template."""
    content = {"name": f"Ärendetyp {number}", "internalName": f"Nr {number}"}
    created = await world.region.done(
        "caseTypeCreate",
        "caseType { id }",
        owner=STOCKHOLM,
        content=content,
        fromTemplate={"id": world.template},
    )
    await act(world.region, "documentPublish", created["caseType"]["id"], 1, version=1)
    case_type: str = created["caseType"]["id"]
    return case_type


async def perform_writes(world: World, values: Mapping[str, str]) -> None:
    """Perform the most frequent writes, and those that affect the most rows."""
    document = await create_published_case_type(world, CASE_TYPES)
    region = world.region
    await region.done(
        "caseTypeDistribute", "clinics", caseType=document, to={"group": values["group"]}
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
        caseType=values["document"],
        **{"from": {"hsaIds": [LINDEN]}},
    )
    await region.done(
        "roleGrant",
        "roleGrant { id }",
        unit=BJORKEN,
        role="CLINIC_STAFF",
        employee=f"{STOCKHOLM}-NY",
    )


def with_values(operation: str, values: Mapping[str, str]) -> str:
    """An operation with its placeholders replaced by values."""
    return re.sub(r"\$(\w+)", lambda found: json.dumps(values[found[1]]), operation)


async def costly_stages(world: World, commands: list[tuple[str, Row]]) -> list[tuple[str, str]]:
    """The costly stages of commands, each with its command.

    These are full scans of a growing collection or of an index, and sorts in memory.
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
    """Commands on growing collections, in the form that `explain` accepts.

    Session fields are left out, and each write of a batch is a command of its own.
    """
    for name, command in list(commands):
        if command[name] in SMALL:
            continue
        plain = {key: command[key] for key in (name, *(COMMAND_FIELDS - {name})) if key in command}
        batch = {"update": "updates", "delete": "deletes"}.get(name)
        if name == "aggregate":
            yield {**plain, "cursor": {}}
        elif batch is None:
            yield plain
        else:
            yield from ({**plain, batch: [write]} for write in command[batch])


def stages(plan: Any) -> Iterator[str]:
    """`FULL_SCAN` or `MEMORY_SORT` for each such stage of a plan, including joined collections."""
    if isinstance(plan, list):
        for inner in plan:
            yield from stages(inner)
    elif isinstance(plan, dict):
        unbounded = plan.get("stage") == "IXSCAN" and next(iter(plan["indexBounds"].values())) == [
            "[MinKey, MaxKey]"
        ]
        if plan.get("stage") == "COLLSCAN" or unbounded:
            yield FULL_SCAN
        if plan.get("stage") == "SORT" or "$sort" in plan:
            yield MEMORY_SORT
        for name, inner in plan.items():
            if name not in ("rejectedPlans", "command"):
                yield from stages(inner)
