"""Where each value comes from: whatever is edited, restored and taken over, blame says what reading
every version says.
"""

from functools import partial
from random import Random
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from resolvers.kinds.case_types import CASE_TYPE, CASE_TYPE_TEMPLATE
from resolvers.kinds.registrations import KINDS
from resolvers.kinds.validation import validate
from store.content.field_paths import field_values
from store.content.json_values import json_equal
from store.content.merge import MergeSide, merge
from store.documents.blame import ValueOrigin
from store.kinds.kinds import Kind, Kinds
from store.mongo.connection import Database
from store.records import (
    Act,
    Actor,
    Content,
    Derivation,
    Document,
    Owner,
    OwnerKind,
    Role,
    Saved,
    Version,
)
from store.registry import Store
from tests.storage.building import (
    BJORKEN,
    BY_ANNA,
    BY_BO,
    STOCKHOLM,
    document_of,
    head_of,
    with_clinics,
)

INERA = "SE5565594230"
BY_NILS = Act(Actor(Role.NATIONAL_ADMINISTRATOR, INERA, "SE5565594230-NN"))
BY_LARS = Act(Actor(Role.LOCAL_ADMINISTRATOR, BJORKEN, f"{STOCKHOLM}-LL"))


def content(introduction: str = "Ett", **other: Any) -> Content:
    return validate(
        CASE_TYPE,
        {"name": "Förnya recept", "internalName": "FR", "introduction": introduction, **other},
    )


async def made(
    store: Store,
    kind: Kind,
    owner: str,
    source: Version | None = None,
    *,
    act: Act,
    given: Content | None = None,
) -> Document:
    """A document of a principal or of a clinic in Stockholm, made from a template version or not."""
    clinic = owner == BJORKEN
    saved = await store.documents.create(
        kind,
        principal=STOCKHOLM if clinic else owner,
        owner=Owner(OwnerKind.CLINIC if clinic else OwnerKind.PRINCIPAL, owner),
        content=given or (source.content if source else content()),
        derived_from=Derivation(source.document, source.number) if source else None,
        act=act,
    )
    return document_of(saved)


async def edited(store: Store, document: Document, *, act: Act = BY_ANNA, **patch: Any) -> Document:
    head = await head_of(store, document)

    def edit(newest: Content) -> Content:
        return validate(CASE_TYPE, {**newest, **patch})

    return document_of(
        await store.documents.update(
            head, edit=edit, expected_version=head.latest, publish=False, act=act
        )
    )


async def adopted(
    store: Store,
    document: Document,
    theirs: Version,
    side: MergeSide = MergeSide.OURS,
    *,
    act: Act = BY_ANNA,
) -> Saved:
    """A template version taken over, with every conflict decided for one side."""
    head = await head_of(store, document)

    def merged(base: Version, head: Document) -> Content:
        conflicts = merge(base.content, head.content, theirs.content, CASE_TYPE.fields).conflicts
        return merge(
            base.content,
            head.content,
            theirs.content,
            CASE_TYPE.fields,
            {conflict.path: side for conflict in conflicts},
        ).content

    return await store.template_adoptions.adopt(
        head, theirs=theirs, merge=merged, expected_version=head.latest, act=act
    )


async def version_of(store: Store, document: Document, number: int | None = None) -> Version:
    head = await head_of(store, document)
    key = (document.id, number or head.latest)
    return (await store.documents.get_versions([key]))[key]


async def blamed(
    store: Store, document: Document, number: int | None = None
) -> dict[str, ValueOrigin]:
    [origins] = (
        await store.blame.of([(document.id, number or (await head_of(store, document)).latest)])
    ).values()
    return {origin.path: origin for origin in origins}


def written(origin: ValueOrigin) -> tuple[int, str, int]:
    return origin.since, origin.document, origin.version


# ------------------------------------------------------------------ one by one


async def test_each_value_is_of_the_version_that_last_changed_it(store: Store) -> None:
    question = {"key": "a", "label": "Fråga", "kind": "DATE"}
    document = await made(store, CASE_TYPE, STOCKHOLM, act=BY_ANNA)
    await edited(store, document, questions=[question], act=BY_BO)
    await edited(store, document, introduction="Två")
    await edited(
        store,
        document,
        questions=[question | {"label": "Ny fråga"}, {"key": "b", "label": "B", "kind": "NUMBER"}],
    )
    await edited(
        store,
        document,
        questions=[{"key": "b", "label": "B", "kind": "NUMBER"}, question | {"label": "Ny fråga"}],
    )

    found = await blamed(store, document)

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


