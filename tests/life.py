"""The life of a document of any kind, over HTTP: from the first draft to the archive and back."""

from typing import Any

from tests.callers import BJORKEN, CONFLICT, LINDEN, STOCKHOLM, Caller, problems
from tests.kinds import Sample
from tests.world import World

Json = dict[str, Any]
HEAD = "id name internalName state latestVersion publishedVersion"


async def made(
    caller: Caller, sample: Sample, owner: str = STOCKHOLM, *, publish: bool = False, **content: Any
) -> str:
    """Create a document, and publish it if so requested. Returns its id."""
    payload = await caller.done(
        f"{sample.query}Create",
        f"{sample.query} {{ id }}",
        owner=owner,
        content={**sample.content, **content},
    )
    document: str = payload[sample.query]["id"]
    if publish:
        await caller.done(
            "documentPublish", "event { id }", id=document, version=1, expectedVersion=1
        )
    return document


async def written(
    caller: Caller, sample: Sample, document: str, expected: int, text: str, **more: Any
) -> Json:
    """Save the next version, with another rich text. Returns the payload, with its errors."""
    select = f"{sample.query} {{ {HEAD} }} version {{ number hash }} event {{ action version }}"
    return await caller.do(
        f"{sample.query}Update",
        select,
        id=document,
        expectedVersion=expected,
        content=sample.with_text(text),
        **more,
    )


async def act(caller: Caller, mutation: str, document: str, expected: int, **more: Any) -> Json:
    """Run a mutation on a document that must not be refused. Returns the payload."""
    select = (
        "document { __typename id state latestVersion publishedVersion } event { action at"
        " sequence }"
    )
    return await caller.done(mutation, select, id=document, expectedVersion=expected, **more)


async def look(
    caller: Caller, sample: Sample, document: str, selection: str, **variables: Any
) -> Any:
    """Query a document. Returns None if the caller cannot see it."""
    declared = "".join(f", ${name}: DateTime!" for name in variables)
    query = f"query($id: ID!{declared}) {{ {sample.query}(id: $id) {{ {selection} }} }}"
    return (await caller.ask(query, id=document, **variables))[sample.query]


async def node_type(caller: Caller, node: str) -> str | None:
    """The GraphQL type of the object with an id. Returns None if the caller cannot see it."""
    found = (await caller.ask("query($id: ID!) { node(id: $id) { __typename } }", id=node))["node"]
    return found and str(found["__typename"])


async def inbox(caller: Caller, clinic: str, document: str) -> list[Json]:
    """A clinic's notifications of a document, oldest first."""
    query = """query($clinic: HsaId!) { clinic(hsaId: $clinic) { notifications(first: 100) {
        edges { node { action fromVersion toVersion residentVisible document { id } } } } } }"""
    edges = (await caller.ask(query, clinic=clinic))["clinic"]["notifications"]["edges"]
    return [
        edge["node"] for edge in reversed(edges) if edge["node"].pop("document") == {"id": document}
    ]


async def live_through(world: World, sample: Sample) -> None:
    """Take a document through every state, and assert what each caller sees after each step."""
    document = await _draft(world, sample)
    await _publish(world, sample, document)
    await _archive_and_restore(world, sample, document)
    await _assert_history(world, sample, document)
    await _assert_notifications(world, sample, document)


async def _draft(world: World, sample: Sample) -> str:
    query = sample.query
    arguments: Json = {
        "owner": STOCKHOLM,
        "content": dict(sample.content),
        "note": "Första",
        "idempotencyKey": query,
    }
    created = await world.region.done(
        f"{query}Create",
        f"{query} {{ {HEAD} }} version {{ number note previousHash }} event {{ action }}",
        **arguments,
    )
    document: str = created[query]["id"]
    names = {name: sample.content[name] for name in ("name", "internalName")}
    head = {"id": document, **names, "state": "DRAFT", "latestVersion": 1, "publishedVersion": None}
    assert created[query] == head
    assert created["version"] == {"number": 1, "note": "Första", "previousHash": None}
    assert created["event"] == {"action": "CREATED"}
    retried = await world.region.done(f"{query}Create", f"{query} {{ id }}", **arguments)
    assert retried[query] == {"id": document}
    assert await look(world.region, sample, document, f"{HEAD} owner {{ __typename }}") == {
        **head,
        "owner": {"__typename": "Principal"},
    }
    assert await node_type(world.region, document) == sample.type
    assert await look(world.staff, sample, document, "id") is None
    assert await node_type(world.staff, document) is None

    edited = await written(world.region, sample, document, 1, "Ett helt annat ord.")
    assert (edited["errors"], edited["version"]["number"], edited["event"]) == (
        [],
        2,
        {"action": "EDITED", "version": 2},
    )
    same = await written(world.region, sample, document, 2, "Ett helt annat ord.")
    assert (same["errors"], same["version"], same["event"]) == ([], edited["version"], None)
    late = await world.region.do(
        f"{query}Update",
        CONFLICT,
        id=document,
        expectedVersion=1,
        content=sample.with_text("För sent."),
    )
    assert [error["code"] for error in late["errors"]] == ["VERSION_CONFLICT"]
    assert late["errors"][0]["latestVersion"] == 2
    assert [change["path"] for change in late["errors"][0]["changes"]] == [sample.path]
    return document


