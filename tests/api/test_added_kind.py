"""A kind of document that only this module adds, by the steps in CONTRIBUTING.md.

Its whole life runs over HTTP. No code of the store changes.
"""

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import strawberry
from graphql import build_schema

from resolvers.kinds.registrations import KINDS
from resolvers.reference.principals import reference_principals
from schema.documents.conversion import KIND_CONVERTERS
from schema.documents.documents import Document, Version
from schema.kinds.case_type_content import INTERNAL_NAME, ITEM_KEY, NAME
from schema.kinds.content_types import content_types_of
from schema.kinds.kind_schema import KindSchema, kind_schema
from schema.kinds.kind_types import document_type, version_type
from schema.registry import KIND_SCHEMAS, schema_of
from schema.scalars import Markdown
from store.kinds.kinds import Kind, Kinds
from store.mongo.connection import Database
from store.registry import Store
from tests.callers import BJORKEN, problems
from tests.checklists import CHECKLIST
from tests.kinds import Sample
from tests.life import inbox, live_through, look, made, written
from tests.serving import serving
from tests.world import World

# ------------------------------------------------------------------ schema/checklists.py


@strawberry.type(description="One thing to do.")
class ChecklistItem:
    key: str = strawberry.field(description=ITEM_KEY)
    label: str = strawberry.field(description="What to do.")
    text: Markdown = strawberry.field(description="How to do it.")


@strawberry.type(description="The content of a version of a checklist.")
class ChecklistContent:
    name: str = strawberry.field(description=NAME)
    internal_name: str = strawberry.field(description=INTERNAL_NAME)
    items: list[ChecklistItem] = strawberry.field(description="What to do, in order; at most 50.")


def kind_schema_of(kind: Kind) -> KindSchema:
    """Build the kind's part of the schema; a module of `schema` does this at its top level."""
    content_types = content_types_of(kind, ChecklistContent)

    @version_type(content_types, "One immutable snapshot of a checklist.")
    class ChecklistVersion(Version):
        pass

    @document_type(
        content_types, ChecklistVersion, "What a resident does before a visit (checklista)."
    )
    class Checklist(Document):
        pass

    return kind_schema(content_types, Checklist, ChecklistVersion, noun="checklist")


# ------------------------------------------------------------------ tests

SAMPLE = Sample(
    "CHECKLIST",
    "checklist",
    "checklists",
    {
        "name": "Inför besöket",
        "internalName": "Inför besöket – alla",
        "items": [{"key": "fasta", "label": "Fasta", "text": "Ät *inget* efter 22."}],
    },
    ("items", 0, "text"),
)


@pytest.fixture(scope="module")
def added() -> Iterator[KindSchema]:
    """The kind's part of the schema; its converters are removed afterwards."""
    yield kind_schema_of(CHECKLIST)
    del KIND_CONVERTERS[CHECKLIST.name]


@pytest.fixture
async def world(
    mongodb_uri: str, database: Database, tmp_path: Path, added: KindSchema
) -> AsyncIterator[World]:
    """The registry with the added kind."""
    store = Store(database, Kinds([*KINDS, CHECKLIST]))
    await store.principals.ensure(reference_principals())
    async with serving(
        tmp_path, mongodb_uri, store, schema=schema_of([*KIND_SCHEMAS, added]), development=True
    ) as api:
        yield await World.build(api)
    await store.log.close()


async def test_an_added_kind_goes_through_a_whole_life(world: World) -> None:
    await live_through(world, SAMPLE)


async def test_an_added_kind_obeys_the_rules_of_its_model_and_of_all_texts(world: World) -> None:
    document = await made(world.region, SAMPLE)

    for content, expected in (
        ({"items": []}, ("MISSING", "content.items")),
        ({"name": " "}, ("BLANK", "content.name")),
        (SAMPLE.with_text("19121212-1212"), ("PERSONAL_NUMBER", "content.items.0.text")),
        (SAMPLE.with_text("<b>x</b>"), ("RAW_HTML", "content.items.0.text")),
    ):
        refused = await world.region.do(
            "checklistUpdate", "event { id }", id=document, expectedVersion=1, content=content
        )
        assert expected in problems(refused)


