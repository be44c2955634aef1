"""Fixtures of the tests over the API."""

from typing import Any

import pytest

from tests.api.derived_documents import publish_template_version
from tests.api.template_files import export_file
from tests.world import World


@pytest.fixture
async def template_file(world: World) -> dict[str, Any]:
    """The national template's file: version 1 replaced, version 2 published, version 3 a draft."""
    await publish_template_version(world.national, world.template, 1, introduction="Två.")
    await world.national.done(
        "caseTypeTemplateUpdate",
        "event { id }",
        id=world.template,
        expectedVersion=2,
        content={"introduction": "Tre."},
        note="Prövar",
    )
    exported: dict[str, Any] = (await export_file(world.national, world.template))["json"]
    return exported
