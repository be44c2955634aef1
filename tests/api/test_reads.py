"""Reading only what an operation selects, and the memory limit of cached operations."""

from collections.abc import Iterator
from typing import Any

import pytest
from graphql import GraphQLObjectType
from pymongo import monitoring

from execution.operations import Operations
from schema.registry import schema
from schema.selected_fields import SUMMARY_FIELDS
from tests.callers import BJORKEN, STOCKHOLM
from tests.kinds import SAMPLES, Sample
from tests.life import made
from tests.world import World


class Finds(monitoring.CommandListener):
    """Records the projections of finds in one database."""

    def __init__(self) -> None:
        self.database = ""
        self.projections: list[Any] = []

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        if event.database_name == self.database and event.command.get("find") == "documents":
            self.projections.append(event.command.get("projection"))

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None: ...

    def failed(self, event: monitoring.CommandFailedEvent) -> None: ...


@pytest.fixture(scope="module")
def listener() -> Finds:
    """The listener of the module: it must be registered before any client is created."""
    listener = Finds()
    monitoring.register(listener)
    return listener


@pytest.fixture
def finds(listener: Finds, world: World) -> Iterator[Finds]:
    """The finds of one test."""
    listener.database = world.api.store.database.name
    yield listener
    listener.database = ""
    listener.projections.clear()


WHOLE = {"tokens": 0}
SUMMARY = dict.fromkeys(
    [
        *("kind", "principal", "owner", "state", "latest", "published", "name", "internal_name"),
        *("created_at", "updated_at", "noticed_at", "highest_released", "subject"),
    ],
    1,
)


def selected(name: str) -> str:
    """The selection of a field of a document."""
    return "owner { __typename ... on Principal { name } }" if name == "owner" else name


@pytest.mark.parametrize("sample", SAMPLES.values(), ids=SAMPLES)
async def test_head_fields_are_equal_with_and_without_reading_the_content(
    finds: Finds, world: World, sample: Sample
) -> None:
    document = await made(world.region, sample, publish=True)
    of = schema.graphql.type_map[sample.type]
    assert isinstance(of, GraphQLObjectType)
    head = " ".join(selected(name) for name in sorted(SUMMARY_FIELDS & {"__typename", *of.fields}))
    read = (
        f"query($id: ID!) {{ list: {sample.many} {{ edges {{ node {{ {head} %s }} }} }}"
        f" single: {sample.query}(id: $id) {{ {head} %s }} }}"
    )
    content = "content { internalName }"

    whole = await world.region.ask(read % (content, content), id=document)
    projections = finds.projections.copy()
    finds.projections.clear()
    lean = await world.region.ask(read % ("", ""), id=document)

    assert projections[-2:] == [WHOLE, WHOLE]
    assert finds.projections == [SUMMARY, SUMMARY]
    assert whole["single"].pop("content") == {"internalName": sample.content["internalName"]}
    for edge in whole["list"]["edges"]:
        assert edge["node"].pop("content").keys() == {"internalName"}
    assert lean == whole
    assert lean["single"]["id"] in [edge["node"]["id"] for edge in lean["list"]["edges"]]


async def test_the_content_is_read_when_any_part_of_an_operation_selects_it(
    finds: Finds, world: World
) -> None:
    await world.distribute(world.case_type, BJORKEN)
    content = {"content": {"language": "sv"}}
    operations = {
        """{ caseTypes { edges { node { ...Fields } } } }
            fragment Fields on CaseType { content { language } }""": {"node": content},
        """{ caseTypes { edges { node { name } node { ... on Document { name ... on CaseType {
            content { language } } } } } } }""": {"node": {"name": "Förnya recept", **content}},
        "{ caseTypes { edges { ... { node { content @include(if: true) { language } } } } } }": {
            "node": content
        },
        "{ caseTypes(orderBy: UPDATED_DESC) { edges { node { content { language } } } } }": {
            "node": content
        },
        "{ assignments { edges { node { caseType { content { language } } } } } }": {
            "node": {"caseType": content}
        },
        "{ caseTypes { totalCount } caseTypes { edges { node { content { language } } } } }": {
            "node": content
        },
    }

    for query, expected in operations.items():
        finds.projections.clear()
        [answer] = (await world.region.ask(query)).values()
        assert answer["edges"] == [expected], query
        assert WHOLE in finds.projections or not finds.projections, query