async def test_a_value_that_was_taken_over_unchanged_is_the_templates_up_to_the_top(
    store: Store,
) -> None:
    await with_clinics(store, BJORKEN)
    national = await made(store, CASE_TYPE_TEMPLATE, INERA, act=BY_NILS)
    await edited(store, national, introduction="Nationell", act=BY_NILS)
    regional = await made(
        store, CASE_TYPE_TEMPLATE, STOCKHOLM, await version_of(store, national), act=BY_ANNA
    )
    await edited(store, regional, rationale="Regional")
    local = await made(
        store,
        CASE_TYPE,
        BJORKEN,
        regional_two := await version_of(store, regional),
        act=BY_LARS,
        given={**regional_two.content, "name": "Lokal"},
    )

    found = await blamed(store, local)

    assert written(found["introduction"]) == (1, national.id, 2)
    assert written(found["language"]) == (1, national.id, 1)
    assert written(found["rationale"]) == (1, regional.id, 2)
    assert written(found["name"]) == (1, local.id, 1)


async def test_a_value_that_both_came_to_have_apart_is_the_documents_own(store: Store) -> None:
    national = await made(store, CASE_TYPE_TEMPLATE, INERA, act=BY_NILS)
    document = await made(
        store, CASE_TYPE, STOCKHOLM, await version_of(store, national), act=BY_ANNA
    )
    await edited(store, national, introduction="Samma", rationale="Ny", act=BY_NILS)
    await edited(store, document, introduction="Samma")
    await adopted(store, document, await version_of(store, national))

    found = await blamed(store, document)

    assert written(found["introduction"]) == (2, document.id, 2)
    assert written(found["rationale"]) == (3, national.id, 2)


async def test_a_restore_gives_a_templates_value_back_to_the_template(store: Store) -> None:
    national = await made(store, CASE_TYPE_TEMPLATE, INERA, act=BY_NILS)
    document = await made(
        store,
        CASE_TYPE,
        STOCKHOLM,
        await version_of(store, national),
        act=BY_ANNA,
        given=content("Ett", name="Egen"),
    )
    await edited(store, document, introduction="Två", name="Annat")
    await store.documents.restore(
        await head_of(store, document), version=1, expected_version=2, publish=False, act=BY_BO
    )

    found = await blamed(store, document)

    assert written(found["introduction"]) == (3, national.id, 1)
    assert written(found["name"]) == (3, document.id, 3)


async def test_an_earlier_version_is_asked_about_as_it_was(store: Store) -> None:
    document = await made(store, CASE_TYPE, STOCKHOLM, act=BY_ANNA)
    for introduction in ("Två", "Tre", "Två"):
        await edited(store, document, introduction=introduction)

    assert [
        (await blamed(store, document, number))["introduction"].version for number in (1, 2, 3, 4)
    ] == [1, 2, 3, 4]


# ------------------------------------------------------------------ against a model


class Model:
    """All versions, in memory; every answer is found by reading them back one by one."""

    def __init__(self, versions: list[Version]) -> None:
        self.versions = {(version.document, version.number): version for version in versions}
        self.values = {
            key: {
                path: leaf.value
                for path, leaf in field_values(version.content, CASE_TYPE.fields).items()
            }
            for key, version in self.versions.items()
        }

    def since(self, document: str, number: int, path: str) -> int:
        value = self.values[document, number][path]
        while number > 1 and json_equal(self.values[document, number - 1].get(path, ...), value):
            number -= 1
        return number

    def written(self, document: str, number: int, path: str) -> tuple[str, int]:
        value = self.values[document, number][path]
        number = self.since(document, number, path)
        version = self.versions[document, number]
        derived = version.derived_from
        brought = (
            number == 1
            or version.restored_from is not None
            or self.versions[document, number - 1].derived_from != derived
        )
        if (
            derived
            and brought
            and json_equal(self.values[derived.template, derived.version].get(path, ...), value)
        ):
            return self.written(derived.template, derived.version, path)
        return document, number


