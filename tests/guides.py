"""Runs the operations of a guide in `docs/guides`, with real ids for its placeholders."""

import json
import re
from pathlib import Path
from typing import Any

from graphql import OperationDefinitionNode, parse

from tests.callers import Caller

GUIDES = Path(__file__).parent.parent / "docs" / "guides"


def steps(page: str) -> list[tuple[str, str, str]]:
    """The operations of a guide: name, text and variables, with the placeholders of the page."""
    text = (GUIDES / page).read_text(encoding="utf-8")
    found = re.findall(r"(?ms)^```graphql\n(.*?)^```\n```json\n(.*?)^```", text)
    assert len(found) == text.count("```graphql\n") == text.count("```json\n"), (
        "every operation must be followed by its variables"
    )
    return [(name(operation), operation, variables) for operation, variables in found]


def name(operation: str) -> str:
    """The name of an operation."""
    [definition] = parse(operation).definitions
    assert isinstance(definition, OperationDefinitionNode)
    assert definition.name is not None
    return definition.name.value


async def run(
    caller: Caller, operation: str, variables: str, ids: dict[str, str]
) -> dict[str, Any]:
    """Run an operation with real ids for its placeholders. It must not be refused.

    Returns its data.
    """
    for placeholder, value in ids.items():
        variables = variables.replace(f'"{placeholder}"', json.dumps(value))
    data = await caller.ask(operation, **json.loads(variables))
    if operation.startswith("mutation"):
        [payload] = data.values()
        assert payload["errors"] == [], (operation, payload["errors"])
    return data


def nodes(connection: dict[str, Any]) -> list[dict[str, Any]]:
    """The nodes of a connection."""
    return [edge["node"] for edge in connection["edges"]]