async def test_documents_loaded_together_are_read_with_content_if_any_selection_needs_it(
    finds: Finds, world: World
) -> None:
    named, whole = "{ name }", "{ content { language } }"

    for first, second in ((named, whole), (whole, named)):
        finds.projections.clear()
        query = f"query($id: ID!) {{ a: caseType(id: $id) {first} b: caseType(id: $id) {second} }}"
        answer = await world.region.ask(query, id=world.case_type)
        assert sorted(map(str, answer.values())) == [
            "{'content': {'language': 'sv'}}",
            "{'name': 'Förnya recept'}",
        ]
        assert finds.projections == [WHOLE]


async def test_documents_referenced_by_other_objects_are_read_without_content(
    finds: Finds, world: World
) -> None:
    await world.distribute(world.case_type, BJORKEN)
    queries = [
        "{ assignments { edges { node { caseType { name } } } } }",
        (
            '{ principal(hsaId: "SE2321000016") { events(first: 1, filter: { actions: [PUBLISHED]'
            " }) { edges { node { document { name } } } } } }"
        ),
        f'{{ caseType(id: "{world.case_type}") {{ name state owner {{ __typename }} }} }}',
        "{ caseTypes(orderBy: UPDATED_DESC) { edges { node { name } } } }",
    ]

    for query in queries:
        finds.projections.clear()
        answer = await world.region.ask(query)
        assert "Förnya recept" in str(answer), query
        assert finds.projections == [SUMMARY] or "UPDATED" in query, query


def test_operations_that_differ_only_in_literals_do_not_displace_repeated_ones() -> None:
    operations = Operations(schema.graphql)
    often = "query($id: ID!) { caseType(id: $id) { name } }"
    operations.read(often)
    kept = operations.read(often)

    for number in range(3_000):
        operations.read(f'{{ caseType(id: "ct_{number}") {{ name state latestVersion }} }}')

    assert kept.errors == ()
    assert operations.read(often) is kept
    assert len(operations) == 1


def test_cached_operations_stay_within_a_memory_limit() -> None:
    operations = Operations(schema.graphql, max_bytes=1_000_000)
    texts = [
        f"query Names{number} {{ caseTypes {{ edges {{ node {{ id name state }} }} }} }}"
        for number in range(200)
    ]

    for text in texts:
        operations.read(text)
        operations.read(text)

    assert 20 < len(operations) < 60
    assert operations.size <= 1_000_000
    assert operations.read(texts[-1]) is operations.read(texts[-1])
    long = f"{texts[0]} #{'x' * 64 * 1024}"
    assert operations.read(long) is not operations.read(long)
    assert operations.known(long) is None
    invalid = [operations.read("{ nothing }"), operations.read("{ nothing }")]
    assert all(operation.errors for operation in invalid)
    assert len(operations) <= 60


async def test_an_adaptation_has_its_case_types_name_even_if_only_its_summary_is_read(
    finds: Finds, world: World
) -> None:
    await world.distribute(world.case_type, BJORKEN)
    adaptation = {
        "clinic": BJORKEN,
        "caseType": world.case_type,
        "expectedVersion": 0,
        "terms": [],
        "standardReplies": [],
    }
    await world.clinic_admin.done("localAdaptationSave", "event { id }", **adaptation)
    head = (
        "__typename id name internalName state latestVersion publishedVersion createdAt updatedAt"
    )
    read = f"""{{ principal(hsaId: "{STOCKHOLM}") {{
        events(first: 1, filter: {{ actions: [ADAPTED] }}) {{ edges {{ node {{
        document {{ {head} %s }} }} }} }} }} }}"""
    finds.projections.clear()

    lean = await world.region.ask(read % "")

    assert finds.projections[0] == SUMMARY
    whole = await world.region.ask(read % "... on LocalAdaptation { caseType { id } }")
    [edge] = whole["principal"]["events"]["edges"]
    assert edge["node"]["document"].pop("caseType") == {"id": world.case_type}
    assert (edge["node"]["document"]["__typename"], edge["node"]["document"]["name"]) == (
        "LocalAdaptation",
        "Förnya recept",
    )
    assert lean == whole
