"""Reading a document: versions, times, history, comparison, verification, derivation, and nodes."""

from typing import Any

from tests.callers import BJORKEN, STOCKHOLM, Json
from tests.world import CONTENT, World


async def case_type(world: World, select: str, **variables: Any) -> Json:
    """A selection of the case type of the world; the variables are times."""
    declared = "".join(f", ${name}: DateTime!" for name in variables)
    answer = await world.region.ask(
        f"query($id: ID!{declared}) {{ caseType(id: $id) {{ {select} }} }}",
        id=world.case_type,
        **variables,
    )
    found: Json = answer["caseType"]
    return found


async def test_a_saved_version_does_not_change(world: World) -> None:
    await world.edit(world.case_type, 1, introduction="Två.", note="Andra")
    await world.edit(world.case_type, 2, publish=True, introduction="Tre.")

    found = await case_type(
        world,
        """versions { totalCount edges { node {
               number note hash previousHash content { introduction } changes { path } } } }
           one: version(number: 1) { number content { introduction } } newest: version { number }
           none: version(number: 4) { number } zero: version(number: 0) { number }
           negative: version(number: -1) { number }""",
    )

    nodes = [edge["node"] for edge in found["versions"]["edges"]]
    assert [(node["number"], node["note"], node["content"]["introduction"]) for node in nodes] == [
        (3, None, "Tre."),
        (2, "Andra", "Två."),
        (1, "Första utkastet", CONTENT["introduction"]),
    ]
    assert [node["previousHash"] for node in nodes] == [nodes[1]["hash"], nodes[2]["hash"], None]
    assert [node["changes"] for node in nodes] == [
        [{"path": "introduction"}],
        [{"path": "introduction"}],
        [],
    ]
    assert found["versions"]["totalCount"] == 3
    assert found["one"] == {"number": 1, "content": {"introduction": CONTENT["introduction"]}}
    assert (found["newest"], found["none"], found["zero"], found["negative"]) == (
        {"number": 3},
        None,
        None,
        None,
    )


async def test_version_at_returns_the_version_published_at_that_time(world: World) -> None:
    at = "history(first: 1) { edges { node { at } } }"
    first = (await case_type(world, at))["history"]["edges"][0]["node"]["at"]
    await world.edit(world.case_type, 1, introduction="Utkast.")
    drafted = (await case_type(world, at))["history"]["edges"][0]["node"]["at"]
    await world.edit(world.case_type, 2, publish=True, introduction="I kraft.")
    published = (await case_type(world, at))["history"]["edges"][0]["node"]["at"]

    found = await case_type(
        world,
        """before: versionAt(time: "2020-01-01T00:00:00Z") { number }
           first: versionAt(time: $first) { number }
           drafted: versionAt(time: $drafted) { number }
           published: versionAt(time: $published) { number }""",
        first=first,
        drafted=drafted,
        published=published,
    )

    assert first < drafted < published
    assert found == {
        "before": None,
        "first": {"number": 1},
        "drafted": {"number": 1},
        "published": {"number": 3},
    }


async def test_pages_of_history_are_newest_first_and_complete(world: World) -> None:
    for version in range(1, 6):
        await world.edit(
            world.case_type, version, introduction=f"Text {version}", note=f"Ändring {version}"
        )
    query = """query($id: ID!, $after: String) { caseType(id: $id) {
        history(first: 3, after: $after) {
        totalCount edges { cursor node { sequence action version note cursor } }
        pageInfo { hasNextPage endCursor } } } }"""

    pages: list[Json] = []
    after = None
    while not pages or pages[-1]["pageInfo"]["hasNextPage"]:
        pages.append(
            (await world.region.ask(query, id=world.case_type, after=after))["caseType"]["history"]
        )
        after = pages[-1]["pageInfo"]["endCursor"]
    nodes = [edge["node"] for page in pages for edge in page["edges"]]

    assert [len(page["edges"]) for page in pages] == [3, 3, 1]
    assert [page["totalCount"] for page in pages] == [7, 7, 7]
    assert [(node["action"], node["version"]) for node in nodes] == [
        *(("EDITED", number) for number in range(6, 1, -1)),
        ("PUBLISHED", 1),
        ("CREATED", 1),
    ]
    assert [node["sequence"] for node in nodes] == [8, 7, 6, 5, 4, 3, 2]
    assert [edge["cursor"] for page in pages for edge in page["edges"]] == [
        node["cursor"] for node in nodes
    ]


