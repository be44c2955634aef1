"""A changed content model raises its schema version.

Content stored under an earlier version is upcast to the current model, and its hashes verify.
"""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import pytest
from pydantic import Field, create_model

from resolvers.kinds.checks import checked_by, max_length
from resolvers.kinds.content_model import ContentModel
from resolvers.kinds.registrations import KINDS
from resolvers.kinds.texts import Label
from resolvers.kinds.validation import validate
from store.content.hashing import ChainCheck, Verification
from store.kinds.kinds import Kind
from tests.stored_versions import FOLDER, content_types_of, path_of, read

FILES = sorted(FOLDER.glob("*.json"))
NAMES = [path.stem for path in FILES]


@pytest.mark.parametrize("kind", list(KINDS), ids=lambda kind: kind.name)
def test_a_model_that_changes_raises_its_schema_version(kind: Kind) -> None:
    path = path_of(kind, kind.schema_version)
    assert path.exists(), (
        f"{kind.name} has a new schema version. Run: .venv/bin/python -m tests.stored_versions"
    )

    _, content_types, _ = read(path)

    assert content_types_of(kind.model) == content_types, (
        f"The content of {kind.name} has changed: raise its schema_version, and add an upcaster"
        " to it."
    )


def test_a_sample_of_every_schema_version_is_kept() -> None:
    assert (
        sorted(
            f"{kind.name}.{number}"
            for kind in KINDS
            for number in range(1, kind.schema_version + 1)
        )
        == NAMES
    )


@pytest.mark.parametrize("path", FILES, ids=NAMES)
def test_stored_versions_verify(path: Path) -> None:
    _, _, versions = read(path)
    check, broken = ChainCheck(), ChainCheck()

    for version in versions:
        check.add(version.number, version)
        broken.add(
            version.number, replace(version, note="Annat") if version.number == 2 else version
        )

    assert check.result(latest=2, head_hash=versions[-1].hash) == Verification(
        intact=True, versions=2, first_broken_version=None
    )
    assert broken.result(latest=2, head_hash=versions[-1].hash).first_broken_version == 2


@pytest.mark.parametrize("path", FILES, ids=NAMES)
def test_stored_versions_are_upcast_to_the_current_model(path: Path) -> None:
    kind, _, versions = read(path)

    for version in versions:
        content = kind.upcast(version.content, version.schema_version)
        assert validate(kind, content) == content


def test_content_types_contain_names_and_types_only() -> None:
    class Before(ContentModel):
        label: Label = Field(title="Etikett")
        size: int | None = Field(default=None, title="Storlek")

    class After(ContentModel):
        label: Annotated[str, checked_by(max_length(3))] = Field(default="", title="Namn")
        size: int | None = Field(default=1, title="Storlek")

    assert (
        content_types_of(Before)
        == content_types_of(After)
        == {"label": "str", "size": {"any of": ["int", "null"]}}
    )
    assert content_types_of(create_model("More", __base__=Before, more=(list[After], ...))) == {
        **content_types_of(Before),
        "more": {"list": [content_types_of(After)]},
    }