async def _publish(world: World, sample: Sample, document: str) -> None:
    published = await act(world.region, "documentPublish", document, 2, version=2)
    assert published["document"] == {
        "__typename": sample.type,
        "id": document,
        "state": "ACTIVE",
        "latestVersion": 2,
        "publishedVersion": 2,
    }
    assert await node_type(world.staff, document) == sample.type
    which = (
        f'filter: {{ text: "{sample.content["internalName"]}", state: [ACTIVE] }}, orderBy:'
        " UPDATED_DESC, first: 1"
    )
    listed = await world.region.ask(f"{{ {sample.many}({which}) {{ edges {{ node {{ id }} }} }} }}")
    assert listed[sample.many]["edges"] == [{"node": {"id": document}}]

    compare = (
        "compare(from: 1, to: 2) { residentVisible changes { kind path label text { kind } } }"
    )
    comparison = (await look(world.region, sample, document, compare))["compare"]
    assert comparison["residentVisible"] is sample.shown
    [change] = comparison["changes"]
    assert (change["kind"], change["path"]) == ("CHANGED", sample.path)
    assert change["label"] != sample.path
    assert {segment["kind"] for segment in change["text"]} >= {"INSERTED"}

    await written(world.region, sample, document, 2, "Ett utkast.")
    versions = (
        "version { number } two: version(number: 2) { id number } versions { totalCount edges {"
        " node { number } } }"
    )
    assert await look(
        world.region,
        sample,
        document,
        f"{versions} versionAt(time: $then) {{ number }}",
        then=published["event"]["at"],
    ) == {
        "version": {"number": 3},
        "two": {"id": f"{document}.2", "number": 2},
        "versions": {
            "totalCount": 3,
            "edges": [{"node": {"number": number}} for number in (3, 2, 1)],
        },
        "versionAt": {"number": 2},
    }
    assert await look(world.staff, sample, document, f"latestVersion {versions}") == {
        "latestVersion": 2,
        "version": {"number": 2},
        "two": {"id": f"{document}.2", "number": 2},
        "versions": {"totalCount": 1, "edges": [{"node": {"number": 2}}]},
    }
    assert await node_type(world.region, f"{document}.2") == f"{sample.type}Version"


async def _archive_and_restore(world: World, sample: Sample, document: str) -> None:
    for mutation, state in (
        ("documentDeactivate", "INACTIVE"),
        ("documentActivate", "ACTIVE"),
        ("documentArchive", "ARCHIVED"),
    ):
        assert (await act(world.region, mutation, document, 3))["document"]["state"] == state
    assert problems(await written(world.region, sample, document, 3, "Nej.")) == [
        ("WRONG_STATE", "id")
    ]
    restored = await act(world.region, "documentRestore", document, 3, version=1, publish=True)
    assert restored["document"] == {
        "__typename": sample.type,
        "id": document,
        "state": "ACTIVE",
        "latestVersion": 4,
        "publishedVersion": 4,
    }
    assert await look(
        world.region,
        sample,
        document,
        "compare(from: 1, to: 4) { changes { path } } version { restoredFrom }",
    ) == {
        "compare": {"changes": []},
        "version": {"restoredFrom": 1},
    }


async def _assert_history(world: World, sample: Sample, document: str) -> None:
    everything = (
        "verify { intact versions } history { totalCount edges { node { action actor { name }"
        " document { id } } } }"
    )
    seen = await look(world.region, sample, document, everything)
    recorded = [edge["node"] for edge in reversed(seen["history"]["edges"])]
    assert seen["verify"] == {"intact": True, "versions": 4}
    assert [event["action"] for event in recorded] == [
        *(
            "CREATED",
            "EDITED",
            "PUBLISHED",
            "EDITED",
            "DEACTIVATED",
            "ACTIVATED",
            "ARCHIVED",
            "RESTORED",
        ),
    ]
    assert {event["actor"]["name"] for event in recorded} == {"Anna Andersson"}
    assert {event["document"]["id"] for event in recorded} == {document}
    events = (
        "query($of: HsaId!, $id: ID!) { principal(hsaId: $of) { events(filter: { document: $id }) {"
        " totalCount } } }"
    )
    assert (await world.region.ask(events, of=STOCKHOLM, id=document))["principal"]["events"][
        "totalCount"
    ] == 8

    seen = await look(world.staff, sample, document, everything)
    assert [edge["node"]["action"] for edge in seen["history"]["edges"]] == [
        "RESTORED",
        "ARCHIVED",
        "ACTIVATED",
        "DEACTIVATED",
        "PUBLISHED",
    ]
    assert (seen["history"]["totalCount"], seen["verify"]) == (5, {"intact": True, "versions": 2})


async def _assert_notifications(world: World, sample: Sample, document: str) -> None:
    actions = [
        ("PUBLISHED", None, 2),
        ("DEACTIVATED", 2, 2),
        ("ACTIVATED", 2, 2),
        ("ARCHIVED", 2, 2),
        ("RESTORED", 2, 4),
    ]
    expected = [
        {"action": action, "fromVersion": old, "toVersion": new, "residentVisible": sample.shown}
        for action, old, new in actions
        if sample.notifies
    ]
    assert await inbox(world.staff, BJORKEN, document) == expected
    assert await inbox(world.region, LINDEN, document) == expected