async def test_a_moved_question_is_a_move_and_a_text_is_compared_word_by_word(world: World) -> None:
    medicine, pharmacy, which = CONTENT["questions"]
    questions = [pharmacy, which, {**medicine, "label": "Vilken medicin gäller det?"}]
    await world.edit(world.case_type, 1, questions=questions)

    found = await case_type(
        world,
        """compare(from: 1, to: 2) { from to residentVisible
               changes { kind path label before after residentVisible text { kind text } } }
           back: compare(from: 2, to: 1) { changes { kind path } }
           same: compare(from: 1, to: 1) { residentVisible changes { path } }""",
    )

    label, move = sorted(found["compare"]["changes"], key=lambda change: str(change["kind"]))
    assert (
        found["compare"]["from"],
        found["compare"]["to"],
        found["compare"]["residentVisible"],
    ) == (1, 2, True)
    assert (move["kind"], move["path"], move["before"], move["after"], move["text"]) == (
        "MOVED",
        "questions[medicin]",
        1,
        3,
        None,
    )
    assert (label["kind"], label["path"], label["before"], label["after"]) == (
        "CHANGED",
        "questions[medicin].label",
        "Vilket läkemedel gäller det?",
        "Vilken medicin gäller det?",
    )
    assert (
        "".join(segment["text"] for segment in label["text"] if segment["kind"] != "INSERTED")
        == label["before"]
    )
    assert (
        "".join(segment["text"] for segment in label["text"] if segment["kind"] != "DELETED")
        == label["after"]
    )
    assert {"kind": "SAME", "text": " gäller det?"} in label["text"]
    assert {change["path"] for change in found["back"]["changes"]} == {
        "questions[medicin]",
        "questions[medicin].label",
    }
    assert found["same"] == {"residentVisible": False, "changes": []}


async def test_a_comparison_with_an_unknown_version_is_not_found(world: World) -> None:
    query = (
        "query($id: ID!, $from: Int!, $to: Int!) { caseType(id: $id) { compare(from: $from, to:"
        " $to) { from } } }"
    )

    for pair in ((1, 2), (0, 1), (-1, 1)):
        response = await world.region.post(
            query, id=world.case_type, **dict(zip(("from", "to"), pair, strict=True))
        )
        [error] = response.json()["errors"]
        assert error["extensions"] == {
            "code": "NOT_FOUND",
            "path": ["to" if pair == (1, 2) else "from"],
        }


async def test_verify_finds_a_stored_version_that_was_tampered_with(world: World) -> None:
    await world.edit(world.case_type, 1, introduction="Två.")
    await world.edit(world.case_type, 2, introduction="Tre.")
    intact = await case_type(world, "verify { intact versions firstBrokenVersion }")

    await world.api.store.database["versions"].update_one(
        {"document": world.case_type, "number": 2},
        {"$set": {"content.introduction": "Förfalskat."}},
    )

    broken = await case_type(world, "verify { intact versions firstBrokenVersion }")
    assert intact == {"verify": {"intact": True, "versions": 3, "firstBrokenVersion": None}}
    assert (broken["verify"]["intact"], broken["verify"]["firstBrokenVersion"]) == (False, 2)


async def test_a_version_has_its_template_and_whether_it_is_behind(world: World) -> None:
    select = "version { derivedFrom { version latestVersion behind template { id } } }"
    fresh = await case_type(world, select)
    await world.national.done(
        "caseTypeTemplateUpdate",
        "event { id }",
        id=world.template,
        expectedVersion=1,
        content={"name": "Utkast"},
    )
    drafted = await case_type(world, select)
    await world.national.done(
        "documentPublish", "event { id }", id=world.template, version=2, expectedVersion=2
    )
    await world.edit(world.case_type, 1, introduction="Två.")

    behind = await case_type(world, select)

    derived = {
        "version": 1,
        "latestVersion": 1,
        "behind": False,
        "template": {"id": world.template},
    }
    assert fresh["version"]["derivedFrom"] == drafted["version"]["derivedFrom"] == derived
    assert behind["version"]["derivedFrom"] == {**derived, "latestVersion": 2, "behind": True}


async def test_nodes_are_returned_by_id_in_their_own_types(world: World) -> None:
    ids = [
        world.case_type,
        f"{world.case_type}.1",
        world.template,
        f"{world.template}.1",
        f"pr_{STOCKHOLM}",
        f"cl_{BJORKEN}",
        f"ev_{STOCKHOLM}.1",
        f"{world.case_type}.2",
        f"{world.case_type}.01",
        f"{world.case_type}.99999999999999999999",
        "ev_.1",
        "pr_",
        "",
        "ct_.",
        "$where",
    ]

    found = await world.region.ask(
        "query($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }", ids=ids
    )
    too_many = await world.region.refused(
        "query($ids: [ID!]!) { nodes(ids: $ids) { id } }", ids=ids[:1] * 101
    )

    types = [
        "CaseType",
        "CaseTypeVersion",
        "CaseTypeTemplate",
        "CaseTypeTemplateVersion",
        "Principal",
        "Clinic",
        "Event",
    ]
    assert found["nodes"] == [
        *({"__typename": name, "id": node_id} for name, node_id in zip(types, ids, strict=False)),
        *([None] * 8),
    ]
    assert too_many == ["TOO_MANY"]
