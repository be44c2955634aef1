"""Exports over HTTP: headers, compression, conditional requests, and media types."""

import gzip
import json

import httpx2
import pytest

from tests.api.export_log import logged
from tests.callers import BJORKEN
from tests.exporting import MANY, fetched, with_many_clinics
from tests.world import World
from transport.exports.formats.catalogue import FORMATS


async def test_the_headers_describe_the_file(world: World) -> None:
    await world.distribute(world.case_type)

    answer = await fetched(world.reporter, "assignments.csv", {"accept-encoding": "identity"})

    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"].startswith('attachment; filename="assignments-20')
    assert answer.headers["x-total-rows"] == "2"
    assert answer.headers["cache-control"] == "private, no-cache"
    assert "content-encoding" not in answer.headers
    assert len(answer.content.decode("utf-8-sig").splitlines()) == 3


async def test_text_formats_are_compressed_if_the_client_accepts_it(world: World) -> None:
    await with_many_clinics(world)
    headers = {"authorization": f"Bearer {world.region.token}", "accept-encoding": "gzip"}

    async with world.region.client.stream(
        "GET", f"{world.api.root}/exports/assignments.ndjson", headers=headers
    ) as answer:
        raw = b"".join([piece async for piece in answer.aiter_raw()])

    assert answer.headers["content-encoding"] == "gzip"
    assert len(gzip.decompress(raw).splitlines()) == MANY
    packed = await fetched(world.region, "assignments.parquet", {"accept-encoding": "gzip"})
    assert "content-encoding" not in packed.headers


async def test_head_returns_the_headers_and_is_not_logged(world: World) -> None:
    await world.distribute(world.case_type)
    before = await world.api.snapshot()

    answer = await world.region.client.head(
        f"{world.api.root}/exports/assignments.csv",
        headers={"authorization": f"Bearer {world.region.token}"},
    )

    assert (answer.status_code, answer.headers["x-total-rows"], answer.content) == (200, "2", b"")
    assert "content-length" not in answer.headers, "the file is not empty"
    assert await world.api.snapshot() == before


async def test_a_matching_tag_gets_304_until_something_is_written(
    world: World,
) -> None:
    await world.distribute(world.case_type)
    first = await fetched(world.region, "assignments.csv")
    tag = {"if-none-match": first.headers["etag"]}

    same = await fetched(world.region, "assignments.csv", tag)
    other_viewer = await fetched(world.reporter, "assignments.csv", tag)
    other_question = await fetched(world.region, "assignments.csv", tag, clinic=BJORKEN)
    await world.edit(world.case_type, 1, publish=True, introduction="Nytt.")
    changed = await fetched(world.region, "assignments.csv", tag)

    assert [answer.status_code for answer in (same, other_viewer, other_question, changed)] == [
        304,
        200,
        200,
        200,
    ]
    assert same.content == b""


