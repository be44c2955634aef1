"""Reading documents: versions, moments, history, comparison, verification, derivation; and lists,
filtered, ordered and paged.
"""

import asyncio
from typing import Any

from tests.callers import BJORKEN, INERA, STOCKHOLM, Json
from tests.world import CONTENT, World

PAGE = """query($filter: DocumentFilter, $order: DocumentOrder, $first: Int, $after: String, $last: Int, $before: String) {
    caseTypes(filter: $filter, orderBy: $order, first: $first, after: $after, last: $last, before: $before) {
        totalCount edges { cursor node { id name } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }"""


async def case_type(world: World, select: str, **variables: Any) -> Json:
    declared = "".join(f", ${name}: DateTime!" for name in variables)
    answer = await world.region.ask(
        f"query($id: ID!{declared}) {{ caseType(id: $id) {{ {select} }} }}",
        id=world.case_type,
        **variables,
    )
    found: Json = answer["caseType"]
    return found


async def listed(world: World, **variables: Any) -> Json:
    page: Json = (await world.region.ask(PAGE, **variables))["caseTypes"]
    return page


def names(page: Json) -> list[str]:
    return [edge["node"]["name"] for edge in page["edges"]]


async def named(world: World, *wanted: str) -> list[str]:
    return [await world.draft({"name": name, "internalName": name}) for name in wanted]