async def test_a_clinic_is_notified_of_its_own_document(world: World) -> None:
    document = await made(world.clinic_admin, SAMPLE, BJORKEN, publish=True)

    assert [
        notification["toVersion"] for notification in await inbox(world.staff, BJORKEN, document)
    ] == [1]


async def test_stored_content_is_upcast_when_it_is_read_after_the_model_has_changed(
    world: World, mongodb_uri: str, tmp_path: Path
) -> None:
    document = await made(world.region, SAMPLE, publish=True)
    old = (
        await look(
            world.region,
            SAMPLE,
            document,
            "version(number: 1) { hash content { items { key label text } } }",
        )
    )["version"]

    def upcast(content: dict[str, Any]) -> dict[str, Any]:
        return {
            **content,
            "items": [{**item, "label": item["label"].upper()} for item in content["items"]],
        }

    later = replace(CHECKLIST, schema_version=2, upcasters={1: upcast})
    before = KIND_CONVERTERS[CHECKLIST.name]
    store = Store(world.api.store.database, Kinds([*KINDS, later]))
    newer = schema_of([*KIND_SCHEMAS, kind_schema_of(later)])
    async with serving(tmp_path, mongodb_uri, store, schema=newer, development=True) as api:
        region = replace(world.region, api=api)
        found = await look(
            region,
            SAMPLE,
            document,
            "verify { intact } version(number: 1) { hash content { items { key label text } } }",
        )
        saved = await written(region, SAMPLE, document, 1, "Nytt")
        compared = await look(
            region,
            SAMPLE,
            document,
            "compare(from: 1, to: 2) { changes { path } } verify { intact versions }",
        )
    await store.log.close()
    KIND_CONVERTERS[CHECKLIST.name] = before

    assert found["verify"] == {"intact": True}
    assert found["version"] == {
        "hash": old["hash"],
        "content": {"items": [{**old["content"]["items"][0], "label": "FASTA"}]},
    }
    assert saved["errors"] == []
    assert compared == {
        "compare": {"changes": [{"path": "items[fasta].label"}, {"path": "items[fasta].text"}]},
        "verify": {"intact": True, "versions": 2},
    }


def test_the_schema_contains_the_types_of_an_added_kind(added: KindSchema) -> None:
    built = build_schema(schema_of([*KIND_SCHEMAS, added]).as_str())

    assert built.query_type is not None
    assert str(built.query_type.fields["checklist"].type) == "Checklist"
    assert str(built.query_type.fields["checklists"].type) == "ChecklistConnection!"
    assert (
        str(built.type_map["ChecklistContentInput"].fields["items"].type) == "[ChecklistItemInput!]"  # type: ignore[attr-defined]
    )
    assert str(built.type_map["ChecklistContentPatch"].fields["name"].type) == "String"  # type: ignore[attr-defined]
    assert {name for name in built.type_map if name.startswith("Checklist")} == {
        *(
            "Checklist",
            "ChecklistConnection",
            "ChecklistContent",
            "ChecklistContentInput",
            "ChecklistContentPatch",
            "ChecklistCreateInput",
        ),
        *(
            "ChecklistEdge",
            "ChecklistItem",
            "ChecklistItemInput",
            "ChecklistPayload",
            "ChecklistUpdateInput",
            "ChecklistVersion",
        ),
        *("ChecklistVersionConnection", "ChecklistVersionEdge"),
    }


def test_an_output_type_that_differs_from_its_model_is_refused() -> None:
    @strawberry.type(description="Too little.")
    class TooLittle:
        name: str = strawberry.field(description=NAME)
        internal_name: str = strawberry.field(description=INTERNAL_NAME)

    with pytest.raises(TypeError, match="TooLittle and ChecklistContent differ in \\['items'\\]"):
        content_types_of(CHECKLIST, TooLittle)
