"""Blame: the version and the document that each value comes from."""

from functools import partial

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from resolvers.kinds.case_types import CASE_TYPE, CASE_TYPE_TEMPLATE
from resolvers.kinds.registrations import KINDS
from store.content.field_paths import field_values
from store.kinds.kinds import Kind, Kinds
from store.mongo.connection import Database
from store.records import (
    Content,
)
from store.registry import Store
from tests.storage.building import (
    BJORKEN,
    BY_ANNA,
    BY_BO,
    STOCKHOLM,
    head_of,
    with_clinics,
)
from tests.storage.value_origins import (
    BY_LARS,
    BY_NILS,
    INERA,
    adopt,
    content,
    create,
    edit_document,
    origin_of,
    origins_of,
    version_of,
)


async def test_each_value_belongs_to_the_version_that_last_changed_it(store: Store) -> None:
    question = {"key": "a", "label": "Fråga", "kind": "DATE"}
    document = await create(store, CASE_TYPE, STOCKHOLM, act=BY_ANNA)
    await edit_document(store, document, questions=[question], act=BY_BO)
    await edit_document(store, document, introduction="Två")
    await edit_document(
        store,
        document,
        questions=[question | {"label": "Ny fråga"}, {"key": "b", "label": "B", "kind": "NUMBER"}],
    )
    await edit_document(
        store,
        document,
        questions=[{"key": "b", "label": "B", "kind": "NUMBER"}, question | {"label": "Ny fråga"}],
    )

    found = await origins_of(store, document)

    assert {path: origin.version for path, origin in found.items() if origin.version > 1} == {
        "introduction": 3,
        **dict.fromkeys(
            [f"questions[a]{part}" for part in ("", ".help", ".kind", ".required", ".shownIf")], 2
        ),
        "questions[a].label": 4,
        **dict.fromkeys(
            [
                f"questions[b]{part}"
                for part in ("", ".label", ".help", ".kind", ".required", ".shownIf")
            ],
            4,
        ),
    }
    assert {origin.document for origin in found.values()} == {document.id}
    assert found["questions[a].label"].label == "Frågor › ”Ny fråga” › Etikett"
    assert list(found) == list(
        field_values((await head_of(store, document)).content, CASE_TYPE.fields)
    )
    signed = await store.blame.authorships([(document.id, 2)])
    assert signed[document.id, 2].author == BY_BO.actor


async def test_an_adopted_value_belongs_to_the_topmost_template_that_has_it(
    store: Store,
) -> None:
    await with_clinics(store, BJORKEN)
    national = await create(store, CASE_TYPE_TEMPLATE, INERA, act=BY_NILS)
    await edit_document(store, national, introduction="Nationell", act=BY_NILS)
    regional = await create(
        store, CASE_TYPE_TEMPLATE, STOCKHOLM, await version_of(store, national), act=BY_ANNA
    )
    await edit_document(store, regional, rationale="Regional")
    local = await create(
        store,
        CASE_TYPE,
        BJORKEN,
        regional_two := await version_of(store, regional),
        act=BY_LARS,
        initial={**regional_two.content, "name": "Lokal"},
    )

    found = await origins_of(store, local)

    assert origin_of(found["introduction"]) == (1, national.id, 2)
    assert origin_of(found["language"]) == (1, national.id, 1)
    assert origin_of(found["rationale"]) == (1, regional.id, 2)
    assert origin_of(found["name"]) == (1, local.id, 1)


async def test_a_value_that_both_set_independently_belongs_to_the_document(store: Store) -> None:
    national = await create(store, CASE_TYPE_TEMPLATE, INERA, act=BY_NILS)
    document = await create(
        store, CASE_TYPE, STOCKHOLM, await version_of(store, national), act=BY_ANNA
    )
    await edit_document(store, national, introduction="Samma", rationale="Ny", act=BY_NILS)
    await edit_document(store, document, introduction="Samma")
    await adopt(store, document, await version_of(store, national))

    found = await origins_of(store, document)

    assert origin_of(found["introduction"]) == (2, document.id, 2)
    assert origin_of(found["rationale"]) == (3, national.id, 2)


async def test_a_restored_value_of_a_template_belongs_to_the_template_again(store: Store) -> None:
    national = await create(store, CASE_TYPE_TEMPLATE, INERA, act=BY_NILS)
    document = await create(
        store,
        CASE_TYPE,
        STOCKHOLM,
        await version_of(store, national),
        act=BY_ANNA,
        initial=content("Ett", name="Egen"),
    )
    await edit_document(store, document, introduction="Två", name="Annat")
    await store.documents.restore(
        await head_of(store, document), version=1, expected_version=2, publish=False, act=BY_BO
    )

    found = await origins_of(store, document)

    assert origin_of(found["introduction"]) == (3, national.id, 1)
    assert origin_of(found["name"]) == (3, document.id, 3)


async def test_an_earlier_version_shows_the_origins_at_that_version(store: Store) -> None:
    document = await create(store, CASE_TYPE, STOCKHOLM, act=BY_ANNA)
    for introduction in ("Två", "Tre", "Två"):
        await edit_document(store, document, introduction=introduction)

    assert [
        (await origins_of(store, document, number))["introduction"].version
        for number in (1, 2, 3, 4)
    ] == [1, 2, 3, 4]


class _Old(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel)
    name: str
    internal_name: str
    help: str


class _New(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel)
    name: str
    internal_name: str
    hint: str


def _replace_with(content: Content, _: Content) -> Content:
    return content


async def test_a_value_is_followed_through_an_older_content_model(
    database: Database, store: Store
) -> None:
    old = Kind(name="TOY", prefix="toy", model=_Old)
    new = Kind(
        name="TOY",
        prefix="toy",
        model=_New,
        schema_version=2,
        upcasters={
            1: (
                lambda content: (
                    {name: value for name, value in content.items() if name != "help"}
                    | {"hint": content["help"]}
                )
            )
        },
    )
    before = Store(database, Kinds([*KINDS, old]))
    start = {"name": "Namn", "internalName": "Namn", "help": "Ett"}
    document = await create(before, old, STOCKHOLM, act=BY_ANNA, initial=start)
    for number, changed in enumerate(({"help": "Två"}, {"name": "Annat"}), 1):
        newest: Content = {**(await head_of(before, document)).content, **changed}
        edit = partial(_replace_with, newest)
        await before.documents.update(
            document, edit=edit, expected_version=number, publish=False, act=BY_ANNA
        )
    after = Store(database, Kinds([*KINDS, new]))

    unchanged = {
        path: origin.version for path, origin in (await origins_of(after, document)).items()
    }
    await after.documents.update(
        document,
        edit=lambda content: {**content, "internalName": "Nytt"},
        expected_version=3,
        publish=False,
        act=BY_ANNA,
    )
    mixed = {path: origin.version for path, origin in (await origins_of(after, document)).items()}

    assert unchanged == {"name": 3, "internalName": 1, "hint": 2}
    assert mixed == {"name": 3, "internalName": 4, "hint": 2}
    await before.log.close()
    await after.log.close()
