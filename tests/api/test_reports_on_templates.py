"""The report on documents made from each template."""

from tests.api.reporting import nodes, report
from tests.callers import INERA, STOCKHOLM, UPPSALA
from tests.world import CONTENT, World

PER_TEMPLATE = (
    "{ totalCount edges { node { template { id } documents principals behind byVersion { version"
    " documents } } } }"
)


async def test_documents_are_counted_per_template_and_template_version(world: World) -> None:
    draft = {"owner": STOCKHOLM, "content": CONTENT, "fromTemplate": {"id": world.template}}
    await world.national.done(
        "caseTypeTemplateUpdate",
        "event { id }",
        id=world.template,
        expectedVersion=1,
        content={"name": "Ny"},
        publish=True,
    )
    await world.region.done("caseTypeCreate", "caseType { id }", **draft)
    created = await world.other_region.done(
        "caseTypeCreate", "caseType { id }", **draft | {"owner": UPPSALA}
    )
    await world.other_region.done(
        "documentPublish",
        "event { id }",
        id=created["caseType"]["id"],
        version=1,
        expectedVersion=1,
    )
    unused = await world.national.done(
        "caseTypeTemplateCreate",
        "caseTypeTemplate { id }",
        owner=INERA,
        content=CONTENT | {"name": "Öppen"},
    )

    selection = f"documentsPerTemplate {PER_TEMPLATE}"
    region, nation, reporter, staff = [
        await report(caller, selection)
        for caller in (world.region, world.national, world.reporter, world.staff)
    ]
    uppsala = await report(world.national, selection, principal=UPPSALA)

    both = [{"version": 1, "documents": 1}, {"version": 2, "documents": 1}]
    row = {"template": {"id": world.template}}
    none = {
        "template": {"id": unused["caseTypeTemplate"]["id"]},
        "documents": 0,
        "principals": 0,
        "behind": 0,
        "byVersion": [],
    }
    assert nodes(region) == [
        {**row, "documents": 2, "principals": 1, "behind": 1, "byVersion": both}
    ]
    assert nodes(nation) == [
        {**row, "documents": 2, "principals": 2, "behind": 1, "byVersion": both},
        none,
    ]
    assert nation["totalCount"] == 2
    assert (
        nodes(reporter)
        == nodes(staff)
        == [{**row, "documents": 1, "principals": 1, "behind": 1, "byVersion": both[:1]}]
    )
    assert nodes(uppsala)[0] == {
        **row,
        "documents": 1,
        "principals": 1,
        "behind": 0,
        "byVersion": both[1:],
    }
