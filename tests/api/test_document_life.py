"""One suite for every kind of document: its life, who sees and changes it, who is told, where it
comes from.
"""

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


async def seeing(world: World, sample: Sample, document: str) -> set[str]:
    """Who sees a document: by itself, in the list, and each agreeing with the other."""
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
async def test_a_document_lives_through_everything(world: World, sample: Sample) -> None:
    await live_through(world, sample)


@every_kind
async def test_who_sees_a_regions_document_once_it_is_published(
    world: World, sample: Sample
) -> None:
    document = await made(world.region, sample)

    assert await seeing(world, sample, document) == {"region", "reviewer"}
    await act(world.region, "documentPublish", document, 1, version=1)

    own = {"national", "region", "clinic_admin", "staff", "reviewer", "reporter"}
    assert await seeing(world, sample, document) == (
        own | {"other_region", "other_clinic"} if sample.shared == "CENTRAL" else own
    )


@every_kind
async def test_who_sees_a_national_document_once_it_is_published(
    world: World, sample: Sample
) -> None:
    document = await made(world.national, sample, INERA)

    assert await seeing(world, sample, document) == {"national"}
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
    assert await seeing(world, sample, document) == (
        {"national"} if sample.shared == "NO" else everyone
    )


@every_kind
async def test_who_may_not_change_a_published_document(world: World, sample: Sample) -> None:
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
            f"{sample.one}Update", id=document, expectedVersion=1, content={"internalName": "Nytt"}
        )
        == expected
    )
    assert await world.refusals(
        f"{sample.one}Create", owner=STOCKHOLM, content=dict(sample.content)
    ) == {
        **denied,
        "other_region": "NOT_PERMITTED",
        "nobody": "UNAUTHENTICATED",
    }


@every_kind
async def test_a_clinics_own_document_is_its_own(world: World, sample: Sample) -> None:
    if OwnerKind.CLINIC not in sample.owners:
        before = await world.api.snapshot()
        refused = await world.clinic_admin.do(
            f"{sample.one}Create", "event { id }", owner=BJORKEN, content=dict(sample.content)
        )
        assert problems(refused) == [("OWNER_NOT_ALLOWED", "owner")]
        assert await world.api.snapshot() == before
        return
    document = await made(world.clinic_admin, sample, BJORKEN, publish=True)
    await written(world.clinic_admin, sample, document, 1, "Ett annat ord.", publish=True)

    assert await seeing(world, sample, document) == {
        "region",
        "clinic_admin",
        "staff",
        "reviewer",
        "reporter",
    }
    told = (
        [("PUBLISHED", None, 1), ("PUBLISHED", 1, 2)]
        if sample.told or sample.one == "caseType"
        else []
    )
    assert [
        (one["action"], one["fromVersion"], one["toVersion"])
        for one in await inbox(world.staff, BJORKEN, document)
    ] == told
    assert await inbox(world.region, LINDEN, document) == []


@every_kind
async def test_no_personal_identity_number_gets_in(world: World, sample: Sample) -> None:
    document = await made(world.region, sample)
    before = await world.api.snapshot()

    refused = await written(world.region, sample, document, 1, f"Patienten {NUMBER} ringer.")

    assert {code for code, _ in problems(refused)} == {"PERSONAL_NUMBER"}
    assert NUMBER not in str(refused)
    assert await world.api.snapshot() == before


@every_kind
async def test_clinics_hear_at_once(world: World, sample: Sample) -> None:
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
        sample.shown if sample.told else False,
    )
    assert first["document"] == (
        {"id": document, "__typename": sample.type}
        if sample.told
        else {"id": other, "__typename": "Notice"}
    )


@pytest.mark.parametrize("sample", [SAMPLES[name] for name in TEMPLATED], ids=TEMPLATED)
async def test_it_starts_from_a_template_of_its_own(world: World, sample: Sample) -> None:
    given: dict[str, Any] = {
        "owner": STOCKHOLM,
        "content": {"name": "Mitt", "internalName": "Mitt"},
    }
    template = SAMPLES[str(sample.template)]
    source = await made(world.national, template, INERA, publish=True)
    field = "derivedFrom" if "caseType" in sample.one else "derivedFromTemplate"
    select = (
        f"{sample.one} {{ id }} version {{ derivedFrom {{ version }} {field} {{ version behind"
        " template { id level } } }"
    )

    derived = await world.region.done(
        f"{sample.one}Create", select, **given, fromTemplate={"id": source}
    )

    assert derived["version"][field] == {
        "version": 1,
        "behind": False,
        "template": {"id": source, "level": "NATIONAL"},
    }
    assert (derived["version"]["derivedFrom"] is None) is (field == "derivedFromTemplate")
    await written(world.national, template, source, 1, "Nyare text.", publish=True)
    asked = (
        f"query($id: ID!) {{ {sample.one}(id: $id) {{ content {{ questions {{ key }} }} version {{"
        f" {field} {{ behind latestVersion }} }} }} }}"
    )
    found = (await world.region.ask(asked, id=derived[sample.one]["id"]))[sample.one]
    assert found["version"][field] == {"behind": True, "latestVersion": 2}
    assert [question["key"] for question in found["content"]["questions"]] == [
        question["key"] for question in template.content["questions"]
    ]
    notice = await made(world.region, SAMPLES["notice"], publish=True)
    assert problems(
        await world.region.do(
            f"{sample.one}Create", "event { id }", **given, fromTemplate={"id": notice}
        )
    ) == [("NOT_FOUND", "fromTemplate.id")]


@every_kind
async def test_regions_write_their_own(world: World, sample: Sample) -> None:
    own = await made(world.other_region, sample, UPPSALA, publish=True)
    which = f'filter: {{ owner: "{UPPSALA}", scope: CENTRAL }}'
    listed = await world.other_region.ask(
        f"{{ {sample.many}({which}) {{ totalCount edges {{ node {{ id }} }} }} }}"
    )

    assert listed[sample.many] == {"totalCount": 1, "edges": [{"node": {"id": own}}]}


@pytest.mark.parametrize(
    "name", ["caseType", "caseTypeTemplate", "residentCase", "residentCaseTemplate"]
)
async def test_links_to_open_pages_need_the_principals_leave(world: World, name: str) -> None:
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