def patch(chance: Random) -> dict[str, Any]:
    """A change of one field, from few values, so that the same come back."""
    field = chance.choice(
        ["introduction", "questions", "questions", "responseTime", "restrictions", "links"]
    )
    options = [
        {"key": key, "label": chance.choice("xy")}
        for key in chance.sample("jn", chance.randint(1, 2))
    ]
    questions = [
        {"key": key, "label": chance.choice("xy"), "kind": "SINGLE_CHOICE", "options": options}
        for key in chance.sample("abc", chance.randint(0, 3))
    ]
    return {
        field: {
            "introduction": chance.choice(["Ett", "Två"]),
            "questions": questions,
            "responseTime": chance.choice(
                [None, {"amount": 3, "unit": "HOURS"}, {"amount": 5, "unit": "HOURS"}]
            ),
            "restrictions": {
                "ageFrom": chance.choice([None, 18]),
                "countyCodes": chance.choice([[], ["01"]]),
            },
            "links": [
                {"key": key, "label": key, "url": "https://www.1177.se"}
                for key in chance.sample("lm", chance.randint(0, 2))
            ],
        }[field]
    }


async def lived(store: Store, chance: Random, acts: int) -> list[Document]:
    """Templates on three levels and a case type, after so many acts on them."""
    await with_clinics(store, BJORKEN)
    documents = [await made(store, CASE_TYPE_TEMPLATE, INERA, act=BY_NILS)]
    for kind, owner in (
        (CASE_TYPE_TEMPLATE, STOCKHOLM),
        (CASE_TYPE_TEMPLATE, BJORKEN),
        (CASE_TYPE, BJORKEN),
    ):
        documents.append(
            await made(store, kind, owner, await version_of(store, documents[-1]), act=BY_ANNA)
        )
    for _ in range(acts):
        level = chance.randrange(len(documents))
        document = await head_of(store, documents[level])
        match chance.choice(["edit", "edit", "restore", "adopt", "adopt"]):
            case "edit":
                await edited(store, document, **patch(chance))
            case "restore":
                number = chance.randint(1, document.latest)
                await store.documents.restore(
                    document,
                    version=number,
                    expected_version=document.latest,
                    publish=False,
                    act=BY_BO,
                )
            case _ if level:
                theirs = await version_of(store, documents[level - 1])
                if document.derived_from and document.derived_from.version < theirs.number:
                    await adopted(store, document, theirs, chance.choice(list(MergeSide)))
    return [await head_of(store, document) for document in documents]


async def compared(store: Store, documents: list[Document]) -> None:
    keys = [
        (document.id, number) for document in documents for number in range(1, document.latest + 1)
    ]
    versions = await store.documents.get_versions(keys)
    model = Model(list(versions.values()))
    blamed = await store.blame.of(keys)  # all at once; each for itself in the tests above
    for key in keys:
        found = {origin.path: written(origin) for origin in blamed[key]}
        assert found == {
            path: (model.since(*key, path), *model.written(*key, path))
            for path in model.values[key]
        }, key


@pytest.mark.parametrize("seed", range(5))
async def test_blame_is_what_reading_every_version_says(store: Store, seed: int) -> None:
    documents = await lived(store, Random(seed), 50)  # noqa: S311 - keeps no secret

    assert sum(document.latest for document in documents) > 15
    await compared(store, documents)


@pytest.mark.parametrize("seed", range(5, 8))
async def test_versions_that_do_not_name_what_they_changed_are_read(
    store: Store, database: Database, seed: int
) -> None:
    chance = Random(seed)  # noqa: S311 - keeps no secret
    documents = await lived(store, chance, 40)
    for document in documents:
        old = {"document": document.id, "number": {"$lte": chance.randint(0, document.latest)}}
        await database["versions"].update_many(old, {"$unset": {"changed": 1}})

    await compared(store, documents)


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


def _to(wanted: Content, _: Content) -> Content:
    return wanted


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
    document = await made(before, old, STOCKHOLM, act=BY_ANNA, given=start)
    for number, changed in enumerate(({"help": "Två"}, {"name": "Annat"}), 1):
        newest: Content = {**(await head_of(before, document)).content, **changed}
        edit = partial(_to, newest)
        await before.documents.update(
            document, edit=edit, expected_version=number, publish=False, act=BY_ANNA
        )
    after = Store(database, Kinds([*KINDS, new]))

    old_ones = {path: origin.version for path, origin in (await blamed(after, document)).items()}
    await after.documents.update(
        document,
        edit=lambda content: {**content, "internalName": "Nytt"},
        expected_version=3,
        publish=False,
        act=BY_ANNA,
    )
    mixed = {path: origin.version for path, origin in (await blamed(after, document)).items()}

    assert old_ones == {"name": 3, "internalName": 1, "hint": 2}
    assert mixed == {"name": 3, "internalName": 4, "hint": 2}
    await before.log.close()
    await after.log.close()
