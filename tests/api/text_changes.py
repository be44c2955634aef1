"""Replaces texts in the region's documents, and reads the results."""

from typing import Any

from tests.callers import STOCKHOLM, Json
from tests.world import CONTENT, World

SELECT = """batch hits event { sequence action batch }
    documents { document { id latestVersion publishedVersion } version newVersion published
        problems { code path }
        changes { kind path label before after residentVisible text { kind text } } }
    skipped { reason document { id } changes { path after } }"""


async def replace(world: World, find: str, by: str, **other: Any) -> Json:
    """Replace a text in the region's own documents; return the payload."""
    return await world.region.do(
        "textReplace", SELECT, owner=STOCKHOLM, find=find, replace=by, **other
    )


async def content_of(world: World, document: str, number: int | None = None) -> Json:
    query = """query($id: ID!, $number: Int) { caseType(id: $id) { version(number: $number) {
        number content { name internalName introduction questions { key label }
        links { key label url } } } } }"""
    version: Json = (await world.region.ask(query, id=document, number=number))["caseType"][
        "version"
    ]
    return version


async def log_of(world: World, **criteria: Any) -> list[Json]:
    query = """query($id: HsaId!, $filter: EventFilter) { principal(hsaId: $id) {
        events(filter: $filter) { edges { node {
        action version batch note document { id } } } } } }"""
    edges = (await world.region.ask(query, id=STOCKHOLM, filter=criteria))["principal"]["events"][
        "edges"
    ]
    return [edge["node"] for edge in edges]


async def publish_case_type(world: World, **content: Any) -> str:
    case_type = await world.draft(CONTENT | content)
    await world.region.done(
        "documentPublish", "event { id }", id=case_type, version=1, expectedVersion=1
    )
    return case_type
