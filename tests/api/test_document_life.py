"""Every kind of document: its life, readers, editors, notifications, and templates."""

import asyncio
from typing import Any

import pytest

from store.records import OwnerKind, Role
from tests.callers import BJORKEN, INERA, LINDEN, STOCKHOLM, UPPSALA, problems
from tests.kinds import SAMPLES, Sample
from tests.life import act, inbox, live_through, made, written
from tests.world import World

every_kind = pytest.mark.parametrize("sample", SAMPLES.values(), ids=SAMPLES)
TEMPLATED = [name for name, sample in SAMPLES.items() if sample.template]
NUMBER = "19121212-1212"


async def callers_who_see(world: World, sample: Sample, document: str) -> set[str]:
    """The callers who see a document, by its id and in the list, which must agree."""
    query = (
        f"query($id: ID!) {{ node(id: $id) {{ id }} {sample.many}(first: 100) {{ edges {{ node {{"
        " id } } } }"
    )
    callers = {
        name: getattr(world, name)
        for name in (
            "national",
            "region",
            "other_region",
            "clinic_admin",
            "staff",
            "reviewer",
            "reporter",
        )
    }
    callers["other_clinic"] = world.api.caller(Role.CLINIC_STAFF, "SE2321000024-1B01")
    callers["stranger"] = world.api.caller(Role.CLINIC_STAFF, "SE2321000016-9Z99")
    answers = await asyncio.gather(*(caller.ask(query, id=document) for caller in callers.values()))
    seen = {name for name, answer in zip(callers, answers, strict=True) if answer["node"]}
    assert {
        name
        for name, answer in zip(callers, answers, strict=True)
        if {"node": {"id": document}} in answer[sample.many]["edges"]
    } == seen
    return seen


@every_kind
async def test_a_document_goes_through_a_whole_life(world: World, sample: Sample) -> None:
    await live_through(world, sample)


@every_kind
async def test_a_document_of_a_region_is_visible_to_its_readers_after_publication(
    world: World, sample: Sample
) -> None:
    document = await made(world.region, sample)

    assert await callers_who_see(world, sample, document) == {"region", "reviewer"}
    await act(world.region, "documentPublish", document, 1, version=1)

    own = {"national", "region", "clinic_admin", "staff", "reviewer", "reporter"}
    assert await callers_who_see(world, sample, document) == (
        own | {"other_region", "other_clinic"} if sample.shared == "CENTRAL" else own
    )


@every_kind
async def test_a_national_document_is_visible_to_its_readers_after_publication(
    world: World, sample: Sample
) -> None:
    document = await made(world.national, sample, INERA)

    assert await callers_who_see(world, sample, document) == {"national"}
    await act(world.national, "documentPublish", document, 1, version=1)

    everyone = {
        "national",
        "region",
        "other_region",
        "clinic_admin",
        "staff",
        "reviewer",
        "reporter",
        "other_clinic",
    }
    assert await callers_who_see(world, sample, document) == (
        {"national"} if sample.shared == "NO" else everyone
    )


@every_kind
async def test_other_callers_cannot_change_a_published_document(
    world: World, sample: Sample
) -> None:
    document = await made(world.region, sample, publish=True)
    denied = dict.fromkeys(
        ("national", "clinic_admin", "staff", "reviewer", "reporter"), "NOT_PERMITTED"
    )
    expected = {
        **denied,
        "other_region": "NOT_PERMITTED" if sample.shared == "CENTRAL" else "NOT_FOUND",
        "nobody": "UNAUTHENTICATED",
    }

    assert await world.refusals("documentArchive", id=document, expectedVersion=1) == expected
    assert (
        await world.refusals(
            f"{sample.query}Update",
            id=document,
            expectedVersion=1,
            content={"internalName": "Nytt"},
        )
        == expected
    )
    assert await world.refusals(
        f"{sample.query}Create", owner=STOCKHOLM, content=dict(sample.content)
    ) == {
        **denied,
        "other_region": "NOT_PERMITTED",
        "nobody": "UNAUTHENTICATED",
    }


@every_kind
async def test_a_document_of_a_clinic_is_visible_only_to_its_clinic_and_region(
    world: World, sample: Sample
) -> None:
    if OwnerKind.CLINIC not in sample.owners:
        before = await world.api.snapshot()
        refused = await world.clinic_admin.do(
            f"{sample.query}Create", "event { id }", owner=BJORKEN, content=dict(sample.content)
        )
        assert problems(refused) == [("OWNER_NOT_ALLOWED", "owner")]
        assert await world.api.snapshot() == before
        return
    document = await made(world.clinic_admin, sample, BJORKEN, publish=True)
    await written(world.clinic_admin, sample, document, 1, "Ett annat ord.", publish=True)

    assert await callers_who_see(world, sample, document) == {
        "region",
        "clinic_admin",
        "staff",
        "reviewer",
        "reporter",
    }
    expected = (
        [("PUBLISHED", None, 1), ("PUBLISHED", 1, 2)]
        if sample.notifies or sample.query == "caseType"
        else []
    )
    assert [
        (notification["action"], notification["fromVersion"], notification["toVersion"])
        for notification in await inbox(world.staff, BJORKEN, document)
    ] == expected
    assert await inbox(world.region, LINDEN, document) == []