async def test_a_star_matches_every_file_that_would_be_sent(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.distribute(world.case_type)
    tag = (await fetched(world.region, "assignments.csv")).headers["etag"]
    logged_before = await logged(world)

    star = {"if-none-match": "*"}
    match = await fetched(world.region, "assignments.csv", star)
    in_list = await fetched(
        world.region, "assignments.csv", {"if-none-match": f'"a,b", {tag.removeprefix("W/")}'}
    )
    malformed = await fetched(world.region, "assignments.csv", {"if-none-match": f"{tag}, *"})
    refused = [
        await fetched(world.region, "assignments.csv", star, colour="red"),
        await fetched(world.region, "assignments.pdf", star),
        await fetched(world.api.nobody(), "assignments.csv", star),
    ]
    monkeypatch.setattr(FORMATS["xlsx"], "max_rows", 1)
    refused.append(await fetched(world.region, "assignments.xlsx", star))

    assert (match.status_code, match.headers["etag"], match.content) == (304, tag, b"")
    assert (in_list.status_code, malformed.status_code) == (304, 200)
    assert [answer.status_code for answer in refused] == [400, 404, 401, 400]
    assert len(await logged(world)) == len(logged_before) + 1, "only the file that was sent"


@pytest.mark.parametrize(
    "accept",
    [
        None,
        "",
        "*/*",
        "text/csv",
        "TEXT/*;q=0.1",
        "application/json, text/csv;q=0.5",
        "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8",
    ],
)
async def test_a_file_is_sent_if_its_media_type_is_accepted(
    world: World, accept: str | None
) -> None:
    headers = [] if accept is None else [("accept", accept)]
    request = world.region.client.build_request(
        "GET",
        f"{world.api.root}/exports/clinics.csv",
        headers=[("authorization", f"Bearer {world.region.token}"), *headers],
    )
    if accept is None:
        del request.headers["accept"]

    answer = await world.region.client.send(request)

    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/csv; charset=utf-8")
    assert answer.headers["vary"] == "authorization, accept, accept-encoding"


@pytest.mark.parametrize(
    ("file", "accept"),
    [
        ("clinics.csv", "application/json"),
        ("clinics.csv", "*/*, text/csv;q=0"),
        ("clinics.csv", "application/*"),
        ("clinics.xlsx", "text/csv"),
        ("clinics.ndjson", "application/json"),
    ],
)
async def test_a_file_whose_media_type_is_excluded_is_refused(
    world: World, file: str, accept: str
) -> None:
    before = await world.api.snapshot()

    answer = await fetched(world.region, file, {"accept": accept})

    assert (answer.status_code, answer.headers["content-type"]) == (406, "application/problem+json")
    problem = answer.json()
    assert problem["code"] == "NOT_ACCEPTABLE"
    for offer in (
        "clinics.csv (text/csv)",
        "clinics.ndjson (application/x-ndjson)",
        "clinics.parquet (application/vnd.apache.parquet)",
        "clinics.xlsx (application/vnd.openxmlformats-officedocument.spreadsheetml.sheet)",
    ):
        assert offer in problem["detail"]
    assert await world.api.snapshot() == before


async def test_an_export_up_to_a_cursor_is_sent_again_if_its_rows_have_changed(
    world: World,
) -> None:
    """Some columns have current values, and the rows that the caller can see may change."""
    await world.distribute(world.case_type, BJORKEN)
    draft = await world.draft()
    first = {}
    for name in ("assignments", "events"):
        cursor = (await fetched(world.reporter, f"{name}.ndjson")).headers["x-export-cursor"]
        first[name] = (cursor, await fetched(world.reporter, f"{name}.ndjson", upTo=cursor))
    inbox = (
        f'{{ clinic(hsaId: "{BJORKEN}") {{ notifications(first: 1) {{ edges {{ cursor }} }} }} }}'
    )
    [edge] = (await world.staff.ask(inbox))["clinic"]["notifications"]["edges"]

    async def again(name: str) -> httpx2.Response:
        cursor, before = first[name]
        return await fetched(
            world.reporter, f"{name}.ndjson", {"if-none-match": before.headers["etag"]}, upTo=cursor
        )

    unchanged = await again("assignments")
    await world.staff.done(
        "notificationsAcknowledge", "event { id }", clinic=BJORKEN, upTo=edge["cursor"]
    )
    acknowledged = await again("assignments")
    await world.region.done(
        "documentPublish", "event { id }", id=draft, version=1, expectedVersion=1
    )
    published = await again("events")

    assert [answer.status_code for answer in (unchanged, acknowledged, published)] == [
        304,
        200,
        200,
    ]
    assert [
        json.loads(answer.text)["acknowledgedVersion"]
        for answer in (first["assignments"][1], acknowledged)
    ] == [None, 1]
    known = [
        {json.loads(line)["document"] for line in answer.text.splitlines()}
        for answer in (first["events"][1], published)
    ]
    assert known[1] - known[0] == {draft}
