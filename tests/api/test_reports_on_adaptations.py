"""Reports on adaptations: per case type, and per text that clinics or owners changed."""

import pytest

from tests.api.reporting import linden, nodes, publish_case_type, report
from tests.callers import BJORKEN, LINDEN, STOCKHOLM, UPPSALA, Json
from tests.world import CONTENT, World

PER_ADAPTED = """{ totalCount edges { node {
    caseType { id } clinics standardReplies terms
    clinicsWithStandardReplies clinicsWithTerms needReview } } }"""


async def test_adaptations_are_counted_per_case_type_without_those_of_other_clinics(
    world: World,
) -> None:
    other = await publish_case_type(world, "Boka tid")
    await world.distribute(world.case_type, BJORKEN, LINDEN)
    await world.distribute(other, BJORKEN)
    replies = [
        {"key": "egen", "label": "Egen", "text": "Hej"},
        {"key": "till", "label": "Till", "text": "Hej"},
    ]
    terms = [{"key": "eget", "heading": "Eget", "text": "Så här."}]
    for clinic, case_type in (
        (BJORKEN, world.case_type),
        (LINDEN, world.case_type),
        (BJORKEN, other),
    ):
        adaptation = {
            "clinic": clinic,
            "caseType": case_type,
            "expectedVersion": 0,
            "standardReplies": replies,
            "terms": terms,
        }
        await world.region.done("localAdaptationSave", "event { id }", **adaptation)
    await world.edit(world.case_type, 1, publish=True, introduction="Två.")
    reviewed = {
        "clinic": LINDEN,
        "caseType": world.case_type,
        "expectedVersion": 1,
        "standardReplies": replies[:1],
        "terms": [],
    }
    await world.region.done("localAdaptationSave", "event { id }", **reviewed)

    selection = f"adaptationsPerCaseType {PER_ADAPTED}"
    found = {
        name: await report(getattr(world, name), selection)
        for name in ("region", "reporter", "clinic_admin", "staff", "national", "other_region")
    }
    at_linden = await report(linden(world), selection)
    of_linden = await report(world.region, selection, clinics={"text": "linden"})

    row = {
        "caseType": {"id": world.case_type},
        "clinics": 2,
        "standardReplies": 3,
        "terms": 1,
        "needReview": 1,
    }
    row |= {"clinicsWithStandardReplies": 2, "clinicsWithTerms": 1}
    single = {**row, "clinics": 1, "clinicsWithStandardReplies": 1}
    of_other = {**single, "caseType": {"id": other}, "standardReplies": 2, "needReview": 0}
    lindens = {**single, "standardReplies": 1, "terms": 0, "clinicsWithTerms": 0, "needReview": 0}
    bjorkens = sorted(
        [{**single, "standardReplies": 2}, of_other], key=lambda single: str(single["caseType"])
    )
    assert nodes(found["region"]) == nodes(found["reporter"]) == [row, of_other]
    assert nodes(found["clinic_admin"]) == nodes(found["staff"]) == bjorkens
    assert nodes(at_linden) == nodes(of_linden) == [lindens]
    assert nodes(found["national"]) == nodes(found["other_region"]) == []


PER_TEXT = (
    "{ totalCount pageInfo { hasNextPage endCursor } edges { node { document { id } path label"
    " documents outOf clinics principals } } }"
)


def per_text(connection: Json) -> list[tuple[str, str, int, int, int, int]]:
    return [
        (
            row["document"]["id"],
            row["path"],
            *(row[name] for name in ("documents", "outOf", "clinics", "principals")),
        )
        for row in nodes(connection)
    ]


async def adapt(
    world: World, clinic: str, case_type: str, replies: str, terms: str = "", expected: int = 0
) -> None:
    """Save a clinic's adaptation, with a reply or a section of terms for each letter."""
    texts = {
        "standardReplies": [{"key": key, "label": f"Svar {key}", "text": "Hej"} for key in replies],
        "terms": [{"key": key, "heading": f"Del {key}", "text": "Så här."} for key in terms],
    }
    await world.region.done(
        "localAdaptationSave",
        "event { id }",
        clinic=clinic,
        caseType=case_type,
        expectedVersion=expected,
        **texts,
    )


