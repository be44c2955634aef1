"""Blame agrees with reading every version, for random edits, restores and adoptions."""

from random import Random
from typing import Any

import pytest

from resolvers.kinds.case_types import CASE_TYPE, CASE_TYPE_TEMPLATE
from store.content.field_paths import field_values
from store.content.json_values import json_equal
from store.content.merge import MergeSide
from store.mongo.connection import Database
from store.records import (
    Document,
    Version,
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
    BY_NILS,
    INERA,
    adopt,
    create,
    edit_document,
    origin_of,
    version_of,
)


class Model:
    """All versions in memory; every answer is found by reading them backwards one by one."""

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

    def origin_of(self, document: str, number: int, path: str) -> tuple[str, int]:
        value = self.values[document, number][path]
        number = self.since(document, number, path)
        version = self.versions[document, number]
        derived = version.derived_from
        from_template = (
            number == 1
            or version.restored_from is not None
            or self.versions[document, number - 1].derived_from != derived
        )
        if (
            derived
            and from_template
            and json_equal(self.values[derived.template, derived.version].get(path, ...), value)
        ):
            return self.origin_of(derived.template, derived.version, path)
        return document, number


def patch(chance: Random) -> dict[str, Any]:
    """A change of one field, from few values, so that values recur."""
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


async def act_at_random(store: Store, chance: Random, acts: int) -> list[Document]:
    """Create templates on three levels and a case type, and act on them at random."""
    await with_clinics(store, BJORKEN)
    documents = [await create(store, CASE_TYPE_TEMPLATE, INERA, act=BY_NILS)]
    for kind, owner in (
        (CASE_TYPE_TEMPLATE, STOCKHOLM),
        (CASE_TYPE_TEMPLATE, BJORKEN),
        (CASE_TYPE, BJORKEN),
    ):
        documents.append(
            await create(store, kind, owner, await version_of(store, documents[-1]), act=BY_ANNA)
        )
    for _ in range(acts):
        level = chance.randrange(len(documents))
        document = await head_of(store, documents[level])
        match chance.choice(["edit", "edit", "restore", "adopt", "adopt"]):
            case "edit":
                await edit_document(store, document, **patch(chance))
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
                    await adopt(store, document, theirs, chance.choice(list(MergeSide)))
    return [await head_of(store, document) for document in documents]


async def assert_matches_model(store: Store, documents: list[Document]) -> None:
    keys = [
        (document.id, number) for document in documents for number in range(1, document.latest + 1)
    ]
    versions = await store.documents.get_versions(keys)
    model = Model(list(versions.values()))
    origins_of = await store.blame.of(keys)  # all in one call
    for key in keys:
        found = {origin.path: origin_of(origin) for origin in origins_of[key]}
        assert found == {
            path: (model.since(*key, path), *model.origin_of(*key, path))
            for path in model.values[key]
        }, key


@pytest.mark.parametrize("seed", range(5))
async def test_blame_agrees_with_reading_every_version(store: Store, seed: int) -> None:
    documents = await act_at_random(store, Random(seed), 50)  # noqa: S311 - keeps no secret

    assert sum(document.latest for document in documents) > 15
    await assert_matches_model(store, documents)


@pytest.mark.parametrize("seed", range(5, 8))
async def test_versions_that_do_not_list_their_changes_are_compared(
    store: Store, database: Database, seed: int
) -> None:
    chance = Random(seed)  # noqa: S311 - keeps no secret
    documents = await act_at_random(store, chance, 40)
    for document in documents:
        old = {"document": document.id, "number": {"$lte": chance.randint(0, document.latest)}}
        await database["versions"].update_many(old, {"$unset": {"changed": 1}})

    await assert_matches_model(store, documents)