async def test_every_version_stays_as_it_was_saved(world: World) -> None:
    await world.edit(world.case_type, 1, introduction="Två.", note="Andra")
    await world.edit(world.case_type, 2, publish=True, introduction="Tre.")

    found = await case_type(
        world,
        """versions { totalCount edges { node { number note hash previousHash content { introduction } changes { path } } } }
           one: version(number: 1) { number content { introduction } } newest: version { number }
           none: version(number: 4) { number } zero: version(number: 0) { number } negative: version(number: -1) { number }""",
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


async def test_the_version_in_force_at_a_moment(world: World) -> None:
    at = "history(first: 1) { edges { node { at } } }"
    first = (await case_type(world, at))["history"]["edges"][0]["node"]["at"]
    await world.edit(world.case_type, 1, introduction="Utkast.")
    drafted = (await case_type(world, at))["history"]["edges"][0]["node"]["at"]
    await world.edit(world.case_type, 2, publish=True, introduction="I kraft.")
    published = (await case_type(world, at))["history"]["edges"][0]["node"]["at"]

    found = await case_type(
        world,
        """before: versionAt(time: "2020-01-01T00:00:00Z") { number } first: versionAt(time: $first) { number }
           drafted: versionAt(time: $drafted) { number } published: versionAt(time: $published) { number }""",
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


async def test_history_is_newest_first_in_pages_without_loss(world: World) -> None:
    for version in range(1, 6):
        await world.edit(
            world.case_type, version, introduction=f"Text {version}", note=f"Ändring {version}"
        )
    query = """query($id: ID!, $after: String) { caseType(id: $id) { history(first: 3, after: $after) {
        totalCount edges { cursor node { sequence action version note cursor } } pageInfo { hasNextPage endCursor } } } }"""

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


async def test_a_moved_question_is_a_move_and_a_text_is_compared_by_words(world: World) -> None:
    medicine, pharmacy, which = CONTENT["questions"]
    questions = [pharmacy, which, {**medicine, "label": "Vilken medicin gäller det?"}]
    await world.edit(world.case_type, 1, questions=questions)

    found = await case_type(
        world,
        """compare(from: 1, to: 2) { from to residentVisible changes { kind path label before after residentVisible text { kind text } } }
           back: compare(from: 2, to: 1) { changes { kind path } } same: compare(from: 1, to: 1) { residentVisible changes { path } }""",
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


async def test_a_comparison_with_a_version_that_is_not_there_is_not_found(world: World) -> None:
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


async def test_verify_holds_until_a_stored_version_is_tampered_with(world: World) -> None:
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


async def test_a_version_knows_its_template_and_how_far_it_is_behind(world: World) -> None:
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


async def test_nodes_are_answered_by_id_in_their_own_types(world: World) -> None:
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


async def test_names_sort_as_in_swedish_and_times_by_the_last_change(world: World) -> None:
    await named(world, "Övrigt", "ask", "Ärende", "Åtgärd", "Zon", "Björk")

    found = {
        order: names(await listed(world, order=order))
        for order in ("NAME_ASC", "NAME_DESC", "UPDATED_ASC", "UPDATED_DESC")
    }

    by_name = ["ask", "Björk", "Förnya recept", "Zon", "Åtgärd", "Ärende", "Övrigt"]
    by_time = ["Förnya recept", "Övrigt", "ask", "Ärende", "Åtgärd", "Zon", "Björk"]
    assert found == {
        "NAME_ASC": by_name,
        "NAME_DESC": by_name[::-1],
        "UPDATED_ASC": by_time,
        "UPDATED_DESC": by_time[::-1],
    }
    assert names(await listed(world)) == by_name


async def test_filters_choose_what_they_say(world: World) -> None:
    start = (await case_type(world, "updatedAt"))["updatedAt"]
    await named(world, "Alfa", "Beta (.*)")
    own = await world.clinic_admin.done(
        "caseTypeCreate",
        "caseType { id }",
        owner=BJORKEN,
        content={"name": "Egen", "internalName": "Björkens"},
    )
    gone = await named(world, "Borta")
    await world.region.done("documentArchive", "event { id }", id=gone[0], expectedVersion=1)
    local_time = (
        await world.region.ask(
            "query($id: ID!) { caseType(id: $id) { updatedAt } }", id=own["caseType"]["id"]
        )
    )["caseType"]["updatedAt"]
    filters: list[tuple[Json, list[str]]] = [
        ({}, ["Alfa", "Beta (.*)", "Egen", "Förnya recept"]),
        ({"text": "FÖRNYA"}, ["Förnya recept"]),
        ({"text": "björkens"}, ["Egen"]),
        ({"text": "(.*)"}, ["Beta (.*)"]),
        ({"text": ".*"}, ["Beta (.*)"]),
        ({"text": "$ne"}, []),
        ({"owner": STOCKHOLM.lower()}, ["Alfa", "Beta (.*)", "Förnya recept"]),
        ({"owner": BJORKEN}, ["Egen"]),
        ({"owner": INERA}, []),
        ({"scope": "LOCAL"}, ["Egen"]),
        ({"scope": "CENTRAL"}, ["Alfa", "Beta (.*)", "Förnya recept"]),
        ({"state": ["ACTIVE"]}, ["Förnya recept"]),
        ({"state": ["ARCHIVED"]}, ["Borta"]),
        ({"state": ["DRAFT", "ARCHIVED"]}, ["Alfa", "Beta (.*)", "Borta", "Egen"]),
        ({"state": []}, []),
        ({"derivedFrom": world.template}, ["Förnya recept"]),
        ({"derivedFrom": world.case_type}, []),
        ({"changedSince": start}, ["Alfa", "Beta (.*)", "Egen", "Förnya recept"]),
        ({"changedSince": local_time}, ["Egen"]),
        ({"changedSince": local_time, "scope": "CENTRAL"}, []),
    ]

    for given, expected in filters:
        page = await listed(world, filter=given)
        assert (names(page), page["totalCount"]) == (expected, len(expected)), given


async def test_pages_lose_and_double_nothing_while_others_write(world: World) -> None:
    ids = set(await named(world, *(f"Namn {number % 4}" for number in range(22)))) | {
        world.case_type
    }

    for order in ("NAME_ASC", "NAME_DESC", "UPDATED_ASC"):
        writing = asyncio.create_task(named(world, *(f"Namn {number % 4}" for number in range(12))))
        seen: list[str] = []
        after = None
        while True:
            page = await listed(world, order=order, first=5, after=after)
            assert page["pageInfo"]["hasPreviousPage"] is (after is not None)
            assert len(page["edges"]) == 5 or not page["pageInfo"]["hasNextPage"]
            seen += [edge["node"]["id"] for edge in page["edges"]]
            after = page["pageInfo"]["endCursor"]
            if not page["pageInfo"]["hasNextPage"]:
                break
        new = set(await writing)

        assert len(seen) == len(set(seen)), order
        assert ids <= set(seen) <= ids | new, order
        ids |= new


async def test_pages_backwards_are_the_same_list_from_the_end(world: World) -> None:
    await named(world, "Alfa", "Beta", "Gamma", "Delta")
    last = await listed(world, last=2)
    middle = await listed(world, last=2, before=last["pageInfo"]["startCursor"])
    first = await listed(world, last=2, before=middle["pageInfo"]["startCursor"])

    assert [names(page) for page in (first, middle, last)] == [
        ["Alfa"],
        ["Beta", "Delta"],
        ["Förnya recept", "Gamma"],
    ]
    assert [page["pageInfo"]["hasPreviousPage"] for page in (first, middle, last)] == [
        False,
        True,
        True,
    ]
    assert [page["pageInfo"]["hasNextPage"] for page in (first, middle, last)] == [
        True,
        True,
        False,
    ]
    assert {page["totalCount"] for page in (first, middle, last)} == {5}
    assert last["edges"][0]["cursor"] == last["pageInfo"]["startCursor"]


async def test_wrong_pages_are_refused_with_the_argument(world: World) -> None:
    by_name = (await listed(world))["pageInfo"]["endCursor"]
    attempts: list[tuple[Json, Json]] = [
        ({"first": 101}, {"code": "OUT_OF_RANGE", "path": ["first"]}),
        ({"first": 0}, {"code": "OUT_OF_RANGE", "path": ["first"]}),
        ({"last": -1}, {"code": "OUT_OF_RANGE", "path": ["last"]}),
        ({"first": 1, "last": 1}, {"code": "FIRST_AND_LAST", "path": ["last"]}),
        ({"after": "skräp"}, {"code": "INVALID_CURSOR", "path": ["after"]}),
        ({"last": 1, "before": "W10"}, {"code": "INVALID_CURSOR", "path": ["before"]}),
        ({"after": by_name, "order": "UPDATED_ASC"}, {"code": "INVALID_CURSOR", "path": ["after"]}),
    ]

    for given, expected in attempts:
        [error] = (await world.region.post(PAGE, **given)).json()["errors"]
        assert error["extensions"] == expected, given
    assert len((await listed(world, first=100))["edges"]) == 1