@every_kind
async def test_a_personal_identity_number_is_refused(world: World, sample: Sample) -> None:
    document = await made(world.region, sample)
    before = await world.api.snapshot()

    refused = await written(world.region, sample, document, 1, f"Patienten {NUMBER} ringer.")

    assert {code for code, _ in problems(refused)} == {"PERSONAL_NUMBER"}
    assert NUMBER not in str(refused)
    assert await world.api.snapshot() == before


@every_kind
async def test_clinics_are_notified_at_once(world: World, sample: Sample) -> None:
    document = await made(world.region, sample)
    other = await made(world.region, SAMPLES["notice"])

    async with world.staff.socket() as socket:
        await socket.subscribe(
            f'subscription {{ clinicNotifications(clinics: ["{BJORKEN}"]) {{ action residentVisible'
            " document { id __typename } } }"
        )
        await socket.started()
        await act(world.region, "documentPublish", document, 1, version=1)
        await act(world.region, "documentPublish", other, 1, version=1)
        first = (await socket.next())["clinicNotifications"]

    assert (first["action"], first["residentVisible"]) == (
        "PUBLISHED",
        sample.shown if sample.notifies else False,
    )
    assert first["document"] == (
        {"id": document, "__typename": sample.type}
        if sample.notifies
        else {"id": other, "__typename": "Notice"}
    )


@pytest.mark.parametrize("sample", [SAMPLES[name] for name in TEMPLATED], ids=TEMPLATED)
async def test_a_document_can_be_created_from_a_template_of_its_kind(
    world: World, sample: Sample
) -> None:
    arguments: dict[str, Any] = {
        "owner": STOCKHOLM,
        "content": {"name": "Mitt", "internalName": "Mitt"},
    }
    template = SAMPLES[str(sample.template)]
    source = await made(world.national, template, INERA, publish=True)
    field = "derivedFrom" if "caseType" in sample.query else "derivedFromTemplate"
    select = (
        f"{sample.query} {{ id }} version {{ derivedFrom {{ version }} {field} {{ version behind"
        " template { id level } } }"
    )

    derived = await world.region.done(
        f"{sample.query}Create", select, **arguments, fromTemplate={"id": source}
    )

    assert derived["version"][field] == {
        "version": 1,
        "behind": False,
        "template": {"id": source, "level": "NATIONAL"},
    }
    assert (derived["version"]["derivedFrom"] is None) is (field == "derivedFromTemplate")
    await written(world.national, template, source, 1, "Nyare text.", publish=True)
    query = (
        f"query($id: ID!) {{ {sample.query}(id: $id) {{ content {{ questions {{ key }} }}"
        f" version {{ {field} {{ behind latestVersion }} }} }} }}"
    )
    found = (await world.region.ask(query, id=derived[sample.query]["id"]))[sample.query]
    assert found["version"][field] == {"behind": True, "latestVersion": 2}
    assert [question["key"] for question in found["content"]["questions"]] == [
        question["key"] for question in template.content["questions"]
    ]
    notice = await made(world.region, SAMPLES["notice"], publish=True)
    assert problems(
        await world.region.do(
            f"{sample.query}Create", "event { id }", **arguments, fromTemplate={"id": notice}
        )
    ) == [("NOT_FOUND", "fromTemplate.id")]


@every_kind
async def test_every_region_can_publish_its_own_documents(world: World, sample: Sample) -> None:
    own = await made(world.other_region, sample, UPPSALA, publish=True)
    which = f'filter: {{ owner: "{UPPSALA}", scope: CENTRAL }}'
    listed = await world.other_region.ask(
        f"{{ {sample.many}({which}) {{ totalCount edges {{ node {{ id }} }} }} }}"
    )

    assert listed[sample.many] == {"totalCount": 1, "edges": [{"node": {"id": own}}]}


@pytest.mark.parametrize(
    "name", ["caseType", "caseTypeTemplate", "residentCase", "residentCaseTemplate"]
)
async def test_links_to_open_pages_need_the_principals_permission(world: World, name: str) -> None:
    sample = SAMPLES[name]
    link = {"links": [{"key": "a", "label": "A", "url": "https://example.se", "openPage": True}]}
    document = await made(world.region, sample)

    refused = await world.region.do(
        f"{name}Update", "event { id }", id=document, expectedVersion=1, content=link
    )
    assert problems(refused) == [("OPEN_PAGE_LINK", "content.links.0.openPage")]

    await world.region.done(
        "principalPoliciesSave", "event { id }", principal=STOCKHOLM, openPageLinks=True
    )
    await world.region.done(
        f"{name}Update", "event { id }", id=document, expectedVersion=1, content=link
    )