async def test_texts_that_clinics_add_are_counted_individually(world: World) -> None:
    other = await publish_case_type(world, "Boka tid")
    await world.distribute(world.case_type, BJORKEN, LINDEN)
    await world.distribute(other, BJORKEN)
    await adapt(world, BJORKEN, world.case_type, "ab", "a")
    await adapt(world, LINDEN, world.case_type, "b", "a")
    await adapt(world, LINDEN, world.case_type, "bc", expected=1)
    await adapt(world, BJORKEN, other, "b")

    selection = f"adaptationsPerText {PER_TEXT}"
    found = {
        name: await report(getattr(world, name), selection)
        for name in ("region", "reporter", "reviewer", "clinic_admin", "national", "other_region")
    }
    of_other = await report(
        world.region, f"adaptationsPerText(document: $document) {PER_TEXT}", document=other
    )
    of_linden = await report(world.region, selection, clinics={"text": "linden"})

    mine = world.case_type
    once = [
        (mine, "standardReplies[a]", 1, 2, 1, 1),
        (mine, "standardReplies[c]", 1, 2, 1, 1),
        (mine, "terms[a]", 1, 2, 1, 1),
    ]
    whole = [
        (mine, "standardReplies[b]", 2, 2, 2, 1),
        *sorted([*once, (other, "standardReplies[b]", 1, 1, 1, 1)]),
    ]
    assert (
        per_text(found["region"])
        == per_text(found["reporter"])
        == per_text(found["reviewer"])
        == whole
    )
    assert found["region"]["totalCount"] == 5
    labels = {row["path"]: row["label"] for row in nodes(found["region"])}
    assert (labels["standardReplies[a]"], labels["terms[a]"]) == (
        "Standardsvar › ”Svar a”",
        "Villkor › ”Del a”",
    )
    at_bjorken = [
        (mine, path, 1, 1, 1, 1)
        for path in ("standardReplies[a]", "standardReplies[b]", "terms[a]")
    ]
    assert per_text(found["clinic_admin"]) == sorted(
        [*at_bjorken, (other, "standardReplies[b]", 1, 1, 1, 1)]
    )
    assert per_text(of_linden) == [
        (mine, path, 1, 1, 1, 1) for path in ("standardReplies[b]", "standardReplies[c]")
    ]
    assert per_text(of_other) == [(other, "standardReplies[b]", 1, 1, 1, 1)]
    assert per_text(found["national"]) == per_text(found["other_region"]) == []


async def test_texts_that_differ_from_the_template_are_counted_individually(
    world: World,
) -> None:
    """A removed or added item counts as one text.

    The internal name, the order of items and archived documents do not count.
    """
    template, owners = (
        {"fromTemplate": {"id": world.template}},
        {
            "a": BJORKEN,
            "b": LINDEN,
            "c": STOCKHOLM,
        },
    )
    first, second, third = CONTENT["questions"]
    changed: dict[str, Json] = {
        "a": {
            "introduction": "Eget.",
            "internalName": "Annat",
            "questions": [second, third, {**first, "label": "Vilken medicin?"}],
        },
        "b": {
            "introduction": "Annat.",
            "terms": [*CONTENT["terms"], {"key": "eget", "heading": "Eget", "text": "Så."}],
        },
        "c": {"questions": [second, third]},
    }
    documents = {}
    for name, content in changed.items():
        done = await world.region.done(
            "caseTypeCreate",
            "caseType { id }",
            owner=owners[name],
            content=CONTENT | content,
            **template,
        )
        documents[name] = done["caseType"]["id"]
    archived = await world.region.done(
        "caseTypeCreate",
        "caseType { id }",
        owner=LINDEN,
        content=CONTENT | {"name": "Borta"},
        **template,
    )
    await world.region.done(
        "documentArchive", "event { id }", id=archived["caseType"]["id"], expectedVersion=1
    )
    other = await world.other_region.done(
        "caseTypeCreate",
        "caseType { id }",
        owner=UPPSALA,
        content=CONTENT | {"introduction": "Uppsalas."},
        **template,
    )
    await world.other_region.done(
        "documentPublish", "event { id }", id=other["caseType"]["id"], version=1, expectedVersion=1
    )

    selection = f"adaptationsPerText {PER_TEXT}"
    callers = {
        name: getattr(world, name)
        for name in ("region", "other_region", "national", "reporter", "staff", "clinic_admin")
    }
    found = {name: await report(caller, selection) for name, caller in callers.items()}
    draft = await world.edit(world.case_type, 1, name="Utkast")
    drafted = {
        name: per_text(await report(callers[name], selection)) for name in ("region", "reporter")
    }
    at_linden = await report(world.region, selection, clinics={"text": "linden"})

    def row(
        path: str, documents: int, out_of: int, clinics: int = 0, principals: int = 1
    ) -> tuple[str, str, int, int, int, int]:
        return world.template, path, documents, out_of, clinics, principals

    questions = [
        row("questions[medicin]", 1, 4),
        row("questions[medicin].label", 1, 4, 1),
        row("terms[eget]", 1, 4, 1),
    ]
    whole = [row("introduction", 2, 4, 2), *questions]
    assert per_text(found["region"]) == whole
    assert {text["path"]: text["label"] for text in nodes(found["region"])} == {
        "introduction": "Introduktion",
        "questions[medicin]": "Frågor › ”Vilket läkemedel gäller det?”",
        "questions[medicin].label": "Frågor › ”Vilket läkemedel gäller det?” › Etikett",
        "terms[eget]": "Villkor › ”Eget”",
    }
    assert per_text(found["other_region"]) == [row("introduction", 1, 1)]
    assert per_text(found["national"]) == [row("introduction", 1, 2)]
    assert per_text(found["reporter"]) == per_text(found["staff"]) == []
    assert per_text(found["clinic_admin"]) == [
        row("introduction", 1, 2, 1),
        row("questions[medicin].label", 1, 2, 1),
    ]
    assert draft["version"]["number"] == 2
    assert drafted == {"region": [whole[0], row("name", 1, 4), *questions], "reporter": []}
    assert per_text(at_linden) == [row("introduction", 1, 1, 1), row("terms[eget]", 1, 1, 1)]


async def test_adapted_texts_are_paged_and_unreadable_documents_are_not_found(
    world: World,
) -> None:
    await world.distribute(world.case_type, BJORKEN)
    await adapt(world, BJORKEN, world.case_type, "abc")
    hidden = await world.draft()
    found, after = [], None

    for _ in range(3):
        arguments = f'first: 1, after: "{after}"' if after else "first: 1"
        page = await report(world.region, f"adaptationsPerText({arguments}) {PER_TEXT}")
        after = page["pageInfo"]["endCursor"]
        found += [row["path"] for row in nodes(page)]

    assert (found, page["pageInfo"]["hasNextPage"]) == (
        [f"standardReplies[{key}]" for key in "abc"],
        False,
    )
    query = "query($id: ID!) { reports { adaptationsPerText(document: $id) { totalCount } } }"
    for caller, document in (
        (world.staff, hidden),
        (world.other_region, world.case_type),
        (world.region, "tpl_none"),
    ):
        assert await caller.refused(query, id=document) == ["NOT_FOUND"]


async def test_a_report_that_compares_too_many_documents_is_refused(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    query = "query($id: ID) { reports { adaptationsPerText(document: $id) { totalCount } } }"
    monkeypatch.setattr("resolvers.reports.authoring.MAX_DOCUMENTS", 0)

    assert await world.region.refused(query) == ["TOO_MANY"]
    assert (await world.region.ask(query, id=world.case_type))["reports"]["adaptationsPerText"][
        "totalCount"
    ] == 0
